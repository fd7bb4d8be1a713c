# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that holds the classes of workers against what can work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived import worker_problems as plugin

found = plugin.worker_problems
CLASS = {
    "name": "worker",
    "queues": ["celery", "galaxy.internal", "galaxy.external"],
    "pool": "threads",
    "concurrency": 32,
    "prefetch": 4,
    "instances": 1,
    "memory_high_mb": 0,
    "memory_max_mb": 0,
    "extra_arguments": [],
    "environment": {},
}
PREFORK = {"pool": "prefork", "queues": ["galaxy.internal"]}
SIZE, OVERFLOW = plugin.POOL_SIZE, plugin.MAX_OVERFLOW


def arguments(*words):
    return {"extra_arguments": list(words)}


def test_what_is_usual_is_right():
    internal = {"name": "internal", "concurrency": 8, "queues": ["celery", "galaxy.internal"], "memory_max_mb": 10000}
    external = {"name": "external", "concurrency": "2", "queues": ["celery", "galaxy.external"], "memory_high_mb": 9000}
    eu = [{**CLASS, **internal}, {**CLASS, **external}]
    about = {"host_memory_mb": 32000, "routed_queues": CLASS["queues"], "task_seconds": 3600}
    assert found(eu, consumer_timeout_seconds=21600, **about) == {"problems": [], "warnings": []}
    assert found([]) == {"problems": [], "warnings": []}


@pytest.mark.parametrize(
    "changes",
    [
        arguments("--without-mingle", "-Ofair", "--heartbeat-interval=5"),
        arguments("--statedb /var/lib/celery-galaxy/state", "-I", "my.tasks"),
        arguments("--", "task.acks_late=true", "worker.enable_remote_control=1"),
        {**PREFORK, **arguments("--", "worker.cancel_long_running_tasks_on_connection_loss=1", "task.time_limit=60")},
        {**PREFORK, **arguments("--max-tasks-per-child=9", "--max-memory-per-child", "500000", "--soft-time-limit=60")},
        # Each process of prefork has a pool of its own, with one thread.
        {**PREFORK, "environment": {SIZE: "1", OVERFLOW: "0"}},
        {"environment": {SIZE: "22"}},
        {"environment": {SIZE: "0", OVERFLOW: "0"}},
        {"environment": {SIZE: "1", OVERFLOW: "-1"}},
        {"environment": {"OMP_NUM_THREADS": "1", "SSL_CERT_FILE": "/etc/ssl/x.pem", "HTTP_PROXY": "http://proxy:3128"}},
    ],
)
def test_legal_though_it_looks_wrong(changes):
    assert found([{**CLASS, **changes}])["problems"] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "My-Worker"}, ["the name 'My-Worker'", "small letters"]),
        ({"concurrency": 0}, ["the class worker has concurrency 0", "at least 1"]),
        ({"instances": "0"}, ["has instances 0"]),
        ({"prefetch": -1}, ["has prefetch -1", "at least 0"]),
        ({"queues": []}, ["consumes no queue"]),
        ({"queues": ["celery,galaxy.internal"]}, ["'celery,galaxy.internal'", "one queue an entry"]),
        ({"queues": ["celery", "celery"]}, ["names a queue twice"]),
        ({"pool": "prefork"}, ["galaxy.external with the pool prefork", "Remedy: pool: threads"]),
        ({"environment": {SIZE: "5"}}, ["runs 32 tasks", "15 connections", "Remedy: remove the variable"]),
        ({"environment": {SIZE: 30, OVERFLOW: 1}}, ["31 connections"]),
        (arguments("--max-tasks-per-child=100"), ["ignores max_tasks_per_child", "pool: prefork"]),
        (arguments("--max-memory-per-child 4000"), ["ignores max_memory_per_child"]),
        (arguments("--soft-time-limit", "60"), ["ignores soft time limits"]),
        (arguments("--time-limit=60"), ["ignores time limits"]),
        (arguments("--autoscale=10,3"), ["ignores autoscale"]),
        (arguments("-B"), ["has -B", "starts a beat in every instance"]),
        (arguments("--purge"), ["deletes every waiting task"]),
        (arguments("--detach"), ["takes the worker away from systemd"]),
        (arguments("-c8"), ["has -c in extra_arguments", "Remedy: use the key concurrency"]),
        (arguments("--queues=other"), ["the key queues"]),
        (arguments("--without-gossip"), ["has --without-gossip", "Remedy: remove it; the unit always has it"]),
        (arguments("--hostname", "x@y"), ["the key name, or celery_node_host"]),
        (arguments("--max-task-per-child=1"), ["no option of celery worker", "Did you mean --max-tasks-per-child?"]),
        (arguments("--broker=x"), ["'--broker=x'", "no option of celery worker"]),
        (arguments("--without-mingle", "stray"), ["'stray'"]),
        (arguments("--", "task.time_limit=60"), ["has task.time_limit=60 in extra_arguments", "does nothing with it"]),
        (arguments("--", "worker.cancel_long_running_tasks_on_connection_loss=1"), ["ends the worker when its"]),
        (arguments("--", "worker.enable_remote_control=no"), ["verify and Flower cannot ask"]),
        (arguments("'open"), ["cannot be read", "close the quote"]),
        ({"environment": {"A-B": "1"}}, ["the environment variable 'A-B'"]),
        ({"environment": {"A": "1\n2"}}, ["a line break"]),
        ({"memory_max_mb": 300}, ["memory_max_mb 300", "needs 500 MB"]),
        ({"memory_max_mb": 2000, "memory_high_mb": 2500}, ["memory_high_mb 2500 above memory_max_mb 2000"]),
    ],
)
def test_each_problem_is_named_once_with_its_remedy(changes, words):
    problems = found([{**CLASS, **changes}])["problems"]
    assert len(problems) == 1, problems
    assert problems[0].startswith("celery_workers: ")
    assert [word for word in words if word not in problems[0]] == [], problems
    assert "Remedy: " in problems[0] or "Did you mean" in problems[0]
    assert problems[0][-1] in ".?" and problems[0][-2] not in ".?", problems


@pytest.mark.parametrize(
    ("name", "value"),
    [("DB_PASSWORD", "mark"), ("X_TOKEN", "mark"), ("SENTRY_DSN", "https://user:mark@sentry.example.org/1")],
)
def test_secrets_do_not_go_into_units_nor_into_the_message(name, value):
    of_class = found([{**CLASS, "environment": {name: value}}])["problems"]
    of_all = found([CLASS], environment={name: value})["problems"]
    assert [len(of_class), len(of_all)] == [1, 1]
    assert of_all[0].startswith("celery_environment: ")
    for problem in of_class + of_all:
        assert name in problem
        assert "celery_secret_environment" in problem
        assert "mark" not in problem


@pytest.mark.parametrize(
    "name", ["GALAXY_CONFIG_FILE", "TMPDIR", "NOTIFY_SOCKET", "GALAXY_CELERY_CONTROL_DIR", "CELERY_BROKER_URL"]
)
def test_names_that_the_units_need_are_refused_wherever_they_stand(name):
    given = {name: "mark"}
    places = {
        "celery_environment": found([CLASS], environment=given),
        "celery_secret_environment": found([CLASS], secret_environment=given),
        f"celery_workers: {CLASS['name']}: environment": found([{**CLASS, "environment": given}]),
    }
    for place, answer in places.items():
        (problem,) = answer["problems"]
        assert problem.startswith(f"{place}.{name} is a variable that the units need")
        assert "Remedy: remove it" in problem and "mark" not in problem


def test_every_variable_of_the_units_is_reserved_or_harmless():
    """What a unit sets, a site may set otherwise only where that does no harm."""
    templates = Path(__file__).resolve().parents[5] / "roles/celery/templates"
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(templates.rglob("*.j2")))
    names = set(re.findall(r"(?m)^Environment=([A-Z_]+)=", text))
    harmless = {name for name in names if found([CLASS], environment={name: "32"})["problems"] == []}
    pool = "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_POOL_"
    assert harmless == {"PATH", "PYTHONFAULTHANDLER", "PYTHONUNBUFFERED", pool + "SIZE", pool + "PRE_PING"}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"file_path": "/data/files"}, ["file_path: /data/files"]),
        ({"tus_upload_store": "/data/tus", "new_file_path": "/srv/galaxy/var/tmp"}, ["tus_upload_store: /data/tus"]),
        ({"job_working_directory": "/srv/galaxy/var2"}, ["job_working_directory: /srv/galaxy/var2"]),
        ({"file_path": "objects", "new_file_path": None, "data_dir": "/srv/galaxy/var/"}, []),
        ({"object_store_cache_path": "/scratch/../srv/galaxy/var/cache"}, []),
        ({"tool_dependency_dir": "/elsewhere", "static_dir": "/elsewhere"}, []),
    ],
)
def test_data_outside_of_what_workers_may_write(settings, named):
    problems = found([CLASS], galaxy_settings=settings, writable_dirs=["/srv/galaxy/var", "/var/tmp/x"])["problems"]
    assert len(problems) == bool(named)
    assert [word for word in [*named, "celery_writable_dirs"] if problems and word not in problems[0]] == []
    assert found([CLASS], galaxy_settings=settings)["problems"] == []


def test_the_environment_of_all_classes_counts_too():
    assert "15 connections" in found([CLASS], environment={SIZE: 5})["problems"][0]
    assert found([{**CLASS, "environment": {SIZE: 32}}], environment={SIZE: 5})["problems"] == []
    assert "9 connections" in found([{**CLASS, "environment": {SIZE: 4}}], max_overflow=5)["problems"][0]


def test_two_classes_of_one_name():
    (problem,) = found([CLASS, CLASS])["problems"]
    assert "the class worker is there twice" in problem


def test_more_memory_than_there_is():
    classes = [
        {**CLASS, "name": "internal", "memory_max_mb": 4000, "memory_high_mb": 3000, "instances": 2},
        {**CLASS, "name": "external", "memory_high_mb": 3000},
        {**CLASS, "name": "free"},
    ]
    (problem,) = found(classes, host_memory_mb=11500, beat_memory_max_mb=1000)["problems"]
    assert "add up to 12000 MB (internal 8000, external 3000, beat 1000), and the host has 11500 MB" in problem
    assert found(classes, host_memory_mb=12000, beat_memory_max_mb=1000)["problems"] == []
    assert found(classes)["problems"] == []


def test_a_queue_that_nobody_routes_to_is_a_warning():
    entry = {**CLASS, "queues": ["galaxy.internal", "galaxy.export"]}
    result = found([entry], routed_queues=["celery", "galaxy.internal"])
    assert result["problems"] == []
    (warning,) = result["warnings"]
    assert "consumes galaxy.export, and no task is routed there" in warning
    assert found([entry])["warnings"] == []


@pytest.mark.parametrize(
    ("changes", "seconds", "words"),
    [
        ({}, 7200, "with tasks of 7200 s a message is unacknowledged for up to 36000 s"),
        ({"prefetch": 0}, 60, "a message is unacknowledged without a bound"),
        ({**PREFORK, **arguments("--time-limit=7200")}, 0, "for up to 36000 s"),
        ({**PREFORK, **arguments("--soft-time-limit", "7200")}, 60, "for up to 36000 s"),
        # It waits behind one, and is acknowledged when it has ended.
        ({"prefetch": 1}, 10801, "for up to 21602 s"),
        ({"prefetch": 1}, 10800, None),
        ({}, 0, None),
        ({"prefetch": 0}, 0, None),
        ({**PREFORK, **arguments("--time-limit=60")}, 7200, None),
    ],
)
def test_messages_that_wait_longer_than_the_broker_allows_are_a_warning(changes, seconds, words):
    result = found([{**CLASS, **changes}], task_seconds=seconds, consumer_timeout_seconds=21600)
    assert result["problems"] == []
    assert [words in text for text in result["warnings"]] == ([True] if words else [])
    assert found([{**CLASS, **changes}], task_seconds=seconds)["warnings"] == []


def test_a_number_that_is_none():
    with pytest.raises(AnsibleFilterError, match=r"worker\.concurrency is 'eight'"):
        found([{**CLASS, "concurrency": "eight"}])


def test_the_options_are_those_of_celery():
    worker = pytest.importorskip("celery.bin.worker", reason="Celery is not installed").worker
    known = {name: param.name for param in worker.params for name in param.opts}
    assert {name: option for name, option in plugin.NAMES.items() if option != "workdir"} == known
    flags = {param.name for param in worker.params if param.is_flag}
    assert {option for option, (_names, takes) in plugin.OPTIONS.items() if not takes} == flags
