# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the templates of the role flower and read them with the parsers of their formats."""

from __future__ import annotations

import ast
import configparser
import shlex
import sys
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).resolve().parents[3] / "roles" / "flower"
SITE = {
    "ansible_facts": {"os_family": "Debian"},
    "ansible_managed": "Ansible managed",
    "galaxy_amqp_host": "mq.example.org",
    "flower_amqp_password": "a@b/c#d",
    "flower_password": "secret",
}
HOSTILE = "p\"a\\s$HOME`id`'w%n{x}:# ,\\"


@pytest.fixture(scope="module", autouse=True)
def _collections():
    init_plugin_loader(sys.path)


def trusted(value):
    """Mark every string as a template, as Ansible does with what it reads itself."""
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def render(template, **values):
    variables = {}
    for part in ("defaults", "vars"):
        variables.update(trusted(yaml.safe_load((ROLE / part / "main.yml").read_text())))
    variables.update(SITE, **values)
    text = (ROLE / "templates" / template).read_text()
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template(text))


def unit(text):
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read_string(text)
    return parser


def conf(text):
    """Return what the options file assigns, without running it."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            source = ast.unparse(node.value)
            found[node.targets[0].id] = {"true": True, "false": False}.get(source, source)
    return found


def environment(text):
    """Read an environment file; systemd's escapes inside double quotes are those of a POSIX shell."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: shlex.split(value)[0] for name, value in (line.split("=", 1) for line in lines)}


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
def test_environment(password):
    found = environment(render("etc/flower/flower.env.j2", flower_password=password, flower_environment={"FLOWER_AUTH": HOSTILE}))
    assert found == {
        "CELERY_BROKER_URL": "amqps://flower:a%40b%2Fc%23d@mq.example.org:5671/galaxy",
        "FLOWER_LOGIN": f"admin:{password}",
        "FLOWER_AUTH": HOSTILE,
    }


@pytest.mark.parametrize(
    ("values", "ca_file"),
    [({}, "/etc/ssl/certs/ca-certificates.crt"), ({"galaxy_amqp_ca_file": "/etc/ssl/private ca.pem"}, "/etc/ssl/private ca.pem")],
)
def test_celery_settings_verify_the_broker(values, ca_file):
    settings = {}
    exec(compile(render("etc/flower/galaxy_flower_celery.py.j2", **values), "settings", "exec"), settings)  # noqa: S102 our own file
    assert settings["broker_use_ssl"] == {"ca_certs": ca_file, "cert_reqs": 2, "server_hostname": None}


def test_celery_settings_without_tls():
    settings = {}
    text = render("etc/flower/galaxy_flower_celery.py.j2", flower_broker_url="amqp://u:p@localhost:5672/galaxy")
    exec(compile(text, "settings", "exec"), settings)  # noqa: S102 our own file
    assert "broker_use_ssl" not in settings


@pytest.mark.parametrize("values", [{}, {"flower_user": "other", "flower_venv_dir": "/srv/venv", "flower_memory_max_mb": 300}])
def test_unit(values):
    text = render("etc/systemd/system/flower.service.j2", **values)
    service = unit(text)["Service"]
    assert service["User"] == values.get("flower_user", "flower")
    assert service["ExecStart"].startswith(values.get("flower_venv_dir", "/opt/flower/venv") + "/bin/celery ")
    assert service["MemoryMax"] == f"{values.get('flower_memory_max_mb', 1024)}M"
    assert service["ProtectSystem"] == "strict"
    assert "a%40b" not in text
    assert "secret" not in text.replace("secrets", "")
