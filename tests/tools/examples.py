# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples in the documentation of the plugins, and which of them is executed where.

`python tests/tools/examples.py FOLDER` writes the examples of the scenario `default` as task files, one for each host.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

# tests/unit/house/test_examples.py runs these on this machine; what they name and do not say themselves stands there.
LOCAL = {
    "amqp_url", "check_inventory", "check_paths", "check_variables", "derived", "galaxy_config", "groups",
    "init_inventory", "plan", "rabbitmq_password_hash", "remove_files", "report", "result_backend_url",
    "source_addresses", "to_toml",
}  # fmt: skip

# The others need a broker, workers, a Galaxy, a database or systemd: molecule/default/verify.yml runs them in this
# order on a host of the demo. A host for one task alone stands behind the plugin, as `plugin: task`.
DEMO = {
    "broker_info": "galaxy",
    "celery_beat_info": "worker-1",
    "celery_info": "galaxy",
    "celery_task": "galaxy",
    "galaxy_site_info": "galaxy",
    "galaxy_upload": "galaxy",
    "galaxy_jobs": "galaxy",
    "celery_unit_info": "worker-1",
    "celery_drain": "galaxy",
    "galaxy_config_check": "galaxy",
    "galaxy_process_info": "galaxy",
    "galaxy_config_paths_info": "galaxy",
    "galaxy_release_listing": "galaxy",
    "galaxy_release_info": "worker-1",
    "galaxy_release_info: Fingerprint of the Galaxy on this host": "galaxy",
    "galaxy_release": "worker-1",
    "galaxy_database_info": "galaxy",
    "galaxy_database_info: Make sure that the database refuses this host": "mq",
    "files": "monitor",
    "traefik_check": "mq",
    "rabbitmq_upgrade": "mq",
    "rabbitmq_backup": "mq",
    "rabbitmq_definitions": "mq",
    "rabbitmq_restore": "mq",
}
# These ask Galaxy itself, where the inventory has it run.
NEEDS_GALAXY = {"galaxy_jobs", "galaxy_upload"}
# Where the demo calls a thing otherwise than the documentation does; all else is executed as it stands.
DEMO_NAMES = {
    "celery-1": "worker-1",
    "celery-2": "worker-2",
    "db.example.org": "db.galaxy.test",
    "galaxy.example.org": "galaxy",
    "mq.example.org": "mq.galaxy.test",
    "http://127.0.0.1:5555/metrics": "'http://{{ flower_address }}:5555/metrics'",
}


@dataclass(frozen=True)
class Example:
    """One task of a plugin's EXAMPLES, as it stands there."""

    plugin: str
    text: str

    @property
    def task(self) -> dict[str, Any]:
        """The task as data."""
        task: dict[str, Any]
        (task,) = yaml.safe_load(self.text)
        return task

    @property
    def action(self) -> tuple[str, dict[str, Any]]:
        """The full name of the module and its parameters."""
        ((name, parameters),) = [(key, value) for key, value in self.task.items() if "." in key]
        return name, parameters

    @property
    def comment(self) -> str:
        """What the comment states: the result, the message, the content of the file."""
        lines = [line.strip() for line in self.text.splitlines()]
        return textwrap.dedent("\n".join(line[1:] for line in lines if line.startswith("#")))

    @property
    def host(self) -> str:
        """The host of the demo on which it is executed."""
        return DEMO.get(f"{self.plugin}: {self.task['name']}", DEMO[self.plugin])


def read(path: Path) -> list[Example]:
    """The examples in one file of a plugin."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXAMPLES":
            text = ast.literal_eval(node.value)
            return [Example(path.stem, part) for part in re.split(r"^(?=- )", text, flags=re.MULTILINE) if part.strip()]
    return []


def plugins() -> dict[str, list[Example]]:
    """Every plugin with documentation, and its examples. An action is documented as the module of its name."""
    files = [path for kind in ("plugins/modules", "plugins/filter") for path in sorted((ROOT / kind).glob("*.py"))]
    return {path.stem: read(path) for path in files}


def write_for_demo(folder: Path) -> None:
    """Write <folder>/<host>.yml."""
    known = plugins()
    files: dict[str, list[str]] = {}
    for plugin in [name for name in DEMO if ":" not in name]:
        for example in known[plugin]:
            text = example.text
            for documented, real in DEMO_NAMES.items():
                text = text.replace(documented, real)
            if plugin in NEEDS_GALAXY:
                text = f"{text.rstrip()}\n  when: testbed_galaxy_runs\n\n"
            files.setdefault(example.host, []).append(text)
    folder.mkdir(parents=True, exist_ok=True)
    for host, parts in files.items():
        (folder / f"{host}.yml").write_text("---\n" + "".join(parts), encoding="utf-8")


if __name__ == "__main__":
    write_for_demo(Path(sys.argv[1]))
