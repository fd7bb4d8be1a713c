# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that makes Traefik's dynamic configuration from lists of routes."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from ansible.errors import AnsibleFilterError

Route = Mapping[str, Any]

TCP_KEYS = (
    "name", "entry_point", "hosts", "rule", "servers", "servers_tls", "servers_tls_name", "servers_tls_ca_file", "tls",
    "proxy_protocol", "allowed_networks", "health_check",
)  # fmt: skip
HEALTH_CHECK_KEYS = ("interval_seconds", "timeout_seconds")
HTTP_KEYS = ("name", "entry_point", "host", "rule", "urls", "service", "tls", "allowed_networks")
TLS_MODES = ("terminate", "passthrough", "none")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
# A back tick would end the string inside a rule; Traefik itself takes what remains as a host name or as "*".
HOST = re.compile(r"\*|[A-Za-z0-9_][A-Za-z0-9_.-]*")
SERVER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*):([0-9]{1,5})")
PATH = re.compile(r"/[^\n]+")
URL = re.compile(r"https?://[^\s/]+(/\S*)?")


def _fail(where: str, problem: str, remedy: str) -> NoReturn:
    raise AnsibleFilterError(f"traefik_dynamic_config: {where} {problem}. {remedy}")


def _known(route: Any, keys: Collection[str], where: str) -> None:
    if not isinstance(route, Mapping):
        _fail(where, f"is a {type(route).__name__}, not a dictionary", f"Give the keys {', '.join(keys)}.")
    for key in route:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, 1)
            _fail(
                f"{where}.{key}",
                "is no known key",
                f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(keys)}.",
            )


def _strings(
    route: Route, key: str, where: str, pattern: re.Pattern[str], remedy: str, default: list[str] | None = None
) -> list[str]:
    values = route.get(key)
    values = default if values is None else values
    if not isinstance(values, (list, tuple)) or not values:
        _fail(f"{where}.{key}", f"is {values!r}, not a list with at least one entry", remedy)
    for value in values:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            _fail(f"{where}.{key}", f"holds {value!r}", remedy)
    return [str(value) for value in values]


def _text(route: Route, key: str, where: str, pattern: re.Pattern[str], remedy: str) -> str:
    value = route.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        _fail(f"{where}.{key}", f"is {value!r}", remedy)
    return str(value)


def _networks(route: Route, where: str) -> list[str]:
    networks = route.get("allowed_networks") or []
    if not isinstance(networks, (list, tuple)):
        _fail(f"{where}.allowed_networks", f"is {networks!r}, not a list", "Give networks such as 10.0.0.0/8.")
    for network in networks:
        try:
            ipaddress.ip_network(str(network))
        except ValueError as error:
            _fail(
                f"{where}.allowed_networks",
                f"holds {network!r} ({error})",
                "Give networks such as 10.0.0.0/8, without host bits.",
            )
    return [str(network) for network in networks]


def _health_check(route: Route, where: str) -> dict[str, str] | None:
    """Return Traefik's healthCheck, or None: it connects to each server, and leaves out those that do not answer."""
    check = route.get("health_check")
    if not check:
        return None
    where = f"{where}.health_check"
    _known(check, HEALTH_CHECK_KEYS, where)
    for key in HEALTH_CHECK_KEYS:
        value = check.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            _fail(f"{where}.{key}", f"is {value!r}", "Give whole seconds, at least 1.")
    if check["timeout_seconds"] > check["interval_seconds"]:
        _fail(where, f"has a timeout of {check['timeout_seconds']} s", "Give one that is not longer than the interval.")
    seconds = {key: f"{check[key]}s" for key in HEALTH_CHECK_KEYS}
    # A server that is down is asked as often as one that is not.
    return {
        "interval": seconds["interval_seconds"],
        "unhealthyInterval": seconds["interval_seconds"],
        "timeout": seconds["timeout_seconds"],
    }


def _names(routes: Iterable[Route], kind: str, keys: Collection[str]) -> Iterator[tuple[str, str, str, Route]]:
    seen = set()
    for index, route in enumerate(routes):
        where = f"{kind}[{index}]"
        _known(route, keys, where)
        name = _text(route, "name", where, NAME, "Give a name of letters, digits, - and _.")
        if name in seen:
            _fail(f"{where}.name", f"is {name!r} a second time", "Give each route a name of its own.")
        seen.add(name)
        entry_point = _text(route, "entry_point", where, NAME, "Name an entry point of the static configuration.")
        yield f"{kind} route {name}", name, entry_point, route


def _servers_tls(route: Route, where: str, mode: str) -> dict[str, Any]:
    if mode == "passthrough":
        _fail(
            f"{where}.servers_tls",
            "is true, but with passthrough the client's own TLS reaches the servers",
            "Leave it out, or set tls to terminate.",
        )
    remedy = "Give the name in the servers' certificates."
    tls: dict[str, Any] = {"serverName": _text(route, "servers_tls_name", where, SERVER_NAME, remedy)}
    if route.get("servers_tls_ca_file"):
        # A relative path, or one that is not there, Traefik takes for a text without certificates.
        remedy = "Give an absolute path on the host, or leave it out to have the system's store."
        tls["rootCAs"] = [_text(route, "servers_tls_ca_file", where, PATH, remedy)]
    return tls


def _tcp(routes: Iterable[Route]) -> dict[str, Any]:
    routers, services, middlewares, transports = (dict[str, Any]() for _part in range(4))
    for where, name, entry_point, route in _names(routes, "tcp", TCP_KEYS):
        mode = route.get("tls") or "terminate"
        if mode not in TLS_MODES:
            _fail(f"{where}.tls", f"is {mode!r}", f"Choose one of {', '.join(TLS_MODES)}.")
        hosts = _strings(route, "hosts", where, HOST, "Give host names as in SNI, or * for any and for none.", ["*"])
        if mode == "none" and hosts != ["*"] and not route.get("rule"):
            _fail(f"{where}.hosts", f"is {hosts!r}, but without TLS there is no SNI", "Leave hosts out, or set tls.")
        router: dict[str, Any] = {
            "entryPoints": [entry_point],
            "rule": route.get("rule") or " || ".join(f"HostSNI(`{host}`)" for host in hosts),
            "service": name,
        }
        if mode != "none":
            router["tls"] = {"passthrough": True} if mode == "passthrough" else {"options": "default"}
        networks = _networks(route, where)
        if networks:
            middlewares[f"{name}-networks"] = {"ipAllowList": {"sourceRange": networks}}
            router["middlewares"] = [f"{name}-networks"]
        servers = _strings(route, "servers", where, SERVER, "Give servers as host:port, for example 127.0.0.1:5672.")
        balancer: dict[str, Any] = {"servers": [{"address": server} for server in servers]}
        health_check = _health_check(route, where)
        if health_check and route.get("servers_tls") and route.get("proxy_protocol"):
            # Seen with Traefik 3.7.15: "TLS handshake failed: unexpected message", and every server stays down.
            _fail(
                f"{where}.health_check",
                "is there together with servers_tls and proxy_protocol, but Traefik asks without the header of the protocol, which the servers expect",
                "Leave one of the three out, or set tls to passthrough.",
            )
        if health_check:
            balancer["healthCheck"] = health_check
        transport: dict[str, Any] = {"proxyProtocol": {"version": 2}} if route.get("proxy_protocol") else {}
        if route.get("servers_tls"):
            transport["tls"] = _servers_tls(route, where, mode)
            for server in balancer["servers"]:
                server["tls"] = True
        if transport:
            transports[name] = transport
            balancer["serversTransport"] = name
        routers[name] = router
        services[name] = {"loadBalancer": balancer}
    parts = {"routers": routers, "services": services, "middlewares": middlewares, "serversTransports": transports}
    return {key: value for key, value in parts.items() if value}


def _http(routes: Iterable[Route]) -> dict[str, Any]:
    routers, services, middlewares = (dict[str, Any]() for _part in range(3))
    for where, name, entry_point, route in _names(routes, "http", HTTP_KEYS):
        if route.get("rule"):
            rule = str(route["rule"])
        else:
            rule = f"Host(`{_text(route, 'host', where, HOST, 'Give the host name that clients ask for, or a rule.')}`)"
        if bool(route.get("urls")) == bool(route.get("service")):
            _fail(
                where,
                "needs either urls or service",
                "Give urls of the servers, or the name of a service that Traefik knows.",
            )
        if route.get("urls"):
            urls = _strings(route, "urls", where, URL, "Give URLs such as http://127.0.0.1:15672.")
            services[name] = {"loadBalancer": {"servers": [{"url": url} for url in urls]}}
        router: dict[str, Any] = {"entryPoints": [entry_point], "rule": rule, "service": str(route.get("service") or name)}
        if route.get("tls", True):
            router["tls"] = {"options": "default"}
        networks = _networks(route, where)
        if networks:
            middlewares[f"{name}-networks"] = {"ipAllowList": {"sourceRange": networks}}
            router["middlewares"] = [f"{name}-networks"]
        routers[name] = router
    parts = {"routers": routers, "services": services, "middlewares": middlewares}
    return {key: value for key, value in parts.items() if value}


def traefik_dynamic_config(routes: Any) -> dict[str, Any]:
    """Return Traefik's dynamic configuration for lists of routes.

    :param routes: dictionary with the lists C(tcp) and C(http), see DOCUMENTATION.
    :returns: the configuration, a dict; Traefik refuses empty sections, so there are none.
    :raises AnsibleFilterError: for a missing, unknown or wrong part; names the route, the key and the value.
    """
    _known(routes, ("tcp", "http"), "the input")
    config = {"tcp": _tcp(routes.get("tcp") or []), "http": _http(routes.get("http") or [])}
    return {key: value for key, value in config.items() if value}
