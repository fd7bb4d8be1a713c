# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that holds settings against Galaxy's schema and Celery's list; Galaxy and pykwalify are doubles here.

The scenario galaxy runs it on the real ones.
"""

from __future__ import annotations

import json
import sys
import types

import pytest
from ansible.module_utils.testing import patch_module_args
from celery.app import defaults

from ansible_collections.usegalaxy_eu.celery.plugins.modules import galaxy_config_check as module

MARK = "s3cret-mark"
URL = f"amqps://galaxy:{MARK}@mq.example.org:5671/galaxy"
ROUTES = {"galaxy.fetch_data": "galaxy.external", "galaxy.set_job_metadata": "galaxy.external"}
BACKEND = f"db+postgresql://galaxy:{MARK}@db.example.org/galaxy_celery"
CONF = {"result_backend": BACKEND, "task_routes": ROUTES, "broker_use_ssl": {"cert_reqs": 2, "server_hostname": None}}
GOOD = {"amqp_internal_connection": URL, "enable_celery_tasks": True, "celery_conf": CONF}
QUEUES = ["celery", "galaxy.internal", "galaxy.external"]
VARIABLES = {
    "amqp_internal_connection": "galaxy_amqp_url",
    "enable_celery_tasks": "galaxy_celery_enabled",
    "celery_conf": "galaxy_celery_conf",
    "celery_conf.task_routes": "galaxy_celery_task_routes",
    "celery_conf.result_backend": "galaxy_celery_result_backend",
}
TYPES = {"str": str, "bool": bool, "int": int, "any": object}
OPTIONS = {
    "amqp_internal_connection": {"type": "str"},
    "enable_celery_tasks": {"type": "bool", "default": False},
    "celery_conf": {"type": "any", "default": {"task_routes": {}}},
    "database_connection": {"type": "str"},
    "cleanup_job": {"type": "str", "enum": ["always", "onsuccess", "never"]},
    "oidc_auth_pipeline": {"type": "seq"},
    "new_name": {"type": "str", "deprecated_alias": "old_name"},
    "brand": {"type": "str", "per_host": True},
}


class Core:
    """Judges one value as pykwalify does, with its refusals of a schema."""

    def __init__(self, source_data, schema_data):
        self.value, self.rule = source_data["v"], schema_data["mapping"]["v"]
        assert "default" not in self.rule
        if self.rule["type"] == "seq":
            raise RuntimeError("no sequence alias")
        self.errors, self.validation_errors = [], []

    def validate(self, raise_exception):
        right = isinstance(self.value, TYPES[self.rule["type"]]) and self.value in self.rule.get("enum", [self.value])
        self.errors = [] if right else [f"the value {self.value}"]


@pytest.fixture
def galaxy(monkeypatch):
    """An installed Galaxy whose schema has a few options."""
    schema = types.SimpleNamespace(raw_schema={"mapping": {"galaxy": {"mapping": OPTIONS}}})
    doubles = {
        "galaxy": {},
        "galaxy.config": {"GALAXY_CONFIG_SCHEMA_PATH": "x"},
        "galaxy.config.schema": {"AppSchema": lambda path, name: schema},
        "pykwalify": {},
        "pykwalify.core": {"Core": Core},
    }
    for name, content in doubles.items():
        double = types.ModuleType(name)
        vars(double).update(content)
        monkeypatch.setitem(sys.modules, name, double)


@pytest.fixture
def check(tmp_path, capsys, galaxy, monkeypatch):
    """Return a function that runs the module on a galaxy.yml and returns its answer."""
    warnings = []
    monkeypatch.setattr(module.AnsibleModule, "warn", lambda self, text, *_rest: warnings.append(text))

    def run(settings=None, text="galaxy: {}\n", **arguments):
        warnings.clear()
        path = tmp_path / "galaxy.yml"
        if text is not None:
            path.write_text(text)
        arguments = {
            "path": str(path),
            "settings": GOOD if settings is None else settings,
            "variables": VARIABLES,
            **arguments,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        output = capsys.readouterr().out
        assert MARK not in output + "".join(warnings)
        return {**json.loads(output), "warned": "\n".join(warnings)}

    return run


def conf(**values):
    return {**GOOD, "celery_conf": {**CONF, **values}}


def test_gravity_must_be_told_to_run_no_workers(check):
    off = "gravity:\n  celery: {enable: false, enable_beat: false}\ngalaxy: {}\n"
    assert "failed" not in check(text=off)
    assert "failed" not in check(text="gravity:\ngalaxy: {}\n")
    answer = check(text="gravity:\n  process_manager: systemd\ngalaxy: {}\n")
    assert answer["failed"] is True
    assert (
        "gravity.celery.enable is not set" in answer["msg"] and "gravity.celery.enable_beat is not set" in answer["msg"]
    )


def test_a_value_for_each_host_name_is_known(check):
    answer = check(text="galaxy:\n  brand_by_host: {a.example.org: A}\n  cleanup_job_by_host: {}\n")
    assert "brand_by_host" not in answer["warned"]
    assert "cleanup_job_by_host" in answer["warned"]
    for wrong in ("{a.example.org: 1}", "A"):
        assert "brand_by_host: is " in check(text=f"galaxy:\n  brand_by_host: {wrong}\n")["warned"]


def test_good_settings(check):
    answer = check(consumed_queues=QUEUES, remote_workers=True)
    assert not answer.get("failed"), answer
    assert (answer["changed"], answer["schema_checked"], answer["celery_checked"], answer["foreign"]) == (
        False,
        True,
        True,
        [],
    )
    assert answer["warned"] == ""


def test_a_galaxy_that_is_too_old_is_named_and_nothing_else(check, tmp_path):
    version = tmp_path / "server" / "lib" / "galaxy" / "version.py"
    version.parent.mkdir(parents=True)
    version.write_text('VERSION_MAJOR = "23.2"\nVERSION_MINOR = "1"\n')
    answer = check({"enable_celery_tasks": "maybe"}, server_dir=str(tmp_path / "server"))
    assert answer["failed"]
    assert answer["msg"].startswith(f"Galaxy in {tmp_path}/server is 23.2.1, and the workers need 24.2 or newer.")
    assert "maybe" not in answer["msg"]


WRONG = {
    "a type of Galaxy's": (
        {**GOOD, "enable_celery_tasks": "maybe"},
        ["galaxy_celery_enabled: enable_celery_tasks: is text", "true or false"],
    ),
    "no text": (
        {**GOOD, "amqp_internal_connection": 5},
        ["galaxy_amqp_url: amqp_internal_connection: is a whole number", "text"],
    ),
    "cert_reqs": (
        conf(broker_use_ssl={"cert_reqs": "CERT_REQUIRED"}),
        ["galaxy_celery_conf: celery_conf.broker_use_ssl.cert_reqs", "Write 2"],
    ),
    "ssl=1": (
        {**GOOD, "amqp_internal_connection": URL + "?ssl=1"},
        ["galaxy_amqp_url: amqp_internal_connection: ?ssl=1", "Remove ssl=1"],
    ),
    "a raw password": (
        {**GOOD, "amqp_internal_connection": f"amqps://galaxy:{MARK}@x/y@mq/galaxy"},
        ["galaxy_amqp_url: amqp_internal_connection", "Percent-encode it"],
    ),
    "a typing mistake": (
        conf(result_expire=5),
        ["galaxy_celery_conf: celery_conf.result_expire", "Did you mean result_expires?"],
    ),
    "an old name": (
        conf(CELERY_TASK_RESULT_EXPIRES=5),
        ["celery_conf.CELERY_TASK_RESULT_EXPIRES: is the old name", "Write result_expires"],
    ),
    "a number in quotes": (
        conf(worker_prefetch_multiplier="1"),
        ["celery_conf.worker_prefetch_multiplier: is text", "without quotes"],
    ),
    "true for a number": (conf(broker_pool_limit=True), ["celery_conf.broker_pool_limit: is a boolean"]),
    "a boolean in quotes": (conf(task_acks_late="true"), ["celery_conf.task_acks_late: is text", "true or false"]),
    "a queue that nobody consumes": (
        conf(task_routes={**ROUTES, "galaxy.export_history": "galaxy.export"}),
        [
            "galaxy_celery_task_routes: celery_conf.task_routes: sends galaxy.export_history to galaxy.export",
            "celery_workers",
        ],
    ),
    "the same in a dictionary": (
        conf(task_routes={**ROUTES, "x": {"queue": "nowhere"}}),
        ["sends x to nowhere, which no worker consumes"],
    ),
    "a default queue that nobody consumes": (
        conf(task_default_queue="nowhere"),
        ["sends every other task to nowhere"],
    ),
    "a backend in a file": (
        conf(result_backend="db+sqlite:////srv/results.sqlite"),
        ["galaxy_celery_result_backend: celery_conf.result_backend: is a file", "a database or a Redis"],
    ),
    "a backend behind a socket": (
        conf(result_backend="redis+socket:///run/redis.sock"),
        ["is a file, a socket or memory"],
    ),
    "a database behind a socket": (
        conf(result_backend="db+postgresql:///galaxy?host=/run/postgresql"),
        ["is a file, a socket or memory"],
    ),
    "a database on loopback": (
        conf(result_backend="db+postgresql:///galaxy?host=localhost"),
        ["result_backend: is on localhost"],
    ),
    "no backend": (conf(result_backend=None), ["celery_conf.result_backend: is not set"]),
    "no celery_conf": (
        {"amqp_internal_connection": URL, "enable_celery_tasks": True},
        ["celery_conf.result_backend: is not set"],
    ),
    "a backend on loopback": (conf(result_backend="redis://localhost:6379/0"), ["result_backend: is on localhost"]),
    "a broker on loopback": (
        {**GOOD, "amqp_internal_connection": f"amqp://galaxy:{MARK}@127.0.0.1:5672/galaxy"},
        ["amqp_internal_connection: is on 127.0.0.1"],
    ),
    "half of quorum": (conf(task_default_queue_type="quorum"), ["task_create_missing_queue_type"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_fails_is_refused_with_its_variable(check, name):
    settings, words = WRONG[name]
    answer = check(settings, consumed_queues=QUEUES, remote_workers=True)
    assert answer["failed"] is True
    for word in words:
        assert word in answer["msg"], answer["msg"]


LEGAL = {
    "a file, with all on one host": (
        conf(result_backend="db+sqlite:////srv/results.sqlite"),
        {"remote_workers": False},
    ),
    "loopback, with all on one host": (conf(result_backend="redis://localhost/0"), {"remote_workers": False}),
    "queues that are not known": (conf(task_routes={**ROUTES, "x": "y"}), {"consumed_queues": []}),
    "fetch_data kept in Galaxy": (conf(task_routes={**ROUTES, "galaxy.fetch_data": "disabled"}), {}),
    "quorum": (conf(task_default_queue_type="quorum", task_create_missing_queue_type="quorum"), {}),
    "null, which is Celery's default": (conf(result_expires=None, task_acks_late=None), {}),
    "a database whose server is an option": (conf(result_backend="db+postgresql:///galaxy?host=db.example.org"), {}),
    "an IPv6 backend": (conf(result_backend="redis://[2001:db8::1]/0"), {}),
}


@pytest.mark.parametrize("name", LEGAL)
def test_what_works_is_let_through(check, name):
    settings, arguments = LEGAL[name]
    answer = check(settings, **{"consumed_queues": QUEUES, "remote_workers": True, **arguments})
    assert not answer.get("failed"), answer["msg"]


def test_a_fault_elsewhere_is_a_warning(check):
    lines = [
        f"cleanup_job: {MARK}",
        "clenup_job: x",
        "old_name: x",
        "oidc_auth_pipeline: 5",
        f"database_connection: [{MARK}]",
    ]
    answer = check(text="galaxy:\n  " + "\n  ".join(lines) + "\n")
    assert not answer.get("failed")
    assert answer["foreign"] == [
        "cleanup_job: is text, and Galaxy's schema wants one of always, onsuccess, never.",
        "database_connection: is a list, and Galaxy's schema wants text.",
        "Galaxy's schema does not know: clenup_job (did you mean cleanup_job?).",
    ]
    assert "not this collection's" in answer["warned"]


def test_a_setting_that_celery_does_not_know_is_a_warning(check):
    answer = check(conf(site_own_thing=1))
    assert not answer.get("failed")
    assert "Celery itself does not know site_own_thing" in answer["warned"]


def test_what_the_role_sets_for_newer_versions_of_celery_is_not_held_against_an_older_one(check, monkeypatch):
    newer = {
        "worker_enable_prefetch_count_reduction": False,
        "worker_eta_task_limit": 10000,
        "control_queue_exclusive": True,
        "event_queue_exclusive": True,
    }
    older = {name: option for name, option in defaults.flatten(defaults.NAMESPACES) if name not in newer}
    monkeypatch.setattr(defaults, "flatten", lambda _namespaces: older.items())
    answer = check(conf(**newer))
    assert not answer.get("failed"), answer["msg"]
    assert answer["warned"] == ""


def test_a_missing_schema_is_said(check, monkeypatch):
    monkeypatch.setitem(sys.modules, "pykwalify.core", None)
    answer = check(server_dir="/nonexistent")
    assert not answer.get("failed")
    assert answer["schema_checked"] is False
    assert "were not checked with Galaxy's schema" in answer["warned"]
    assert "galaxy_venv_dir" in answer["warned"]


def test_a_missing_schema_does_not_stop_the_other_checks(check, monkeypatch):
    monkeypatch.setitem(sys.modules, "galaxy.config", None)
    assert "?ssl=1" in check({**GOOD, "amqp_internal_connection": URL + "?ssl=1"})["msg"]


def test_a_missing_celery_is_said(check, monkeypatch):
    monkeypatch.setitem(sys.modules, "celery.app", None)
    answer = check()
    assert answer["celery_checked"] is False
    assert "not checked with Celery's list" in answer["warned"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"galaxy:\n  x: [{MARK}\n", "is not valid YAML near line"),
        (None, "does not exist"),
        ("[]\n", ""),
        ("galaxy:\n", ""),
    ],
)
def test_files(check, text, message):
    answer = check(text=text)
    assert not answer.get("failed")
    assert message in answer["warned"]
    assert bool(message) == bool(answer["warned"])


def test_no_yaml_library(check, monkeypatch):
    monkeypatch.setattr(module, "YAML_IMPORT_ERROR", "traceback")
    assert "PyYAML is not there" in check()["warned"]
