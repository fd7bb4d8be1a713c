# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that brings a broker's objects to the wanted state.

Every test runs against a fake of the management API, a small HTTP server that holds its state in memory and answers
as RabbitMQ 3.10 does. The tests marked `broker` are the same ones against a real broker, so that the fake is held
against it. It is named by TESTBED_MANAGEMENT_URL, TESTBED_MANAGEMENT_USER and TESTBED_MANAGEMENT_PASSWORD.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _rabbitmq_management as client
from ansible_collections.usegalaxy_eu.celery.plugins.modules import rabbitmq_definitions as module

MARK = "s3cret-märk"
VHOSTS = ("t-galaxy", "t/a b", "t-é", "t-new")
USERS = ("t-x", "t-galaxy", "t-flower", "t-é/x", "t-admin")


class FakeApi(BaseHTTPRequestHandler):
    """The fake of the management API."""

    def log_message(self, *args):
        """Say nothing."""

    def answer(self, code, body=None):
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def login(self):
        name, _colon, password = base64.b64decode(self.headers["Authorization"].split()[1]).decode().partition(":")
        user = self.server.state["users"].get(name)
        if user is None or not module.password_matches(user, password):
            self.answer(401, {"error": "not_authorized", "reason": "Login failed"})
            return None
        if "administrator" not in user["tags"]:
            self.answer(401, {"error": "not_authorized", "reason": "Not administrator user"})
            return None
        return name

    def handle_all(self):
        state = self.server.state
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        self.server.requests.append((self.command, self.path))
        login = self.login()
        if login is None:
            return None
        kind, *names = [unquote(part) for part in self.path[len("/api/") :].split("/")]
        if self.command == "GET":
            return self.get(state, kind, names)
        if self.command == "DELETE":
            return self.delete(state, kind, tuple(names))
        return self.put(state, kind, names, body, login)

    do_GET = do_PUT = do_POST = do_DELETE = handle_all

    def get(self, state, kind, names):
        if kind == "overview":
            return self.answer(200, {"rabbitmq_version": self.server.version})
        items = state[kind]
        if kind == "exchanges":
            return self.answer(200, [item for (vhost, _name), item in items.items() if vhost == names[0]])
        if names:
            return self.answer(200, items[names[0]])
        if kind.endswith("-limits"):
            owners = {}
            for (owner, limit), value in items.items():
                owners.setdefault(owner, {})[limit] = value
            return self.answer(200, [{kind[: -len("-limits")]: o, "value": v} for o, v in owners.items()])
        return self.answer(200, list(items.values()))

    def delete(self, state, kind, names):
        key = names[0] if len(names) == 1 else names
        if state[kind].pop(key, None) is None:
            return self.answer(404, {"error": "Object Not Found", "reason": "Not Found"})
        for part in ("permissions", "topic-permissions"):
            field = {"vhosts": "vhost", "users": "user"}.get(kind)
            state[part] = {k: v for k, v in state[part].items() if not field or v[field] != key}
        if kind == "vhosts":
            for part in ("policies", "vhost-limits"):
                state[part] = {k: v for k, v in state[part].items() if k[0] != key}
        return self.answer(204)

    def put(self, state, kind, names, body, login):
        if kind == "vhosts":
            (name,) = names
            new = name not in state["vhosts"]
            vhost = state["vhosts"].setdefault(name, {"name": name, "default_queue_type": "undefined"})
            vhost.update(description=body.get("description", ""), tags=module.tags_of(body.get("tags")))
            if new:  # 3.10 keeps the type only then
                vhost["default_queue_type"] = body.get("defaultqueuetype", "undefined")
                full = {"user": login, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"}
                state["permissions"][name, login] = full
        elif kind == "users":
            (name,) = names
            state["users"][name] = {**body, "name": name, "tags": [t for t in body["tags"].split(",") if t]}
        elif kind == "permissions":
            if "\\L" in body["write"]:
                reason = ["invalid_regexp", [92, 76], [[*b"PCRE does not support \\L"], 1]]
                return self.answer(400, {"error": "bad_request", "reason": reason})
            state[kind][tuple(names)] = {"vhost": names[0], "user": names[1], **body}
        elif kind == "definitions":
            state["exchanges"].update({(item["vhost"], item["name"]): item for item in body["exchanges"]})
        elif kind == "topic-permissions":
            state[kind][(*names, body["exchange"])] = {"vhost": names[0], "user": names[1], **body}
        elif kind == "policies":
            if "foo" in body["definition"]:
                return self.answer(400, {"error": "bad_request", "reason": "Validation failed\n\nfoo not recognised\n"})
            state[kind][tuple(names)] = {"vhost": names[0], "name": names[1], **body}
        elif self.headers["Accept"] == "application/json":
            return self.answer(406)
        else:
            state[kind][tuple(names)] = body["value"]
        return self.answer(201)


def serve(handler):
    """Serve on a free loopback port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.state = {k: {} for k in ("vhosts", "users", "permissions", "topic-permissions", "policies", "exchanges")}
    server.state.update({"vhost-limits": {}, "user-limits": {}})
    server.requests, server.version = [], "3.10.8"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


@pytest.fixture
def fake():
    """Serve the fake with one administrator and the vhost '/'."""
    server = serve(FakeApi)
    admin = {"name": "root", "tags": ["administrator"], "password_hash": module.hash_password("root-pw")}
    server.state["users"]["root"] = {**admin, "hashing_algorithm": "rabbit_password_hashing_sha256"}
    server.state["vhosts"]["/"] = {"name": "/", "default_queue_type": "undefined", "tags": []}
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
    for kind, names in (("vhosts", VHOSTS), ("users", USERS)):
        for name in {item["name"] for item in api.call("GET", f"/api/{kind}")} & set(names):
            api.call("DELETE", client.path_of(kind, name))


@pytest.fixture
def run(api, capsys):
    """Return a function that runs the module and returns its result."""

    def call(check=False, **args):
        arguments = {"url": api.url, "username": api.username, "password": api.password, **args}
        arguments |= {"_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        output = capsys.readouterr().out
        result = json.loads(output)
        assert MARK not in str(result)
        return result

    return call


def get(api, *path):
    """Ask the broker."""
    return api.call("GET", client.path_of(*path))


def permissions(api, user):
    """Return the permissions of one user as the broker has them."""
    found = get(api, "permissions")
    return {i["vhost"]: (i["configure"], i["write"], i["read"]) for i in found if i["user"] == user}


def full(vhost):
    """Return full permission on a vhost."""
    return {"vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}


def everything():
    """Return a wanted state with names and passwords that hurt."""
    return {
        "vhosts": [
            {"name": "t-galaxy", "default_queue_type": "classic", "limits": {"max_connections": 5}},
            {"name": "t/a b"},
            {"name": "t-é"},
        ],
        "users": [
            {"name": "t-galaxy", "password": MARK, "permissions": [full("t-galaxy"), full("t/a b")]},
            {
                "name": "t-flower",
                "password": "'\"\\ $x #@/" + MARK,
                "tags": ["management", "monitoring"],
                "limits": {"max_connections": 2, "max_channels": 9},
            },
            {
                "name": "t-é/x",
                "permissions": [{"vhost": "t-é", "read": "^celeryev"}],
                "topic_permissions": [{"vhost": "t-é", "exchange": "amq.topic", "read": "^x$"}],
            },
        ],
        "policies": [
            {
                "name": "t p/1",
                "vhost": "t/a b",
                "pattern": "^control\\.",
                "apply_to": "queues",
                "priority": 5,
                "definition": {"expires": 1000, "max-length": 10},
            },
        ],
    }


def test_other_permissions_can_be_kept(api, run):
    run(**everything())
    user = {"name": "t-galaxy", "permissions": [full("t-galaxy")]}
    assert run(users=[{**user, "other_permissions": "kept"}])["changes"] == []
    assert set(permissions(api, "t-galaxy")) == {"t-galaxy", "t/a b"}
    assert run(users=[user])["changes"] == ["user t-galaxy: permission on t/a b removed"]


def test_everything_then_nothing(api, run):
    planned = run(check=True, **everything())
    assert planned["changed"] is True
    assert not {item["name"] for item in get(api, "vhosts")} & set(VHOSTS)
    done = run(**everything())
    assert done["changes"] == planned["changes"]
    assert done["diff"] == planned["diff"]
    assert done["changes"] == [
        "vhost t-galaxy created",
        "vhost t/a b created",
        "vhost t-é created",
        "user t-galaxy created",
        "user t-flower created",
        "user t-é/x created",
        "user t-galaxy: permission on t-galaxy set",
        "user t-galaxy: permission on t/a b set",
        "user t-é/x: permission on t-é set",
        "user t-é/x: topic permission on t-é amq.topic set",
        "policy t p/1 on t/a b created",
        "vhost t-galaxy: max-connections set to 5",
        "user t-flower: max-channels set to 9",
        "user t-flower: max-connections set to 2",
    ]
    assert permissions(api, "t-é/x") == {"t-é": ("", "", "^celeryev")}
    assert not set(permissions(api, api.username)) & set(VHOSTS)  # the automatic permission was taken back
    assert get(api, "vhosts", "t-galaxy")["default_queue_type"] == "classic"
    again = run(**everything())
    assert again["changed"] is False
    assert again["changes"] == []
    assert again["diff"] == {"before": "", "after": ""}


def test_password_is_set_in_place(api, run):
    """The stored hash is that of the new password; permissions and a second user are as they were."""
    run(**everything())
    before = get(api, "users")
    wanted = everything()
    wanted["users"][0]["password"] = MARK + "2"
    result = run(**wanted)
    assert result["changes"] == ["user t-galaxy: password"]
    assert result["diff"]["before"] == "user t-galaxy: tags=[] password=(old)\n"
    user = get(api, "users", "t-galaxy")
    stored = base64.b64decode(user["password_hash"])
    assert stored[4:] == hashlib.sha256(stored[:4] + (MARK + "2").encode()).digest()
    assert set(permissions(api, "t-galaxy")) == {"t-galaxy", "t/a b"}
    assert [u for u in get(api, "users") if u["name"] != "t-galaxy"] == [u for u in before if u["name"] != "t-galaxy"]
    assert run(**wanted)["changed"] is False


@pytest.mark.broker
@pytest.mark.parametrize("api", ["real"], indirect=True)
def test_a_new_password_cuts_nobody_off(api, run, broker_url):
    """On a real broker: open connections stay, of this user and of another; a new one needs the new password."""
    kombu = pytest.importorskip("kombu", reason="kombu is not installed")
    amqp = pytest.importorskip("amqp", reason="amqp is not installed")
    refusals = (kombu.exceptions.OperationalError, amqp.AccessRefused)
    parts = urlsplit(broker_url)
    vhost = parts.path[1:]

    def user(name, password):
        return {"name": name, "password": password, "permissions": [full(vhost)]}

    def connect(name, password):
        url = f"amqp://{name}:{password}@{parts.hostname}:{parts.port}/{vhost}"
        return kombu.Connection(url, connect_timeout=5)

    run(users=[user("t-galaxy", "old" + MARK), user("t-flower", "other" + MARK)])
    with connect("t-galaxy", "old" + MARK) as old, connect("t-flower", "other" + MARK) as other:
        channels = [connection.channel() for connection in (old, other)]
        assert run(users=[user("t-galaxy", "new" + MARK)])["changes"] == ["user t-galaxy: password"]
        for channel in channels:
            channel.queue_declare(exclusive=True)
        with pytest.raises(refusals), connect("t-galaxy", "old" + MARK) as refused:
            refused.ensure_connection(max_retries=1, timeout=5)
        with connect("t-galaxy", "new" + MARK) as new:
            new.channel().queue_declare(exclusive=True)


def test_tags_change_and_the_password_stays(api, run):
    run(users=[{"name": "t-flower", "password": MARK}])
    before = get(api, "users", "t-flower")["password_hash"]
    result = run(users=[{"name": "t-flower", "tags": ["monitoring", "management"]}])
    assert result["changes"] == ["user t-flower: tags [] -> ['management', 'monitoring']"]
    assert get(api, "users", "t-flower")["password_hash"] == before
    assert run(users=[{"name": "t-flower", "password": MARK, "tags": ["management", "monitoring"]}])["changed"] is False


def test_listed_users_are_exact_and_others_are_left_alone(api, run):
    run(**everything())
    result = run(
        vhosts=[{"name": "t-galaxy"}],
        users=[{"name": "t-galaxy", "permissions": [{**full("t-galaxy"), "write": "^x$"}]}],
    )
    assert result["changes"] == [
        "user t-galaxy: permission on t-galaxy set",
        "user t-galaxy: permission on t/a b removed",
    ]
    assert permissions(api, "t-galaxy") == {"t-galaxy": (".*", "^x$", ".*")}
    assert permissions(api, "t-é/x") == {"t-é": ("", "", "^celeryev")}


def test_topic_permissions_stay_unless_listed(api, run):
    run(**everything())
    permission = [{"vhost": "t-é", "read": "^celeryev"}]
    assert run(users=[{"name": "t-é/x", "permissions": permission}])["changed"] is False
    one = {"vhost": "t-é", "exchange": "x y", "write": "a"}
    exchange = {"vhost": "t-é", "name": "x y", "type": "topic", "durable": True, "auto_delete": False, "arguments": {}}
    api.call("POST", client.path_of("definitions"), {"exchanges": [exchange]})
    result = run(users=[{"name": "t-é/x", "permissions": permission, "topic_permissions": [one]}])
    assert result["changes"] == [
        "user t-é/x: topic permission on t-é x y set",
        "user t-é/x: topic permission on t-é amq.topic removed",
    ]
    result = run(users=[{"name": "t-é/x", "permissions": permission, "topic_permissions": []}])
    assert result["changes"] == ["user t-é/x: topic permission on t-é x y removed"]
    assert [i for i in get(api, "topic-permissions") if i["user"] == "t-é/x"] == []


TOPIC = {"name": "t-é/x", "permissions": [{"vhost": "t-new"}]}


def test_a_topic_permission_for_no_exchange_is_refused_where_the_broker_would(api, run, request):
    if api.username == "root":
        request.getfixturevalue("fake").version = "4.3.6"
    version = tuple(int(part) for part in get(api, "overview")["rabbitmq_version"].split(".")[:2])
    topics = [{"vhost": "t-new", "exchange": name, "write": "a"} for name in ("amq.topic", "x y")]
    wanted = {"vhosts": [{"name": "t-new"}], "users": [{**TOPIC, "password": MARK, "topic_permissions": topics}]}
    for check in (True, False):
        result = run(check=check, **wanted)
        if version < (4, 3):
            assert "user t-é/x: topic permission on t-new x y set" in result["changes"]
            continue
        assert result["failed"]
        assert "Nothing was changed" in result["msg"]
        assert "the vhost t-new has no exchange 'x y', and RabbitMQ 4." in result["msg"]
        assert "amq.topic" not in result["msg"]
        assert "t-new" not in {item["name"] for item in get(api, "vhosts")}


def test_policies_and_limits_change(api, run):
    run(**everything())
    policy = {**everything()["policies"][0], "definition": {"expires": 2000}}
    vhosts, flower = [{"name": "t-galaxy", "limits": {"max_queues": 7}}], everything()["users"][1]
    result = run(policies=[policy], vhosts=vhosts, users=[{**flower, "limits": {}}])
    assert result["changes"] == [
        "policy t p/1 on t/a b changed",
        "vhost t-galaxy: max-connections removed",
        "vhost t-galaxy: max-queues set to 7",
        "user t-flower: max-channels removed",
        "user t-flower: max-connections removed",
    ]
    assert "definition={'expires': 1000, 'max-length': 10}" in result["diff"]["before"]
    assert [i["definition"] for i in get(api, "policies") if i["name"] == "t p/1"] == [{"expires": 2000}]
    assert [i["value"] for i in get(api, "vhost-limits") if i["vhost"] == "t-galaxy"] == [{"max-queues": 7}]
    assert run(policies=[policy], vhosts=vhosts)["changed"] is False
    assert run(vhosts=[{"name": "t-galaxy"}], users=[{**flower, "limits": None}])["changed"] is False


def test_removals(api, run):
    run(**everything())
    wanted = {
        "vhosts": [{"name": "t/a b", "state": "absent"}, {"name": "t-é", "state": "absent"}],
        "users": [
            {"name": "t-galaxy", "password": MARK, "permissions": [full("t-galaxy")]},
            {"name": "t-flower", "state": "absent"},
        ],
        "policies": [{"name": "t p/1", "vhost": "t/a b", "state": "absent"}],
    }
    planned = run(check=True, **wanted)
    result = run(**wanted)
    # What goes with its vhost is not named twice.
    assert result["changes"] == planned["changes"] == [
        "vhost t/a b removed",
        "vhost t-é removed",
        "user t-flower removed",
    ]
    assert permissions(api, "t-é/x") == {}
    assert run(**wanted)["changed"] is False


def test_policy_is_removed_alone(api, run):
    run(**everything())
    result = run(policies=[{"name": "t p/1", "vhost": "t/a b", "state": "absent"}])
    assert result["changes"] == ["policy t p/1 on t/a b removed"]


def test_own_password_can_be_changed(api, run):
    admin = {"name": "t-admin", "password": "first-pw", "tags": ["administrator"], "permissions": [full("t-new")]}
    run(vhosts=[{"name": "t-new"}], users=[admin])
    result = run(
        username="t-admin",
        password="first-pw",
        vhosts=[{"name": "t-galaxy"}],
        users=[{**admin, "password": MARK, "permissions": [full("t-galaxy")]}, {"name": "t-flower", "password": MARK}],
    )
    assert result["changes"] == [
        "vhost t-galaxy created",
        "user t-admin: password",
        "user t-flower created",
        "user t-admin: permission on t-galaxy set",
        "user t-admin: permission on t-new removed",
    ]
    assert "or password of the administrator is wrong" in run(username="t-admin", password="first-pw")["msg"]
    assert run(username="t-admin", password=MARK)["changed"] is False


def test_login_of_a_lesser_user(api, run):
    run(users=[{"name": "t-flower", "password": MARK, "tags": ["management"]}])
    assert "The user t-flower needs the tag 'administrator'." in run(username="t-flower", password=MARK)["msg"]


def test_wrong_password(run, api):
    result = run(password="not-this-one")
    assert result["failed"] is True
    assert f"The username ({api.username}) or password of the administrator is wrong" in result["msg"]
    assert result["changes"] == []


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ({"users": [{"name": "t-x", "permissions": [{"vhost": "t-new", "write": "\\L"}]}]}, "regexp: \\L: "),
        ({"policies": [{"name": "p", "vhost": "t-new", "pattern": "", "definition": {"foo": 1}}]}, "Validation failed"),
    ],
)
def test_reason_of_the_broker_and_what_was_done_before(api, run, args, reason):
    result = run(vhosts=[{"name": "t-new"}], **args)
    assert result["failed"] is True
    assert result["changed"] is True
    assert result["changes"][0] == "vhost t-new created"
    assert "the broker refused with 400" in result["msg"]
    assert reason in result["msg"]


def test_default_queue_type_that_the_broker_does_not_take(run, api):
    run(vhosts=[{"name": "t-new"}])
    result = run(vhosts=[{"name": "t-new", "default_queue_type": "classic"}])
    if result.get("failed"):  # RabbitMQ 3.10
        assert "the broker keeps the default queue type undefined instead of classic" in result["msg"]
    else:
        assert get(api, "vhosts", "t-new")["default_queue_type"] == "classic"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            {"users": [{"name": "t-x", "permissions": [full("t-no")]}]},
            "users: t-x: permissions: there is no vhost 't-no'",
        ),
        (
            {"users": [{"name": "t-x", "topic_permissions": [{"vhost": "t-no", "exchange": "x"}]}]},
            "users: t-x: topic_permissions: there is no vhost 't-no'",
        ),
        (
            {
                "vhosts": [{"name": "t-new", "state": "absent"}],
                "users": [{"name": "t-x", "permissions": [full("t-new")]}],
            },
            "there is no vhost 't-new'",
        ),
        ({"users": [{"name": "t-x", "permissions": [full("/"), full("/")]}]}, "permissions: '/' is listed twice"),
        ({"users": [{"name": "t-x"}, {"name": "t-x"}]}, "users: the user 't-x' is listed twice"),
        (
            {"users": [{"name": "t-x", "permissions": [{"vhost": "/", "write": "("}]}]},
            "users: t-x: permissions: write: '(' is no regular expression (missing )",
        ),
        ({"vhosts": [{"name": "t-x"}, {"name": "t-x"}]}, "vhosts: the vhost 't-x' is listed twice"),
        ({"users": [{"name": "t-x", "password": ""}]}, "users: t-x: the password is empty"),
        ({"users": [{"name": "t-x", "tags": ["a,b"]}]}, "the tag 'a,b' gives no rights"),
        ({"policies": [{"name": "p", "vhost": "/"}]}, "policies: p: needs a pattern and a definition"),
        (
            {"policies": [{"name": "p", "vhost": "t-no", "pattern": "", "definition": {"expires": 1}}]},
            "policies: p: there is no vhost 't-no'",
        ),
        ({"policies": [{"name": "p", "vhost": "/", "state": "absent"}] * 2}, "policies: 'p' on '/' is listed twice"),
        ({"users": [{"name": "t-x", "limits": {"max_channels": -1}}]}, "users: t-x: limits: max_channels is -1"),
        ({"vhosts": [{"name": "/", "limits": {"max_queues": -5}}]}, "vhosts: /: limits: max_queues is -5"),
    ],
)
def test_refused_before_the_first_change(api, run, args, message):
    before = get(api, "users"), [item["name"] for item in get(api, "vhosts")]
    result = run(**{**args, "vhosts": [*args.get("vhosts", []), {"name": "t-galaxy"}]})
    assert result["failed"] is True
    assert result["changed"] is False
    assert message in result["msg"]
    assert (get(api, "users"), [item["name"] for item in get(api, "vhosts")]) == before


@pytest.mark.parametrize("user", [{"state": "absent"}, {"tags": ["management"]}])
def test_own_rights_cannot_be_lost(api, run, user):
    result = run(users=[{"name": api.username, **user}])
    assert "is the user that this module logs in as" in result["msg"]


# What only the fake, or no broker at all, can show


@pytest.mark.parametrize("api", ["fake"], indirect=True)
def test_permission_that_the_broker_did_not_give(run, monkeypatch):
    """A login that is not in the broker's own database gets no automatic permission to take back."""
    put = FakeApi.put

    def without(self, state, kind, *args):
        put(self, state, kind, *args)
        state["permissions"].clear()

    monkeypatch.setattr(FakeApi, "put", without)
    assert run(vhosts=[{"name": "t-new"}])["changes"] == ["vhost t-new created"]


@pytest.mark.parametrize(
    ("user", "matches"),
    [
        ({"password_hash": module.hash_password("pw")}, False),
        ({"password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256"}, False),
        ({"password_hash": "%", "hashing_algorithm": "rabbit_password_hashing_sha256"}, False),
        ({"password_hash": "eHh4eA==", "hashing_algorithm": "rabbit_password_hashing_sha256"}, False),
        ({"password_hash": module.hash_password("pw"), "hashing_algorithm": "rabbit_password_hashing_md5"}, False),
        ({"password_hash": module.hash_password("pw"), "hashing_algorithm": "rabbit_password_hashing_sha256"}, True),
        (
            {
                "password_hash": base64.b64encode(b"salt" + hashlib.sha512(b"saltpw").digest()).decode(),
                "hashing_algorithm": "rabbit_password_hashing_sha512",
            },
            True,
        ),
    ],
)
def test_password_matches(user, matches):
    assert module.password_matches(user, "pw") is matches


def test_salt_is_random():
    assert module.hash_password("pw") != module.hash_password("pw")


@pytest.mark.parametrize(("tags", "expected"), [("", []), ("a,b", ["a", "b"]), (["a"], ["a"]), (None, [])])
def test_tags_of_all_versions(tags, expected):
    assert module.tags_of(tags) == expected
