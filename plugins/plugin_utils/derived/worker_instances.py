# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name the units and the Celery nodes of worker classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible.errors import AnsibleFilterError


def worker_instances(classes: Iterable[Any], host: str, name: str = "celery-galaxy") -> list[dict[str, Any]]:
    """Return an entry for each instance of each class."""
    instances = []
    for position, entry in enumerate(classes):
        try:
            kind, count = entry["name"], int(entry.get("instances", 1))
        except (KeyError, TypeError, ValueError) as error:
            raise AnsibleFilterError(
                f"worker_instances: entry {position} of the classes needs a name and a number of instances: {error}"
            ) from error
        instances += [
            {
                "class": kind,
                "number": number,
                "unit": f"{name}-{kind}@{number}.service",
                "node": f"{kind}-{number}@{host}",
            }
            for number in range(1, count + 1)
        ]
    return instances
