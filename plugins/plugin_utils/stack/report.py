# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proofs of the roles have found on the hosts, for a message and for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .parts import PARTS
from .site import Values

# The facts in which the roles keep what they have proved, in the order of a page.
PROOFS = (
    "__rabbitmq_proof",
    "__traefik_proof",
    "__galaxy_proof",
    "__postgresql_access_proof",
    "__galaxy_sync_proof",
    "__celery_proof",
    "__celery_task_proof",
    "__celery_stack_proof",
    "__galaxy_upload_proof",
    "__flower_proof",
    "__telegraf_proof",
    "__common_proof",
)
# What the playbook report asks the hosts for.
ASKED = (
    "__report_broker",
    "__report_flower",
    "__report_metrics",
    "__report_telegraf",
    "__report_traefik",
    "__report_workers",
    "__stack_failures",
)
SILENT = "This worker does not answer. Remedy: systemctl status and journalctl -u of its unit on its host."
IDLE = "Nobody consumes this queue. Remedy: start a worker that has it among its queues (celery_workers), or correct the route to it."


def flattened(value: Any) -> list[str]:
    """Return a text, or the texts of lists in lists."""
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in flattened(item)]
    return [str(value)]


def proofs(hosts: Mapping[str, Values]) -> list[str]:
    """Return what was proved on the hosts, each sentence once."""
    found = [flattened(of.found[name]) for name in PROOFS for of in hosts.values() if name in of]
    return list(dict.fromkeys(text for texts in found for text in texts))


class Page:
    """What an overview shows. Of a host that could not be reached there is nothing."""

    def __init__(self, hosts: Mapping[str, Values], members: Mapping[str, Sequence[str]], expected: Sequence[str]) -> None:
        """:param members: the hosts of each part.
        :param expected: the nodes of all workers."""
        self.hosts, self.members, self.expected = hosts, members, expected
        self.broker = self._first("workers").mapping("__report_broker")
        self.nodes = self._first("workers").mapping("__report_workers").mapping("nodes")
        self.queues = self.broker.mapping("queues")
        self.metrics = self._first("flower").mapping("__report_metrics").text("content")

    def _first(self, part: str) -> Values:
        hosts = self.members[part]
        return self.hosts.get(hosts[0], Values()) if hosts else Values()

    def warnings(self, certificate_days: int) -> list[dict[str, str]]:
        """Return what failed of the proofs, and what is wrong with workers, queues and the certificate.

        The first line of a failure says what is wrong, and in this collection what to do too.
        """
        found = [{"what": of.text("what"), "words": of.text("words")} for host in self.hosts.values() for of in host.mappings("__stack_failures")]
        answered = [name for name in self.nodes.found if self.nodes.mapping(name).flag("answered")]
        found += [{"what": name, "words": SILENT} for name in self.expected if name not in answered]
        idle = [name for name in self.queues.found if self.queues.mapping(name).number("consumers", 1) == 0]
        found += [{"what": name, "words": IDLE} for name in idle]
        tls = self.broker.mapping("tls")
        if "days_left" in tls and tls.number("days_left") < certificate_days:
            words = (
                f"The certificate that clients see expires in {tls.number('days_left')} days. Remedy: put a new one into traefik_certificate "
                "and traefik_private_key and run site.yml."
            )
            found.append({"what": self.broker.text("host", "The broker"), "words": words})
        return found

    def machines(self) -> list[dict[str, str]]:
        """Return each host with its parts, its system and the versions of what runs there."""
        parts = {part.title: self.members[name] for name, part in PARTS.items() if part.roles}
        names = sorted({host for hosts in parts.values() for host in hosts})
        return [self._machine(name, [title for title, hosts in parts.items() if name in hosts]) for name in names]

    def _machine(self, name: str, titles: list[str]) -> dict[str, str]:
        known = self.hosts.get(name, Values())
        facts = known.mapping("ansible_facts")
        flower = known.mapping("__report_flower").text("stdout").replace(" ", ", Celery ")
        traefik = known.mapping("__report_traefik").mapping("json").text("Version")
        versions = [
            f"RabbitMQ {self.broker.text('version')}" if "version" in self.broker and PARTS["broker"].title in titles else "",
            f"Traefik {traefik}" if traefik else "",
            f"Flower {flower}" if flower else "",
            known.mapping("__report_telegraf").text("stdout").partition(" (")[0],
        ]
        system = f"{facts.text('distribution', 'unknown')} {facts.text('distribution_version')}"
        return {"name": name, "parts": ", ".join(titles), "system": system, "versions": ", ".join(filter(None, versions))}
