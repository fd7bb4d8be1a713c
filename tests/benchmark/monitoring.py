# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What watching costs while tasks flow: CPU and memory of Flower, Telegraf and the health checks.

systemd counts for each unit. Two real workers run Galaxy's smallest task.
"""

from __future__ import annotations

import argparse
import json
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
HEALTH = "galaxy-celery-health.service"
# What systemd writes when a unit that has ended says what it used.
CONSUMED = "MESSAGE_ID=ae8f7b866b0347b9af31fe1c80b127c0"
STREAM = ROOT / "molecule" / "shared" / "files" / "task_stream.py"


class Bench:
    """The measurements on one bed."""

    def __init__(self, bed, seconds):
        self.bed, self.seconds = bed, seconds

    def state(self, host, unit):
        """CPU seconds since the unit's start, and MB that it has now."""
        properties = "--property=CPUUsageNSec,MemoryCurrent"
        found = dict(line.split("=") for line in self.bed.on(host, "systemctl", "show", properties, unit).split())
        return int(found["CPUUsageNSec"]) / 1e9, int(found["MemoryCurrent"]) / 1e6

    def account(self):
        """Have systemd count, which it does by itself with control groups v2 alone."""
        for host, unit in (*UNITS, ("worker-1", HEALTH)):
            counted = ("CPUAccounting=yes", "MemoryAccounting=yes")
            self.bed.on(host, "systemctl", "set-property", "--runtime", unit, *counted)

    def start_stream(self):
        """Have Galaxy's host send tasks at a steady rate."""
        subprocess.run(["docker", "cp", "-q", str(STREAM), f"{PROJECT}-galaxy:/root/task_stream.py"], check=True)
        self.bed.on(
            "galaxy", "systemd-run", "--unit=stream", "/srv/galaxy/server/.venv/bin/python", "/root/task_stream.py",
            "start", "--config", "/srv/galaxy/server/config/galaxy.yml", "--rate", str(RATE),
            "--seconds", str(self.seconds + 60), "--report", "/root/stream.json", "--no-wait",
        )  # fmt: skip

    def health_seconds(self, since):
        """CPU seconds of the health checks of a host of workers since a time."""
        lines = self.bed.on(
            "worker-1", "journalctl", "--output=json", f"--since=@{since:.0f}", CONSUMED, f"UNIT={HEALTH}"
        ).splitlines()
        return sum(int(json.loads(line)["CPU_USAGE_NSEC"]) for line in lines) / 1e9, len(lines)

    def run(self):
        """Watch the units while tasks flow; the rows of the table."""
        self.account()
        self.start_stream()
        # The first tasks open the workers' connections.
        time.sleep(30)
        began = time.time()
        before = {unit: self.state(*unit)[0] for unit in UNITS}
        memory = {unit: [] for unit in UNITS}
        while time.time() - began < self.seconds:
            time.sleep(EVERY)
            for unit in UNITS:
                memory[unit].append(self.state(*unit)[1])
        lasted = time.time() - began
        rows = []
        for unit in UNITS:
            share = (self.state(*unit)[0] - before[unit]) / lasted
            third = len(memory[unit]) // 3
            early, late = (statistics.median(part) for part in (memory[unit][third : 2 * third], memory[unit][-third:]))
            rows.append(f"| `{unit[1]}` | {share:.1%} | {early:.1f} | {late:.1f} |")
        used, runs = self.health_seconds(began)
        rows.append(f"| `{HEALTH}`, {runs} runs on one host | {used / lasted:.1%} | | |")
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
        f"{sent['send_errors']} not; two workers, Flower and Telegraf as by default.",
        "",
        "| unit | of one core | MB, second third | MB, last third |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
    report.write("What watching costs", "\n".join(lines))


if __name__ == "__main__":
    main()
