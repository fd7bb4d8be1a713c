# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the plan of the stack, on the controller."""
from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._site_reader import Reader
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.plan import facts, plan


class ActionModule(ActionBase):
    """Work out once, for all hosts, what each must know of the others."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the plan of each host."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self.validate_argument_spec(
            {
                "leaving": {"type": "list", "elements": "str", "default": []},
                "asked": {"type": "bool", "default": True},
            }
        )[1]
        known = task_vars or {}
        reader = Reader(self._templar, known["hostvars"])
        site = reader.site(known["groups"], known, [str(name) for name in args["leaving"]], args["asked"])
        result.update(changed=False, hosts={name: facts(found) for name, found in plan(site).items()})
        return result
