# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that tells what is wrong with lists of vhosts, users, policies, queues, exchanges and bindings."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._rabbitmq_objects import (
    declared_problems,
    list_problems,
)

KINDS = ("vhosts", "users", "policies")
DECLARED = ("queues", "exchanges", "bindings")


def rabbitmq_problems(lists: dict[str, Any]) -> list[str]:
    """Return what is wrong with the lists, see DOCUMENTATION.

    :raises AnsibleFilterError: when the input is not a dictionary of these lists, or an entry lacks its name.
    """
    unknown = sorted(set(lists) - set(KINDS + DECLARED))
    if unknown:
        raise AnsibleFilterError(f"rabbitmq_problems: {unknown[0]} is no known key. Known keys: {', '.join(KINDS + DECLARED)}.")
    try:
        vhosts = {item["name"] for item in lists.get("vhosts") or [] if item.get("state") != "absent"}
        queues, exchanges, bindings = (lists.get(kind) or [] for kind in DECLARED)
        return [
            *list_problems(*(lists.get(kind) or [] for kind in KINDS)),
            *declared_problems(queues, exchanges, bindings, vhosts),
        ]
    except KeyError as error:
        raise AnsibleFilterError(f"rabbitmq_problems: an entry lacks the key {error}.") from error
