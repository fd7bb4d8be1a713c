# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What galaxy_sync costs against plain `rsync -a --delete` of the same tree, in the same run.

The tree is the real Galaxy with its virtual environment, taken from the test bed's image. Source and workers are
directories of this machine; both sides of each comparison pull through an ssh server of this run on loopback, the role
with a key that `rrsync` limits to reading, as at a site. What the role runs for a worker, its two modules, runs here as
there: each in a process of its own, all workers at once, on the cores of this one machine. Time includes the listing
at the source, the check of the copy, and the start of every process; Ansible's own time for a task does not count on
either side. The role writes the copy to disk before it switches, so `sync` is in the yardstick as well. Nothing is
asserted: the ratios within one run are what counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report
import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "tests/testbed/build.sh"
PORT = 22022
WORKERS = 8
EARLY = 3
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


def role_patterns(server):
    """The patterns that the role leaves out by default, for a tree at this path."""
    text = (ROOT / "roles/galaxy_sync/defaults/main.yml").read_text(encoding="utf-8")
    patterns = yaml.safe_load(text)["galaxy_sync_exclude"]
    known = [pattern.replace("{{ galaxy_sync_server_dir }}", str(server)) for pattern in patterns]
    return [pattern for pattern in known if "{{" not in pattern]


@contextlib.contextmanager
def ssh_server(folder):
    """An ssh server on loopback; the commands of ssh with a key that may do all, and with one that may only read."""
    folder.mkdir()
    for name in ("host", "any", "reader"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    reader = f'restrict,command="{shutil.which("rrsync")} -ro /" '
    keys = [prefix + (folder / f"{name}.pub").read_text() for name, prefix in (("any", ""), ("reader", reader))]
    (folder / "authorized_keys").write_text("".join(keys))
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{PORT} {(folder / 'host.pub').read_text()}")
    settings = {
        "Port": PORT, "ListenAddress": "127.0.0.1", "HostKey": folder / "host", "StrictModes": "no",
        "AuthorizedKeysFile": folder / "authorized_keys", "PidFile": "none", "UsePAM": "no",
        # All workers knock at once.
        "MaxStartups": 100,
    }  # fmt: skip
    (folder / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([shutil.which("sshd", path="/usr/sbin"), "-D", "-f", str(folder / "sshd_config")])
    options = f"-F none -p {PORT} -o BatchMode=yes -o IdentitiesOnly=yes -o UserKnownHostsFile={folder / 'known_hosts'}"
    try:
        yield [f"ssh {options} -i {folder / name}" for name in ("any", "reader")]
    finally:
        server.terminate()
        server.wait()


def timed(function, *arguments):
    """Seconds of one call, from a disk that is at rest."""
    os.sync()
    begin = time.monotonic()
    function(*arguments)
    return time.monotonic() - begin


class Bench:
    """The source, the workers and the measurements."""

    def __init__(self, folder, rounds, shells):
        self.folder, self.rounds = folder, rounds
        self.any_shell, self.reader_shell = shells
        self.tree = folder / "galaxy" / "server"
        self.seconds = {}

    def take_tree(self):
        """Galaxy's tree, out of the image."""
        self.tree.parent.mkdir(parents=True)
        image = subprocess.check_output([BUILD, "image", "galaxy"], text=True).strip()
        container = subprocess.check_output(["docker", "create", image], text=True).strip()
        try:
            source = f"{container}:/srv/galaxy/server"
            subprocess.run(["docker", "cp", "-a", "-q", source, str(self.tree.parent)], check=True)
        finally:
            subprocess.run(["docker", "rm", container], check=True, capture_output=True)

    def plain(self, target):
        source = f"127.0.0.1:{self.tree}/"
        command = ["rsync", "-a", "--delete", "-e", self.any_shell, source, f"{self.folder / target}/"]
        subprocess.run(command, check=True)
        os.sync()

    def role(self, names):
        """What the role runs: the listing once, then every worker at once."""
        options = {"server_dir": str(self.tree), "exclude": role_patterns(self.tree)}
        listed = {**options, "listing_dir": str(self.folder / "listings")}
        info = result_of(start_module("galaxy_release_listing", listed))
        copy = {
            **options, "fingerprint": info["fingerprint"], "info": info, "listing": info["listing"], "keep": 3,
            "source": "127.0.0.1:", "rsh": self.reader_shell,
        }  # fmt: skip
        behind = self.on_each(names, {**copy, "activate": False})
        # Between the two the role tries the release.
        self.on_each(behind, {**options, "state": "current", "fingerprint": info["fingerprint"], "keep": 3})

    def on_each(self, names, arguments):
        """Run the module on all workers at once; the names of those whose current release is another one."""
        run = [start_module("galaxy_release", {**arguments, "releases_dir": str(self.folder / name)}) for name in names]
        results = [result_of(process) for process in run]
        return [name for name, found in zip(names, results) if found["release"] != found["previous"]]

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
        # Each into a new directory: for a minute after files were removed, ext4 is slow to make new ones.
        for number in range(self.rounds):
            self.note("plain, first copy", timed(self.plain, f"plain-{number}"))
            self.note("role, first copy", timed(self.role, [f"solo-{number}"]))
        plain, solo = "plain-0", "solo-0"
        self.role(workers)
        one = disk(self.folder / solo)
        print("No change", flush=True)
        for _round in range(self.rounds):
            self.note("plain, no change", timed(self.plain, plain))
            self.note("role, no change", timed(self.role, [solo]))
            self.note("role, no change, 8", timed(self.role, workers))
        print("One release", flush=True)
        # The first ones find no tree of a removed release to start from.
        for number in range(EARLY + self.rounds):
            files, changed = self.change(number)
            when = "early, 1 %" if number < EARLY else "1 %"
            self.note(f"plain, {when}", timed(self.plain, plain))
            self.note(f"role, {when}", timed(self.role, [solo]))
            self.note(f"role, {when}, 8", timed(self.role, workers))
        self.report(one, disk(self.folder / solo), files, changed)

    def report(self, one, three, files, changed):
        goals = [
            ("First copy, 1 worker", "role, first copy", "plain, first copy", "plain rsync", 1.1),
            ("No change, 1 worker", "role, no change", "plain, no change", "plain rsync", 0.5),
            ("No change, 8 workers", "role, no change, 8", "role, no change", "1 worker", 1.5),
            ("1 % changed, 1 worker", "role, 1 %", "plain, 1 %", "plain rsync", 1.2),
            ("1 % changed, 8 workers", "role, 1 %, 8", "role, 1 %", "1 worker", 3.0),
            (f"1 % changed, 1 worker, its first {EARLY}", "role, early, 1 %", "plain, early, 1 %", "plain rsync", 1.2),
        ]
        version = subprocess.run(["rsync", "--version"], check=True, capture_output=True, text=True).stdout.split()[2]
        lines = [
            f"{report.machine()}, rsync {version}. The real Galaxy with its virtual environment: {files} files, "
            f"{one / 1e6:.0f} MB, {changed} files changed a release. Medians of {self.rounds}, of {EARLY} for the "
            "first releases, which find no removed one to start from. Both sides over ssh on loopback; the 8 workers "
            "share this machine's cores.",
            "",
            "| case | seconds | yardstick | seconds | ratio | goal |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for title, mine, other, word, goal in goals:
            a, b = self.median(mine), self.median(other)
            lines.append(f"| {title} | {a:.2f} | {word} | {b:.2f} | {a / b:.2f} | {goal} |")
        lines.append(
            f"| Disk of 3 releases, MB | {three / 1e6:.0f} | 1 release | {one / 1e6:.0f} | {three / one:.2f} | 1.1 |"
        )
        report.write("`galaxy_sync` against plain rsync", "\n".join(lines))


def disk(path):
    """Bytes on disk; what is hard-linked counts once."""
    return int(subprocess.run(["du", "-s", "-B1", str(path)], check=True, capture_output=True).stdout.split()[0])


def main():
    """Run all cases in a folder of their own, which is removed at the end."""
    parser = argparse.ArgumentParser(description="Measure galaxy_sync against plain rsync.")
    parser.add_argument(
        "--rounds", type=int, default=5, help="measurements of each case, at least 5 for a median to quote"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir(), "galaxy-celery-benchmark"),
        help="some 25 GB on the disk to measure",
    )
    options = parser.parse_args()
    if report.START_LOAD > 2:
        print(f"warning: the load is {report.START_LOAD:.1f}: only the ratios mean something", flush=True)
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    try:
        with ssh_server(options.folder / "ssh") as shells:
            Bench(options.folder, options.rounds, shells).run()
    finally:
        shutil.rmtree(options.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
