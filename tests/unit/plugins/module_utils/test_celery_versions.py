# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the units run, and the module that proves them, with Celery of each series that a supported Galaxy may have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from tools import celery_versions

pytestmark = pytest.mark.broker
SERIES = sorted(celery_versions.pins())
# Celery 5.7 stores a result as JSON where those before it pickle, and reads both.
READERS = {"5.7": ["5.3", "5.6"]}
CODE = "ansible_collections.usegalaxy_eu.celery.plugins"

APP = """
import os
from concurrent.futures import ThreadPoolExecutor
from celery import Celery
app = Celery("probe", broker=os.environ["PROBE_BROKER"], backend=os.environ["PROBE_BACKEND"])

@app.task(name="probe.add")
def add(a, b):
    return a + b

@app.task(name="probe.fail")
def fail():
    raise ValueError("the database is away")

def backend():
    kept = app.backend
    return [type(kept).__name__, id(kept), id(kept.ResultSession().get_bind())]

@app.task(name="probe.backends")
def backends():
    with ThreadPoolExecutor(1) as other:
        return [backend(), other.submit(backend).result()]
"""
UNIT = f"import sys; from {CODE}.module_utils._celery_unit import main; sys.exit(main())"
CLIENT = f"""
import json, sys
from ansible.module_utils.testing import patch_module_args
from {CODE}.modules import celery_task
for arguments in json.load(sys.stdin):
    with patch_module_args(arguments):
        try:
            celery_task.main()
        except SystemExit:
            print()
"""


class Site:
    """A folder with an application, its results and a galaxy.yml, and processes of one series or another there."""

    def __init__(self, folder: Path, broker: str, tree: str):
        self.folder, self.broker, self.tree, self.running = folder, broker, tree, []
        self.series = json.loads(os.environ["TESTBED_CELERY_SERIES"])
        self.backend = f"db+sqlite:///{folder}/results.sqlite"
        (folder / "probe_app.py").write_text(APP, encoding="utf-8")
        settings = {"amqp_internal_connection": broker, "celery_conf": {"result_backend": self.backend}}
        (folder / "galaxy.yml").write_text(yaml.safe_dump({"galaxy": settings}), encoding="utf-8")

    def environment(self, series: str, **more: str) -> dict[str, str]:
        """What a process of a series gets."""
        path = os.pathsep.join([self.series[series], self.tree, str(self.folder)])
        own = {"PYTHONPATH": path, "GALAXY_CONFIG_FILE": str(self.folder / "galaxy.yml")}
        return {**os.environ, **own, "PROBE_BROKER": self.broker, "PROBE_BACKEND": self.backend, **more}

    def worker(self, series: str) -> tuple[subprocess.Popen, str]:
        """Start one as a unit does, and wait until it consumes. Returns the process, and its node's name."""
        node, queue = f"worker-{series}@versions", f"probe.{series}"
        command = [sys.executable, "-m", "celery", "-A", "probe_app", "worker", "--pool", "custom", "-c", "4"]
        command += ["--hostname", node, "--queues", queue, "--task-events", "--without-gossip", "--loglevel", "INFO"]
        environment = self.environment(series, CELERY_CUSTOM_WORKER_POOL=f"{CODE}.module_utils._celery_pool:TaskPool")
        with self.log(series).open("w", encoding="utf-8") as output:
            process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=output, stderr=output)
        self.running.append(process)
        ready = self.unit(series, process, "ready", "--node", node, "--queues", queue, "--seconds", "60")
        assert f"{node} consumes {queue}" in ready, self.log(series).read_text(encoding="utf-8")
        return process, node

    def log(self, series: str) -> Path:
        """What the worker of a series says."""
        return self.folder / f"worker-{series}.log"

    def unit(self, series: str, process: subprocess.Popen, *arguments: str) -> str:
        """Run what a unit runs beside its worker, and return what it says."""
        environment = self.environment(series, MAINPID=str(process.pid))
        command = [sys.executable, "-c", UNIT, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        return done.stdout + done.stderr

    def prove(self, series: str, node: str, queue: str, *tasks: dict) -> list[dict]:
        """Run the module celery_task with Celery of a series for each of the tasks, and return what it says."""
        common = {"broker_url": self.broker, "result_backend": self.backend, "timeout_seconds": 30}
        given = json.dumps([{**common, "nodes": [node], "queues": [queue], **task} for task in tasks])
        command = [sys.executable, "-c", CLIENT]
        environment = self.environment(series)
        done = subprocess.run(
            command, env=environment, input=given, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line]

    def end(self) -> None:
        """End what still runs."""
        for process in self.running:
            process.kill()
            process.wait(20)


@pytest.fixture(scope="module")
def site(broker_url, collection_tree, tmp_path_factory):
    """One for all tests of this file."""
    made = Site(tmp_path_factory.mktemp("versions"), broker_url, collection_tree)
    yield made
    made.end()


@pytest.mark.parametrize("series", SERIES)
def test_a_worker_starts_keeps_its_results_and_is_drained(site, series):
    process, node = site.worker(series)
    added, failed, looked = site.prove(
        series,
        node,
        f"probe.{series}",
        {"name": "probe.add", "args": [1, 2]},
        {"name": "probe.fail"},
        {"name": "probe.backends"},
    )
    assert not added.get("failed"), added
    assert {(task["state"], task["result"], task["node"]) for task in added["tasks"]} == {("SUCCESS", 3, node)}
    assert "the database is away" in failed["msg"]
    # Two threads have the one backend of ours, with its one engine.
    first, second = looked["tasks"][0]["result"]
    assert first == second
    assert first[0] == "KeptDatabaseBackend"

    # During an update workers of two versions store results, and one of them reads.
    for reader in READERS.get(series, ()):
        added, failed = site.prove(
            reader, node, f"probe.{series}", {"name": "probe.add", "args": [1, 2]}, {"name": "probe.fail"}
        )
        assert {(task["state"], task["node"]) for task in added["tasks"]} == {("SUCCESS", node)}, added
        assert f"{node} has stored cannot be read with Celery {reader}." in str(added["warnings"])
        assert "the database is away" in failed["msg"]

    # The child of this process must be waited for, else it is there until the end.
    waiting = threading.Thread(target=process.wait)
    waiting.start()
    assert f"{node} is drained" in site.unit(series, process, "drain", "--node", node)
    waiting.join(20)
    assert process.returncode == 0, site.log(series).read_text(encoding="utf-8")
