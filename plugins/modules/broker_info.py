#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: broker_info
short_description: Connect to the AMQP broker as Galaxy does, and describe it
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Opens one AMQP connection from this host, logs in to the vhost, and closes it.
  - Over TLS the module always verifies the certificate and the host name, and sends SNI, regardless of the URL and
    C(broker_use_ssl). Galaxy's own connection checks less.
  - If there are several URLs, it uses the first.
options:
  queues:
    description:
      - Queues to check. The module declares an existing queue again as Celery does, which changes nothing. It does
        not create a missing queue.
    type: list
    elements: str
    default: []
  queue_type:
    description: The type with which O(queues) are declared.
    type: str
    choices: [classic, quorum]
    default: classic
  timeout_seconds:
    description: Seconds for each step. In total at most three times as long.
    type: int
    default: 10
extends_documentation_fragment:
  - usegalaxy_eu.celery.celery_connection
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
"""

EXAMPLES = r"""
- name: Check that the broker answers on its public name with a certificate of our CA
  usegalaxy_eu.celery.broker_info:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
    ca_file: /etc/ssl/certs/ca-certificates.crt
  register: broker
  failed_when: broker is failed or broker.tls.version not in ['TLSv1.2', 'TLSv1.3']
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python
"""

RETURN = r"""
broker:
  description: The URL without password and query.
  returned: success
  type: str
  sample: amqps://galaxy:********@mq.example.org:5671/galaxy
host:
  description: Name or address of the connection.
  returned: success
  type: str
port:
  description: TCP port.
  returned: success
  type: int
vhost:
  description: Virtual host of the login.
  returned: success
  type: str
product:
  description: Product, from the server's properties.
  returned: success
  type: str
  sample: RabbitMQ
version:
  description: Version, from the server's properties.
  returned: success
  type: str
  sample: 4.0.5
cluster_name:
  description: Name of the cluster, from the server's properties.
  returned: success
  type: str
  sample: rabbit@mq
seconds:
  description: Seconds from the first packet to the end of the login.
  returned: success
  type: float
queues:
  description: Those of O(queues) that exist, by name.
  returned: success
  type: dict
  sample: {celery: {messages: 0, consumers: 2, conflict: null}}
  contains:
    messages:
      description: Number of waiting messages.
      type: int
    consumers:
      description: Number of consumers.
      type: int
    conflict:
      description: Why the broker does not accept the queue with O(queue_type). Null if it does.
      type: str
tls:
  description: The verified TLS session. Null for a connection without TLS.
  returned: success
  type: dict
  contains:
    version:
      description: Version of the protocol.
      type: str
      sample: TLSv1.3
    cipher:
      description: Cipher suite.
      type: str
    subject:
      description: Common name of the certificate. Null if it has none.
      type: str
    subject_names:
      description: Names and addresses in the certificate.
      type: list
      elements: str
    issuer:
      description: Common name, or else organisation, of the CA that signed the certificate.
      type: str
    not_after:
      description: End of the certificate's validity, in ISO 8601, UTC.
      type: str
    days_left:
      description: Whole days until then, by this host's clock.
      type: int
"""

import datetime
import ssl
import time
from collections.abc import Iterable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import (
    CONNECTION_ARGUMENTS,
    CONNECTION_RULES,
    CeleryModuleError,
    Settings,
    message_of,
    require_celery,
    require_yaml,
    run_bounded,
    without_ssl,
)

try:
    import amqp
    import kombu
    from kombu.utils.url import url_to_parts
except ImportError:
    kombu = None  # type: ignore[assignment]  # require_celery tells


AMQP_SCHEMES = {"amqp", "amqps", "pyamqp", "librabbitmq"}


def _field(name: Iterable[Iterable[tuple[str, str]]], *keys: str) -> str | None:
    """Return the first of some fields of a distinguished name, as ssl gives it."""
    fields = {key: value for part in name for key, value in part}
    return next((fields[key] for key in keys if key in fields), None)


def _describe_tls(sock: Any) -> dict[str, Any]:
    certificate = sock.getpeercert()
    end = ssl.cert_time_to_seconds(certificate["notAfter"])
    return {
        "version": sock.version(),
        "cipher": sock.cipher()[0],
        "subject": _field(certificate.get("subject", ()), "commonName"),
        "subject_names": [value for _kind, value in certificate.get("subjectAltName", ())],
        "issuer": _field(certificate.get("issuer", ()), "commonName", "organizationName"),
        "not_after": datetime.datetime.fromtimestamp(end, datetime.timezone.utc).isoformat(),
        "days_left": int((end - time.time()) // 86400),
    }


def look_at_queue(session: Any, name: str, kind: str) -> dict[str, Any] | None:
    """Return what is known of a queue, or None when there is none.

    :param session: an open connection of py-amqp.
    :param name: name of the queue.
    :param kind: the type with which Celery would declare it.
    """
    channel = session.channel()
    try:
        found = channel.queue_declare(queue=name, passive=True)
    except amqp.exceptions.NotFound:  # the broker has closed the channel
        return None
    conflict = None
    try:
        channel.queue_declare(
            queue=name,
            durable=True,
            auto_delete=False,
            arguments={"x-queue-type": kind} if kind != "classic" else None,
        )
        channel.close()
    except amqp.exceptions.PreconditionFailed as exc:
        conflict = exc.reply_text
    return {"messages": found.message_count, "consumers": found.consumer_count, "conflict": conflict}


def look(settings: Settings, seconds: float, queues: Iterable[str] = (), queue_type: str = "classic") -> dict[str, Any]:
    """Connect, log in, and return what the server says about itself.

    :param settings: a Settings object.
    :param seconds: bound for each step.
    :param queues: names of queues to look at.
    :param queue_type: the type with which they are declared.
    :raises CeleryModuleError: with the reason and the remedy.
    """
    url = settings.urls[0]
    options = {}
    scheme = url.partition("://")[0]
    if scheme not in AMQP_SCHEMES:
        raise CeleryModuleError(
            f"{settings.origin} has the scheme {scheme!r}, which is no AMQP. Set an amqps:// or amqp:// URL; without"
            " one Galaxy"
            " uses a private SQLite broker that no other host sees."
        )
    if settings.tls(url):
        given = settings.use_ssl if isinstance(settings.use_ssl, dict) else {}
        options["ssl"] = {
            **given,
            "cert_reqs": ssl.CERT_REQUIRED,
            "server_hostname": given.get("server_hostname") or url_to_parts(url).hostname,
        }
        # ssl=1 in the URL would put the dictionary aside, and with it the check of the name.
        url = without_ssl(url)
    begin = time.monotonic()
    connection = kombu.Connection(url, connect_timeout=seconds, **options)
    try:
        # Not connect(): that tries twice.
        session = connection.transport.establish_connection()
    except Exception as exc:
        raise settings.connection_error(exc) from exc
    elapsed = time.monotonic() - begin
    try:
        properties = session.server_properties
        looked = {name: look_at_queue(session, name, queue_type) for name in queues}
        return {
            "queues": {name: queue for name, queue in looked.items() if queue},
            "host": connection.hostname,
            "port": connection.port,
            "vhost": connection.virtual_host,
            "product": properties.get("product"),
            "version": properties.get("version"),
            "cluster_name": properties.get("cluster_name"),
            "seconds": round(elapsed, 3),
            "tls": _describe_tls(session.transport.sock) if options else None,
        }
    finally:
        connection.transport.close_connection(session)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "timeout_seconds": {"type": "int", "default": 10},
            "queues": {"type": "list", "elements": "str", "default": []},
            "queue_type": {"type": "str", "choices": ["classic", "quorum"], "default": "classic"},
            **CONNECTION_ARGUMENTS,
        },
        supports_check_mode=True,
        **CONNECTION_RULES,
    )
    seconds = module.params["timeout_seconds"]
    if seconds < 1:
        module.fail_json(msg=f"timeout_seconds is {seconds}. Give at least 1.")
    require_celery(module)
    require_yaml(module)
    settings = None
    try:
        settings = Settings(module.params)
        queues = module.params["queues"], module.params["queue_type"]
        found = run_bounded(lambda: look(settings, seconds, *queues), 3 * seconds, f"connecting to {settings.broker}")
    except Exception as exc:  # noqa: BLE001 libraries raise many kinds, none may show a password
        module.fail_json(msg=message_of(exc, settings))
    module.exit_json(changed=False, broker=settings.broker, **found)


if __name__ == "__main__":
    main()
