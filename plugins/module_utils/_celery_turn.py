# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have the workers of a host start one after another, also at a boot or when all are restarted at once.

Private to the collection; ExecStartPre of the units uses it. All at once would load Galaxy's code at the same time,
which has stalled network file systems for hours.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import time

# Its turn has come, and it does not consume yet.
STARTING = ("start", "start-post")
# From the end of one's turn until systemd says that it starts.
SETTLE_SECONDS = 2
POLL_SECONDS = 0.5
ANSWER_SECONDS = 30


def systemd_units(properties, *units, timeout=None):
    """Return what systemd says of units, or of patterns of them: these properties, by the unit's name."""
    command = ["systemctl", "show", f"--property=Id,{properties}", "--", *units]
    # Within the unit, where there is no module with its run_command.
    shown = subprocess.run(  # pylint: disable=ansible-bad-function
        command, check=True, capture_output=True, text=True, timeout=timeout
    ).stdout
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    return {block["Id"]: block for block in blocks if block}


def states(own, pattern):
    """Return what systemd says of the other units that match a pattern: SubState by name."""
    known = systemd_units("SubState", pattern, timeout=ANSWER_SECONDS)
    return {name: unit["SubState"] for name, unit in known.items() if name != own}


def _locked(handle):
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _settled(handle, unit):
    """Whether systemd shows by now that the one who had the last turn starts."""
    last = os.pread(handle, 256, 0).decode()
    return last in ("", unit) or not 0 <= time.time() - os.fstat(handle).st_mtime < SETTLE_SECONDS


def take(directory, unit, pattern, seconds, tell=lambda others: None):
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
