# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory that init makes of what was found on Galaxy's host."""

from __future__ import annotations

import json

import pytest
import yaml

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils import _init_inventory as init

HOST = "galaxy.example.org"


def facts(**found):
    """What galaxy_site_info found, each from a place called `there`."""
    usual = {
        "server_dir": "/srv/galaxy/server",
        "config_file": "/srv/galaxy/config/galaxy.yml",
        "user": "galaxy",
        "data_dir": "/data",
    }
    return init.Facts(HOST, {name: {"value": value, "origin": "there"} for name, value in {**usual, **found}.items()})


DATABASE = {"host": "db.example.org", "port": 5433, "name": "main", "user": "gx"}
BROKER = {"host": "mq.example.org", "port": 5671, "vhost": "main", "user": "galaxy", "tls": True}


def read(known, answers=None):
    """The hosts and the variables of the inventory, as YAML."""
    texts = init.files(known, answers or {})
    return yaml.safe_load(texts[init.HOSTS]), yaml.safe_load(texts[init.VARIABLES]), yaml.safe_load(texts[init.VAULT])


def test_one_host_is_proposed_for_everything():
    hosts, variables, vault = read(facts())
    assert {name: list(group["hosts"]) for name, group in hosts.items()} == {name: [HOST] for name in hosts}
    assert {"galaxyservers", "celeryservers", "rabbitmqservers", "traefikservers", "dbservers", "flowerservers"} == set(
        hosts
    )
    assert variables["galaxy_server_dir"] == "/srv/galaxy/server"
    assert variables["galaxy_amqp_host"] == HOST
    assert variables["rabbitmq_management_host"] != HOST
    assert {f"vault_{name}" for name in init.SECRETS} == set(vault)


def test_answers_and_what_was_found_are_in_the_inventory():
    answers = {
        "init_workers": "w1, w2",
        "init_broker": "mq02",
        "init_broker_name": "mq.example.org",
        "init_monitor": "none",
        "init_database": "db",
    }
    hosts, variables, _vault = read(
        facts(database=DATABASE, broker=BROKER, writable_dirs=["/data/a"], url="https://g"), answers
    )
    assert list(hosts["celeryservers"]["hosts"]) == ["w1", "w2"]
    assert list(hosts["dbservers"]["hosts"]) == ["db"]
    assert "flowerservers" not in hosts
    assert variables["galaxy_amqp_host"] == "mq.example.org"
    assert variables["rabbitmq_management_host"] == "mq02"
    assert variables["galaxy_amqp_vhost"] == "main"
    assert variables["celery_writable_dirs"] == ["/data/a"]
    assert variables["postgresql_access_port"] == 5433
    assert variables["postgresql_access_role"] == "gx"


def test_what_was_proposed_is_marked_and_what_was_found_says_where():
    text = init.files(facts(), {"init_broker_name": "mq.example.org"})[init.VARIABLES]
    lines = text.splitlines()
    pairs = zip(lines, lines[1:])
    comment = {line.partition(":")[0]: above for above, line in pairs if not line.startswith("#")}
    assert comment["galaxy_server_dir"] == "# found: there"
    assert comment["galaxy_amqp_host"].startswith("# public name")
    assert comment["traefik_certificate_source"].startswith("# CHECK: ")


@pytest.mark.parametrize(
    ("known", "names"),
    [
        ({}, ["init_workers", "init_broker", "init_broker_name", "init_monitor"]),
        ({"database": DATABASE}, ["init_workers", "init_broker", "init_broker_name", "init_monitor", "init_database"]),
        (
            {"database": {**DATABASE, "host": "/run/postgresql"}},
            ["init_workers", "init_broker", "init_broker_name", "init_monitor"],
        ),
    ],
)
def test_at_most_five_questions_each_with_a_proposal(known, names):
    asked = init.questions(facts(**known))
    assert [question.name for question in asked] == names
    assert all(question.proposal for question in asked)


def test_the_proposals_come_from_what_was_found():
    proposals = {
        question.name: question.proposal for question in init.questions(facts(database=DATABASE, broker=BROKER))
    }
    assert proposals["init_database"] == "db.example.org"
    assert proposals["init_broker_name"] == "mq.example.org"


def test_each_secret_is_new_and_fits_everywhere():
    first, second = (yaml.safe_load(init.vault_text()) for _time in range(2))
    assert not set(first.values()) & set(second.values())
    assert len(set(first.values())) == len(first)
    assert all(value.isalnum() and len(value) >= 32 for value in first.values())


def test_a_web_server_keeps_its_port():
    assert read(facts(web_server="nginx"))[1]["traefik_websecure_address"] == ":8443"
    assert "traefik_websecure_address" not in read(facts(web_server="nginx"), {"init_broker": "mq"})[1]


def test_a_socket_names_no_role():
    variables = read(facts(database={**DATABASE, "host": "", "user": ""}))[1]
    assert "postgresql_access_role" not in variables


def test_a_galaxy_yml_that_ansible_writes_is_left_to_it():
    assert read(facts(managed_by_ansible=True))[1]["galaxy_celery_config_enabled"] is False


def test_what_has_changed_since():
    record = init.record_text(facts(user="galaxy", web_server="nginx"))
    assert init.changes(facts(user="galaxy", web_server="nginx"), record) == []
    assert init.changes(facts(user="gx", url="https://g"), record) == [
        'url is new: "https://g"',
        'user changed: "galaxy" -> "gx"',
        'web_server changed: "nginx" -> not found any more',
    ]


@pytest.mark.parametrize(
    ("record", "words"),
    [("{", "cannot be read"), ("[]", "cannot be read"), (json.dumps({"host": "b", "found": {}}), "was made from b")],
)
def test_a_record_that_does_not_fit_is_told(record, words):
    (said,) = init.changes(facts(), record)
    assert words in said
    assert "Remedy:" in said


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"gravity_celery": True}, "set gravity.celery.enable"),
        ({}, "/data is on a local disk"),
        ({"traefik": True}, "A Traefik of your own"),
    ],
)
def test_what_is_to_be_done_at_the_site_is_told(known, words):
    assert any(words in said for said in init.findings(facts(**known), []))


def test_the_next_steps():
    steps = init.next_steps(facts(), "inventory", False, 3)
    assert steps[0] == "Read the 3 lines that are marked CHECK: grep -rn CHECK inventory"
    assert "ansible-vault encrypt inventory/group_vars/all/vault.yml" in steps[1]
    assert steps[-1].endswith("usegalaxy_eu.celery.verify")
    steps = init.next_steps(facts(older_units=["flower.service"]), "inventory", True, 0)
    assert any("migrate" in step for step in steps)
