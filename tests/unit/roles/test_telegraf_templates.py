# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the templates of the role telegraf and read them with the parsers of their formats."""

from __future__ import annotations

import re

import pytest
import tomllib
from tools import role_templates, roles

SITE = {
    "ansible_facts": {"os_family": "Debian"},
    "inventory_hostname": "monitor",
    "telegraf_influxdb_url": "http://127.0.0.1:8086",
    "telegraf_influxdb_database": "galaxy",
    "telegraf_influxdb_username": "writer",
    "telegraf_influxdb_password": "topsecret",
}
RABBITMQ = {"rabbitmq_management_host": "mq.internal", "telegraf_amqp_password": "rabbitsecret"}
# Each input that has a switch, and Telegraf's plugin.
SWITCHES = {
    "flower": "prometheus",
    "rabbitmq": "rabbitmq",
    "rabbitmq_prometheus": "prometheus",
    "units": "systemd_units",
    "beat": "file",
    "cgroup": "cgroup",
    "certificate": "x509_cert",
    "postgresql": "postgresql_extensible",
    "disk": "disk",
}
WANTED = {"galaxy_amqp_host": "mq.test", "__telegraf_mount_points": ["/srv"]}
HOSTILE = "p\"a\\s$HOME`id`'w%n{x}:# ,\\"


def render(template, **values):
    return role_templates.render("telegraf", template, SITE, **values)


def configuration(**values):
    return tomllib.loads(render("etc/telegraf/telegraf.conf.j2", **values))


def test_the_test_bed_builds_telegraf_with_every_plugin():
    settings = (roles.ROOT / "tests/testbed/versions.env").read_text(encoding="utf-8").replace("\\\n", "")
    tags = re.search(r"TESTBED_TELEGRAF_TAGS:=([^}]*)", settings)[1].split(",")
    switches = {f"telegraf_{name}_enabled": True for name in (*SWITCHES, "influxdb", "influxdb2", "prometheus")}
    found = configuration(**WANTED, **RABBITMQ, **switches, telegraf_rabbitmq_prometheus_url="http://mq:15692/metrics")
    wanted = {f"{kind}.{name}" for kind in ("inputs", "processors", "outputs") for name in found[kind]}
    entries = [entry for entries in found["inputs"].values() for entry in entries]
    wanted |= {f"parsers.{entry['data_format']}" for entry in entries if "data_format" in entry}
    assert {"inputs.file", "parsers.json"} <= wanted
    assert wanted <= set(tags)


def test_configuration_with_defaults():
    found = configuration()
    assert found["agent"]["interval"] == "10s"
    assert found["agent"]["hostname"] == "monitor"
    assert list(found["inputs"]) == ["prometheus", "systemd_units", "cgroup"]
    assert found["inputs"]["prometheus"][0]["urls"] == ["http://127.0.0.1:5555/metrics"]
    assert found["inputs"]["prometheus"][0]["metric_version"] == 1
    assert found["outputs"]["influxdb"] == [
        {
            "urls": ["http://127.0.0.1:8086"],
            "database": "galaxy",
            "username": "writer",
            "password": "${TELEGRAF_INFLUXDB_PASSWORD}",
            "skip_database_creation": True,
            # The buckets of the run times: a database of InfluxQL cannot use them.
            "fieldexclude": ["[0-9]*", "+Inf"],
        }
    ]


def test_an_address_to_connect_to_and_a_name_to_verify():
    given = {"galaxy_amqp_host": "mq.example.org", "galaxy_amqp_address": "10.5.0.7"}
    (found,) = configuration(**given)["inputs"]["x509_cert"]
    assert (found["sources"], found["server_name"]) == (["tcp://10.5.0.7:5671"], "mq.example.org")
    (found,) = configuration(galaxy_amqp_host="mq.example.org")["inputs"]["x509_cert"]
    assert "server_name" not in found


def test_an_influxdb_without_a_login():
    (output,) = configuration(telegraf_influxdb_login_enabled=False)["outputs"]["influxdb"]
    assert set(output) == {"urls", "database", "skip_database_creation", "fieldexclude"}
    assert "PASSWORD" not in render("etc/telegraf/telegraf.env.j2", telegraf_influxdb_login_enabled=False)


def test_configuration_with_rabbitmq_and_a_private_ca():
    rabbitmq = configuration(**RABBITMQ, galaxy_amqp_ca_file="/etc/ca.pem")["inputs"]["rabbitmq"][0]
    assert rabbitmq["url"] == "https://mq.internal"
    assert rabbitmq["tls_ca"] == "/etc/ca.pem"
    assert rabbitmq["password"] == "${TELEGRAF_RABBITMQ_PASSWORD}"


def test_configuration_with_further_plugins():
    found = configuration(
        telegraf_interval_seconds=30,
        telegraf_influxdb_enabled=False,
        telegraf_extra_inputs={
            "prometheus": [{"urls": ["http://x"]}],
            "disk": [{"mount_points": ["/srv"], "tags": {"a": 'b"c'}}],
        },
        telegraf_extra_outputs={"prometheus_client": [{"listen": "127.0.0.1:9273"}]},
    )
    assert found["agent"]["flush_interval"] == "30s"
    assert len(found["inputs"]["prometheus"]) == 2
    assert found["inputs"]["disk"][0]["tags"] == {"a": 'b"c'}
    assert list(found["outputs"]) == ["prometheus_client"]


def test_configuration_holds_no_secret():
    text = render("etc/telegraf/telegraf.conf.j2", **RABBITMQ)
    assert "topsecret" not in text
    assert "rabbitsecret" not in text


def test_tables_are_written_as_telegraf_reads_them():
    text = render("etc/telegraf/telegraf.conf.j2", **RABBITMQ)
    for name in ("inputs.prometheus", "inputs.rabbitmq", "outputs.influxdb"):
        assert f"[[{name}]]" in text


@pytest.mark.parametrize("password", ["topsecret", HOSTILE])
def test_environment(password, tmp_path):
    values = {**RABBITMQ, "telegraf_influxdb_password": password, "telegraf_environment": {"TOKEN": HOSTILE}}
    assert role_templates.environment(render("etc/telegraf/telegraf.env.j2", **values), tmp_path) == {
        "TELEGRAF_INFLUXDB_PASSWORD": password,
        "TELEGRAF_RABBITMQ_PASSWORD": "rabbitsecret",
        "TOKEN": HOSTILE,
    }


def test_unit():
    text = render("etc/systemd/system/telegraf.service.j2", telegraf_install_method="file")
    service = role_templates.unit(text)["Service"]
    assert service["ExecStart"] == "/usr/local/bin/telegraf --config /etc/telegraf/telegraf.conf"
    assert service["Type"] == "notify"


def test_addition_to_the_unit():
    text = render("etc/systemd/system/telegraf.service.d/galaxy-celery.conf.j2", telegraf_memory_max_mb=99)
    service = role_templates.unit(text)["Service"]
    assert dict(service) == {"EnvironmentFile": "/etc/telegraf/telegraf.env", "MemoryMax": "99M"}


def test_every_input_has_its_switch():
    off = {f"telegraf_{name}_enabled": False for name in SWITCHES}
    extra = {"telegraf_extra_inputs": {"internal": [{}]}}
    assert list(configuration(**off, **extra)["inputs"]) == ["internal"]
    for name, plugin in SWITCHES.items():
        found = configuration(**{**off, **extra, **WANTED, f"telegraf_{name}_enabled": True})
        assert set(found["inputs"]) == {plugin, "internal"}, name


def test_paths_of_the_cgroups():
    (found,) = configuration(telegraf_units=["celery-galaxy-worker@*.service", "flower.service"])["inputs"]["cgroup"]
    assert found["paths"] == [
        "/sys/fs/cgroup/system.slice/system-*.slice/celery-galaxy-worker@*.service",
        "/sys/fs/cgroup/system.slice/flower.service",
    ]


def test_outputs():
    found = configuration(
        telegraf_influxdb_enabled=False,
        telegraf_influxdb2_enabled=True,
        telegraf_influxdb2_url="https://influx",
        telegraf_influxdb2_organization="o",
        telegraf_influxdb2_bucket="b",
        telegraf_influxdb2_token="topsecret",
        telegraf_prometheus_enabled=True,
        telegraf_prometheus_address="fd00::1",
    )["outputs"]
    assert list(found) == ["influxdb_v2", "prometheus_client"]
    assert found["influxdb_v2"][0]["token"] == "${TELEGRAF_INFLUXDB2_TOKEN}"
    assert found["prometheus_client"][0]["listen"] == "[fd00::1]:9273"


def test_the_data_source_of_grafana():
    for values, kind in (({}, "influxdb"), ({"telegraf_grafana_flavour": "prometheus"}, "prometheus")):
        found = role_templates.evaluate("telegraf", "__telegraf_grafana_datasource", SITE, **values)
        assert (found["type"], found["uid"]) == (kind, "galaxy-celery")
    second = {"telegraf_influxdb2_url": "http://two", "telegraf_influxdb2_token": "t"}
    second["telegraf_influxdb_enabled"] = False
    found = role_templates.evaluate("telegraf", "__telegraf_grafana_datasource", SITE, **second)
    assert (found["url"], found["secureJsonData"]) == ("http://two", {"httpHeaderValue1": "Token t"})


BESIDE = {"telegraf_install_method": "existing", **RABBITMQ, **WANTED}


def test_beside_a_telegraf_of_the_site_nothing_of_its_own_is_touched():
    """No agent, and nothing that the site reads passes this role's script and outputs."""
    found = configuration(**BESIDE)
    assert sorted(found) == ["inputs", "outputs", "processors"]
    inputs = [plugin for plugins in found["inputs"].values() for plugin in plugins]
    assert len(inputs) > 3
    for plugin in inputs:
        assert plugin["tags"] == {"galaxy_celery": "1", "host": "monitor"}
        # A plugin's list of tags drops all others, seen with Telegraf 1.39.3.
        assert "galaxy_celery" in plugin.get("taginclude", ["galaxy_celery"])
        assert plugin["interval"] in ("10s", "300s")
    for part in ("processors", "outputs"):
        plugins = [plugin for plugins in found[part].values() for plugin in plugins]
        assert plugins and all(plugin["tagpass"] == {"galaxy_celery": ["1"]} for plugin in plugins)
    assert found["outputs"]["influxdb"][0]["tagexclude"] == ["galaxy_celery"]
    # Otherwise it is the same.
    whole = configuration(**{**BESIDE, "telegraf_install_method": "file"})
    added = {"tags", "taginclude", "interval"}
    for kind, plugins in whole["inputs"].items():
        for one, other in zip(plugins, found["inputs"][kind]):
            kept = {key: value for key, value in other.items() if key not in added or key in one}
            kept |= {"taginclude": one["taginclude"]} if "taginclude" in one else {}
            assert kept == one


def test_beside_it_the_outputs_may_be_the_sites_alone():
    assert "outputs" not in configuration(**BESIDE, telegraf_influxdb_enabled=False)
    text = render("etc/systemd/system/telegraf.service.d/galaxy-celery.conf.j2", **BESIDE)
    assert "MemoryMax" not in text
    assert "EnvironmentFile=/etc/telegraf/telegraf-galaxy-celery.env" in text


@pytest.mark.parametrize("template", ["etc/telegraf/telegraf.conf.j2", "etc/systemd/system/telegraf.service.j2"])
def test_what_the_role_writes_as_a_whole_has_its_mark(template):
    assert "usegalaxy_eu.celery" in render(template)
