# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long an operator waits: the playbooks on the demo's hosts, and on the same with more workers.

The bed is the demo's under another name: real containers with systemd, a real Galaxy, a real worker on each host. The
settings are those of the collection's ansible.cfg. All hosts and the controller share the cores of one machine, so each
further worker costs more here than on machines of their own. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import report
from bed import Bed

PING = "- {hosts: all, gather_facts: false, tasks: [{ansible.builtin.ping: {}}]}\n"
# Half of them copies, half of them templates, as an operator would write them.
TASKS = 50
ROUNDS = 5
SIZES = (1, 2, 5, 20)
RESTART = "galaxy-celery-worker@1.service"


def mitogen():
    """The settings that run a playbook by mitogen."""
    folder = find_spec("ansible_mitogen").submodule_search_locations[0]
    return {"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": f"{folder}/plugins/strategy"}


def hand_written(folder):
    """A playbook of 50 tasks that keep files as they are."""
    (folder / "file.j2").write_text("{{ inventory_hostname }} {{ number }}\n", encoding="utf-8")
    lines = ["- hosts: all", "  gather_facts: false", "  tasks:"]
    for number in range(TASKS):
        module, source = ("copy", "content: text") if number % 2 else ("template", f"src: {folder}/file.j2")
        lines.append(
            f"    - {{ansible.builtin.{module}: {{{source}, dest: /root/bench-{number}, mode: '0644'}}, "
            f"vars: {{number: {number}}}}}"
        )
    path = folder / "tasks.yml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Bench:
    """The measurements, each kept as runs under its name."""

    def __init__(self, bed, rounds):
        self.bed, self.rounds = bed, rounds
        self.runs = {}

    def measure(self, name, playbook, *arguments, **environment):
        run = self.bed.play(playbook, *arguments, **environment)
        self.runs.setdefault(name, []).append(run)
        print(f"  {name}: {run.seconds:.1f} s, {len(run.tasks)} tasks, {run.total('changed')} changes", flush=True)
        return run

    def seconds(self, name):
        return statistics.median(run.seconds for run in self.runs[name])

    def first(self):
        """Containers that hold nothing of the collection yet."""
        self.bed.workers(2)
        self.bed.create()
        self.measure("first", "playbooks/site.yml")

    def no_change(self):
        ping = self.bed.folder / "ping.yml"
        ping.write_text(PING, encoding="utf-8")
        tasks = hand_written(self.bed.folder)
        self.bed.play(tasks)
        for _round in range(self.rounds):
            self.measure("ping", ping)
            self.measure("50 tasks", tasks)
            self.measure("no change", "playbooks/site.yml")
            self.measure("no change, mitogen", "playbooks/site.yml", **mitogen())

    def update(self):
        """From Enter until the first worker begins to drain."""
        self.waits = []
        for number in range(self.rounds):
            line = f"echo '# {number}' >> /srv/galaxy/server/config/galaxy.yml"
            self.bed.on("galaxy", "sh", "-c", line)
            run = self.measure("update", "playbooks/update.yml")
            stops = [
                float(self.bed.on(f"worker-{count}", "systemctl", "show", "--timestamp=unix", "--value",
                                  "--property=ActiveExitTimestamp", RESTART).strip().lstrip("@"))
                for count in (1, 2)
            ]  # fmt: skip
            self.waits.append(min(stops) - run.began)
            print(f"  first worker after {self.waits[-1]:.1f} s", flush=True)

    def scale(self, sizes):
        """Each verb with more and more workers."""
        for size in sizes:
            self.bed.workers(size)
            self.bed.create()
            self.measure(f"grow to {size}", "playbooks/site.yml")
            for _round in range(self.rounds):
                self.measure(f"site, {size}", "playbooks/site.yml")
                self.measure(f"verify, {size}", "playbooks/verify.yml")
            self.measure(f"restart, {size}", "playbooks/restart.yml")


def write_stack(bench):
    """The section on the demo's hosts."""
    one = bench.runs["no change"][-1]
    first, again = (bench.runs[name][-1].by_role() for name in ("first", "no change"))
    lines = [
        f"{report.machine()}. Six hosts, two of them workers, forks and pipelining as in the collection's "
        f"`ansible.cfg`. Medians of {bench.rounds}; the first run once.",
        "",
        "| run | seconds | tasks | tasks on hosts | modules on targets |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, title in (
        ("first", "`site`, the first"),
        ("no change", "`site`, no change"),
        ("no change, mitogen", "`site`, no change, by mitogen"),
        ("ping", "yardstick: one `ping` on each host"),
        ("50 tasks", f"yardstick: {TASKS} `copy` and `template`, no change"),
        ("update", "`update`, one line of `galaxy.yml` changed"),
    ):
        run = bench.runs[name][-1]
        counts = f"{len(run.tasks)} | {run.total('results')} | {run.total('modules')}"
        lines.append(f"| {title} | {bench.seconds(name):.1f} | {counts} |")
    lines += [
        "",
        f"No change: {bench.seconds('no change') / bench.seconds('50 tasks'):.2f} times the {TASKS} tasks, with "
        f"{one.total('modules') / bench.runs['50 tasks'][-1].total('modules'):.2f} times their modules. "
        f"`update`: the first worker begins to drain {statistics.median(bench.waits):.1f} s after Enter.",
        "",
        "| by role, in one run | first, seconds | no change, seconds |",
        "| --- | --- | --- |",
        *(f"| {role or 'playbooks'} | {first[role]:.1f} | {again.get(role, 0):.1f} |"
          for role in sorted(first, key=first.get, reverse=True)),
    ]
    report.write("Playbooks on the demo's hosts", "\n".join(lines))


def write_scale(bench, sizes):
    """The section on the number of workers."""
    lines = [
        f"{report.machine()}. Workers are real ones, in containers of this machine. Medians of {bench.rounds} for "
        "`site` without a change and `verify`, one `restart`; memory is that of the controller's largest process.",
        "",
        "| workers | `site` s | `verify` s | `restart` s | tasks of `site` | modules | memory MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for size in sizes:
        site = bench.runs[f"site, {size}"][-1]
        lines.append(
            f"| {size} | {bench.seconds(f'site, {size}'):.1f} | {bench.seconds(f'verify, {size}'):.1f} "
            f"| {bench.seconds(f'restart, {size}'):.1f} | {len(site.tasks)} | {site.total('modules')} "
            f"| {site.memory_mb:.0f} |"
        )
    first, last = sizes[0], sizes[-1]
    if last > first:
        slope = (bench.seconds(f"site, {last}") - bench.seconds(f"site, {first}")) / (last - first)
        lines += ["", f"One more worker costs `site` {slope:.1f} s, with the worker's own share of this machine."]
    report.write("Playbooks by number of workers", "\n".join(lines))


def main():
    """Make the bed, measure, write, remove the bed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="runs of each case (%(default)s)")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="numbers of workers (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Bed(Path(folder)) as bed:
        bench = Bench(bed, options.rounds)
        bench.first()
        bench.no_change()
        bench.update()
        write_stack(bench)
        if options.sizes:
            bench.scale(options.sizes)
            write_scale(bench, options.sizes)


if __name__ == "__main__":
    sys.exit(main())
