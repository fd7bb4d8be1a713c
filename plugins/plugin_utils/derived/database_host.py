# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the host of Galaxy's database connection."""
from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._database_url import split


def database_host(value: object) -> str:
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
