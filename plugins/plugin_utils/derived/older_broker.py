# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fetches the messages of an older broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote


def data_volumes(mounts: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the volumes of a container that hold RabbitMQ's data: a bind by its path, a volume by its name."""
    own = [mount for mount in mounts if mount["Destination"].startswith("/var/lib/rabbitmq")]
    return [f"{mount['Name'] if mount['Type'] == 'volume' else mount['Source']}:{mount['Destination']}:rw" for mount in own]


def full_permissions(waiting: Sequence[Mapping[str, Any]], user: str) -> list[dict[str, str]]:
    """Return the permissions of a user for each vhost with messages that wait."""
    vhosts = dict.fromkeys(entry["vhost"] for entry in waiting)
    return [{"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"} for vhost in vhosts]


def shovels(waiting: Sequence[Mapping[str, Any]], user: str, password: str, address: str) -> list[dict[str, Any]]:
    """Return a shovel for each queue with messages that wait.

    To this broker from within: no password, and no PROXY protocol before it. RabbitMQ wants a vhost's slashes encoded, which Celery does
    not; name and password of the reader's user have nothing to encode.
    """
    return [
        {
            "component": "shovel",
            "vhost": entry["vhost"],
            "name": f"{user} {entry['queue']}",
            "value": {
                "src-protocol": "amqp091",
                "dest-protocol": "amqp091",
                "ack-mode": "on-confirm",
                "reconnect-delay": 2,
                "src-uri": f"amqp://{user}:{password}@{address}:5672/{quote(entry['vhost'], safe='')}",
                "src-queue": entry["queue"],
                "dest-uri": f"amqp:///{quote(entry['vhost'], safe='')}",
                "dest-queue": entry["queue"],
            },
        }
        for entry in waiting
    ]
