# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the documentation into .cache/docs/html, every warning an error, and look for dead links.

The reference is generated from plugins and specifications; the pages are those of docs/. Links between pages, to files
of the repository and to headings are checked. Links to other sites are not: there need be no network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import links, roles, variable_tables

DOCS = roles.ROOT / ".cache" / "docs"
TREE = DOCS / "collections"
COLLECTION = TREE / "ansible_collections" / "usegalaxy_eu" / "celery"
SOURCE = DOCS / "source"
HTML = DOCS / "html"


def run(title: str, *command: str) -> None:
    """Run one command; end with its output when it fails."""
    print(f"== {title}", flush=True)
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(TREE), "NO_COLOR": "1"}
    done = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\nerror: {title} failed with {done.returncode}")


def documented(role: str) -> dict[str, Any]:
    """The role's specification with the defaults that are worked out at run time, which no type fits, as words."""
    specification: dict[str, Any] = roles.load(roles.ROLES / role / "meta" / "argument_specs.yml")
    values = roles.defaults(role)
    for name, option in (specification["argument_specs"].get("main", {}).get("options") or {}).items():
        if not roles.is_template(values.get(name)) or roles.is_undefined(values[name]):
            continue
        text = " ".join(values[name].split())
        escaped = text.replace("\\", "\\\\").replace(")", "\\)")
        short = len(text) <= variable_tables.LONGEST_DEFAULT
        shown = f"The default is V({escaped})." if short else "The default is worked out in C(defaults/main.yml)."
        described = option["description"]
        option["description"] = [*([described] if isinstance(described, str) else described), shown]
        option.pop("default", None)
    return specification


def lay_tree() -> None:
    """The collection as antsibull-docs is to see it, under its name."""
    COLLECTION.mkdir(parents=True)
    for name in ("CHANGELOG.md", "README.md", "changelogs", "docs", "galaxy.yml", "meta", "plugins"):
        (COLLECTION / name).symlink_to(roles.ROOT / name)
    for role in roles.names():
        path = COLLECTION / "roles" / role / "meta" / "argument_specs.yml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(documented(role), sort_keys=False), encoding="utf-8")


def main() -> None:
    """Begin with nothing, so that no page of a former run can pass for one of this."""
    shutil.rmtree(DOCS, ignore_errors=True)
    lay_tree()
    shutil.copytree(roles.ROOT / "docs", SOURCE)
    (SOURCE / "reference").mkdir()
    # Sphinx reads what rstcheck would, and every warning of its is an error.
    run("documentation of plugins and roles", "antsibull-docs", "lint-collection-docs", "--plugin-docs",
        "--skip-rstcheck", str(COLLECTION))  # fmt: skip
    run("reference", "antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error",
        "--dest-dir", str(SOURCE / "reference"), "usegalaxy_eu.celery")  # fmt: skip
    run("pages", "sphinx-build", "-W", "-n", "--keep-going", "-j", "auto", "-b", "html", str(SOURCE), str(HTML))
    print("== links", flush=True)
    faults = links.of_markdown(roles.ROOT) + links.of_site(HTML)
    if faults:
        sys.exit("\n".join(faults) + f"\nerror: {len(faults)} dead links, or things that a page loads from elsewhere")
    print(f"   {HTML / 'index.html'}")


if __name__ == "__main__":
    main()
