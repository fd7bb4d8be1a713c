# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that puts an AMQP URL together from its parts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: amqp_url
short_description: Build an AMQP URL for Celery and kombu from its parts
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Returns one URL for C(amqp_internal_connection) of Galaxy or C(broker_url) of Celery, with every part
    percent-encoded. A raw C(@), C(#) or C(/) in a password is otherwise parsed wrongly without an error, into another
    host or without TLS.
  - With O(_input.tls) the scheme is C(amqps), for which kombu verifies the server's certificate against the system's
    CAs. kombu checks the host name only if Celery's C(broker_use_ssl) requires it.
options:
  _input:
    description: The parts of the URL. Unknown keys are refused.
    type: dict
    required: true
    suboptions:
      host:
        description: Name or address of the broker. Write an IPv6 address without brackets.
        type: str
        required: true
      user:
        description: Name of the broker's user.
        type: str
        required: true
      password:
        description: The user's password. It must be a string, so a password of digits needs quotes in YAML.
        type: str
        required: true
      vhost:
        description: Virtual host as RabbitMQ lists it, for example C(galaxy), C(/) or C(/galaxy).
        type: str
        required: true
      tls:
        description: Whether to use TLS.
        type: bool
        default: true
      port:
        description: TCP port. The default is 5671 with TLS and 5672 without, as registered with IANA for AMQP.
        type: int
      heartbeat:
        description:
          - Seconds between AMQP heartbeats, 0 to 65535 (the field of AMQP 0-9-1 has 16 bits).
          - Galaxy's own control connection has none unless the URL sets it.
        type: int
      options:
        description:
          - Further keys of the query, for example C(login_method).
          - The C(ssl) keys are refused. C(ssl=1) silently overrides C(broker_use_ssl), and C(ssl_cert_reqs) ends in a
            TypeError.
        type: dict
        default: {}
notes:
  - The result contains the password. Use C(no_log) on tasks that handle it.
"""

EXAMPLES = r"""
- name: Show the connection of Galaxy to its broker
  ansible.builtin.debug:
    msg: >-
      {{ {'host': 'mq.example.org', 'user': 'galaxy', 'password': 'p@ss/word#1', 'vhost': 'galaxy', 'heartbeat': 30}
         | usegalaxy_eu.celery.amqp_url }}
  # amqps://galaxy:p%40ss%2Fword%231@mq.example.org:5671/galaxy?heartbeat=30

- name: Show a connection without TLS over IPv6 to the vhost "/"
  ansible.builtin.debug:
    msg: >-
      {{ {'host': 'fd00::5', 'user': 'u', 'password': 'p', 'vhost': '/', 'tls': false}
         | usegalaxy_eu.celery.amqp_url }}
  # amqp://u:p@[fd00::5]:5672/%2F
"""

RETURN = r"""
_value:
  description: The URL.
  type: str
"""

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from urllib.parse import quote

from ansible.errors import AnsibleFilterError

KEYS = ("host", "user", "password", "vhost", "tls", "port", "heartbeat", "options")
# Underscores are no part of a host name's grammar, but Docker and Compose networks use them.
HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _fail(key: object, problem: str, remedy: str) -> NoReturn:
    raise AnsibleFilterError(f"amqp_url: {key} {problem}. {remedy}")


def _text(parts: Mapping[str, Any], key: str, remedy: str) -> str:
    value = parts.get(key)
    if value is None:
        _fail(key, "is missing", remedy)
    if not isinstance(value, str):
        _fail(key, f"is a {type(value).__name__}, not a string", "Put it in quotes in YAML.")
    if value == "":
        _fail(key, "is empty", remedy)
    if "\0" in value:
        _fail(key, "holds a NUL character", remedy)
    return str(value)


def _integer(parts: Mapping[str, Any], key: str, low: int, high: int, remedy: str) -> int:
    value = parts[key]
    if isinstance(value, str) and re.fullmatch(r"[0-9]+", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        _fail(key, f"is {value!r}, not a whole number from {low} to {high}", remedy)
    return int(value)


def _host(parts: Mapping[str, Any]) -> str:
    host = _text(parts, "host", "Set it to the broker's name or address.")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        if len(host) > 253 or not HOST_NAME.fullmatch(host):
            _fail(
                "host",
                f"is {host!r}, neither a host name nor an IP address",
                "Give the bare name: no scheme, port or path.",
            )
        return host
    return f"[{quote(bare, safe=':.')}]" if address.version == 6 else bare


def _tls(parts: Mapping[str, Any]) -> bool:
    value = parts.get("tls", True)
    if isinstance(value, str):
        value = BOOLEANS.get(value.strip().lower(), value)
    if not isinstance(value, bool):
        _fail("tls", f"is {value!r}, not a boolean", "Set it to true or false.")
    return value


def _query(parts: Mapping[str, Any]) -> str:
    query = []
    if parts.get("heartbeat") is not None:
        query.append(("heartbeat", str(_integer(parts, "heartbeat", 0, 65535, "Give seconds, for example 30."))))
    options = parts.get("options")
    if options is None:
        options = {}
    if not isinstance(options, Mapping):
        _fail("options", f"is a {type(options).__name__}, not a dictionary", "Give keys and values of the URL's query.")
    for key, value in options.items():
        name = f"options.{key}"
        if not isinstance(key, str) or not key:
            _fail("options", f"has the key {key!r}, not a string", "Give the keys as non-empty strings.")
        if key == "ssl" or key.startswith("ssl_"):
            _fail(name, f"is {value!r}, but kombu misreads TLS keys in a URL", "Set broker_use_ssl of Celery instead.")
        if key == "heartbeat":
            _fail(name, f"is {value!r}, in the wrong place", "Set heartbeat beside options.")
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value == "":
            _fail(
                name, f"is {value!r}, not a non-empty string or a number", "Give the text for the URL."
            )
        query.append((key, str(value)))
    # kombu reads a plus sign as a space here, so a space becomes %20 and a plus %2B.
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in query)


def amqp_url(parts: Any) -> str:
    """Return the AMQP URL for a dictionary of parts.

    :param parts: dictionary, see DOCUMENTATION.
    :returns: the URL, a str.
    :raises AnsibleFilterError: for a missing, unknown or wrong part; names the key and any value but the password.
    """
    if not isinstance(parts, Mapping):
        raise AnsibleFilterError(
            f"amqp_url: the input is a {type(parts).__name__}, not a dictionary. Give the keys {', '.join(KEYS)}."
        )
    for key in parts:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, 1)
            _fail(key, "is no known key", f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(KEYS)}.")
    tls = _tls(parts)
    host = _host(parts)
    user = quote(_text(parts, "user", "Set it to the name of the broker's user."), safe="")
    password = quote(_text(parts, "password", "Set it, best from the vault."), safe="")
    # A leading slash must be encoded: kombu and RabbitMQ's own clients agree only on %2F.
    vhost = quote(_text(parts, "vhost", "Set it to the virtual host, for example galaxy or /."), safe="")
    if parts.get("port") is None:
        port = 5671 if tls else 5672
    else:
        port = _integer(parts, "port", 1, 65535, "Leave it out for the standard port.")
    query = _query(parts)
    return f"{'amqps' if tls else 'amqp'}://{user}:{password}@{host}:{port}/{vhost}{'?' + query if query else ''}"


class FilterModule:
    """Filters of the collection that make URLs."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"amqp_url": amqp_url}
