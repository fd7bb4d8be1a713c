# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the credentials of the inventory into Galaxy's database connection."""
from __future__ import annotations

import re
from typing import NoReturn

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._database_url import split

UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")


def refuse(text: str) -> NoReturn:
    """Stop with a message; it never holds the URL or the password."""
    raise AnsibleFilterError("database_connection: " + text)


def database_connection(value: object, user: object, password: object) -> str:
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
