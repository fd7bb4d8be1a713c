# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the host of Galaxy's database connection."""
from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._database_url import split

DOCUMENTATION = r"""
---
name: database_host
short_description: Tell the host of Galaxy's database connection
version_added: "1.0.0"
author: usegalaxy.eu (@usegalaxy-eu)
description:
  - Returns the host that is connected to first, without user, password and port.
  - A socket of the file system, another database than PostgreSQL and a URL that cannot be read have none. What is wrong with such a
    URL is for the filter P(usegalaxy_eu.celery.result_backend_url#filter) to say.
options:
  _input:
    description: Galaxy's C(database_connection).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show where the database is
  ansible.builtin.debug:
    # db.example.org
    msg: "{{ 'postgresql://galaxy:secret@db.example.org:5432/galaxy' | usegalaxy_eu.celery.database_host }}"
"""

RETURN = r"""
_value:
  description: Name or address of the host, or an empty text.
  type: str
"""


def database_host(value):
    """Return the host of a connection, or an empty text."""
    try:
        parts = split(value)
    except ValueError:
        return ""
    # As libpq does: hosts of the query win, and several are tried in their order.
    named = parse_qs(parts.query.lstrip("?")).get("host") or [unquote(parts.authority.rpartition("@")[2])]
    first = named[0].split(",")[0]
    host = re.sub(r"^\[([^\]]*)\](:\d*)?$|^([^:]*):\d*$", r"\1\3", first)
    return "" if host.startswith(("/", "@")) else host


class FilterModule:
    """Hand the filter to Ansible."""

    def filters(self):
        """Return the filters by name."""
        return {"database_host": database_host}
