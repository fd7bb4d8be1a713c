# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a stack: one table for the playbooks, and the groups that plays are for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .site import Site, unique

# What a host of workers may be beside.
OTHERS = ("galaxy", "broker", "proxy", "database", "flower", "monitored", "beat")


@dataclass(frozen=True)
class Part:
    """A part of the stack.

    :ivar group: what its group is called, unless a variable says otherwise.
    :ivar title: what an operator calls it.
    :ivar roles: those that run on its hosts, in the order in which their variables are checked.
    :ivar needed: whether there is no stack without it. A broker or a database may be somebody else's.
    """

    group: str
    title: str
    roles: tuple[str, ...] = ()
    needed: bool = False

    @property
    def variable(self) -> str:
        """Return the variable that gives its group another name."""
        return f"{self.group}_group"


PARTS = {
    "galaxy": Part("galaxyservers", "Galaxy", ("galaxy",), needed=True),
    "broker": Part("rabbitmqservers", "RabbitMQ", ("rabbitmq",)),
    "proxy": Part("traefikservers", "Traefik", ("traefik",)),
    "database": Part("dbservers", "database", ("postgresql_access",)),
    "workers": Part("celeryservers", "workers", ("celery", "galaxy_sync"), needed=True),
    "beat": Part("celerybeat", "beat"),
    "flower": Part("flowerservers", "Flower", ("flower",)),
    "monitored": Part("telegrafservers", "Telegraf", ("telegraf",)),
}
# The proofs of the roles, in their order: the role, the part whose hosts it is for, and its file of tasks.
PROOFS = (
    ("rabbitmq", "broker", "verify"),
    ("traefik", "proxy", "verify"),
    ("galaxy", "galaxy", "verify"),
    ("postgresql_access", "database", "verify"),
    ("galaxy_sync", "workers", "verify"),
    ("postgresql_access", "workers", "verify_login"),
    ("celery", "workers", "verify"),
    ("galaxy", "galaxy", "verify_upload"),
    ("flower", "flower", "verify"),
    ("telegraf", "monitored", "verify"),
)
ONCE = ("verify_upload",)


@dataclass(frozen=True)
class PartsPlan:
    """What is to be done on the hosts of each part.

    :ivar checks: the roles whose variables are checked, each with its hosts.
    :ivar proofs: the proofs of the roles, each with its hosts.
    """

    checks: list[dict[str, Any]]
    proofs: list[dict[str, Any]]


def parts_plan(site: Site) -> PartsPlan:
    """Return what is to be done."""
    hosts = {name: site.groups.of(name) for name in PARTS}
    return PartsPlan(
        [{"role": role, "hosts": hosts[name]} for name, part in PARTS.items() for role in part.roles if hosts[name]],
        [
            {"role": role, "tasks": tasks, "hosts": hosts[name][:1] if tasks in ONCE else hosts[name]}
            for role, name, tasks in PROOFS
        ],
    )


@dataclass(frozen=True)
class Members:
    """The hosts of each part, and what the inventory calls their groups."""

    hosts: Mapping[str, Sequence[str]]
    called: Mapping[str, str]


def names(given: Any) -> list[str]:
    """Return the hosts that somebody names: one, several with commas between them, or a list of these."""
    if isinstance(given, (list, tuple)):
        return unique(name for item in given for name in names(item))
    return unique(name.strip() for name in str(given or "").split(","))


def memberships(
    parts: Members, known: Iterable[str], named: Sequence[str], leaving: Sequence[str], gone: Sequence[str]
) -> list[tuple[str, str]]:
    """Return each group with each of its hosts, in their order.

    :param known: the hosts of the inventory.
    :param named: the hosts of workers that the operator names.
    :param leaving: those of them that leave; they are asked and drained.
    :param gone: those of them that cannot be asked any more.
    """
    known = list(known)
    groups = {
        f"stack_{part}": [host for host in hosts if part not in ("workers", "beat") or host not in gone]
        for part, hosts in parts.hosts.items()
    }
    groups["stack_hosts"] = unique(host for hosts in groups.values() for host in hosts)
    groups["stack_named"] = [host for host in named if host in known]
    groups["stack_leaving"] = [host for host in leaving if host in known]
    groups["stack_asked"] = [host for host in groups["stack_leaving"] if host not in gone]
    return [(group, host) for group, hosts in groups.items() for host in hosts]


def _listed(hosts: Sequence[str]) -> str:
    return ", ".join(hosts) or "no host"


def named_problems(given: Any, parts: Members, known: Sequence[str], leaves: bool) -> list[str]:
    """Return what is wrong with the hosts that an operator names, one sentence with its remedy for each."""
    said, named = json.dumps(given or "not set"), names(given)
    group, workers = parts.called["workers"], parts.hosts["workers"]
    if not named:
        return [
            f"worker is {said}. Remedy: name the host, as the inventory does, with -e worker=NAME; several with commas between them."
        ]
    return [
        f"worker is {said}, and {host} is {f'not in the group {group}' if host in known else 'no host of this inventory'}. Remedy: "
        f"correct the name (the group has {_listed(workers)}), or put the host into the group{', also to remove it' if leaves else ''}."
        for host in named
        if host not in workers
    ]


def leaving_problems(given: Any, parts: Members, gone: Sequence[str]) -> list[str]:
    """Return what keeps hosts of workers from leaving, one sentence with its remedy for each."""
    said, named = json.dumps(given), names(given)
    group, beat = parts.called["workers"], parts.called["beat"]
    if not set(parts.hosts["workers"]) - set(named):
        return [
            f"worker is {said}, and no other host is in the group {group}: no worker would run its tasks. Remedy: add another worker "
            "first."
        ]
    problems = []
    if parts.hosts["beat"] and not set(parts.hosts["beat"]) - set(named):
        problems.append(
            f"worker is {said}, where beat runs: the group {beat} has no other host. Remedy: put another host of the workers into it, "
            "or leave the group out to use the first worker."
        )
    for host in gone:
        others = [parts.called[part] for part in OTHERS if host in parts.hosts[part]]
        if others:
            problems.append(
                f"worker_gone is true, but {host} is in the group {', '.join(others)} too, which needs it. Remedy: take it out of there "
                "first, and give its part to another host."
            )
    return problems
