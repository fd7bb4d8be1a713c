# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests of the module galaxy_database_info, with a server that says what the test wants.

The scenario postgresql_access has a real server for it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.modules import galaxy_database_info as subject

REFUSED = ("28000", 'no pg_hba.conf entry for host "127.0.0.1", user "galaxy", database "galaxy", no encryption')


def error(code, text):
    body = b"SFATAL\0C" + code.encode() + b"\0M" + text.encode() + b"\0\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


def password(method=10):
    return b"R" + struct.pack("!II", 8, method)


@contextlib.contextmanager
def server(answer, tls=b"N"):
    """A server that answers each question with the given bytes, and notes what was asked."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    peer, _address = listener.accept()
                    with peer:
                        question = peer.recv(1024)
                        asked.append(question)
                        is_tls = question == struct.pack("!II", 8, subject.SSL_REQUEST)
                        peer.sendall(tls if is_tls else answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def look(port, **more):
    params = {"galaxy_config_file": None, "host": "127.0.0.1", "port": port, "database": "galaxy", "user": "galaxy"}
    return subject.look({**params, "networks": [], "contact": True, "timeout_seconds": 5, **more})


def test_a_host_that_is_refused():
    with server(error(*REFUSED)) as (port, asked):
        found = look(port)
    assert found["admitted"] is False
    assert found["answers"] == ["it does not offer TLS", REFUSED[1]]
    assert (found["address"], found["listed"], found["host"], found["user"]) == (
        "127.0.0.1",
        False,
        "127.0.0.1",
        "galaxy",
    )
    # Nothing but the names goes over the wire.
    assert asked[1][8:] == b"user\0galaxy\0database\0galaxy\0\0"
    assert asked[1][:8] == struct.pack("!II", len(asked[1]), subject.PROTOCOL)


@pytest.mark.parametrize("method", [0, 3, 5, 10])
def test_a_host_that_may_try(method):
    with server(password(method)) as (port, _asked):
        found = look(port)
    assert found["admitted"] is True
    assert found["answers"][1] == f"it asks for a password (method {method})"


@pytest.mark.parametrize(
    ("networks", "listed"), [(["127.0.0.0/8"], True), (["127.0.0.1"], True), (["192.0.2.0/24", "::1/128"], False)]
)
def test_whether_the_host_is_meant_to_be_let_in(networks, listed):
    with server(password()) as (port, _asked):
        assert look(port, networks=networks)["listed"] is listed


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error("53300", "sorry, too many clients already"), "another error: sorry, too many clients already"),
        (b"HTTP/1.1 400 Bad Request", "does not speak PostgreSQL's protocol"),
        (b"", "closed the connection without an answer"),
        (b"R\0\0", "closed the connection without an answer"),
    ],
)
def test_an_answer_that_proves_nothing_is_an_error(answer, words):
    with server(answer) as (port, _asked), pytest.raises(subject.DatabaseError, match=words):
        look(port)


def test_a_server_that_is_away_proves_nothing():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        look(port)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "galaxy_config_file /.* does not exist"),
        ("other: {}", "has no mapping 'galaxy'"),
        ("galaxy: {}", "names no PostgreSQL server"),
        ("galaxy: {database_connection: 'sqlite:///universe.sqlite'}", "names no PostgreSQL server"),
    ],
)
def test_a_configuration_without_the_database(tmp_path, text, words):
    path = tmp_path / "galaxy.yml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(subject.DatabaseError, match=words):
        subject.connection_string(str(path))


def test_the_connection_string(tmp_path):
    path = tmp_path / "galaxy.yml"
    path.write_text("galaxy:\n  database_connection: postgresql+psycopg2://galaxy:x@db/galaxy?sslmode=require\n")
    assert subject.connection_string(str(path)).startswith("postgresql+psycopg2://galaxy:x@db")


@pytest.mark.parametrize("password", ["a@MARK", "a@b:MARK"])
def test_a_password_that_would_be_read_as_the_server_is_refused_and_not_shown(password):
    with pytest.raises(subject.DatabaseError, match="more than one @") as caught:
        subject.log_in(f"postgresql://galaxy:{password}@db/galaxy", 1, [])
    assert "MARK" not in str(caught.value)


class Way:
    """A socket whose kernel has routes to some addresses, each from an address of its own."""

    def __init__(self, routes):
        self.routes, self.own = routes, None

    def __call__(self, family, kind, protocol):
        assert kind == socket.SOCK_DGRAM
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        return False

    def connect(self, address):
        if address[0] not in self.routes:
            raise OSError(101, "Network is unreachable")
        self.own = self.routes[address[0]]

    def getsockname(self):
        return self.own, 40000

    def __getattr__(self, name):
        # Whatever else is done with it would send something.
        raise AssertionError(name)


def resolved(monkeypatch, addresses, routes):
    found = [(None, socket.SOCK_DGRAM, 17, "", (address, 5432)) for address in addresses]
    monkeypatch.setattr(subject.socket, "getaddrinfo", lambda *_where, **_kind: found)
    monkeypatch.setattr(subject.socket, "socket", Way(routes))


def test_the_address_towards_the_server_without_a_word_to_it():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = look(listener.getsockname()[1], contact=False, networks=["127.0.0.0/8"])
        listener.settimeout(0.1)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert (found["address"], found["listed"], found["host"]) == ("127.0.0.1", True, "127.0.0.1")
    assert not {"admitted", "answers"} & set(found)


def test_the_kernels_choice_among_several_addresses(monkeypatch):
    routes = {"192.0.2.1": "192.0.2.10", "198.51.100.1": "198.51.100.10"}
    resolved(monkeypatch, ["198.51.100.1", "192.0.2.1"], routes)
    assert look(5432, host="db", contact=False)["address"] == "198.51.100.10"
    # The first one that there is a route to, as whoever connects would take it.
    resolved(monkeypatch, ["2001:db8::1", "192.0.2.1"], routes)
    assert look(5432, host="db", contact=False)["address"] == "192.0.2.10"


def test_a_link_has_no_zone(monkeypatch):
    resolved(monkeypatch, ["fe80::1"], {"fe80::1": "fe80::2%eth0"})
    assert look(5432, host="db", contact=False)["address"] == "fe80::2"


def test_a_host_without_a_route(monkeypatch):
    resolved(monkeypatch, ["192.0.2.1", "2001:db8::1"], {})
    with pytest.raises(subject.DatabaseError) as caught:
        look(5432, host="db", contact=False)
    assert str(caught.value) == "There is no route to db (192.0.2.1, 2001:db8::1) from here: Network is unreachable."


@pytest.mark.parametrize("host", ["db.example.invalid", "x" * 70 + ".example.org"])
def test_a_host_that_does_not_resolve(host):
    with pytest.raises(subject.DatabaseError, match="cannot be resolved here: "):
        look(5432, host=host, contact=False)


REFUSAL = 'FATAL: no pg_hba.conf entry for host "203.0.113.9", user "galaxy", database "galaxy", SSL encryption'


def test_a_refusal_says_how_the_server_sees_this_host(monkeypatch):
    resolved(monkeypatch, ["192.0.2.1"], {"192.0.2.1": "10.0.0.5"})
    said = subject.not_let_in(REFUSAL, "db", 5432, ["10.0.0.5/32", "10.0.0.6/32"])
    assert "sees this host as 203.0.113.9, while its own address on the way there is 10.0.0.5" in said
    assert said.endswith("which is in none of the entries 10.0.0.5/32, 10.0.0.6/32")
    assert "which is in one of the entries" in subject.not_let_in(REFUSAL, "db", 5432, ["203.0.113.0/24"])


@pytest.mark.parametrize(
    ("reason", "host", "networks"),
    [
        ('FATAL: password authentication failed for user "galaxy"', "db", ["192.0.2.0/24"]),
        (REFUSAL, "db", []),
        (REFUSAL.replace("203.0.113.9", "[local]"), "", ["192.0.2.0/24"]),
    ],
)
def test_another_refusal_says_nothing_more(reason, host, networks):
    assert subject.not_let_in(reason, host, 5432, networks) == ""
