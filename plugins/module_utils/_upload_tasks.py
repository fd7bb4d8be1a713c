# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the uploads whose task is somewhere: in a queue, or at a worker.

Private to the collection. Messages in a queue are not looked at: taking them and giving them back counts as a delivery, of which
a quorum queue bears a few. So the queues must be empty, all at the same time, and each consumer of them must answer. What was
sent before is then at a worker that says so, or nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import CeleryModuleError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_drain import CONNECT_SECONDS
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_settings import DEFAULT_QUEUE
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._upload_chain import CHAIN, job_of

# For the nodes to say that they are there; the others end as soon as all have answered, and a long list takes a while.
PING_SECONDS, ANSWER_SECONDS = 3, 10
# The next task of an upload may be on its way from one worker to another while they are asked. Not so often.
ROUNDS = 3
PAUSE_SECONDS = 1
# In the order of a task's way, so that one which moves on between two of them is seen.
QUESTIONS = ("scheduled", "reserved", "active")
# Where Celery 5.5 and later keep what is for later, with quorum queues.
DELAYED_QUEUES = [f"celery_delayed_{level}" for level in range(28)]
NO_SUCH_QUEUE = 404


@dataclass
class Seen:
    """The tasks that are somewhere.

    :ivar jobs: numbers of the jobs of uploads among them.
    :ivar ids: ids of all of them.
    """

    jobs: set[int] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)

    def add(self, node: str, request: dict[str, Any]) -> None:
        """Note one task that a node has.

        :raises CeleryModuleError: when it is of an upload and does not say of which.
        """
        self.ids.add(str(request.get("id")))
        if request.get("name") in CHAIN:
            job = job_of(request)
            if job is None:
                raise CeleryModuleError(f"{node} has {request['name']} {request.get('id')}, which names no job.")
            self.jobs.add(job)


class Unknown(Exception):
    """Why it cannot be known at this moment."""


class Look:
    """One look at broker and workers.

    :param settings: the Settings of a connection to the broker.
    :param section: Galaxy's part of galaxy.yml.
    :param nodes: names of nodes that must answer, beside all that do.
    """

    def __init__(self, settings: Any, section: dict[str, Any], nodes: list[str]) -> None:
        conf = section.get("celery_conf") or {}
        self.settings, self.nodes = settings, set(nodes)
        self.app = settings.app(CONNECT_SECONDS)
        self.app.conf.task_default_queue = conf.get("task_default_queue") or DEFAULT_QUEUE
        self.app.conf.task_routes = conf.get("task_routes") if isinstance(conf.get("task_routes"), dict) else {}
        self.queues = {self.app.amqp.router.route({}, name)["queue"].name for name in CHAIN}
        self.seen = Seen()

    def run(self, seconds: float) -> Seen:
        """Return what is somewhere.

        :param seconds: how long to wait for a moment in which it can be known.
        :raises CeleryModuleError: when there was none, with the reason.
        """
        deadline, good = time.monotonic() + seconds, 0
        before = locks(self.settings.result_backend)
        with self.settings.connection(self.app, CONNECT_SECONDS) as connection:
            try:
                while good < ROUNDS:
                    try:
                        self._round(connection)
                        good += 1
                    except Unknown as exc:
                        good = 0
                        if time.monotonic() > deadline:
                            raise CeleryModuleError(str(exc)) from None
                    time.sleep(PAUSE_SECONDS)
            except connection.connection_errors as exc:
                raise self.settings.connection_error(exc) from exc
        self._judge_locks({key: who for key, who in locks(self.settings.result_backend).items() if key in before})
        return self.seen

    def _round(self, connection: Any) -> None:
        found = self.app.control.ping(timeout=PING_SECONDS, connection=connection) or []
        # Beat answers too, and runs nothing.
        nodes = self.nodes | {node for answer in found for node in answer if not node.startswith("celerybeat@")}
        if not nodes:
            raise Unknown(
                "no worker answers, so what they run is not known. Start the workers: when they consume again, run this"
                " again."
            )
        consumed = self._ask(connection, nodes, "active_queues")
        names = sorted(self.queues | {queue["name"] for queues in consumed.values() for queue in queues})
        self._judge_queues(connection, names, consumed)
        self._judge_limits(connection, nodes)
        for question in QUESTIONS:
            for node, tasks in self._ask(connection, nodes, question).items():
                for task in tasks:
                    self.seen.add(node, task.get("request", task))
        self._judge_queues(connection, names, consumed)

    def _ask(self, connection: Any, nodes: set[str], question: str, *about: str) -> dict[str, list[Any]]:
        inspect = self.app.control.inspect(
            destination=sorted(nodes), timeout=ANSWER_SECONDS, connection=connection, limit=len(nodes)
        )
        answers = getattr(inspect, question)(*about) or {}
        answers = {node: answer for node, answer in answers.items() if isinstance(answer, list)}
        if silent := sorted(nodes - set(answers)):
            raise Unknown(
                f"{', '.join(silent)} gave no answer, and may run a task. Start the worker or wait until it answers; one"
                " that no longer exists must leave the inventory (playbook remove_worker)."
            )
        return answers

    def _judge_queues(self, connection: Any, names: list[str], consumed: dict[str, list[Any]]) -> None:
        for name in [*names, *DELAYED_QUEUES]:
            counts = self._counts(connection, name)
            if counts is None:
                if name in DELAYED_QUEUES:
                    break
                continue
            messages, consumers = counts
            if messages:
                raise Unknown(
                    f"queue {name} has {messages} waiting messages, which may be tasks of these jobs. Run this again when"
                    " the workers have done them."
                )
            known = [node for node, queues in consumed.items() if name in {queue["name"] for queue in queues}]
            if name not in DELAYED_QUEUES and consumers > len(known):
                raise Unknown(
                    f"queue {name} has {consumers} consumers, and only {len(known)} answer: {', '.join(sorted(known))}. Look"
                    " for a worker that stands still, or for one that is not in the inventory."
                )

    @staticmethod
    def _counts(connection: Any, name: str) -> tuple[int, int] | None:
        """Return (messages, consumers) of a queue; None if there is none."""
        channel = connection.channel()
        try:
            found = channel.queue_declare(queue=name, passive=True)
        except connection.channel_errors as exc:
            if getattr(exc, "code", None) == NO_SUCH_QUEUE:
                return None
            raise CeleryModuleError(f"queue {name} cannot be looked at: {exc}.") from exc
        channel.close()
        return found.message_count, found.consumer_count

    def _judge_limits(self, connection: Any, nodes: set[str]) -> None:
        """Celery lists nowhere what waits because of a rate limit of the worker itself."""
        for node, tasks in self._ask(connection, nodes, "registered", "rate_limit").items():
            limited = [task for task in tasks if task.split(" ")[0] in CHAIN and "rate_limit=" in task]
            if limited:
                raise CeleryModuleError(
                    f"{node} has {limited[0]}, and Celery does not say which tasks wait because of that. Remove rate_limit"
                    " from celery_conf and restart the workers."
                )

    def _judge_locks(self, held: dict[int, str]) -> None:
        """A worker that the broker has lost may run a task all the same: it has a lock of the database."""
        mine = hashes(self.settings.result_backend, self.seen.ids) if held else set()
        if foreign := {key: who for key, who in held.items() if key not in mine}:
            raise CeleryModuleError(
                f"the database of the results holds {len(foreign)} locks of tasks that no worker names, of"
                f" {', '.join(sorted(set(foreign.values())))}. A worker runs them that the broker does not know: look there, and"
                " run this again when it is connected or stopped."
            )


def _ask_database(backend: str, query: str, **values: Any) -> Sequence[Any]:
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    with create_engine(backend.partition("+")[2], poolclass=NullPool).connect() as connection:
        return connection.execute(text(query), values).fetchall()


def locks(backend: str | None) -> dict[int, str]:
    """Return who holds the locks that galaxy_celery.late takes, by key: process of PostgreSQL and address of its client."""
    if not backend or not backend.startswith("db+postgresql"):
        return {}
    rows = _ask_database(
        backend,
        "SELECT (classid::bigint << 32) | objid::bigint, pid, client_addr FROM pg_locks LEFT JOIN pg_stat_activity"
        " USING (pid) WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    return {key: f"process {pid} for {address or 'this host'}" for key, pid, address in rows}


def hashes(backend: str, ids: set[str]) -> set[int]:
    """Return the keys of tasks' locks."""
    rows = _ask_database(
        backend, "SELECT hashtextextended(id, 0) FROM unnest(CAST(:ids AS text[])) AS id", ids=sorted(ids)
    )
    return {key for (key,) in rows}
