# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the checkout importable as ansible_collections.usegalaxy_eu.celery, for Python and for Ansible's templates.

And the fixtures of the tests that need a real broker.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

ROOT = Path(__file__).resolve().parents[2]
# Kept in a name, so that the directory lives as long as the test run.
_TREE = tempfile.TemporaryDirectory(prefix="collections-")
_NAMESPACE = Path(_TREE.name, "ansible_collections", "usegalaxy_eu")
_NAMESPACE.mkdir(parents=True)
(_NAMESPACE / "celery").symlink_to(ROOT, target_is_directory=True)
_AnsibleCollectionFinder(paths=[_TREE.name])._install()

WORKER = """
import os, time
from celery import Celery
app = Celery("probe", broker=os.environ["PROBE_BROKER"], backend=os.environ["PROBE_BACKEND"])

@app.task(name="probe.add")
def add(a, b):
    return a + b

@app.task(name="probe.fail")
def fail():
    raise ValueError("the database is away")

@app.task(name="probe.sleep")
def sleep(seconds):
    time.sleep(seconds)

@app.task(name="probe.ignored", ignore_result=True)
def ignored():
    return 1
"""


@pytest.fixture(scope="session")
def collection_tree():
    """The folder that shows the checkout by its full name, for the PYTHONPATH of another process."""
    return _TREE.name


@pytest.fixture(scope="session")
def broker_url():
    """The URL of a RabbitMQ whose vhost the tests may use."""
    url = os.environ.get("TESTBED_AMQP_URL")
    if not url:
        pytest.skip("TESTBED_AMQP_URL names no RabbitMQ for the test to use")
    return url


@pytest.fixture(scope="session")
def workers(broker_url, tmp_path_factory):
    """Three real workers with thread pools: the first sends events, the third serves one queue. Returns the backend."""
    folder = tmp_path_factory.mktemp("workers")
    (folder / "probe_worker.py").write_text(WORKER, encoding="utf-8")
    (folder / "results").mkdir()
    backend = f"file://{folder / 'results'}"
    environment = {**os.environ, "PROBE_BROKER": broker_url, "PROBE_BACKEND": backend, "PYTHONPATH": str(folder)}
    running = []
    for number, queues, events in ((1, "probe.a,probe.b", True), (2, "probe.a,probe.b", False), (3, "probe.b", False)):
        command = [sys.executable, "-m", "celery", "-A", "probe_worker", "worker", "-P", "threads", "-c", "2"]
        command += ["-n", f"worker-{number}@test-{number}", "-Q", queues, "--without-mingle", "--without-gossip"]
        log = Path(folder, f"worker-{number}.log")
        with log.open("w", encoding="utf-8") as output:
            command += ["-l", "INFO", *(["-E"] if events else [])]
            running.append(subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output))
    deadline = time.monotonic() + 60
    logs = [Path(folder, f"worker-{number}.log") for number in (1, 2, 3)]
    while not all(" ready." in log.read_text(encoding="utf-8") for log in logs):
        assert time.monotonic() < deadline, "\n".join(log.read_text(encoding="utf-8") for log in logs)
        time.sleep(0.2)
    yield backend
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
