# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Flower's page says, as Flower writes it."""

from __future__ import annotations

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.flower_metrics import flower_metrics

PAGE = r"""# HELP flower_events_total Number of events
# TYPE flower_events_total counter
flower_events_total{task="galaxy.a",type="task-succeeded",worker="w-1@one"} 3.0
flower_events_total{task="galaxy.a",type="task-succeeded",worker="w-1@two"} 4.0
flower_events_total{task="galaxy.a",type="task-failed",worker="w-1@two"} 1.0
flower_events_total{task="",type="worker-heartbeat",worker="w-1@two"} 10.0
flower_task_runtime_seconds_bucket{le="0.5",task="galaxy.a",worker="w-1@one"} 1.0
flower_task_runtime_seconds_bucket{le="5.0",task="galaxy.a",worker="w-1@one"} 2.0
flower_task_runtime_seconds_bucket{le="+Inf",task="galaxy.a",worker="w-1@one"} 3.0
flower_task_runtime_seconds_bucket{le="0.5",task="galaxy.a",worker="w-1@two"} 4.0
flower_task_runtime_seconds_bucket{le="5.0",task="galaxy.a",worker="w-1@two"} 4.0
flower_task_runtime_seconds_bucket{le="+Inf",task="galaxy.a",worker="w-1@two"} 4.0
flower_task_runtime_seconds_count{task="galaxy.a",worker="w-1@one"} 3.0
flower_task_runtime_seconds_count{task="galaxy.a",worker="w-1@two"} 4.0
flower_task_runtime_seconds_sum{task="galaxy.a",worker="w-1@one"} 10.0
flower_task_runtime_seconds_sum{task="galaxy.a",worker="w-1@two"} 4.0
flower_worker_online{worker="w-1@one"} 1.0
flower_worker_online{worker="w-1@two"} 0.0
flower_worker_number_of_currently_executing_tasks{worker="w-1@one"} 2.0
"""


def test_workers():
    assert flower_metrics(PAGE)["workers"] == {
        "w-1@one": {"online": True, "executing": 2},
        "w-1@two": {"online": False, "executing": 0},
    }


def test_tasks_of_all_workers_together():
    assert flower_metrics(PAGE)["tasks"] == {
        "galaxy.a": {
            "succeeded": 7,
            "failed": 1,
            "retried": 0,
            "mean": 2.0,
            "buckets": [{"limit": 0.5, "count": 5}, {"limit": 5.0, "count": 1}, {"limit": None, "count": 1}],
        }
    }


def test_a_task_that_has_only_failed_has_no_run_time():
    found = flower_metrics('flower_events_total{task="b",type="task-failed",worker="w"} 2.0\n')["tasks"]["b"]
    assert (found["failed"], found["mean"], found["buckets"]) == (2, None, [])


def test_quotes_in_labels():
    found = flower_metrics('flower_worker_online{worker="a\\"b,c\\\\d"} 1.0\n')
    assert list(found["workers"]) == ['a"b,c\\d']


def test_an_empty_page():
    assert flower_metrics("") == {"workers": {}, "tasks": {}}
