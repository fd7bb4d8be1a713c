# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of Telegraf's processor: Starlark is written like Python, so Python runs it here."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from tools import roles

SCRIPT = roles.ROLES / "telegraf/files/galaxy-celery.star"
SECOND = 1_000_000_000
LIMITS = ("0.1", "1.0", "10.0", "+Inf")


@dataclass
class Metric:
    """What Telegraf hands to the script."""

    name: str
    fields: dict
    tags: dict = field(default_factory=dict)
    time: int = 1_000_000 * SECOND


@pytest.fixture
def apply():
    """The script's entry, with a state of its own."""
    scope = {"state": {}, "WINDOW_SECONDS": 300}
    exec(compile(SCRIPT.read_text(encoding="utf-8"), str(SCRIPT), "exec"), scope)  # noqa: S102 the file under test
    return scope["apply"]


@pytest.fixture
def runtime(apply):
    """Hand over one reading of the histogram of a task, and get the metric back."""

    def reading(seconds, *counts, worker="w1", task="t"):
        fields = {**dict(zip(LIMITS, map(float, counts), strict=True)), "count": counts[-1], "sum": 1.0}
        tags = {"task": task, "worker": worker}
        return apply(Metric("flower_task_runtime_seconds", fields, tags, (1_000_000 + seconds) * SECOND)).fields

    return reading


def test_quantiles_need_tasks_between_two_readings(runtime):
    assert "p50" not in runtime(0, 5, 5, 5, 5)
    assert "p50" not in runtime(10, 5, 5, 5, 5)


def test_quantiles_are_those_of_prometheus(runtime):
    runtime(0, 0, 0, 0, 0)
    found = runtime(10, 0, 8, 10, 10)
    # The fifth of ten is in the bucket from 0.1 to 1 with eight, the 9.5th in the one from 1 to 10 with two.
    assert found["p50"] == pytest.approx(0.1 + 0.9 * 5 / 8)
    assert found["p95"] == pytest.approx(1 + 9 * 1.5 / 2)


def test_above_all_limits_the_last_one_is_said(runtime):
    runtime(0, 0, 0, 0, 0)
    assert runtime(10, 0, 0, 0, 4)["p95"] == 10.0


def test_quantiles_are_of_all_workers_of_a_task(runtime):
    runtime(0, 0, 0, 0, 0)
    runtime(0, 0, 0, 0, 0, worker="w2")
    runtime(0, 0, 0, 0, 0, task="other")
    runtime(10, 0, 0, 0, 90, task="other")
    runtime(10, 9, 9, 9, 9)
    assert runtime(10, 0, 0, 1, 1, worker="w2")["p95"] == pytest.approx(1 + 9 * 0.5)


def test_the_window_ends(runtime):
    runtime(0, 0, 0, 0, 0)
    for seconds in range(10, 320, 10):
        found = runtime(seconds, 4, 4, 4, 4)
    assert "p50" not in found


def test_a_reading_from_before_the_window_is_where_it_begins(runtime):
    runtime(0, 0, 0, 0, 0)
    runtime(290, 0, 0, 0, 0)
    assert runtime(310, 2, 2, 2, 2)["p50"] == pytest.approx(0.05)


def test_flower_may_start_anew(runtime):
    runtime(0, 0, 0, 50, 50)
    assert "p50" not in runtime(10, 1, 1, 1, 1)
    assert runtime(20, 3, 3, 3, 3)["p50"] == pytest.approx(0.05)


@pytest.mark.parametrize(("due", "late"), [(1_000_030.5, 0.0), (999_880.0, 120.0)])
def test_beat_is_late_by_what_was_due(apply, due, late):
    assert apply(Metric("celery_beat", {"due": due}, {"host": "h"})).fields == {"late_seconds": late}


def test_a_worker_that_went_is_forgotten(runtime):
    runtime(0, 0, 0, 0, 0, worker="gone")
    runtime(10, 0, 0, 7, 7, worker="gone")
    runtime(400, 0, 0, 0, 0)
    assert runtime(410, 1, 1, 1, 1)["p95"] == pytest.approx(0.095)


@pytest.mark.parametrize(
    ("ready", "unacknowledged", "head", "expected"),
    [
        (0, 0, None, (0.0, 0.0)),
        (2, 0, 999_900, (100.0, 0.0)),
        (0, 3, 999_000, (0.0, 1000.0)),
        (1, 1, 1_000_500, (0.0, 0.0)),
        # A broker that stamps no message, or a queue that does not say.
        (5, 0, None, (None, 0.0)),
    ],
)
def test_ages(apply, ready, unacknowledged, head, expected):
    fields = {"messages_ready": ready, "messages_unack": unacknowledged}
    found = apply(Metric("rabbitmq_queue", {**fields, **({"head_message_timestamp": head} if head else {})})).fields
    assert (found.get("age_ready_seconds"), found.get("age_unack_seconds")) == expected
    assert "head_message_timestamp" not in found


def test_memory_of_a_unit_with_a_limit(apply):
    def reading(current, available):
        return apply(Metric("systemd_units", {"mem_current": current, "mem_avail": available}, {"name": "u"})).fields

    assert reading(250, 750) == {"mem_current": 250, "mem_limit": 1000, "mem_percent": 25.0}
    assert reading(1000, 0)["mem_percent"] == 100.0
    # It was started anew, without a limit.
    assert reading(100, 0) == {"mem_current": 100}


def test_cpu_of_a_unit(apply):
    path = "/sys/fs/cgroup/system.slice/system-celery\\x2dgalaxy\\x2dworker.slice/celery-galaxy-worker@1.service"
    found = apply(Metric("cgroup", {"cpu.stat.usage_usec": 2_500_000}, {"path": path}))
    assert (found.tags, found.fields) == ({"name": "celery-galaxy-worker@1.service"}, {"cpu_seconds": 2.5})
