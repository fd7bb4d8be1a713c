# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database: which addresses it lets in, and how many connections Galaxy's processes keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import workers
from .site import Host, Site, Values

# Galaxy's own default.
POOL_SIZE = 5
LOOPBACK = ["127.0.0.1", "::1"]


@dataclass(frozen=True)
class DatabasePlan:
    """Values that hosts need of the database.

    :ivar clients: entries of postgresql_access_hosts: all on the database's host, elsewhere that of the host itself.
    :ivar other_addresses: those of Galaxy's own hosts, which come in by rules that are the site's.
    :ivar here: whether the database is on this host.
    :ivar target: what this host of workers knows the database by, where its address towards it is to be measured.
    :ivar way_problem: why that address is not known.
    :ivar resolved: the addresses of the names among the entries, as the database's host resolves them.
    :ivar reached: the server that the workers have reached, for the hosts that must not.
    :ivar problems: what keeps it from being known whom to let in, one sentence with its remedy for each.
    """

    clients: list[dict[str, Any]]
    other_addresses: list[str]
    pool_size: int
    max_overflow: int
    here: bool
    target: str
    way_problem: str
    resolved: dict[str, list[str]]
    reached: dict[str, Any]
    problems: list[str]


def client(host: Host, beside: bool) -> dict[str, Any]:
    """Return a host of workers as an entry of postgresql_access_hosts: the address that it comes from, and all that it has."""
    return {
        "name": host.name,
        # Beside the database a host may come from loopback.
        "address": host.given.text("celery_source_address") or host.measured("database") or host.towards("database"),
        "known_addresses": host.addresses + (LOOPBACK if beside else []),
        "processes": workers.processes(host),
    }


def target(site: Site, host: Host) -> str:
    """Return the database as a host of workers knows it: as Galaxy's configuration names it, else by the inventory's host.

    An address that the inventory gives is not measured, and without a database in the inventory nobody asks for one.
    """
    if host.name not in site.groups.workers or not site.groups.database or "celery_source_address" in host.given:
        return ""
    named = site.first(site.groups.galaxy).given.mapping("__galaxy_database").text("host")
    return host.given.text("postgresql_access_server_host") or named or site.first(site.groups.database).ipv4


def way_problem(site: Site, host: Host) -> str:
    """Say why it is not known from which address a host of workers reaches the database."""
    if not target(site, host) or host.measured("database"):
        return ""
    reason = host.given.mapping("__stack_measured").mapping("problems").text("database", "no answer")
    return (
        f"{host.name} cannot find its source address to the database: {reason} Remedy: name the database's host in Galaxy's "
        "database_connection, or in postgresql_access_server_host, so that the workers resolve and reach it; or set "
        "celery_source_address to this host's source address."
    )


def reached(site: Site) -> dict[str, Any]:
    """Return the server that the first worker has logged in to; nobody else comes over a socket of the file system."""
    logins = [host.given.mapping("__postgresql_access_login") for host in site.of(site.groups.workers)]
    login = next((found for found in logins if found.flag("admitted")), Values())
    return {"host": login.text("host"), "port": login.number("port", 5432), "user": login.text("user", "galaxy")}


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
        beside = site.groups.database
        entries = [client(host, host.name in beside) for host in site.of(site.groups.workers)] if beside else []
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
        self.reached = reached(site)
        found = [host.given.mapping("__postgresql_access_resolved") for host in site.of(site.groups.database)]
        self.resolved = {name: names.texts(name) for names in found for name in names.found}

    def plan(self, host: Host) -> DatabasePlan:
        """Return the values for a host."""
        here = host.name in self.site.groups.database
        own = [self.clients[host.name]] if host.name in self.clients else []
        given = "postgresql_access_hosts" in host.given
        return DatabasePlan(
            clients=list(self.clients.values()) if here else own,
            other_addresses=self.others,
            pool_size=self.pool[0],
            max_overflow=self.pool[1],
            here=here,
            target=target(self.site, host),
            way_problem=way_problem(self.site, host),
            resolved=self.resolved,
            reached=self.reached,
            problems=self.problems if here and not given else [],
        )
