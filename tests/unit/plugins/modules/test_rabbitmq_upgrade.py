# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that makes a broker ready for another version, against a fake of the API and a real broker."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _rabbitmq_management as client
from ansible_collections.usegalaxy_eu.celery.plugins.modules import rabbitmq_upgrade as module


class FakeApi(BaseHTTPRequestHandler):
    """Overview, policies and feature flags."""

    def log_message(self, *args):
        """Say nothing."""

    def answer(self, code, body=None):
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.answer(200, self.server.state[self.path[len("/api/") :]])

    def do_PUT(self):
        name, verb = self.path[len("/api/feature-flags/") :].split("/")
        assert verb == "enable"
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.enabled.append(name)
        for item in self.server.state["feature-flags"]:
            if item["name"] == name and name not in self.server.stuck:
                item["state"] = "enabled"
        self.answer(204)


def flag(name, state="enabled", stability="stable"):
    return {"name": name, "state": state, "stability": stability}


def node(name, version):
    applications = [{"name": "kernel", "version": "1"}, {"name": "rabbit", "version": version}]
    return {"name": f"rabbit@{name}", "applications": applications}


@pytest.fixture
def fake():
    """Serve a broker 3.13.7."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeApi)
    server.state = {
        "overview": {"rabbitmq_version": "3.13.7"},
        "nodes": [node("a", "3.13.7"), {"name": "rabbit@down"}],
        "policies": [{"name": "p", "vhost": "/", "definition": {"expires": 1}}],
        "feature-flags": [
            flag("quorum_queue", stability="required"),
            flag("message_containers", "disabled"),
            flag("khepri_db", "disabled", "experimental"),
            flag("other_try", "disabled", "experimental"),
        ],
    }
    server.enabled, server.stuck = [], set()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def prepare(fake, run):
    """Run the module against the fake."""

    def start(version, check=False):
        url = f"http://127.0.0.1:{fake.server_port}"
        return run(module, check=check, url=url, username="root", password="root-pw", version=version)

    return start


def test_stable_flags_are_enabled_before_another_series(fake, prepare):
    planned = prepare("4.1.4", check=True)
    assert (planned["changed"], planned["enabled"], fake.enabled) == (True, ["message_containers"], [])
    done = prepare("4.1.4")
    assert done["running"] == "3.13.7"
    assert (done["changed"], done["enabled"], fake.enabled) == (True, ["message_containers"], ["message_containers"])
    assert prepare("4.1.4")["changed"] is False


def test_flags_are_left_alone_while_a_cluster_is_between_two_series(fake, prepare):
    fake.state["nodes"].append(node("b", "4.0.5"))
    result = prepare("4.0.5")
    assert (result["changed"], result["enabled"], fake.enabled) == (False, [], [])


def test_another_patch_in_the_cluster_is_no_other_series(fake, prepare):
    fake.state["nodes"].append(node("b", "3.13.9"))
    assert prepare("4.0.5")["enabled"] == fake.enabled != []


def test_the_same_series_needs_no_flags(fake, prepare):
    assert prepare("3.13.8")["changed"] is False
    assert fake.enabled == []


@pytest.mark.parametrize(
    ("running", "wanted"),
    [
        ("3.11.18", "3.12.0"),
        ("3.12.14", "3.13.7"),
        ("3.13.7", "4.0.5"),
        ("3.13.7", "4.1.4"),
        ("3.13.7", "4.2.0"),
        ("4.0.5", "4.0.5"),
        ("4.0.5", "4.0.9"),
        ("4.0.5", "4.2.0"),
        ("4.1.4", "4.2.0-rc.1"),
        ("4.2.1", "4.3.0"),
        ("4.3.0", "4.4.0"),
    ],
)
def test_supported_jumps(running, wanted):
    assert module.jump_problem(running, wanted) is None


@pytest.mark.parametrize(
    ("running", "wanted", "message"),
    [
        ("3.12.14", "4.0.5", "4.0 can follow 3.13. Go there in steps"),
        ("3.12.14", "4.1.4", "4.1 can follow 3.13, 4.0."),
        ("3.11.28", "3.13.7", "3.13 can follow 3.12."),
        ("3.13.7", "4.3.0", "4.3 can follow 4.2."),
        ("4.1.4", "4.3.0", "4.3 can follow 4.2."),
        ("4.3.0", "4.5.0", "4.5 can follow 4.4."),
        ("4.9.0", "5.0.0", "5.0 can follow none"),
        ("4.1.4", "4.0.9", "does not support downgrades"),
        ("4.1.4", "4.1.3", "does not support downgrades"),
        ("4.10.0", "4.9.0", "does not support downgrades"),
    ],
)
def test_refused_jumps(fake, prepare, running, wanted, message):
    fake.state["overview"]["rabbitmq_version"] = running
    result = prepare(wanted)
    assert result["failed"] is True
    assert result["changed"] is False
    assert message in result["msg"]
    assert running in result["msg"]
    assert fake.enabled == []


def test_mirrored_queues_are_refused_on_4(fake, prepare):
    fake.state["policies"].append({"name": "ha", "vhost": "galaxy", "definition": {"ha-mode": "all"}})
    message = prepare("4.0.5")["msg"]
    assert "these policies ask for them: ha on galaxy." in message
    assert fake.enabled == [], "a flag cannot be disabled again"
    assert "failed" not in prepare("3.13.8")


def test_khepri_of_3_13_cannot_be_read_by_4(fake, prepare):
    fake.state["feature-flags"][2]["state"] = "enabled"
    assert "no 4.x can read its data" in prepare("4.0.5")["msg"]


def test_khepri_is_left_to_the_operator(fake, prepare):
    fake.state["overview"]["rabbitmq_version"] = "4.2.1"
    fake.state["feature-flags"][2]["stability"] = "stable"
    assert "rabbitmqctl enable_feature_flag khepri_db" in prepare("4.3.0")["msg"]
    assert fake.enabled == []
    fake.state["overview"]["rabbitmq_version"] = "4.0.5"
    assert prepare("4.1.0")["enabled"] == ["message_containers"]


def test_a_flag_in_between_is_refused(fake, prepare):
    fake.state["feature-flags"][0]["state"] = "unavailable"
    assert "The feature flags quorum_queue are unavailable: wait" in prepare("4.0.5")["msg"]


def test_a_flag_that_stays_disabled_is_named(fake, prepare):
    fake.stuck = {"message_containers"}
    result = prepare("4.0.5")
    assert "does not enable the feature flags message_containers. Its log says why" in result["msg"]
    assert result["changed"] is True


@pytest.mark.parametrize("version", ["", "latest", "4", "4.1", "v4.1.4"])
def test_no_version(prepare, version):
    assert "is no version of RabbitMQ such as 4.1.4" in prepare(version)["msg"]


@pytest.mark.broker
def test_a_real_broker(run):
    url = os.environ.get("TESTBED_MANAGEMENT_URL")
    if not url:
        pytest.skip("TESTBED_MANAGEMENT_URL names no broker")
    login = {"username": os.environ["TESTBED_MANAGEMENT_USER"], "password": os.environ["TESTBED_MANAGEMENT_PASSWORD"]}
    api = client.Management(url, **login)
    major, minor, patch = module.parse(api.call("GET", "/api/overview")["rabbitmq_version"])
    flags = api.call("GET", "/api/feature-flags")
    assert {item["state"] for item in flags} <= {"enabled", "disabled"}
    assert {item["stability"] for item in flags} <= {"required", "stable", "experimental"}

    def start(version, check=False):
        return run(module, check=check, url=url, **login, version=version)

    assert start(f"{major}.{minor}.{patch + 1}")["changed"] is False
    assert "downgrades" in start("3.0.0")["msg"]
    assert "does not support the jump" in start(f"{major}.{minor + 9}.0")["msg"]
    following = f"{major}.{minor + 1}.0"
    assert start(following, check=True)["enabled"] == start(following)["enabled"]
    left = [item["name"] for item in api.call("GET", "/api/feature-flags")
            if item["state"] != "enabled" and item["stability"] == "stable"]  # fmt: skip
    assert set(left) <= {module.KHEPRI}
    assert start(following)["changed"] is False
