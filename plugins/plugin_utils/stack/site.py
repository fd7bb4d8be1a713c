# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan is made of: the groups of an inventory, and of each host its facts and variables.

Nothing here judges a value. What is wrong with one is told by the preflight of its role, so a value of another kind than
expected counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

YES = ("1", "on", "t", "true", "y", "yes")


@dataclass(frozen=True)
class Values:
    """Variables by name, read as what they should be."""

    found: Mapping[str, Any] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return self.found.get(name) is not None

    def unknown(self, name: str) -> bool:
        """Say whether a variable is set to what cannot be told, such as a fact that nobody has asked for."""
        return name in self.found and self.found[name] is None

    def text(self, name: str, default: str = "") -> str:
        """Return a text or a number as text."""
        value = self.found.get(name)
        return str(value) if isinstance(value, (str, int, float)) else default

    def number(self, name: str, default: int = 0) -> int:
        """Return a whole number; it may be quoted."""
        try:
            return int(str(self.found[name]).strip())
        except (KeyError, ValueError):
            return default

    def flag(self, name: str, default: bool = False) -> bool:
        """Return whether a switch is on."""
        value = self.found.get(name)
        return default if value is None else str(value).lower() in YES

    def texts(self, name: str) -> list[str]:
        """Return the texts of a list."""
        value = self.found.get(name)
        return [str(item) for item in value] if isinstance(value, (list, tuple)) else []

    def mapping(self, name: str) -> Values:
        """Return the variables of a dictionary."""
        value = self.found.get(name)
        return Values(value if isinstance(value, Mapping) else {})

    def mappings(self, name: str) -> list[Values]:
        """Return the dictionaries of a list."""
        value = self.found.get(name)
        return [Values(item) for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


@dataclass(frozen=True)
class Host:
    """A host of the inventory.

    :ivar facts: what the host itself has said; empty where nobody has asked it.
    :ivar roles: the variables of each role, with the role's defaults.
    :ivar given: what the inventory says, or an earlier task has found, without anybody's defaults.
    """

    name: str
    facts: Values = field(default_factory=Values)
    roles: Mapping[str, Values] = field(default_factory=dict)
    given: Values = field(default_factory=Values)

    def role(self, name: str) -> Values:
        """Return the variables of a role."""
        return self.roles.get(name, Values())

    @property
    def known(self) -> bool:
        """Say whether the host was asked for its facts."""
        return "service_mgr" in self.facts

    @property
    def ipv4(self) -> str:
        """Return the address of the default route."""
        return self.facts.mapping("default_ipv4").text("address")

    @property
    def ipv6(self) -> str:
        """Return the IPv6 address of the default route."""
        return self.facts.mapping("default_ipv6").text("address")

    def measured(self, part: str) -> str:
        """Return the address that the kernel would choose towards another part of the stack."""
        return self.given.mapping("__stack_measured").mapping("addresses").text(part)

    def towards(self, part: str) -> str:
        """Return the address that another part of the stack sees this host of workers by.

        What the inventory says, what the kernel would choose towards it, or that of the default route.
        """
        measured = self.measured(part)
        # To itself a host comes from anywhere.
        usual = self.ipv4 or self.ipv6 if measured.startswith("127.") or measured in ("", "::1") else measured
        return self.given.text("celery_source_address", usual)

    @property
    def addresses(self) -> list[str]:
        """Return all addresses."""
        return self.facts.texts("all_ipv4_addresses") + self.facts.texts("all_ipv6_addresses")


@dataclass(frozen=True)
class Groups:
    """The names of the hosts of each part of the stack, in the inventory's order."""

    galaxy: list[str]
    broker: list[str]
    proxy: list[str]
    database: list[str]
    workers: list[str]
    beat: list[str]
    flower: list[str]
    monitored: list[str]

    def of(self, part: str) -> list[str]:
        """Return the hosts of a part by its name."""
        found: list[str] = getattr(self, part)
        return found


@dataclass(frozen=True)
class Site:
    """All that the plan is made of.

    :ivar asked: whether the hosts were asked for their facts. The playbook check asks nobody.
    """

    hosts: Mapping[str, Host]
    groups: Groups
    asked: bool = True

    def host(self, name: str) -> Host:
        """Return a host; of one without a name nothing is known."""
        return self.hosts.get(name, Host(name))

    def of(self, names: Iterable[str]) -> list[Host]:
        """Return the hosts of a group."""
        return [self.host(name) for name in names]

    def first(self, names: list[str]) -> Host:
        """Return the first host of a group."""
        return self.host(names[0] if names else "")


@dataclass(frozen=True)
class Closed:
    """What must not answer from a host.

    :ivar ports: each with its name.
    """

    addresses: list[str]
    ports: list[dict[str, Any]]


def unique(values: Iterable[str]) -> list[str]:
    """Return the values that are not empty, each once, in their order."""
    return list(dict.fromkeys(value for value in values if value))


def bracketed(address: str) -> str:
    """Return an address as URLs have it."""
    return f"[{address}]" if ":" in address and not address.startswith("[") else address
