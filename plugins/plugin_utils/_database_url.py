# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Galaxy's database_connection, taken apart; no message holds it, since it carries a password."""
from __future__ import annotations

import re
from typing import NamedTuple

URL = re.compile(r"(?P<scheme>[A-Za-z0-9+_.-]+)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?")
TCP_URL = "write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE"


class DatabaseUrl(NamedTuple):
    """The parts of a SQLAlchemy URL, each as it is written."""

    scheme: str
    authority: str
    path: str
    query: str


def split(url: object) -> DatabaseUrl:
    """Return the parts of a URL of PostgreSQL; raise ValueError with what is wrong and the remedy."""
    if not isinstance(url, str) or not url:
        raise ValueError(f"database_connection is empty or not a string: {TCP_URL}.")
    match = URL.fullmatch(url)
    if match is None:
        raise ValueError(f"database_connection is not a URL: {TCP_URL}, with the password percent-encoded.")
    parts = DatabaseUrl(*(match[name] or "" for name in DatabaseUrl._fields))
    name = parts.scheme.partition("+")[0].lower()
    if name == "sqlite":
        raise ValueError("database_connection is SQLite, which workers on other hosts cannot use: move Galaxy to PostgreSQL.")
    if name == "postgres":
        raise ValueError("database_connection starts with postgres://, which SQLAlchemy refuses: write postgresql://.")
    if name != "postgresql":
        raise ValueError(f"database_connection is of the kind {name}, which is not supported: {TCP_URL}.")
    if parts.authority.count("@") > 1 or "@" in parts.path or ("@" in parts.query and "@" not in parts.authority):
        raise ValueError("the password in database_connection holds a raw @, / or ?: percent-encode it (%40, %2F, %3F).")
    return parts
