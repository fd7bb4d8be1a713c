# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the units of the role celery and read them with a parser of their format."""

from __future__ import annotations

import re

import pytest
from tools import role_templates

UNITS = "etc/systemd/system/"
SITE = {
    "ansible_facts": {"os_family": "Debian", "default_ipv4": {"address": "192.0.2.11"}},
    "ansible_managed": "Ansible managed",
    "inventory_hostname": "celery-1",
}
RELEASE = "/srv/galaxy-releases/current"
DESCRIPTION = f"{RELEASE}/release.json:/run/galaxy-release.json"


def classes(**values):
    return role_templates.evaluate("celery", "__celery_classes", SITE, **values)


def worker(position=0, **values):
    """Render the unit of one class, as the loop of the task does."""
    entry = classes(**values)[position]
    template = f"{UNITS}galaxy-celery-worker@.service.j2"
    return role_templates.render("celery", template, SITE, **values, __celery_class=entry)


def beat(**values):
    return role_templates.render("celery", f"{UNITS}galaxy-celery-beat.service.j2", SITE, **values)


def service(text):
    """The settings of [Service] that stand there once, as text."""
    return {key: " ".join(values) for key, values in role_templates.unit_values(text)["Service"].items()}


def options(text):
    """The options of the command line of a worker, by name."""
    words = service(text)["ExecStart"].split()
    return {word: words[place + 1] for place, word in enumerate(words[:-1]) if word.startswith("--")}


def test_worker_with_defaults():
    text = worker()
    found = service(text)
    assert found["ExecStart"].startswith("/srv/galaxy/server/.venv/bin/celery --app galaxy.celery worker --pool ")
    assert found["ExecStart"].endswith(" --task-events")
    assert (options(text)["--pool"], options(text)["--concurrency"]) == ("threads", "32")
    assert options(text)["--queues"] == "celery,galaxy.internal,galaxy.external"
    assert options(text)["--hostname"] == "worker-%i@celery-1"
    assert options(text)["--loglevel"] == "INFO"
    assert found["KillMode"] == "mixed"
    assert found["TimeoutStopSec"] == "3600"
    assert (found["User"], found["Group"]) == ("galaxy", "galaxy")
    assert found["WorkingDirectory"] == "/srv/galaxy/server"
    assert found["ReadWritePaths"] == "/srv/galaxy/var"
    assert found["StateDirectory"] == "galaxy-celery"
    assert found["ProtectSystem"] == "strict"


def test_environment_with_defaults():
    assert role_templates.unit_environment(worker()) == {
        "GALAXY_CONFIG_FILE": "/srv/galaxy/server/config/galaxy.yml",
        "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_POOL_SIZE": "32",
        "PATH": "/srv/galaxy/server/.venv/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": "/srv/galaxy/server/lib",
        "PYTHONUNBUFFERED": "1",
        "VIRTUAL_ENV": "/srv/galaxy/server/.venv",
    }


def test_two_classes():
    values = {
        "celery_workers": [
            {"name": "internal", "queues": ["celery", "galaxy.internal"], "pool": "prefork", "concurrency": 8},
            {
                "name": "external",
                "queues": ["galaxy.external"],
                "concurrency": 2,
                "instances": 3,
                "log_level": "DEBUG",
                "extra_arguments": ["--prefetch-multiplier", "1"],
                "environment": {"TMPDIR": "/data/tmp dir"},
            },
        ],
        "celery_environment": {"TMPDIR": "/tmp", "LANG": "C.UTF-8"},
        "celery_node_host": "node.example.org",
    }
    first, second = worker(0, **values), worker(1, **values)
    assert options(first)["--pool"] == "prefork"
    assert options(first)["--queues"] == "celery,galaxy.internal"
    assert options(first)["--hostname"] == "internal-%i@node.example.org"
    assert options(second)["--pool"] == "threads"
    assert options(second)["--loglevel"] == "DEBUG"
    assert service(second)["ExecStart"].endswith(" --task-events --prefetch-multiplier 1")
    pool_size = "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_POOL_SIZE"
    assert [role_templates.unit_environment(text)[pool_size] for text in (first, second)] == ["8", "2"]
    assert [role_templates.unit_environment(text)["TMPDIR"] for text in (first, second)] == ["/tmp", "/data/tmp dir"]
    assert role_templates.unit_environment(second)["LANG"] == "C.UTF-8"
    assert role_templates.evaluate("celery", "__celery_worker_units", SITE, **values) == [
        "galaxy-celery-internal@1.service",
        *[f"galaxy-celery-external@{number}.service" for number in (1, 2, 3)],
    ]
    nodes = role_templates.evaluate("celery", "__celery_worker_nodes", SITE, **values)
    assert nodes[-1] == "external-3@node.example.org"


@pytest.mark.parametrize(
    ("classes_of_site", "processes"),
    [
        ([{"name": "worker"}], [(32, 32)]),
        (
            [{"name": "worker", "concurrency": 8, "instances": 2}, {"name": "external", "concurrency": 2}],
            [(8, 8), (8, 8), (2, 2)],
        ),
        ([{"name": "worker", "pool": "prefork", "concurrency": 3, "instances": 2}], [(1, 3)] * 6),
        (
            [{"name": "a", "pool": "prefork", "concurrency": 2}, {"name": "b", "concurrency": 4}],
            [(1, 2), (1, 2), (4, 4)],
        ),
    ],
)
def test_threads_and_pool_of_each_process(classes_of_site, processes):
    """What the budget of database connections is made from."""
    assert role_templates.evaluate("celery", "__celery_processes", SITE, celery_workers=classes_of_site) == [
        {"threads": threads, "pool_size": pool_size} for threads, pool_size in processes
    ]


def test_a_pool_that_the_environment_of_a_class_sets():
    option = "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_"
    classes_of_site = [
        {"name": "a", "concurrency": 8, "environment": {option + "POOL_SIZE": "4"}},
        {"name": "b", "concurrency": 2},
    ]
    values = {"celery_workers": classes_of_site, "celery_environment": {option + "MAX_OVERFLOW": "3"}}
    assert role_templates.evaluate("celery", "__celery_processes", SITE, **values) == [
        {"threads": 8, "pool_size": 4, "max_overflow": 3},
        {"threads": 2, "pool_size": 2, "max_overflow": 3},
    ]
    # And so the unit has it.
    assert role_templates.unit_environment(worker(**values))[option + "POOL_SIZE"] == "4"


def test_paths_inside_another_one_need_no_mount():
    """The virtual environment and the configuration stand below the server's directory."""
    assert role_templates.unit_values(worker())["Service"]["BindReadOnlyPaths"] == [
        f"{RELEASE}/srv/galaxy/server:/srv/galaxy/server",
        DESCRIPTION,
    ]


@pytest.mark.parametrize("render", [worker, beat])
def test_paths_of_their_own_are_bound_each(render):
    text = render(
        galaxy_root="/g",
        galaxy_venv_dir="/g/venv",
        galaxy_config_dir="/g/server-config",  # begins as /g/server does and is not inside of it
        galaxy_sync_extra_paths=["/g/tools", "/g/tools/local"],
        galaxy_sync_releases_dir="/r",
    )
    assert role_templates.unit_values(text)["Service"]["BindReadOnlyPaths"] == [
        *[f"/r/current{path}:{path}" for path in ("/g/server", "/g/venv", "/g/server-config", "/g/tools")],
        "/r/current/release.json:/run/galaxy-release.json",
    ]
    found = service(text)
    assert found["ExecStart"].startswith("/g/venv/bin/celery ")
    assert role_templates.unit_environment(text)["GALAXY_CONFIG_FILE"] == "/g/server-config/galaxy.yml"


@pytest.mark.parametrize("values", [{"celery_release_link": ""}, {"galaxy_sync_method": "none"}])
@pytest.mark.parametrize("render", [worker, beat])
def test_no_bind_without_releases(render, values):
    text = render(**values)
    assert "BindReadOnlyPaths" not in text
    assert service(text)["ExecStart"].startswith("/srv/galaxy/server/.venv/bin/celery ")


def test_beat():
    text = beat(celery_environment={"LANG": "C.UTF-8"})
    found = service(text)
    command = "/srv/galaxy/server/.venv/bin/celery --app galaxy.celery beat"
    schedule = "--schedule /var/lib/galaxy-celery/beat-schedule --pidfile="
    assert found["ExecStart"] == f"{command} {schedule} --loglevel INFO"
    assert found["Restart"] == "always"
    environment = role_templates.unit_environment(text)
    assert environment["GALAXY_CONFIG_FILE"] == "/srv/galaxy/server/config/galaxy.yml"
    assert environment["LANG"] == "C.UTF-8"
    assert role_templates.unit_values(text)["Service"]["BindReadOnlyPaths"][-1] == DESCRIPTION


def test_further_writable_directories():
    values = {"celery_writable_dirs": ["/data/objects", "/data/tmp"], "galaxy_mutable_data_dir": "/data/var"}
    assert service(worker(**values))["ReadWritePaths"] == "/data/var /data/objects /data/tmp"


@pytest.mark.parametrize("text", [worker(), beat()], ids=["worker", "beat"])
def test_units_belong_to_the_target(text):
    unit = role_templates.unit_values(text)
    assert unit["Unit"]["PartOf"] == unit["Install"]["WantedBy"] == ["galaxy-celery.target"]


def test_target():
    text = role_templates.render("celery", f"{UNITS}galaxy-celery.target.j2", SITE)
    assert role_templates.unit_values(text)["Install"]["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("text", [worker(), beat()], ids=["worker", "beat"])
def test_units_hold_no_url_and_no_empty_setting(text):
    assert not re.search(r"amqps?://", text)
    values = role_templates.unit_values(text)["Service"]
    assert [key for key, found in values.items() if "" in found] == []


def test_environment_survives_systemd():
    """What systemd would read as an escape, the end of the value or a specifier is written so that it does not."""
    value = 'a "quoted" \\path at 100%h'
    assert role_templates.unit_environment(worker(celery_environment={"NOTE": value}))["NOTE"] == value
