#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: galaxy_database_info
short_description: Check whether this host reaches Galaxy's database
version_added: 1.0.0
description:
  - With O(galaxy_config_file) or O(url) it logs in with Galaxy's own connection string, with the library that Galaxy
    uses.
  - With O(host) it asks the server whether C(pg_hba.conf) allows this host to log in, with TLS and without. The
    server answers this before it asks for a password, so the module needs none.
author:
  - usegalaxy.eu (@usegalaxy-eu)
options:
  galaxy_config_file:
    description: Path of C(galaxy.yml), from which V(database_connection) is read.
    type: path
  url:
    description: A connection string as in V(database_connection), instead of a file.
    type: str
  host:
    description: Name or address of the server.
    type: str
  port:
    description: TCP port of the server.
    type: int
    default: 5432
  database:
    description: Database to ask for.
    type: str
    default: galaxy
  user:
    description: Database role to ask for.
    type: str
    default: galaxy
  contact:
    description:
      - Whether to contact the server. With V(false), which needs O(host), the module sends nothing, so the server may
        be down or refuse this host. RV(address) is then the source address that the kernel chooses for the first
        address of O(host) that has a route.
    type: bool
    default: true
  networks:
    description: Networks with access. RV(listed) is true if this host's address is in one of them.
    type: list
    elements: str
    default: []
  timeout_seconds:
    description: Seconds after which an attempt fails.
    type: int
    default: 10
attributes:
  check_mode:
    description: Reads only, so check mode makes no difference.
    support: full
requirements:
  - SQLAlchemy with a driver for PostgreSQL, and PyYAML, with O(galaxy_config_file) or O(url). Galaxy's virtual environment has them.
notes:
  - The result never contains the password of the connection string.
"""

EXAMPLES = r"""
- name: Log in as a worker does
  usegalaxy_eu.celery.galaxy_database_info:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python

- name: Make sure that the database refuses this host
  usegalaxy_eu.celery.galaxy_database_info:
    host: db.example.org
  register: found
  failed_when: found.admitted

- name: Ask the kernel for this host's source address to the server
  usegalaxy_eu.celery.galaxy_database_info:
    host: db.example.org
    contact: false
"""

RETURN = r"""
admitted:
  description: Whether the server allowed this host to log in, or to try.
  returned: with O(contact=true)
  type: bool
address:
  description:
    - Source address of this host to the server. Empty for a Unix socket.
    - With O(galaxy_config_file) or O(url) it is the address that the server sees, otherwise the one that the kernel
      chose.
  returned: success
  type: str
  sample: 192.0.2.10
listed:
  description: Whether RV(address) is in one of O(networks).
  returned: success
  type: bool
host:
  description: The server.
  returned: success
  type: str
port:
  description: Its port.
  returned: success
  type: int
database:
  description: The database.
  returned: success
  type: str
user:
  description: The database role.
  returned: success
  type: str
tls:
  description: Whether the login was over TLS.
  returned: with O(galaxy_config_file) or O(url)
  type: bool
answers:
  description: The answers of the server, with TLS and without.
  returned: with O(host) and O(contact=true)
  type: list
  elements: str
"""

import ipaddress
import re
import socket
import ssl
import struct
import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._source_address import (
    SourceAddressError,
    source_address,
)
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._yaml_file import (
    YAML_IMPORT_ERROR,
    YamlFileError,
    read_section,
)

SQLALCHEMY_IMPORT_ERROR = None
try:
    import sqlalchemy
except ImportError:
    sqlalchemy = None  # type: ignore[assignment]
    SQLALCHEMY_IMPORT_ERROR = traceback.format_exc()

# Codes of PostgreSQL's protocol, version 3.
SSL_REQUEST = 80877103
PROTOCOL = 196608
NOT_ADMITTED = "28000"
# True in all languages of the server: only the address is in the first quotes.
SEEN_AS = re.compile(r'pg_hba\.conf[^"]*"([0-9A-Fa-f.:]+)"')
WHO_AM_I = (
    "SELECT current_database(), current_user, coalesce(host(inet_client_addr()), ''), "
    "coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false)"
)


class DatabaseError(Exception):
    """The question could not be answered; the text says why and holds no secret."""


def connection_string(path: str) -> str:
    """Return the connection string of a galaxy.yml."""
    try:
        found = read_section(path).get("database_connection")
    except YamlFileError as exc:
        raise DatabaseError(f"galaxy_config_file {exc}") from None
    if not isinstance(found, str) or not found.startswith("postgres"):
        raise DatabaseError(
            f"galaxy_config_file {path} names no PostgreSQL server in database_connection. Set it there to the server that "
            "Galaxy and its workers share."
        )
    return found


def not_let_in(reason: str, host: str | None, port: int, networks: list[str]) -> str:
    """Say what there is to a refusal by pg_hba.conf: as whom the server sees this host, and whom it was to let in."""
    seen = SEEN_AS.search(reason)
    if not seen or not networks or not host:
        return ""
    try:
        own = f", while its own address on the way there is {source_address(host, port)}"
    except SourceAddressError:
        own = ""
    listed = "one" if is_listed(seen.group(1), networks) else "none"
    return f". The server sees this host as {seen.group(1)}{own}, which is in {listed} of the entries {', '.join(networks)}"


def log_in(text: str, seconds: int, networks: list[str]) -> dict[str, Any]:
    """Log in with a connection string and return who the server takes this host for."""
    # What follows a raw @ in the password would be read as the server, and shown.
    if text.partition("?")[0].count("@") > 1:
        raise DatabaseError("database_connection has more than one @. Percent-encode the password in it (%40).")
    try:
        url = sqlalchemy.engine.make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise DatabaseError("database_connection cannot be read. Percent-encode the password in it.") from None
    try:
        engine = sqlalchemy.create_engine(
            url, poolclass=sqlalchemy.pool.NullPool, connect_args={"connect_timeout": seconds}
        )
    except (ImportError, sqlalchemy.exc.NoSuchModuleError) as exc:
        raise DatabaseError(
            f"database_connection begins with {url.drivername}, whose driver this Python does not have ({exc}). "
            "Install it into Galaxy's virtual environment, or name another one."
        ) from None
    try:
        with engine.connect() as connection:
            database, user, address, tls = connection.execute(sqlalchemy.text(WHO_AM_I)).one()
    except sqlalchemy.exc.SQLAlchemyError as exc:
        reason = str(getattr(exc, "orig", None) or exc).strip()
        if url.password:
            reason = reason.replace(str(url.password), "********")
        reason = " ".join(reason.split())
        more = not_let_in(reason, url.host, url.port or 5432, networks)
        raise DatabaseError(f"Galaxy's own login to {url.host or 'the socket'} failed: {reason}{more}") from None
    return {
        "admitted": True,
        "address": address,
        "host": url.host or "",
        "port": url.port or 5432,
        "database": database,
        "user": user,
        "tls": bool(tls),
    }


def _receive(peer: socket.socket, length: int) -> bytes:
    """Read exactly so many bytes."""
    data = b""
    while len(data) < length:
        part = peer.recv(length - len(data))
        if not part:
            raise DatabaseError("the server closed the connection without an answer")
        data += part
    return data


def _answer(peer: socket.socket, user: str, database: str) -> tuple[bool, str]:
    """Ask for a login and return whether the server wants to hear more, and what it said."""
    words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database)) + b"\0"
    peer.sendall(struct.pack("!II", len(words) + 8, PROTOCOL) + words)
    kind = _receive(peer, 1)
    if kind not in (b"R", b"E"):
        raise DatabaseError("the server does not speak PostgreSQL's protocol")
    body = _receive(peer, struct.unpack("!I", _receive(peer, 4))[0] - 4)
    if kind == b"R":
        return True, f"it asks for a password (method {struct.unpack('!I', body[:4])[0]})"
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    if fields.get(b"C") != NOT_ADMITTED:
        raise DatabaseError(f"the server answered with another error: {fields.get(b'M', '')}")
    return False, fields.get(b"M", "")


def ask(host: str, port: int, user: str, database: str, seconds: float, tls: bool) -> tuple[bool, str, str]:
    """Ask over one connection. Returns whether this host is admitted, its address and what the server said."""
    with socket.create_connection((host, port), seconds) as plain:
        address = plain.getsockname()[0]
        if not tls:
            return *_answer(plain, user, database), address
        plain.sendall(struct.pack("!II", 8, SSL_REQUEST))
        if _receive(plain, 1) != b"S":
            return False, "it does not offer TLS", address
        # Nothing secret is sent, so the server need not prove who it is.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain, server_hostname=host) as peer:
            return *_answer(peer, user, database), address


def is_listed(address: str, networks: list[str]) -> bool:
    """Say whether an address lies in one of the networks."""
    if not address:
        return False
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False) for network in networks)


def look(params: dict[str, Any]) -> dict[str, Any]:
    """Return what there is to say about the way from this host to the server."""
    found = {name: params[name] for name in ("host", "port", "user", "database")}
    if not params["host"]:
        text = params["url"] or connection_string(params["galaxy_config_file"])
        found = log_in(text, params["timeout_seconds"], params["networks"])
    elif not params["contact"]:
        try:
            found["address"] = source_address(params["host"], params["port"])
        except SourceAddressError as exc:
            raise DatabaseError(str(exc)) from None
    else:
        seconds = params["timeout_seconds"]
        said = [
            ask(params["host"], params["port"], params["user"], params["database"], seconds, tls) for tls in (True, False)
        ]
        found.update(
            admitted=any(answer[0] for answer in said), address=said[0][2], answers=[answer[1] for answer in said]
        )
    return {**found, "listed": is_listed(found["address"], params["networks"])}


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "galaxy_config_file": {"type": "path"},
            "url": {"type": "str", "no_log": True},
            "host": {"type": "str"},
            "port": {"type": "int", "default": 5432},
            "database": {"type": "str", "default": "galaxy"},
            "user": {"type": "str", "default": "galaxy"},
            "contact": {"type": "bool", "default": True},
            "networks": {"type": "list", "elements": "str", "default": []},
            "timeout_seconds": {"type": "int", "default": 10},
        },
        required_one_of=[("galaxy_config_file", "url", "host")],
        mutually_exclusive=[("galaxy_config_file", "url", "host")],
        supports_check_mode=True,
    )
    missing = YAML_IMPORT_ERROR or SQLALCHEMY_IMPORT_ERROR
    if missing and not module.params["host"]:
        module.fail_json(
            msg=missing_required_lib(
                "SQLAlchemy and PyYAML", reason="to log in as Galaxy does. Use Galaxy's own Python"
            ),
            exception=missing,
        )
    try:
        found = look(module.params)
    except DatabaseError as exc:
        module.fail_json(msg=str(exc))
    except (OSError, ValueError) as exc:
        module.fail_json(msg=f"{module.params['host'] or 'the server'} cannot be asked: {exc}")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
