# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that makes a rule file of Prometheus."""

from __future__ import annotations

DOCUMENTATION = r"""
name: prometheus_alert_rules
short_description: Make a rule file of Prometheus from alert rules
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Returns the dictionary of a rule file of Prometheus, for rules that P(usegalaxy_eu.celery.grafana_alert_rules#filter)
    takes too, so that both say the same.
options:
  _input:
    description: The rules, see P(usegalaxy_eu.celery.grafana_alert_rules#filter).
    type: list
    elements: dict
    required: true
  group:
    description: Name of the rules' group.
    type: str
    default: galaxy-celery
"""

EXAMPLES = r"""
- name: Place the rules
  ansible.builtin.copy:
    content: "{{ rules | usegalaxy_eu.celery.prometheus_alert_rules | to_nice_yaml }}"
    dest: /etc/prometheus/rules/galaxy-celery.yml
    mode: "0644"
  vars:
    rules:
      - uid: queue-without-consumer
        title: A queue has no consumer
        severity: critical
        minutes: 5
        below: 1
        prometheus: max by (queue) (rabbitmq_queue_consumers)
        influxql: SELECT last("consumers") FROM "rabbitmq_queue" WHERE $timeFilter GROUP BY "queue"
        summary: Nobody consumes the queue <queue>.
        remedy: Start a worker.
"""

RETURN = r"""
_value:
  description: The rule file as a dictionary, with one group.
  type: dict
"""

import re

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._alert_rules import expanded

OPERATORS = {"gt": ">", "lt": "<"}


def prometheus_alert_rules(rules, group="galaxy-celery"):
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


class FilterModule:
    """Hand the filter to Ansible."""

    def filters(self):
        """Return the filters by name."""
        return {"prometheus_alert_rules": prometheus_alert_rules}
