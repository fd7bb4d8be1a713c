# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have the workers of a host start one after another, also at a boot or when all are restarted at once.

ExecStartPre of the units runs it, with the system's Python. All at once would load Galaxy's code at the same time, which has
stalled network file systems for hours.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Callable

from .systemd import NOTICE, WARNING, say

# Its turn has come, and it does not consume yet.
STARTING = ("start", "start-post")
# From the end of one's turn until systemd says that it starts.
SETTLE_SECONDS = 2
POLL_SECONDS = 0.5
ANSWER_SECONDS = 30
SAY_SECONDS = 60
# The pause after a failure, which systemd before 254 cannot let grow.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5, 120


def systemd_units(properties: str, *units: str, timeout: float | None = None) -> dict[str, dict[str, str]]:
    """Return what systemd says of units, or of patterns of them: these properties, by the unit's name."""
    command = ["systemctl", "show", f"--property=Id,{properties}", "--", *units]
    # Within the unit, where there is no module with its run_command.
    shown = subprocess.run(  # pylint: disable=ansible-bad-function
        command, check=True, capture_output=True, text=True, timeout=timeout
    ).stdout
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    return {block["Id"]: block for block in blocks if block}


def states(own: str, pattern: str) -> dict[str, str]:
    """Return what systemd says of the other units that match a pattern: SubState by name."""
    known = systemd_units("SubState", pattern, timeout=ANSWER_SECONDS)
    return {name: unit["SubState"] for name, unit in known.items() if name != own}


def _locked(handle: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _settled(handle: int, unit: str) -> bool:
    """Whether systemd shows by now that the one who had the last turn starts."""
    last = os.pread(handle, 256, 0).decode()
    return last in ("", unit) or not 0 <= time.time() - os.fstat(handle).st_mtime < SETTLE_SECONDS


def take(
    directory: str, unit: str, pattern: str, seconds: float, tell: Callable[[list[str]], None] = lambda others: None
) -> bool:
    """Wait until no other worker of this host starts. With nobody else it returns at once.

    :param directory: where the units of this host meet.
    :param unit: the unit that wants to start.
    :param pattern: what the names of the others are like.
    :param seconds: how long to wait for each of the others.
    :param tell: called with the names of those that start; with none while others wait for their turn too.
    :returns: whether it is this one's turn; false when time is up.
    """
    deadline = time.monotonic() + seconds * len(states(unit, pattern))
    handle = os.open(os.path.join(directory, "turn"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        while True:
            starting = []
            # Whoever holds the lock is the next one.
            if _locked(handle):
                starting = [name for name, state in states(unit, pattern).items() if state in STARTING]
                if not starting and _settled(handle, unit):
                    os.ftruncate(handle, 0)
                    os.pwrite(handle, unit.encode(), 0)
                    return True
            if time.monotonic() >= deadline:
                return False
            tell(starting)
            time.sleep(POLL_SECONDS)
    finally:
        os.close(handle)


def pause(unit: str) -> int:
    """Return the seconds to wait before a unit starts again that has failed: they double with each failure."""
    failures = int(systemd_units("NRestarts", unit, timeout=ANSWER_SECONDS)[unit]["NRestarts"])
    return min(FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 10), LONGEST_PAUSE_SECONDS) if failures else 0


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", help="where the units of this host meet")
    parser.add_argument("--unit", required=True)
    parser.add_argument("--others", help="what the names of the others are like; without it none is waited for")
    parser.add_argument("--seconds", type=float, help="how long to wait for each other unit")
    parser.add_argument("--pause", action="store_true", help="wait after a failure, where systemd cannot let that grow")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Wait for the turn. Whatever goes wrong, the worker starts: together with others rather than not at all."""
    options, said = parse(arguments), [time.monotonic()]

    def tell(others: list[str]) -> None:
        if time.monotonic() - said[0] >= SAY_SECONDS:
            said[0] = time.monotonic()
            say(f"waiting for its turn to start, after {', '.join(others) or 'others that wait'}", NOTICE)

    try:
        if options.pause:
            time.sleep(pause(options.unit))
        if options.others and not take(options.directory, options.unit, options.others, options.seconds, tell):
            say("others have not started in time; not waiting any longer", WARNING)
    except Exception as exc:  # noqa: BLE001 see above
        say(f"not waiting for the others: {exc}", WARNING)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
