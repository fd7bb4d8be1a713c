# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that makes Grafana's provisioning file of alert rules that ask InfluxDB."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._alert_rules import Rule, expanded

EXPRESSION = {"type": "__expr__", "uid": "__expr__"}


def query(rule: Rule, datasource_uid: str, range_seconds: int) -> list[dict[str, Any]]:
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


def grafana_alert_rules(
    rules: Iterable[dict[str, Any]],
    datasource_uid: str,
    folder: str,
    range_seconds: int | str = 60,
    group: str = "galaxy-celery",
) -> dict[str, Any]:
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
