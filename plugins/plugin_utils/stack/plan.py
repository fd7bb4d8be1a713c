# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a stack: the values that each host needs from the others, computed once for all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .broker import AuthorityPlan, BrokerPlan, Brokers, authority
from .database import Database, DatabasePlan
from .monitoring import FlowerPlan, Monitoring, MonitoringPlan
from .parts import PartsPlan, parts_plan
from .release import ReleasePlan, release
from .site import Site
from .workers import Workers, WorkersPlan


@dataclass(frozen=True)
class HostPlan:
    """The values of one host."""

    broker: BrokerPlan
    authority: AuthorityPlan
    workers: WorkersPlan
    release: ReleasePlan
    database: DatabasePlan
    flower: FlowerPlan
    monitoring: MonitoringPlan
    parts: PartsPlan


def plan(site: Site) -> dict[str, HostPlan]:
    """Return the plan of each host by its name."""
    brokers, workers, database, monitoring = Brokers(site), Workers(site), Database(site), Monitoring(site)
    authorities, parts = authority(site), parts_plan(site)
    return {
        name: HostPlan(
            broker=brokers.plan(host),
            authority=authorities,
            workers=workers.plan(host),
            release=release(site, host),
            database=database.plan(host),
            flower=monitoring.flower(host),
            monitoring=monitoring.plan(host),
            parts=parts,
        )
        for name, host in site.hosts.items()
    }


def facts(host_plan: HostPlan) -> dict[str, Any]:
    """Return a plan as the fact of its host: without what it does not know, where a role has its own default."""
    return {part: {key: value for key, value in found.items() if value is not None}
            for part, found in asdict(host_plan).items()}  # fmt: skip
