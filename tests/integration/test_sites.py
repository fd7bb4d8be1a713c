# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventories in the shape of public sites (tests/sites) pass check.yml, and between them use what such sites need."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tools.preflight_site import ANYWHERE, CHECK, ROOT

SITES = ROOT / "tests/sites"
NAMES = sorted(path.parent.name for path in SITES.glob("*/hosts.yml"))


def variables(name):
    """All variables of an inventory, of whatever host they are."""
    found = {}
    for path in sorted(SITES.joinpath(name).glob("*_vars/**/*.yml")):
        found.update(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_site_passes_check_without_its_hosts(name, tmp_path):
    tree = tmp_path / "ansible_collections/usegalaxy_eu"
    tree.mkdir(parents=True)
    (tree / "celery").symlink_to(ROOT, target_is_directory=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_NOCOLOR": "1"}
    program, inventory = Path(sys.executable).with_name("ansible-playbook"), SITES / name / "hosts.yml"
    command = [str(program), "-i", str(inventory), str(CHECK), "-e", json.dumps(ANYWHERE)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert "Show what site will make" in said
    assert set(re.findall(r"(changed|unreachable|failed)=(?!0\b)", said)) == set()
    secrets = yaml.safe_load((SITES / name / "group_vars/all/secrets.yml").read_text(encoding="utf-8")).values()
    assert [secret for secret in secrets if secret in said] == []


PATHS = {"rabbitmq_certificate_path", "traefik_certificate_path"}
# What sites need, and how an inventory shows that it has it.
NEEDS = {
    "certificate and key as files on the host": lambda v: PATHS & set(v),
    "pg_hba.conf of another role": lambda v: "postgresql_pg_hba_conf" in v,
    "a Telegraf of the site's": lambda v: v.get("telegraf_install_method") == "existing",
    "results in Redis or Valkey": lambda v: v.get("galaxy_celery_result_backend", "").startswith("redis"),
    "the umask of the units": lambda v: "celery_umask" in v,
    "a galaxy.yml of the workers' own": lambda v: v.get("galaxy_sync_own_config_enabled"),
    "a broker that is not in Docker": lambda v: v.get("rabbitmq_install_method") == "existing",
    "an address to connect to, another name to verify": lambda v: "galaxy_amqp_address" in v,
    "a Traefik of the site's": lambda v: v.get("traefik_install_method") == "existing",
    "an InfluxDB without a login": lambda v: v.get("telegraf_influxdb_login_enabled") is False,
    "several users of Flower": lambda v: v.get("flower_users"),
    "galaxy_user as a mapping": lambda v: isinstance(v.get("galaxy_user"), dict),
    "secrets under names of the site's own": lambda v: "rabbitmq_password_galaxy" in v,
    "beginnings of names of the site's own": lambda v: v.get("own_variable_prefixes"),
    "a disabled route": lambda v: "disabled" in v.get("galaxy_celery_task_routes", {}).values(),
    "queues of others": lambda v: v.get("galaxy_celery_other_queues"),
    "a database on a socket": lambda v: "host=/" in str(v.get("galaxy_config")),
    "the layout root-dir": lambda v: v.get("galaxy_layout") == "root-dir",
    "everything in one directory": lambda v: str(v.get("galaxy_server_dir")).startswith("{{ galaxy_root }}"),
    "declared queues, exchanges and bindings": lambda v: (
        {"rabbitmq_queues", "rabbitmq_exchanges", "rabbitmq_bindings"} <= set(v)
    ),
}  # fmt: skip


@pytest.mark.parametrize("need", NEEDS)
def test_a_site_has_it(need):
    assert [name for name in NAMES if NEEDS[need](variables(name))] != []
