# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plain Celery client for the modules of this collection, built from Galaxy's own configuration.

Private to the collection. It imports no Galaxy package: that takes 14 s where this takes one. Nor Ansible at its head:
the role celery places it on the workers' hosts too, for the units.
"""

from __future__ import annotations

import os
import re
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._yaml_file import (
    YAML_IMPORT_ERROR,
    YamlFileError,
    read_section,
)

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

CELERY_IMPORT_ERROR = None

try:
    import amqp
    import celery
except ImportError:
    celery = None
    CELERY_IMPORT_ERROR = traceback.format_exc()

Result = TypeVar("Result")

MASK = "********"
# These settings name code that is imported, or work that a client has no part in.
WORKER_ONLY = {
    "beat_schedule",
    "imports",
    "include",
    "task_annotations",
    "task_routes",
    "worker_pool",
    "worker_consumer",
}
TLS_SCHEMES = {"amqps"}

CONNECTION_ARGUMENTS = {
    "galaxy_config_file": {"type": "path"},
    "broker_url": {"type": "str", "no_log": True},
    "result_backend": {"type": "str", "no_log": True},
    "broker_use_ssl": {"type": "dict"},
    "ca_file": {"type": "path"},
}
CONNECTION_RULES = {
    "required_one_of": [("galaxy_config_file", "broker_url")],
    "mutually_exclusive": [("galaxy_config_file", "broker_url")],
}


class CeleryModuleError(Exception):
    """A failure whose text is meant for the operator: it names the option or peer and the remedy."""


def message_of(error: BaseException, settings: Settings | None) -> str:
    """Return what a module says of an error, without a password.

    :param settings: the Settings; None if they could not be read.
    """
    text = str(error) if isinstance(error, CeleryModuleError) else f"{type(error).__name__}: {error}"
    return settings.mask(text) if settings else mask(text)


def require_celery(module: AnsibleModule) -> None:
    """End the module with the usual text when Celery is not in its interpreter."""
    # Here and below: the units use this file too, with Galaxy's Python, which has no Ansible.
    from ansible.module_utils.basic import missing_required_lib

    if CELERY_IMPORT_ERROR:
        module.fail_json(
            msg=missing_required_lib(
                "celery",
                reason="in the interpreter that runs this module. Set ansible_python_interpreter to Galaxy's venv",
            ),
            exception=CELERY_IMPORT_ERROR,
        )


def require_node_names(module: AnsibleModule) -> None:
    """End the module with the usual text when its option nodes has what is no name of a Celery node."""
    for node in module.params["nodes"]:
        if "@" not in node:
            module.fail_json(
                msg=f"nodes has {node!r}, which is no Celery node name. Give NAME@HOST, as the worker's -n says."
            )


def require_yaml(module: AnsibleModule) -> None:
    """End the module with the usual text when PyYAML is needed and not in its interpreter."""
    from ansible.module_utils.basic import missing_required_lib

    if YAML_IMPORT_ERROR and module.params.get("galaxy_config_file"):
        module.fail_json(
            msg=missing_required_lib(
                "PyYAML", reason="to read galaxy_config_file. Set ansible_python_interpreter to Galaxy's venv"
            ),
            exception=YAML_IMPORT_ERROR,
        )


def mask(text: object, secrets: Iterable[str] = ()) -> str:
    """Return the text with the passwords of URLs, and the given secrets, replaced.

    :param text: anything; it is turned into a str.
    :param secrets: strings that must not show.
    """
    text = str(text)
    for secret in sorted((item for item in secrets if item), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return re.sub(r"(?<=://)([^:/@\s]*):[^@\s]+@", rf"\1:{MASK}@", text)


def mask_url(url: str) -> str:
    """Return one URL as user@host with its password replaced and its query dropped, which may hold one too."""
    parts = urlsplit(url)
    user = f"{parts.username}:{MASK}@" if parts.username else ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{user}{host}{parts.path}"


def without_ssl(url: str) -> str:
    """Return the URL without its key ssl, which would silently put broker_use_ssl aside."""
    base, question, query = url.partition("?")
    kept = [(key, value) for key, value in parse_qsl(query) if key != "ssl"]
    return base + (question + urlencode(kept) if kept else "")


def url_secrets(url: str) -> set[str]:
    """Return every secret string of a URL: itself, its password as written and decoded."""
    secrets = {url}
    match = re.match(r"[^:]+://[^:/@]*:(.+)@", url)
    if match:
        secrets.update((match.group(1), unquote(match.group(1))))
    return secrets


def run_bounded(function: Callable[[], Result], seconds: float, what: str) -> Result:
    """Run a function in a thread of its own and give up on it after a while, so that no library call can hang a module.

    :param function: callable without arguments.
    :param seconds: how long to wait.
    :param what: what is being done, for the error's text.
    :raises CeleryModuleError: when time is up; otherwise whatever the function raises.
    """
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["value"] = function()
        except BaseException as exc:  # noqa: BLE001 handed over to the caller's thread
            outcome["error"] = exc

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise CeleryModuleError(
            f"{what} did not end within {seconds:g} s. The broker, the result backend or the name service does not"
            " answer:"
            " check the network path and firewall, or raise timeout_seconds."
        )
    if "error" in outcome:
        raise outcome["error"]
    value: Result = outcome["value"]
    return value


class Settings:
    """Settings of a client: the broker's URLs, the result backend, TLS, and Galaxy's further Celery settings.

    :param params: the module's parameters (see the fragment celery_connection).
    :raises CeleryModuleError: naming the option, where it stands, and the remedy.
    """

    def __init__(self, params: dict[str, Any]) -> None:
        self.secrets: set[str] = set()
        self.conf: dict[str, Any] = {}
        self.origin = "broker_url"
        # Whether Galaxy may count the tasks of a user: where no file tells, it may.
        self.limits_users = True
        self.config_file = params.get("galaxy_config_file")
        broker = params.get("broker_url")
        if self.config_file:
            broker = self._read(self.config_file)
        self.urls = self._urls(broker)
        self.result_backend = params.get("result_backend") or self.conf.get("result_backend")
        if self.result_backend is not None and not isinstance(self.result_backend, str):
            raise CeleryModuleError(
                f"{self._where('result_backend')} is no string. Give one URL, such as db+postgresql://..."
            )
        if self.result_backend:
            self.secrets |= url_secrets(self.result_backend)
        self.use_ssl = None
        self.use_ssl = self._use_ssl(params)
        if isinstance(self.use_ssl, dict):
            self.urls = [without_ssl(url) for url in self.urls]

    def _where(self, option: str) -> str:
        return f"{option} of celery_conf in {self.config_file}" if self.config_file else option

    def _read(self, path: str) -> Any:
        try:
            section = read_section(path)
        except YamlFileError as exc:
            raise CeleryModuleError(f"galaxy_config_file {exc}") from None
        conf = section.get("celery_conf") or {}
        if not isinstance(conf, dict):
            raise CeleryModuleError(
                f"celery_conf in {path} is a {type(conf).__name__}, not a mapping. Correct the file."
            )
        self.conf = {key: value for key, value in conf.items() if key not in WORKER_ONLY}
        self.limits_users = bool(section.get("celery_user_rate_limit"))
        if conf.get("broker_url"):
            self.origin = f"broker_url of celery_conf in {path}"
            return conf["broker_url"]
        self.origin = f"amqp_internal_connection in {path}"
        broker = section.get("amqp_internal_connection")
        if not broker:
            raise CeleryModuleError(
                f"{path} has neither amqp_internal_connection nor broker_url in celery_conf, so Galaxy uses a"
                " private SQLite"
                " broker. Set amqp_internal_connection."
            )
        return broker

    def _urls(self, broker: Any) -> list[str]:
        urls = broker.split(";") if isinstance(broker, str) else broker
        if not isinstance(urls, list) or not urls or not all(isinstance(url, str) for url in urls):
            raise CeleryModuleError(
                f"{self.origin} is no URL and no list of URLs. Give amqps://USER:PASSWORD@HOST:PORT/VHOST."
            )
        for url in urls:
            self.secrets |= url_secrets(url)
        for url in urls:
            try:
                parts = urlsplit(url)
                parts.port  # noqa: B018 raises for a port that is no number
            except ValueError:
                parts = None
            # A raw "/", "#" or "?" in the password ends the authority early; the real host lands behind it.
            if parts is None or not parts.scheme or parts.fragment or "@" in parts.path + parts.query:
                raise CeleryModuleError(
                    f"{self.origin} cannot be parsed. Percent-encode user, password and vhost, as the filter"
                    " usegalaxy_eu.celery.amqp_url does."
                )
        return urls

    def _use_ssl(self, params: dict[str, Any]) -> Any:
        option = params.get("broker_use_ssl")
        name = "broker_use_ssl"
        if option is None:
            option, name = self.conf.get("broker_use_ssl"), self._where("broker_use_ssl")
        if params.get("ca_file"):
            if not os.access(params["ca_file"], os.R_OK):
                raise CeleryModuleError(
                    f"ca_file {params['ca_file']} cannot be read. Give the path of a PEM file on this host."
                )
            if option or any(self.tls(url) for url in self.urls):
                given = option if isinstance(option, dict) else {}
                option = {"cert_reqs": 2, "server_hostname": None, **given, "ca_certs": params["ca_file"]}
        if isinstance(option, dict):
            reqs = option.get("cert_reqs", 2)
            if isinstance(reqs, bool) or not isinstance(reqs, int) or reqs not in (0, 1, 2):
                raise CeleryModuleError(
                    f"cert_reqs in {name} is {reqs!r}. Celery wants the integer 2 (verify), 1 or 0."
                )
            ca_certs = option.get("ca_certs")
            if ca_certs and not os.access(ca_certs, os.R_OK):
                raise CeleryModuleError(
                    f"ca_certs in {name} is {ca_certs}, which cannot be read on this host. Place the file."
                )
        return option

    @property
    def broker(self) -> str:
        """The broker as it may be shown: URLs without passwords."""
        return ";".join(mask_url(url) for url in self.urls)

    def tls(self, url: str) -> bool:
        """Tell whether a connection to this URL speaks TLS."""
        query = dict(parse_qsl(urlsplit(url).query))
        return urlsplit(url).scheme in TLS_SCHEMES or query.get("ssl", "0") not in ("0", "") or bool(self.use_ssl)

    def mask(self, text: object) -> str:
        """Return a text without the secrets of this connection."""
        return mask(text, self.secrets)

    def app(self, timeout_seconds: float) -> Any:
        """Return a Celery application for this connection. It connects only when it is used.

        :param timeout_seconds: bound for each attempt to connect.
        """
        app = celery.Celery("usegalaxy_eu.celery", set_as_current=False, fixups=[], config_source=dict(self.conf))
        app.conf.broker_url = self.urls
        app.conf.broker_read_url = app.conf.broker_write_url = None
        app.conf.result_backend = self.result_backend
        if self.use_ssl is not None:
            app.conf.broker_use_ssl = self.use_ssl
        app.conf.broker_connection_timeout = timeout_seconds
        return app

    def connection(self, app: Any, timeout_seconds: float) -> Any:
        """Open one connection to the broker.

        :param app: a Celery application of this object.
        :param timeout_seconds: bound for each attempt to connect.
        :returns: an open kombu Connection.
        :raises CeleryModuleError: with the reason.
        """
        connection = app.connection_for_write(connect_timeout=timeout_seconds)
        # Who waits for events sends nothing for minutes, and the broker would close the connection.
        connection.heartbeat = 0
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=timeout_seconds)
        except Exception as exc:
            raise self.connection_error(exc) from exc
        return connection

    def connection_error(self, exc: BaseException) -> CeleryModuleError:
        """Return a CeleryModuleError that explains why the broker could not be reached."""
        reason, remedy = explain(exc)
        return CeleryModuleError(self.mask(f"broker {self.broker} ({self.origin}): {reason.rstrip('.')}. {remedy}"))


def explain(exc: BaseException) -> tuple[str, str]:
    """Return (reason, remedy) for an error of a connection to a broker.

    :param exc: the exception; its causes are looked through, since kombu wraps the first one.
    """
    import socket
    import ssl

    seen: list[BaseException] = []
    cause: BaseException | None = exc
    while cause is not None and cause not in seen:
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    exc = next(
        (item for item in seen if isinstance(item, (ssl.SSLError, socket.gaierror, amqp.exceptions.AMQPError))),
        next((item for item in reversed(seen) if isinstance(item, (OSError, TypeError))), seen[0]),
    )
    text = str(exc) or type(exc).__name__
    if isinstance(exc, ssl.SSLCertVerificationError):
        if "127.0.0.1" in text:
            remedy = "kombu turns localhost into 127.0.0.1, which this certificate does not carry: use the host's name."
            return f"TLS verification failed: {exc.verify_message or text}", remedy
        return (
            f"TLS verification failed: {exc.verify_message or text}",
            "Set ca_file to the CA that signed the certificate, and connect by a name that the certificate carries.",
        )
    if isinstance(exc, socket.gaierror):
        return (
            f"the host name is not resolvable ({text})",
            "Correct the host in the URL, or DNS and /etc/hosts of this host.",
        )
    if isinstance(exc, ConnectionRefusedError):
        return "the connection was refused", "Check the port, that the broker or its proxy runs, and the firewall."
    if isinstance(exc, TimeoutError) or "timed out" in text:
        return "the connection timed out", "Check the address, the firewall, and whether the port speaks TLS."
    if isinstance(exc, ssl.SSLError):
        return (
            f"the TLS handshake failed: {text}",
            "Check that this port speaks TLS (5671 does by custom, 5672 does not).",
        )
    if isinstance(exc, amqp.exceptions.AccessRefused):
        return (
            "authentication failed: the broker refused the user or its password",
            "Correct the credentials in the URL.",
        )
    if isinstance(exc, amqp.exceptions.NotAllowed):
        return (
            f"the vhost is missing or the user has no rights on it: {exc.reply_text}",
            "Create the vhost, or grant the user permissions on it.",
        )
    if isinstance(exc, OSError):
        return (
            f"the connection broke off: {text}",
            "Check that the port speaks AMQP, with TLS if the URL says so, and look into the broker's log.",
        )
    return f"{type(exc).__name__}: {text}", "Check the URL and broker_use_ssl."
