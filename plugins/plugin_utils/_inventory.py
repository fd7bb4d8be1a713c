# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an inventory as a whole: its groups, what its hosts must agree on, and its passwords.

Private to the collection. No sentence holds a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

SHORTEST = 8
FEWEST_CHARACTERS = 5
# Passwords of examples and of password lists, without digits and marks.
WELL_KNOWN = {
    "admin", "changeit", "changeme", "default", "example", "flower", "galaxy", "guest", "letmein", "password", "passwort",
    "postgres", "rabbitmq", "replace", "replaceme", "root", "secret", "strongpw", "supersecret", "telegraf", "test", "vault",
}  # fmt: skip


# Names that people give to groups, which are no misspelling of the collection's own.
OTHER_NAMES = {
    "dbservers": ("postgresqlservers", "postgresservers", "postgresql", "postgres", "databaseservers", "database"),
    "rabbitmqservers": ("rabbitmq", "mqservers", "brokers"),
    "celeryservers": ("celery", "workers", "celeryworkers", "celery_workers"),
    "galaxyservers": ("galaxy", "galaxies"),
    "traefikservers": ("traefik", "proxies"),
    "flowerservers": ("flower",),
    "telegrafservers": ("telegraf", "monitoring"),
}
# A variable that is missing, as the checks of the roles say it, and what follows from it alone.
UNDEFINED = re.compile(r"(?P<variable>[\w.]+) has no value: '(?P<missing>\w+)' is undefined\. Remedy: define (?P=missing)\.")
FOLLOWS = re.compile(r"'(?P<missing>\w+)' is undefined\.")


def listed(names: Iterable[str]) -> str:
    """Join names as a sentence has them."""
    return ", ".join(sorted(names))


def group_problems(
    wanted: dict[str, str], groups: dict[str, list[str]], needed: Collection[str], given: Collection[str]
) -> list[str]:
    """Return which of the groups of the playbooks have no host.

    :param wanted: the name of each group, by the variable that holds it.
    :param groups: the hosts of each group of the inventory.
    :param needed: the variables of groups without which there is no stack.
    :param given: the variables that the inventory itself sets.
    """
    problems = []
    strange = sorted(set(groups) - set(wanted.values()) - {"all", "ungrouped"})
    for variable, name in wanted.items():
        if groups.get(name):
            continue
        if name in groups:
            problems.append(f"The group {name} ({variable}) has no host. Remedy: put a host into it, or remove the group.")
            continue
        near = difflib.get_close_matches(name, strange, 1, 0.8) or [other for other in strange if other in OTHER_NAMES.get(name, ())]
        if near:
            problems.append(
                f"The inventory has a group {near[0]}, but no group {name} ({variable}). Remedy: did you mean {name}? "
                f"Rename the group, or set {variable} to {near[0]}."
            )
        elif variable in needed or variable in given:
            problems.append(
                f"The inventory has no group {name} ({variable}). Remedy: make it and put a host into it, or set {variable} to "
                "the name that the group has."
            )
    return problems


# What a proxy shows of other hosts: the variables of its public name, the group that has it, its address, and the proxy's way to it.
PAGES = (
    (("traefik_management_host", "rabbitmq_management_host"), "rabbitmqservers_group", "rabbitmq_listen_address", "traefik_management_urls"),
    (("traefik_flower_host",), "flowerservers_group", "flower_address", "traefik_flower_urls"),
)
PAGE_VARIABLES = sorted({name for names, _group, *others in PAGES for name in (*names, *others)})


def page_problems(hosts: dict[str, list[str]], values: dict[str, dict[str, str | None]]) -> list[str]:
    """Return the pages that a proxy shows and does not reach, since they listen on loopback of another host.

    :param hosts: the hosts of each group, by the variable that holds its name.
    :param values: the variables of each host, of the names in PAGE_VARIABLES; null for what only the host can tell.
    """
    problems = []
    for proxy in hosts.get("traefikservers_group") or []:
        for names, group, address, urls in PAGES:
            public = next((values[proxy][name] for name in names if name in values[proxy]), "")
            if not public or urls in values[proxy]:
                continue
            problems += [
                f"{address} is {found} on {host}, where Traefik on {proxy} does not reach it to show it as {public}. Remedy: set {address} to an "
                f"address of {host} that {proxy} reaches, or {urls} to another way."
                for host in hosts.get(group) or []
                if host != proxy and re.match(r"127[.]|localhost$|\[?::1", found := values[host].get(address, "127.0.0.1") or "")
            ]
    return problems


def differing(name: str, values: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Return the hosts of each value of a variable; a value that is a number in quotes is that number."""
    found: dict[str, list[str]] = {}
    for host, variables in values.items():
        if name in variables:
            found.setdefault(str(variables[name]), []).append(host)
    return found


def shared_problems(
    values: dict[str, dict[str, Any]], shared: dict[str, Any], secret: Callable[[str], bool]
) -> list[str]:
    """Return the variables that are one for the whole stack and differ between hosts.

    :param values: the variables of each host.
    :param shared: their defaults by name; null for none.
    :param secret: says whether the value of a name must not be shown.
    """
    problems = []
    for name, default in shared.items():
        known = values
        if default is not None:
            known = {host: {name: default, **variables} for host, variables in values.items()}
        found = differing(name, known)
        if len(found) < 2:
            continue
        if secret(name):
            said = "; ".join(sorted(map(listed, found.values())))
            said = f"has {len(found)} values (one on each of: {said}; not shown)"
        else:
            said = "is " + ", but ".join(f"{value!r} on {listed(hosts)}" for value, hosts in sorted(found.items()))
        problems.append(f"{name} {said}. Remedy: set it once for all hosts of the stack, in group_vars/all.")
    return problems


def weakness(name: str, value: str) -> str | None:
    """Say why a password is easy to guess, or return nothing."""
    if len(value) < SHORTEST:
        return f"has fewer than {SHORTEST} characters"
    bare = re.sub(r"[^a-z]", "", value.lower())
    if bare in WELL_KNOWN or any(bare == word * (len(bare) // len(word)) for word in WELL_KNOWN if bare):
        return "is a word that everybody tries first"
    if value.lower() in (name, name.rpartition("_")[0]):
        return "is its own variable's name"
    if len(set(value)) < FEWEST_CHARACTERS:
        return f"has fewer than {FEWEST_CHARACTERS} different characters"
    return None


def password_problems(
    values: dict[str, dict[str, Any]], aliases: dict[str, str], told: Collection[str] = ()
) -> list[str]:
    """Return the weak passwords, and those that serve for two things.

    :param values: the passwords of each host, by the variable's name.
    :param aliases: the variable that another one stands for by default.
    :param told: those that have been found weak already.
    """
    problems = []
    owners: dict[str, set[str]] = {}
    for name in sorted({name for variables in values.values() for name in variables}):
        for value in sorted(differing(name, values)):
            if not value:
                continue
            weak = weakness(name, value)
            if weak and name not in told:
                problems.append(
                    f"{name} {weak} (its value is not shown). Remedy: put a random one into the vault, for example from: "
                    "openssl rand -hex 24."
                )
            owners.setdefault(value, set()).add(aliases.get(name, name))
    for names in sorted(map(sorted, owners.values())):
        if len(names) > 1:
            problems.append(
                f"{' and '.join(names)} have the same value (not shown), so who gets one has all. Remedy: give each a random one "
                "of its own, for example from: openssl rand -hex 24."
            )
    return problems


def without_missing(problems: dict[str, list[str]]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the problems of each host without those of missing variables, and one sentence for all of these.

    :param problems: the problems of each host.
    """
    users: dict[str, tuple[set[str], set[str]]] = {}
    rest = {}
    for host, found in problems.items():
        missing = {match["missing"]: match["variable"] for match in map(UNDEFINED.fullmatch, found) if match}
        for name, variable in missing.items():
            users.setdefault(name, (set(), set()))
            users[name][0].add(variable)
            users[name][1].add(host)
        follow = [text for text in found if (match := FOLLOWS.match(text)) and match["missing"] in missing]
        rest[host] = [text for text in found if not UNDEFINED.fullmatch(text) and text not in follow]
    if not users:
        return rest, []
    # What a role says of a value that is made of a missing one.
    told = re.compile(rf"\b(?:{'|'.join(users)})\b")
    rest = {host: [text for text in found if not told.search(text)] for host, found in rest.items()}
    said = [f"{name} (for {listed(variables)} on {listed(hosts)})" for name, (variables, hosts) in sorted(users.items())]
    noun = "1 variable is" if len(said) == 1 else f"{len(said)} variables are"
    return rest, [f"{noun} not defined: {'; '.join(said)}. Remedy: define them, secrets in the vault; or give the vault's password."]


def address_problems(addresses: dict[str, Any]) -> list[str]:
    """Return the hosts whose address is set to nothing.

    :param addresses: C(ansible_host) of each host that sets it.
    """
    empty = [host for host, address in addresses.items() if not str(address or "").strip()]
    if not empty:
        return []
    return [f"ansible_host is empty on {listed(empty)}. Remedy: give it an address, or remove the line to use the host's name."]


def package_problems(missing: list[str], python: str) -> list[str]:
    """Return which Python packages are missing on the controller.

    :param missing: the names of the packages.
    :param python: the Python that runs Ansible.
    """
    if not missing:
        return []
    return [f"Python packages are missing on this machine: {listed(missing)}. Remedy: {python} -m pip install {' '.join(sorted(missing))}."]


def by_host(problems: dict[str, list[str]]) -> list[str]:
    """Return each problem once, with the hosts that have it.

    :param problems: the problems of each host.
    """
    hosts: dict[str, list[str]] = {}
    for host, found in problems.items():
        for text in found:
            hosts.setdefault(text, []).append(host)
    return [f"{', '.join(names)}: {text}" for text, names in hosts.items()]
