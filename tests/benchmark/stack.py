# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long an operator waits: the playbooks on the demo's hosts.

The bed is the demo's under another name: real containers with systemd, a real Galaxy, a real worker on each host. The
settings are those of the collection's ansible.cfg. All hosts and the controller share the cores of one machine. Nothing
is asserted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import report
from bed import ROOT, Bed, Measured

PING = "- {hosts: all, gather_facts: false, tasks: [{ansible.builtin.ping: {}}]}\n"
# Half of them copies, half of them templates, as an operator would write them.
TASKS = 50
ROUNDS = 5
CONFIG_FILE = "/srv/galaxy/server/config/galaxy.yml"
# What has changed, and the arguments of update.yml.
UPDATES = (
    ("line",),
    ("line", "--skip-tags", "install"),
    ("variable",),
    ("variable", "--tags", "celery"),
)
DRAIN, RESTART = "drain_unit | Drain the workers", "restart | unit | Restart it"


def title(change, *arguments):
    """What a way to update is called."""
    return f"{change}: `{' '.join(['update', *arguments])}`"


def mitogen():
    """The settings that run a playbook by mitogen."""
    return {"ANSIBLE_STRATEGY": "mitogen_sudo", "ANSIBLE_STRATEGY_PLUGINS": str(ROOT / "tests/testbed/strategy")}


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


class Bench(Measured):
    """The measurements on the demo's hosts."""

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
        """Each way to update, after a change of one line each time."""
        environment = {}
        for number in range(self.rounds):
            for change, *arguments in UPDATES:
                name = title(change, *arguments)
                if change == "line":
                    self.bed.on("galaxy", "sh", "-c", f"echo '# {number}' >> {CONFIG_FILE}")
                else:
                    environment = {"NUMBER": f"{name}, {number}"}
                arguments += ["--extra-vars", json.dumps({"celery_environment": environment})]
                run = self.measure(name, "playbooks/update.yml", *arguments)
                print(f"  drains after {run.begin(DRAIN):.1f} s, restarted after {run.end(RESTART):.1f} s", flush=True)


def write(bench):
    """The section of this page."""
    first, again = (bench.runs[name][-1].by_role() for name in ("first", "no change"))
    lines = [
        f"{report.machine()}. Six hosts, two of them workers, forks and pipelining as in the collection's "
        f"`ansible.cfg`. Medians of {bench.rounds}; the first run once.",
        "",
        "| run | seconds | tasks | tasks on hosts | modules on targets |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, heading in (
        ("first", "`site`, the first"),
        ("no change", "`site`, no change"),
        ("no change, mitogen", "`site`, no change, by mitogen"),
        ("ping", "yardstick: one `ping` on each host"),
        ("50 tasks", f"yardstick: {TASKS} `copy` and `template`, no change"),
    ):
        run = bench.runs[name][-1]
        lines.append(
            f"| {heading} | {bench.seconds(name):.1f} | {len(run.tasks)} | {run.total('results')} | {run.modules()} |"
        )
    lines += [
        "",
        f"No change: {bench.seconds('no change') / bench.seconds('50 tasks'):.2f} times the {TASKS} tasks, with "
        f"{bench.runs['no change'][-1].modules() / bench.runs['50 tasks'][-1].modules():.2f} times their modules.",
        "",
        "After a change of one line in `galaxy.yml`, or of `celery_environment`: from Enter until the first worker",
        "",
        "| update | drains, seconds | has restarted | goal | whole run, two workers |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in (title(*way) for way in UPDATES):
        drains = statistics.median(run.begin(DRAIN) for run in bench.runs[name])
        restarted = statistics.median(run.end(RESTART) for run in bench.runs[name])
        lines.append(f"| {name} | {drains:.1f} | {restarted:.1f} | 15 and its drain | {bench.seconds(name):.1f} |")
    lines += [
        "",
        "| by role, in one run | first, seconds | no change, seconds |",
        "| --- | --- | --- |",
        *(
            f"| {role or 'playbooks'} | {first[role]:.1f} | {again.get(role, 0):.1f} |"
            for role in sorted(first, key=first.get, reverse=True)
        ),
    ]
    report.write("Playbooks on the demo's hosts", "\n".join(lines))


def main():
    """Make the bed, measure, write, remove the bed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="runs of each case (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Bed(Path(folder)) as bed:
        bench = Bench(bed, options.rounds)
        bench.first()
        bench.no_change()
        bench.update()
        write(bench)


if __name__ == "__main__":
    sys.exit(main())
