#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: galaxy_database_info
short_description: Whether this host reaches Galaxy's database
version_added: 1.0.0
description:
  - With O(galaxy_config_file) or O(url) it logs in with Galaxy's own connection string, through the library that Galaxy uses.
  - With O(host) it asks the server whether C(pg_hba.conf) lets this host try a login at all, over TLS and without. The server
    says so before it asks for a password, so none is needed.
author:
  - usegalaxy.eu (@usegalaxy-eu)
options:
  galaxy_config_file:
    description: Path of C(galaxy.yml), from which V(database_connection) is read.
    type: path
  url:
    description: A connection string as in V(database_connection), in place of the one in a file.
    type: str
  host:
    description: Name or address of the server.
    type: str
  port:
    description: TCP port of the server.
    type: int
    default: 5432
  database:
    description: Database that is asked for.
    type: str
    default: galaxy
  user:
    description: Database role that is asked for.
    type: str
    default: galaxy
  networks:
    description: Networks that are meant to be let in; RV(listed) tells whether this host's address lies in one of them.
    type: list
    elements: str
    default: []
  timeout_seconds:
    description: Seconds after which an attempt is given up.
    type: int
    default: 10
attributes:
  check_mode:
    description: Reads only, so check mode makes no difference.
    support: full
requirements:
  - SQLAlchemy with a driver for PostgreSQL, and PyYAML, with O(galaxy_config_file) or O(url). Galaxy's virtual environment has them.
notes:
  - The password of the connection string never shows in what is returned.
"""

EXAMPLES = r"""
- name: Log in as a worker does
  usegalaxy_eu.celery.galaxy_database_info:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python

- name: Make sure that this host is turned away
  usegalaxy_eu.celery.galaxy_database_info:
    host: db.example.org
  register: found
  failed_when: found.admitted
"""

RETURN = r"""
admitted:
  description: Whether the server let this host log in, or try to.
  returned: success
  type: bool
address:
  description: Address of this host towards the server. Empty over a socket of the file system.
  returned: success
  type: str
  sample: 192.0.2.10
listed:
  description: Whether RV(address) lies in one of O(networks).
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
  description: What the server said, over TLS and without.
  returned: with O(host)
  type: list
  elements: str
"""

import ipaddress
import socket
import ssl
import struct
import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

IMPORT_ERROR = None
try:
    import yaml
except ImportError:
    yaml = None
    IMPORT_ERROR = traceback.format_exc()
try:
    import sqlalchemy
except ImportError:
    sqlalchemy = None
    IMPORT_ERROR = traceback.format_exc()

# Codes of PostgreSQL's protocol, version 3.
SSL_REQUEST = 80877103
PROTOCOL = 196608
NOT_ADMITTED = "28000"
WHO_AM_I = (
    "SELECT current_database(), current_user, coalesce(host(inet_client_addr()), ''), "
    "coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false)"
)


class DatabaseError(Exception):
    """The question could not be answered; the text says why and holds no secret."""


def connection_string(path):
    """Return the connection string of a galaxy.yml."""
    try:
        with open(path, encoding="utf-8") as stream:
            document = yaml.safe_load(stream)
    except OSError as exc:
        raise DatabaseError(
            f"galaxy_config_file {path} cannot be read: {exc.strerror}. Give the path inside the release."
        ) from None
    except yaml.YAMLError:
        raise DatabaseError(f"galaxy_config_file {path} is not valid YAML. Correct the file.") from None
    section = document.get("galaxy") if isinstance(document, dict) else None
    found = section.get("database_connection") if isinstance(section, dict) else None
    if not isinstance(found, str) or not found.startswith("postgres"):
        raise DatabaseError(
            f"galaxy_config_file {path} names no PostgreSQL server in database_connection. Set it there to the server that "
            "Galaxy and its workers share."
        )
    return found


def log_in(text, seconds):
    """Log in with a connection string and return who the server takes this host for."""
    try:
        url = sqlalchemy.engine.make_url(text)
    except sqlalchemy.exc.ArgumentError:
        raise DatabaseError("database_connection cannot be read. Percent-encode the password in it.") from None
    engine = sqlalchemy.create_engine(
        url, poolclass=sqlalchemy.pool.NullPool, connect_args={"connect_timeout": seconds}
    )
    try:
        with engine.connect() as connection:
            database, user, address, tls = connection.execute(sqlalchemy.text(WHO_AM_I)).one()
    except sqlalchemy.exc.SQLAlchemyError as exc:
        reason = str(getattr(exc, "orig", None) or exc).strip()
        if url.password:
            reason = reason.replace(str(url.password), "********")
        raise DatabaseError(
            f"Galaxy's own login to {url.host or 'the socket'} failed: {' '.join(reason.split())}"
        ) from None
    return {
        "admitted": True,
        "address": address,
        "host": url.host or "",
        "port": url.port or 5432,
        "database": database,
        "user": user,
        "tls": bool(tls),
    }


def _receive(peer, length):
    """Read exactly so many bytes."""
    data = b""
    while len(data) < length:
        part = peer.recv(length - len(data))
        if not part:
            raise DatabaseError("the server closed the connection without an answer")
        data += part
    return data


def _answer(peer, user, database):
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


def ask(host, port, user, database, seconds, tls):
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


def is_listed(address, networks):
    """Say whether an address lies in one of the networks."""
    if not address:
        return False
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False) for network in networks)


def look(params):
    """Return what there is to say about the way from this host to the server."""
    if not params["host"]:
        found = log_in(params["url"] or connection_string(params["galaxy_config_file"]), params["timeout_seconds"])
    else:
        names = ("host", "port", "user", "database")
        said = [ask(*[params[name] for name in names], params["timeout_seconds"], tls) for tls in (True, False)]
        found = {name: params[name] for name in names}
        found.update(
            admitted=any(answer[0] for answer in said), address=said[0][2], answers=[answer[1] for answer in said]
        )
    return {**found, "listed": is_listed(found["address"], params["networks"])}


def main():
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "galaxy_config_file": {"type": "path"},
            "url": {"type": "str", "no_log": True},
            "host": {"type": "str"},
            "port": {"type": "int", "default": 5432},
            "database": {"type": "str", "default": "galaxy"},
            "user": {"type": "str", "default": "galaxy"},
            "networks": {"type": "list", "elements": "str", "default": []},
            "timeout_seconds": {"type": "int", "default": 10},
        },
        required_one_of=[("galaxy_config_file", "url", "host")],
        mutually_exclusive=[("galaxy_config_file", "url", "host")],
        supports_check_mode=True,
    )
    if not module.params["host"] and None in (yaml, sqlalchemy):
        module.fail_json(
            msg=missing_required_lib(
                "SQLAlchemy and PyYAML", reason="to log in as Galaxy does. Use Galaxy's own Python"
            ),
            exception=IMPORT_ERROR,
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
