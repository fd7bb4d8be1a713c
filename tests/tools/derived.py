# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles learn of other hosts, for every host of several sites, without asking one: tests/golden has it.

`python -m tools.derived` in the folder tests writes the files anew. Facts are made up: a host has the address of its
place in the inventory, and what playbooks measure is what the sites below say.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from tools import roles
from tools.role_templates import trusted

ROOT = roles.ROOT
GOLDEN = ROOT / "tests" / "golden"
# The roles that run on the hosts of a group.
GROUPS = {
    "galaxyservers": ("galaxy",),
    "rabbitmqservers": ("rabbitmq",),
    "traefikservers": ("traefik",),
    "dbservers": ("postgresql_access",),
    "celeryservers": ("celery", "galaxy_sync", "postgresql_access"),
    "flowerservers": ("flower",),
    "telegrafservers": ("telegraf",),
}


@dataclass
class Site:
    """Where the inventory is, and what differs from a host with one address of IPv4.

    :ivar inventory: a file or folder of the repository, or the inventory itself.
    :ivar facts: for all hosts; {n} is the number of the host.
    :ivar measured: the address that a host of workers reaches the database and the broker from, where it is not its
        default one; it reaches Galaxy over IPv6 then.
    """

    inventory: str | dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    measured: str = ""


def with_groups(worker_count: int = 1, **more: Any) -> dict[str, Any]:
    """An inventory with a host for each part, and some of workers."""
    hosts = {
        "galaxyservers": ["galaxy"],
        "rabbitmqservers": ["mq"],
        "traefikservers": ["mq"],
        "dbservers": ["db"],
        "celeryservers": [f"celery-{number}" for number in range(1, worker_count + 1)],
        "flowerservers": ["monitor"],
        "telegrafservers": ["monitor", "celery-1"],
    }
    groups: dict[str, Any] = {group: {"hosts": {name: {} for name in names}} for group, names in hosts.items()}
    return {"all": {"children": groups, "vars": {"galaxy_amqp_host": "mq.example.org", **more}}}


SITES = {
    "demo": Site("inventories/demo/hosts.yml"),
    "single": Site("molecule/single/inventory/hosts.yml"),
    "cluster": Site("molecule/cluster/inventory/hosts.yml"),
    "tls": Site("molecule/tls/inventory/hosts.yml"),
    "example": Site("inventories/example/hosts.yml"),
    "fifty": Site(with_groups(50)),
    "networks": Site(
        with_groups(
            2, celery_workers=[{"name": "fast"}, {"name": "slow", "queues": ["galaxy.external"], "instances": 2}]
        ),
        facts={
            "all_ipv4_addresses": ["192.0.2.{n}", "198.51.100.{n}"],
            "all_ipv6_addresses": ["2001:db8::{n}"],
            "default_ipv6": {"address": "2001:db8::{n}"},
        },
        measured="198.51.100.{n}",
    ),
}


# Of many alike, some.
SHOWN = {"fifty": ("mq", "monitor", "celery-1", "celery-50")}


def _facts(site: Site, number: int) -> dict[str, Any]:
    """What setup would find on the host of this number."""
    usual = {
        "all_ipv4_addresses": ["192.0.2.{n}"],
        "all_ipv6_addresses": [],
        "default_ipv4": {"address": "192.0.2.{n}"},
        "distribution": "Debian",
        "distribution_major_version": "12",
        "os_family": "Debian",
        "service_mgr": "systemd",
    }
    found: dict[str, Any] = yaml.safe_load(yaml.safe_dump({**usual, **site.facts}).replace("{n}", str(number)))
    return found


def planned(role: str) -> list[str]:
    """The variables of a role whose default is in the plan."""
    found = roles.defaults(role)
    return [name for name, value in found.items() if roles.is_template(value) and "stack." in value]


class Plan:
    """The hosts of a site, with all that a playbook would know of them."""

    def __init__(self, site: Site, folder: Path) -> None:
        # The collection is found by now.
        from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils import _site_reader
        from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack import plan

        if isinstance(site.inventory, str):
            source = ROOT / site.inventory
        else:
            source = folder / "hosts.yml"
            source.write_text(yaml.safe_dump(site.inventory), encoding="utf-8")
        self.loader = DataLoader()
        self.inventory = InventoryManager(loader=self.loader, sources=[str(source)])
        self.manager = VariableManager(loader=self.loader, inventory=self.inventory)
        # It makes itself known to the manager.
        hostvars = HostVars(self.inventory, self.manager, self.loader)
        self.hosts = self.inventory.get_hosts()
        for number, host in enumerate(self.hosts, 1):
            self.manager.set_host_facts(host.name, _facts(site, number))
            self._measure(site, host, number)
        reader = _site_reader.Reader(Templar(self.loader), hostvars)
        known = self.manager.get_vars(host=self.hosts[0])
        found = plan.plan(reader.site(self.inventory.get_groups_dict(), known, [], True))
        self.facts = {name: plan.facts(of) for name, of in found.items()}

    def _measure(self, site: Site, host: Any, number: int) -> None:
        """What tasks find on the hosts."""
        groups = {group.name for group in host.get_groups()}
        if "celeryservers" in groups:
            measured = site.measured.replace("{n}", str(number))
            towards = {"broker": measured, "galaxy": f"2001:db8::{number}", "database": measured} if measured else {}
            self.manager.set_nonpersistent_facts(host.name, {"__stack_measured": {"addresses": towards}})
        if "galaxyservers" in groups:
            database = {"host": "db.example.org", "pool_size": 5, "max_overflow": 10}
            self.manager.set_nonpersistent_facts(host.name, {"__galaxy_database": database})

    def values(self, host: Any, role: str, names: list[str]) -> dict[str, Any]:
        """Variables of a role on a host, by name, as its tasks see them."""
        defaults, private = (
            trusted(yaml.safe_load((roles.ROLES / role / part / "main.yml").read_text(encoding="utf-8")))
            for part in ("defaults", "vars")
        )
        known = self.manager.get_vars(host=host)
        # In the order of their precedence.
        variables = {**defaults, **known, **private, "stack": self.facts[host.name]}
        templar = Templar(self.loader, variables)
        return {name: templar.template(trust_as_template("{{ " + name + " }}")) for name in names}

    def derived(self, shown: tuple[str, ...]) -> dict[str, Any]:
        """The values of each host by name, and what is wrong between the hosts."""
        found: dict[str, Any] = {}
        for host in self.hosts:
            if shown and host.name not in shown:
                continue
            names = sorted({role for group in host.get_groups() for role in GROUPS.get(group.name, ())})
            found[host.name] = {}
            for role in names:
                found[host.name].update(self.values(host, role, planned(role)))
            problems = [problem for part in self.facts[host.name].values() for problem in part.get("problems", [])]
            found[host.name]["problems"] = problems
        return found


class _Dumper(yaml.SafeDumper):
    """Indents lists as yamllint asks for."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def dumped(found: dict[str, Any]) -> str:
    """The text of a golden file."""
    text = yaml.dump(found, Dumper=_Dumper, width=10000, default_flow_style=None, allow_unicode=True)
    return f"---\n# By python -m tools.derived, in the folder tests.\n# yamllint disable rule:line-length\n{text}"


def derive(name: str) -> str:
    """The YAML of a site's file. What stands on all of several hosts alike stands once."""
    with tempfile.TemporaryDirectory() as folder:
        found = Plan(SITES[name], Path(folder)).derived(SHOWN.get(name, ()))
    # Without what Ansible notes about the origin of a value.
    hosts = json.loads(json.dumps(found))
    values: dict[str, list[Any]] = {}
    for of in hosts.values():
        for key, value in of.items():
            values.setdefault(key, []).append(value)
    same = {key: of[0] for key, of in values.items() if len(of) > 1 and all(value == of[0] for value in of)}
    own = {host: {key: value for key, value in of.items() if key not in same} for host, of in hosts.items()}
    return dumped({"all": same, **own})


def main() -> int:
    """Write all files."""
    _AnsibleCollectionFinder(paths=[str(ROOT / ".cache" / "collections")])._install()
    for name in SITES:
        (GOLDEN / f"{name}.yml").write_text(derive(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
