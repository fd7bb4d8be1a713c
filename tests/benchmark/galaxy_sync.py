# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What galaxy_sync costs against plain `rsync -a --delete` of the same tree, in the same run.

The tree is the real Galaxy with its virtual environment, taken from the test bed's image. A worker is a directory on
this machine; what the role runs for it, the two modules, runs here as on a worker: each in a process of its own, all
workers at once. Time includes the fingerprint at the source, the check of the copy, and the start of every process;
Ansible's own time for a task does not count on either side. The modules write the copy to disk before they switch, so
`sync` is in the yardstick as well. Nothing is asserted: the ratios within one run are what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "usegalaxy-eu-testbed/galaxy:latest"
SERVER = "/srv/galaxy/server"
WORKERS = 8
EXCLUDE = [".git", "node_modules", "*.sock", f"{SERVER}/database/*"]
# What Ansible does with a module on a host, without Ansible.
RUN_MODULE = """\
import importlib, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.stdin.buffer.read(), "legacy"
importlib.import_module("ansible_collections.usegalaxy_eu.celery.plugins.modules." + sys.argv[1]).main()
"""


def start_module(name, arguments):
    """Start a module in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".cache/collections")}
    command = [sys.executable, "-c", RUN_MODULE, name]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    return process


def result_of(process):
    """Wait for a module; its result as data."""
    output = process.stdout.read()
    process.wait()
    found = json.loads(output[output.index("{") :])
    if found.get("failed"):
        sys.exit(f"error: {found['msg']}")
    return found


def timed(function, *arguments):
    """Seconds of one call, from a disk that is at rest."""
    os.sync()
    begin = time.monotonic()
    function(*arguments)
    return time.monotonic() - begin


class Bench:
    """The source, the workers and the measurements."""

    def __init__(self, folder, rounds):
        self.folder, self.rounds = folder, rounds
        self.source = folder / "galaxy"
        self.tree = self.source / SERVER.lstrip("/")
        self.seconds = {}

    def take_tree(self):
        """Galaxy's tree, out of the image."""
        self.tree.parent.mkdir(parents=True)
        container = subprocess.run(
            ["docker", "create", IMAGE], check=True, capture_output=True, text=True
        ).stdout.strip()
        try:
            subprocess.run(["docker", "cp", "-a", "-q", f"{container}:{SERVER}", str(self.tree.parent)], check=True)
        finally:
            subprocess.run(["docker", "rm", container], check=True, capture_output=True)

    def plain(self, target):
        subprocess.run(["rsync", "-a", "--delete", f"{self.source}/", f"{self.folder / target}/"], check=True)
        os.sync()

    def role(self, names):
        """What the role runs: the fingerprint once, then every worker at once."""
        options = {"server_dir": SERVER, "exclude": EXCLUDE}
        info = result_of(start_module("galaxy_release_info", {**options, "root": str(self.source)}))
        copy = {
            **options, "fingerprint": info["fingerprint"], "info": info, "source": str(self.source), "keep": 3
        }  # fmt: skip
        started = [start_module("galaxy_release", {**copy, "releases_dir": str(self.folder / name)}) for name in names]
        for process in started:
            result_of(process)

    def change(self, number):
        """Another release: every hundredth file gets another content."""
        files = sorted(path for path in self.tree.rglob("*.py") if path.is_file() and not path.is_symlink())
        every = sum(1 for path in self.tree.rglob("*") if path.is_file() and not path.is_symlink())
        wanted = every // 100
        step = len(files) // wanted
        for path in files[number % step :: step][:wanted]:
            with path.open("a", encoding="utf-8") as handle:
                handle.write(f"# {number}\n")
        return every, wanted

    def note(self, name, seconds):
        self.seconds.setdefault(name, []).append(seconds)
        print(f"  {name}: {seconds:.2f} s", flush=True)

    def median(self, name):
        return statistics.median(self.seconds[name])

    def run(self):
        workers = [f"worker-{number}" for number in range(WORKERS)]
        self.take_tree()
        print("First copy", flush=True)
        for _round in range(self.rounds):
            for name in ("plain", "solo"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            self.note("plain, first copy", timed(self.plain, "plain"))
            self.note("role, first copy", timed(self.role, ["solo"]))
        self.role(workers)
        one = disk(self.folder / "solo")
        print("No change", flush=True)
        for _round in range(self.rounds):
            self.note("plain, no change", timed(self.plain, "plain"))
            self.note("role, no change", timed(self.role, ["solo"]))
            self.note("role, no change, 8", timed(self.role, workers))
        print("One release", flush=True)
        for number in range(self.rounds):
            files, changed = self.change(number)
            self.note("plain, 1 %", timed(self.plain, "plain"))
            self.note("role, 1 %", timed(self.role, ["solo"]))
            self.note("role, 1 %, 8", timed(self.role, workers))
        self.table(one, disk(self.folder / "solo"), files, changed)

    def table(self, one, three, files, changed):
        goals = [
            ("First copy, 1 worker", "role, first copy", "plain, first copy", "plain rsync", 1.1),
            ("No change, 1 worker", "role, no change", "plain, no change", "plain rsync", 0.5),
            ("No change, 8 workers", "role, no change, 8", "role, no change", "1 worker", 1.5),
            ("1 % changed, 1 worker", "role, 1 %", "plain, 1 %", "plain rsync", 1.2),
            ("1 % changed, 8 workers", "role, 1 %, 8", "role, 1 %", "1 worker", 3.0),
        ]
        print(f"\n{machine()}\n{files} files, {one / 1e6:.0f} MB, {changed} files changed a release, ", end="")
        print(f"medians of {self.rounds}\n")
        print("| case | seconds | yardstick | seconds | ratio | goal |")
        print("| --- | --- | --- | --- | --- | --- |")
        for title, mine, other, word, goal in goals:
            a, b = self.median(mine), self.median(other)
            print(f"| {title} | {a:.2f} | {word} | {b:.2f} | {a / b:.2f} | {goal} |")
        print(f"| Disk of 3 releases, MB | {three / 1e6:.0f} | 1 release | {one / 1e6:.0f} | {three / one:.2f} | 1.1 |")


def disk(path):
    """Bytes on disk; what is hard-linked counts once."""
    return int(subprocess.run(["du", "-s", "-B1", str(path)], check=True, capture_output=True).stdout.split()[0])


def machine():
    version = subprocess.run(["rsync", "--version"], check=True, capture_output=True, text=True).stdout.split()[2]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return (
        f"{os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}, Python {platform.python_version()}, "
        f"rsync {version}, load before {START_LOAD:.1f}"
    )


START_LOAD = os.getloadavg()[0]


def main():
    """Run all cases in a folder of their own, which is removed at the end."""
    parser = argparse.ArgumentParser(description="Measure galaxy_sync against plain rsync.")
    parser.add_argument(
        "--rounds", type=int, default=5, help="measurements of each case, at least 5 for a median to quote"
    )
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".cache/benchmark", help="some 20 GB on the disk to measure"
    )
    options = parser.parse_args()
    if START_LOAD > 2:
        print(f"warning: the load is {START_LOAD:.1f}: only the ratios mean something", flush=True)
    shutil.rmtree(options.folder, ignore_errors=True)
    try:
        Bench(options.folder, options.rounds).run()
    finally:
        shutil.rmtree(options.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
