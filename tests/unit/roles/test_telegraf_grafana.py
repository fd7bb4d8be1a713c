# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the dashboard into a stand-in for Grafana's API, as the role telegraf does it."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from tools import grafana_stand_in, roles

PLAY = [{
    "hosts": "localhost",
    "gather_facts": False,
    "tasks": [{"ansible.builtin.include_role": {"name": "usegalaxy_eu.celery.telegraf", "tasks_from": "grafana"}}],
}]  # fmt: skip
DASHBOARD = roles.ROLES / "telegraf" / "files" / "dashboards" / "influxql" / "galaxy-celery.json"
PASSWORD = "of-the-data-source"
SITE = {
    "telegraf_grafana_token": grafana_stand_in.TOKEN,
    "telegraf_influxdb_url": "http://influxdb.test:8086",
    "telegraf_influxdb_database": "galaxy",
    "telegraf_influxdb_username": "writer",
    "telegraf_influxdb_password": PASSWORD,
}


@pytest.fixture
def grafana(tmp_path):
    """The stand-in, and what runs the role against it: it returns the number of changes and the output."""
    (tmp_path / "play.yml").write_text(json.dumps(PLAY), encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}

    with grafana_stand_in.serve() as (url, kept):

        def run(*arguments, code=0, **variables):
            (tmp_path / "vars.json").write_text(json.dumps({**SITE, "telegraf_grafana_url": url, **variables}))
            command = ["ansible-playbook", "play.yml", "--extra-vars", "@vars.json", *arguments]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == code, done.stdout + done.stderr
            return int(re.search(r"changed=(\d+)", done.stdout)[1]), done.stdout

        yield kept, run


def test_data_source_folder_and_dashboard_are_made_once(grafana):
    kept, run = grafana
    # Data source and folder, and the dashboard goes with its folder.
    announced, looked = run("--check", "-vvv")
    assert announced == 2
    assert kept.changes == []
    made, written = run("--diff", "-vvv")
    assert made == 3
    assert [secret for secret in (PASSWORD, grafana_stand_in.TOKEN) if secret in looked + written] == []

    source = kept.datasources["galaxy-celery"]
    assert (source["type"], source["url"], source["database"]) == ("influxdb", SITE["telegraf_influxdb_url"], "galaxy")
    assert kept.secrets == {"galaxy-celery": {"password": PASSWORD}}
    assert kept.folders["galaxy-celery"]["title"] == "Galaxy Celery"
    wanted = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    (dashboard,) = kept.dashboards.values()
    assert dashboard["dashboard"] == {**wanted, "id": 3, "version": 1}
    assert dashboard["meta"]["folderId"] == kept.folders["galaxy-celery"]["id"]

    before = list(kept.changes)
    assert run()[0] == 0
    assert run("--check")[0] == 0
    assert kept.changes == before


def test_another_password_and_another_address_arrive(grafana):
    kept, run = grafana
    run()
    assert run("--check", telegraf_influxdb_password="another")[0] == 1
    assert run(telegraf_influxdb_password="another")[0] == 1
    assert kept.secrets == {"galaxy-celery": {"password": "another"}}
    assert run(telegraf_influxdb_password="another")[0] == 0
    assert run(telegraf_influxdb_password="another", telegraf_grafana_datasource_url="http://db.test:8086")[0] == 1
    assert kept.datasources["galaxy-celery"]["url"] == "http://db.test:8086"


def test_a_data_source_of_somebody_else_stays(grafana):
    kept, run = grafana
    assert run(telegraf_grafana_datasource_enabled=False)[0] == 2
    assert kept.datasources == {}


def test_the_flavour_of_prometheus(grafana):
    kept, run = grafana
    assert run(telegraf_grafana_flavour="prometheus")[0] == 3
    assert kept.datasources["galaxy-celery"]["type"] == "prometheus"
    assert run(telegraf_grafana_flavour="prometheus")[0] == 0


def test_a_wrong_token_is_refused(grafana):
    kept, run = grafana
    run(telegraf_grafana_token="wrong", code=2)
    assert kept.changes == []
