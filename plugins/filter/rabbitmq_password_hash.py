# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that hashes a password the way RabbitMQ stores it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rabbitmq_password_hash
short_description: Hash a password the way RabbitMQ stores it
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Returns the C(password_hash) of RabbitMQ's default algorithm C(rabbit_password_hashing_sha256), that is the Base64
    of a salt of 4 bytes followed by the SHA-256 of salt and password in UTF-8.
  - The salt is an HMAC of the user's name, with a secret of the site as the key. So a second run of a playbook
    computes the same hash and changes nothing, and two sites have different salts.
positional: salt_secret, user
options:
  _input:
    description: The password.
    type: str
    required: true
  salt_secret:
    description: A secret that stays the same on the site, for example the Erlang cookie.
    type: str
    required: true
  user:
    description: Name of the broker's user.
    type: str
    required: true
notes:
  - The hash is a secret too. Use C(no_log) on tasks that handle it.
"""

EXAMPLES = r"""
- name: Show the hash of a password
  ansible.builtin.debug:
    msg: "{{ 'p@ss' | usegalaxy_eu.celery.rabbitmq_password_hash('a secret of the site', 'admin') }}"
  # C8bj1ALeQcYis927czWp9a16MF2JwnCH6v2VO+AvXPBsqc0t
"""

RETURN = r"""
_value:
  description: The hash.
  type: str
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError


def rabbitmq_password_hash(password: str, salt_secret: str, user: str) -> str:
    """Return RabbitMQ's password_hash.

    :param password: the password, a non-empty str.
    :param salt_secret: a secret of the site, a non-empty str.
    :param user: name of the user, a non-empty str.
    :returns: the hash in Base64, a str of 48 characters.
    :raises AnsibleFilterError: for an empty value or one that is no string; names it, never shows it.
    """
    for name, value in (("the password", password), ("salt_secret", salt_secret), ("user", user)):
        if not isinstance(value, str):
            raise AnsibleFilterError(
                f"rabbitmq_password_hash: {name} is a {type(value).__name__}, not a string. Put it in quotes in YAML."
            )
        if not value:
            raise AnsibleFilterError(f"rabbitmq_password_hash: {name} is empty. Set it.")
    salt = hmac.new(salt_secret.encode(), user.encode(), hashlib.sha256).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


class FilterModule:
    """Filters of the collection for the broker."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"rabbitmq_password_hash": rabbitmq_password_hash}
