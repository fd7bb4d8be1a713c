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
from collections.abc import Iterator
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
from tools.role_templates import ROLES, trusted

ROOT = ROLES.parent
GOLDEN = ROOT / "tests" / "golden"
STACK = ROOT / "playbooks" / "vars" / "stack.yml"
# The filters of sets keep no order.
UNORDERED = {"celery_routed_queues"}
# All that a host has, what roles have proved, and what verify is given.
NOT_DERIVED = {
    "__galaxy_upload_key",
    *(f"__stack_{name}" for name in ("client_facts", "flower", "galaxy", "galaxy_facts", "hosts", "own", "proofs")),
}


@dataclass
class Site:
    """Where the inventory is, and what differs from a host with one address of IPv4.

    :ivar inventory: a file or folder of the repository, or the inventory itself.
    :ivar facts: for all hosts; {n} is the number of the host.
    :ivar measured: the address that a host of workers reaches the database from, where it is not its default one.
    """

    inventory: str | dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    measured: str = ""


def _groups(worker_count: int = 1, **more: Any) -> dict[str, Any]:
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
    groups = {group: {"hosts": {name: {} for name in names}} for group, names in hosts.items()}
    return {"all": {"children": groups, "vars": {"galaxy_amqp_host": "mq.example.org", **more}}}


SITES = {
    "demo": Site("inventories/demo/hosts.yml"),
    "single": Site("molecule/single/inventory/hosts.yml"),
    "cluster": Site("molecule/cluster/inventory/hosts.yml"),
    "tls": Site("molecule/tls/inventory/hosts.yml"),
    "example": Site("inventories/example/hosts.yml"),
    "networks": Site(
        _groups(2, celery_workers=[{"name": "fast"}, {"name": "slow", "queues": ["galaxy.external"], "instances": 2}]),
        facts={
            "all_ipv4_addresses": ["192.0.2.{n}", "198.51.100.{n}"],
            "all_ipv6_addresses": ["2001:db8::{n}"],
            "default_ipv6": {"address": "2001:db8::{n}"},
        },
        measured="198.51.100.{n}",
    ),
}


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
    return yaml.safe_load(yaml.safe_dump({**usual, **site.facts}).replace("{n}", str(number)))


def _role_variables(part: str) -> dict[str, Any]:
    """The defaults or the vars of all roles."""
    paths = sorted(ROLES.glob(f"*/{part}/main.yml"))
    return {name: value for path in paths for name, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()}


class Plan:
    """The hosts of a site, with all that a playbook would know of them."""

    def __init__(self, site: Site, folder: Path) -> None:
        if isinstance(site.inventory, str):
            source = ROOT / site.inventory
        else:
            source = folder / "hosts.yml"
            source.write_text(yaml.safe_dump(site.inventory), encoding="utf-8")
        loader = DataLoader()
        self.inventory = InventoryManager(loader=loader, sources=[str(source)])
        self.manager = VariableManager(loader=loader, inventory=self.inventory)
        # It makes itself known to the manager.
        HostVars(self.inventory, self.manager, loader)
        self.loader = loader
        self.defaults, self.vars = (trusted(_role_variables(part)) for part in ("defaults", "vars"))
        self.stack = trusted(yaml.safe_load(STACK.read_text(encoding="utf-8")))
        self.hosts = self.inventory.get_hosts()
        for number, host in enumerate(self.hosts, 1):
            self.manager.set_host_facts(host.name, _facts(site, number))
        for number, host in enumerate(self.hosts, 1):
            if host in self._members("celeryservers"):
                measured = {"address": site.measured.replace("{n}", str(number))} if site.measured else {}
                self._share(host, {"__postgresql_access_source": {"known_addresses": [], **measured}})
        for host in self._members("galaxyservers"):
            database = {"host": "db.example.org", "pool_size": 5, "max_overflow": 10}
            self.manager.set_nonpersistent_facts(host.name, {"__galaxy_database": database})

    def _members(self, group: str) -> list[Any]:
        return self.inventory.get_hosts(group) if group in self.inventory.groups else []

    def _share(self, host: Any, measured: dict[str, Any]) -> None:
        """What tasks/share.yml of the role celery does."""
        tasks = yaml.safe_load((ROLES / "celery/tasks/share.yml").read_text(encoding="utf-8"))
        templar = self._templar(host)
        given = trusted(tasks[0]["ansible.builtin.set_fact"])
        shared = {name: templar.template(value) for name, value in given.items()}
        self.manager.set_nonpersistent_facts(host.name, {**measured, **shared})

    def _templar(self, host: Any) -> Templar:
        known = self.manager.get_vars(host=host)
        # In the order of their precedence; a fact that a task has set is stronger than all.
        set_by_tasks = self.manager._nonpersistent_fact_cache.get(host.name, {})
        return Templar(self.loader, {**self.defaults, **known, **self.stack, **self.vars, **set_by_tasks})

    def derived(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The values of each host by name."""
        for host in self.hosts:
            templar, values = self._templar(host), {}
            for name in sorted(set(self.stack) - NOT_DERIVED):
                try:
                    value = templar.template(trust_as_template("{{ " + name + " }}"))
                    values[name] = sorted(value) if name in UNORDERED else value
                except Exception as error:  # noqa: BLE001  what a template raises is a part of what it says
                    values[name] = f"error: {error}".splitlines()[0]
            yield host.name, values


class _Dumper(yaml.SafeDumper):
    """Indents lists as yamllint asks for."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def dumped(found: dict[str, Any]) -> str:
    """The text of a golden file."""
    return yaml.dump(found, Dumper=_Dumper, explicit_start=True, width=140, default_flow_style=None, allow_unicode=True)


def derive(name: str) -> str:
    """The YAML of a site's file. What all its hosts have alike stands once."""
    with tempfile.TemporaryDirectory() as folder:
        found = dict(Plan(SITES[name], Path(folder)).derived())
    # Without what Ansible notes about the origin of a value.
    hosts = json.loads(json.dumps(found))
    first = next(iter(hosts.values()))
    same = {key: value for key, value in first.items() if all(values[key] == value for values in hosts.values())}
    own = {host: {key: value for key, value in values.items() if key not in same} for host, values in hosts.items()}
    return dumped({"all": same, **own})


def main() -> int:
    """Write all files."""
    _AnsibleCollectionFinder(paths=[str(ROOT / ".cache" / "collections")])._install()
    for name in SITES:
        (GOLDEN / f"{name}.yml").write_text(derive(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
