# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let Celery nodes run out of tasks, and let them consume again.

Private to the collection; the module celery_drain uses it. A node of this host is asked over its own socket, any other one
over the broker.

A node that gives no answer is never taken for idle. The questions follow a task's way (scheduled, reserved, active), so that
one which moves on between two of them is seen at least once.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import time
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import CeleryModuleError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery import control

if TYPE_CHECKING:
    from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import Settings

ANSWER_SECONDS = 2
CONNECT_SECONDS = 5
POLL_SECONDS = 0.5
# A round without a task may fall between the broker's delivery and the worker's list; two in a row do not.
QUIET_ROUNDS = 2
# A task whose time comes so soon may begin while the node is being stopped: it is waited for.
SOON_SECONDS = 30


class Task(TypedDict):
    """One task that a node has, with the seconds that it runs, or until it is due."""

    state: str
    name: str
    id: str
    seconds: int | None


class Remote:
    """Questions and orders to nodes. A node that says nothing in time is missing from what is returned.

    :param settings: Settings objects of _celery_app. The next one counts when the broker cannot be reached with the one
        before: a node that was started with an old password keeps its connection, and can be asked with the new one.
    """

    def __init__(self, *settings: Settings) -> None:
        self.settings = settings
        # Made once: a session is opened for every round, for as long as a drain takes.
        self.apps = [each.app(CONNECT_SECONDS) for each in settings]
        self.app = self.apps[0]

    def session(self) -> contextlib.AbstractContextManager[Any]:
        """Return an open connection, a context, for one round. The last one may have died with the broker.

        :raises CeleryModuleError: with the reason why there is none.
        """
        problems = []
        for settings, app in zip(self.settings, self.apps):
            try:
                connection: contextlib.AbstractContextManager[Any] = settings.connection(app, CONNECT_SECONDS)
                return connection
            except CeleryModuleError as exc:
                problems.append(exc)
        raise problems[0]

    def ask(self, connection: Any, question: str, nodes: Collection[str]) -> dict[str, list[Any]]:
        """Return the answers of the nodes, by name.

        :param question: active_queues, scheduled, reserved or active.
        """
        if not nodes:
            return {}
        inspect = self.app.control.inspect(
            destination=sorted(nodes), timeout=ANSWER_SECONDS, connection=connection, limit=len(nodes)
        )
        answers = getattr(inspect, question)() or {}
        return {node: answer for node, answer in answers.items() if isinstance(answer, list)}

    def cancel(self, connection: Any, queue: str, nodes: Collection[str]) -> None:
        """Have the nodes stop consuming a queue; whether they did, the next question tells."""
        self.app.control.cancel_consumer(
            queue, destination=sorted(nodes), reply=True, timeout=ANSWER_SECONDS, connection=connection, limit=len(nodes)
        )

    def add(self, connection: Any, queue: dict[str, Any], nodes: Collection[str]) -> None:
        """Have the nodes consume a queue.

        :param queue: its description, as active_queues gives it, or just its name under "name".
        """
        exchange = queue.get("exchange") or {}
        self.app.control.add_consumer(
            queue["name"],
            exchange=exchange.get("name") or None,
            exchange_type=exchange.get("type") or "direct",
            routing_key=queue.get("routing_key"),
            destination=sorted(nodes),
            reply=True,
            timeout=ANSWER_SECONDS,
            connection=connection,
            limit=len(nodes),
        )


class Local:
    """The same questions and orders to nodes of this host, over their own sockets.

    What such a node holds and has not begun needs no waiting: it is not acknowledged.

    :param directory: where the sockets are.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def has(self, nodes: Iterable[str]) -> bool:
        """Whether each of the nodes has a socket."""
        return all(os.path.exists(control.path_of(self.directory, node)) for node in nodes)

    def session(self) -> contextlib.AbstractContextManager[Any]:
        """Return a context: each question has a connection of its own."""
        return contextlib.nullcontext()

    def ask(self, _connection: Any, question: str, nodes: Collection[str]) -> dict[str, list[Any]]:
        """Return the answers of the nodes, by name, see Remote.ask."""
        found = {}
        for node in nodes:
            with contextlib.suppress(OSError):
                answer = control.ask(self.directory, node, "status")
                queues = [{"name": name} for name in answer["queues"]]
                found[node] = {"active_queues": queues, "active": answer["running"]}.get(question, [])
        return found

    def cancel(self, _connection: Any, _queue: str, nodes: Collection[str]) -> None:
        """Have the nodes consume nothing."""
        for node in nodes:
            control.ask(self.directory, node, "pause")

    def add(self, _connection: Any, _queue: dict[str, Any], nodes: Collection[str]) -> None:
        """Have the nodes consume again."""
        for node in nodes:
            control.ask(self.directory, node, "resume")


class Node:
    """What is known of one node while it is drained."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answered = False
        self.quiet = 0
        self.queues: dict[str, dict[str, Any]] = {}  # descriptions of the queues whose consumers were cancelled, by name
        self.tasks: list[Task] = []
        self.error = "it gives no answer"

    @property
    def drained(self) -> bool:
        """Whether it consumes nothing and has had nothing to do for long enough."""
        return self.quiet >= QUIET_ROUNDS

    @property
    def running(self) -> list[Task]:
        """The tasks that keep it from being drained."""
        return [task for task in self.tasks if task["state"] != "scheduled" or (task["seconds"] or 0) < SOON_SECONDS]

    def silent(self, reason: str) -> None:
        """Note that it gave no answer: whatever was known may be wrong now."""
        self.answered, self.error, self.quiet = False, reason, 0

    def report(self) -> dict[str, Any]:
        """Return what a module or a log says of it."""
        return {
            "drained": self.drained,
            "answered": self.answered,
            "queues": sorted(self.queues),
            "running": self.running,
            "scheduled": [task for task in self.tasks if task not in self.running],
        }


def until(eta: Any) -> int:
    """Return the seconds until a time that Celery wrote; 0 if it cannot be read, so that the task is waited for."""
    try:
        moment = datetime.datetime.fromisoformat(eta.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return round((moment - datetime.datetime.now(datetime.timezone.utc)).total_seconds())


def describe(state: str, entry: dict[str, Any], now: float | None = None) -> Task:
    """Return one entry of a node's list as state, name, id and seconds: how long it runs, or until it is due."""
    request = entry.get("request", entry)
    started = request.get("time_start")
    # A node of this host says it itself.
    seconds = request.get("seconds")
    if state == "scheduled":
        seconds = until(entry.get("eta"))
    elif started:
        seconds = max(0, round((time.time() if now is None else now) - started))
    return {"state": state, "name": request.get("name"), "id": request.get("id"), "seconds": seconds}


def words(tasks: Iterable[Task]) -> str:
    """Return tasks as a text: name, id and state of each."""
    return ", ".join(f"{task['name']} {task['id']} ({task['state']})" for task in tasks)


class Drain:
    """Stops the nodes' consumers and watches them until nothing is left to do.

    :param remote: a Remote, or a Local.
    :param names: names of the nodes.
    """

    def __init__(self, remote: Remote | Local, names: Iterable[str]) -> None:
        self.remote = remote
        self.nodes = {name: Node(name) for name in names}
        self.reached = False  # whether the last round reached the broker

    @property
    def open(self) -> list[Node]:
        """The nodes that are not drained yet."""
        return [node for node in self.nodes.values() if not node.drained]

    def round(self) -> None:
        """Cancel what the open nodes consume, and count what they have to do.

        :raises CeleryModuleError: when the broker cannot be reached; the nodes are silent then.
        """
        nodes = self.open
        names = [node.name for node in nodes]
        self.reached = False
        try:
            with self.remote.session() as connection:
                queues = self.remote.ask(connection, "active_queues", names)
                for queue, consumers in self._consumers(queues).items():
                    self.remote.cancel(connection, queue, consumers)
                lists = {
                    state: self.remote.ask(connection, state, [name for name in names if name in queues])
                    for state in ("scheduled", "reserved", "active")
                }
        except Exception as exc:
            for node in nodes:
                node.silent(str(exc) or type(exc).__name__)
            raise
        self.reached = True
        for node in nodes:
            self._judge(node, queues.get(node.name), {state: found.get(node.name) for state, found in lists.items()})

    def _consumers(self, queues: dict[str, list[Any]]) -> dict[str, list[str]]:
        """Note the queues that the nodes consume, and return the nodes by queue."""
        found: dict[str, list[str]] = {}
        for name, consumed in queues.items():
            for queue in consumed:
                self.nodes[name].queues[queue["name"]] = queue
                found.setdefault(queue["name"], []).append(name)
        return found

    @staticmethod
    def _judge(node: Node, consumed: list[Any] | None, lists: dict[str, list[Any] | None]) -> None:
        if consumed is None or None in lists.values():
            node.silent("it gives no answer")
            return
        node.answered = True
        # A task that changed its state meanwhile is in two lists: the later one counts.
        tasks = {task["id"]: task for state, found in lists.items() for task in (describe(state, item) for item in found or [])}
        # What runs is what the operator asks for first.
        node.tasks = sorted(tasks.values(), key=lambda task: ("active", "reserved", "scheduled").index(task["state"]))
        node.quiet = 0 if consumed or node.running else node.quiet + 1

    def run(self, seconds: float | None, watch: Callable[[], bool] = lambda: True) -> bool:
        """Go round until all nodes are drained.

        :param seconds: when to give up; None for never.
        :param watch: called after each round; false ends it too.
        :returns: whether all nodes are drained.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            # The nodes hold the reason; the broker may come back.
            with contextlib.suppress(Exception):
                self.round()
            if not self.open:
                return True
            if not watch() or (deadline is not None and time.monotonic() >= deadline):
                return False
            time.sleep(POLL_SECONDS)


def consume(
    remote: Remote | Local, wanted: dict[str, dict[str, dict[str, Any]]], seconds: float
) -> dict[str, list[str]]:
    """Have nodes consume queues until they say that they do.

    :param remote: a Remote, or a Local.
    :param wanted: descriptions of queues by name, by node.
    :param seconds: when to give up.
    :returns: names of the queues that could not be given back, by node; empty when all is well.
    :raises CeleryModuleError: when the broker could not be reached to the end.
    """
    deadline = time.monotonic() + seconds
    missing = {node: sorted(queues) for node, queues in wanted.items() if queues}
    problem: Exception | None = None
    while missing:
        try:
            with remote.session() as connection:
                for node, names in missing.items():
                    for name in names:
                        remote.add(connection, wanted[node][name], [node])
                found = remote.ask(connection, "active_queues", list(missing))
            problem = None
        except Exception as exc:  # noqa: BLE001 the broker may come back before the time is up
            found, problem = {}, exc
        for node in list(missing):
            consumed = {queue["name"] for queue in found.get(node, [])}
            missing[node] = [name for name in missing[node] if name not in consumed]
            if not missing[node]:
                del missing[node]
        if not missing or time.monotonic() >= deadline:
            break
        time.sleep(POLL_SECONDS)
    if missing and problem:
        raise problem
    return missing
