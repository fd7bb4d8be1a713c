# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that tells the host of Galaxy's database connection."""

from __future__ import annotations

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived import database_host as module

host = module.database_host


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://galaxy:m4rk@db.example.org:5432/galaxy?sslmode=require", "db.example.org"),
        ("postgresql+psycopg2://galaxy:m4%40rk@192.0.2.7/galaxy", "192.0.2.7"),
        ("postgresql://db", "db"),
        ("postgresql://u:p@[2001:db8::1]:5432/g", "2001:db8::1"),
        ("postgresql://u:p@[2001:db8::1]/g", "2001:db8::1"),
        ("postgresql:///galaxy?host=db1&host=db2", "db1"),
        ("postgresql:///galaxy?host=db1:5433,db2", "db1"),
        ("postgresql://u:p@/galaxy?host=2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_host(url, expected):
    assert host(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        None,
        7,
        "postgresql:///galaxy",
        "postgresql:///galaxy?host=/var/run/postgresql",
        "postgresql://galaxy@%2Fvar%2Frun%2Fpostgresql/galaxy",
        "sqlite:////srv/galaxy/m4rk.sqlite",
        "mysql://u:m4rk@db/galaxy",
        # A raw character in a password: no piece of it may be taken for a host, since that shows.
        "postgresql://galaxy:m4/rk@db/galaxy",
        "postgresql://galaxy:m4#rk@db/galaxy",
        "postgresql://galaxy:m4?rk@db/galaxy",
    ],
)
def test_what_has_none(url):
    assert host(url) == ""
