# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""galaxy_upload: against a fake of Galaxy's API, which sends real tasks to a worker on the memory transport.

The fake stands for what a whole Galaxy does too slowly, or not at all, when it is asked to fail. The scenario default
proves the module on a real one.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

pytest.importorskip("celery", reason="Celery is not installed")
pytest.importorskip("Crypto.Cipher.Blowfish", reason="pycryptodome is not installed")

import celery
from Crypto.Cipher import Blowfish

from ansible_collections.usegalaxy_eu.celery.plugins.modules import galaxy_upload

KEY = "key-of-the-user"
ID_SECRET = "secret of the ids"
NODE = "memory-upload@test"
NUMBER = 42
QUEUES = ["celery", "galaxy.internal", "galaxy.external"]


def encode(number):
    """The id that Galaxy's API gives for a number."""
    text = str(number).encode()
    cipher = Blowfish.new(ID_SECRET.encode(), Blowfish.MODE_ECB)  # noqa: S304 as Galaxy does it
    return cipher.encrypt(b"!" * (8 - len(text) % 8) + text).hex()


@pytest.fixture(scope="module")
def worker():
    """A worker on the memory transport that knows the tasks of an upload; returns its application."""
    from celery.contrib.testing.worker import start_worker
    from kombu.transport.virtual import Transport

    patch = pytest.MonkeyPatch()
    patch.setattr(Transport, "polling_interval", 0.01)
    app = celery.Celery("upload", broker="memory://", backend="cache+memory://", set_as_current=False)

    def do(*_args, **_kwargs):
        return None

    def fail(*_args, **_kwargs):
        raise ValueError("no space left")

    for name in galaxy_upload.CHAIN:
        app.task(do, name=name, shared=False)
    app.task(fail, name="probe.fail", shared=False)
    with start_worker(app, hostname=NODE, perform_ping_check=False, queues=QUEUES, task_events=True, pool="solo"):
        yield app
    patch.undo()


class FakeGalaxy:
    """A fake of the part of Galaxy's API that the module uses. What it is asked to do wrong is set from outside."""

    def __init__(self):
        self.states = ["queued", "ok"]
        self.answers = {}  # "METHOD /path" without ids: (status, body)
        self.content = None  # what is read back instead of what came
        self.send = lambda number: None
        self.seen, self.pasted, self.purged = [], None, False
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                fake.seen.append((self.command, parts.path, dict(self.headers)))
                status, said = fake.answer(self.command, parts.path, parse_qs(parts.query), body, self.headers)
                text = said if isinstance(said, str) else json.dumps(said)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "https://other.example.org/")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, method, path, query, body, headers):
        """Return (status, body) as Galaxy does."""
        kind = f"{method} {path.replace('/h1', '').replace('/d1', '')}"
        if kind in self.answers:
            return self.answers[kind]
        if path == "/api/version":
            return 200, {"version_major": "26.1", "version_minor": "2"}
        if headers.get("x-api-key") != KEY:
            return 403, {"err_msg": "Provided API key is not valid.", "err_code": 403001}
        if kind == "GET /api/users/current":
            return 200, {"id": "u1"}
        if kind == "POST /api/histories":
            return 200, {"id": "h1"}
        if kind == "POST /api/tools/fetch":
            self.pasted = body["targets"][0]["elements"][0]["paste_content"]
            self.send(NUMBER)
            return 200, {"outputs": [{"id": "d1"}], "jobs": [{"id": encode(NUMBER)}]}
        if kind == "GET /api/histories/contents":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return 200, {"state": state, "misc_info": "the file is bad" if state == "error" else None}
        if kind == "GET /api/histories/contents/display":
            return 200, self.pasted if self.content is None else self.content
        if kind == "DELETE /api/histories":
            self.purged = query.get("purge") == ["true"]
            return 200, {"id": "h1", "deleted": True, "purged": self.purged}
        return 404, {"err_msg": f"no such route: {kind}"}


@pytest.fixture
def galaxy(worker, monkeypatch):
    """A fake Galaxy whose uploads a worker does. The module looks more often than it does elsewhere."""
    monkeypatch.setattr(galaxy_upload, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(galaxy_upload, "GRACE_SECONDS", 1)
    fake = FakeGalaxy()

    def send(number, names=galaxy_upload.CHAIN):
        # As Galaxy does it: the first task has the number as an argument, the others by name.
        for name in names:
            first = name == galaxy_upload.CHAIN[0]
            queue = "galaxy.external" if name == galaxy_upload.FETCH else "galaxy.internal"
            arguments = {"args": [number]} if first else {"kwargs": {"job_id": number}}
            worker.send_task(name, queue=queue, **arguments)

    fake.send = send
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


@pytest.fixture
def config(tmp_path):
    """Write a galaxy.yml with some settings on top and return its path."""

    def write(**more):
        path = tmp_path / "galaxy.yml"
        section = {
            "amqp_internal_connection": "memory://",
            "enable_celery_tasks": True,
            "id_secret": ID_SECRET,
            "celery_conf": {"task_routes": {"galaxy.fetch_data": "galaxy.external"}},
            **more,
        }
        path.write_text(yaml.safe_dump({"galaxy": section}), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def upload(run, galaxy, config):
    """Run the module against the fake Galaxy."""

    def run_upload(settings=None, **arguments):
        given = {"galaxy_url": galaxy.url, "api_key": KEY, "galaxy_config_file": config(**(settings or {}))}
        result = run(galaxy_upload, **{"timeout_seconds": 20, **given, **arguments})
        assert KEY not in str(result)
        assert ID_SECRET not in str(result)
        return result

    return run_upload


def test_an_upload_is_followed_read_back_and_purged(upload, galaxy):
    result = upload(nodes=[NODE])
    assert not result.get("failed"), result
    assert result["changed"] is False
    assert (result["by_celery"], result["state"], result["history_purged"]) == (True, "ok", True)
    assert [(task["name"], task["node"], task["state"]) for task in result["tasks"]] == [
        (name, NODE, "SUCCESS") for name in galaxy_upload.CHAIN
    ]
    assert result["galaxy_version"] == "26.1.2"
    assert galaxy.purged


def test_the_events_of_another_upload_count_for_nothing(upload, galaxy):
    send = galaxy.send
    galaxy.send = lambda number: send(number + 1)
    result = upload(nodes=[NODE])
    assert result["failed"]
    assert "the upload is ok, but no worker on " in result["msg"]
    assert "ran galaxy.fetch_data" in result["msg"]
    assert "restart it" in result["msg"]
    assert result["tasks"] == []
    assert galaxy.purged


def test_another_worker_is_named(upload, galaxy):
    result = upload(nodes=["worker-1@worker-1"])
    assert result["failed"]
    assert f"{NODE} ran galaxy.fetch_data" in result["msg"]
    assert "only worker-1@worker-1 may" in result["msg"]
    assert galaxy.purged


@pytest.mark.parametrize(
    "settings",
    [
        {"celery_conf": {"task_routes": {"galaxy.fetch_data": "disabled"}}},
        {"enable_celery_tasks": False},
        # The broker is asked for nothing then.
        {"enable_celery_tasks": False, "amqp_internal_connection": "amqp://u:p@127.0.0.1:1/v"},
    ],
)
def test_an_upload_may_be_a_job_of_galaxys_own(upload, galaxy, settings):
    galaxy.send = lambda number: None
    result = upload(settings, nodes=[NODE])
    assert not result.get("failed"), result
    assert (result["by_celery"], result["state"], result["tasks"]) == (False, "ok", [])
    assert galaxy.purged


def test_a_job_that_no_handler_takes_is_told(upload, galaxy):
    galaxy.states = ["queued"]
    result = upload({"enable_celery_tasks": False}, timeout_seconds=1)
    assert result["failed"]
    assert "still queued after 1 s" in result["msg"]
    assert "job handlers" in result["msg"]
    assert galaxy.purged


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_told_and_nothing_is_made(upload, galaxy, status):
    galaxy.answers["GET /api/users/current"] = (status, {"err_msg": "Provided API key is not valid."})
    result = upload(api_key="no-such-key")
    assert result["failed"]
    assert f"is refused with {status}: Provided API key is not valid. Give a valid key" in result["msg"]
    assert "no-such-key" not in str(result)
    assert not any(method == "POST" for method, _path, _headers in galaxy.seen)


def test_a_key_of_nobody_is_told(upload, galaxy):
    galaxy.answers["GET /api/users/current"] = (200, {"total_disk_usage": 0})
    result = upload()
    assert result["failed"]
    assert "takes the key for that of nobody" in result["msg"]


def test_a_redirect_gets_no_key(upload, galaxy):
    galaxy.answers["GET /api/version"] = (301, "")
    result = upload()
    assert result["failed"]
    assert "redirect to https://other.example.org/" in result["msg"]
    assert "Set galaxy_url" in result["msg"]
    assert len(galaxy.seen) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((502, "<html>Bad Gateway</html>"), "the proxy runs and Galaxy behind it does not"),
        ((404, "nginx"), "answered with 404: 'nginx'. Set galaxy_url"),
        ((200, "<html>Welcome</html>"), "answers, but not as Galaxy does: '<html>Welcome</html>'"),
        ((500, {"err_msg": "Uncaught exception"}), "answered with 500: Uncaught exception. Galaxy's log"),
    ],
)
def test_what_is_not_a_running_galaxy_is_told(upload, galaxy, answer, words):
    galaxy.answers["GET /api/version"] = answer
    result = upload()
    assert result["failed"]
    assert words in result["msg"]


def test_a_galaxy_that_is_away_is_told(upload, refused_port):
    result = upload(galaxy_url=f"http://127.0.0.1:{refused_port}")
    assert result["failed"]
    assert "there is no answer" in result["msg"]
    assert "Connection refused" in result["msg"]
    assert "Check that Galaxy runs" in result["msg"]


def test_a_galaxy_that_says_nothing_is_told(upload, silent_port, monkeypatch):
    monkeypatch.setattr(galaxy_upload, "REQUEST_SECONDS", 1)
    result = upload(galaxy_url=f"http://127.0.0.1:{silent_port}")
    assert result["failed"]
    assert "there was no answer in time" in result["msg"]


@pytest.mark.parametrize(
    "url",
    ["galaxy.example.org", "ftp://galaxy", "https://u:p@galaxy", "https://galaxy/?a=1", "http://g:99999", "https://"],
)
def test_an_address_that_is_none_is_told(upload, galaxy, url):
    result = upload(galaxy_url=url)
    assert result["failed"]
    assert "galaxy_url is not an address of Galaxy" in result["msg"]


@pytest.mark.parametrize(("name", "words"), [("other", "TLS verification failed"), ("old", "certificate has expired")])
def test_a_wrong_certificate_is_told(upload, galaxy, certificates, tls_port, name, words):
    port = tls_port(name, relay_to=("127.0.0.1", galaxy.server.server_port))
    result = upload(galaxy_url=f"https://127.0.0.1:{port}", ca_file=certificates["ca"])
    assert result["failed"]
    assert words in result["msg"]
    assert galaxy.seen == []


def test_a_private_authority_is_taken_from_its_file_alone(upload, galaxy, certificates, tls_port):
    port = tls_port("good", relay_to=("127.0.0.1", galaxy.server.server_port))
    url = f"https://127.0.0.1:{port}"
    assert "TLS verification failed" in upload(galaxy_url=url)["msg"]
    result = upload(galaxy_url=url, ca_file=certificates["ca"], nodes=[NODE])
    assert not result.get("failed"), result


def test_a_proxy_is_taken_only_when_asked_for(upload, galaxy, refused_port, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refused_port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert not upload(nodes=[NODE]).get("failed")
    assert "there is no answer" in upload(nodes=[NODE], use_proxy=True)["msg"]


def test_an_upload_that_ends_in_error_has_galaxys_words_and_the_tasks(upload, galaxy, worker):
    galaxy.states = ["queued", "error"]
    send = galaxy.send
    galaxy.send = lambda number: send(number, galaxy_upload.CHAIN[:1])
    result = upload(nodes=[NODE])
    assert result["failed"]
    assert "the upload ended as error: the file is bad." in result["msg"]
    assert galaxy.purged


def test_a_link_that_was_never_taken_is_named_with_its_queue(upload, galaxy):
    """The chain breaks off behind its first task, as it does when a worker cannot publish the next one."""
    galaxy.states = ["running"]
    send = galaxy.send
    galaxy.send = lambda number: send(number, galaxy_upload.CHAIN[:1])
    result = upload(nodes=[NODE], timeout_seconds=3)
    assert result["failed"]
    assert "still running after 3 s: galaxy.fetch_data was never taken" in result["msg"]
    assert "Its queue galaxy.external has" in result["msg"]
    assert galaxy.purged


def test_a_link_that_was_lost_on_its_way_is_told(upload, galaxy, monkeypatch):
    galaxy.states = ["running"]
    send = galaxy.send
    galaxy.send = lambda number: send(number, galaxy_upload.CHAIN[:1])
    # The memory transport counts no consumers.
    monkeypatch.setattr(galaxy_upload, "queue_counts", lambda _settings, _connection, _queue: (0, 1))
    result = upload(nodes=[NODE], timeout_seconds=3)
    assert result["failed"]
    assert "it was lost, or sent to another broker" in result["msg"]
    assert f"look into the log of {NODE}" in result["msg"]


def test_a_queue_without_a_consumer_is_named(upload, galaxy, worker, monkeypatch):
    galaxy.states = ["queued"]
    worker.connection_for_write().channel().queue_declare("nobody")
    monkeypatch.setattr(galaxy_upload, "queue_counts", lambda _settings, _connection, _queue: (3, 0))
    routes = {"galaxy.*": "nobody"}
    galaxy.send = lambda number: None
    result = upload({"celery_conf": {"task_routes": routes}}, nodes=[NODE], timeout_seconds=2)
    assert result["failed"]
    assert "galaxy.setup_fetch_data was never taken" in result["msg"]
    assert "Its queue nobody has 0 consumers and 3 waiting messages" in result["msg"]
    assert "Start a worker that consumes it" in result["msg"]


def test_other_content_is_told(upload, galaxy):
    galaxy.content = "something else\n"
    result = upload(nodes=[NODE])
    assert result["failed"]
    assert "its content differs" in result["msg"]
    assert galaxy.purged


def test_an_upload_that_galaxy_refuses_leaves_no_history(upload, galaxy):
    galaxy.answers["POST /api/tools/fetch"] = (500, {"err_msg": "Uncaught exception in exposed API method:"})
    result = upload(nodes=[NODE])
    assert result["failed"]
    assert "POST" in result["msg"] and "answered with 500" in result["msg"]
    assert galaxy.purged


def test_a_broker_that_is_away_is_told_before_anything_is_made(upload, galaxy, refused_port):
    result = upload({"amqp_internal_connection": f"amqp://u:hidden@127.0.0.1:{refused_port}/v"})
    assert result["failed"]
    assert "the connection was refused" in result["msg"]
    assert "hidden" not in str(result)
    assert not any(method == "POST" for method, _path, _headers in galaxy.seen)


def test_another_id_secret_is_told(upload, galaxy):
    result = upload({"id_secret": "another one"}, nodes=[NODE])
    assert result["failed"]
    assert "not made with id_secret of galaxy_config_file" in result["msg"]
    assert galaxy.purged


def test_a_history_that_may_not_be_purged_is_deleted_with_a_warning(upload, galaxy, monkeypatch):
    answer = galaxy.answer

    def refuse(method, path, query, body, headers):
        if method == "DELETE" and query.get("purge"):
            return 403, {"err_msg": "This instance does not allow user dataset purging"}
        return answer(method, path, query, body, headers)

    monkeypatch.setattr(galaxy, "answer", refuse)
    warned = []
    monkeypatch.setattr(galaxy_upload.AnsibleModule, "warn", lambda _module, text: warned.append(text))
    result = upload(nodes=[NODE])
    assert not result.get("failed"), result
    assert result["history_purged"] is False
    assert "was deleted and not purged" in warned[0]


def test_a_history_that_is_left_is_a_failure(upload, galaxy):
    galaxy.answers["DELETE /api/histories"] = (500, {"err_msg": "no database"})
    result = upload(nodes=[NODE])
    assert result["failed"]
    assert "the history 'usegalaxy_eu.celery verify" in result["msg"]
    assert "is left" in result["msg"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timeout_seconds": 0}, "timeout_seconds is 0"),
        ({"api_key": ""}, "api_key is empty"),
        ({"nodes": ["worker-1"]}, "'worker-1', which is no Celery node name"),
        ({"galaxy_config_file": "/does/not/exist"}, "/does/not/exist does not exist"),
    ],
)
def test_wrong_parameters(upload, change, words):
    result = upload(**change)
    assert result["failed"]
    assert words in result["msg"]


def test_check_mode_uploads_nothing_and_says_so(upload, galaxy, run, config):
    result = run(galaxy_upload, check=True, galaxy_url=galaxy.url, api_key=KEY, galaxy_config_file=config())
    assert result["skipped"]
    assert "nothing was uploaded" in result["msg"]
    assert galaxy.seen == []
