# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in the files of an inventory a value is written, as Ansible remembers it.

Private to the collection. Ansible promises neither that it knows a place nor that it will tell: without one, nothing is said.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # a later Ansible
    Origin = None  # type: ignore[assignment,misc]

COLLECTION = str(Path(__file__).resolve().parents[2])
# A problem begins with what it is about: a variable, or a part of one as C(celery_workers[0].queues).
SUBJECT = re.compile(r"(?P<name>[a-z]\w*)(?P<parts>(?:\.\w+|\[\d+\])*) ")
PART = re.compile(r"\.(\w+)|\[(\d+)\]")
ENCRYPTED = b"$ANSIBLE_VAULT"


def place_of(value: Any) -> tuple[str, int] | None:
    """Return file and line of a value, or None."""
    origin = Origin.get_tag(value) if Origin is not None else None
    if origin is None or not origin.path or not origin.line_num or os.path.realpath(origin.path).startswith(COLLECTION + os.sep + "roles"):
        return None
    return str(origin.path), int(origin.line_num)


def inner(value: Any, parts: str) -> Any:
    """Return the part of a value that a path names, as far as it is there."""
    for key, index in PART.findall(parts):
        if key and isinstance(value, Mapping) and key in value:
            value = value[key]
        elif index and isinstance(value, Sequence) and not isinstance(value, str) and int(index) < len(value):
            value = value[int(index)]
        else:
            break
    return value


def named(path: str) -> str:
    """Return a path as a person at this directory would write it."""
    short = os.path.relpath(path)
    return path if short.startswith("..") else short


def with_place(problem: str, variables: Mapping[str, Any]) -> str:
    """Return a problem, and where its variable is written.

    :param problem: a sentence that begins with the variable.
    :param variables: the variables of the host, as they are written.
    """
    subject = SUBJECT.match(problem)
    if not subject or subject["name"] not in variables:
        return problem
    value = variables[subject["name"]]
    found = place_of(inner(value, subject["parts"])) or place_of(value)
    return f"{problem} ({named(found[0])}, line {found[1]})" if found else problem


def written_plainly(variables: Mapping[str, Any], names: Sequence[str]) -> dict[str, list[str]]:
    """Return the variables that are written without encryption, by their file.

    :param variables: the variables of the host, as they are written.
    :param names: those that are secrets.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        value = variables.get(name)
        # A value that Ansible decrypts is not a str, and a template only names where the secret is.
        if not isinstance(value, str) or not value or "{{" in value:
            continue
        place = place_of(value)
        if place and os.path.isfile(place[0]):
            with open(place[0], "rb") as stream:
                if stream.read(len(ENCRYPTED)) != ENCRYPTED:
                    found.setdefault(named(place[0]), []).append(name)
    return found
