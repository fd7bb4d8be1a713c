# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the plan of the stack, on the controller."""
from __future__ import annotations

from dataclasses import asdict, astuple
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._site_reader import Reader
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.connections import connections, lines
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.plan import facts, plan
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.removal import removal
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.rotation import rotation
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.site import Host, Site
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.update import update

KEYS = ("from", "to", "port", "tls", "why")


class ActionModule(ActionBase):
    """Compute once, for all hosts, the values that each needs from the others."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the plan of each host."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self.validate_argument_spec(
            {
                "leaving": {"type": "list", "elements": "str", "default": []},
                "asked": {"type": "bool", "default": True},
                "playbook": {"type": "str", "choices": ["removal", "rotation", "update"]},
            }
        )[1]
        known = task_vars or {}
        reader = Reader(self._templar, known["hostvars"])
        site = reader.site(known["groups"], known, [str(name) for name in args["leaving"]], args["asked"])
        hosts = {name: facts(found) for name, found in plan(site).items()}
        if args["playbook"]:
            for name, own in hosts.items():
                own[args["playbook"]] = asdict(self._playbook(args, known, site, site.host(name)))
        rows = connections(site)
        result.update(changed=False, hosts=hosts, table=lines(rows))
        result["connections"] = [dict(zip(KEYS, astuple(row))) for row in rows]
        return result

    @staticmethod
    def _playbook(args: dict[str, Any], known: dict[str, Any], site: Site, host: Host) -> Any:
        """Return the further values of one playbook."""
        if args["playbook"] == "rotation":
            return rotation(site, host)
        if args["playbook"] == "update":
            return update(site, known["ansible_play_hosts_all"], known["ansible_play_hosts"])
        return removal(site, args["leaving"])
