# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each further host of workers costs the playbooks.

The workers are real ones, in containers with systemd, and each runs a real Galaxy worker; they share one Galaxy as by a
shared file system (`galaxy_sync_method: none`), since fifty copies do not fit on one machine. All hosts and the
controller share its cores, so each further worker costs more here than on machines of their own. A worker needs half a
GB; where the memory ends, the kernel swaps idle ones out if it has where. systemd in a container takes six of root's
inotify instances, of which Linux allows 128: the benchmark raises that limit while it runs. Nothing is asserted.

The page is written after each playbook, since the largest number takes longest and may meet a limit.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import tempfile
import time
from pathlib import Path

import report
from bed import ROOT, Bed, Measured

SIZES = (1, 5, 20, 50)
ROUNDS = 5
# So many hosts are restarted at the same time: one after the other, fifty would take a quarter of an hour.
SHARE = "25%"
# How long the bed is watched while nothing is asked of it, after as long for what site started to come to rest.
IDLE_SECONDS = 30
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 1000
PLOT = ROOT / "docs" / "images" / "benchmark-workers.svg"
PLAYBOOKS = {"site": (), "update": (), "verify": (), "restart": ("--extra-vars", f"restart_share={SHARE}")}
GNUPLOT = """
set terminal svg size 800,400 font 'sans-serif,12' background 'white'
set xlabel 'hosts of workers'
set ylabel 'seconds'
set key left top
set grid
set xrange [0:*]
set yrange [0:*]
plot {lines}
"""


@contextlib.contextmanager
def inotify_instances(number):
    """Have at least so many for each user, in a `with`: its end brings the limit back."""
    before = INOTIFY.read_text(encoding="ascii")
    INOTIFY.write_text(str(max(number, int(before))), encoding="ascii")
    try:
        yield
    finally:
        INOTIFY.write_text(before, encoding="ascii")


def named(name, size):
    """What a playbook's runs with so many workers are called."""
    return f"{name}, {size} workers"


def used_cores():
    """How many of the machine's cores are at work, over a while."""

    def busy():
        counts = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
        user, nice, system, _idle, _iowait, irq, softirq = map(int, counts[1:8])
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")

    before, began = busy(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (busy() - before) / (time.monotonic() - began)


def used_memory_gb():
    """What the machine has in use, in memory and swapped out, in GB."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    kb = {name: int(rest.split()[0]) for name, _colon, rest in (line.partition(":") for line in lines)}
    return (kb["MemTotal"] - kb["MemAvailable"] + kb["SwapTotal"] - kb["SwapFree"]) / 1e6


class Bench(Measured):
    """The runs of each playbook by number of workers, and what the bed uses while it idles."""

    def __init__(self, bed, rounds):
        super().__init__(bed, rounds)
        self.idle = {}

    def grow(self, size):
        """Have so many workers, then run each playbook: site without a change several times, the others once.

        Yields after each playbook.
        """
        self.bed.workers(size)
        self.bed.create()
        self.measure(f"grown to {size} workers", "playbooks/site.yml")
        time.sleep(IDLE_SECONDS)
        self.idle[size] = (used_cores(), used_memory_gb())
        for name, arguments in PLAYBOOKS.items():
            for _round in range(self.rounds if name == "site" else 1):
                self.measure(named(name, size), f"playbooks/{name}.yml", *arguments)
            yield

    def points(self, name):
        """(size, median of the seconds) of each number of workers with which a playbook has run."""
        return [(size, self.seconds(named(name, size))) for size in self.idle if named(name, size) in self.runs]


def plot(bench):
    """Draw the seconds of each playbook by the number of workers."""
    points = {name: bench.points(name) for name in PLAYBOOKS}
    drawn = [name for name in PLAYBOOKS if points[name]]
    lines = ", ".join(f"'-' with linespoints linewidth 2 title '{name}'" for name in drawn)
    rows = ["".join(f"{size} {seconds:.1f}\n" for size, seconds in points[name]) + "e\n" for name in drawn]
    text = GNUPLOT.format(lines=lines) + "".join(rows)
    image = subprocess.run(["gnuplot"], input=text, check=True, stdout=subprocess.PIPE, text=True).stdout
    PLOT.write_text(image, encoding="utf-8")


def write(bench):
    """The section of this page."""
    lines = [
        f"{report.machine()}. Medians of {bench.rounds} for `site` without a change; the others once, `update` without "
        f"a change, `restart` with `restart_share={SHARE}`. All workers are real ones in containers with systemd on "
        "this machine. Memory is that of the controller's largest process; idle is what the machine uses, cores and GB "
        "with what is swapped out, while no playbook runs.",
        "",
        "| workers | `site` s | `update` s | `verify` s | `restart` s | tasks of `site` | modules on each worker "
        "| on all other hosts | memory MB | idle, cores | idle, GB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    seconds = {name: dict(bench.points(name)) for name in PLAYBOOKS}
    for size, (cores, memory) in bench.idle.items():
        site = bench.runs[named("site", size)][-1]
        on_workers = site.modules("worker-")
        row = " | ".join(f"{seconds[name][size]:.1f}" if size in seconds[name] else "" for name in PLAYBOOKS)
        lines.append(
            f"| {size} | {row} | {len(site.tasks)} | {on_workers / size:.1f} | {site.modules() - on_workers} "
            f"| {site.memory_mb:.0f} | {cores:.2f} | {memory:.1f} |"
        )
    lines += ["", f"![Seconds of each playbook by number of workers](images/{PLOT.name})", ""]
    points = bench.points("site")
    for (before, less), (size, more) in zip(points, points[1:]):
        slope = (more - less) / (size - before)
        lines.append(f"- From {before} to {size} workers, each costs `site` {slope:.1f} s (goal: at most 10).")
    report.write("Playbooks by number of workers", "\n".join(lines))


def main():
    """Make the bed, measure, write, remove the bed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="runs of site at each size (%(default)s)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of workers (%(default)s)")
    options = parser.parse_args()
    with (
        inotify_instances(INOTIFY_INSTANCES),
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Bed(Path(folder), shared_galaxy=True) as bed,
    ):
        bench = Bench(bed, options.rounds)
        for size in options.sizes:
            for _playbook in bench.grow(size):
                plot(bench)
                write(bench)


if __name__ == "__main__":
    main()
