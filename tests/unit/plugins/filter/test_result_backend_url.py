# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that derives Celery's result backend from Galaxy's database connection."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.filter import result_backend_url as module

convert = module.FilterModule().filters()["result_backend_url"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://galaxy:pw@db:5432/galaxy?x=y", "db+postgresql://galaxy:pw@db:5432/results?x=y"),
        ("postgresql+psycopg2://galaxy:p%40w@db/galaxy", "db+postgresql+psycopg2://galaxy:p%40w@db/results"),
        ("db+postgresql://galaxy@db/galaxy", "db+postgresql://galaxy@db/results"),
        ("postgresql://db", "db+postgresql://db/results"),
        ("postgresql://u:p@[::1]:5432/g", "db+postgresql://u:p@[::1]:5432/results"),
        ("postgresql:///galaxy?host=db.example.org", "db+postgresql:///results?host=db.example.org"),
    ],
)
def test_derived(url, expected):
    assert convert(url, "results") == expected


@pytest.mark.parametrize("url", ["postgresql:///galaxy?host=/var/run/postgresql", "postgresql:///galaxy"])
def test_a_socket_where_all_workers_are_on_that_host(url):
    expected = "db+" + url.replace("/galaxy", "/galaxy_celery", 1)
    assert module.result_backend_url(url, "galaxy_celery", False) == expected


def test_name_is_encoded():
    assert convert("postgresql://db/galaxy", "a/b") == "db+postgresql://db/a%2Fb"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql:///galaxy?host=/var/run/postgresql", "is a socket, which workers on other hosts cannot use"),
        ("postgresql://galaxy:m4rk@%2Fvar%2Frun/galaxy", "is a socket"),
        ("postgresql:///galaxy", "names no host"),
        ("postgresql://galaxy:m4rk@/galaxy", "names no host"),
        ("postgresql://galaxy:m4rk@:5432/galaxy", "names no host"),
        ("sqlite:////srv/galaxy/m4rk.sqlite?isolation_level=IMMEDIATE", "move Galaxy to PostgreSQL"),
        ("postgres://galaxy:m4rk@db/galaxy", "write postgresql://"),
        ("mysql://galaxy:m4rk@db/galaxy", "of the kind mysql"),
        ("postgresql://galaxy:m4rk@x@db/galaxy", "percent-encode it"),
        ("postgresql://galaxy:m4rk/x@db/galaxy", "percent-encode it"),
        ("postgresql://galaxy:m4rk?x@db/galaxy", "percent-encode it"),
        ("postgresql://galaxy:m4rk#x@db/galaxy", "not a URL"),
        ("m4rk", "not a URL"),
        ("", "empty or not a string"),
        (None, "empty or not a string"),
    ],
)
def test_refused_without_showing_the_url(url, message):
    with pytest.raises(AnsibleFilterError, match=message) as error:
        convert(url, "results")
    assert "m4rk" not in str(error.value)


@pytest.mark.parametrize("database", ["", None, 5])
def test_wrong_database(database):
    with pytest.raises(AnsibleFilterError, match="name of the database"):
        convert("postgresql://db/galaxy", database)
