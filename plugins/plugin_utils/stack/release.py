# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the workers get Galaxy's release from, and as whom its host sees them."""

from __future__ import annotations

from dataclasses import dataclass

from .site import Host, Site, unique


@dataclass(frozen=True)
class ReleasePlan:
    """Values of Galaxy's host that a worker host needs.

    :ivar source_host: the name that the inventory gives to the host of the release.
    :ivar worker_addresses: those that this host comes from.
    """

    source_host: str | None
    worker_addresses: list[str]


def release(site: Site, host: Host) -> ReleasePlan:
    """Return the values for a host."""
    source = site.groups.galaxy[0] if site.groups.galaxy else None
    own = [host.towards("galaxy")] if host.name in site.groups.workers else []
    return ReleasePlan(source, unique(own))
