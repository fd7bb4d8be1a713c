# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The celery_conf that the role galaxy makes of its variables."""

from __future__ import annotations

import base64
import json

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from tools import role_templates
from tools.galaxy_tasks import MAY_RUN_TWICE, MUST_NOT

from ansible_collections.usegalaxy_eu.celery.plugins.modules import galaxy_config as module

ROOT = role_templates.ROLES.parent
BACKEND = "db+postgresql://galaxy:pw@db.example.org/galaxy_celery"
SITE = {
    "ansible_facts": {"os_family": "Debian"},
    "galaxy_amqp_host": "mq.example.org",
    "galaxy_amqp_password": "p@ss/word",
    "__galaxy_celery_derived_backend": BACKEND,
}
ROUTES = {"galaxy.fetch_data": "galaxy.external", "galaxy.set_job_metadata": "galaxy.external"}
LATE = {"acks_late": True, "reject_on_worker_lost": True}


def conf(**values):
    return role_templates.evaluate("galaxy", "__galaxy_celery_conf", SITE, **values)


def url(**values):
    return role_templates.evaluate("galaxy", "galaxy_amqp_url", SITE, **values).strip()


def test_defaults():
    assert conf() == {
        "result_backend": BACKEND,
        "result_expires": 86400,
        "task_routes": ROUTES,
        "task_annotations": {f"galaxy.{name}": LATE for name in MAY_RUN_TWICE},
        "worker_send_task_events": True,
        "broker_heartbeat": 30,
        "result_backend_always_retry": True,
        "result_backend_max_retries": 20,
        "beat_sync_every": 1,
        "worker_enable_prefetch_count_reduction": False,
        "worker_eta_task_limit": 10000,
        "control_queue_exclusive": True,
        "event_queue_exclusive": True,
        "broker_transport_options": {"confirm_publish": True},
        "task_publish_retry_policy": {"max_retries": 10, "interval_start": 0, "interval_step": 0.5, "interval_max": 2},
        "broker_use_ssl": {
            "ca_certs": "/etc/ssl/certs/ca-certificates.crt",
            "cert_reqs": 2,
            "server_hostname": None,
        },
    }


@pytest.mark.parametrize("name", [*MAY_RUN_TWICE, *MUST_NOT])
def test_a_task_is_acknowledged_late_if_it_may_run_twice(name):
    assert conf()["task_annotations"].get(f"galaxy.{name}") == (LATE if name in MAY_RUN_TWICE else None)


def test_late_acknowledgement_can_be_turned_off_and_added_to():
    assert conf(galaxy_celery_late_tasks=[])["task_annotations"] == {}
    own = {"galaxy.touch": {"rate_limit": "1/s"}}
    found = conf(galaxy_celery_late_tasks=["galaxy.touch"], galaxy_celery_conf={"task_annotations": own})
    assert found["task_annotations"] == {"galaxy.touch": {**LATE, "rate_limit": "1/s"}}


def test_quorum_queues_are_asked_for_in_both_places():
    found = conf(galaxy_celery_queue_type="quorum")
    assert {key: value for key, value in found.items() if key.endswith("queue_type")} == {
        "task_default_queue_type": "quorum",
        "task_create_missing_queue_type": "quorum",
    }
    assert not [key for key in conf() if key.endswith("queue_type")]


def test_the_queues_whose_type_is_checked():
    routes = {"galaxy.fetch_data": "galaxy.external", "galaxy.export_history": "galaxy.export"}
    found = role_templates.evaluate("galaxy", "__galaxy_celery_task_queues", SITE, galaxy_celery_task_routes=routes)
    assert found == ["celery", "galaxy.internal", "galaxy.external", "galaxy.export"]


def test_the_check_of_queues_connects_as_celery_does():
    def tls(**values):
        return role_templates.evaluate("galaxy", "__galaxy_celery_tls", SITE, **values)

    assert tls()["broker_use_ssl"]["ca_certs"] == "/etc/ssl/certs/ca-certificates.crt"
    assert tls(galaxy_celery_conf={"broker_use_ssl": {"ca_certs": "/ca"}, "x": 1}) == {
        "broker_use_ssl": {"ca_certs": "/ca", "cert_reqs": 2, "server_hostname": None}
    }
    assert tls(galaxy_amqp_url="amqp://u:p@h:5672/v") == {}


def test_numbers_are_numbers():
    """Celery takes cert_reqs and the heartbeat as they stand: a string would not do."""
    found = conf(galaxy_celery_result_expires_seconds="3600", galaxy_amqp_heartbeat_seconds="10")
    assert (found["result_expires"], found["broker_heartbeat"]) == (3600, 10)
    assert isinstance(found["broker_use_ssl"]["cert_reqs"], int)


def test_url():
    assert url() == "amqps://galaxy:p%40ss%2Fword@mq.example.org:5671/galaxy?heartbeat=30"


@pytest.mark.parametrize(
    ("values", "packages"),
    [
        ({}, []),
        ({"galaxy_celery_result_backend": "redis://:secret@redis.example.org:6379/0"}, ["celery[redis]"]),
        ({"galaxy_celery_conf": {"result_backend": "rediss://redis.example.org/0"}}, ["celery[redis]"]),
        ({"galaxy_celery_result_backend": "db+postgresql://u:p@db.example.org/results"}, []),
    ],
)
def test_the_result_backend_settles_the_packages(values, packages):
    assert role_templates.evaluate("galaxy", "galaxy_celery_venv_packages", SITE, **values) == packages


@pytest.mark.parametrize(
    ("url", "store"),
    [
        ("", {}),
        ("db+postgresql://u:p@db.example.org/results", {}),
        ("redis://:secret@redis.example.org/0", {"host": "redis.example.org", "port": 6379, "tls": False}),
        ("rediss://u:secret@redis.example.org:6380/0", {"host": "redis.example.org", "port": 6380, "tls": True}),
    ],
)
def test_where_results_are_is_known_without_the_password(url, store):
    given = {"galaxy_celery_result_backend": url}
    assert role_templates.evaluate("galaxy", "__galaxy_result_store", SITE, **given) == store


def test_an_address_to_connect_to_and_a_name_to_verify():
    given = {"galaxy_amqp_address": "10.5.0.7"}
    assert url(**given) == "amqps://galaxy:p%40ss%2Fword@10.5.0.7:5671/galaxy?heartbeat=30"
    assert conf(**given)["broker_use_ssl"]["server_hostname"] == "mq.example.org"


def test_what_the_site_sets_wins():
    found = conf(
        galaxy_celery_conf={
            "result_expires": None,
            "worker_send_task_events": False,
            "task_ignore_result": True,
            "broker_use_ssl": {"ca_certs": "/etc/ca.pem"},
        }
    )
    assert found["result_expires"] is None
    assert found["worker_send_task_events"] is False
    assert found["task_ignore_result"] is True
    # The rest of the block still stands.
    assert found["broker_use_ssl"] == {"ca_certs": "/etc/ca.pem", "cert_reqs": 2, "server_hostname": None}


def test_routes_are_kept_when_the_site_adds_one():
    found = conf(galaxy_celery_conf={"task_routes": {"galaxy.export_history": "galaxy.export"}})
    assert found["task_routes"] == {**ROUTES, "galaxy.export_history": "galaxy.export"}


def test_a_route_can_be_moved_or_all_replaced():
    found = conf(galaxy_celery_conf={"task_routes": {"galaxy.fetch_data": "x"}})
    assert found["task_routes"] == {**ROUTES, "galaxy.fetch_data": "x"}
    assert conf(galaxy_celery_task_routes={})["task_routes"] == {}


def test_the_sites_own_result_backend_wins():
    assert conf(galaxy_celery_result_backend="redis://h/0")["result_backend"] == "redis://h/0"


@pytest.mark.parametrize(
    ("broker", "tls"),
    [
        ("amqps://u:p@h:5671/v", True),
        ("amqp://u:p@h:5672/v", False),
        ("amqp://amqps:p@h:5672/amqps:", False),
        ("redis://h/0", False),
    ],
)
def test_tls_for_amqps_only(broker, tls):
    assert ("broker_use_ssl" in conf(galaxy_amqp_url=broker)) is tls


def test_a_private_ca():
    assert conf(galaxy_amqp_ca_file="/etc/ssl/site.pem")["broker_use_ssl"]["ca_certs"] == "/etc/ssl/site.pem"


def preflight_task(words):
    """One task of the role's preflight, by the end of its name."""
    tasks = yaml.safe_load((ROOT / "roles/galaxy/tasks/preflight.yml").read_text())
    return next(task for task in tasks if task["name"].endswith(words))


def password_is_taken(connection, password, **values):
    """Whether the preflight lets this password pass beside this galaxy.yml."""
    text = yaml.safe_dump({"galaxy": {"database_connection": connection} if connection else {}})
    given = {
        "__galaxy_config_content": {"content": base64.b64encode(text.encode()).decode()},
        "galaxy_database_password": password,
        **values,
    }
    task = preflight_task("the database's password is the one that Galaxy has")
    asked = role_templates.evaluate("galaxy", task["when"], SITE, **given)
    return not asked or role_templates.evaluate("galaxy", task["ansible.builtin.assert"]["that"], SITE, **given)


@pytest.mark.parametrize(
    ("connection", "password", "taken"),
    [
        ("postgresql://galaxy:one@db/galaxy", "", True),
        ("postgresql://galaxy:one@db/galaxy", "one", True),
        # The stand-in of a rotation that was cut off has the new password.
        ("postgresql://galaxy_rotation:one@db/galaxy", "one", True),
        ("postgresql+psycopg2://galaxy:a%2Eb@db:5432/galaxy?sslmode=require", "a.b", True),
        ("postgresql:///galaxy?host=/var/run/postgresql", "one", True),
        ("postgresql://galaxy@db/galaxy", "one", True),
        ("", "one", True),
        ("postgresql://galaxy:one@db/galaxy", "two", False),
        ("postgresql+psycopg2://galaxy:one@[2001:db8::1]:5432/galaxy?sslmode=require", "two", False),
    ],
)
def test_another_password_of_the_database_is_refused(connection, password, taken):
    """The running Galaxy has the one of its file; only a rotation changes both in their order."""
    assert password_is_taken(connection, password) is taken
    assert password_is_taken(connection, password, __galaxy_database_password_rotates=True)


def test_rotating_is_the_only_playbook_that_lets_another_one_pass():
    found = {path.name for path in (ROOT / "playbooks").rglob("*.yml") if "_password_rotates" in path.read_text()}
    assert found == {"rotate_secrets.yml"}


def test_the_example_leaves_the_password_of_the_database_alone():
    """Together with "give each a random value" it would lock Galaxy out."""
    example = ROOT / "inventories/example/group_vars/all"
    assert "galaxy_database_password" not in yaml.safe_load((example / "stack.yml").read_text())
    assert "vault_galaxy_database_password" not in yaml.safe_load((example / "vault.yml.example").read_text())


GIVEN = {
    "galaxy_database_password": "secret.db",
    "__galaxy_config_content": {
        "content": base64.b64encode(b"galaxy: {database_connection: 'postgresql://g:x@db/g'}").decode()
    },
}


def fragment(run_module, **values):
    """What the playbook galaxy_fragment prints."""
    names = ("section", "settings", "placeholders")
    made = {name: role_templates.evaluate("galaxy", f"__galaxy_fragment_{name}", SITE, **values) for name in names}
    return run_module(module, state="fragment", **made)["fragment"]


@pytest.fixture
def run_module(capsys):
    def run(which, **arguments):
        with patch_module_args(arguments), pytest.raises(SystemExit):
            which.main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("backend", ["", "redis://:s3cret@redis.example.org/0"])
def test_with_galaxy_config_the_text_goes_into_the_inventory(run_module, backend):
    """With variables in the place of passwords: filled in by Ansible, it is what galaxy.yml must hold."""
    given = {**GIVEN, "galaxy_config": {"galaxy": {"brand": "x"}}, "galaxy_celery_result_backend": backend}
    text = fragment(run_module, **given)
    for secret in ("p@ss", "p%40ss", "secret.db", "s3cret", "pw@"):
        assert secret not in text
    pasted = yaml.safe_load(text)["galaxy_config"]["galaxy"]
    filled = role_templates.evaluate("galaxy", "pasted", SITE, pasted=pasted, **given)
    wanted = role_templates.evaluate("galaxy", "__galaxy_settings", SITE, **given)
    if not backend:
        # Here the derived one has another password than the variable, on a real host the same.
        wanted["celery_conf"]["result_backend"] = BACKEND.replace(":pw@", ":secret.db@")
    assert filled == wanted


def test_without_it_the_text_is_as_in_galaxy_yml(run_module):
    text = fragment(run_module, **GIVEN)
    assert list(yaml.safe_load(text)) == ["galaxy"]
    assert "<galaxy_amqp_password, percent-encoded>" in text and "{{" not in text


@pytest.mark.parametrize(
    ("config", "enabled"), [({}, True), ({"gravity": {}}, True), ({"galaxy": {"brand": "x"}}, False)]
)
def test_the_role_writes_galaxy_yml_only_where_nobody_else_does(config, enabled):
    assert role_templates.evaluate("galaxy", "galaxy_celery_config_enabled", SITE, galaxy_config=config) is enabled
