#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_task
short_description: Send a Celery task through its queues and wait for the results
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Sends one task to each of O(queues), and waits for all results.
  - With O(nodes) it tests that each of these nodes takes tasks from each of the queues. It listens to the workers'
    events before it sends. Then it sends rounds of one message for each node, until each node has run a task from
    each queue.
  - A queue must exist. The broker silently drops a message to a queue that does not.
  - When the time is up, messages that no worker took expire in the broker. Results that the module has read are
    removed from the backend.
  - If the connection to the broker breaks, the module warns, and sends everything again over a new one.
options:
  name:
    description:
      - Name of the task, as the workers have registered it.
      - Without it the module asks the nodes which tasks they have registered, and sends the first of these that all of
        them have. Each reads Galaxy's database, changes nothing, and fails when the database is down.
      - C(galaxy.cleanup_stale_concurrency_slots), of Galaxy 26.1 and later. It looks for slots that are ten years old.
      - C(galaxy.recalculate_user_disk_usage), of all releases from 24.2 on. It looks for user -1, which never exists,
        and the worker logs that as an error. It is sent only if O(galaxy_config_file) has no
        C(celery_user_rate_limit). (Otherwise Galaxy's record of this user's tasks would break the database session of
        the next tasks.)
      - C(galaxy.touch), of all releases from 24.2 on. It looks for collection -1. The error that there is none counts
        as success, although Celery reports the task as failed.
    type: str
  args:
    description: Positional arguments. They need O(name).
    type: list
    elements: raw
    default: []
  kwargs:
    description: Keyword arguments. They need O(name).
    type: dict
    default: {}
  queues:
    description: Names of the queues to send to.
    type: list
    elements: str
    required: true
  nodes:
    description:
      - Celery node names, for example C(worker-1@celery-1). Each node must run a task from each queue.
      - If a node sends no task events, the module turns them on during the run.
    type: list
    elements: str
    default: []
  answer_by:
    description:
      - V(result_backend) reads the results where the workers store them, which works only if both share it. If this
        interpreter's Celery cannot read a result, because the worker runs another version, the module warns. The
        worker's event then shows whether the task succeeded.
      - V(callback) lets the workers send the result as a message to an exclusive queue of this module. It shows
        success and failure, and does not test the backend.
      - V(auto) is V(result_backend) if one is configured, else V(callback).
    type: str
    choices: [auto, result_backend, callback]
    default: auto
  timeout_seconds:
    description:
      - Seconds after which the module fails, for all queues together.
      - A warm Galaxy worker answers in 0.05 to 0.3 s, its first task takes 3 to 7 s (measured with Galaxy 26.1).
    type: int
    default: 60
extends_documentation_fragment:
  - usegalaxy_eu.celery.celery_connection
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details: In check mode the module sends no task, and the result is marked as skipped.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
seealso:
  - module: usegalaxy_eu.celery.celery_info
"""

EXAMPLES = r"""
- name: Prove that every worker takes tasks from every queue and reaches the database
  usegalaxy_eu.celery.celery_task:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
    queues: [celery, galaxy.internal, galaxy.external]
    nodes: [worker-1@celery-1, worker-1@celery-2]
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python

- name: Send one task with a connection of its own
  usegalaxy_eu.celery.celery_task:
    broker_url: "{{ galaxy_amqp_url }}"
    queues: [galaxy.internal]
    answer_by: callback
    timeout_seconds: 20
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python
"""

RETURN = r"""
tasks:
  description: The tasks that were sent, in order. A failure returns them as well.
  returned: when not in check mode and the broker could be reached
  type: list
  elements: dict
  contains:
    id:
      description: Id of the task.
      type: str
    name:
      description: Name of the task.
      type: str
    queue:
      description: Queue that it was sent to.
      type: str
    node:
      description: Node that took it, from the workers' events. Null without an event.
      type: str
    state:
      description: Celery's state, such as C(SUCCESS) or C(FAILURE), or C(PENDING) while there is no result.
      type: str
    seconds:
      description: >-
        Seconds between sending the task and reading the result, exact to about 0.1 s. Null without a result.
      type: float
    result:
      description: What the task returned, or the text of its exception. Null if it could not be read.
      type: raw
  sample:
    - id: 6f0a4d0e-0c1b-4c5c-9a55-3f3c5a1d2b11
      name: galaxy.cleanup_stale_concurrency_slots
      queue: galaxy.internal
      node: worker-1@celery-1
      state: SUCCESS
      seconds: 0.14
      result: null
broker:
  description: The broker that was used, without password.
  returned: when not in check mode
  type: str
  sample: amqps://galaxy:********@mq.example.org:5671/galaxy
answer_by:
  description: Source of the results, C(result_backend) or C(callback).
  returned: when not in check mode
  type: str
"""

import contextlib
import json
import pickle
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypedDict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import (
    CONNECTION_ARGUMENTS,
    CONNECTION_RULES,
    CeleryModuleError,
    Settings,
    message_of,
    require_celery,
    require_node_names,
    require_yaml,
    run_bounded,
)
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_watch import (
    enable_events,
    events_consumer,
    queue_counts,
)

try:
    import celery
    import kombu
    from celery import states
    from celery.result import AsyncResult
except ImportError:
    kombu = None  # type: ignore[assignment]  # require_celery tells

CONNECT_SECONDS = 10
POLL_SECONDS = 0.1
# An event, or a result that an event announced, is given this long to arrive.
GRACE_SECONDS = 2
# The pause before everything is sent again over a new connection.
RETRY_SECONDS = 1
# What Celery raises for a value that another version of it has stored.
UNREADABLE = (pickle.UnpicklingError, ValueError, LookupError, EOFError, AttributeError, ImportError, TypeError)
REPLY_TASK = "usegalaxy_eu.celery.reply"


class Task(NamedTuple):
    """What is sent. A failure whose text has `refusal` in it is an answer of the database, and a proof like success."""

    name: str
    kwargs: dict[str, Any]
    args: Sequence[Any] = ()
    refusal: str | None = None


# What is sent without a name, see DOCUMENTATION. The first one that all nodes have registered.
PROBES = (
    Task("galaxy.cleanup_stale_concurrency_slots", {"stale_threshold_minutes": 5256000}),
    Task("galaxy.recalculate_user_disk_usage", {"task_user_id": -1}),
    Task("galaxy.touch", {"item_id": -1}, refusal="No row was found"),
)


class Sent(TypedDict, total=False):
    """What is known of one task that was sent. Names with an underscore are not for the result."""

    id: str
    name: str
    queue: str
    node: str | None
    state: str
    seconds: float | None
    result: Any
    _sent_at: float
    _finished_at: float
    _event: str | None
    _exception: str | None
    _unreadable_at: float | None


class BrokenOff(Exception):
    """The connection to the broker ended in the middle; its cause is the library's exception."""


class Probe:
    """One run: a connection, the tasks sent over it, and what is known about each.

    :param warn: is called with words for the operator.
    """

    def __init__(self, settings: Settings, params: dict[str, Any], warn: Callable[[str], object]) -> None:
        self.settings = settings
        # Without a name it is chosen as soon as there is a connection.
        self.task = Task(params["name"] or "", params["kwargs"], params["args"])
        self.queues = list(dict.fromkeys(params["queues"]))
        self.nodes = list(dict.fromkeys(params["nodes"]))
        self.timeout = params["timeout_seconds"]
        self.warn = warn
        # Over all connections: what the end of a broken one could not switch off, the end of the next one does.
        self.enabled: set[str] = set()
        self.unreadable: set[str | None] = set()
        self.by_callback = params["answer_by"] == "callback" or (
            params["answer_by"] == "auto" and not settings.result_backend
        )
        if params["answer_by"] == "result_backend" and not settings.result_backend:
            raise CeleryModuleError(
                "answer_by is result_backend, but none is configured. Set result_backend in celery_conf to one that"
                " all hosts"
                " share, or answer_by to callback."
            )
        self._begin()

    def _begin(self) -> None:
        """Know nothing yet. The queue of the replies is gone with the connection that declared it."""
        self.tasks: dict[str, Sent] = {}
        self.silent = set(self.nodes)
        self.proven: set[tuple[str, str | None]] = set()
        self.rounds = dict.fromkeys(self.queues, 0)
        self.not_before = dict.fromkeys(self.queues, 0.0)
        self.reply_queue = f"{REPLY_TASK}.{uuid.uuid4()}"

    def run(self) -> None:
        """Send and wait, over a new connection when one breaks off.

        :raises CeleryModuleError: telling what did not answer, which task failed and how.
        """
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                self._attempt(deadline)
                return
            except BrokenOff as exc:
                problem = self.settings.connection_error(exc.__cause__ or exc)
                if time.monotonic() + RETRY_SECONDS >= deadline:
                    raise problem from exc
                self.warn(f"Everything is sent again over a new connection: {problem}")
                time.sleep(RETRY_SECONDS)
                self._begin()

    def _attempt(self, deadline: float) -> None:
        """Send and wait over one connection.

        :raises BrokenOff: when it ends too early.
        """
        self.app = self.settings.app(min(CONNECT_SECONDS, self.timeout))
        try:
            with self.settings.connection(self.app, min(CONNECT_SECONDS, self.timeout)) as self.connection:
                try:
                    for queue in self.queues:
                        queue_counts(self.settings, self.connection, queue)
                    self._backend()
                    self._enable_events(deadline)
                    if not self.task.name:
                        self.task = self._choose(deadline)
                    with self._consumers():
                        self._loop(deadline)
                except (*self.connection.connection_errors, kombu.exceptions.OperationalError) as exc:
                    raise BrokenOff from exc
        finally:
            with contextlib.suppress(Exception):
                if self.enabled:
                    self.app.control.disable_events(destination=sorted(self.enabled))
            with contextlib.suppress(Exception):
                self.app.close()

    def _backend(self) -> None:
        """Load the result backend now, so that a wrong one is not taken for a silent worker."""
        if self.by_callback:
            return
        try:
            self.backend = self.app.backend
            self.backend.get_task_meta(str(uuid.uuid4()))
        except Exception as exc:
            raise self._backend_error(exc) from exc

    def _backend_error(self, exc: BaseException) -> CeleryModuleError:
        cause = exc.__cause__ or exc
        return CeleryModuleError(
            f"the result backend cannot be read: {type(cause).__name__}: {cause}. Check result_backend, that its"
            " database is"
            " reachable from this host, and that its driver is in this interpreter."
        )

    def _enable_events(self, deadline: float) -> None:
        """Have the nodes that are still silent send task events. Their replies also tell that they are alive."""
        if not self.silent:
            return
        answered, enabled = enable_events(self.app, self.silent, max(0.2, min(2, deadline - time.monotonic())))
        self.silent -= answered
        self.enabled |= enabled

    def _choose(self, deadline: float) -> Task:
        """Return the first of PROBES that all nodes have registered, and whose user Galaxy does not count.

        :raises CeleryModuleError: when there is none.
        """
        inspect = self.app.control.inspect(
            destination=self.nodes or None, timeout=max(0.2, min(2, deadline - time.monotonic()))
        )
        answers = inspect.registered() or {}
        # An entry may have the task's rate limit behind its name.
        registered = {node: {entry.split(" ")[0] for entry in entries} for node, entries in answers.items()}
        if not registered:
            return PROBES[-1]  # what all releases have; why nobody answers is told later
        for task in PROBES:
            counted = self.settings.limits_users and "task_user_id" in task.kwargs
            if not counted and all(task.name in names for names in registered.values()):
                return task
        without = sorted(node for node, names in registered.items() if PROBES[-1].name not in names)
        raise CeleryModuleError(
            f"{', '.join(without)} registered none of {', '.join(task.name for task in PROBES)}. Galaxy has them from"
            " 24.2 on. Look into the worker's log for an error at its start, or give the name of another task."
        )

    def _consumers(self) -> contextlib.ExitStack:
        """Return a context that listens to events and, without a backend, to replies."""
        stack = contextlib.ExitStack()
        channel = self.connection.channel()
        stack.callback(channel.close)
        stack.enter_context(events_consumer(self.app, channel, self._on_event))
        if self.by_callback:
            # amq.direct: with the nameless exchange Celery would send the reply to the worker's own default queue.
            queue = kombu.Queue(
                self.reply_queue,
                exchange=kombu.Exchange("amq.direct", type="direct", durable=True),
                routing_key=self.reply_queue,
                durable=False,
                exclusive=True,
                auto_delete=True,
            )
            stack.enter_context(
                kombu.Consumer(channel, queues=[queue], callbacks=[self._on_reply], no_ack=True, accept=["json"])
            )
        return stack

    def _on_event(self, event: dict[str, Any]) -> None:
        task = self.tasks.get(event.get("uuid", ""))
        if task is None:
            return
        task["node"] = event.get("hostname") or task["node"]
        task["_event"] = event["type"]
        if event["type"] == "task-failed":
            task["_exception"] = event.get("exception")
            if self.by_callback and task["state"] == states.PENDING:
                # A task that the worker does not know calls nobody back.
                self._finish(task, states.FAILURE, None)

    def _on_reply(self, body: Any, message: Any) -> None:
        args = body[0] if isinstance(body, list) else []
        task = self.tasks.get(message.headers.get("parent_id") or message.headers.get("root_id"))
        if task is None:
            return
        failed = message.headers.get("task") == REPLY_TASK + ".error"
        self._finish(task, states.FAILURE if failed else states.SUCCESS, None if failed else args[0] if args else None)

    @staticmethod
    def _finish(task: Sent, state: str, result: Any) -> None:
        task["state"] = state
        task["result"] = result
        task["_finished_at"] = time.monotonic()
        task["seconds"] = round(task["_finished_at"] - task["_sent_at"], 2)

    def _missing_nodes(self, queue: str) -> list[str]:
        return [node for node in self.nodes if (queue, node) not in self.proven]

    def _outstanding(self, queue: str) -> list[Sent]:
        """Return the tasks of a queue whose result, or whose event, is still to come."""
        return [
            task
            for task in self.tasks.values()
            if task["queue"] == queue and (task["state"] == states.PENDING or self._awaits_event(task))
        ]

    def _awaits_event(self, task: Sent) -> bool:
        """Tell whether a finished task's event, with the node and the exception, may still come."""
        known = task["node"] and (task["state"] == states.SUCCESS or not self.by_callback or task["_exception"])
        return not known and time.monotonic() < task["_finished_at"] + (GRACE_SECONDS if self.nodes else 0.5)

    def _send(self, queue: str) -> None:
        task_id = str(uuid.uuid4())
        options = {}
        if self.by_callback:
            options = {"callbacks": [self._signature("")], "errbacks": [self._signature(".error")]}
        message = self.app.amqp.as_task_v2(
            task_id, self.task.name, list(self.task.args), dict(self.task.kwargs), reply_to=self.app.thread_oid, **options
        )
        self.tasks[task_id] = {
            "id": task_id,
            "name": self.task.name,
            "queue": queue,
            "node": None,
            "state": states.PENDING,
            "seconds": None,
            "result": None,
            "_sent_at": time.monotonic(),
            "_event": None,
            "_exception": None,
            "_unreadable_at": None,
        }
        self.producer.publish(
            message.body,
            exchange="",
            routing_key=queue,
            serializer="json",
            headers=message.headers,
            delivery_mode=1,
            expiration=self.timeout,  # the broker's clock counts, not the worker's
            **message.properties,
        )

    def _signature(self, suffix: str) -> dict[str, Any]:
        return {
            "task": REPLY_TASK + suffix,
            "args": [],
            "kwargs": {},
            "options": {"exchange": "amq.direct", "routing_key": self.reply_queue, "serializer": "json"},
            "subtask_type": None,
            "immutable": False,
        }

    def _poll(self) -> None:
        """Read the results that the backend has."""
        if self.by_callback:
            return
        for task in self.tasks.values():
            if task["state"] != states.PENDING:
                continue
            try:
                meta = self.backend.get_task_meta(task["id"])
            except (*UNREADABLE, kombu.exceptions.DecodeError, kombu.exceptions.ContentDisallowed) as exc:
                meta = self._by_event(task, exc)
            except Exception as exc:
                raise self._backend_error(exc) from exc
            if meta["status"] in states.READY_STATES:
                self._finish(task, meta["status"], meta["result"])
                with contextlib.suppress(Exception):  # a backend may not know how to forget
                    AsyncResult(task["id"], app=self.app).forget()

    def _by_event(self, task: Sent, exc: Exception) -> dict[str, Any]:
        """Return what the worker's event says of a task whose result is there and cannot be read.

        :raises CeleryModuleError: when no event comes either.
        """
        if not task["_event"]:
            since = task["_unreadable_at"] = task["_unreadable_at"] or time.monotonic()
            if time.monotonic() > since + GRACE_SECONDS:
                raise self._backend_error(exc) from exc
        elif task["node"] not in self.unreadable:
            self.unreadable.add(task["node"])
            self.warn(
                f"A result that {task['node']} has stored cannot be read with Celery {celery.__version__}, which this host"
                f" has ({type(exc).__name__}: {exc}). The worker runs another version; its events count instead."
            )
        state = {"task-succeeded": states.SUCCESS, "task-failed": states.FAILURE}.get(task["_event"] or "", states.PENDING)
        return {"status": state, "result": None}

    def _loop(self, deadline: float) -> None:
        self.producer = self.connection.Producer(self.connection.channel())
        ask_again = time.monotonic() + 3
        while True:
            for queue in self.queues:
                self._round(queue)
            with contextlib.suppress(socket.timeout):
                self.connection.drain_events(timeout=POLL_SECONDS)
            self._poll()
            self._judge()
            now = time.monotonic()
            if all(self._done(queue) for queue in self.queues):
                return
            if now >= deadline:
                raise CeleryModuleError(self._diagnosis())
            if self.silent and now >= ask_again:
                self._enable_events(deadline)
                ask_again = time.monotonic() + 3

    def _round(self, queue: str) -> None:
        """Send the next round to a queue once the last one is over and a node is still missing."""
        if self._done(queue) or self._outstanding(queue) or time.monotonic() < self.not_before[queue]:
            return
        for _node in self.nodes or [None]:
            self._send(queue)
        # Foreign consumers may take some, so rounds repeat; they slow down so that a dead node costs few messages.
        self.not_before[queue] = time.monotonic() + min(5, 0.5 * self.rounds[queue])
        self.rounds[queue] += 1

    def _done(self, queue: str) -> bool:
        if self.nodes:
            return not self._missing_nodes(queue)
        return self.rounds[queue] > 0 and not self._outstanding(queue)

    def _judge(self) -> None:
        """Note which node has proven which queue, and stop at the first task that failed."""
        for task in self.tasks.values():
            if task["state"] == states.SUCCESS and task["node"]:
                self.proven.add((task["queue"], task["node"]))
            elif task["state"] not in (states.PENDING, states.SUCCESS):
                if self._awaits_event(task):
                    continue
                text = task["_exception"] or self._text(task["result"])
                task["result"] = text
                if self.task.refusal and self.task.refusal in text:
                    self.proven.add((task["queue"], task["node"]))
                    continue
                raise CeleryModuleError(
                    f"task {self.task.name} ({task['id']}) from queue {task['queue']!r} ended as {task['state']} on node"
                    f" {task['node'] or 'unknown'}: {text}. The log of that worker has the traceback."
                )

    @staticmethod
    def _text(result: object) -> str:
        if result is None:
            return "its exception is not known, since its worker sends no task events (-E)"
        return f"{type(result).__name__}: {result}" if isinstance(result, BaseException) else str(result)

    def _diagnosis(self) -> str:
        """Return one sentence for each proof that is missing."""
        lines = []
        for queue in self.queues:
            if self._done(queue):
                continue
            sent = [task for task in self.tasks.values() if task["queue"] == queue]
            waiting = [task for task in sent if task["state"] == states.PENDING]
            succeeded = [task for task in waiting if task["_event"] == "task-succeeded"]
            if succeeded:
                lines.append(
                    f"queue {queue!r}: node {succeeded[0]['node']} ran the task, but its result never came back. Set"
                    " result_backend in celery_conf to one that all hosts share"
                )
                continue
            taken = [task for task in waiting if task["node"]]
            lines.extend(
                f"queue {queue!r}: node {task['node']} took task {task['id']} and did not end it. Look into its log"
                for task in taken
            )
            if self.nodes:
                busy = {task["node"] for task in taken}
                lines.extend(self._node_line(queue, node) for node in self._missing_nodes(queue) if node not in busy)
            elif not taken:
                messages, consumers = queue_counts(self.settings, self.connection, queue)
                counts = f"queue {queue!r} has {consumers} consumers and {messages} waiting messages"
                if messages or not consumers:
                    lines.append(
                        f"{counts}: nobody took the task. Start a worker for it, or wait until those there are free"
                    )
                else:
                    lines.append(
                        f"{counts}: the task was taken, but its result never came. Check whether it still runs,"
                        " whether the"
                        f" worker knows {self.task.name}, and whether result_backend in celery_conf is one that all hosts"
                        " share"
                    )
        return f"within {self.timeout} s not everything was proven. " + "; ".join(lines) + "."

    def _node_line(self, queue: str, node: str) -> str:
        if node in self.silent:
            return (
                f"queue {queue!r}: node {node} took no task and gives no answer to remote control. Check that its"
                " unit runs,"
                " under this node name, on this broker and vhost"
            )
        answer = self.app.control.inspect(destination=[node], timeout=2).active_queues() or {}
        consumed = sorted(item["name"] for item in answer.get(node) or [])
        if queue in consumed:
            return (
                f"queue {queue!r}: node {node} consumes from it, but no task of {self.rounds[queue]} rounds reached"
                " it. Check"
                " whether it is busy, or raise timeout_seconds"
            )
        return (
            f"queue {queue!r}: node {node} does not consume from it, but from {consumed}. Add it to the node's queues"
        )

    def report(self) -> list[dict[str, Any]]:
        """Return the tasks without what is only for this class."""
        tasks = []
        for task in self.tasks.values():
            shown: dict[str, Any] = {key: value for key, value in task.items() if not key.startswith("_")}
            try:
                json.dumps(shown["result"])
            except (TypeError, ValueError):
                shown["result"] = self._text(shown["result"])
            tasks.append(shown)
        return tasks


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str"},
            "args": {"type": "list", "elements": "raw", "default": []},
            "kwargs": {"type": "dict", "default": {}},
            "queues": {"type": "list", "elements": "str", "required": True},
            "nodes": {"type": "list", "elements": "str", "default": []},
            "answer_by": {"type": "str", "choices": ["auto", "result_backend", "callback"], "default": "auto"},
            "timeout_seconds": {"type": "int", "default": 60},
            **CONNECTION_ARGUMENTS,
        },
        supports_check_mode=True,
        **CONNECTION_RULES,
    )
    params = module.params
    if params["timeout_seconds"] < 1:
        module.fail_json(msg=f"timeout_seconds is {params['timeout_seconds']}. Give at least 1.")
    if not params["name"] and (params["args"] or params["kwargs"]):
        module.fail_json(msg="args or kwargs are given without name. Give the name of the task that takes them.")
    if not params["queues"]:
        module.fail_json(msg="queues is empty. Name at least one queue.")
    require_node_names(module)
    if module.check_mode:
        module.exit_json(
            changed=False, skipped=True, msg="check mode: no task was sent and nothing was proven", tasks=[]
        )
    require_celery(module)
    require_yaml(module)
    settings = probe = None
    try:
        settings = Settings(params)
        probe = Probe(settings, params, module.warn)
        run_bounded(
            probe.run, params["timeout_seconds"] + CONNECT_SECONDS, "sending tasks and waiting for their results"
        )
    except Exception as exc:  # noqa: BLE001 libraries raise many kinds, none may show a password
        module.fail_json(
            msg=message_of(exc, settings),
            tasks=probe.report() if probe else [],
            broker=settings.broker if settings else None,
        )
    module.exit_json(
        changed=False,
        tasks=probe.report(),
        broker=settings.broker,
        answer_by="callback" if probe.by_callback else "result_backend",
    )


if __name__ == "__main__":
    main()
