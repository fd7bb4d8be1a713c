# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report what is wrong with the whole inventory, on the controller."""
from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.usegalaxy_eu.celery.plugins.action.check_variables import (
    ROLES_DIR,
    all_roles,
    is_secret,
    load_specification,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._inventory import (
    PAGE_VARIABLES,
    address_problems,
    by_host,
    group_problems,
    package_problems,
    page_problems,
    password_problems,
    shared_problems,
    without_missing,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._origin import with_place, written_plainly
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._site_reader import Reader
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.parts import PARTS

# Secrets that people choose, and so choose badly.
PASSWORD = re.compile(r"_(password|cookie|token|secret)$")
# What the plugins of the controller need, by the name that pip knows.
PACKAGES = {"tomli-w": "tomli_w", "cryptography": "cryptography"}
GROUPS = {part.variable: part for part in PARTS.values()}
# What both ends of a connection must say alike, with the defaults of the roles.
SHARED = {
    "galaxy_amqp_host": None,
    "galaxy_amqp_port": 5671,
    "galaxy_amqp_vhost": "galaxy",
    "galaxy_amqp_user": "galaxy",
    "galaxy_amqp_password": None,
    "flower_amqp_user": "flower",
    "flower_amqp_password": None,
    "flower_port": 5555,
    "telegraf_amqp_user": "telegraf",
    "telegraf_amqp_password": None,
    "rabbitmq_amqp_port": 5672,
    "rabbitmq_management_port": 15672,
    "rabbitmq_management_host": "",
    "rabbitmq_erlang_cookie": None,
    "rabbitmq_proxy_protocol_enabled": True,
}
ALIAS = re.compile(r"\{\{\s*(\w+)\s*(\|[^}]*)?\}\}")


def all_defaults() -> dict[str, dict[str, Any]]:
    """Return the defaults of each role as they are written."""
    defaults = {}
    for role in all_roles():
        path = os.path.join(ROLES_DIR, role, "defaults", "main.yml")
        if not os.path.exists(path):  # a library of task files
            continue
        with open(path, encoding="utf-8") as stream:
            defaults[role] = yaml.safe_load(stream)
    return defaults


def passwords(defaults: dict[str, dict[str, Any]]) -> tuple[set[str], dict[str, str]]:
    """Return the names of all passwords of the roles, and which of them stand for others by default.

    :param defaults: the defaults of each role.
    """
    names, aliases = set[str](), dict[str, str]()
    for role, usual in defaults.items():
        own = {name for name in load_specification(role, "main")[0] if PASSWORD.search(name)}
        found = {name: ALIAS.fullmatch(str(usual.get(name, ""))) for name in own}
        names |= own
        aliases.update({name: match[1] for name, match in found.items() if match})
    return names, aliases


def value_of(variables: Mapping[str, Any], name: str) -> str | None:
    """Return the value of a variable of a host, or None; what has none is told by the role that needs it."""
    try:
        value = variables.get(name)
        # A text is evaluated when it is read.
        return None if value is None else str(value)
    except AnsibleError:
        return None


def values_of(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str], names: Collection[str]
) -> dict[str, dict[str, str]]:
    """Return the variables of these names that each host has."""
    found = {host: {name: value_of(hostvars[host], name) for name in names} for host in hosts}
    return {host: {name: value for name, value in values.items() if value is not None} for host, values in found.items()}


def plain_passwords(written: Iterable[Mapping[str, Any]], names: list[str]) -> str | None:
    """Return which passwords are in files without encryption, in one sentence, or None.

    :param written: the variables of each host, as they are written.
    :param names: those that are secrets.
    """
    files: dict[str, set[str]] = {}
    for variables in written:
        for path, found in written_plainly(variables, names).items():
            files.setdefault(path, set()).update(found)
    if not files:
        return None
    said = "; ".join(f"{', '.join(sorted(found))} in {path}" for path, found in sorted(files.items()))
    return f"Passwords are in plain text: {said}. Remedy: ansible-vault encrypt {' '.join(sorted(files))}"


class ActionModule(ActionBase):
    """Report every problem of an inventory at once."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the result of the task; it has failed when there is a problem."""
        result = super().run(tmp, task_vars)
        self.validate_argument_spec({})
        task_vars = task_vars or {}
        task_vars = task_vars or {}
        hostvars, groups = task_vars["hostvars"], task_vars["groups"]
        called = Reader(self._templar, hostvars).members(groups, task_vars).called
        wanted = {part.variable: called[name] for name, part in PARTS.items()}
        hosts = sorted({host for name in wanted.values() for host in groups.get(name, [])})
        given = {variable for variable in wanted if any(variable in hostvars[host] for host in groups["all"])}
        defaults = all_defaults()
        names, aliases = passwords(defaults)

        problems = group_problems(wanted, groups, [variable for variable, part in GROUPS.items() if part.needed], given)
        problems += address_problems({host: hostvars[host]["ansible_host"] for host in hosts if "ansible_host" in hostvars[host]})
        problems += package_problems([name for name, module in PACKAGES.items() if importlib.util.find_spec(module) is None], sys.executable)
        written = {host: hostvars.raw_get(host) for host in hosts}
        single, missing = without_missing({host: self._found(host, hostvars[host], groups, wanted) for host in hosts})
        found = missing + by_host({host: [with_place(text, written[host]) for text in texts] for host, texts in single.items()})
        problems += found
        problems += shared_problems(values_of(hostvars, hosts, SHARED), SHARED, lambda name: is_secret(name, {}))
        members = {variable: groups.get(name, []) for variable, name in wanted.items()}
        known = {host: {name: value_of(hostvars[host], name) for name in PAGE_VARIABLES if name in hostvars[host]} for host in hosts}
        problems += page_problems(members, known)
        told = {name for name in names if any(re.search(rf"\b{name}\b", text) for text in found)}
        problems += password_problems(values_of(hostvars, hosts, names), aliases, told)

        result.update(changed=False, hosts=len(hosts), problems=problems)
        if plain := plain_passwords(written.values(), sorted(names)):
            result["warnings"] = [plain]
        if problems:
            count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
            # The list is in the result, and not in the message too, so that it is printed once.
            result.update(failed=True, msg=f"{count} in the inventory, listed above.")
        else:
            usual = {GROUPS[variable].group: of for variable, of in members.items() if GROUPS[variable].roles}
            result["parts"] = {host: [name for name, of in usual.items() if host in of] for host in hosts}
            result["left_out"] = [name for name, of in usual.items() if not of]
            lines = [f"{host}: {', '.join(parts)}" for host, parts in result["parts"].items()]
            result["lines"] = lines + [f"{name}: no host, so this part is left out" for name in result["left_out"]]
        return result

    @staticmethod
    def _found(
        host: str, variables: Mapping[str, Any], groups: Mapping[str, list[str]], wanted: Mapping[str, str]
    ) -> list[str]:
        """Return what the checks of the roles, and the plan, have found on a host."""
        found: list[str] = []
        for part in PARTS.values():
            for role in part.roles:
                found += (variables.get(f"__{role}_check") or {}).get("problems", [])
        plan = variables.get("stack") or {}
        if host in groups.get(wanted["celeryservers_group"], []):
            found += plan.get("workers", {}).get("problems", [])
        # What is between Traefik and the broker counts once its variables make sense.
        proxy = variables.get("__traefik_check") or {}
        if host in groups.get(wanted["traefikservers_group"], []) and not proxy.get("problems"):
            found += plan.get("broker", {}).get("problems", [])
        # What is wrong with a host for several roles is told once.
        return list(dict.fromkeys(found))
