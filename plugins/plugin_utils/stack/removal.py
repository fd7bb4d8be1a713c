# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook remove_worker: which queues hosts of workers leave behind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .site import Host, Site, unique

NOTHING = "(?!)"


@dataclass(frozen=True)
class RemovalPlan:
    """Regular expressions that the broker needs for removed hosts.

    :ivar nodes: the queues that name their Celery nodes.
    :ivar queues: all queues that name them.
    """

    nodes: str
    queues: str


def _system_names(host: Host) -> list[str]:
    """Return what Galaxy may call a host: by the inventory, or as its system does."""
    return [host.name, host.name.split(".")[0], host.facts.text("hostname"), host.facts.text("nodename")]


def _one_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names)) or NOTHING


def removal(site: Site, leaving: Sequence[str]) -> RemovalPlan:
    """Return the queues of hosts that leave.

    Celery names them by what a node's name has after the @, Galaxy by what the system calls the host. A name that another host may have
    too is left out, and where Galaxy itself stays its queues do.
    """
    others = [host for name, host in site.hosts.items() if name not in leaving]
    taken = {name for host in others for name in [*_system_names(host), host.given.text("celery_node_host")]}
    nodes = [host.given.text("celery_node_host") or host.name for host in site.of(leaving)]
    systems = [name for host in site.of(leaving) if host.name not in site.groups.galaxy for name in _system_names(host)]
    named = rf"^[^@]+@({_one_of(name for name in unique(nodes) if name not in taken)})\.celery\.pidbox$"
    own = _one_of(name for name in unique(systems) if name not in taken)
    return RemovalPlan(named, rf"{named}|^control\.[^@]+@({own})$")
