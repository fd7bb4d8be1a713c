# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a proxy reaches the brokers of an inventory."""

from __future__ import annotations

from dataclasses import dataclass

from .site import Host, Values, bracketed

MODES = ("terminate", "passthrough")
# How an address may say that all are meant. Docker writes IPv6 in brackets.
EVERY = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 compared, not bound
# An address that is made of what only the host knows, and nobody has asked it.
UNKNOWN = "unknown"
LOOPBACK = ("localhost", "::1", "[::1]")


@dataclass(frozen=True)
class Route:
    """The way to the brokers.

    :ivar servers: the brokers as host:port, where there are no problems.
    :ivar tls: whether the proxy itself is to speak TLS to them, never where it passes that of its clients through.
    :ivar problems: what keeps the proxy from reaching them, one sentence with its remedy for each.
    """

    servers: list[str]
    tls: bool
    problems: list[str]


def _address(values: Values, name: str, default: str) -> str:
    return UNKNOWN if values.unknown(name) else values.text(name, default)


class Broker:
    """Where a broker listens."""

    def __init__(self, host: Host) -> None:
        values = host.role("rabbitmq")
        self.name = host.name
        self.plain = values.flag("rabbitmq_plain_enabled", True)
        self.tls = values.flag("rabbitmq_tls_enabled")
        self.plain_address = _address(values, "rabbitmq_listen_address", "127.0.0.1")
        self.tls_address = _address(values, "rabbitmq_tls_address", self.plain_address)
        self.plain_port = values.text("rabbitmq_amqp_port", "5672")
        self.tls_port = values.text("rabbitmq_tls_port", "5671")
        self.known_address = host.ipv4


def _is_loopback(address: str) -> bool:
    return address in LOOPBACK or address.startswith("127.")


def _reason(broker: Broker, host: str, passthrough: bool) -> tuple[str, str]:
    """Say why the leg to a broker is TLS, and what else than a TLS listener would do."""
    if passthrough:
        return "traefik_broker_mode is passthrough", "or set traefik_broker_mode to terminate"
    if broker.name != host:
        return f"Traefik is on another host, {host}", f"or run Traefik on {broker.name}"
    return "rabbitmq_plain_enabled is false", "or set rabbitmq_plain_enabled to true"


def _problem(broker: Broker, host: str, passthrough: bool, asked: bool) -> str | None:
    """Return what keeps the proxy from reaching a broker over TLS, or None."""
    if not broker.tls:
        reason, other = _reason(broker, host, passthrough)
        return (
            f"rabbitmq_tls_enabled is false on {broker.name}, but Traefik speaks to it over TLS, because {reason}. Set "
            f"rabbitmq_tls_enabled to true, rabbitmq_certificate and rabbitmq_private_key, {other}."
        )
    if broker.name == host:
        return None
    if _is_loopback(broker.tls_address):
        return (
            f"rabbitmq_tls_address is {broker.tls_address} on {broker.name}, where Traefik on {host} does not reach it. Set "
            f"rabbitmq_tls_address to an address of {broker.name} that it reaches, or to 0.0.0.0 for all of them."
        )
    if broker.tls_address in EVERY and not broker.known_address and asked:
        return (
            f"The address of {broker.name} is not known, so Traefik on {host} cannot be told where the broker is. Run without "
            "--limit, or set rabbitmq_tls_address to one address."
        )
    return None


def _server(broker: Broker, host: str, tls: bool) -> str:
    address = broker.tls_address if tls else broker.plain_address
    if address in EVERY:
        # While nobody has been asked, a name has the place of an address.
        address = "127.0.0.1" if broker.name == host else broker.known_address or broker.name
    return f"{bracketed(address)}:{broker.tls_port if tls else broker.plain_port}"


def route(brokers: list[Host], host: Host, mode: str, asked: bool = True) -> Route:
    """Return how a proxy on a host reaches the brokers; without one it is on the proxy's host.

    Without TLS only where the one broker is on the proxy's host, listens without TLS, and the proxy ends the TLS of its
    clients itself. Where nobody was asked, an address that is not known is no problem.
    """
    known = [Broker(found) for found in brokers or [host]]
    passthrough = mode == "passthrough"
    secured = passthrough or [broker.name for broker in known] != [host.name] or not known[0].plain
    problems = [_problem(broker, host.name, passthrough, asked) for broker in known] if secured else []
    return Route(
        servers=[_server(broker, host.name, secured) for broker in known],
        tls=secured and not passthrough,
        problems=[problem for problem in problems if problem],
    )


def clashes(brokers: list[Host], host: Host) -> list[str]:
    """Return what proxy and brokers do not agree on, one sentence with its remedy for each.

    Ports that both the proxy and a broker on its host want, and servers that the inventory names where no broker is.
    """
    known = [Broker(found) for found in brokers or [host]]
    entry_point = host.role("traefik").text("traefik_amqps_address", ":5671")
    found = [_clash(broker, host.name, entry_point) for broker in known]
    found.append(_stray(known, host.name, host.given.texts("traefik_broker_servers")))
    return [problem for problem in found if problem]


def _stray(brokers: list[Broker], host: str, servers: list[str]) -> str | None:
    """Return the problem of servers that the inventory gives the proxy and that are no broker of it, or None."""
    if any(broker.name == host for broker in brokers):
        return None
    where = [_server(broker, host, tls) for broker in brokers for tls in (True, False) if (broker.tls if tls else broker.plain)]
    addresses = {server.rpartition(":")[0] for server in where}
    for server in servers:
        address = server.rpartition(":")[0]
        if _is_loopback(address) or (address in addresses and server not in where):
            return (
                f"traefik_broker_servers has {server} on {host}, but the broker is on {', '.join(broker.name for broker in brokers)} and listens on "
                f"{' and '.join(where)}. Leave traefik_broker_servers out, or set it to where {host} reaches the broker."
            )
    return None


def _clash(broker: Broker, host: str, entry_point: str) -> str | None:
    address, _colon, port = entry_point.removesuffix("/tcp").rpartition(":")
    wanted = [("rabbitmq_tls_port", broker.tls_address, broker.tls_port, broker.tls)]
    wanted.append(("rabbitmq_amqp_port", broker.plain_address, broker.plain_port, broker.plain))
    for variable, own, number, enabled in wanted:
        meet = own in EVERY or address in EVERY or own == address
        if enabled and broker.name == host and number == port and number.isdigit() and meet:
            return (
                f"{variable} is {number} on {host}, but Traefik listens on {entry_point} there (traefik_amqps_address). Set "
                f"{variable} to another port, for example {int(number) + 2}; clients keep using Traefik's."
            )
    return None
