# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of connections, for the person who owns the firewall."""

from __future__ import annotations

from tools import roles

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack import connections, wanted
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.parts import PARTS
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.site import Groups, Host, Site, Values

NONE = {part.group: [] for part in PARTS.values()}


def found_in(hosts, **values):
    """The connections of a stack whose hosts have these variables."""
    known = {role: Values({**roles.defaults(role), **values}) for role in wanted.ROLES}
    names = {name for group in hosts.values() for name in group}
    groups = Groups(**{name: hosts.get(part.group, []) for name, part in PARTS.items()})
    return connections.connections(Site({name: Host(name, roles=known) for name in names}, groups))


def rows(hosts, **values):
    """The table of a stack as tuples without the reason."""
    return [(row.source, row.target, row.port, row.tls) for row in found_in(hosts, **values)]


APART = {
    "galaxyservers": ["galaxy"],
    "rabbitmqservers": ["mq"],
    "traefikservers": ["mq"],
    "dbservers": ["db"],
    "celeryservers": ["w1", "w2"],
    "flowerservers": ["monitor"],
    "telegrafservers": ["monitor"],
}


def test_a_stack_on_several_hosts():
    assert rows(APART, telegraf_influxdb_url="https://influx.example.org:8086") == [
        ("galaxy, w1, w2", "mq", 5671, "yes"),
        ("monitor", "mq", 5671, "yes"),
        ("w1, w2", "db", 5432, "yes"),
        ("w1, w2", "galaxy", 22, "ssh"),
        ("monitor", "mq", 443, "yes"),
        ("administrators", "mq", 443, "yes"),
        ("monitor", "influx.example.org", 8086, "yes"),
    ]


def test_one_host_needs_nothing_but_the_dashboards():
    assert rows({name: ["one"] for name in NONE}) == [("administrators", "one", 443, "yes")]


def test_a_broker_behind_a_proxy_on_another_host():
    found = rows({**APART, "traefikservers": ["proxy"]}, rabbitmq_tls_port=5673, traefik_websecure_address=":8443")
    assert ("proxy", "mq", 5673, "yes") in found
    assert ("proxy", "mq", 15672, "no") in found
    assert ("administrators", "proxy", 8443, "yes") in found


def test_a_cluster_talks_among_itself():
    found = rows({**APART, "rabbitmqservers": ["mq1", "mq2"], "traefikservers": ["mq1"]})
    assert ("mq1, mq2", "mq1, mq2", 25672, "no") in found


def test_what_variables_change():
    found = rows(
        APART,
        galaxy_amqp_port="5700",
        galaxy_sync_method="nfs",
        postgresql_access_connection_type="host",
        traefik_certificate_source="acme",
        traefik_acme_challenge="http",
        traefik_flower_host="flower.example.org",
    )
    assert ("galaxy, w1, w2", "mq", 5700, "yes") in found
    assert ("w1, w2", "galaxy", 2049, "no") in found
    assert ("w1, w2", "db", 5432, "as the server has it") in found
    assert ("the ACME server", "mq", 80, "no") in found
    assert ("mq", "monitor", 5555, "no") in found
    assert rows(APART, galaxy_sync_method="none") == [row for row in rows(APART) if row[2] != 22]


def test_results_in_a_store_of_their_own():
    store = {"host": "results.example.org", "port": 6380, "tls": True}
    found = found_in(APART, __galaxy_result_store=store)
    assert connections.Connection("galaxy, w1, w2", "results.example.org", 6380, "yes", "results") in found
    assert "Galaxy's database" in [row.reason for row in found]


def test_the_lines_have_equal_columns():
    lines = connections.lines(found_in(APART))
    assert lines[0] == "from            to      port  TLS  why"
    assert lines[1] == "galaxy, w1, w2  mq      5671  yes  tasks"
