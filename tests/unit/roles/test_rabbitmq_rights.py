# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights of the role's users suffice, and none of them can be left out: tried on a real broker, one by one."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from urllib.parse import quote, urlsplit

import pytest
import requests
from tools import role_templates

celery = pytest.importorskip("celery", reason="Celery is not installed")
import amqp  # noqa: E402
import kombu  # noqa: E402

pytestmark = pytest.mark.broker

PASSWORD = "only-for-this-test"
# An answer of a worker takes some milliseconds, an event comes every two seconds.
ANSWER_SECONDS, EVENT_SECONDS = 1.5, 6
REFUSED = (amqp.AccessRefused, amqp.NotAllowed)


def role_user(name, vhost):
    """One user of the role's defaults, as a site gets it."""
    site = {"ansible_facts": {"os_family": "Debian"}, "galaxy_amqp_vhost": vhost, "rabbitmq_admin_password": PASSWORD}
    site |= {f"{user}_amqp_password": PASSWORD for user in ("galaxy", "flower", "telegraf")}
    users = role_templates.evaluate("rabbitmq", "rabbitmq_users", site)
    return next(user for user in users if user["name"] == name)


class Api:
    """The management API, asked as one user."""

    def __init__(self, user, password):
        self.url, self.auth = os.environ["TESTBED_MANAGEMENT_URL"], (user, password)

    def __call__(self, method, *names, **body):
        path = "/".join(quote(name, safe="") for name in names)
        return requests.request(method, f"{self.url}/api/{path}", auth=self.auth, timeout=10, json=body or None)


@pytest.fixture
def admin(broker_url):
    return Api(os.environ["TESTBED_MANAGEMENT_USER"], os.environ["TESTBED_MANAGEMENT_PASSWORD"])


@pytest.fixture
def vhost(broker_url):
    return urlsplit(broker_url).path[1:]


@pytest.fixture
def make(admin, broker_url):
    """Make a user of the role on the broker, with other rights where wanted. Returns its AMQP URL and its API."""
    made = []

    def make_user(user):
        name = f"rights-{user['name']}"
        made.append(name)
        assert admin("PUT", "users", name, password=PASSWORD, tags=",".join(user["tags"])).status_code in (201, 204)
        for permission in user["permissions"]:
            rights = {key: permission[key] for key in ("configure", "write", "read")}
            assert admin("PUT", "permissions", permission["vhost"], name, **rights).status_code in (201, 204)
        parts = urlsplit(broker_url)
        return f"amqp://{name}:{PASSWORD}@{parts.hostname}:{parts.port}{parts.path}", Api(name, PASSWORD)

    yield make_user
    for name in made:
        admin("DELETE", "users", name)


@contextlib.contextmanager
def channel(url):
    """A channel of a connection of its own: a refusal closes it."""
    with kombu.Connection(url, connect_timeout=5) as connection:
        yield connection.channel()


def gets_events(url):
    """Whether events of workers arrive, as they do in Flower."""
    app = celery.Celery(broker=url, set_as_current=False)
    seen = []
    with app.connection() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": seen.append})
        with contextlib.suppress(socket.timeout, TimeoutError):
            receiver.capture(limit=1, timeout=EVENT_SECONDS, wakeup=True)
    return bool(seen)


def inspects_workers(url):
    """Whether workers answer, as Flower asks them."""
    app = celery.Celery(broker=url, set_as_current=False)
    return bool(app.control.inspect(timeout=ANSWER_SECONDS).stats())


def serves_flower(url):
    """Whether all that Flower does over AMQP works."""
    try:
        return gets_events(url) and inspects_workers(url)
    except REFUSED:
        return False


def alternatives():
    """Each alternative of each right of Flower's user, to be left out."""
    (permission,) = role_user("flower", "v")["permissions"]
    for right in ("configure", "write", "read"):
        inner = re.fullmatch(r"\^\((.*)\)\$", permission[right]).group(1)
        # "|" parts them at the top only, where no bracket is open.
        parts = re.findall(r"(?:[^|(]|\([^)]*\))+", inner)
        assert "|".join(parts) == inner
        yield from ((right, part, [other for other in parts if other != part]) for part in parts)


def test_flower_has_what_it_needs(make, vhost, workers):
    url, api = make(role_user("flower", vhost))
    assert serves_flower(url)
    assert api("GET", "queues", vhost, "probe.a").json()["name"] == "probe.a"


@pytest.mark.parametrize(("right", "part", "others"), list(alternatives()))
def test_flower_needs_each_of_its_rights(make, vhost, workers, right, part, others):
    user = role_user("flower", vhost)
    user["permissions"][0][right] = f"^({'|'.join(others)})$"
    assert not serves_flower(make(user)[0]), f"Flower works without {part} in {right}"


def test_flower_needs_its_tag(make, vhost, workers):
    _url, api = make({**role_user("flower", vhost), "tags": []})
    assert api("GET", "queues", vhost, "probe.a").status_code == 401


@pytest.mark.parametrize("name", ["flower", "telegraf"])
def test_no_task_queue_is_open_to_those_who_watch(make, vhost, workers, name):
    url, api = make(role_user(name, vhost))
    attempts = {
        "publish to a queue": lambda it: it.basic_publish_confirm(amqp.Message("{}"), "", "probe.a"),
        "publish to an exchange": lambda it: it.basic_publish_confirm(amqp.Message("{}"), "celery", "probe.a"),
        "get": lambda it: it.basic_get("probe.a"),
        "consume": lambda it: it.basic_consume("probe.a"),
        "purge": lambda it: it.queue_purge("probe.a"),
        "delete": lambda it: it.queue_delete("probe.a"),
        "bind": lambda it: it.queue_bind("probe.a", "amq.direct", "x"),
        "declare": lambda it: it.queue_declare("probe.c"),
    }
    for what, attempt in attempts.items():
        with pytest.raises(REFUSED), channel(url) as opened:
            attempt(opened)
            pytest.fail(f"{name} may {what}")
    assert api("DELETE", "queues", vhost, "probe.a", "contents").status_code in (401, 403)
    assert api("PUT", "users", "x", password="x", tags="").status_code in (401, 403)


def test_telegraf_has_what_it_needs(make, vhost, workers):
    _url, api = make(role_user("telegraf", vhost))
    for names in (["overview"], ["nodes"], ["queues"], ["exchanges"]):
        assert api("GET", *names).status_code == 200, names
    assert "probe.a" in [queue["name"] for queue in api("GET", "queues").json()]
    (node,) = api("GET", "nodes").json()
    assert api("GET", "nodes", node["name"], "memory").status_code == 200


def test_telegraf_needs_its_empty_permission(make, vhost, workers):
    _url, api = make({**role_user("telegraf", vhost), "permissions": []})
    assert api("GET", "queues").json() == []


@pytest.mark.parametrize("tags", [[], ["management"]])
def test_telegraf_needs_its_tag(make, vhost, workers, tags):
    _url, api = make({**role_user("telegraf", vhost), "tags": tags})
    assert api("GET", "nodes").status_code == 401


def test_galaxy_has_its_vhost_and_no_more(make, admin, vhost, workers):
    url, api = make(role_user("galaxy", vhost))
    with channel(url) as opened:
        opened.queue_declare("probe.rights", auto_delete=True)
        opened.queue_delete("probe.rights")
    with pytest.raises(REFUSED), channel(url.rpartition("/")[0] + "//"):
        pytest.fail("Galaxy's user may use another vhost")
    assert api("GET", "overview").status_code == 401
