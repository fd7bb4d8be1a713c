# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known to fail in Galaxy's settings, told from the settings alone."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.galaxy_settings_problems import (
    galaxy_settings_problems,
)

ROUTES = {"galaxy.fetch_data": "galaxy.external", "galaxy.set_job_metadata": "galaxy.external"}


def test_the_variable_stands_before_the_problem():
    conf = {"task_routes": ROUTES, "broker_use_ssl": {"cert_reqs": "CERT_REQUIRED"}}
    (problem,) = galaxy_settings_problems({"celery_conf": conf}, {"celery_conf": "galaxy_celery_conf"})
    assert problem.startswith("galaxy_celery_conf: celery_conf.broker_use_ssl.cert_reqs: is not an integer")


@pytest.mark.parametrize(
    ("gravity", "said"),
    [
        ({"process_manager": "systemd"}, ["enable is not set", "enable_beat is not set"]),
        ({"celery": {"enable": False}}, ["enable_beat is not set"]),
        ({"celery": {"enable": False, "enable_beat": True}}, ["enable_beat is true"]),
        ({"celery": None, "gunicorn": {}}, ["enable is not set", "enable_beat is not set"]),
        ({"celery": {"enable": False, "enable_beat": False}}, []),
        ({}, []),
        (None, []),
    ],
)
def test_gravity_runs_workers_unless_it_is_told_not_to(gravity, said):
    problems = galaxy_settings_problems({}, gravity=gravity)
    assert [text.partition(",")[0] for text in problems] == [f"gravity.celery.{words}" for words in said]
    assert all(text.endswith("Remedy: set it to false.") for text in problems)


def test_queues_and_results_are_held_against_the_workers():
    conf = {"task_routes": ROUTES, "result_backend": "db+sqlite:////srv/results.sqlite"}
    assert galaxy_settings_problems({"celery_conf": conf}) == []
    found = galaxy_settings_problems({"celery_conf": conf}, {}, ["galaxy.internal"], True)
    names = [problem.split(": ")[0] for problem in found]
    assert names == ["celery_conf.task_routes", "celery_conf.task_routes", "celery_conf.result_backend"]


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("task_time_limit", 3600, "is 3600: the pool threads does nothing with it. Remedy: remove it; with"),
        ("task_soft_time_limit", 60, "does nothing with it"),
        ("worker_max_tasks_per_child", 100, "extra_arguments: [--max-tasks-per-child=100]"),
        ("worker_max_memory_per_child", 100, "does nothing with it"),
        ("worker_cancel_long_running_tasks_on_connection_loss", True, "ends the worker when its connection breaks"),
        ("worker_concurrency", 8, "the units set it. Remedy: remove it, and use concurrency in celery_workers"),
        ("worker_prefetch_multiplier", 1, "use prefetch in celery_workers"),
        ("worker_pool", "prefork", "is 'prefork': the units set it"),
        ("worker_soft_shutdown_timeout", 60.0, "use celery_drain_timeout_seconds"),
        ("worker_enable_remote_control", 0, "verify and Flower cannot ask the workers"),
        ("worker_enable_remote_control", False, "verify and Flower cannot ask the workers"),
        ("task_ignore_result", True, "no result is kept"),
        ("task_always_eager", True, "Galaxy's own processes run the tasks"),
        ("task_create_missing_queues", False, "no worker can make its queues"),
        ("broker_connection_retry", False, "a worker ends when the broker is away"),
        ("beat_schedule", {"x": {"task": "x"}}, "Galaxy puts its own in its place"),
        ("beat_max_loop_interval", 5, "the unit of beat sets it"),
        ("result_backend", "rpc://", "keeps no result that another process could read"),
        ("result_backend", "disabled://", "keeps no result that another process could read"),
        ("control_queue_durable", True, "a queue cannot be durable and exclusive"),
        ("event_queue_durable", True, "a queue cannot be durable and exclusive"),
    ],
)
def test_settings_that_do_nothing_here_or_break_the_stack(setting, value, words):
    conf = {"task_routes": ROUTES, "control_queue_exclusive": True, "event_queue_exclusive": True, setting: value}
    (problem,) = galaxy_settings_problems({"celery_conf": conf}, {"celery_conf": "galaxy_celery_conf"})
    assert problem.startswith(f"galaxy_celery_conf: celery_conf.{setting}: is ")
    assert words in problem
    assert "Remedy: " in problem


def test_what_celery_does_by_itself_is_let_through():
    conf = {
        "task_time_limit": None,
        "worker_enable_remote_control": True,
        "task_ignore_result": False,
        "broker_connection_retry": True,
        "control_queue_durable": True,
        "control_queue_exclusive": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_soft_shutdown_timeout": 0.0,
        "result_backend": "redis://h/0",
    }
    assert galaxy_settings_problems({"celery_conf": {"task_routes": ROUTES, **conf}}) == []


def test_other_settings_are_refused():
    with pytest.raises(AnsibleFilterError, match="no dictionary"):
        galaxy_settings_problems([])
