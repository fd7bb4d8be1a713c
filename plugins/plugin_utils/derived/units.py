# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role celery works out of files and units on its host."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

OLDER = "galaxy-celery"
DEFAULT_QUEUE = "galaxy.internal"
Files = Sequence[Mapping[str, Any]]


def _names(files: Files) -> list[str]:
    return sorted(os.path.basename(file["path"]) for file in files)


def gravity_problems(placed: Files, own: Files) -> list[str]:
    """Return what galaxyctl update would delete, and workers and beat that gravity runs beside this role's.

    :param placed: the units that gravity has placed.
    :param own: units of this collection that have a name of gravity's.
    """
    threatened = _names(own) if placed else []
    running = [name for name in _names(placed) if "celery" in name]
    problems = []
    if threatened:
        problems.append(
            f"gravity would stop and delete {', '.join(threatened)} at its next galaxyctl update. Remedy: run site.yml, which gives these "
            "units their new names."
        )
    if running:
        problems.append(
            f"gravity runs {', '.join(running)} beside the units of this role. Remedy: set gravity.celery.enable and "
            "gravity.celery.enable_beat in galaxy.yml to false (both are true by default), then galaxyctl update; or run the playbook "
            "migrate."
        )
    return problems


def older_own(dropins: Files, units: Sequence[str]) -> list[str]:
    """Return the drop-ins that an admin has made for units of the older names, for all units of a template or for one."""
    paths = sorted(file["path"] for file in dropins)
    return [path for path in paths if re.sub(r"[.]d$", "", re.sub(r"@[^.]*[.]", "@.", path)) in units]


def held(units: Sequence[str], name: str, surplus: Sequence[str]) -> list[str]:
    """Return the units that must not start before the worker of their older name is drained."""
    return [unit for unit in units if re.sub(f"^{name}", OLDER, unit) in surplus]


def outermost(paths: Sequence[str]) -> list[str]:
    """Return the paths that are inside no other one."""
    return [path for path in paths if not any(path.startswith(f"{other}/") for other in paths)]


def needed_queues(conf: Mapping[str, Any], others: Sequence[str]) -> list[str]:
    """Return where Galaxy sends tasks. A route "disabled" keeps a task from Celery, and is no queue.

    :param conf: celery_conf of galaxy.yml.
    :param others: queues that other workers consume.
    """
    usual = conf.get("task_default_queue") or DEFAULT_QUEUE
    routes = list((conf.get("task_routes") or {}).values())
    found = [usual, *(route for route in routes if isinstance(route, str))]
    found += [route.get("queue", usual) for route in routes if isinstance(route, Mapping)]
    return [queue for queue in dict.fromkeys(found) if queue not in ("disabled", *others)]
