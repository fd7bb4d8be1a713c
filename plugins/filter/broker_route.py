# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that works out how a proxy reaches the brokers of an inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: broker_route
short_description: Work out how a proxy reaches the brokers of an inventory
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Chooses address and port of each broker as the proxy's host sees them, and whether this leg is TLS.
  - Without TLS only where the one broker is on the proxy's host, listens without TLS, and the proxy ends the TLS of its
    clients itself.
  - Reads the variables of the role C(rabbitmq) from the brokers' hosts, with the role's own defaults.
positional: hostvars, host, mode, entry_point
options:
  _input:
    description: Names of the brokers' hosts in the inventory. An empty list stands for a broker on the proxy's host.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts by the hosts' names, Ansible's C(hostvars).
    type: dict
    required: true
  host:
    description: Name of the proxy's host.
    type: str
    required: true
  mode:
    description: V(terminate) where the proxy ends the TLS of its clients, V(passthrough) where the broker does.
    type: str
    choices: [terminate, passthrough]
    default: terminate
  entry_point:
    description: Address and port on which the proxy listens, for example C(:5671).
    type: str
    default: ":5671"
"""

EXAMPLES = r"""
- name: Stop where the proxy cannot reach the broker
  ansible.builtin.assert:
    that: (route.problems + route.clashes) | length == 0
    fail_msg: "{{ (route.problems + route.clashes) | join(' ') }}"
  vars:
    route: "{{ groups['rabbitmqservers'] | usegalaxy_eu.celery.broker_route(hostvars, inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The way to the brokers.
  type: dict
  contains:
    servers:
      description: The brokers as host:port, where there are no problems.
      type: list
      elements: str
    tls:
      description: Whether the proxy itself is to speak TLS to them. Always false in the mode V(passthrough).
      type: bool
    problems:
      description: What keeps the proxy from reaching them, one sentence with its remedy for each.
      type: list
      elements: str
    clashes:
      description: >-
        Ports that both the proxy and a broker on its host want, and servers of C(traefik_broker_servers) where no broker is, likewise.
      type: list
      elements: str
"""

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean
from jinja2.exceptions import UndefinedError

MODES = ("terminate", "passthrough")
# How an address may say that all are meant. Docker writes IPv6 in brackets.
EVERY = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 compared, not bound
LOOPBACK = ("localhost", "::1", "[::1]")


# An address that is made of what only the host knows, and nobody has asked it.
UNKNOWN = "unknown"


def _address(variables, name, default):
    """Return the address that a variable has."""
    try:
        # A text is evaluated when it is read.
        return str(variables.get(name, default))
    except (AnsibleError, UndefinedError):
        return UNKNOWN


def _facts(variables):
    return variables.get("ansible_facts") or {}


class Broker:
    """What the inventory says of one broker, with the defaults of the role rabbitmq."""

    def __init__(self, name, variables):
        self.name = name
        self.plain = boolean(variables.get("rabbitmq_plain_enabled", True))
        self.tls = boolean(variables.get("rabbitmq_tls_enabled", False))
        self.plain_address = _address(variables, "rabbitmq_listen_address", "127.0.0.1")
        self.tls_address = _address(variables, "rabbitmq_tls_address", self.plain_address)
        self.plain_port = variables.get("rabbitmq_amqp_port", 5672)
        self.tls_port = variables.get("rabbitmq_tls_port", 5671)
        self.known_address = str((_facts(variables).get("default_ipv4") or {}).get("address") or "")


def _is_loopback(address):
    return address in LOOPBACK or address.startswith("127.")


def _reason(broker, host, passthrough):
    """Say why the leg to a broker is TLS, and what else than a TLS listener would do."""
    if passthrough:
        return "traefik_broker_mode is passthrough", "or set traefik_broker_mode to terminate"
    if broker.name != host:
        return f"Traefik is on another host, {host}", f"or run Traefik on {broker.name}"
    return "rabbitmq_plain_enabled is false", "or set rabbitmq_plain_enabled to true"


def _problem(broker, host, passthrough, asked):
    """Return what keeps the proxy from reaching a broker over TLS, or None.

    :param asked: whether the hosts have been asked for their addresses.
    """
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
    if asked and broker.tls_address in EVERY and not broker.known_address:
        return (
            f"The address of {broker.name} is not known, so Traefik on {host} cannot be told where the broker is. Run without "
            "--limit, or set rabbitmq_tls_address to one address."
        )
    return None


def _server(broker, host, tls):
    address = broker.tls_address if tls else broker.plain_address
    if address in EVERY:
        address = "127.0.0.1" if broker.name == host else broker.known_address
    if ":" in address and not address.startswith("["):
        address = f"[{address}]"
    return f"{address}:{broker.tls_port if tls else broker.plain_port}"


def _clash(broker, host, entry_point):
    """Return the problem of a broker that wants the proxy's port on the proxy's host, or None."""
    address, _colon, port = entry_point.removesuffix("/tcp").rpartition(":")
    wanted = [("rabbitmq_tls_port", broker.tls_address, broker.tls_port, broker.tls)]
    wanted.append(("rabbitmq_amqp_port", broker.plain_address, broker.plain_port, broker.plain))
    for variable, own, number, enabled in wanted:
        meet = own in EVERY or address in EVERY or own == address
        if enabled and broker.name == host and str(number) == port and meet:
            return (
                f"{variable} is {number} on {host}, but Traefik listens on {entry_point} there (traefik_amqps_address). Set "
                f"{variable} to another port, for example {int(number) + 2}; clients keep using Traefik's."
            )
    return None


def _stray(brokers, host, servers):
    """Return the problem of servers that the inventory gives the proxy and that are no broker of it, or None."""
    if not isinstance(servers, (list, tuple)) or any(broker.name == host for broker in brokers):
        return None
    where = [_server(broker, host, tls) for broker in brokers for tls in (True, False) if (broker.tls if tls else broker.plain)]
    addresses = {server.rpartition(":")[0] for server in where}
    for server in map(str, servers):
        address = server.rpartition(":")[0]
        if _is_loopback(address) or (address in addresses and server not in where):
            return (
                f"traefik_broker_servers has {server} on {host}, but the broker is on {', '.join(broker.name for broker in brokers)} and listens on "
                f"{' and '.join(where)}. Leave traefik_broker_servers out, or set it to where {host} reaches the broker."
            )
    return None


def broker_route(brokers, hostvars, host, mode="terminate", entry_point=":5671"):
    """Return how a proxy reaches the brokers.

    :param brokers: names of the brokers' hosts.
    :param hostvars: variables by host.
    :param host: name of the proxy's host.
    :param mode: who ends the clients' TLS, one of C(MODES).
    :param entry_point: address and port on which the proxy listens.
    :returns: a dict with C(servers), C(tls), C(problems) and C(clashes), see RETURN.
    :raises AnsibleFilterError: for another mode or brokers that are no list of names.
    """
    if mode not in MODES:
        raise AnsibleFilterError(
            f"broker_route: the mode is {mode!r}. Set traefik_broker_mode to one of {', '.join(MODES)}."
        )
    if isinstance(brokers, str) or not all(isinstance(name, str) for name in brokers):
        raise AnsibleFilterError(f"broker_route: the brokers are {brokers!r}, not a list of names of hosts.")
    known = [Broker(name, hostvars.get(name, {})) for name in list(brokers) or [host]]
    passthrough = mode == "passthrough"
    secured = passthrough or [broker.name for broker in known] != [host] or not known[0].plain
    proxy = hostvars.get(host, {})
    asked = bool(_facts(proxy)) or any(broker.known_address for broker in known)
    problems = [_problem(broker, host, passthrough, asked) for broker in known] if secured else []
    clashes = [_clash(broker, host, str(entry_point)) for broker in known]
    clashes.append(_stray(known, host, proxy.get("traefik_broker_servers")))
    return {
        "servers": [_server(broker, host, secured) for broker in known],
        "tls": secured and not passthrough,
        "problems": [problem for problem in problems if problem],
        "clashes": [clash for clash in clashes if clash],
    }


class FilterModule:
    """Filters of the collection for the way from the proxy to the broker."""

    def filters(self):
        """Return the filters by name."""
        return {"broker_route": broker_route}
