# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wrong variable stops the playbooks before any host is changed, and the message says which and what to do.

site.yml runs in check mode, and only with a variable that stops it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tools.preflight_site import (
    HOSTS,
    MARKS,
    NAMES,
    PAST_PREFLIGHT,
    PREFLIGHT,
    PREFLIGHT_PLAYS,
    SITE,
    TLS_LISTENER,
    build_site,
    hold,
    snapshot,
)


@pytest.fixture
def site(tmp_path):
    """The site with a host for each group."""
    return build_site(tmp_path, {group: {name: {} for name in names} for group, names in HOSTS.items()})


def test_valid_variables_pass_and_nothing_is_changed(site, tmp_path):
    before = snapshot(tmp_path)
    outcome = site()
    assert outcome.code == 0, outcome.end
    assert sorted(outcome.hosts) == NAMES
    assert outcome.changed == 0
    assert {host["failures"] + host["unreachable"] for host in outcome.hosts.values()} == {0}
    assert {host["skipped"] + host["ok"] > 0 for host in outcome.hosts.values()} == {True}
    assert [mark for mark in MARKS if mark in outcome.output] == []
    changed = {path for path, time in snapshot(tmp_path).items() if before.get(path) != time}
    assert {Path(path).name for path in changed} == {"all.json", "record.json"}
    # Every role that site.yml runs has had its preflight.
    roles = set(re.findall(r"role: usegalaxy_eu\.celery\.(\w+)", "".join(
        path.read_text() for path in SITE.parent.glob("stack/*.yml"))))  # fmt: skip
    assert {f"Run the preflight of {role}" for role in roles} <= set(outcome.tasks)


# The variable, a word of the remedy.
MISSING = {
    "galaxy_amqp_host": "set galaxy_amqp_host to the public name of the broker",
    "galaxy_amqp_password": "Remedy: define galaxy_amqp_password",
    "rabbitmq_admin_password": "Put rabbitmq_admin_password into the vault",
    "rabbitmq_erlang_cookie": "Put rabbitmq_erlang_cookie",
    "flower_password": "put flower_password",
    "flower_amqp_password": "Remedy: put flower_amqp_password into the vault",
    "traefik_certificate": "Remedy: set traefik_certificate to the PEM text",
    "traefik_private_key": "Remedy: put traefik_private_key",
    "telegraf_influxdb_url": "Remedy: set it, or set telegraf_influxdb_enabled to false",
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_variable(site, name):
    hold(site(without=[name]), name, MISSING[name])


# What only the playbooks can see; what a role sees by itself is in test_wrong_inputs.py, but for one row.
WRONG = {
    "a mistyped name": (
        {"celery_worker": [{"name": "worker"}]},
        ["celery_worker is not a variable of the role celery", "Did you mean celery_workers?"],
    ),
    # The group of beat becomes that of Galaxy, which has no workers.
    "a beat that is no worker": (
        {"celerybeat_group": "galaxyservers"},
        ["Beat would run on galaxy, which is no host of workers", "Remedy: put a host of the workers"],
    ),
    "a TLS listener on Traefik's port": (
        {**TLS_LISTENER, "rabbitmq_tls_port": 5671},
        ["rabbitmq_tls_port is 5671 on mq, but Traefik listens on :5671 there", "for example 5673"],
    ),
    "passthrough to a broker without TLS": (
        {"traefik_broker_mode": "passthrough"},
        ["rabbitmq_tls_enabled is false on mq", "traefik_broker_mode is passthrough", "to terminate"],
    ),
    # The group of the brokers becomes that of the databases: another host than Traefik's.
    "a broker without TLS on another host": (
        {"rabbitmqservers_group": "dbservers"},
        ["rabbitmq_tls_enabled is false on db", "Traefik is on another host, mq", "rabbitmq_certificate"],
    ),
    "a broker on another host that listens on loopback": (
        {"rabbitmqservers_group": "dbservers", **TLS_LISTENER},
        ["rabbitmq_tls_address is 127.0.0.1 on db", "Traefik on mq does not reach it", "or to 0.0.0.0"],
    ),
    # The addresses that a worker has come from its facts.
    "an address that the worker does not have": (
        {"celery_source_address": "10.118.169.17"},
        ["celery-1: '10.118.169.17' does not belong to celery-1", "Probably '100.118.169.17'", "celery_source_address"],
    ),
    # The list of consumed queues, and whether workers are elsewhere, come from the inventory.
    "a queue that no class consumes": (
        {"celery_workers": [{"name": "worker", "queues": ["celery", "galaxy.internal"]}]},
        ["galaxy_celery_task_routes", "sends galaxy.fetch_data to galaxy.external", "in celery_workers"],
    ),
    "results in a file, with workers elsewhere": (
        {"galaxy_celery_result_backend": "db+sqlite:////srv/results.sqlite"},
        ["galaxy_celery_result_backend", "is a file, a socket or memory of one host"],
    ),
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_variable(site, change):
    values, words = WRONG[change]
    hold(site(change=values), *words)


def test_a_database_that_a_worker_does_not_resolve(site):
    """Galaxy's configuration names it, and the address of a worker is measured towards it."""
    hold(
        site(without=["celery_source_address"]),
        "celery-1 cannot find its source address to the database: db.example.invalid cannot be resolved here",
        "Remedy: name the database's host in Galaxy's database_connection",
        "celery_source_address",
    )


LOOPBACK = {"postgresql_access_server_host": "127.0.0.1"}


def test_a_database_on_loopback_of_another_host(site):
    outcome = site(without=["celery_source_address"], change=LOOPBACK)
    hold(outcome, "celery-1: '127.0.0.1' is loopback", "the database is not on celery-1", "as the workers reach it")


@pytest.mark.parametrize("given", [{}, {"celery_source_address": "127.0.0.1"}])
def test_a_database_on_the_workers_own_host(site, given):
    values = {**LOOPBACK, "dbservers_group": "celeryservers", **given}
    outcome = site(PREFLIGHT, "--check", change=values, without={"celery_source_address"} - set(given))
    assert outcome.code == 0, outcome.end
    assert outcome.changed == 0


@pytest.fixture
def two(tmp_path):
    """The site with two workers."""
    hosts = {**HOSTS, "celeryservers": ["celery-1", "celery-2"], "celerybeat": ["celery-1"]}
    return build_site(tmp_path, {group: {name: {} for name in names} for group, names in hosts.items()})


# Both have the same fake facts, and so the same address, which only a later play refuses.
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"celery_node_host": "celery"},
            ["The node worker-1@celery would run on celery-1 and celery-2", "Remedy: give celery_node_host"],
        ),
        (
            {"celerybeat_group": "celeryservers"},
            ["2 hosts would run beat (celery-1, celery-2)", "Remedy: have exactly one host in the group celerybeat"],
        ),
    ],
)
def test_two_workers_in_each_others_way(two, change, words):
    hold(two(change=change), *words)


ADD, REMOVE = SITE.with_name("add_worker.yml"), SITE.with_name("remove_worker.yml")
# Of the site with two workers, where beat is on the first one: the playbook, -e, words of the message.
NAMED = {
    "nobody to add": (ADD, [], ['worker is "not set"', "-e worker=NAME"]),
    "nobody to remove": (REMOVE, ["worker="], ['worker is "not set"', "-e worker=NAME"]),
    "a stranger to add": (
        ADD,
        ["worker=celery-9"],
        ['worker is "celery-9"', "celery-9 is no host of this inventory", "the group has celery-1, celery-2"],
    ),
    "a stranger among others to remove": (
        REMOVE,
        ["worker=celery-2,celery-9"],
        ['worker is "celery-2,celery-9"', "celery-9 is no host of this inventory", "also to remove it"],
    ),
    "a host of another group to add": (
        ADD,
        ["worker=galaxy"],
        ["galaxy is not in the group celeryservers", "or put the host into the group"],
    ),
    "a host of another group to remove": (REMOVE, ["worker=mq"], ["mq is not in the group celeryservers"]),
    "all workers to remove": (
        REMOVE,
        ['{"worker": ["celery-1", "celery-2"]}'],
        ['worker is ["celery-1", "celery-2"]', "no other host is in the group celeryservers", "another worker first"],
    ),
    "the only host of beat's group": (
        REMOVE,
        ["worker=celery-1"],
        ["worker is \"celery-1\", where beat runs", "the group celerybeat has no other host", "or leave the group out"],
    ),
    "a dead host with another part": (
        REMOVE,
        ["worker=celery-2", "worker_gone=true"],
        ["worker_gone is true, but celery-2 is in the group flowerservers too", "give its part to another host"],
    ),
    "the last consumer of a queue": (
        REMOVE,
        ["worker=celery-2"],
        ["galaxy_celery_task_routes", "sends galaxy.fetch_data to galaxy.external", "in celery_workers"],
    ),
}


@pytest.mark.parametrize("wrong", NAMED)
def test_a_worker_that_can_not_be_added_or_removed(tmp_path, wrong):
    playbook, given, words = NAMED[wrong]
    hosts = {group: {name: {} for name in names} for group, names in HOSTS.items()}
    hosts["celeryservers"] = {
        "celery-1": {"celery_workers": [{"name": "worker", "queues": ["galaxy.internal"]}]},
        "celery-2": {"celery_workers": [{"name": "other"}]},
    }
    hosts["celerybeat"] = {"celery-1": {}}
    hosts["flowerservers"]["celery-2"] = {}
    run = build_site(tmp_path, hosts)
    hold(run(playbook, *[argument for text in given for argument in ("-e", text)]), *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"celery_workers": [{"name": "worker"}, {"name": "spare", "queues": ["galaxy.spare"]}]},
            "WARNING: celery_workers: the class spare consumes galaxy.spare, and no task is routed there.",
        ),
        (
            {"rabbitmq_consumer_timeout_seconds": 600},
            "WARNING: celery_workers: the class worker has prefetch 4",
        ),
    ],
)
def test_a_doubtful_variable_is_warned_of(site, change, words):
    outcome = site(change=change)
    assert outcome.code == 0, outcome.end
    assert words in outcome.output
    assert outcome.changed == 0
    assert "WARNING: celery_workers" not in site().output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        # The role that is checked first, and the one that is checked last.
        ({"change": WRONG["a mistyped name"][0]}, WRONG["a mistyped name"][1]),
        ({"without": ["telegraf_influxdb_url"]}, ["telegraf_influxdb_url", MISSING["telegraf_influxdb_url"]]),
    ],
)
def test_site_stops_before_its_first_role(site, options, words):
    outcome = site(SITE, "--check", **options)
    hold(outcome, *words)
    # The plays of preflight.yml, and none of those that follow.
    assert [play for play in outcome.plays if not play.startswith(PREFLIGHT_PLAYS)] == []
    files = r"preflight(_\w+)?|older_names \| preflight|account|gravity|free_ports|become_user|derive"
    checks = rf"([\w.]+ : )?(({files}) \| |Validating arguments against )"
    plan = "Ask the kernel for the addresses |Make the plan of the stack|Keep the values for this host"
    stack = "Run the preflight of |Check how Traefik reaches |Check that the workers |Check that it is known whom |"
    stack += "Check that the way is known"
    groups = "Look which hosts the stack has|Give them the groups that the plays are for"
    known = re.compile(f"{groups}|Gather facts|Say what is missing|{plan}|{stack}|{checks}")
    assert [task for task in outcome.tasks if not known.match(task)] == []


# Those that check several roles first. The others begin with the preflight of the one role that they run; uninstall
# asks the hosts what is there, so that an inventory which has become wrong does not keep it.
PLAYBOOKS = sorted(
    path.stem
    for path in SITE.parent.glob("*.yml")
    if path.stem not in ("backup", "check", "galaxy_fragment", "init", "restore", "uninstall")
)


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_every_playbook_checks_first(two, name):
    values, words = WRONG["a mistyped name"]
    outcome = two(SITE.with_name(f"{name}.yml"), "--check", "-e", "worker=celery-2", change=values)
    hold(outcome, *words)
    assert [play for play in outcome.plays if not play.startswith(PREFLIGHT_PLAYS)] == []


def test_a_host_that_is_away_ends_the_run_before_any_change(tmp_path):
    hosts = {group: {name: {} for name in names} for group, names in HOSTS.items()}
    hosts["celeryservers"]["celery-2"] = {"ansible_connection": "ssh", "ansible_host": "nowhere.invalid"}
    site = build_site(tmp_path, hosts)
    after = {"name": "Change it", "ansible.builtin.debug": {}}
    play = {"name": "Check the variables of what would follow", "hosts": "all", "gather_facts": False, "tasks": [after]}
    followed = tmp_path / "followed.yml"
    followed.write_text(json.dumps([{"name": "Check", "ansible.builtin.import_playbook": str(PREFLIGHT)}, play]))
    outcome = site(followed)
    assert outcome.code == 4, outcome.end
    assert [name for name, host in outcome.hosts.items() if host["unreachable"]] == ["celery-2"]
    assert "nowhere.invalid" in outcome.output
    groups = ["Look which hosts the stack has", "Give them the groups that the plays are for"]
    assert outcome.tasks == [*groups, "Gather facts", "Say what is missing"]
    refused = "Another host could not be reached, so nothing is done on"
    assert sorted(outcome.messages.values()) == [f"{refused} {name}." for name in NAMES]


def test_a_host_that_lets_nobody_become_root_says_what_to_do(site):
    # Another user than the one who runs the test, who may be root: Ansible asks no sudo for whom it is already.
    outcome = site(change={"ansible_become_user": "nobody", "ansible_become_exe": "no-such-sudo"})
    hold(outcome, "could not be asked as root", "no-such-sudo", "Remedy: connect as root", "-K")
    groups = ["Look which hosts the stack has", "Give them the groups that the plays are for"]
    assert outcome.tasks == [*groups, "Gather facts", "Say what is missing"]


def test_an_inventory_that_keeps_the_plays_from_root_is_refused(site):
    outcome = site(change={"ansible_become": False, "ansible_facts_modules": "fake_admin"})
    hold(outcome, "The tasks run as admin, who is not root. Remedy: set become: true")


def test_a_database_whose_user_nobody_can_become_is_refused(site):
    outcome = site(change={"postgresql_access_admin_user": "no-such-user", "ansible_become_exe": "no-such-sudo"})
    hold(outcome, "db runs no task as no-such-user", "no-such-sudo", "Remedy: let ", "acl")


def test_the_guard_of_these_tests_ends_a_run_that_gets_past_preflight(site, tmp_path):
    playbook = tmp_path / "other.yml"
    task = {"name": "Do it", "ansible.builtin.debug": {}}
    playbook.write_text(json.dumps([{"name": "Other", "hosts": "all", "gather_facts": False, "tasks": [task]}]))
    outcome = site(playbook)
    assert (outcome.code, outcome.plays, outcome.tasks) == (PAST_PREFLIGHT, ["Other"], [])
