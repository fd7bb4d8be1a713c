# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The broker and its proxy: who may connect, how the proxy reaches it, and the nodes of a cluster."""

from __future__ import annotations

from dataclasses import dataclass

from . import route
from .site import Closed, Host, Site, bracketed, unique


@dataclass(frozen=True)
class BrokerPlan:
    """Values that hosts need of the broker.

    :ivar clients: the addresses that connect to it, of Galaxy, the workers and Flower.
    :ivar nodes: of a cluster; none where there is one broker.
    :ivar servers: the brokers as host:port, for each mode of a proxy on this host; None where there is no proxy.
    :ivar tls: whether that proxy speaks TLS to them in the mode terminate.
    :ivar management_urls: where that proxy finds the management UI.
    :ivar closed: the broker's ports that are for its proxy alone.
    :ivar problems: what keeps that proxy from doing its work, one sentence with its remedy for each.
    """

    clients: list[str]
    nodes: list[dict[str, str]]
    servers: dict[str, list[str]] | None
    tls: bool | None
    management_urls: list[str] | None
    closed: Closed
    problems: list[str]


@dataclass(frozen=True)
class AuthorityPlan:
    """The private CA of a proxy, for those that connect to it.

    :ivar hosts: where there is one.
    :ivar path: of its certificate there.
    """

    hosts: list[str]
    path: str


def authority(site: Site) -> AuthorityPlan:
    """Return the hosts with a private CA."""
    proxies = [host for host in site.of(site.groups.proxy)
               if host.role("traefik").text("traefik_certificate_source") == "private_ca"]  # fmt: skip
    folder = proxies[0].role("traefik").text("traefik_private_ca_dir") if proxies else ""
    return AuthorityPlan([host.name for host in proxies], f"{folder}/ca.crt")


def cluster_nodes(site: Site) -> list[dict[str, str]]:
    """Return name and address of each node. A host may say those of its own node."""
    brokers = site.of(site.groups.broker)
    if len(brokers) < 2:
        return []
    return [
        {
            "name": host.given.text("rabbitmq_node_hostname", host.name),
            "address": host.given.text("rabbitmq_cluster_address", host.ipv4),
        }
        for host in brokers
    ]


class Brokers:
    """What is the same for all hosts is worked out once."""

    def __init__(self, site: Site) -> None:
        self.site, groups = site, site.groups
        self.hosts = site.of(groups.broker)
        clients = site.of(unique([*groups.galaxy, *groups.workers, *groups.flower]))
        sources = [host.towards("broker") for host in site.of(groups.workers)]
        self.clients = unique([*(host.ipv4 for host in clients), *(host.ipv6 for host in clients), *sources])
        # A host without facts would be shut out.
        self.unknown = [host.name for host in clients if not host.known] if site.asked else []
        self.nodes = cluster_nodes(site)

    def plan(self, host: Host) -> BrokerPlan:
        """Return the values for a host."""
        if host.name not in self.site.groups.proxy:
            return BrokerPlan(self.clients, self.nodes, None, None, None, self.closed(host), [])
        routes = {mode: route.route(self.hosts, host, mode, self.site.asked) for mode in route.MODES}
        return BrokerPlan(
            clients=self.clients,
            nodes=self.nodes,
            servers={mode: found.servers for mode, found in routes.items()},
            tls=routes["terminate"].tls,
            management_urls=self._management_urls(host),
            closed=self.closed(host),
            problems=self._problems(host, routes),
        )

    def closed(self, host: Host) -> Closed:
        """Return what must not answer from a host. On that of a proxy for a broker on another host it must."""
        groups = self.site.groups
        lets = host.name in groups.proxy and host.name not in groups.broker
        values = self.site.first(groups.broker).role("rabbitmq")
        ports = [
            {"name": "AMQP without TLS", "port": values.number("rabbitmq_amqp_port", 5672)},
            {"name": "the plain management port", "port": values.number("rabbitmq_management_port", 15672)},
        ]
        # Where a broker of the site's listens is the site's.
        own = [broker for broker in self.hosts if broker.role("rabbitmq").text("rabbitmq_install_method") != "existing"]
        return Closed([] if lets else [broker.ipv4 for broker in own if broker.known], ports)

    def _management_urls(self, host: Host) -> list[str]:
        """Return the management UI on this host, else on each broker's."""
        port = host.role("rabbitmq").text("rabbitmq_management_port", "15672")
        # While nobody has been asked, a name has the place of an address.
        addresses = [broker.ipv4 or broker.name for broker in self.hosts if broker.ipv4 or not self.site.asked]
        if self.site.groups.broker in ([], [host.name]):
            addresses = ["127.0.0.1"]
        return [f"http://{bracketed(address)}:{port}" for address in addresses]

    def _problems(self, host: Host, routes: dict[str, route.Route]) -> list[str]:
        proxy = host.role("traefik")
        problems = route.clashes(self.hosts, host)
        # An inventory that names the servers knows better, and so it does with the clients.
        mode = proxy.text("traefik_broker_mode", "terminate")
        if "traefik_broker_servers" not in host.given and mode in routes:
            problems += routes[mode].problems
        listed = proxy.flag("traefik_broker_allow_list_enabled", True)
        if self.unknown and listed and "traefik_broker_client_addresses" not in host.given:
            problems.append(
                f"The addresses of {', '.join(self.unknown)} are not known, so the broker would shut them out. Run without --limit, "
                "or set traefik_broker_allow_list_enabled to false."
            )
        return problems
