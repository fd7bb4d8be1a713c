# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests of the filter rabbitmq_password_hash."""

from __future__ import annotations

import base64
import hashlib

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.filter.rabbitmq_password_hash import rabbitmq_password_hash


@pytest.mark.parametrize("password", ["simple", "p@ss:/#?% &\"'", "é\N{SNOWMAN}", " "])
def test_rabbitmq_can_check_the_hash(password):
    raw = base64.b64decode(rabbitmq_password_hash(password, "cookie", "admin"))
    assert len(raw) == 36
    assert raw[4:] == hashlib.sha256(raw[:4] + password.encode()).digest()


def test_the_same_input_gives_the_same_hash():
    assert rabbitmq_password_hash("p", "cookie", "admin") == rabbitmq_password_hash("p", "cookie", "admin")


@pytest.mark.parametrize("secret, user", [("other", "admin"), ("cookie", "root")])
def test_another_site_or_user_has_another_salt(secret, user):
    salt = base64.b64decode(rabbitmq_password_hash("p", "cookie", "admin"))[:4]
    assert base64.b64decode(rabbitmq_password_hash("p", secret, user))[:4] != salt


@pytest.mark.parametrize(
    "arguments, name",
    [
        (("", "cookie", "admin"), "the password is empty"),
        ((12345678, "cookie", "admin"), "the password is a int"),
        ((None, "cookie", "admin"), "the password is a NoneType"),
        (("hidden", "", "admin"), "salt_secret is empty"),
        (("hidden", "cookie", ""), "user is empty"),
        (("hidden", "cookie", 5), "user is a int"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(arguments, name):
    with pytest.raises(AnsibleFilterError) as error:
        rabbitmq_password_hash(*arguments)
    assert name in str(error.value)
    assert "hidden" not in str(error.value) and "12345678" not in str(error.value)
