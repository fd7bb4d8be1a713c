# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that puts the inventory's credentials into Galaxy's database connection."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived import database_connection as module

convert = module.database_connection


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://galaxy:m4rk@db:5432/galaxy?x=y", "postgresql://stand_in:new-1@db:5432/galaxy?x=y"),
        ("postgresql+psycopg2://galaxy:m4%40rk@db/galaxy", "postgresql+psycopg2://stand_in:new-1@db/galaxy"),
        ("postgresql://galaxy@db/galaxy", "postgresql://stand_in:new-1@db/galaxy"),
        ("postgresql://db", "postgresql://stand_in:new-1@db"),
        ("postgresql://u:p@[::1]:5432/g", "postgresql://stand_in:new-1@[::1]:5432/g"),
    ],
)
def test_only_the_credentials_change(url, expected):
    assert convert(url, "stand_in", "new-1") == expected
    assert convert(expected, "stand_in", "new-1") == expected


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:////srv/galaxy/m4rk.sqlite", "move Galaxy to PostgreSQL"),
        ("postgresql://galaxy:m4rk@x@db/galaxy", "percent-encode it"),
        ("", "empty or not a string"),
        (None, "empty or not a string"),
    ],
)
def test_a_url_that_cannot_be_edited_is_refused_without_showing_it(url, message):
    with pytest.raises(AnsibleFilterError, match=message) as error:
        convert(url, "galaxy", "new-1")
    assert "m4rk" not in str(error.value)


@pytest.mark.parametrize("password", ["m4rk@", "m4rk%40", "m4rk ", "m4rké", "", None, 5])
def test_a_password_that_would_need_encoding_is_refused_without_showing_it(password):
    with pytest.raises(AnsibleFilterError, match="galaxy_database_password is empty or holds") as error:
        convert("postgresql://galaxy@db/galaxy", "galaxy", password)
    assert "m4rk" not in str(error.value)


def test_a_user_that_would_need_encoding_is_refused():
    with pytest.raises(AnsibleFilterError, match="galaxy_database_user"):
        convert("postgresql://galaxy@db/galaxy", "a@b", "new-1")
