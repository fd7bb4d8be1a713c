# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of STATUS, which `systemctl status` shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """A task that a pool runs.

    :ivar name: the task's name, such as galaxy.fetch_data.
    :ivar uuid: its id.
    :ivar since: the moment when it began, on the monotonic clock.
    """

    name: str
    uuid: str
    since: float


def duration(seconds: float) -> str:
    """Return seconds in words: `40 s`, `3 min`, `2 h 5 min`."""
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def names(jobs: Iterable[Job], now: float, most: int = 3) -> str:
    """Return the oldest of the jobs in words, and how many more there are."""
    ordered = sorted(jobs, key=lambda job: job.since)
    shown = [f"{job.name} {job.uuid} ({duration(now - job.since)})" for job in ordered[:most]]
    more = len(ordered) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def working(running: int, waiting: int, later: int, queues: Sequence[str]) -> str:
    """Return what a worker does that is connected to its broker."""
    tasks = [f"{running:,} running"]
    if waiting:
        tasks.append(f"{waiting:,} waiting in the worker")
    if later:
        tasks.append(f"{later:,} for later")
    return f"{', '.join(tasks)}; " + (f"consuming {', '.join(queues)}" if queues else "consuming nothing")


def away(running: int, seconds: float, ever: bool = True) -> str:
    """Return what a worker does whose broker cannot be reached.

    :param ever: whether there has been a connection since its start.
    """
    if not ever:
        return f"starting, no connection to the broker for {duration(seconds)}"
    return f"broker away for {duration(seconds)}; {running:,} running"


def draining(jobs: Sequence[Job], now: float, since: float) -> str:
    """Return what a worker does that was told to stop."""
    if not jobs:
        return "draining, nothing runs"
    return f"draining for {duration(now - since)}, waiting for {names(jobs, now)}"


def beat(last: str | None, ago: float | None, following: str | None, due: float | None) -> str:
    """Return what beat has sent last and sends next.

    :param last: name of the task that it sent last; None if it has sent none since its start.
    :param ago: seconds since then.
    :param following: name of the task that is due next; None if there is none.
    :param due: seconds until then.
    """
    sent = f"sent {last} {duration(ago or 0)} ago" if last else "has sent nothing since its start"
    return sent + (f"; next is {following} in {duration(max(0, due or 0))}" if following else "; nothing is due")
