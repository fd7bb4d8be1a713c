# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A broker of the site's, in no container of the role: it gets the objects of the inventory, and keeps the rest."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import requests

pytestmark = pytest.mark.broker

PLAY = [{
    "hosts": "localhost",
    "gather_subset": ["!all", "min"],
    "tasks": [{"ansible.builtin.include_role": {"name": "usegalaxy_eu.celery.rabbitmq", "tasks_from": "{{ part }}"}}],
}]  # fmt: skip
PASSWORD = "mark-of-the-password"
# One of the site's, with rights in a vhost that the collection knows nothing of.
THEIRS = {"configure": "", "write": ".*", "read": ".*"}
GIVEN = {
    "rabbitmq_install_method": "existing",
    "ansible_python_interpreter": sys.executable,
    "galaxy_amqp_vhost": "t-site",
    "galaxy_amqp_user": "t-galaxy",
    "galaxy_amqp_password": PASSWORD,
    "flower_amqp_user": "t-flower",
    "flower_amqp_password": PASSWORD + "-2",
    "telegraf_amqp_user": "t-telegraf",
    "telegraf_amqp_password": PASSWORD + "-3",
    "rabbitmq_exchanges": [{"name": "reports", "type": "topic"}, {"name": "gone", "state": "absent"}],
    "rabbitmq_queues": [{"name": "reports.daily", "arguments": {"x-message-ttl": 60000}}],
    "rabbitmq_bindings": [
        {"source": "reports", "destination": "reports.daily", "routing_key": "daily.#"},
        {"source": "gone", "destination": "reports.daily", "routing_key": "x", "state": "absent"},
    ],
}


@pytest.fixture
def broker():
    """The API of a real broker, as the site has set it up."""
    user = os.environ["TESTBED_MANAGEMENT_USER"]
    auth = (user, os.environ["TESTBED_MANAGEMENT_PASSWORD"])

    def call(path, method="GET", body=None):
        url = f"{os.environ['TESTBED_MANAGEMENT_URL']}/api/{path}"
        answer = requests.request(method, url, auth=auth, json=body, timeout=30)
        assert answer.ok or method == "DELETE", f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.text and answer.ok else None

    for vhost in ("t-theirs", "t-site"):
        call(f"vhosts/{vhost}", "PUT", {})
        call(f"permissions/{vhost}/{user}", "PUT", {"configure": ".*", "write": ".*", "read": ".*"})
    call("users/t-galaxy", "PUT", {"password": "former-of-the-site", "tags": ""})
    call("permissions/t-theirs/t-galaxy", "PUT", THEIRS)
    call("users/guest", "PUT", {"password": "of-the-site", "tags": ""})
    yield call
    for vhost in ("t-theirs", "t-site"):
        call(f"vhosts/{vhost}", "DELETE")
    for name in ("t-galaxy", "t-flower", "t-telegraf", "guest"):
        call(f"users/{name}", "DELETE")


@pytest.fixture
def role(tmp_path):
    """What runs the role; it returns its code, the number of changes and the output."""
    (tmp_path / "play.yml").write_text(json.dumps(PLAY), encoding="utf-8")
    # A proxy that there is not: nothing may ask it.
    proxies = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    environment = {**os.environ, **proxies, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}
    login = {
        "rabbitmq_management_url": os.environ["TESTBED_MANAGEMENT_URL"],
        "rabbitmq_admin_user": os.environ["TESTBED_MANAGEMENT_USER"],
        "rabbitmq_admin_password": os.environ["TESTBED_MANAGEMENT_PASSWORD"],
    }

    def run(*arguments, part="main", **variables):
        (tmp_path / "vars.json").write_text(json.dumps({**GIVEN, **login, "part": part, **variables}))
        command = ["ansible-playbook", "play.yml", "--extra-vars", "@vars.json", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        said = " ".join((done.stdout + done.stderr).split())
        assert [secret for secret in (PASSWORD, login["rabbitmq_admin_password"]) if secret in said] == []
        return done.returncode, int(re.search(r"changed=(\d+)", done.stdout)[1]), said

    return run


def test_the_objects_are_made_and_the_rest_is_kept(broker, role):
    code, announced, said = role("--check", "--diff")
    assert code == 0, said
    assert announced > 0
    code, made, said = role("--diff")
    assert code == 0, said
    assert made == announced
    assert {user["name"] for user in broker("users")} >= {"t-galaxy", "t-flower", "t-telegraf", "guest"}
    kept = broker("permissions/t-theirs/t-galaxy")
    assert {key: kept[key] for key in THEIRS} == THEIRS
    assert broker("queues/t-site/reports.daily")["arguments"]["x-message-ttl"] == 60000
    (binding,) = broker("bindings/t-site/e/reports/q/reports.daily")
    assert binding["routing_key"] == "daily.#"
    assert role()[:2] == (0, 0)
    assert role("--check")[:2] == (0, 0)
    code, changed, said = role(part="verify")
    assert (code, changed) == (0, 0), said


def test_verify_names_what_is_missing(broker, role):
    assert role()[0] == 0
    broker("queues/t-site/reports.daily", "DELETE")
    code, _changed, said = role(part="verify")
    assert code == 2
    assert "The broker lacks what the inventory declares" in said
    assert "reports.daily" in said


def test_an_administrator_whom_the_broker_refuses_is_named(role):
    code, changed, said = role(rabbitmq_admin_password="another-one")
    assert (code, changed) == (2, 0)
    assert "password of the administrator is wrong" in said
