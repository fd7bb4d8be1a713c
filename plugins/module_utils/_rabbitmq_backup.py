# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that back up and restore a broker's definitions share."""
from __future__ import annotations

import json
import os
import re
from typing import Any

# What the broker says of a vhost, a user, a policy or the like.
Object = dict[str, Any]

NAME = re.compile(r"definitions-\d{8}T\d{6}\.\d{6}Z\.json")

# What tells two objects of a kind apart.
KEYS = {
    "vhosts": ("name",),
    "users": ("name",),
    "permissions": ("vhost", "user"),
    "topic_permissions": ("vhost", "user", "exchange"),
    "global_parameters": ("name",),
    "parameters": ("vhost", "component", "name"),
    "policies": ("vhost", "name"),
    "queues": ("vhost", "name"),
    "exchanges": ("vhost", "name"),
    "bindings": ("vhost", "source", "destination_type", "destination", "routing_key", "arguments"),
}

# A broker that has one of these keeps it as it is, whatever is imported.
KEPT = ("queues", "exchanges")


def arranged(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions with their objects in one order: the broker hands them over in any."""
    return {
        kind: sorted(value, key=lambda item: json.dumps(item, sort_keys=True)) if isinstance(value, list) else value
        for kind, value in definitions.items()
    }


def backups(folder: str) -> list[str]:
    """Return the paths of the backups in a directory, the oldest first: their names hold the time."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return [os.path.join(folder, name) for name in sorted(names) if NAME.fullmatch(name)]


def identity(kind: str, item: Object) -> str:
    """Return what tells an object apart, as text that can be a key."""
    return json.dumps([item.get(key) for key in KEYS[kind]], sort_keys=True)


def label(kind: str, item: Object) -> str:
    """Return an object in words, without a secret."""
    if kind == "bindings":
        return f"binding {item.get('source')!r} to {item.get('destination')!r} on {item.get('vhost')!r}"
    words = kind[:-3] + "y" if kind.endswith("ies") else kind[:-1]
    name = item.get("name", item.get("user"))
    on = f" on {item['vhost']!r}" if item.get("vhost") else ""
    return f"{words.replace('_', ' ')} {name!r}{on}"


def covers(present: Any, wanted: Any) -> bool:
    """Say whether all that is wanted is present. Another version may add keys of its own."""
    if isinstance(wanted, dict) and isinstance(present, dict):
        return all(key in present and covers(present[key], value) for key, value in wanted.items())
    return bool(present == wanted)


def comparable(kind: str, item: Object) -> Object:
    """Return an object as every version of RabbitMQ means it.

    Up to 4.2 a vhost has its metadata twice, and from 4.3 on it has the limits that a parameter has too.
    """
    if kind != "vhosts":
        return item
    metadata = {key: item[key] for key in ("description", "tags", "default_queue_type") if key in item}
    metadata.update(item.get("metadata") or {})
    if metadata.get("default_queue_type") == "undefined":  # 3.x, which means the broker's own default
        del metadata["default_queue_type"]
    return {"name": item.get("name"), "metadata": metadata}


def differences(wanted: dict[str, Any], present: dict[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """Return the objects of a backup that the broker lacks, those that it has otherwise, and those that it keeps otherwise."""
    missing, other, kept = list[str](), list[str](), list[str]()
    for kind in KEYS:
        found = {identity(kind, item): item for item in present.get(kind) or []}
        for item in wanted.get(kind) or []:
            match = found.get(identity(kind, item))
            if match is None:
                missing.append(label(kind, item))
            elif not covers(comparable(kind, match), comparable(kind, item)):
                (kept if kind in KEPT else other).append(label(kind, item))
    return missing, other, kept
