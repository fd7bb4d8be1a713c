# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the units of the role celery and read them with a parser of their format."""

from __future__ import annotations

import base64
import fnmatch
import json
import re

import pytest
from tools import role_templates

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery import deviations, pool, turn, watch

UNITS = "etc/systemd/system/"
ROLE = role_templates.ROLES / "celery"
TEMPLATES = sorted(str(path.relative_to(ROLE / "templates")) for path in (ROLE / "templates").rglob("*.j2"))
SITE = {
    "ansible_facts": {"os_family": "Debian", "default_ipv4": {"address": "192.0.2.11"}},
    "inventory_hostname": "celery-1",
}
RELEASE = "/srv/galaxy-releases/current"
DESCRIPTION = f"{RELEASE}/release.json:/run/galaxy-release.json"


def classes(**values):
    return role_templates.evaluate("celery", "__celery_classes", SITE, **values)


def worker(position=0, **values):
    """Render the unit of one class, as the loop of the task does."""
    entry = classes(**values)[position]
    template = f"{UNITS}celery-galaxy-worker@.service.j2"
    return role_templates.render("celery", template, SITE, **values, __celery_class=entry)


def beat(**values):
    return role_templates.render("celery", f"{UNITS}celery-galaxy-beat.service.j2", SITE, **values)


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
    assert found["ExecStart"].endswith(" --task-events --without-gossip")
    assert (options(text)["--pool"], options(text)["--concurrency"]) == ("custom", "32")
    assert options(text)["--queues"] == "celery,galaxy.internal,galaxy.external"
    assert options(text)["--hostname"] == "worker-%i@celery-1"
    assert options(text)["--loglevel"] == "INFO"
    assert found["KillMode"] == "mixed"
    assert options(text)["--prefetch-multiplier"] == "4"
    assert (found["User"], found["Group"]) == ("galaxy", "galaxy")
    assert found["WorkingDirectory"] == "/srv/galaxy/server"
    assert found["ReadWritePaths"] == "/srv/galaxy/var /var/lib/celery-galaxy/tmp"
    assert found["StateDirectory"] == "celery-galaxy"
    assert found["ProtectSystem"] == "strict"


def test_environment_with_defaults():
    assert role_templates.unit_environment(worker()) == {
        "CELERY_CUSTOM_WORKER_POOL": "galaxy_celery.pool:ThreadPool",
        "GALAXY_CELERY_CONTROL_DIR": "/run/celery-galaxy",
        "GALAXY_CONFIG_FILE": "/srv/galaxy/server/config/galaxy.yml",
        "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_POOL_PRE_PING": "true",
        "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_POOL_SIZE": "32",
        "PATH": "/srv/galaxy/server/.venv/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONPATH": "/srv/galaxy/server/lib:/usr/local/lib/celery-galaxy",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": "/var/lib/celery-galaxy/tmp",
        "XDG_CACHE_HOME": "/var/lib/celery-galaxy/cache",
        "VIRTUAL_ENV": "/srv/galaxy/server/.venv",
    }


@pytest.mark.parametrize("template", [path for path in TEMPLATES if path != "celery-galaxy-common.j2"])
def test_nothing_on_a_host_is_named_by_another_instance(template):
    text = role_templates.render("celery", template, SITE, celery_instance="other", __celery_class=classes()[0])
    assert "celery-galaxy" not in text and "galaxy-celery" not in text


def test_names_come_from_one_place():
    paths = [path for part in ("tasks", "vars", "handlers") for path in (ROLE / part).rglob("*.yml")]
    lines = [line.split("#")[0] for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if "celery-galaxy" in line and not line.rstrip().endswith((".j2", ".j2')"))] == []


def units_of(instance):
    """All units of one instance, with a class that is called as another instance is."""
    values = {"celery_instance": instance, "celery_workers": [{"name": name} for name in ("worker", "galaxy", "test")]}
    names = ("__celery_worker_units", "[__celery_beat_unit, __celery_systemd_target]")
    return [unit for name in names for unit in role_templates.evaluate("celery", name, SITE, **values)]


def test_no_unit_is_taken_for_one_of_somebody_else():
    """By gravity, which deletes what it does not know, or by another instance on the host."""
    instances = ("galaxy", "galaxy_test", "g", "test")
    for instance in instances:
        others = [unit for other in instances if other != instance for unit in units_of(other)]
        pattern = role_templates.evaluate("celery", "__celery_worker_pattern", SITE, celery_instance=instance)
        own = fnmatch.filter(units_of(instance), pattern)
        assert len(own) == 3 and fnmatch.filter(others, pattern) == []
        assert fnmatch.filter(units_of(instance), "galaxy-*") == [] and set(units_of(instance)).isdisjoint(others)


@pytest.mark.parametrize("render", [worker, beat])
def test_what_is_written_can_be_read_by_whom_the_site_wants(render):
    assert [service(render(**values))["UMask"] for values in ({}, {"celery_umask": "0027"})] == ["022", "0027"]


def test_on_one_host_the_workers_stop_before_what_they_drain_with():
    """At a shutdown systemd stops in the reverse order; without one a drain would ask a broker that is gone."""
    after = " ".join(role_templates.unit_values(worker())["Unit"]["After"]).split()
    assert {"docker.service", "traefik.service", "postgresql.service", "network-online.target"} <= set(after)


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
                "prefetch": 1,
                "extra_arguments": ["--without-mingle", "-Ofair"],
                "environment": {"TMPDIR": "/data/tmp dir"},
            },
        ],
        "celery_environment": {"TMPDIR": "/tmp", "LANG": "C.UTF-8"},
        "celery_node_host": "node.example.org",
    }
    first, second = worker(0, **values), worker(1, **values)
    assert options(first)["--pool"] == options(second)["--pool"] == "custom"
    pools = [role_templates.unit_environment(text)["CELERY_CUSTOM_WORKER_POOL"] for text in (first, second)]
    assert pools == ["galaxy_celery.pool:ProcessPool", "galaxy_celery.pool:ThreadPool"]
    assert options(first)["--queues"] == "celery,galaxy.internal"
    assert options(first)["--hostname"] == "internal-%i@node.example.org"
    assert options(second)["--loglevel"] == "DEBUG"
    assert service(second)["ExecStart"].endswith(" --task-events --without-gossip --without-mingle -Ofair")
    assert options(second)["--prefetch-multiplier"] == "1"
    pool_size = "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_POOL_SIZE"
    assert [role_templates.unit_environment(text)[pool_size] for text in (first, second)] == ["8", "2"]
    assert [role_templates.unit_environment(text)["TMPDIR"] for text in (first, second)] == ["/tmp", "/data/tmp dir"]
    assert role_templates.unit_environment(second)["LANG"] == "C.UTF-8"
    assert role_templates.evaluate("celery", "__celery_worker_units", SITE, **values) == [
        "celery-galaxy-internal@1.service",
        *[f"celery-galaxy-external@{number}.service" for number in (1, 2, 3)],
    ]
    nodes = role_templates.evaluate("celery", "__celery_worker_nodes", SITE, **values)
    assert nodes[-1] == "external-3@node.example.org"


def test_a_pool_that_the_environment_of_a_class_sets():
    option = "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_"
    classes_of_site = [
        {"name": "a", "concurrency": 8, "environment": {option + "POOL_SIZE": "4"}},
        {"name": "b", "concurrency": 2},
    ]
    values = {"celery_workers": classes_of_site, "celery_environment": {option + "MAX_OVERFLOW": "3"}}
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


@pytest.mark.parametrize("render", [worker, beat])
@pytest.mark.parametrize(("selinux", "prefix"), [("enabled", "/usr/bin/env "), ("disabled", "")])
def test_a_policy_lets_systemd_start_programs_of_the_system_only(render, selinux, prefix):
    text = render(ansible_facts={**SITE["ansible_facts"], "selinux": {"status": selinux}})
    assert service(text)["ExecStart"].startswith(f"{prefix}/srv/galaxy/server/.venv/bin/celery ")


@pytest.mark.parametrize("render", [worker, beat])
def test_galaxy_has_a_cache(render):
    assert role_templates.unit_environment(render())["XDG_CACHE_HOME"] == "/var/lib/celery-galaxy/cache"


def test_beat():
    text = beat(celery_environment={"LANG": "C.UTF-8"})
    found = service(text)
    command = "/srv/galaxy/server/.venv/bin/celery --app galaxy.celery beat"
    scheduler = "--scheduler galaxy_celery.beat:Scheduler --max-interval 20"
    schedule = "--schedule /var/lib/celery-galaxy/beat-schedule --pidfile="
    assert found["ExecStart"] == f"{command} {scheduler} {schedule} --loglevel INFO"
    # It feeds the watchdog once a round.
    assert (found["Type"], found["NotifyAccess"]) == ("notify", "main")
    assert int(found["WatchdogSec"]) >= 3 * 20
    assert found["Restart"] == "always"
    environment = role_templates.unit_environment(text)
    assert environment["GALAXY_CONFIG_FILE"] == "/srv/galaxy/server/config/galaxy.yml"
    assert environment["LANG"] == "C.UTF-8"
    assert role_templates.unit_values(text)["Service"]["BindReadOnlyPaths"][-1] == DESCRIPTION


def test_further_writable_directories():
    values = {
        "celery_writable_dirs": ["/data/objects", "/data/tmp"],
        "celery_tmp_dir": "/data/tmp",
        "galaxy_mutable_data_dir": "/data/var",
    }
    assert service(worker(**values))["ReadWritePaths"] == "/data/var /data/tmp /data/objects"


@pytest.mark.parametrize("text", [worker(), beat()], ids=["worker", "beat"])
def test_units_belong_to_the_target(text):
    unit = role_templates.unit_values(text)
    assert unit["Unit"]["PartOf"] == unit["Install"]["WantedBy"] == ["celery-galaxy.target"]


def test_target():
    text = role_templates.render("celery", f"{UNITS}celery-galaxy.target.j2", SITE)
    assert role_templates.unit_values(text)["Install"]["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("text", [worker(), beat()], ids=["worker", "beat"])
def test_units_hold_no_url_and_no_empty_setting(text):
    assert not re.search(r"amqps?://", text)
    values = role_templates.unit_values(text)["Service"]
    # An empty set of capabilities is one.
    assert [key for key, found in values.items() if "" in found] == ["CapabilityBoundingSet"]


def test_environment_survives_systemd():
    """What systemd would read as an escape, the end of the value or a specifier is written so that it does not."""
    value = 'a "quoted" \\path at 100%h'
    assert role_templates.unit_environment(worker(celery_environment={"NOTE": value}))["NOTE"] == value


@pytest.mark.parametrize("choice", ["abort", "wait", "stop"])
def test_a_stop_waits_for_the_drain(choice):
    """The worker drains itself on SIGTERM, so systemd must wait for it."""
    text = worker(celery_drain_on_timeout=choice, celery_drain_timeout_seconds=100)
    found = service(text)
    assert "ExecStop" not in found
    assert found["TimeoutStopSec"] == ("160" if choice == "stop" else "infinity")
    given = role_templates.unit_environment(text).get("GALAXY_CELERY_DRAIN_SECONDS")
    assert given == ("100" if choice == "stop" else None)


def test_the_worker_itself_says_when_it_consumes_and_that_it_lives():
    found = service(worker())
    assert (found["Type"], found["NotifyAccess"]) == ("notify", "main")
    assert int(found["WatchdogSec"]) > 10 * watch.TICK_SECONDS
    # systemd must not give up before its broker is there.
    assert found["TimeoutStartSec"] == "infinity"
    assert "ExecStartPost" not in found


@pytest.mark.parametrize(("kind", "name"), [("threads", "ThreadPool"), ("prefork", "ProcessPool")])
def test_each_pool_is_one_that_the_package_has(kind, name):
    text = worker(celery_workers=[{"name": "worker", "pool": kind, "queues": ["galaxy.internal"]}])
    assert role_templates.unit_environment(text)["CELERY_CUSTOM_WORKER_POOL"] == f"galaxy_celery.pool:{name}"
    assert options(text)["--pool"] == "custom"
    assert hasattr(pool, name)


def test_each_part_can_be_celerys_own():
    choices = set(deviations.DEVIATIONS)
    assert "GALAXY_CELERY_STOCK" not in role_templates.unit_environment(worker())
    text = worker(celery_stock_parts=sorted(choices))
    assert set(role_templates.unit_environment(text)["GALAXY_CELERY_STOCK"].split(",")) == choices


def test_a_start_waits_for_its_turn_and_begins_without_one_too():
    text = worker(celery_ready_timeout_seconds=90)
    command = service(text)["ExecStartPre"]
    # The system's Python, and a failure of it keeps no worker from starting.
    assert command.startswith("-/usr/bin/python3 -m galaxy_celery.turn ")
    taken = turn.parse(command.split()[3:])
    assert (taken.directory, taken.unit, taken.others) == ("/run/celery-galaxy", "%n", "celery-galaxy-*@*.service")
    assert taken.seconds == 90
    found = service(text)
    assert (found["RuntimeDirectory"], found["RuntimeDirectoryPreserve"]) == ("celery-galaxy", "yes")


def test_memory():
    limited = {"celery_workers": [{"name": "worker", "memory_high_mb": 900, "memory_max_mb": 1000}]}
    found = service(worker(**limited, celery_beat_memory_max_mb=2000))
    assert (found["MemoryHigh"], found["MemoryMax"]) == ("900M", "1000M")
    assert service(beat(celery_beat_memory_max_mb=2000))["MemoryMax"] == "2000M"
    assert not {"MemoryHigh", "MemoryMax"} & (set(service(worker())) | set(service(beat())))


@pytest.mark.parametrize("render", [worker, beat])
@pytest.mark.parametrize(("version", "steps"), [(None, None), ("252", None), ("254", "6")])
def test_a_failed_start_is_tried_for_ever_and_slower_and_slower(render, version, steps):
    facts = {**SITE["ansible_facts"], **({"systemd": {"version": version}} if version else {})}
    text = render(ansible_facts=facts)
    found = service(text)
    assert role_templates.unit_values(text)["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert (found["Restart"], found["RestartSec"], found.get("RestartSteps")) == ("always", "5", steps)
    # What systemd cannot do, galaxy_celery.turn does.
    assert found.get("ExecStartPre", "").endswith(" --pause") == (steps is None)


def test_secrets_stand_in_a_file_of_their_own():
    value = 'mark "quoted" \\ $HOME 100%'
    values = {"celery_secret_environment": {"TOKEN": value}}
    for text in (worker(**values), beat(**values)):
        assert service(text)["EnvironmentFile"] == "/etc/celery-galaxy/secrets.env"
        assert "quoted" not in text
    text = role_templates.render("celery", "etc/celery-galaxy/secrets.env.j2", SITE, **values)
    (line,) = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert line == 'TOKEN="mark \\"quoted\\" \\\\ $HOME 100%"'
    # All units name the file, also when it holds nothing.
    assert service(worker())["EnvironmentFile"] == "/etc/celery-galaxy/secrets.env"


@pytest.mark.parametrize(("days", "age"), [(10, "10d"), (0, "-")])
def test_old_temporary_files_go(days, age):
    values = {"celery_tmp_dir": "/scratch/galaxy", "celery_tmp_max_age_days": days}
    text = role_templates.render("celery", "etc/tmpfiles.d/celery-galaxy.conf.j2", SITE, **values)
    assert text.splitlines()[-1].split() == ["d", "/scratch/galaxy", "0700", "galaxy", "galaxy", age]


@pytest.mark.parametrize("render", [worker, beat])
def test_units_wait_for_their_mounts(render):
    text = render(celery_writable_dirs=["/data/objects"], celery_tmp_dir="/scratch")
    unit = role_templates.unit_values(text)["Unit"]
    mounts = unit["RequiresMountsFor"][0].split()
    assert {RELEASE, "/srv/galaxy/server", "/srv/galaxy/var", "/data/objects", "/scratch"} <= set(mounts)
    assert "network-online.target" in unit["After"][0]


@pytest.mark.parametrize(("root", "home"), [("/srv/galaxy", "true"), ("/home/galaxy/galaxy", "read-only")])
def test_galaxy_below_a_home_directory_is_seen(root, home):
    assert service(worker(galaxy_root=root))["ProtectHome"] == home


def test_a_first_task_has_the_time_of_a_start_too():
    """Galaxy's app is built with it; a site that gives a slow one more time to start gives it to the proofs too."""
    values = {"celery_ready_timeout_seconds": 900, "celery_probe_timeout_seconds": 60}
    assert int(role_templates.evaluate("celery", "__celery_first_task_seconds", SITE, **values)) == 960
    for name in ("restart/canary", "verify_tasks"):
        text = (role_templates.ROLES / f"celery/tasks/{name}.yml").read_text(encoding="utf-8")
        assert 'timeout_seconds: "{{ __celery_first_task_seconds | int }}"' in text


@pytest.mark.parametrize("managed", ["by root on 2026-11-30 14:00:00", "by admin on 2026-12-01 09:30:00"])
def test_no_file_has_who_ran_ansible_and_when(managed):
    """ansible_managed is the site's own, and with a date in it each run would restart everything."""
    found = [
        str(path)
        for path in sorted(role_templates.ROLES.glob("*/templates/**/*.j2"))
        if "ansible_managed" in path.read_text(encoding="utf-8")
    ]
    assert found == []
    assert worker(ansible_managed=managed) == worker()


def found(*names):
    return {"files": [{"path": f"/etc/systemd/system/{name}"} for name in names]}


@pytest.mark.parametrize(
    ("gravitys", "ours", "words"),
    [
        ([], ["galaxy-celery-beat.service"], []),
        (["galaxy-gunicorn.service"], [], []),
        (["galaxy-gunicorn.service"], ["galaxy-celery-beat.service"], ["delete galaxy-celery-beat.service"]),
        (["galaxy-gunicorn.service", "galaxy-celery.service"], [], ["gravity runs galaxy-celery.service beside"]),
    ],
)
def test_a_gravity_that_deletes_units_or_runs_workers_is_named(gravitys, ours, words):
    values = {"__celery_gravity": found(*gravitys), "__celery_gravity_deletes": found(*ours)}
    problems = role_templates.evaluate("celery", "__celery_gravity_problems", SITE, **values)
    assert len(problems) == len(words)
    assert all(word in problem and "Remedy: " in problem for word, problem in zip(words, problems))


def test_no_unit_of_the_role_has_a_name_of_gravitys():
    """gravity deletes each galaxy-*.service that it does not know."""
    instances = role_templates.evaluate("celery", "__celery_worker_units + [__celery_beat_unit]", SITE)
    assert instances and not any(name.startswith("galaxy-") for name in instances)


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({}, ["galaxy.internal"]),
        (None, ["galaxy.internal"]),
        (
            {"task_routes": {"galaxy.fetch_data": "disabled", "galaxy.export": "galaxy.export"}},
            ["galaxy.internal", "galaxy.export"],
        ),
        ({"task_routes": {"a": {"queue": "one"}, "b": {"priority": 3}}, "task_default_queue": "main"}, ["main", "one"]),
        ({"task_routes": {"a": "theirs", "b": "theirs.too"}}, ["galaxy.internal", "theirs.too"]),
    ],
)
def test_the_queues_that_need_a_consumer(conf, expected):
    """A route of Galaxy's may be disabled, lead to workers of others, or say something else than a queue."""
    text = json.dumps({"galaxy": {"celery_conf": conf}})
    content = {"content": base64.b64encode(text.encode()).decode()}
    given = {"__celery_config_content": content, "galaxy_celery_other_queues": ["theirs"]}
    assert role_templates.evaluate("celery", "__celery_needed_queues", SITE, **given) == expected
