# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that reads what Flower's page /metrics says of workers and tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

LINE = re.compile(r"^(flower_\w+)\{(.*)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ENDS = {"task-succeeded": "succeeded", "task-failed": "failed", "task-retried": "retried"}


def samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield name, labels and value of each line."""
    for name, labels, value in LINE.findall(text):
        yield name, {key: re.sub(r"\\(.)", r"\1", label) for key, label in LABEL.findall(labels)}, float(value)


def new_task() -> dict[str, Any]:
    """A task of which nothing is known yet; C(limits) are the histogram's, added up over the workers."""
    return {"succeeded": 0, "failed": 0, "retried": 0, "runs": 0, "seconds": 0.0, "limits": {}}


def flower_metrics(text: str) -> dict[str, dict[str, Any]]:
    """Return what Flower says of workers and tasks.

    :param text: the text of C(/metrics).
    :returns: dict with C(workers) and C(tasks).
    """
    workers: dict[str, dict[str, Any]] = {}
    tasks: dict[str, dict[str, Any]] = {}
    for name, labels, value in samples(text):
        worker = workers.setdefault(labels["worker"], {"online": False, "executing": 0}) if "worker" in labels else {}
        if name == "flower_worker_online":
            worker["online"] = value == 1
        elif name == "flower_worker_number_of_currently_executing_tasks":
            worker["executing"] = int(value)
        elif name == "flower_events_total" and labels.get("type") in ENDS:
            tasks.setdefault(labels["task"], new_task())[ENDS[labels["type"]]] += int(value)
        elif name == "flower_task_runtime_seconds_count":
            tasks.setdefault(labels["task"], new_task())["runs"] += int(value)
        elif name == "flower_task_runtime_seconds_sum":
            tasks.setdefault(labels["task"], new_task())["seconds"] += value
        elif name == "flower_task_runtime_seconds_bucket":
            limits = tasks.setdefault(labels["task"], new_task())["limits"]
            limits[float(labels["le"])] = limits.get(float(labels["le"]), 0) + int(value)
    return {"workers": workers, "tasks": {name: summary(task) for name, task in tasks.items()}}


def summary(task: dict[str, Any]) -> dict[str, Any]:
    """Return one task as it is documented: each bucket alone, not with all below it."""
    buckets, below = [], 0
    for limit in sorted(task["limits"]):
        buckets.append({"limit": None if limit == float("inf") else limit, "count": task["limits"][limit] - below})
        below = task["limits"][limit]
    return {
        "succeeded": task["succeeded"],
        "failed": task["failed"],
        "retried": task["retried"],
        "mean": task["seconds"] / task["runs"] if task["runs"] else None,
        "buckets": buckets,
    }
