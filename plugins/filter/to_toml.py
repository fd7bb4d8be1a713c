# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a dictionary as TOML."""
from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

try:
    import tomli_w
except ImportError:
    tomli_w = None  # type: ignore[assignment]

DOCUMENTATION = r"""
---
name: to_toml
short_description: Write a dictionary as TOML
version_added: "1.0.0"
author: usegalaxy.eu (@usegalaxy-eu)
description:
  - Writes a dictionary as a TOML document with the Python library C(tomli_w), in the order of its keys.
    TOML requires plain values before tables, so tables come last.
  - A list of dictionaries becomes an array of tables, C([[inputs.prometheus]]).
requirements:
  - tomli_w (Python library, on the controller)
options:
  _input:
    description:
      - A dictionary with strings as keys.
      - Values are strings, integers, floats, booleans, dates, lists and dictionaries.
      - TOML has no null. The filter refuses V(null), and names the path of its key.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Configure | Place a configuration in TOML
  ansible.builtin.copy:
    content: "{{ settings | usegalaxy_eu.celery.to_toml }}"
    dest: /etc/telegraf/telegraf.d/galaxy.conf
    mode: "0640"
  # [[inputs.prometheus]]
  # urls = [
  #     "http://127.0.0.1:5555/metrics",
  # ]
  vars:
    settings:
      inputs:
        prometheus:
          - urls: ["http://127.0.0.1:5555/metrics"]
"""

RETURN = r"""
_value:
  description: The TOML document. It ends with a newline unless it is empty.
  type: str
"""


def plain(value: Any, path: str = "") -> Any:
    """Return plain Python objects: Ansible's are lazy, tagged or marked as unsafe, and no serialiser knows them."""
    if isinstance(value, Mapping):
        result = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise AnsibleFilterError(f"to_toml: the key {key!r}{inside(path)} is not a string: put it in quotes.")
            result[str(key)] = plain(item, f"{path}.{key}" if path else str(key))
        return result
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, bool):
        return bool(value)
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, datetime.datetime):  # before date, of which it is a kind
        return datetime.datetime(*value.timetuple()[:6], value.microsecond, value.tzinfo)
    if isinstance(value, datetime.date):
        return datetime.date(value.year, value.month, value.day)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if value is None:
        raise AnsibleFilterError(f"to_toml: {path} is null, and TOML has no null: leave the key out.")
    raise AnsibleFilterError(f"to_toml: {path} is of the type {type(value).__name__}, which TOML cannot hold.")


def inside(path: str) -> str:
    """Return the place of a key in words."""
    return f" in {path}" if path else ""


def to_toml(value: Any) -> str:
    """Return the TOML document of a dictionary."""
    if tomli_w is None:
        raise AnsibleFilterError(
            "to_toml: the Python library tomli_w is missing on the controller: install it beside Ansible, "
            "with 'pip install tomli-w' in Ansible's own environment."
        )
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"to_toml: expected a dictionary, got {type(value).__name__}.")
    return tomli_w.dumps(plain(value))


class FilterModule:
    """Hand the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"to_toml": to_toml}
