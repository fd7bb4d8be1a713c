# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of the management API, against small HTTP servers that misbehave."""

from __future__ import annotations

import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _rabbitmq_management as client


class Misbehaving(BaseHTTPRequestHandler):
    """A server that answers with what the test set."""

    def log_message(self, *args):
        """Say nothing."""

    def do_GET(self):
        """Answer."""
        code, text = self.server.reply
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def server():
    """Serve on a free loopback port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def ask(port, **options):
    """Send one request that fails, and return the message."""
    with pytest.raises(client.ManagementError) as error:
        client.Management(f"http://127.0.0.1:{port}/", "admin", "s3cret", **options).call("GET", "/api/users")
    assert "s3cret" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("code", "text", "message"),
    [
        (200, b"<html>", "the answer is not JSON. Is this RabbitMQ's management API?"),
        (301, b"", "the broker refused with 301: Moved Permanently"),
        (404, b"<html>", "the broker refused with 404: Not Found"),
        (500, b'{"error": "x"}', "the broker refused with 500"),
        (400, b'{"reason": [["a", 1], "b"]}', "the broker refused with 400: a: 1: b"),
        (403, b'{"reason": "no"}', "no. The user admin needs the tag 'administrator'."),
        (401, b'{"reason": "Login failed"}', "The username (admin) or password of the administrator is wrong"),
        (401, b'{"reason": "Not_Authorized"}', "The username (admin) or password of the administrator is wrong"),
        (401, b'{"reason": "Not administrator user"}', "The user admin needs the tag 'administrator'."),
    ],
)
def test_answers(server, code, text, message):
    server.reply = (code, text)
    assert message in ask(server.server_port)


def test_refused():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        message = ask(free.getsockname()[1])
    assert "Connection refused" in message
    assert "Is the broker running, with the management plugin enabled" in message


def test_silence():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "no answer within 0.2 seconds" in ask(silent.getsockname()[1], timeout_seconds=0.2)


def test_tls_that_does_not_verify(monkeypatch):
    def refuse(*args, **kwargs):
        raise URLError(ssl.SSLCertVerificationError(1, "certificate verify failed"))

    monkeypatch.setattr(client.Request, "open", refuse)
    assert "Give the CA's file as ca_path" in ask(1)


def test_ca_that_is_none(tmp_path):
    for path in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        (tmp_path / "empty.pem").write_text("")
        with pytest.raises(client.ManagementError, match="cannot be read as certificates"):
            client.Management("https://127.0.0.1:1", "admin", "s3cret", ca_path=str(path))


def test_names_are_encoded():
    assert client.path_of("vhosts", "/", "a/b é%") == "/api/vhosts/%2F/a%2Fb%20%C3%A9%25"
