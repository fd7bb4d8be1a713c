# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the credentials of the inventory into Galaxy's database connection."""
from __future__ import annotations

import re

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._database_url import split

DOCUMENTATION = r"""
---
name: database_connection
short_description: Put user and password into Galaxy's database connection
version_added: "1.0.0"
author: usegalaxy.eu (@usegalaxy-eu)
description:
  - Takes Galaxy's C(database_connection) and returns it with the given user and password. Driver, host, port, database
    and parameters stay as they are written.
  - A password that would have to be percent-encoded is refused, since Galaxy's own schema tool (alembic) fails on a URL
    with a percent sign.
positional: user, password
options:
  _input:
    description: Galaxy's C(database_connection), a SQLAlchemy URL of PostgreSQL with or without a driver.
    type: str
    required: true
  user:
    description: The name of the database role.
    type: str
    required: true
  password:
    description: Its password, of letters, digits and C(- . _ ~).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Configure | Put the new password into the URL
  ansible.builtin.set_fact:
    # postgresql://galaxy:new@db.example.org:5432/galaxy?sslmode=require
    __connection: "{{ __url | usegalaxy_eu.celery.database_connection('galaxy', 'new') }}"
  vars:
    __url: postgresql://galaxy:old@db.example.org:5432/galaxy?sslmode=require
"""

RETURN = r"""
_value:
  description: The URL with the credentials. It holds the password of the database.
  type: str
"""

UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")


def refuse(text):
    """Stop with a message; it never holds the URL or the password."""
    raise AnsibleFilterError("database_connection: " + text)


def database_connection(value, user, password):
    """Return the URL with the credentials."""
    for name, text in (("galaxy_database_user", user), ("galaxy_database_password", password)):
        if not isinstance(text, str) or not UNRESERVED.fullmatch(text):
            refuse(
                f"{name} is empty or holds another character than letters, digits and - . _ ~, on which Galaxy's own "
                "schema tool fails. Remedy: choose one without, for example with `openssl rand -hex 24`."
            )
    try:
        parts = split(value)
    except ValueError as error:
        refuse(str(error))
    host = parts.authority.rpartition("@")[2]
    return f"{parts.scheme}://{user}:{password}@{host}{parts.path}{parts.query}"


class FilterModule:
    """Hand the filter to Ansible."""

    def filters(self):
        """Return the filters by name."""
        return {"database_connection": database_connection}
