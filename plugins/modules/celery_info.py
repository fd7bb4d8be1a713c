#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_info
short_description: Show the state of running Celery nodes
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Asks Celery nodes by remote control for their tasks, queues and pool.
  - A node that does not answer has C(answered) false and null values. It never counts as idle.
  - Beat of Celery 5.7 and later answers a ping as C(celerybeat@HOST). It is reported with C(kind) C(beat).
options:
  nodes:
    description:
      - Celery node names to ask, for example C(worker-1@celery-1). With them the module ends as soon as all have
        answered.
      - Without them the module asks all nodes, and waits for O(timeout_seconds).
    type: list
    elements: str
    default: []
  require_nodes:
    description: Fail if one of O(nodes) does not answer in time. Without O(nodes), fail if no node answers.
    type: bool
    default: false
  timeout_seconds:
    description: Seconds to wait for the first answer of the nodes. Asking for details takes 10 s more at most.
    type: int
    default: 5
extends_documentation_fragment:
  - usegalaxy_eu.celery.celery_connection
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
seealso:
  - module: usegalaxy_eu.celery.celery_task
"""

EXAMPLES = r"""
- name: Wait until the workers answer
  usegalaxy_eu.celery.celery_info:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
    nodes: [worker-1@celery-1, worker-1@celery-2]
    require_nodes: true
    timeout_seconds: 60
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python

- name: Find the nodes that consume each queue
  usegalaxy_eu.celery.celery_info:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
  register: found
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python

- name: Show the consumers of the queues
  ansible.builtin.debug:
    var: found.queues
"""

RETURN = r"""
nodes:
  description: The state of each node that was asked or that answered, by node name.
  returned: success
  type: dict
  contains:
    answered:
      description: Whether the node answered the ping.
      type: bool
    kind:
      description: V(worker), V(beat), or null for a node that gave no answer.
      type: str
    idle:
      description: Whether no task is active, reserved or scheduled. Null if that is not known.
      type: bool
    active:
      description: Number of tasks that run. Null if the node did not say.
      type: int
    reserved:
      description: Number of tasks that the node has taken, and that wait there. Null if the node did not say.
      type: int
    scheduled:
      description: Number of tasks that wait until they are due. Null if the node did not say.
      type: int
    queues:
      description: Names of the queues that the node consumes from. Null if the node did not say.
      type: list
      elements: str
    pool:
      description:
        - Implementation of the pool, such as C(celery.concurrency.thread:TaskPool). Null if the node did not say.
      type: str
    concurrency:
      description: Size of the pool. Null if the node did not say.
      type: int
    prefetch_count:
      description:
        - Number of unacknowledged messages that the node may have at most. Null if the node did not say.
      type: int
    pid:
      description: Process id of the main process. Null if the node did not say.
      type: int
    uptime_seconds:
      description: Seconds since the node started. Null if the node did not say.
      type: int
  sample:
    worker-1@celery-1:
      answered: true
      kind: worker
      idle: true
      active: 0
      reserved: 0
      scheduled: 0
      queues: [celery, galaxy.internal]
      pool: celery.concurrency.thread:TaskPool
      concurrency: 8
      prefetch_count: 32
      pid: 812
      uptime_seconds: 3600
missing:
  description: Those of O(nodes) that gave no answer.
  returned: always
  type: list
  elements: str
queues:
  description: The nodes that consume from each queue, by the queue's name.
  returned: success
  type: dict
  sample:
    celery: [worker-1@celery-1]
broker:
  description: The broker that was used, without password.
  returned: success
  type: str
"""

import time
from collections.abc import Collection
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import (
    CONNECTION_ARGUMENTS,
    CONNECTION_RULES,
    Settings,
    message_of,
    require_celery,
    require_node_names,
    require_yaml,
    run_bounded,
)

CONNECT_SECONDS = 10
DETAIL_SECONDS = 10
QUESTIONS = ("active", "reserved", "scheduled", "active_queues", "stats")


def _by_node(replies: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {node: answer for reply in replies or [] for node, answer in reply.items()}


def _ping(app: Any, connection: Any, nodes: Collection[str], seconds: float) -> set[str]:
    """Return the names of the nodes that answer a ping in time."""
    found: set[str] = set()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = deadline - time.monotonic()
        # A worker that is still starting has no mailbox yet and never sees this ping: ask again every two seconds.
        replies = app.control.ping(
            destination=sorted(set(nodes) - found) or None,
            timeout=min(2, left) if nodes else left,
            connection=connection,
        )
        found |= set(_by_node(replies))
        if nodes and found >= set(nodes):
            break
    return found


def _ask(app: Any, connection: Any, question: str, nodes: Collection[str]) -> dict[str, Any]:
    """Return the nodes' answers to one question of remote control; one that says nothing is left out."""
    answers: dict[str, Any] = {}
    deadline = time.monotonic() + DETAIL_SECONDS / len(QUESTIONS)
    while set(nodes) - set(answers) and time.monotonic() < deadline:
        inspect = app.control.inspect(destination=sorted(set(nodes) - set(answers)), timeout=1, connection=connection)
        answers.update(getattr(inspect, question)() or {})
    return {node: answer for node, answer in answers.items() if not (isinstance(answer, dict) and "error" in answer)}


def _describe(node: str, details: dict[str, dict[str, Any]]) -> dict[str, Any]:
    counts = {}
    for question in ("active", "reserved", "scheduled"):
        answer = details[question].get(node)
        counts[question] = None if answer is None else len(answer)
    stats = details["stats"].get(node) or {}
    pool = stats.get("pool") or {}
    queues = details["active_queues"].get(node)
    return {
        "answered": True,
        "kind": "worker",
        "idle": None if None in counts.values() else not any(counts.values()),
        **counts,
        "queues": None if queues is None else sorted(queue["name"] for queue in queues),
        "pool": pool.get("implementation"),
        "concurrency": pool.get("max-concurrency"),
        "prefetch_count": stats.get("prefetch_count"),
        "pid": stats.get("pid"),
        "uptime_seconds": stats.get("uptime"),
    }


def _unknown(answered: bool, kind: str | None) -> dict[str, Any]:
    return dict.fromkeys(
        (
            "idle",
            "active",
            "reserved",
            "scheduled",
            "queues",
            "pool",
            "concurrency",
            "prefetch_count",
            "pid",
            "uptime_seconds",
        ),
    ) | {"answered": answered, "kind": kind}


def gather(settings: Settings, nodes: list[str], seconds: float) -> dict[str, dict[str, Any]]:
    """Return what is known about the nodes, by name.

    :param settings: a Settings object.
    :param nodes: names to ask; empty for all.
    :param seconds: how long to wait for the answer to a ping.
    """
    app = settings.app(min(CONNECT_SECONDS, seconds))
    with settings.connection(app, min(CONNECT_SECONDS, seconds)) as connection:
        answered = _ping(app, connection, nodes, seconds)
        # Beat answers only ping, and silently ignores all other questions.
        beats = {node for node in answered if node.startswith("celerybeat@")}
        workers = answered - beats
        details = {question: _ask(app, connection, question, workers) for question in QUESTIONS}
    result = {node: _unknown(False, None) for node in nodes}
    result.update({node: _unknown(True, "beat") for node in beats})
    result.update({node: _describe(node, details) for node in workers})
    return dict(sorted(result.items()))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "list", "elements": "str", "default": []},
            "require_nodes": {"type": "bool", "default": False},
            "timeout_seconds": {"type": "int", "default": 5},
            **CONNECTION_ARGUMENTS,
        },
        supports_check_mode=True,
        **CONNECTION_RULES,
    )
    params = module.params
    seconds = params["timeout_seconds"]
    if seconds < 1:
        module.fail_json(msg=f"timeout_seconds is {seconds}. Give at least 1.")
    require_node_names(module)
    require_celery(module)
    require_yaml(module)
    settings = None
    try:
        settings = Settings(params)
        nodes = run_bounded(
            lambda: gather(settings, params["nodes"], seconds),
            seconds + CONNECT_SECONDS + DETAIL_SECONDS + 5,
            "asking the nodes by remote control",
        )
    except Exception as exc:  # noqa: BLE001 libraries raise many kinds, none may show a password
        module.fail_json(msg=message_of(exc, settings), missing=params["nodes"])
    missing = [node for node in params["nodes"] if not nodes[node]["answered"]]
    queues: dict[str, list[str]] = {}
    for node, known in nodes.items():
        for queue in known["queues"] or []:
            queues.setdefault(queue, []).append(node)
    result: dict[str, Any] = {"nodes": nodes, "missing": missing, "queues": queues, "broker": settings.broker}
    if params["require_nodes"] and (missing or not nodes):
        module.fail_json(
            msg=f"no answer within {seconds} s from {', '.join(missing) or 'any node'} on {settings.broker}."
            " Check that the units run, under these node names, on this broker and vhost, or raise timeout_seconds.",
            **result,
        )
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
