# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the templates of the role flower and read them with the parsers of their formats."""

from __future__ import annotations

import ast
import json

import pytest
from tools import role_templates

SITE = {
    "ansible_facts": {"os_family": "Debian"},
    "galaxy_amqp_host": "mq.example.org",
    "flower_amqp_password": "a@b/c#d",
    "flower_password": "secret",
}
HOSTILE = "p\"a\\s$HOME`id`'w%n{x}:# ,\\"


def render(template, **values):
    return role_templates.render("flower", template, SITE, **values)


def conf(text):
    """Return what the options file assigns, without running it."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            source = ast.unparse(node.value)
            found[node.targets[0].id] = {"true": True, "false": False}.get(source, source)
    return found


def test_options_with_defaults():
    options = conf(render("etc/flower/flowerconfig.py.j2"))
    assert options["address"] == "'127.0.0.1'"
    assert options["port"] == "5555"
    assert options["read_only"] is True
    assert options["persistent"] is True
    assert options["max_tasks"] == "10000"
    assert options["purge_offline_workers"] == "15"
    assert options["state_save_interval"] == "300000"
    assert "secret" not in render("etc/flower/flowerconfig.py.j2")


def test_options_with_other_values():
    text = render(
        "etc/flower/flowerconfig.py.j2",
        flower_read_only_enabled=False,
        flower_url_prefix="/flower/",
        flower_options={"natural_time": True, "max_tasks": 5, "tasks_columns": 'näme,"uuid"'},
    )
    options = conf(text)
    assert options["read_only"] is False
    assert options["url_prefix"] == "'flower'"
    assert options["natural_time"] is True
    assert options["max_tasks"] == "5"
    assert ast.literal_eval(options["tasks_columns"]) == 'näme,"uuid"'


@pytest.mark.parametrize("password", ["secret", HOSTILE])
def test_environment(password, tmp_path):
    text = render("etc/flower/flower.env.j2", flower_password=password, flower_environment={"FLOWER_AUTH": HOSTILE})
    assert role_templates.environment(text, tmp_path) == {
        "CELERY_BROKER_URL": "amqps://flower:a%40b%2Fc%23d@mq.example.org:5671/galaxy",
        "FLOWER_LOGINS": json.dumps([f"admin:{password}"]),
        "FLOWER_AUTH": HOSTILE,
    }


def test_several_logins(tmp_path):
    users = [{"name": "jane", "password": HOSTILE}, {"name": "joe", "password": "another"}]
    found = role_templates.environment(render("etc/flower/flower.env.j2", flower_users=users), tmp_path)
    assert json.loads(found["FLOWER_LOGINS"]) == ["admin:secret", f"jane:{HOSTILE}", "joe:another"]


PROVIDER = {
    "flower_password": "",
    "flower_auth_provider": "flower.views.auth.GithubLoginHandler",
    "flower_auth_emails": r".*@example\.org",
    "flower_auth_redirect_uri": "https://flower.example.org/login",
    "flower_auth_key": "id-of-the-client",
    "flower_auth_secret": HOSTILE,
}


def test_a_provider_of_the_login_takes_the_place_of_the_password(tmp_path):
    text = render("etc/flower/flowerconfig.py.j2", **PROVIDER)
    options = conf(text)
    assert "basic_auth" not in options
    assert ast.literal_eval(options["auth"]) == r".*@example\.org"
    assert ast.literal_eval(options["oauth2_redirect_uri"]) == "https://flower.example.org/login"
    assert "id-of-the-client" not in text
    found = role_templates.environment(render("etc/flower/flower.env.j2", **PROVIDER), tmp_path)
    assert (found["FLOWER_CLIENT_ID"], found["FLOWER_CLIENT_SECRET"]) == ("id-of-the-client", HOSTILE)
    assert "FLOWER_LOGINS" not in found


@pytest.mark.parametrize(
    ("values", "ca_file"),
    [
        ({}, "/etc/ssl/certs/ca-certificates.crt"),
        ({"galaxy_amqp_ca_file": "/etc/ssl/private ca.pem"}, "/etc/ssl/private ca.pem"),
    ],
)
def test_celery_settings_verify_the_broker(values, ca_file):
    settings = {}
    exec(compile(render("etc/flower/galaxy_flower_celery.py.j2", **values), "settings", "exec"), settings)  # noqa: S102 our own file
    assert settings["broker_use_ssl"] == {"ca_certs": ca_file, "cert_reqs": 2, "server_hostname": None}


def test_an_address_to_connect_to_and_a_name_to_verify(tmp_path):
    settings, given = {}, {"galaxy_amqp_address": "10.5.0.7"}
    exec(compile(render("etc/flower/galaxy_flower_celery.py.j2", **given), "settings", "exec"), settings)  # noqa: S102 our own file
    assert settings["broker_use_ssl"]["server_hostname"] == "mq.example.org"
    found = role_templates.environment(render("etc/flower/flower.env.j2", **given), tmp_path)
    assert "@10.5.0.7:5671/" in found["CELERY_BROKER_URL"]


def test_celery_settings_without_tls():
    settings = {}
    text = render("etc/flower/galaxy_flower_celery.py.j2", flower_broker_url="amqp://u:p@localhost:5672/galaxy")
    exec(compile(text, "settings", "exec"), settings)  # noqa: S102 our own file
    assert "broker_use_ssl" not in settings


@pytest.mark.parametrize(
    "values",
    [{}, {"flower_user": "other", "flower_venv_dir": "/srv/venv", "flower_memory_max_mb": 300}],
)
def test_unit(values):
    text = render("etc/systemd/system/flower.service.j2", **values)
    service = role_templates.unit(text)["Service"]
    assert service["User"] == values.get("flower_user", "flower")
    assert service["ExecStart"].startswith(values.get("flower_venv_dir", "/opt/flower/venv") + "/bin/celery ")
    with_selinux = render(
        "etc/systemd/system/flower.service.j2",
        ansible_facts={"os_family": "RedHat", "selinux": {"status": "enabled"}},
        **values,
    )
    assert role_templates.unit(with_selinux)["Service"]["ExecStart"] == "/usr/bin/env " + service["ExecStart"]
    assert service["MemoryMax"] == f"{values.get('flower_memory_max_mb', 1024)}M"
    assert service["ProtectSystem"] == "strict"
    assert "a%40b" not in text
    assert "secret" not in text.replace("secrets", "")
