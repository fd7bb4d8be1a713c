# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database: which addresses it lets in, and how many connections Galaxy's processes keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import workers
from .site import Host, Site

# Galaxy's own default.
POOL_SIZE = 5


@dataclass(frozen=True)
class DatabasePlan:
    """What hosts must know of the database.

    :ivar clients: entries of postgresql_access_hosts: all on the database's host, elsewhere that of the host itself.
    :ivar other_addresses: those of Galaxy's own hosts, which come in by rules that are the site's.
    :ivar here: whether the database is on this host.
    :ivar problems: what keeps it from being known whom to let in, one sentence with its remedy for each.
    """

    clients: list[dict[str, Any]]
    other_addresses: list[str]
    pool_size: int
    max_overflow: int
    here: bool
    problems: list[str]


def client(host: Host) -> dict[str, Any]:
    """Return a host of workers as an entry of postgresql_access_hosts: the address that it comes from, and all that it has."""
    measured = host.given.mapping("__postgresql_access_source")
    return {
        "name": host.name,
        "address": measured.text("address", host.towards("database")),
        "known_addresses": host.addresses + measured.texts("known_addresses"),
        "processes": workers.processes(host),
    }


def pool(site: Site) -> tuple[int, int]:
    """Return size and overflow of Galaxy's pool: as the inventory of the role galaxyproject.galaxy has it, else as galaxy.yml."""
    given = site.first(site.groups.galaxy).given
    found = given.mapping("__galaxy_database")
    return (
        given.number("pool_size", found.number("pool_size", POOL_SIZE)),
        given.number("max_overflow", found.number("max_overflow", workers.GALAXY_MAX_OVERFLOW)),
    )


class Database:
    """What is the same for all hosts is worked out once."""

    def __init__(self, site: Site) -> None:
        self.site = site
        entries = [client(host) for host in site.of(site.groups.workers)] if site.groups.database else []
        self.clients = {entry["name"]: entry for entry in entries if entry["address"]}
        unknown = [entry["name"] for entry in entries if not entry["address"]]
        self.problems = []
        if unknown and site.asked:
            self.problems.append(
                f"The addresses of {', '.join(unknown)} are not known, so the database would shut them out. Run without --limit, or "
                "set celery_source_address of each of them."
            )
        self.others = [address for host in site.of(site.groups.galaxy) for address in host.addresses]
        self.pool = pool(site)

    def plan(self, host: Host) -> DatabasePlan:
        """Return what a host must know."""
        here = host.name in self.site.groups.database
        own = [self.clients[host.name]] if host.name in self.clients else []
        given = "postgresql_access_hosts" in host.given
        return DatabasePlan(
            clients=list(self.clients.values()) if here else own,
            other_addresses=self.others,
            pool_size=self.pool[0],
            max_overflow=self.pool[1],
            here=here,
            problems=self.problems if here and not given else [],
        )
