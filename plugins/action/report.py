# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what the proofs of the roles have found on all hosts, on the controller."""
from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._site_reader import Reader, plain
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.flower_metrics import flower_metrics
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.report import ASKED, PROOFS, Page, proofs
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.site import Values

FACTS = ("distribution", "distribution_version")


class ActionModule(ActionBase):
    """Say what was proved, and what an overview page shows."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the proofs of all hosts, and the page."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self.validate_argument_spec({"certificate_days": {"type": "int", "default": 14}})[1]
        known = task_vars or {}
        hostvars, groups = known["hostvars"], known["groups"]
        raw = {host: hostvars.raw_get(host) or {} for host in groups["all"]}
        hosts = {host: self._known(of) for host, of in raw.items()}
        members = Reader(self._templar, hostvars).members(groups, known).hosts
        first = raw.get(members["workers"][0], {}) if members["workers"] else {}
        expected = ((first.get("stack") or {}).get("workers") or {}).get("nodes") or []
        page = Page(hosts, members, plain(expected))
        result.update(
            changed=False,
            proofs=proofs(hosts),
            warnings=page.warnings(args["certificate_days"]),
            hosts=page.machines(),
            nodes=page.nodes.found,
            queues=page.queues.found,
            tasks=flower_metrics(page.metrics)["tasks"],
            tls=page.broker.mapping("tls").found,
        )
        return result

    @staticmethod
    def _known(variables: Any) -> Values:
        """Return what tasks have found on a host. Nothing of it is a template."""
        facts = variables.get("ansible_facts") or {}
        found = {name: plain(variables[name]) for name in (*PROOFS, *ASKED) if name in variables}
        return Values({**found, "ansible_facts": {name: plain(facts[name]) for name in FACTS if name in facts}})
