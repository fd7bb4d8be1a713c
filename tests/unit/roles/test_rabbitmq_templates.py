# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the templates of the role rabbitmq and read them with the parsers of their formats."""

from __future__ import annotations

import base64
import configparser
import hashlib
import json
import re

import pytest
from tools import role_templates

CONF = "etc/rabbitmq-galaxy/conf/"
PASSWORD = "p\"a\\s$H'é:#,"
SITE = {
    "ansible_facts": {"os_family": "Debian"},
    "rabbitmq_admin_password": PASSWORD,
    "rabbitmq_erlang_cookie": "C" * 32,
    "galaxy_amqp_password": "galaxy-pw",
    "flower_amqp_password": "flower-pw",
    "telegraf_amqp_password": "telegraf-pw",
}


def render(template, **values):
    return role_templates.render("rabbitmq", CONF + template, SITE, **values)


def configuration(**values):
    """rabbitmq.conf is the body of an ini file: key = value, comments from #, each key once."""
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), inline_comment_prefixes=None)
    parser.optionxform = str
    parser.read_string("[broker]\n" + render("rabbitmq.conf.j2", **values))
    return dict(parser["broker"])


def test_configuration_with_defaults():
    found = configuration()
    assert found == {
        "anonymous_login_user": "none",
        "consumer_timeout": "21600000",
        "disk_free_limit.absolute": "1GB",
        "heartbeat": "60",
        "listeners.tcp.default": "5672",
        "load_definitions": "/etc/rabbitmq/definitions.json",
        "log.console": "true",
        "log.console.level": "info",
        "log.file": "false",
        "loopback_users": "none",
        "management.tcp.port": "15672",
        "max_message_size": "134217728",
        "message_interceptors.incoming.set_header_timestamp.overwrite": "false",
        "prometheus.tcp.port": "15692",
        "proxy_protocol": "true",
        "vm_memory_high_watermark.absolute": "2457MiB",
    }


def test_configuration_with_other_values():
    found = configuration(
        rabbitmq_proxy_protocol_enabled=False,
        rabbitmq_consumer_timeout_seconds=1800,
        rabbitmq_max_message_size_mb=512,
        rabbitmq_memory_limit_mb=1000,
        rabbitmq_config={
            "log.console.level": "warning",
            "disk_free_limit.absolute": None,
            "auth_ldap.servers.1": "ldap.example.org",
            "channel_max": 100,
            "auth_ldap.use_ssl": True,
        },
    )
    assert found["proxy_protocol"] == "false"
    assert found["consumer_timeout"] == "1800000"
    assert found["max_message_size"] == "536870912"
    assert found["vm_memory_high_watermark.absolute"] == "600MiB"
    assert found["log.console.level"] == "warning"
    assert "disk_free_limit.absolute" not in found
    assert found["auth_ldap.servers.1"] == "ldap.example.org"
    assert found["channel_max"] == "100"
    assert found["auth_ldap.use_ssl"] == "true"


def test_a_tls_listener_beside_the_plain_one():
    found = configuration(rabbitmq_tls_enabled=True)
    assert {key: value for key, value in found.items() if key not in configuration()} == {
        "listeners.ssl.default": "5671",
        "ssl_options.certfile": "/etc/rabbitmq/tls/server.crt",
        "ssl_options.fail_if_no_peer_cert": "false",
        "ssl_options.keyfile": "/etc/rabbitmq/tls/server.key",
        "ssl_options.verify": "verify_none",
        "ssl_options.versions.1": "tlsv1.3",
        "ssl_options.versions.2": "tlsv1.2",
    }
    assert found["listeners.tcp.default"] == "5672"


def test_a_tls_listener_alone():
    found = configuration(
        rabbitmq_tls_enabled=True, rabbitmq_plain_enabled=False, rabbitmq_config={"ssl_options.versions.2": None}
    )
    assert found["listeners.tcp"] == "none"
    assert "listeners.tcp.default" not in found
    assert [value for key, value in found.items() if key.startswith("ssl_options.versions")] == ["tlsv1.3"]


@pytest.mark.parametrize(
    ("given", "gone"),
    [
        ({"disk_free_limit.relative": 1.0}, "disk_free_limit.absolute"),
        ({"vm_memory_high_watermark.relative": 0.4}, "vm_memory_high_watermark.absolute"),
        ({"listeners.tcp": "none"}, "listeners.tcp.default"),
        ({"listeners.tcp.local": "127.0.0.1:5672"}, "listeners.tcp.default"),
        ({"listeners.ssl": "none"}, "listeners.ssl.default"),
        ({"loopback_users.guest": True}, "loopback_users"),
        ({"management.listener.port": 15672}, "management.tcp.port"),
        ({"ssl_options.versions.1": "tlsv1.3"}, "ssl_options.versions.2"),
        ({"ssl_options.versions.new": "tlsv1.3"}, "ssl_options.versions.1"),
        ({"ssl_options.key.RSAPrivateKey": "x"}, "ssl_options.keyfile"),
        ({"ssl_options.cert": "x"}, "ssl_options.certfile"),
        ({"cluster_formation.classic_config.nodes.1": "rabbit@other"}, "cluster_formation.classic_config.nodes.3"),
    ],
)
def test_a_setting_with_several_keys_is_the_sites_alone(given, gone):
    """RabbitMQ lets an absolute limit win over a relative one, `none` over a list, and takes every entry of a list."""
    values = {"rabbitmq_tls_enabled": True, **CLUSTER}
    offered = configuration(**values)
    found = configuration(**values, rabbitmq_config=given)
    assert gone in offered
    assert gone not in found
    assert set(given) <= set(found)
    # Nothing but the other keys of that setting goes, and what is left out with null takes none of them away.
    head = re.match(r"(ssl_options\.[a-z]{3}|[^.]+(\.[a-z]{3})?)", gone).group()
    assert all(key.startswith(head) for key in set(offered) - set(found))
    assert configuration(**values, rabbitmq_config=dict.fromkeys(given)) == {
        key: value for key, value in offered.items() if key not in given
    }


def test_a_plain_listener_that_the_site_sets_counts():
    found = configuration(
        rabbitmq_tls_enabled=True, rabbitmq_plain_enabled=False, rabbitmq_config={"listeners.tcp.default": 5672}
    )
    assert "listeners.tcp" not in found


def test_the_certificate_of_the_broker_is_told_by_its_digest():
    values = {"rabbitmq_certificate": "CERTIFICATE\n\n", "rabbitmq_private_key": "KEY"}
    told = role_templates.evaluate("rabbitmq", "__rabbitmq_tls_told", SITE, **values)
    assert told == hashlib.sha256(b"CERTIFICATE").hexdigest() + "\n"
    files = role_templates.evaluate("rabbitmq", "__rabbitmq_tls_files", SITE, **values)
    assert {entry["path"].rpartition("/")[2] for entry in files} == {"server.crt", "server.key"}


CLUSTER = {
    "inventory_hostname": "mq-2",
    "rabbitmq_cluster_nodes": [{"name": f"mq-{number}", "address": f"10.0.0.{number}"} for number in (1, 2, 3)],
}


def test_configuration_of_a_node():
    alone, found = configuration(), configuration(**CLUSTER)
    assert {key: value for key, value in found.items() if key not in alone} == {
        "cluster_formation.peer_discovery_backend": "classic_config",
        "cluster_formation.classic_config.nodes.1": "rabbit@mq-1",
        "cluster_formation.classic_config.nodes.2": "rabbit@mq-2",
        "cluster_formation.classic_config.nodes.3": "rabbit@mq-3",
        "cluster_partition_handling": "pause_minority",
        "quorum_queue.continuous_membership_reconciliation.enabled": "true",
        "quorum_queue.continuous_membership_reconciliation.target_group_size": "3",
    }
    wins = configuration(**CLUSTER, rabbitmq_config={"cluster_partition_handling": "autoheal"})
    assert wins["cluster_partition_handling"] == "autoheal"


def test_one_entry_is_no_cluster():
    one = {"inventory_hostname": "mq-1", "rabbitmq_cluster_nodes": CLUSTER["rabbitmq_cluster_nodes"][:1]}
    assert configuration(**one) == configuration()
    assert role_templates.evaluate("rabbitmq", "rabbitmq_node_hostname", SITE, **one) == "rabbitmq"
    assert len(role_templates.evaluate("rabbitmq", "__rabbitmq_published_ports", SITE, **one)) == 3


def test_a_node_is_reached_by_the_others():
    def value(name):
        return role_templates.evaluate("rabbitmq", name, SITE, **CLUSTER, rabbitmq_cluster_epmd_port=4370)

    assert value("rabbitmq_node_hostname") == "mq-2"
    assert value("__rabbitmq_published_ports")[3:] == ["10.0.0.2:4370:4370/tcp", "10.0.0.2:25672:25672/tcp"]
    assert value("__rabbitmq_environment") == {
        "RABBITMQ_USE_LONGNAME": "false", "ERL_EPMD_PORT": "4370", "RABBITMQ_DIST_PORT": "25672"
    }  # fmt: skip
    assert [node["name"] for node in value("__rabbitmq_cluster_peers")] == ["mq-1", "mq-3"]


def test_configuration_holds_no_password():
    text = render("rabbitmq.conf.j2")
    assert not [secret for name, secret in SITE.items() if name.endswith(("password", "cookie")) and secret in text]


@pytest.mark.parametrize(
    ("plugins", "expected"),
    [
        (None, ["rabbitmq_management", "rabbitmq_prometheus"]),
        (["rabbitmq_prometheus", "rabbitmq_auth_backend_ldap", "rabbitmq_management"],
         ["rabbitmq_auth_backend_ldap", "rabbitmq_management", "rabbitmq_prometheus"]),
    ],
)  # fmt: skip
def test_plugins(plugins, expected):
    """One Erlang term: a list of atoms with a full stop."""
    text = render("enabled_plugins.j2", **({"rabbitmq_plugins": plugins} if plugins else {}))
    match = re.fullmatch(r"\[([a-z][a-z0-9_]*(?:,[a-z][a-z0-9_]*)*)\]\.\n?", text)
    assert match[1].split(",") == expected


def test_definitions_hold_the_administrator_alone():
    text = render("definitions.json.j2", rabbitmq_admin_user="root@x")
    found = json.loads(text)
    assert list(found) == ["users"]
    (user,) = found["users"]
    assert (user["name"], user["tags"]) == ("root@x", ["administrator"])
    assert user["hashing_algorithm"] == "rabbit_password_hashing_sha256"
    stored = base64.b64decode(user["password_hash"])
    assert stored[4:] == hashlib.sha256(stored[:4] + PASSWORD.encode()).digest()
    assert PASSWORD not in text


def test_definitions_are_the_same_at_each_run():
    assert render("definitions.json.j2") == render("definitions.json.j2")


def test_users_have_the_least_rights():
    users = {user["name"]: user for user in role_templates.evaluate("rabbitmq", "__rabbitmq_users", SITE)}
    assert users["guest"] == {"name": "guest", "state": "absent"}
    assert users["galaxy"]["tags"] == []
    assert users["telegraf"]["tags"] == ["monitoring"]
    assert {users["telegraf"]["permissions"][0][right] for right in ("configure", "write", "read")} == {"^$"}
    flower = users["flower"]["permissions"][0]
    assert re.search(flower["write"], "celery.pidbox")
    assert re.search(flower["read"], "celeryev.a-b")
    for queue in ("celery", "galaxy.internal", "galaxy.external", "control.main@host"):
        assert not [right for right in ("configure", "write", "read") if re.search(flower[right], queue)]


def test_policies_match_the_queues_that_they_are_for():
    policies = {entry["name"]: entry for entry in role_templates.evaluate("rabbitmq", "__rabbitmq_policies", SITE)}
    queues = {
        "galaxy-control": "control.main.web.1@galaxy",
        "celery-events": "celeryev.3f2a",
        "celery-pidbox": "worker-1@celery-1.celery.pidbox",
    }
    everything = [*queues.values(), "celery", "galaxy.internal", "galaxy.external"]
    matched = {name: [queue for queue in everything if re.search(policy["pattern"], queue)]
               for name, policy in policies.items()}  # fmt: skip
    assert matched == {name: [queue] for name, queue in queues.items()}


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 an input
        ("10.0.0.5", "10.0.0.5"),
    ],
)
def test_ports_are_published_on_the_chosen_address(address, url):
    values = {"rabbitmq_listen_address": address, "rabbitmq_management_port": 8443}
    assert role_templates.evaluate("rabbitmq", "__rabbitmq_published_ports", SITE, **values) == [
        f"{address}:5672:5672/tcp",
        f"{address}:8443:15672/tcp",
        f"{address}:15692:15692/tcp",
    ]
    found = role_templates.evaluate("rabbitmq", "rabbitmq_management_url", SITE, **values)
    assert found.strip() == f"http://{url}:8443"


@pytest.mark.parametrize(
    ("values", "amqp"),
    [
        ({"rabbitmq_tls_enabled": True}, ["127.0.0.1:5672:5672/tcp", "127.0.0.1:5671:5671/tcp"]),
        (
            {
                "rabbitmq_tls_enabled": True,
                "rabbitmq_plain_enabled": False,
                "rabbitmq_tls_port": 5673,
                "rabbitmq_tls_address": "10.0.0.5",
            },
            ["10.0.0.5:5673:5671/tcp"],
        ),
        ({"rabbitmq_plain_enabled": False}, []),
    ],
)
def test_only_a_listener_that_is_on_is_published(values, amqp):
    ports = role_templates.evaluate("rabbitmq", "__rabbitmq_published_ports", SITE, **values)
    assert ports == [*amqp, "127.0.0.1:15672:15672/tcp", "127.0.0.1:15692:15692/tcp"]


@pytest.mark.parametrize(
    ("started", "mtime", "unread"),
    [
        ("1970-01-02T00:00:01.123456789Z", 86401.5, True),
        ("1970-01-02T00:00:01.6Z", 86401.5, False),
        ("1970-01-02T00:00:02Z", 86401.5, False),
        ("1970-01-02T00:00:01Z", 86401.5, True),
    ],
)
def test_a_file_that_is_younger_than_the_start_of_the_broker_is_unread(started, mtime, unread):
    values = {
        "__rabbitmq_container": {"container": {"State": {"StartedAt": started}}},
        "__rabbitmq_start_files": {
            "results": [
                {"stat": {"exists": True, "path": "/conf", "mtime": mtime}},
                {"stat": {"exists": True, "path": "/cookie", "mtime": 5.0}},
                {"stat": {"exists": False}},
            ]
        },
    }
    assert role_templates.evaluate("rabbitmq", "__rabbitmq_unread", SITE, **values) == (["/conf"] if unread else [])


@pytest.mark.parametrize(
    ("info", "pull", "image"),
    [
        ({"images": [{"Id": "sha256:a"}]}, {"skipped": True}, "sha256:a"),
        ({"images": []}, {"image": {"Id": "sha256:b"}}, "sha256:b"),
        ({"images": []}, {"image": {}}, ""),  # check mode
        ({"skipped": True}, {"skipped": True}, ""),
    ],
)
def test_the_image_that_the_container_is_to_have(info, pull, image):
    values = {"__rabbitmq_image_info": info, "__rabbitmq_image_pull": pull}
    assert role_templates.evaluate("rabbitmq", "__rabbitmq_image_id", SITE, **values) == image


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("4.1.4\n", "4.1.4"),
        ("warning: something 1.2.3\n4.2.0-rc.1\n", "4.2.0-rc.1"),
        ("no such command", ""),
        (None, ""),
    ],
)
def test_the_version_that_an_image_tells(output, version):
    values = {"__rabbitmq_version": {"container": {"Output": output}} if output is not None else {"msg": "gone"}}
    assert role_templates.evaluate("rabbitmq", "__rabbitmq_wanted_version", SITE, **values) == version


@pytest.mark.parametrize(("address", "shown"), [("fd00::5", "[fd00::5]"), ("10.0.0.5", "10.0.0.5"), ("::", "[::]")])
def test_an_address_with_colons_is_published_in_brackets(address, shown):
    values = {"rabbitmq_listen_address": address, "rabbitmq_tls_enabled": True}
    found = role_templates.evaluate("rabbitmq", "__rabbitmq_addresses", SITE, **values)
    assert (found["rabbitmq_amqp_port"], found["rabbitmq_tls_port"]) == (f"{shown}:5672", f"{shown}:5671")
