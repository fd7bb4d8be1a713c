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
    return subject.look({**params, "networks": [], "timeout_seconds": 5, **more})


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
        (None, "cannot be read: No such file or directory"),
        ("galaxy: [", "is not valid YAML"),
        ("other: {}", "names no PostgreSQL server"),
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
