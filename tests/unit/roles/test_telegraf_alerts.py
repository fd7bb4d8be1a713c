# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules as the role writes them."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from grafana_foundation_sdk.models import alerting
from tools import role_templates, roles

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.grafana_alert_rules import grafana_alert_rules
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.prometheus_alert_rules import (
    prometheus_alert_rules,
)

SITE = {
    "inventory_hostname": "monitor",
    "galaxy_amqp_host": "mq.test",
    "telegraf_expected_workers": ["worker-1@celery-1", "worker-1@celery-2"],
    "telegraf_expected_hosts": ["monitor", "celery-1"],
    **yaml.safe_load((roles.ROLES / "telegraf/vars/alerts.yml").read_text(encoding="utf-8")),
}


def rules(**values):
    return role_templates.evaluate("telegraf", "__telegraf_alert_rules", SITE, **values)


def prometheus(**values):
    (group,) = prometheus_alert_rules(rules(**values))["groups"]
    return group["rules"]


def grafana(**values):
    (group,) = grafana_alert_rules(rules(**values), "galaxy-celery", "Galaxy")["groups"]
    return group["rules"]


def test_each_condition_has_its_rule():
    names = {rule["alert"].removeprefix("GalaxyCelery") for rule in prometheus()}
    assert names == {
        "QueueWithoutConsumer", "Backlog", "WorkerMissing", "TwoBeats", "BeatLate", "Memory", "Restarts",
        "Unacknowledged", "Certificate", "FlowerSilent", "TelegrafSilent",
    }  # fmt: skip
    assert len(grafana()) == len(prometheus()) == 13


def test_thresholds_are_variables():
    names = [name for name in roles.defaults("telegraf") if name.startswith("telegraf_alert_")]
    usual = prometheus()
    for name in names:
        if name.endswith("_dir"):
            continue
        assert prometheus(**{name: 77}) != usual, name


def test_a_rule_for_each_worker_and_none_without():
    found = [rule["expr"] for rule in prometheus() if rule["alert"] == "GalaxyCeleryWorkerMissing"]
    selector = 'flower_worker_online{worker="worker-1@celery-1"}'
    assert found[0] == f"{selector} < 1 or absent({selector})"
    assert len(found) == 2
    assert not [rule for rule in prometheus(telegraf_expected_workers=[]) if "Worker" in rule["alert"]]


def test_no_rule_of_flower_where_it_is_not_read():
    assert not [rule for rule in prometheus(telegraf_flower_enabled=False) if "Flower" in rule["alert"]]


def test_what_grafana_wants_of_a_rule():
    found = grafana()
    assert len({rule["uid"] for rule in found}) == len(found)
    assert len({rule["title"] for rule in found}) == len(found)
    for rule in found:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", rule["uid"])
        read = alerting.Rule.from_json(rule).to_json()
        assert set(rule) <= set(read)
        for query in rule["data"]:
            assert set(query) <= set(alerting.Query.from_json(query).to_json())
        assert {query["refId"] for query in rule["data"]} == {"A", "B", "C"}


def test_texts_name_what_fired():
    (rule,) = [rule for rule in prometheus() if rule["alert"] == "GalaxyCeleryQueueWithoutConsumer"]
    summary = "Nobody consumes the queue {{ $labels.queue }} of the vhost {{ $labels.vhost }}."
    assert rule["annotations"]["summary"] == summary
    for rule in prometheus():
        # Every label that a text names is one that the query keeps.
        labels = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        assert labels <= set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"])))), rule["alert"]


def test_silence_is_an_alert_where_it_is_meant():
    silent = {rule["title"] for rule in grafana() if rule["noDataState"] == "Alerting"}
    assert silent == {
        "The worker worker-1@celery-1 is missing", "The worker worker-1@celery-2 is missing", "Flower is silent",
        "Telegraf on monitor is silent", "Telegraf on celery-1 is silent",
    }  # fmt: skip
    assert {rule["alert"] for rule in prometheus() if "absent(" in rule["expr"]} == {
        f"GalaxyCelery{name}" for name in ("WorkerMissing", "FlowerSilent", "TelegrafSilent")
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"above": 1}, "one of above and below"),
        ({"summary": None}, "missing: summary"),
        ({"sumary": "x"}, "unknown: sumary"),
    ],
)
def test_a_wrong_rule(change, words):
    rule = dict.fromkeys(("title", "severity", "prometheus", "influxql", "summary", "remedy"), "x")
    rule = {**rule, "uid": "x", "minutes": 1, "below": 1, **change}
    rule = {key: value for key, value in rule.items() if value is not None}
    for make in (prometheus_alert_rules, lambda found: grafana_alert_rules(found, "u", "f")):
        with pytest.raises(AnsibleFilterError, match=re.escape(words)):
            make([rule])
