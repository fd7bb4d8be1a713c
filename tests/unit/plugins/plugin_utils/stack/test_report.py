# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What verify prints and report shows."""

from __future__ import annotations

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.parts import PARTS
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.report import IDLE, SILENT, Page, proofs
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.site import Values

MEMBERS = {**dict.fromkeys(PARTS, ()), "workers": ["celery-1"], "broker": ["mq"], "flower": ["mq"]}
BROKER = {"host": "mq.example.org", "version": "4.0.5", "queues": {"a": {"consumers": 0}, "b": {"consumers": 2}}}


def page(**hosts):
    known = {name.replace("_", "-"): Values(of) for name, of in hosts.items()}
    return Page(known, MEMBERS, ["worker-1@celery-1"])


def test_proofs_are_told_once_in_the_order_of_the_roles():
    hosts = {"a": Values({"__celery_proof": ["two", ["three"]]}), "b": Values({"__rabbitmq_proof": "one"})}
    assert proofs({**hosts, "c": Values({"__celery_proof": "two"})}) == ["one", "two", "three"]


def test_what_could_not_be_asked_is_a_warning_of_the_workers_alone():
    found = page()
    assert found.warnings(14) == [{"what": "worker-1@celery-1", "words": SILENT}]
    assert [host["versions"] for host in found.machines()] == ["", ""]


def test_warnings():
    nodes = {"nodes": {"worker-1@celery-1": {"answered": True}}}
    broker = {**BROKER, "tls": {"days_left": 3, "version": "TLSv1.3"}}
    failed = [{"what": "galaxy on g", "words": "no"}]
    found = page(celery_1={"__report_workers": nodes, "__report_broker": broker}, g={"__stack_failures": failed})
    assert [of["what"] for of in found.warnings(14)] == ["galaxy on g", "a", "mq.example.org"]
    assert found.warnings(14)[1]["words"] == IDLE
    assert "expires in 3 days" in found.warnings(14)[2]["words"]
    assert len(found.warnings(3)) == 2


def test_hosts_with_their_versions():
    facts = {"distribution": "Debian", "distribution_version": "12.9"}
    flower = {"ansible_facts": facts, "__report_flower": {"stdout": "2.2.0 5.6.3"}}
    worker, broker = page(celery_1={"__report_broker": BROKER}, mq=flower).machines()
    assert (worker["parts"], worker["system"]) == ("workers", "unknown ")
    assert broker == {
        "name": "mq",
        "parts": "RabbitMQ, Flower",
        "system": "Debian 12.9",
        "versions": "RabbitMQ 4.0.5, Flower 2.2.0, Celery 5.6.3",
    }
