# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What watching costs while tasks flow: CPU and memory of Flower and Telegraf.

Two real workers run Galaxy's smallest task. The kernel counts for the processes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import report
from bed import PROJECT, ROOT, Bed

RATE = 10
SECONDS = 600
EVERY = 15
UNITS = (("monitor", "flower.service"), ("monitor", "telegraf.service"))
STREAM = ROOT / "molecule" / "shared" / "files" / "task_stream.py"
SEND = ["/srv/galaxy/server/.venv/bin/python", "/root/task_stream.py", "start", "--no-wait",
        "--config", "/srv/galaxy/server/config/galaxy.yml"]  # fmt: skip
# The default of flower_max_tasks, and a rate that two workers keep up with.
REMEMBERED, FILL_RATE = 10000, 40


class Bench:
    """The measurements on one bed."""

    def __init__(self, bed, seconds):
        self.bed, self.seconds = bed, seconds

    def show(self, host, unit, name):
        """A property of a unit."""
        return self.bed.on(host, "systemctl", "show", "--value", f"--property={name}", unit).strip()

    def cpu(self, host, unit):
        """CPU seconds of a unit's main process, with those of its children that have ended."""
        return self.ticks(host, self.show(host, unit, "MainPID"), slice(11, 15))

    def ticks(self, host, pid, fields):
        """The sum of counters of a process, in seconds. After its name, 11 to 14 are utime, stime, cutime, cstime."""
        values = self.bed.on(host, "cat", f"/proc/{pid}/stat").rpartition(")")[2].split()
        return sum(map(int, values[fields])) / os.sysconf("SC_CLK_TCK")

    def memory(self, host, unit):
        """MB that a unit has now."""
        return int(self.show(host, unit, "MemoryCurrent")) / 1e6

    def fill(self):
        """Send as many tasks as Flower remembers, so that from here on it forgets one for each that comes."""
        subprocess.run(["docker", "cp", "-q", str(STREAM), f"{PROJECT}-galaxy:/root/task_stream.py"], check=True)
        command = [*SEND, "--rate", str(FILL_RATE), "--count", str(REMEMBERED), "--report", "/root/fill.json"]
        self.bed.on("galaxy", *command)

    def start_stream(self):
        """Have Galaxy's host send tasks at a steady rate."""
        command = [*SEND, "--rate", str(RATE), "--seconds", str(self.seconds + 60), "--report", "/root/stream.json"]
        self.bed.on("galaxy", "systemd-run", "--unit=stream", *command)

    def run(self):
        """Watch the units while tasks flow; the rows of the table."""
        self.fill()
        self.start_stream()
        began = time.time()
        before = {unit: self.cpu(*unit) for unit in UNITS}
        memory = {unit: [] for unit in UNITS}
        while time.time() - began < self.seconds:
            time.sleep(EVERY)
            for unit in UNITS:
                memory[unit].append(self.memory(*unit))
        lasted = time.time() - began
        rows = []
        for unit in UNITS:
            share = (self.cpu(*unit) - before[unit]) / lasted
            third = len(memory[unit]) // 3
            early, late = (statistics.median(part) for part in (memory[unit][third : 2 * third], memory[unit][-third:]))
            rows.append(f"| `{unit[1]}` | {share:.1%} | {early:.1f} | {late:.1f} |")
        self.bed.on("galaxy", "systemctl", "stop", "stream.service")
        sent = json.loads(self.bed.on("galaxy", "cat", "/root/stream.json"))
        return rows, sent


def main():
    """Make the bed, measure, write, remove the bed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long tasks flow (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Bed(Path(folder)) as bed:
        bed.workers(2)
        bed.create()
        bed.play("playbooks/site.yml")
        rows, sent = Bench(bed, options.seconds).run()
    lines = [
        f"{report.machine()}. {RATE} tasks a second for {options.seconds} s, {sent['sent']} sent, "
        f"{sent['send_errors']} not; two workers, Flower and Telegraf as by default. Before, Flower had seen the "
        f"{REMEMBERED} tasks that it remembers.",
        "",
        "| unit | of one core | MB, second third | MB, last third |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
    report.write("What watching costs", "\n".join(lines))


if __name__ == "__main__":
    main()
