# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's policies delete the queues of processes that are gone, and no other: tried on a real broker.

Only the time is another one here, a second instead of a day.
"""

from __future__ import annotations

import os
import time
from urllib.parse import quote, urlsplit

import pytest
import requests
from tools import role_templates

kombu = pytest.importorskip("kombu", reason="kombu is not installed")

pytestmark = pytest.mark.broker

EXPIRES_MS, LIMIT_SECONDS = 1000, 30
OWNED = ("control.main.web.1@galaxy", "celeryev.0f3a-7", "worker-1@host.celery.pidbox", "0f3a.reply.celery.pidbox")
TASKS = ("celery", "galaxy.internal", "galaxy.external", "pulsar_control.x")


def policies(vhost):
    """The policies of the role's defaults, as a site gets them."""
    site = {"ansible_facts": {"os_family": "Debian"}, "galaxy_amqp_vhost": vhost}
    return role_templates.evaluate("rabbitmq", "rabbitmq_policies", site)


@pytest.fixture
def api(broker_url):
    """Ask the management API for something on the tests' vhost."""
    vhost = quote(urlsplit(broker_url).path[1:], safe="")
    auth = (os.environ["TESTBED_MANAGEMENT_USER"], os.environ["TESTBED_MANAGEMENT_PASSWORD"])

    def call(method, kind, name="", **body):
        path = "/".join([kind, vhost, *([quote(name, safe="")] if name else [])])
        url = f"{os.environ['TESTBED_MANAGEMENT_URL']}/api/{path}"
        answer = requests.request(method, url, auth=auth, timeout=10, json=body or None)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    return call


@pytest.fixture
def short(api, broker_url):
    """The role's policies with a short time, as long as the test lasts."""
    wanted = policies(urlsplit(broker_url).path[1:])
    for policy in wanted:
        definition = {**policy["definition"], "expires": EXPIRES_MS}
        body = {"pattern": policy["pattern"], "apply-to": policy["apply_to"], "priority": policy["priority"]}
        api("PUT", "policies", f"short-{policy['name']}", definition=definition, **body)
    yield
    for policy in wanted:
        api("DELETE", "policies", f"short-{policy['name']}")


def test_what_lost_its_process_goes_and_all_else_stays(api, short, broker_url):
    held = "control.main.web.2@galaxy"
    with kombu.Connection(broker_url) as connection:
        channel = connection.channel()
        try:
            for name in (*OWNED, *TASKS, held):
                channel.queue_declare(name, durable=True, auto_delete=False)
            channel.basic_consume(held, callback=lambda message: None)
            deadline = time.monotonic() + LIMIT_SECONDS
            while set(OWNED) & (names := {queue["name"] for queue in api("GET", "queues")}):
                assert time.monotonic() < deadline, f"{set(OWNED) & names} is still there"
                time.sleep(0.5)
            assert {*TASKS, held} <= names
        finally:
            for name in (*TASKS, held):
                channel.queue_delete(name)


def test_no_policy_lets_messages_pile_up(broker_url):
    for policy in policies(urlsplit(broker_url).path[1:]):
        assert set(policy["definition"]) == {"expires", "message-ttl"}
        assert policy["definition"]["message-ttl"] <= policy["definition"]["expires"]
