# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords, users and vhosts that are legal though they hurt, end to end on a real broker.

The modules make them there and write galaxy.yml, and what reads galaxy.yml logs in.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.filter.amqp_url import amqp_url
from ansible_collections.usegalaxy_eu.celery.plugins.modules import (
    broker_info,
    galaxy_config,
    rabbitmq_definitions,
)

pytestmark = pytest.mark.broker

PASSWORD = "long-enough"


@pytest.fixture
def login(run, broker_url, tmp_path):
    """Make a user on a vhost, write galaxy.yml for it, and return what the broker said to a client of galaxy.yml."""
    made = {}

    def definitions(**lists):
        names = ("url", "username", "password")
        found = [os.environ[f"TESTBED_MANAGEMENT_{name}"] for name in ("URL", "USER", "PASSWORD")]
        return run(rabbitmq_definitions, **dict(zip(names, found)), **lists)

    def log_in(user="legal", password=PASSWORD, vhost="legal", typed=None):
        made.update(vhosts=[{"name": vhost}], users=[{"name": user}])
        rights = [{"vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}]
        wanted = {"vhosts": made["vhosts"], "users": [{"name": user, "password": password, "permissions": rights}]}
        assert "failed" not in definitions(**wanted)
        assert definitions(**wanted)["changed"] is False
        parts = urlsplit(broker_url)
        url = amqp_url(
            {
                "host": parts.hostname,
                "port": parts.port,
                "user": user,
                "password": typed or password,
                "vhost": vhost,
                "tls": False,
                "heartbeat": 30,
            }
        )
        file = tmp_path / "galaxy.yml"
        file.write_text("galaxy:\n  # kept\n  brand: test\n", encoding="utf-8")
        assert run(galaxy_config, path=str(file), settings={"amqp_internal_connection": url})["changed"] is True
        return run(broker_info, galaxy_config_file=str(file))

    yield log_in
    definitions(**{kind: [{**item, "state": "absent"} for item in items] for kind, items in made.items()})


@pytest.mark.parametrize("mark", [*"@:/#?%&+=;,é \"'\\$", "%40", "{{ 1 }}", "://"])
def test_password(login, mark):
    result = login(password=f"{mark}long{mark}enough{mark}")
    assert result.get("product") == "RabbitMQ", result


@pytest.mark.parametrize("vhost", ["/", "a/b", "/a", "é b", "%2F", "galaxy?x=1#y"])
def test_vhost(login, vhost):
    result = login(vhost=vhost)
    assert result.get("product") == "RabbitMQ", result


@pytest.mark.parametrize("user", ["a@b", "a:b", "a/b", "é", "a b"])
def test_user(login, user):
    result = login(user=user)
    assert result.get("product") == "RabbitMQ", result


def test_another_password_is_refused(login):
    """The tests above can fail: the broker looks at the password."""
    result = login(password="@long@enough", typed="%40long%40enough")
    assert result["failed"] is True
    assert "product" not in result
