# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derive Celery's result backend from Galaxy's database connection."""
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import parse_qs, quote, unquote

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._database_url import TCP_URL, split

DOCUMENTATION = r"""
---
name: result_backend_url
short_description: Derive Celery's result backend from Galaxy's database connection
version_added: "1.0.0"
author: usegalaxy.eu (@usegalaxy-eu)
description:
  - Takes the O(_input) of Galaxy's C(database_connection) and returns the URL of a result backend on the same server
    with the same user, in a database of its own.
  - Results need a database of their own, because Galaxy cannot create its schema in a database that already has
    Celery's tables.
  - Refuses a backend that workers on other hosts cannot reach (a socket, SQLite).
positional: database, remote_workers
options:
  _input:
    description: Galaxy's C(database_connection), a SQLAlchemy URL of PostgreSQL with or without a driver.
    type: str
    required: true
  database:
    description: The name of the database for the results.
    type: str
    required: true
  remote_workers:
    description: Whether workers run on other hosts than the database. Without them a socket is right.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Configure | Derive the result backend
  ansible.builtin.set_fact:
    # db+postgresql://galaxy:secret@db.example.org:5432/galaxy_celery
    __backend: "{{ __url | usegalaxy_eu.celery.result_backend_url('galaxy_celery') }}"
  vars:
    __url: postgresql://galaxy:secret@db.example.org:5432/galaxy
"""

RETURN = r"""
_value:
  description: The URL for C(celery_conf.result_backend). It contains the password of the database.
  type: str
"""


def refuse(text: str) -> NoReturn:
    """Stop with a message; it never holds the URL, which carries a password."""
    raise AnsibleFilterError("result_backend_url: " + text)


def check_reachable(authority: str, query: str) -> None:
    """Refuse what only processes on the database's own host can reach."""
    hosts = [authority.rsplit("@", 1)[-1], *parse_qs(query.lstrip("?")).get("host", [])]
    if any(unquote(host).startswith(("/", "@")) for host in hosts):
        refuse(f"database_connection is a socket, which workers on other hosts cannot use: {TCP_URL}.")
    if not any(re.sub(r":\d*$", "", host) for host in hosts):
        refuse(f"database_connection names no host, so it means the local socket: {TCP_URL}.")


def result_backend_url(value: object, database: object, remote_workers: bool = True) -> str:
    """Return the URL of the result backend."""
    if not isinstance(database, str) or not database:
        refuse("the name of the database for the results is empty or not a string.")
    try:
        parts = split(value[len("db+") :] if isinstance(value, str) and value.startswith("db+") else value)
    except ValueError as error:
        refuse(str(error))
    if remote_workers:
        check_reachable(parts.authority, parts.query)
    return "db+{}://{}/{}{}".format(parts.scheme, parts.authority, quote(database, safe=""), parts.query)


class FilterModule:
    """Hand the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"result_backend_url": result_backend_url}
