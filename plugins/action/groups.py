# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which hosts each play is for, on the controller."""
from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._site_reader import Reader
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.parts import (
    leaving_problems,
    memberships,
    named_problems,
    names,
)


class ActionModule(ActionBase):
    """Give the hosts of each part of the stack one group, whatever the inventory calls its own."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the groups to make, in the order of their hosts."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self.validate_argument_spec(
            {
                "named": {"type": "raw", "default": []},
                "leave": {"type": "bool", "default": False},
                "gone": {"type": "bool", "default": False},
            }
        )[1]
        known = task_vars or {}
        given, groups = args["named"], known["groups"]
        named = names(given)
        parts = Reader(self._templar, known["hostvars"]).members(groups, known)
        leaving = named if args["leave"] else []
        gone = leaving if args["gone"] else []
        problems = named_problems(given, parts, groups["all"], args["leave"])
        if args["leave"] and not problems:
            problems = leaving_problems(given, parts, gone)
        members = memberships(parts, groups["all"], named, leaving, gone)
        result.update(changed=False, problems=problems, members=[{"host": host, "group": group} for group, host in members])
        return result
