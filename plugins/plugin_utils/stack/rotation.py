# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rotate_secrets: whose passwords change, and which hosts have moved to the temporary users."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .site import Host, Site, unique

KNOWN = ["admin", "galaxy", "flower", "telegraf", "database"]


@dataclass(frozen=True)
class RotationPlan:
    """Values of a rotation for a host.

    :ivar users: whose passwords are to be those of the inventory.
    :ivar broker_needed: whether Galaxy's user of the broker has another one; known once the broker was asked.
    :ivar database_needed: likewise its role of the database.
    :ivar needed: whether Galaxy and the workers have to move to a temporary user.
    :ivar open: whether they have, in this run or in one before.
    :ivar stand_ins: their names for a sentence.
    :ivar broker_login: as whom this host logs in to the broker meanwhile.
    :ivar database_login: likewise to the database.
    :ivar restarted_by_role: whether Galaxy's units are known, so that the role has restarted them.
    :ivar not_moved: the hosts that did not move to the temporary users.
    :ivar not_back: the hosts that did not move back.
    :ivar galaxy_addresses: where Galaxy's own connections to the database come from.
    :ivar problems: what is wrong with the names, one sentence with its remedy for each.
    """

    users: list[str]
    broker_needed: bool
    database_needed: bool
    needed: bool
    open: bool
    broker_stand_in: str
    database_stand_in: str
    stand_ins: str
    broker_login: str
    database_login: str
    restarted_by_role: bool
    not_moved: list[str]
    not_back: list[str]
    galaxy_addresses: list[str]
    problems: list[str]


def _without(site: Site, mark: str) -> list[str]:
    """Return the hosts of Galaxy and of the workers that have not left a mark."""
    hosts = site.of(unique([*site.groups.galaxy, *site.groups.workers]))
    return [host.name for host in hosts if mark not in host.given]


def _galaxy_addresses(site: Site) -> list[str]:
    hosts = site.of(site.groups.galaxy)
    here = ["127.0.0.1", "::1"] if set(site.groups.galaxy) & set(site.groups.database) else []
    return unique([*(host.ipv4 for host in hosts), *(host.ipv6 for host in hosts), *here])


def _problems(site: Site, host: Host, database_known: bool) -> list[str]:
    given = host.given.found.get("rotate_users")
    if given is None:
        return []
    if isinstance(given, str) or set(host.given.texts("rotate_users")) - set(KNOWN) or not isinstance(given, list):
        return [f"rotate_users is {json.dumps(given)}. Remedy: name some of {', '.join(KNOWN)}, as a list."]
    if "database" in given and not database_known:
        return [
            "rotate_users names database, and galaxy_database_password is not set or the group of the database servers has no host. "
            "Remedy: set galaxy_database_password for all hosts, and name the server in the inventory."
        ]
    return []


def rotation(site: Site, host: Host) -> RotationPlan:
    """Return the values for a host."""
    broker, database = (site.first(names).given for names in (site.groups.broker, site.groups.database))
    galaxies = site.of(site.groups.galaxy)
    database_known = bool(site.groups.database) and any(found.given.flag("has_database_password") for found in galaxies)
    usual = [name for name in KNOWN if name != "database" or database_known]
    broker_needed = broker.flag("__rabbitmq_rotation_needed")
    database_needed = database.flag("__postgresql_access_rotation_needed")
    found = broker.flag("__rabbitmq_rotation_found") or database.flag("__postgresql_access_rotation_found")
    broker_name, database_name = broker.text("__rabbitmq_rotation_name"), database.text("__postgresql_access_rotation_name")
    return RotationPlan(
        users=host.given.texts("rotate_users") if "rotate_users" in host.given else usual,
        broker_needed=broker_needed,
        database_needed=database_needed,
        needed=broker_needed or database_needed,
        open=broker_needed or database_needed or found,
        broker_stand_in=broker_name,
        database_stand_in=database_name,
        stand_ins=" and ".join(unique([broker_name, database_name])),
        broker_login=broker_name if broker_needed else host.given.text("galaxy_amqp_user", "galaxy"),
        database_login=database_name if database_needed else host.given.text("galaxy_database_user", "galaxy"),
        restarted_by_role=all(found.given.texts("galaxy_celery_restart_services") for found in galaxies),
        not_moved=_without(site, "__rotation_moved"),
        not_back=_without(site, "__rotation_back"),
        galaxy_addresses=_galaxy_addresses(site),
        problems=_problems(site, host, database_known),
    )
