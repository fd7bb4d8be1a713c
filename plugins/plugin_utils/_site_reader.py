# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from Ansible what the plan of a stack is made of."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack import wanted
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.parts import PARTS, Members
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.site import Groups, Host, Site, Values

ROLES_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "roles")


@cache
def role_variables(role: str) -> dict[str, Any]:
    """Return the defaults and the private variables of a role."""
    found: dict[str, Any] = {}
    for part in ("defaults", "vars"):
        path = os.path.normpath(os.path.join(ROLES_DIR, role, part, "main.yml"))
        found.update(DataLoader().load_from_file(path, trusted_as_template=True) or {})
    return found


def plain(value: Any) -> Any:
    """Return a value without what Ansible notes about its origin."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    for kind in (bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    return None


class Reader:
    """Evaluates variables of hosts. One that has no value counts as absent: the preflight of its role tells."""

    def __init__(self, templar: Templar, hostvars: Any) -> None:
        self.templar, self.hostvars = templar, hostvars

    def evaluated(self, variables: Mapping[str, Any], expressions: Mapping[str, str]) -> Values:
        """Return the values of expressions by name."""
        templar = self.templar.copy_with_new_env(available_variables={**variables, "hostvars": self.hostvars})
        found: dict[str, Any] = dict.fromkeys(expressions)
        for name, expression in expressions.items():
            try:
                found[name] = plain(templar.template(trust_as_template("{{ " + expression + " }}")))
            except AnsibleError:
                continue
        return Values(found)

    def host(self, name: str, parts: Iterable[str]) -> Host:
        """Return a host of these parts of the stack."""
        own = self.hostvars.raw_get(name)
        own = own if isinstance(own, Mapping) else {}
        roles = {role for part in parts for role in wanted.PARTS.get(part, ())}
        given = {key: key for key in wanted.GIVEN if key in own}
        if "galaxy_config" in own:
            given.update(wanted.POOL)
        if "galaxy_database_password" in own:
            given.update(wanted.SECRETS)
        facts = own.get("ansible_facts") or {}
        return Host(
            name=name,
            facts=Values({key: plain(facts[key]) for key in wanted.FACTS if key in facts}),
            roles={
                role: self.evaluated({**role_variables(role), **own}, {key: key for key in wanted.ROLES[role]})
                for role in sorted(roles)
            },
            given=self.evaluated(own, given),
        )

    def members(self, groups: Mapping[str, Sequence[str]], variables: Mapping[str, Any]) -> Members:
        """Return the hosts of each part.

        :param groups: the hosts of each group of the inventory.
        :param variables: of any host; they may give the groups other names.
        """
        names = {name: f"{part.variable} | default('{part.group}')" for name, part in PARTS.items()}
        found = self.evaluated(variables, names)
        called = {part: found.text(part) for part in names}
        hosts = {part: [str(host) for host in groups.get(name, [])] for part, name in called.items()}
        return Members(hosts, called)

    def site(self, groups: Mapping[str, Sequence[str]], variables: Mapping[str, Any], leaving: Sequence[str], asked: bool) -> Site:
        """Return the site.

        :param groups: the hosts of each group of the inventory.
        :param variables: of any host; they may give the groups other names.
        :param leaving: hosts of workers that count as gone.
        :param asked: whether the hosts were asked for their facts.
        """
        members = self.members(groups, variables)
        hosts = {part: list(of) for part, of in members.hosts.items()}
        hosts["workers"] = [host for host in hosts["workers"] if host not in leaving]
        if members.called["beat"] not in groups:
            hosts["beat"] = hosts["workers"][:1]
        hosts["beat"] = [host for host in hosts["beat"] if host not in leaving]
        found = Groups(**hosts)
        parts = {host: [part for part, of in hosts.items() if host in of] for host in groups["all"]}
        # A removed host is still a worker host for its own values.
        for host in leaving:
            parts.setdefault(host, []).append("workers")
        return Site({host: self.host(host, of) for host, of in parts.items()}, found, asked)
