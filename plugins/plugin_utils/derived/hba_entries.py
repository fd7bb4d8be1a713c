# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that makes the addresses of pg_hba.conf from workers and networks, and tells what is wrong with them."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, Union

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._hba_rules import Network

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Thing = TypeVar("Thing")

# They let in whoever comes, where a line of pg_hba.conf expects an address.
KEYWORDS = ("all", "samehost", "samenet")
NAME = re.compile(r"(?=.{1,253}$)(?=.*[A-Za-z])[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
# Two octets of a private network and of a tailnet, one keystroke apart.
SWAPPED = {"10": "100", "100": "10"}
HOSTS = "postgresql_access_hosts"
NETWORKS = "postgresql_access_networks"


class Entry:
    """One address, network or name as it was written, and what was made of it."""

    def __init__(self, text: Any, host: dict[str, Any] | None = None) -> None:
        self.text = text
        self.host = host
        self.networks: list[Network] = []
        self.wrong: list[str] = []  # what an exception can let through
        self.unreadable: str | None = None  # what it cannot

    @property
    def label(self) -> str:
        """How a message names the entry."""
        return f"{HOSTS}: {self.host['name']}: {self.text!r}" if self.host else f"{NETWORKS}: {self.text!r}"


def _readable(values: Iterable[str]) -> list[Address]:
    """Return what can be read as addresses of some texts, each once."""
    found: dict[Address, None] = {}
    for value in values:
        try:
            found[ipaddress.ip_address(value)] = None
        except ValueError:
            continue
    return list(found)


def _addresses(values: Iterable[Any] | None) -> list[Address]:
    """Return the addresses of a list, without the loopback's and the link's own."""
    found = _readable(str(value).partition("%")[0] for value in values or [])
    return [address for address in found if not (address.is_loopback or address.is_link_local)]


def _nearest(text: str, candidates: Iterable[Thing]) -> Thing | None:
    """Return the candidate that looks most like a text, or None where none does."""
    by_text = {str(candidate): candidate for candidate in candidates}
    found = difflib.get_close_matches(text, list(by_text), 1, 0.6)
    return by_text[found[0]] if found else None


def _is_name(text: str) -> bool:
    return bool(NAME.fullmatch(text)) and not re.fullmatch(r"[0-9.]+", text) and "/" not in text


def _unreadable(text: str) -> str:
    """Say why a text is no address, and what was probably meant."""
    bare = text.strip()
    if not bare:
        return "is empty. Give an address such as 192.0.2.10, or leave the host out"
    if bare != text or re.search(r"\s", text):
        return f"holds a space or a line break. Write {bare.split()[0]!r} alone"
    if text.lower() in KEYWORDS:
        return "is a word of pg_hba.conf that lets in whole networks. Give the address of each worker"
    bracketed = re.fullmatch(r"\[([^\]]*)\](:\d+)?", text)
    if bracketed:
        return f"has brackets or a port. Write {bracketed.group(1)!r}"
    if re.fullmatch(r"[0-9.]+:\d+", text):
        return f"has a port. Write {text.partition(':')[0]!r}"
    if "://" in text:
        return "is a URL. Give the address alone"
    if "%" in text:
        return (
            f"has a zone, which pg_hba.conf cannot say. Write {text.partition('%')[0]!r}, or an address that is routed"
        )
    address, slash, prefix = text.partition("/")
    if slash and not prefix.isdecimal():
        try:
            return (
                f"has a mask instead of the number of its bits. Write {str(ipaddress.ip_network(text, strict=False))!r}"
            )
        except ValueError:
            return f"has {prefix!r} for the number of bits. Write {address + '/24'!r}, or another number"
    octets = address.split(".")
    if all(octet.isdecimal() for octet in octets):
        if len(octets) != 4:
            return f"has {len(octets)} octets instead of four"
        if any(int(octet) > 255 for octet in octets):
            return f"has the octet {next(octet for octet in octets if int(octet) > 255)}, which is above 255"
        if any(octet != str(int(octet)) for octet in octets):
            plain = ".".join(str(int(octet)) for octet in octets)
            return f"has an octet with leading zeros, which some read as octal. Write {plain + slash + prefix!r}"
        return f"has the prefix /{prefix}, but IPv4 has 32 bits"
    if ":" in address and slash:
        try:
            ipaddress.IPv6Address(address)
        except ValueError:
            return "is no IPv6 network"
        return f"has the prefix /{prefix}, but IPv6 has 128 bits"
    return "is no address, network or host name. Write it as 192.0.2.10, 192.0.2.0/24 or 2001:db8::10"


def _read(entry: Entry, resolved: dict[str, Any] | None, names: list[str]) -> None:
    """Set the networks of an entry, or say why there are none."""
    text = entry.text
    if not isinstance(text, str):
        entry.unreadable = "is no text. Put it in quotes"
        return
    if _is_name(text) and text.lower() not in KEYWORDS:
        names.append(text)
        entry.networks = [ipaddress.ip_network(address) for address in _readable((resolved or {}).get(text) or [])]
        if not entry.networks and (resolved is None or text in resolved):
            entry.unreadable = "is no address, and as a host name it does not resolve on the database's host. Give the address, or correct the name"
        return
    try:
        if not re.fullmatch(r"[0-9A-Fa-f:.]+(/[0-9]+)?", text):
            raise ValueError
        entry.networks = [ipaddress.ip_network(text, strict=False)]
    except ValueError:
        entry.unreadable = _unreadable(text)
        return
    network = entry.networks[0]
    if "/" in text and ipaddress.ip_address(text.partition("/")[0]) != network.network_address:
        entry.wrong.append(
            f"has host bits set under its mask. Write {str(network)!r} for the network, or "
            f"{text.partition('/')[0]!r} for the one host"
        )


def _check_width(entry: Entry, widest: dict[int, int]) -> None:
    for network in entry.networks:
        limit = widest[network.version]
        variable = f"postgresql_access_widest_ipv{network.version}_prefix"
        if network.prefixlen == 0:
            entry.wrong.append("lets every address there is ask for a login. Give the network of the workers")
        elif network.prefixlen < limit:
            entry.wrong.append(
                f"is wider than /{limit} ({variable}): {network.num_addresses} addresses. Give the smallest network that "
                "holds the workers"
            )
        elif network.network_address.is_unspecified or network.is_multicast:
            entry.wrong.append("is no address that a host can have")


def _swap(network: Network) -> Network | None:
    """Return the network with its first octet 10 for 100, or 100 for 10; None for any other."""
    first, _dot, rest = str(network).partition(".")
    # A wider network tells too little to be a mistyped one.
    if first not in SWAPPED or network.prefixlen < 16:
        return None
    try:
        return ipaddress.ip_network(f"{SWAPPED[first]}.{rest}")
    except ValueError:
        return None


def _check_owner(entry: Entry, workers: dict[str, list[Address]]) -> None:
    """Hold an entry against the addresses that are known: those of its host, or those of all workers."""
    # A name stands for its host: one of its addresses is enough, and the host's own choice.
    known = _addresses(entry.host.get("known_addresses")) if entry.host else workers["facts"]
    # A loopback address that was named belongs to a worker on the database's own host.
    named = _readable(map(str, entry.host.get("known_addresses") or [])) if entry.host else []
    if any(address in network for network in entry.networks for address in known + named):
        return
    network = entry.networks[0]
    if known and network.is_loopback:
        entry.wrong.append(
            f"is loopback, which is another machine for each host, and the database is not on {entry.host['name']}. "
            "Name the database in Galaxy's database_connection as the workers reach it"
            if entry.host
            else "is loopback, where no worker comes from. Remove it"
        )
        return
    if known:
        owner = f"{entry.host['name']}, which has" if entry.host else "any known worker; they have"
        meant = _meant(network, known)
        remedy = f"Probably {meant!r} was meant" if meant else "Give one of these"
        entry.wrong.append(f"does not belong to {owner} {', '.join(map(str, known))}. {remedy}")
        return
    others = [address for address in workers["all"] if not any(address in own for own in entry.networks)]
    swapped = _swap(network)
    owners = [address for address in others if swapped is not None and address in swapped]
    if swapped is not None and owners and not any(address in network for address in workers["all"] if not entry.host):
        entry.wrong.append(
            f"begins with {str(network).partition('.')[0]}, where the worker {owners[0]} has "
            f"{str(owners[0]).partition('.')[0]}. Probably {_written(swapped)!r} was meant"
        )


def _written(network: Network) -> str:
    """Return a network as one writes it: a single address without its prefix."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _meant(network: Network, known: list[Address]) -> str | None:
    """Return what was probably meant by a network that holds none of the known addresses."""
    swapped = _swap(network)
    if swapped is not None and any(address in swapped for address in known):
        return _written(swapped)
    same = [address for address in known if address.version == network.version]
    nearest = _nearest(
        str(network), [ipaddress.ip_network((address, network.prefixlen), strict=False) for address in same]
    )
    return _written(nearest) if nearest is not None else None


def _check_twice(entries: list[Entry]) -> None:
    owners: dict[Network, str] = {}
    for entry in entries:
        if entry.host is None:
            continue
        for network in entry.networks:
            first = owners.setdefault(network, entry.host["name"])
            if first != entry.host["name"]:
                entry.wrong.append(
                    f"is the address of {first} too, and two hosts rarely share one. Correct the one that was copied"
                )


def _exception_problems(entries: list[Entry], exceptions: dict[str, Any]) -> Iterator[str]:
    written = [entry.text for entry in entries]
    for text, reason in exceptions.items():
        if text not in written:
            nearest = _nearest(str(text), [str(value) for value in written])
            yield f"{text!r} is not among the entries. " + (f"Did you mean {nearest!r}?" if nearest else "Remove it.")
        elif not isinstance(reason, str) or not reason.strip():
            yield f"{text!r} has no reason. Write why this entry is wanted as it is."


def _entries(value: Any) -> list[Entry]:
    if not isinstance(value, dict) or not {"hosts", "networks"} <= set(value):
        raise AnsibleFilterError("hba_entries: the input must be a dictionary with hosts and networks.")
    hosts, networks = list(value["hosts"]), list(value["networks"])
    if not all(isinstance(host, dict) and {"name", "address"} <= set(host) for host in hosts):
        raise AnsibleFilterError("hba_entries: each of the hosts must be a dictionary with name and address.")
    return [Entry(host["address"], host) for host in hosts] + [Entry(network) for network in networks]


def hba_entries(
    value: Any,
    resolved: dict[str, Any] | None = None,
    exceptions: dict[str, Any] | None = None,
    widest_ipv4_prefix: int | str = 16,
    widest_ipv6_prefix: int | str = 48,
) -> dict[str, list[str]]:
    """Return the addresses of pg_hba.conf and what is wrong with them.

    :param value: a dict with C(hosts) and C(networks).
    :param resolved: addresses by host name.
    :param exceptions: reasons by entry.
    :param widest_ipv4_prefix: shortest prefix of an IPv4 network.
    :param widest_ipv6_prefix: shortest prefix of an IPv6 network.
    :returns: a dict with C(entries), C(names), C(problems) and C(excepted).
    :raises AnsibleFilterError: for an input of another shape.
    """
    entries, names, exceptions = _entries(value), list[str](), exceptions or {}
    widest = {4: int(widest_ipv4_prefix), 6: int(widest_ipv6_prefix)}
    for entry in entries:
        _read(entry, resolved, names)
    facts = [address for entry in entries if entry.host for address in _addresses(entry.host.get("known_addresses"))]
    single = [
        network.network_address
        for entry in entries
        for network in entry.networks
        if entry.host and network.prefixlen == network.max_prefixlen
    ]
    workers = {"facts": list(dict.fromkeys(facts)), "all": list(dict.fromkeys(facts + single))}
    _check_twice(entries)
    for entry in entries:
        _check_width(entry, widest)
        # What is too wide holds whatever worker there is.
        if entry.networks and not any(network.prefixlen == 0 for network in entry.networks):
            _check_owner(entry, workers)
    problems, excepted = list[str](), list[str]()
    for entry in entries:
        if entry.unreadable:
            problems.append(f"{entry.label} {entry.unreadable}.")
        elif entry.text in exceptions:
            excepted += [f"{entry.label} {wrong}. Excepted: {exceptions[entry.text]}." for wrong in entry.wrong]
        else:
            problems += [f"{entry.label} {wrong}." for wrong in entry.wrong]
    problems += [f"postgresql_access_exceptions: {text}" for text in _exception_problems(entries, exceptions)]
    networks = [str(network) for entry in entries for network in entry.networks]
    return {
        "entries": list(dict.fromkeys(networks)),
        "names": list(dict.fromkeys(names)),
        "problems": list(dict.fromkeys(problems)),
        "excepted": list(dict.fromkeys(excepted)),
    }
