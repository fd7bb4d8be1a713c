# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that makes a rule file of Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._alert_rules import expanded

OPERATORS = {"gt": ">", "lt": "<"}


def prometheus_alert_rules(rules: Iterable[dict[str, Any]], group: str = "galaxy-celery") -> dict[str, Any]:
    """Return a rule file of Prometheus.

    :param rules: list of rules, see DOCUMENTATION.
    :param group: name of the group.
    :returns: dict with C(groups).
    :raises AnsibleFilterError: for a rule that lacks a key or has an unknown one.
    """
    made = []
    for rule in expanded(rules, "prometheus_alert_rules"):
        query = rule["prometheus"]
        expression = f"{query} {OPERATORS[rule['operator']]} {rule['number']}"
        if rule["silence"]:
            expression += f" or absent({query})"
        words = re.sub(r"-[0-9a-f]{8}$", "", rule["uid"]).split("-")
        made.append(
            {
                "alert": "GalaxyCelery" + "".join(word.capitalize() for word in words),
                "expr": expression,
                "for": f"{rule['minutes']}m",
                "labels": {"severity": rule["severity"], "stack": group},
                "annotations": {
                    "title": rule["title"],
                    "summary": rule["summary"],
                    "remedy": rule["remedy"],
                },
            }
        )
    return {"groups": [{"name": group, "rules": made}]}
