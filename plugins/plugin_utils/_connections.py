# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who connects to whom in a stack: the table for the person who owns the firewall.

Private to the collection. Pure: names of hosts and plain variables in, rows out.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple
from urllib.parse import urlsplit

Value = Callable[[str], Any]


class Connection(NamedTuple):
    """One line of the table."""

    source: str
    target: str
    port: int
    tls: str
    reason: str


def port_of(address: Any) -> int:
    """Return the port of an address such as C(:443)."""
    text = str(address).rpartition(":")[2]
    return int(text) if text.isdigit() else 0


def named(hosts: list[str]) -> str:
    """Join hosts for one cell."""
    return ", ".join(sorted(dict.fromkeys(hosts)))


def connections(hosts: dict[str, list[str]], value: Value) -> list[Connection]:
    """Return what must be let through between hosts; what stays on one host is left out.

    :param hosts: the hosts of each group, by the group's usual name.
    :param value: returns a variable of the stack, or its role's default.
    """
    galaxy, brokers, proxies = hosts["galaxyservers"], hosts["rabbitmqservers"], hosts["traefikservers"]
    workers, flower, telegraf = hosts["celeryservers"], hosts["flowerservers"], hosts["telegrafservers"]

    def number(name: str) -> int:
        return int(value(name))

    def text(name: str) -> str:
        return str(value(name))

    amqps, websecure = number("galaxy_amqp_port"), port_of(text("traefik_websecure_address"))
    database_tls = "yes" if text("postgresql_access_connection_type") == "hostssl" else "as the server has it"
    found: list[tuple[list[str], list[str], int, str, str]] = []
    entry = proxies or brokers
    found.append((galaxy + workers, entry, amqps, "yes", "tasks"))
    found.append((flower, entry, amqps, "yes", "events of the workers"))
    if brokers and proxies and set(brokers) != set(proxies):
        found.append((proxies, brokers, number("rabbitmq_tls_port"), "yes", "AMQP from the proxy to the broker"))
        found.append(
            (
                proxies,
                brokers,
                number("rabbitmq_management_port"),
                "no",
                "RabbitMQ's dashboard and API behind the proxy",
            )
        )
    if len(brokers) > 1:
        for name in ("rabbitmq_cluster_epmd_port", "rabbitmq_cluster_distribution_port"):
            found.append((brokers, brokers, number(name), "no", "RabbitMQ's cluster: a private network"))
    found.append(
        (workers, hosts["dbservers"], number("postgresql_access_port"), database_tls, "Galaxy's database, results")
    )
    method = text("galaxy_sync_method")
    if method == "rsync":
        found.append((workers, galaxy[:1], number("galaxy_sync_source_port"), "ssh", "copy of the release"))
    elif method == "nfs":
        found.append((workers, galaxy[:1], 2049, "no", "mount of the release"))
    found.append((telegraf[:1], proxies, websecure, "yes", "RabbitMQ's API, for the metrics"))
    if text("traefik_flower_host"):
        found.append((proxies, flower, number("flower_port"), "no", "Flower behind the proxy"))
    rows = [row for row in map(crossing, found) if row]
    if proxies:
        rows.append(
            Connection("administrators", named(proxies), websecure, "yes", "dashboards, from traefik_private_networks")
        )
        if text("traefik_certificate_source") == "acme" and text("traefik_acme_challenge") in ("http", "tls"):
            port = 80 if text("traefik_acme_challenge") == "http" else websecure
            rows.append(
                Connection(
                    "the ACME server",
                    named(proxies),
                    port,
                    "no" if port == 80 else "yes",
                    "proof of the certificate's names",
                )
            )
    influx = urlsplit(text("telegraf_influxdb_url"))
    if telegraf and influx.hostname and text("telegraf_influxdb_enabled").lower() not in ("false", "no", "0"):
        secure = influx.scheme == "https"
        rows.append(
            Connection(
                named(telegraf),
                influx.hostname,
                influx.port or (443 if secure else 8086),
                "yes" if secure else "no",
                "metrics",
            )
        )
    return rows


def crossing(entry: tuple[list[str], list[str], int, str, str]) -> Connection | None:
    """Return the row of those that connect to another host than their own, or nothing."""
    sources, targets, port, tls, reason = entry
    outside = [host for host in sources if set(targets) - {host}]
    return Connection(named(outside), named(targets), port, tls, reason) if outside and targets else None


def table(rows: list[Connection]) -> list[str]:
    """Return the rows as lines of equal columns."""
    cells = [
        ("from", "to", "port", "TLS", "why"),
        *[(row.source, row.target, str(row.port), row.tls, row.reason) for row in rows],
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in cells]
