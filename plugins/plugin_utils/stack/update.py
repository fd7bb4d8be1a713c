# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook update: which unit tries what is new, and why it did not work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .site import Host, Site


@dataclass(frozen=True)
class UpdatePlan:
    """Values of an update for its hosts.

    :ivar first: the first host with a worker that a change has outdated; its unit proves the change.
    :ivar unit: that unit.
    :ivar reason: why it does not run what is new, empty where it does.
    :ivar ways_back: what kept a host from going back, one sentence for each.
    """

    first: str
    unit: str
    reason: str
    ways_back: list[str]


def update(site: Site, playing: Sequence[str], reachable: Sequence[str]) -> UpdatePlan:
    """Return the values for the hosts.

    :param playing: the hosts of the play, also those that have failed.
    :param reachable: those of them that have not.
    """
    hosts = [host for host in site.of(site.groups.workers) if host.name in playing]
    first = next((host for host in hosts if host.given.mappings("__celery_due_instances")), Host(""))
    # A host that is gone has noted none.
    gone = "this host, or the one that sends the task, can not be reached any more."
    usual = "" if first.name == "" or first.name in reachable else gone
    units = first.given.mappings("__celery_due_instances")
    ways = [host.given.text("__update_way_back") for host in hosts]
    return UpdatePlan(
        first=first.name,
        unit=units[0].text("unit") if units else "",
        reason=first.given.text("__celery_first_problem", usual),
        ways_back=[way for way in ways if way],
    )
