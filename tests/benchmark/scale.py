# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each further host of workers costs the playbooks.

The workers are real ones, in containers with systemd, and each runs a real Galaxy worker; they share one Galaxy as by a
shared file system (`galaxy_sync_method: none`), since fifty copies do not fit on one machine. All hosts and the
controller share its cores, so each further worker costs more here than on machines of their own. A worker needs half a
GB; where the memory ends, the kernel swaps idle ones out if it has where. systemd in a container takes six of root's
inotify instances, of which Linux allows 128: the benchmark raises that limit while it runs. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import tempfile
from pathlib import Path

import report
from bed import ROOT, Bed, Measured

SIZES = (1, 5, 20, 50)
ROUNDS = 5
# So many hosts are restarted at the same time: one after the other, fifty would take a quarter of an hour.
SHARE = "25%"
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 1000
PLOT = ROOT / "docs" / "images" / "benchmark-workers.svg"
PLAYBOOKS = ("site", "update", "verify", "restart")
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


class Bench(Measured):
    """The runs of each playbook by number of workers."""

    def grow(self, size):
        """Have so many workers, then run each playbook: site without a change several times, the others once."""
        self.bed.workers(size)
        self.bed.create()
        self.measure(f"grown to {size} workers", "playbooks/site.yml")
        for _round in range(self.rounds):
            self.measure(named("site", size), "playbooks/site.yml")
        for name in ("update", "verify"):
            self.measure(named(name, size), f"playbooks/{name}.yml")
        self.measure(named("restart", size), "playbooks/restart.yml", "--extra-vars", f"restart_share={SHARE}")


def plot(bench, sizes):
    """Draw the seconds of each playbook by the number of workers."""
    lines = ", ".join(f"'-' with linespoints linewidth 2 title '{name}'" for name in PLAYBOOKS)
    rows = ["".join(f"{size} {bench.seconds(named(name, size)):.1f}\n" for size in sizes) + "e\n" for name in PLAYBOOKS]
    text = GNUPLOT.format(lines=lines) + "".join(rows)
    drawn = subprocess.run(["gnuplot"], input=text, check=True, stdout=subprocess.PIPE, text=True).stdout
    PLOT.write_text(drawn, encoding="utf-8")


def write(bench, sizes):
    """The section of this page."""
    lines = [
        f"{report.machine()}. Medians of {bench.rounds} for `site` without a change; the others once, `update` without "
        f"a change, `restart` with `restart_share={SHARE}`. Memory is that of the controller's largest process.",
        "",
        "| workers | `site` s | `update` s | `verify` s | `restart` s | tasks of `site` | modules on each worker "
        "| on all other hosts | memory MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for size in sizes:
        site = bench.runs[named("site", size)][-1]
        on_workers = site.modules("worker-")
        seconds = " | ".join(f"{bench.seconds(named(name, size)):.1f}" for name in PLAYBOOKS)
        lines.append(
            f"| {size} | {seconds} | {len(site.tasks)} | {on_workers / size:.1f} | {site.modules() - on_workers} "
            f"| {site.memory_mb:.0f} |"
        )
    lines += ["", f"![Seconds of each playbook by number of workers](images/{PLOT.name})", ""]
    for before, size in zip(sizes, sizes[1:]):
        slope = (bench.seconds(named("site", size)) - bench.seconds(named("site", before))) / (size - before)
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
        for number, size in enumerate(options.sizes, start=1):
            bench.grow(size)
            # After each size, so that a limit which is met later leaves what was found.
            plot(bench, options.sizes[:number])
            write(bench, options.sizes[:number])


if __name__ == "__main__":
    main()
