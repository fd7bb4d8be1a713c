# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that makes Grafana's provisioning file of alert rules that ask InfluxDB."""

from __future__ import annotations

DOCUMENTATION = r"""
name: grafana_alert_rules
short_description: Make Grafana's provisioning file from alert rules
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Returns the dictionary of a file for C(provisioning/alerting) of Grafana 9 or newer, whose rules ask InfluxDB in InfluxQL.
options:
  _input:
    description: The rules.
    type: list
    elements: dict
    required: true
    suboptions:
      uid:
        description: Short name, unique, of letters and dashes.
        type: str
        required: true
      title:
        description: Title of the rule.
        type: str
        required: true
      severity:
        description: Value of the label C(severity).
        type: str
        required: true
      minutes:
        description: Minutes for which the condition must hold.
        type: int
        required: true
      prometheus:
        description: Query in PromQL, without the comparison. With O(_input[].silence) it must be a selector.
        type: str
        required: true
      influxql:
        description: Query in InfluxQL, without the comparison.
        type: str
        required: true
      above:
        description: The rule fires above this number. Either this or O(_input[].below).
        type: float
      below:
        description: The rule fires below this number.
        type: float
      silence:
        description: Whether it fires, too, when the query finds nothing.
        type: bool
        default: false
      each:
        description: Names, for each of which the rule is made; C($each) in its texts and queries stands for the name.
        type: list
        elements: str
      range_seconds:
        description: How far back the query in InfluxQL looks. Without it O(range_seconds).
        type: int
      summary:
        description: What is wrong. C(<queue>) stands for the label C(queue) of what fired.
        type: str
        required: true
      remedy:
        description: What to do.
        type: str
        required: true
  datasource_uid:
    description: Identifier of the data source.
    type: str
    required: true
  folder:
    description: Folder of the rules.
    type: str
    required: true
  range_seconds:
    description: How far back queries look.
    type: int
    default: 60
  group:
    description: Name of the rules' group.
    type: str
    default: galaxy-celery
"""

EXAMPLES = r"""
- name: Place the rules
  ansible.builtin.copy:
    content: "{{ rules | usegalaxy_eu.celery.grafana_alert_rules('galaxy-celery', 'Galaxy') | to_nice_yaml }}"
    dest: /etc/grafana/provisioning/alerting/galaxy-celery.yml
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
  description: The provisioning file as a dictionary, with one group.
  type: dict
"""

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._alert_rules import expanded

EXPRESSION = {"type": "__expr__", "uid": "__expr__"}


def query(rule, datasource_uid, range_seconds):
    """Return the three steps of a rule: the query, its last value, the comparison."""
    seconds = rule["range_seconds"] or range_seconds
    window = {"from": seconds, "to": 0}
    return [
        {
            "refId": "A",
            "relativeTimeRange": window,
            "datasourceUid": datasource_uid,
            "model": {
                "refId": "A",
                "datasource": {"type": "influxdb", "uid": datasource_uid},
                "query": rule["influxql"],
                "rawQuery": True,
                "resultFormat": "time_series",
                "intervalMs": 1000,
                "maxDataPoints": 43200,
            },
        },
        {
            "refId": "B",
            "relativeTimeRange": window,
            "datasourceUid": "__expr__",
            "model": {"refId": "B", "datasource": EXPRESSION, "type": "reduce", "expression": "A", "reducer": "last"},
        },
        {
            "refId": "C",
            "relativeTimeRange": window,
            "datasourceUid": "__expr__",
            "model": {
                "refId": "C",
                "datasource": EXPRESSION,
                "type": "threshold",
                "expression": "B",
                "conditions": [{"evaluator": {"type": rule["operator"], "params": [rule["number"]]}}],
            },
        },
    ]


def grafana_alert_rules(rules, datasource_uid, folder, range_seconds=60, group="galaxy-celery"):
    """Return Grafana's provisioning file of alert rules.

    :param rules: list of rules, see DOCUMENTATION.
    :param datasource_uid: identifier of the data source, an InfluxDB.
    :param folder: folder of the rules.
    :param range_seconds: how far back queries look.
    :param group: name of the group.
    :returns: dict with C(apiVersion) and C(groups).
    :raises AnsibleFilterError: for a rule that lacks a key or has an unknown one.
    """
    made = [
        {
            "uid": f"{group}-{rule['uid']}",
            "title": rule["title"],
            "condition": "C",
            "data": query(rule, datasource_uid, int(range_seconds)),
            "noDataState": "Alerting" if rule["silence"] else "OK",
            "execErrState": "Error",
            "for": f"{rule['minutes']}m",
            "labels": {"severity": rule["severity"], "stack": group},
            "annotations": {"summary": rule["summary"], "description": rule["remedy"]},
            "isPaused": False,
        }
        for rule in expanded(rules, "grafana_alert_rules")
    ]
    return {
        "apiVersion": 1,
        "groups": [{"orgId": 1, "name": group, "folder": folder, "interval": "1m", "rules": made}],
    }


class FilterModule:
    """Hand the filter to Ansible."""

    def filters(self):
        """Return the filters by name."""
        return {"grafana_alert_rules": grafana_alert_rules}
