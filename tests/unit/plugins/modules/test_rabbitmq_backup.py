# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that save the definitions of a broker and bring them back.

Each test runs against a fake of the management API and, marked `broker`, against a real one that is named by
TESTBED_MANAGEMENT_URL, TESTBED_MANAGEMENT_USER and TESTBED_MANAGEMENT_PASSWORD.
"""

from __future__ import annotations

import copy
import json
import os
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _rabbitmq_backup as backup
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _rabbitmq_management as client
from ansible_collections.usegalaxy_eu.celery.plugins.modules import rabbitmq_backup, rabbitmq_restore

VHOST, USER = "t-backup é/x", "t-backup"
EMPTY = {"rabbitmq_version": "4.0.5", **{kind: [] for kind in backup.KEYS}}

METADATA = {"description": "", "tags": [], "default_queue_type": "quorum"}


class FakeApi(BaseHTTPRequestHandler):
    """GET and POST of the definitions, and DELETE of a vhost or user, as the broker does them."""

    def log_message(self, *args):
        """Say nothing."""

    def answer(self, code, body=None):
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        kind = self.path[len("/api/") :]
        if kind != "definitions":
            return self.answer(200, self.server.state[kind])
        # In another order each time, and with a key that only the export has.
        self.server.state = {
            kind: value[::-1] if isinstance(value, list) else value for kind, value in self.server.state.items()
        }
        return self.answer(200, self.server.state)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posted.append(body)
        if self.server.refuse:
            return self.answer(400, {"error": "bad_request", "reason": self.server.refuse})
        # As the broker does, whatever the file says of permissions.
        new = {item["name"] for item in body.get("vhosts", [])} - {item["name"] for item in self.server.state["vhosts"]}
        full = {"configure": ".*", "write": ".*", "read": ".*"}
        self.server.state["permissions"] += [{"user": "root", "vhost": name, **full} for name in new]
        for kind in set(backup.KEYS) & set(body) - self.server.drop:
            new = {backup.identity(kind, item): item for item in body[kind]}
            if kind in ("queues", "exchanges"):
                new = {**new, **{backup.identity(kind, item): item for item in self.server.state[kind]}}
            kept = [item for item in self.server.state[kind] if backup.identity(kind, item) not in new]
            self.server.state[kind] = kept + list(new.values())
        return self.answer(204)

    def do_DELETE(self):
        kind, *names = [unquote(part) for part in self.path[len("/api/") :].split("/")]
        if kind == "permissions":
            items = self.server.state[kind]
            self.server.state[kind] = [item for item in items if [item["vhost"], item["user"]] != names]
            return self.answer(204)
        (name,) = names
        field = {"vhosts": "vhost", "users": "user"}[kind]
        for part, items in self.server.state.items():
            if part in backup.KEYS:
                key = "name" if part == kind else field
                self.server.state[part] = [item for item in items if item.get(key) != name]
        return self.answer(204)


@pytest.fixture
def fake():
    """Serve an empty broker with its administrator and the identity of its cluster."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeApi)
    server.state = copy.deepcopy(EMPTY)
    server.state["users"] = [{"name": "root", "password_hash": "new", "tags": ["administrator"]}]
    server.state["global_parameters"] = [{"name": "internal_cluster_id", "value": "mine"}]
    server.posted, server.refuse, server.drop = [], None, set()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.broker)])
def api(request):
    """Return a client of the fake, or of the real broker without what earlier runs left."""
    if request.param == "fake":
        server = request.getfixturevalue("fake")
        yield client.Management(f"http://127.0.0.1:{server.server_port}", "root", "root-pw")
        return
    url = os.environ.get("TESTBED_MANAGEMENT_URL")
    if not url:
        pytest.skip("TESTBED_MANAGEMENT_URL names no broker")
    real = client.Management(url, os.environ["TESTBED_MANAGEMENT_USER"], os.environ["TESTBED_MANAGEMENT_PASSWORD"])
    clean(real)
    yield real
    clean(real)


def clean(api):
    """Remove what the tests made."""
    for kind, name in (("vhosts", VHOST), ("users", USER)):
        if name in [item["name"] for item in api.call("GET", f"/api/{kind}")]:
            api.call("DELETE", client.path_of(kind, name))


def made():
    """Return one object of each kind, as an export has them."""
    at = {"vhost": VHOST}
    rights = {"configure": "^a", "write": "", "read": ".*"}
    return {
        "users": [
            {
                "name": USER,
                # Of the password "secret".
                "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR",
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ["monitoring"],
                "limits": {"max-connections": 7},
            }
        ],
        "vhosts": [{"name": VHOST}],
        "permissions": [{"user": USER, **at, **rights}],
        "topic_permissions": [{"user": USER, **at, "exchange": "e", "write": "^a", "read": "^b"}],
        "parameters": [{**at, "component": "vhost-limits", "name": "limits", "value": {"max-queues": 50}}],
        "policies": [
            {**at, "name": "p", "pattern": "^c", "apply-to": "queues", "priority": 3, "definition": {"expires": 9000}}
        ],
        "queues": [{**at, "name": "q", "durable": True, "auto_delete": False, "arguments": {}}],
        "exchanges": [
            {
                **at,
                "name": "e",
                "type": "direct",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
        ],
        "bindings": [
            {**at, "source": "e", "destination": "q", "destination_type": "queue", "routing_key": "k", "arguments": {}}
        ],
    }


@pytest.fixture
def save(run, api, tmp_path):
    """Run the module that saves."""

    def start(check=False, **more):
        arguments = {"url": api.url, "username": api.username, "password": api.password, "directory": str(tmp_path)}
        return run(rabbitmq_backup, check=check, **{**arguments, **more})

    return start


@pytest.fixture
def restore(run, api, tmp_path):
    """Run the module that brings back."""

    def start(path=tmp_path, check=False):
        return run(
            rabbitmq_restore, check=check, url=api.url, username=api.username, password=api.password, path=str(path)
        )

    return start


def test_a_backup_comes_back_to_a_broker_that_lost_everything(api, save, restore):
    api.call("POST", "/api/definitions", made())
    api.call("DELETE", client.path_of("permissions", VHOST, api.username))
    before = backup.arranged(api.call("GET", "/api/definitions"))
    saved = save()
    assert saved["changed"] is True
    assert saved["counts"]["queues"] == len(before["queues"])
    clean(api)

    lost = sorted(backup.label(kind, item) for kind, items in made().items() for item in items)
    planned = restore(check=True)
    assert (planned["changed"], sorted(planned["missing"])) == (True, lost)
    assert backup.arranged(api.call("GET", "/api/definitions")) != before, "check mode changes nothing"

    done = restore()
    assert (done["changed"], done["path"], sorted(done["missing"]), done["changes"]) == (True, saved["path"], lost, [])
    assert backup.arranged(api.call("GET", "/api/definitions")) == before
    again = restore()
    assert (again["changed"], again["missing"], again["changes"]) == (False, [], [])


def test_a_restore_changes_back_and_removes_nothing(api, save, restore):
    api.call("POST", "/api/definitions", made())
    save()
    other = made()
    other["policies"][0]["priority"] = 4
    newer = {**other["queues"][0], "name": "newer"}
    api.call("POST", "/api/definitions", {"policies": other["policies"], "queues": [newer]})
    done = restore()
    assert (done["missing"], done["changes"]) == ([], [f"policy 'p' on {VHOST!r}"])
    present = api.call("GET", "/api/definitions")
    assert [item["priority"] for item in present["policies"] if item["vhost"] == VHOST] == [3]
    assert {item["name"] for item in present["queues"] if item["vhost"] == VHOST} == {"q", "newer"}


def test_a_queue_that_is_there_keeps_what_it_has(api, save, restore):
    api.call("POST", "/api/definitions", made())
    save()
    api.call("DELETE", client.path_of("vhosts", VHOST))
    other = made()
    other["queues"][0]["auto_delete"] = True
    api.call("POST", "/api/definitions", {"vhosts": other["vhosts"], "queues": other["queues"]})
    kept = [f"queue 'q' on {VHOST!r}"]
    for changed in (True, False):
        planned, done = restore(check=True), restore()
        for found in (planned, done):
            assert (found["changed"], found["kept"], found["changes"]) == (changed, kept, [])


@pytest.mark.parametrize(
    "wanted, present, same",
    [
        # 4.0 and 4.3 export the same vhost so, in this order.
        (
            {"name": "v", "description": "", "tags": [], "default_queue_type": "quorum", "metadata": METADATA},
            {"name": "v", "limits": {}, "metadata": METADATA},
            True,
        ),
        ({"name": "v", "limits": {"max-queues": 5}, "metadata": METADATA}, {"name": "v", "metadata": METADATA}, True),
        ({"name": "v", "default_queue_type": "undefined"}, {"name": "v", "metadata": METADATA}, True),
        ({"name": "v", "metadata": {**METADATA, "tags": ["a"]}}, {"name": "v", "metadata": METADATA}, False),
        ({"name": "v", "default_queue_type": "classic"}, {"name": "v", "metadata": METADATA}, False),
    ],
)
def test_a_vhost_is_the_same_whatever_version_exported_it(wanted, present, same):
    assert backup.differences({"vhosts": [wanted]}, {"vhosts": [present]}) == ([], [] if same else ["vhost 'v'"], [])


def test_a_backup_of_the_same_writes_nothing(api, save, tmp_path):
    first = save()
    again = save()
    assert (again["changed"], again["path"]) == (False, first["path"])
    assert save(check=True)["changed"] is False
    api.call("POST", "/api/definitions", made())
    assert save(check=True)["changed"] is True
    assert len(backup.backups(tmp_path)) == 1, "check mode writes nothing"
    second = save()
    assert second["changed"] is True
    assert backup.backups(tmp_path) == [first["path"], second["path"]]


def test_the_file_is_for_its_owner_alone(save):
    assert stat.S_IMODE(Path(save()["path"]).stat().st_mode) == 0o600


# What only the fake, or no broker at all, can show

only_fake = pytest.mark.parametrize("api", ["fake"], indirect=True)


def old(tmp_path, count):
    """Make older backups and a file that is none."""
    for number in range(count):
        (tmp_path / f"definitions-2020010{number + 1}T000000.000000Z.json").write_text("{}", encoding="utf-8")
    (tmp_path / "definitions-mine.json").write_text("{}", encoding="utf-8")


@only_fake
def test_the_oldest_go_and_other_files_stay(save, tmp_path):
    old(tmp_path, 3)
    assert save(keep=2, check=True)["removed"] == backup.backups(tmp_path)[:2]
    result = save(keep=2)
    assert [Path(path).name[:20] for path in result["removed"]] == ["definitions-20200101", "definitions-20200102"]
    assert [Path(path).name[:20] for path in backup.backups(tmp_path)][:1] == ["definitions-20200103"]
    assert (tmp_path / "definitions-mine.json").exists()
    assert len(backup.backups(tmp_path)) == 2
    fewer = save(keep=1)
    assert (fewer["changed"], fewer["path"], len(fewer["removed"])) == (True, result["path"], 1)


@only_fake
@pytest.mark.parametrize("text", ["", '{"users": [', "[]"])
def test_a_newest_backup_that_is_cut_off_is_none(save, tmp_path, text):
    (tmp_path / "definitions-20200101T000000.000000Z.json").write_text(text, encoding="utf-8")
    assert save()["changed"] is True


@only_fake
def test_a_full_disk_leaves_no_half_file(save, tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rabbitmq_backup.os, "fsync", full)
    assert "No space left on device" in save()["msg"]
    assert list(tmp_path.iterdir()) == []


@only_fake
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"keep": 0}, "keep is 0, but must be at least 1"),
        ({"directory": "/nonexistent/folder"}, "/nonexistent/folder is no directory. Make it first"),
    ],
)
def test_wrong_arguments_of_a_backup(save, more, message):
    assert message in save(**more)["msg"]


@only_fake
def test_the_login_and_the_cluster_stay_what_they_are(fake, restore, tmp_path):
    wanted = {
        **made(),
        "users": [{"name": "root", "password_hash": "old", "tags": []}],
        "global_parameters": [
            {"name": "internal_cluster_id", "value": "theirs"},
            {"name": "cluster_name", "value": "x"},
        ],
    }
    path = tmp_path / "export.json"
    path.write_text(json.dumps(wanted), encoding="utf-8")
    assert restore(path)["changed"] is True
    assert fake.state["users"] == [{"name": "root", "password_hash": "new", "tags": ["administrator"]}]
    values = {item["name"]: item["value"] for item in fake.state["global_parameters"]}
    assert values == {"internal_cluster_id": "mine", "cluster_name": "x"}


@only_fake
def test_keys_of_another_version_are_no_difference(fake, restore, tmp_path):
    fake.state.update(made())
    fake.state["queues"] = [{**made()["queues"][0], "arguments": {"x-queue-type": "classic"}, "type": "classic"}]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(made()), encoding="utf-8")
    assert restore(path)["changed"] is False
    assert fake.posted == []


@only_fake
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ('{"users": [{"password_hash": "MARK"', "is not JSON, perhaps cut off"),
        ('["MARK"]', "is no export of a whole broker"),
        ('{"queues": [], "users": ["MARK"]}', "is no export of a whole broker"),
        ('{"vhosts": [], "users": ["MARK"]}', "users must be lists of objects"),
        ('{"vhosts": {"MARK": 1}, "users": [], "queues": "MARK"}', "vhosts, queues must be lists of objects"),
    ],
)
def test_a_file_that_is_no_backup(fake, restore, tmp_path, text, message):
    path = tmp_path / "export.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    result = restore(path)
    assert message in result["msg"]
    assert str(path) in result["msg"]
    assert "MARK" not in result["msg"]
    assert fake.posted == []


@only_fake
def test_a_directory_without_a_backup(restore, tmp_path):
    (tmp_path / "definitions-mine.json").write_text("{}", encoding="utf-8")
    assert "holds no backup" in restore()["msg"]


@only_fake
def test_what_the_broker_says_of_a_refused_backup(fake, restore, tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(made()), encoding="utf-8")
    fake.refuse = "Validation failed: ha-mode not recognised"
    message = restore(path)["msg"]
    assert "refused with 400: Validation failed: ha-mode not recognised What comes before it" in message


@only_fake
def test_what_the_broker_took_and_does_not_have_is_named(fake, restore, tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(made()), encoding="utf-8")
    fake.drop = {"queues"}
    assert f"does not have: queue 'q' on {VHOST!r}" in restore(path)["msg"]
