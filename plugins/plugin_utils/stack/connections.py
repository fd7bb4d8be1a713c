# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who connects to whom in a stack: the table for the person who owns the firewall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from urllib.parse import urlsplit

from .site import Site, Values

NFS_PORT = 2049
HEADER = ("from", "to", "port", "TLS", "why")


@dataclass(frozen=True)
class Connection:
    """One line of the table."""

    source: str
    target: str
    port: int
    tls: str
    reason: str


def port_of(address: str) -> int:
    """Return the port of an address such as C(:443)."""
    text = address.rpartition(":")[2]
    return int(text) if text.isdigit() else 0


def named(hosts: Sequence[str]) -> str:
    """Join hosts for one cell."""
    return ", ".join(sorted(set(hosts)))


def crossing(sources: Sequence[str], targets: Sequence[str], port: int, tls: str, reason: str) -> Iterator[Connection]:
    """Yield the line of those that connect to another host than their own, if there is one."""
    outside = [host for host in sources if set(targets) - {host}]
    if outside and targets:
        yield Connection(named(outside), named(targets), port, tls, reason)


class Table:
    """The variables of each part are those of its first host."""

    def __init__(self, site: Site) -> None:
        self.groups, self.site = site.groups, site
        self.broker = self._values("broker", "rabbitmq")
        self.proxy = self._values("proxy", "traefik")
        self.websecure = port_of(self.proxy.text("traefik_websecure_address"))

    def _values(self, part: str, role: str) -> Values:
        return self.site.first(self.groups.of(part)).role(role)

    def rows(self) -> Iterator[Connection]:
        """Yield what must be let through between hosts; what stays on one host is left out."""
        yield from self._to_the_broker()
        yield from self._from_the_workers()
        yield from crossing(self.groups.monitored[:1], self.groups.proxy, self.websecure, "yes", "RabbitMQ's API, for the metrics")
        if self.proxy.text("traefik_flower_host"):
            port = self._values("flower", "flower").number("flower_port")
            yield from crossing(self.groups.proxy, self.groups.flower, port, "no", "Flower behind the proxy")
        yield from self._from_outside()

    def _to_the_broker(self) -> Iterator[Connection]:
        groups, brokers, proxies = self.groups, self.groups.broker, self.groups.proxy
        entry, amqps = proxies or brokers, self._values("galaxy", "galaxy").number("galaxy_amqp_port", 5671)
        yield from crossing(groups.galaxy + groups.workers, entry, amqps, "yes", "tasks")
        yield from crossing(groups.flower, entry, amqps, "yes", "events of the workers")
        if brokers and proxies and set(brokers) != set(proxies):
            port = self.broker.number("rabbitmq_tls_port")
            yield from crossing(proxies, brokers, port, "yes", "AMQP from the proxy to the broker")
            port = self.broker.number("rabbitmq_management_port")
            yield from crossing(proxies, brokers, port, "no", "RabbitMQ's dashboard and API behind the proxy")
        for name in ("rabbitmq_cluster_epmd_port", "rabbitmq_cluster_distribution_port") if len(brokers) > 1 else ():
            yield from crossing(brokers, brokers, self.broker.number(name), "no", "RabbitMQ's cluster: a private network")

    def _from_the_workers(self) -> Iterator[Connection]:
        groups, database, sync = self.groups, self._values("database", "postgresql_access"), self._values("workers", "galaxy_sync")
        tls = "yes" if database.text("postgresql_access_connection_type") == "hostssl" else "as the server has it"
        port = database.number("postgresql_access_port")
        store = self._values("galaxy", "galaxy").mapping("__galaxy_result_store")
        reason = "Galaxy's database" if store.text("host") else "Galaxy's database, results"
        yield from crossing(groups.workers, groups.database, port, tls, reason)
        if store.text("host"):
            tls = "yes" if store.flag("tls") else "no"
            yield Connection(named(groups.galaxy + groups.workers), store.text("host"), store.number("port"), tls, "results")
        method = sync.text("galaxy_sync_method")
        if method == "rsync":
            port = sync.number("galaxy_sync_source_port")
            yield from crossing(groups.workers, groups.galaxy[:1], port, "ssh", "copy of the release")
        elif method == "nfs":
            yield from crossing(groups.workers, groups.galaxy[:1], NFS_PORT, "no", "mount of the release")

    def _from_outside(self) -> Iterator[Connection]:
        proxies, monitored = named(self.groups.proxy), named(self.groups.monitored)
        challenge = self.proxy.text("traefik_acme_challenge")
        if proxies:
            yield Connection("administrators", proxies, self.websecure, "yes", "dashboards, from traefik_private_networks")
        if proxies and self.proxy.text("traefik_certificate_source") == "acme" and challenge in ("http", "tls"):
            port, tls = (80, "no") if challenge == "http" else (self.websecure, "yes")
            yield Connection("the ACME server", proxies, port, tls, "proof of the certificate's names")
        values = self._values("monitored", "telegraf")
        influx = urlsplit(values.text("telegraf_influxdb_url"))
        if monitored and influx.hostname and values.flag("telegraf_influxdb_enabled", True):
            usual, tls = (443, "yes") if influx.scheme == "https" else (8086, "no")
            yield Connection(monitored, influx.hostname, influx.port or usual, tls, "metrics")


def connections(site: Site) -> list[Connection]:
    """Return the lines of the table."""
    return list(Table(site).rows())


def lines(rows: Sequence[Connection]) -> list[str]:
    """Return the table as text of equal columns."""
    cells = [HEADER, *(tuple(map(str, astuple(row))) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in cells]
