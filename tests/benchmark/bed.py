# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo's six containers under a name of their own, with as many more workers as a benchmark wants."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = os.environ.get("TESTBED_PROJECT", "galaxy-celery") + "-bench"
# What is removed before and after a run, whatever a run before it left.
MOST_WORKERS = 50
# One Galaxy for all, as on a shared file system: a volume that Docker fills from the image of Galaxy's host.
SHARED_GALAXY = {"galaxy_sync_method": "none", "testbed_volumes": [f"{PROJECT}-tree:/srv/galaxy"]}
# For the pools of fifty workers of the default class, which the preflight would refuse otherwise.
MAX_CONNECTIONS = "2500"


class Run:
    """What one playbook cost."""

    def __init__(self, began, timeline, memory):
        self.began = began
        self.tasks = timeline["tasks"]
        self.seconds = timeline["end"] - began
        self.memory_mb = memory / 1024

    def total(self, key):
        """The sum of a count over all tasks: results, changed."""
        return sum(task[key] for task in self.tasks)

    def modules(self, prefix=""):
        """How many modules ran for the hosts whose names begin so."""
        counts = [task["modules"] for task in self.tasks]
        return sum(number for count in counts for host, number in count.items() if host.startswith(prefix))

    def spans(self):
        """Each task with the seconds from Enter until it began and until the next one did."""
        times = [task["start"] - self.began for task in self.tasks] + [self.seconds]
        return list(zip(self.tasks, times, times[1:]))

    def begin(self, name):
        """When the first task of this name began, in seconds from Enter."""
        return next(begin for task, begin, _end in self.spans() if task["name"].endswith(name))

    def end(self, name):
        """When the first task of this name had ended, in seconds from Enter."""
        return next(end for task, _begin, end in self.spans() if task["name"].endswith(name))

    def by_role(self):
        """Seconds of the tasks, summed by role; those of the playbooks themselves have an empty name."""
        found = {"(start)": self.spans()[0][1]}
        for task, begin, end in self.spans():
            found[task["role"]] = found.get(task["role"], 0) + end - begin
        return found


class Measured:
    """Runs of playbooks on a bed, kept under their names."""

    def __init__(self, bed, rounds):
        self.bed, self.rounds = bed, rounds
        self.runs = {}

    def measure(self, name, playbook, *arguments, **environment):
        run = self.bed.play(playbook, *arguments, **environment)
        self.runs.setdefault(name, []).append(run)
        print(f"  {name}: {run.seconds:.1f} s, {len(run.tasks)} tasks, {run.total('changed')} changes", flush=True)
        return run

    def seconds(self, name):
        """The median of the runs of this name."""
        return statistics.median(run.seconds for run in self.runs[name])


class Bed:
    """Containers, and playbooks on them. Use it in a `with`: its end removes what was made."""

    def __init__(self, folder, shared_galaxy=False):
        self.folder, self.shared_galaxy = folder, shared_galaxy
        self.inventory = folder / "inventory"
        self.timeline = folder / "timeline.json"
        self.log = folder / "log"
        self.environment = {
            **os.environ,
            "TESTBED_PROJECT": PROJECT,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "timeline",
            "TIMELINE": str(self.timeline),
            "NO_COLOR": "1",
        }

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.remove()
        return self

    def __exit__(self, *_error):
        self.remove()

    def remove(self):
        """Remove containers, network, volumes and secrets."""
        self.workers(MOST_WORKERS)
        self.play("tests/testbed/destroy.yml")

    def workers(self, number):
        """Have so many workers in the inventory; the containers come with create()."""
        self.inventory.mkdir(exist_ok=True)
        groups = yaml.safe_load((ROOT / "inventories" / "demo" / "hosts.yml").read_text(encoding="utf-8"))
        # Of each host: what a group has in this file, the demo's group_vars would hide.
        own = SHARED_GALAXY if self.shared_galaxy else {}
        groups["galaxyservers"]["hosts"] = dict.fromkeys(groups["galaxyservers"]["hosts"], own)
        groups["celeryservers"]["hosts"] = {f"worker-{count + 1}": own for count in range(number)}
        (self.inventory / "hosts.yml").write_text(json.dumps(groups), encoding="utf-8")
        for name in ("group_vars", "host_vars", "nodes.yml"):
            link = self.inventory / name
            link.unlink(missing_ok=True)
            link.symlink_to(ROOT / "inventories" / "demo" / name)

    def create(self):
        """Start the containers that are missing, and place what a site has already."""
        self.play("tests/testbed/create.yml")
        self.play("tests/testbed/prepare.yml")
        if self.database("SHOW max_connections") != MAX_CONNECTIONS:
            self.database(f"ALTER SYSTEM SET max_connections = {MAX_CONNECTIONS}")
            self.on("db", "systemctl", "restart", "postgresql")

    def play(self, playbook, *arguments, **environment):
        """Run a playbook; what it cost. A failure ends the benchmark with its output."""
        command = ["ansible-playbook", "-i", str(self.inventory), str(playbook), *arguments]
        began = time.time()
        with self.log.open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env={**self.environment, **environment}
            )
            _pid, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{self.log.read_text(encoding='utf-8')[-6000:]}\nerror: {playbook} failed")
        return Run(began, json.loads(self.timeline.read_text(encoding="utf-8")), usage.ru_maxrss)

    def on(self, host, *command, user="root"):
        """The output of a command on a host."""
        full = ["docker", "exec", f"--user={user}", f"{PROJECT}-{host}", *command]
        return subprocess.run(full, check=True, stdout=subprocess.PIPE, text=True).stdout

    def database(self, statement, name="postgres"):
        """The answer of a database."""
        return self.on("db", "psql", "-At", "-d", name, "-c", statement, user="postgres").strip()
