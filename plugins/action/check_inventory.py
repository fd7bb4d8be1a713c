# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report what is wrong with the whole inventory, on the controller."""
from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Mapping

import yaml
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.usegalaxy_eu.celery.plugins.action.check_variables import (
    ROLES_DIR,
    all_roles,
    is_secret,
    load_specification,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._connections import connections, table
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

# Secrets that people choose, and so choose badly.
PASSWORD = re.compile(r"_(password|cookie|token|secret)$")
# What the plugins of the controller need, by the name that pip knows.
PACKAGES = {"tomli-w": "tomli_w", "cryptography": "cryptography"}
USUAL_GROUPS = (
    "galaxyservers", "rabbitmqservers", "traefikservers", "dbservers", "celeryservers", "flowerservers", "telegrafservers",
)  # fmt: skip
ALIAS = re.compile(r"\{\{\s*(\w+)\s*(\|[^}]*)?\}\}")


def all_defaults():
    """Return the defaults of each role as they are written."""
    defaults = {}
    for role in all_roles():
        path = os.path.join(ROLES_DIR, role, "defaults", "main.yml")
        if not os.path.exists(path):  # a library of task files
            continue
        with open(path, encoding="utf-8") as stream:
            defaults[role] = yaml.safe_load(stream)
    return defaults


def passwords(defaults):
    """Return the names of all passwords of the roles, and which of them stand for others by default.

    :param defaults: the defaults of each role.
    """
    names, aliases = set(), {}
    for role, usual in defaults.items():
        own = {name for name in load_specification(role, "main")[0] if PASSWORD.search(name)}
        found = {name: ALIAS.fullmatch(str(usual.get(name, ""))) for name in own}
        names |= own
        aliases.update({name: match[1] for name, match in found.items() if match})
    return names, aliases


def value_of(variables, name):
    """Return the value of a variable of a host, or None; what has none is told by the role that needs it."""
    try:
        value = variables.get(name)
        # A text is evaluated when it is read.
        return None if value is None else str(value)
    except AnsibleError:
        return None


def values_of(hostvars, hosts, names):
    """Return the variables of these names that each host has."""
    found = {host: {name: value_of(hostvars[host], name) for name in names} for host in hosts}
    return {host: {name: value for name, value in values.items() if value is not None} for host, values in found.items()}


def plain_passwords(written, names):
    """Return which passwords are in files without encryption, in one sentence, or None.

    :param written: the variables of each host, as they are written.
    :param names: those that are secrets.
    """
    files = {}
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

    def run(self, tmp=None, task_vars=None):
        """Return the result of the task; it has failed when there is a problem."""
        result = super().run(tmp, task_vars)
        args = self.validate_argument_spec(
            {
                "groups": {"type": "dict", "required": True},
                "needed": {"type": "list", "elements": "str", "default": []},
                "shared": {"type": "dict", "default": {}},
                "registers": {"type": "list", "elements": "str", "required": True},
            }
        )[1]
        hostvars, groups = task_vars["hostvars"], task_vars["groups"]
        wanted = {variable: str(name) for variable, name in args["groups"].items()}
        hosts = sorted({host for name in wanted.values() for host in groups.get(name, [])})
        given = {variable for variable in wanted if any(variable in hostvars[host] for host in groups["all"])}
        defaults = all_defaults()
        names, aliases = passwords(defaults)

        problems = group_problems(wanted, groups, args["needed"], given)
        problems += address_problems({host: hostvars[host]["ansible_host"] for host in hosts if "ansible_host" in hostvars[host]})
        problems += package_problems([name for name, module in PACKAGES.items() if importlib.util.find_spec(module) is None], sys.executable)
        written = {host: hostvars.raw_get(host) for host in hosts}
        single, missing = without_missing({host: self._found(hostvars[host], args["registers"]) for host in hosts})
        found = missing + by_host({host: [with_place(text, written[host]) for text in texts] for host, texts in single.items()})
        problems += found
        shared = values_of(hostvars, hosts, args["shared"])
        problems += shared_problems(shared, args["shared"], lambda name: is_secret(name, {}))
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
            result.update(self._plan(wanted, members, hostvars, hosts, defaults))
        return result

    @staticmethod
    def _plan(wanted, members, hostvars, hosts, defaults):
        """Return what the playbook site will make: the parts of each host, what is left out, and who connects to whom."""
        by_name = {name: value for values in defaults.values() for name, value in values.items()}
        usual = {**dict.fromkeys(USUAL_GROUPS, ()), **{variable.removesuffix("_group"): members[variable] for variable in wanted}}

        def value(name):
            known = (value_of(hostvars[host], name) for host in hosts)
            return next((found for found in known if found is not None), by_name[name])

        rows = connections({name: list(members) for name, members in usual.items()}, value)
        return {
            "parts": {host: [name for name in USUAL_GROUPS if host in usual[name]] for host in hosts},
            "left_out": [name for name in USUAL_GROUPS if not usual[name]],
            "connections": [dict(zip(("from", "to", "port", "tls", "why"), row)) for row in rows],
            "table": table(rows),
        }

    @staticmethod
    def _found(variables, registers):
        """Return what the checks of the roles have found on a host."""
        found = []
        for register in registers:
            result = variables.get(register) or []
            found += result["problems"] if isinstance(result, Mapping) else result
        # What is wrong with a host for several roles is told once.
        return list(dict.fromkeys(found))
