# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which fault befalls what, when and for how long: made from a seed alone, so that what it found can be caused again.

Faults overlap, but never on the same thing: the undoing of one would undo the other, or keep it for ever.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

# What there is to torment, as HOST/THING; the inventory of the scenario `chaos` says so too.
WORKERS = ("worker-1/celery-galaxy-worker@1", "worker-1/celery-galaxy-worker@2", "worker-2/celery-galaxy-worker@1")
BEAT = "worker-1/celery-galaxy-beat"
BROKER, PROXY, DATABASE, FLOWER = "core/rabbitmq", "core/traefik", "core/postgresql", "core/flower"
PROCESSES = (*WORKERS, BEAT, BROKER, PROXY, DATABASE, FLOWER)
HOSTS = ("worker-1", "worker-2")


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    :ivar targets: what it may befall.
    :ivar seconds: the least and the most between its beginning and its undoing.
    :ivar shares: what else it takes for itself while it lasts.
    """

    targets: tuple[str, ...]
    seconds: tuple[int, int]
    shares: tuple[str, ...] = ()


KINDS = {
    "kill": Kind(PROCESSES, (5, 30)),
    # The watchdog of a worker or of beat ends those of more than a minute.
    "freeze": Kind(PROCESSES, (5, 100)),
    "restart": Kind(PROCESSES, (20, 40)),
    "away": Kind((BROKER, PROXY, DATABASE), (10, 200)),
    "alarm": Kind((BROKER,), (10, 120)),
    "reboot": Kind(HOSTS, (40, 60)),
    "power cut": Kind(HOSTS, (5, 30)),
    "cut from broker": Kind(tuple(f"{host}/network" for host in HOSTS), (5, 100)),
    "cut from database": Kind(tuple(f"{host}/network" for host in HOSTS), (5, 100)),
    "slow": Kind(tuple(f"{host}/network" for host in HOSTS), (20, 120)),
    "full disk": Kind(tuple(f"{host}/scratch" for host in HOSTS), (10, 60)),
    "memory": Kind(WORKERS, (10, 60)),
    # An operator drains by hand, or with a playbook: whoever gives the consumers back would do so to the other one.
    "drain": Kind(WORKERS, (10, 60), ("operator",)),
    "abort": Kind(WORKERS, (5, 20), ("operator",)),
    "playbook restart": Kind(("playbook",), (60, 120), ("operator",)),
    "playbook update": Kind(("playbook",), (60, 120), ("operator",)),
}

FIRST_SECONDS = 20
PAUSE_SECONDS = (3.0, 35.0)
# After its undoing a thing is left alone for this long.
REST_SECONDS = 10


@dataclass(frozen=True)
class Fault:
    """One fault: seconds from the start to its beginning, and from there to its undoing."""

    begin: float
    kind: str
    target: str
    seconds: int

    @property
    def end(self) -> float:
        """When it is undone, in seconds from the start."""
        return self.begin + self.seconds

    @property
    def takes(self) -> tuple[str, ...]:
        """What no other fault may befall meanwhile; a host stands for all that is on it."""
        return (self.target, *KINDS[self.kind].shares)

    @property
    def kills(self) -> bool:
        """Whether it may end a worker, or take its database away, between a task's effect and the note of its end.

        A worker that loses its broker goes on with what it runs, and one that is restarted ends it.
        """
        return (
            (self.target in WORKERS and self.kind in ("kill", "freeze", "memory"))
            or self.kind in ("power cut", "cut from database")
            or self.target == DATABASE
        )

    def __str__(self) -> str:
        return f"{self.begin:7.1f} s  {self.kind} {self.target} for {self.seconds} s"


def meet(one: str, other: str) -> bool:
    """Whether two things are the same, or one is on the other."""
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")


def conflict(one: Fault, other: Fault) -> bool:
    """Whether two faults would befall the same thing at the same time."""
    apart = one.begin >= other.end + REST_SECONDS or other.begin >= one.end + REST_SECONDS
    return not apart and any(meet(mine, its) for mine in one.takes for its in other.takes)


def make(seed: int, seconds: int) -> list[Fault]:
    """Return the faults of a run, in the order of their beginnings. All are undone when the seconds are over.

    Every kind has its turn before one comes again.
    """
    chance = random.Random(seed)  # noqa: S311 it is to be the same again
    faults: list[Fault] = []
    deck: list[str] = []
    begin = float(FIRST_SECONDS)
    while begin < seconds:
        if len(deck) < len(KINDS):
            deck += chance.sample(list(KINDS), len(KINDS))
        fault = next(filter(None, (_fault(chance, begin, kind, faults, seconds) for kind in deck)), None)
        if fault:
            deck.remove(fault.kind)
            faults.append(fault)
        begin = round(begin + chance.uniform(*PAUSE_SECONDS), 1)
    return faults


def _fault(chance: random.Random, begin: float, kind: str, before: list[Fault], seconds: int) -> Fault | None:
    """Return a fault of this kind that begins now, or None where it would meet another one or last too long."""
    what = KINDS[kind]
    lasts = chance.randint(*what.seconds)
    for target in chance.sample(what.targets, len(what.targets)):
        fault = Fault(begin, kind, target, lasts)
        if fault.end <= seconds and not any(conflict(fault, other) for other in before):
            return fault
    return None


def may_repeat(moments: list[float], killed: list[tuple[float, float]]) -> bool:
    """Whether the effects of one task at these moments are those of a task that was given out again after a kill.

    :param killed: beginning and end of each fault that may have ended a worker, or the database, between an effect and
        the note that the task is done.
    """
    pairs = zip(sorted(moments), sorted(moments)[1:])
    return all(any(first <= end and begin <= second for begin, end in killed) for first, second in pairs)
