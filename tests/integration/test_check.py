# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""check.yml lists every mistake of an inventory at once, and touches no host: these hosts are nowhere."""

from __future__ import annotations

import json

import pytest
from tools.preflight_site import (
    ANYWHERE,
    CHECK,
    HOSTS,
    SECRETS,
    TLS_LISTENER,
    build_site,
    inventory,
    pair,
    untouched,
)


def check(tmp_path, hosts=None, change=(), without=()):
    """Run check.yml on hosts that nobody can reach."""
    site = build_site(tmp_path, hosts or inventory())
    return site(CHECK, change={**ANYWHERE, **dict(change)}, without=without)


def test_a_right_inventory_passes_without_its_hosts(tmp_path):
    outcome = check(tmp_path)
    assert outcome.code == 0, outcome.end
    untouched(outcome)
    assert set(HOSTS["galaxyservers"] + HOSTS["celeryservers"]) <= set(outcome.hosts)


def test_hosts_that_were_asked_would_be_unreachable(tmp_path):
    """The proof of the proof: what the other tests call untouched would show."""
    site = build_site(tmp_path, inventory())
    ask = {"name": "Ask", "ansible.builtin.ping": {}}
    play = {"name": "Check the variables by asking", "hosts": "all", "gather_facts": False, "tasks": [ask]}
    (tmp_path / "ask.yml").write_text(json.dumps([play]))
    outcome = site(tmp_path / "ask.yml", change=ANYWHERE)
    assert outcome.code == 4, outcome.end
    assert all(host["unreachable"] for host in outcome.hosts.values())


# One mistake for each role and each thing that no role sees alone, all in one inventory: words of each message.
EVERYTHING = {
    "celery_worker": [],
    "celery_drain_timeout_seconds": 0,
    "galaxy_sync_keep": 0,
    "galaxy_sync_user": "root",
    "galaxy_celery_task_routes": {"galaxy.*": "galaxy.nobody"},
    "galaxy_amqp_port": "amqps",
    "rabbitmq_image": "rabbitmq",
    "rabbitmq_listen_address": "localhost",
    "traefik_internal_address": ":8080",
    "traefik_tls_min_version": "1.1",
    "postgresql_access_role": "all",
    "postgresql_access_networks": ["10.0.0.0/8"],
    "flower_address": "0.0.0.0",  # noqa: S104 what is refused
    "flower_max_tasks": 0,
    "telegraf_interval_seconds": 0,
    "telegraf_outputs": [],
    "flower_password": SECRETS["flower_amqp_password"],
    "telegraf_influxdb_password": "changeme1",
}
SAID = [
    "celery-1: celery_worker is not a variable of the role celery. Did you mean celery_workers?",
    "celery-1: celery_drain_timeout_seconds is 0. Remedy: give at least 1.",
    "celery-1: galaxy_sync_keep is 0. Remedy: give a whole number from 1 to 100.",
    "celery-1: galaxy_sync_user is root",
    "galaxy: galaxy_amqp_port is 'amqps'; expected a whole number",
    "mq: rabbitmq_image is rabbitmq, so another day would bring another broker. Remedy: end it with a tag",
    "mq: rabbitmq_listen_address is localhost",
    "mq: traefik_internal_address is :8080",
    "mq: traefik_tls_min_version is '1.1'",
    'db: "all" in postgresql_access_role',
    "db: postgresql_access_networks: '10.0.0.0/8' is wider than /16",
    'monitor: flower_address is "0.0.0.0"',
    "monitor: flower_max_tasks is 0",
    "monitor: telegraf_interval_seconds is 0",
    "monitor: telegraf_outputs is []; expected a dictionary",
    "flower_amqp_password and flower_password have the same value (not shown)",
    "telegraf_influxdb_password is a word that everybody tries first",
    "mq: rabbitmq_admin_password has no value: Put rabbitmq_admin_password into the vault",
]


def test_all_mistakes_are_listed_at_once(tmp_path):
    outcome = check(tmp_path, change=EVERYTHING, without=["rabbitmq_admin_password"])
    assert outcome.code == 2, outcome.end
    untouched(outcome)
    (message,) = outcome.messages.values()
    assert [words for words in SAID if words not in message] == [], message
    # One host tells all; each mistake once.
    assert [words for words in SAID if message.count(words) > 1] == []


OTHER = "mq02.example.org"
ALONE = {
    "a checksum that is an example": (
        {"traefik_install_method": "download", "traefik_download_checksum": "sha256:..."},
        None,
        ["traefik_download_checksum is sha256:..., which is no checksum"],
    ),
    "a misspelt name of galaxy_database_": (
        {"galaxy_database_pasword": "kqX7vR2pWb4T"},
        None,
        ["galaxy_database_pasword is not a variable", "Did you mean galaxy_database_password?"],
    ),
    "a group by another name": (
        {},
        {**inventory(dbservers=None), "postgresqlservers": {"db": {}}},
        ["has a group postgresqlservers, but no group dbservers"],
    ),
    "an empty address": ({"ansible_host": ""}, None, ["ansible_host is empty on", "or remove the line"]),
    "missing entries of the vault": (
        {
            "galaxy_amqp_password": "{{ vault_galaxy_amqp_password }}",
            "rabbitmq_admin_password": "{{ vault_rabbitmq_admin_password }}",
        },
        None,
        [
            "1 mistake in the inventory",
            "2 variables are not defined",
            "vault_galaxy_amqp_password (for",
            "or give the vault's password",
        ],
    ),
    "a group that is empty": (
        {},
        inventory(flowerservers=[]),
        ["The group flowerservers (flowerservers_group) has no host"],
    ),
    "a group that is misspelt": (
        {},
        inventory(celeryservers=None, celery_servers=["celery-1"]),
        ["has a group celery_servers, but no group celeryservers", "did you mean celeryservers?"],
    ),
    "no Galaxy": ({}, inventory(galaxyservers=None), ["no group galaxyservers (galaxyservers_group)"]),
    "a group by another name that is none": (
        {"telegrafservers_group": "metrics"},
        inventory(),
        ["no group metrics (telegrafservers_group)"],
    ),
    "several beats": (
        {"celerybeat_group": "celeryservers"},
        inventory(celeryservers=["celery-1", "celery-2"]),
        ["2 hosts would run beat (celery-1, celery-2)", "Remedy: have exactly one host in the group celerybeat"],
    ),
    "two workers of one name": (
        {"celery_node_host": "celery"},
        inventory(celeryservers=["celery-1", "celery-2"]),
        ["The node worker-1@celery would run on celery-1 and celery-2"],
    ),
    "a broker's name that the certificate does not cover": (
        dict(zip(("traefik_certificate", "traefik_private_key"), pair([OTHER, "mq-admin.example.org"]))),
        None,
        ["does not cover mq.example.org; it covers mq02.example.org", "or correct the name"],
    ),
    "a broker's name that no certificate is asked for": (
        {
            "traefik_certificate_source": "private_ca",
            "traefik_certificate": "",
            "traefik_private_key": "",
            "traefik_certificate_names": [OTHER],
        },
        None,
        ["traefik_certificate_names is mq02.example.org", "covers galaxy_amqp_host (mq.example.org)", "add the name"],
    ),
    "a broker that Traefik does not reach": (
        {"rabbitmqservers_group": "dbservers"},
        None,
        ["rabbitmq_tls_enabled is false on db", "Traefik is on another host, mq"],
    ),
    "a queue that nobody consumes": (
        {"celery_workers": [{"name": "worker", "queues": ["celery", "galaxy.internal"]}]},
        None,
        ["galaxy: galaxy_celery_task_routes", "sends galaxy.fetch_data to galaxy.external", "in celery_workers"],
    ),
    "a password that differs between hosts": (
        {"galaxy_amqp_password": "{{ inventory_hostname ~ '-' ~ 'kqX7vR2p' }}"},
        None,
        ["galaxy_amqp_password has 5 values", "not shown", "in group_vars/all"],
    ),
    "a vhost that differs between hosts": (
        {"galaxy_amqp_vhost": "{{ 'galaxy' if inventory_hostname == 'mq' else 'other' }}"},
        None,
        ["galaxy_amqp_vhost is 'galaxy' on mq, but 'other' on celery-1, db, galaxy, monitor"],
    ),
    "an unknown variable on one host alone": (
        {},
        {**inventory(), "dbservers": {"db": {"postgresql_access_network": ["192.0.2.0/24"]}}},
        ["db: postgresql_access_network is not a variable", "Did you mean postgresql_access_networks?"],
    ),
    "variables of older roles": (
        {
            "flower_ui_users": [{"name": "guest", "password": SECRETS["flower_password"]}],
            "galaxy_systemd_celery_internal_workers": 2,
            "rabbitmq_predefined_erlang_cookie": SECRETS["rabbitmq_erlang_cookie"],
            "traefik_dir": "/etc/traefik",
        },
        None,
        [
            "4 mistakes",
            "flower_ui_users belongs to the older role usegalaxy_eu.flower, and nothing reads it.",
            "Remedy: use flower_username and flower_password instead, and flower_users for further logins.",
            "galaxy_systemd_celery_internal_workers belongs to the older role usegalaxy_eu.galaxy_systemd",
            "use instances of the class in celery_workers",
            "Remedy: use rabbitmq_erlang_cookie instead.",
            "celery-1, db, galaxy, monitor, mq: traefik_dir",
        ],
    ),
    "gravity's own workers": (
        {"galaxy_config": {"gravity": {"celery": {"enable": True}}, "galaxy": {"celery_conf": {"broker_url": "x"}}}},
        None,
        [
            "galaxy: galaxy_config.gravity.celery.enable is true",
            "galaxy_config.galaxy has no amqp_internal_connection",
            "Remedy: paste what the playbook galaxy_fragment prints below galaxy_config.",
        ],
    ),
    "gravity's own workers by default": (
        {"galaxy_config": {"gravity": {"process_manager": "systemd"}, "galaxy": {}}},
        None,
        [
            "galaxy: galaxy_config.gravity.celery.enable is not set",
            "galaxy: galaxy_config.gravity.celery.enable_beat is not set",
            "gravity runs workers and beat by default",
            "Remedy: set it to false",
        ],
    ),
    "workers of the older role": (
        {"galaxy_systemd_celery": True},
        None,
        ["galaxy_systemd_celery is true", "Remedy: set it to false"],
    ),
    "a broker that verify refuses": (
        {"rabbitmq_image": "rabbitmq:3.11.28-management"},
        None,
        ["mq: rabbitmq_image is rabbitmq:3.11.28-management", "older than 3.12"],
    ),
    "a broker's name that its own certificate does not cover": (
        {
            **dict(zip(("rabbitmq_certificate", "rabbitmq_private_key"), pair([OTHER]))),
            "rabbitmq_tls_enabled": True,
            "rabbitmq_certificate_names": [OTHER],
        },
        inventory(traefikservers=None),
        ["mq: rabbitmq_certificate_names is mq02.example.org", "mq.example.org", "add the name"],
    ),
    "a route to loopback where no broker is": (
        {**TLS_LISTENER, "rabbitmq_tls_address": "192.0.2.9", "traefik_broker_servers": ["127.0.0.1:5672"]},
        inventory(traefikservers=["proxy"]),
        ["traefik_broker_servers has 127.0.0.1:5672 on proxy", "the broker is on mq"],
    ),
    "a route to a port where the broker is not": (
        {**TLS_LISTENER, "rabbitmq_tls_address": "192.0.2.9", "traefik_broker_servers": ["192.0.2.9:5671"]},
        inventory(traefikservers=["proxy"]),
        ["traefik_broker_servers has 192.0.2.9:5671 on proxy", "192.0.2.9:5673"],
    ),
    "a management page that Traefik does not reach": (
        {**TLS_LISTENER, "rabbitmq_tls_address": "192.0.2.9"},
        inventory(traefikservers=["proxy"]),
        ["rabbitmq_listen_address is 127.0.0.1 on mq", "traefik_management_urls"],
    ),
    "a Flower that Traefik does not reach": (
        {"traefik_flower_host": "flower.example.org"},
        None,
        ["flower_address is 127.0.0.1 on monitor", "traefik_flower_urls"],
    ),
    "a route whose address comes from a host": (
        {"rabbitmq_listen_address": "{{ ansible_facts['default_ipv4']['address'] }}"},
        inventory(traefikservers=["proxy"]),
        ["rabbitmq_tls_enabled is false on mq", "Traefik is on another host, proxy"],
    ),
    "data that no worker may write": (
        {
            "galaxy_config": {
                "galaxy": {
                    "file_path": "/data/galaxy/files",
                    "new_file_path": "/data/galaxy/tmp",
                    "job_working_directory": "/data/jobs",
                    "tus_upload_store": "/data/tus",
                    "object_store_cache_path": "/data/cache",
                    "template_cache_path": "/srv/galaxy/var/templates",
                }
            },
            "celery_writable_dirs": ["/data/jobs/"],
        },
        None,
        [
            "celery-1: galaxy_config.galaxy has file_path: /data/galaxy/files",
            "new_file_path: /data/galaxy/tmp",
            "tus_upload_store: /data/tus",
            "object_store_cache_path: /data/cache",
            "celery_writable_dirs",
        ],
    ),
    "names of the units' own": (
        {"celery_environment": {"GALAXY_CONFIG_FILE": "/x", "PYTHONPATH": "/y", "TMPDIR": "/z"}},
        None,
        ["celery_environment.GALAXY_CONFIG_FILE", "celery_environment.PYTHONPATH", "celery_environment.TMPDIR"],
    ),
    "a secret under a name of the units' own": (
        {"celery_secret_environment": {"CELERY_CUSTOM_WORKER_POOL": "x:y"}},
        None,
        ["celery_secret_environment.CELERY_CUSTOM_WORKER_POOL"],
    ),
    "Flower in Galaxy's virtual environment": (
        {"flower_venv_dir": "/srv/galaxy/server/.venv", "galaxy_venv_dir": "/srv/galaxy/server/.venv/"},
        None,
        ['monitor: flower_venv_dir is "/srv/galaxy/server/.venv"', "not Galaxy's virtual environment"],
    ),
    "a file that is not there": (
        {"traefik_certificate": "{{ lookup('ansible.builtin.file', '/nonexistent/mq.pem') }}"},
        None,
        ["mq: traefik_certificate has no value", "/nonexistent/mq.pem"],
    ),
}


@pytest.mark.parametrize("mistake", ALONE)
def test_one_mistake(tmp_path, mistake):
    change, hosts, words = ALONE[mistake]
    outcome = check(tmp_path, hosts, change)
    assert outcome.code == 2, outcome.end
    untouched(outcome)
    (message,) = outcome.messages.values()
    assert [word for word in words if word not in message] == [], message


def test_a_self_made_authority_covers_what_it_makes(tmp_path):
    change = {"traefik_certificate_source": "private_ca", "traefik_certificate": "", "traefik_private_key": ""}
    outcome = check(tmp_path, change=change)
    assert outcome.code == 0, outcome.end


def test_addresses_that_only_a_host_knows_are_left_open(tmp_path):
    change = {"flower_address": "{{ ansible_facts['default_ipv4']['address'] }}"}
    outcome = check(tmp_path, change=change, without=["celery_source_address"])
    assert outcome.code == 0, outcome.end
    untouched(outcome)


RIGHT = {
    "gravity without Celery": (
        {"galaxy_config": {"gravity": {"celery": {"enable": False, "enable_beat": False}}}},
        None,
    ),
    "the older role without Celery": ({"galaxy_systemd_celery": False}, None),
    "a broker for all, whose address only it knows": (
        {**TLS_LISTENER, "rabbitmq_listen_address": "0.0.0.0"},  # noqa: S104
        inventory(traefikservers=["proxy"]),
    ),
    "a broker without a proxy": (
        {**TLS_LISTENER, "rabbitmq_tls_address": "192.0.2.9", "rabbitmq_tls_port": 5671},
        inventory(traefikservers=None),
    ),
    "a broker elsewhere": ({}, inventory(traefikservers=None, rabbitmqservers=None)),
    "an image of another registry": ({"rabbitmq_image": "registry.example.org:5000/mq/rabbitmq:latest"}, None),
    "data of the workers": (
        {
            "galaxy_config": {
                "galaxy": {
                    "file_path": "/data/files",
                    "new_file_path": "tmp",
                    "data_dir": "/srv/galaxy/var",
                    # Of the playbook galaxy_fragment.
                    "amqp_internal_connection": "pyamqp://galaxy@mq.example.org:5671/galaxy?ssl=1",
                    "enable_celery_tasks": True,
                    "celery_conf": {},
                }
            },
            "celery_writable_dirs": ["/data"],
        },
        None,
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_passes(tmp_path, case):
    change, hosts = RIGHT[case]
    outcome = check(tmp_path, hosts, change)
    assert outcome.code == 0, outcome.end
    untouched(outcome)


def test_the_report_does_not_depend_on_the_limit(tmp_path):
    site = build_site(tmp_path, inventory())
    outcome = site(CHECK, "--limit", "db", change={**ANYWHERE, "postgresql_access_role": "all"})
    assert outcome.code == 2, outcome.end
    # Ansible shows a list as JSON, with a backslash before each quotation mark.
    assert r'\"all\" in postgresql_access_role' in outcome.output
