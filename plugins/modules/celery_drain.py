#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_drain
short_description: Drain Celery nodes, or let them consume again
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Cancels all consumers of the nodes, and waits until each node reports twice in a row that no task is active or
    reserved. You can then stop the node without losing a task.
  - It asks nodes of the role celery on this host over their sockets in O(control_dir). This works without the broker
    too.
  - A node that does not answer never counts as idle. The module waits for it as for a node with tasks. If it has
    never answered within 60 s, the module stops waiting.
  - It does not wait for tasks that are due later (ETA, countdown, retry), because the broker still has their
    messages, and gives them to another worker when the node stops. It waits for those that are due within 30 s.
  - A drained node consumes nothing until it is restarted, or until O(state=consuming).
  - The module does not stop the node.
options:
  nodes:
    description: Celery node names, for example C(worker-1@celery-1). They are drained at the same time.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(drained) is a node that consumes no queue and has no task.
      - V(consuming) is a node that consumes at least O(queues), as after its start.
    type: str
    choices: [drained, consuming]
    default: drained
  queues:
    description: Names of the queues to consume, with O(state=consuming). They must be among those of the node's C(-Q).
    type: list
    elements: str
    default: []
  timeout_seconds:
    description:
      - Seconds until the module stops waiting. V(0) means never.
      - The duration depends on the longest task of the nodes. Idle nodes need two to three seconds.
    type: int
    default: 3600
  control_dir:
    description:
      - Directory of the sockets of this host's workers, for example V(/run/celery-galaxy).
      - If one of O(nodes) has no socket there, the module asks all of them over the broker.
    type: path
  on_timeout:
    description:
      - What to do with nodes that are not drained when the time is up, or that did not answer. No choice kills a
        task.
      - V(fail) leaves all nodes without consumers and fails.
      - V(resume) lets all nodes consume again, also the drained ones, and fails. The module does the same if a signal
        ends it.
      - V(report) leaves them without consumers and succeeds, with RV(drained) false.
    type: str
    choices: [fail, resume, report]
    default: fail
  fallback_config_file:
    description:
      - Path of another C(galaxy.yml). The module uses its broker if it cannot reach that of O(galaxy_config_file). So
        it can drain a node that was started with an old password.
      - Only this file is used if O(galaxy_config_file) does not exist, for example because its process has ended.
      - It is ignored if it does not exist or has no broker.
    type: path
extends_documentation_fragment:
  - usegalaxy_eu.celery.celery_connection
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details: In check mode the module asks the nodes once for their queues and tasks, and does not wait.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
seealso:
  - module: usegalaxy_eu.celery.celery_info
"""

EXAMPLES = r"""
- name: Show the tasks that a worker still has after a minute
  usegalaxy_eu.celery.celery_drain:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
    nodes: [worker-1@celery-1]
    timeout_seconds: 60
    on_timeout: report
  register: found
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python

- name: Let it consume again
  usegalaxy_eu.celery.celery_drain:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
    nodes: [worker-1@celery-1]
    state: consuming
    queues: "{{ found.nodes['worker-1@celery-1'].queues }}"
    timeout_seconds: 30
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python

- name: Drain a worker for at most an hour, and let it consume again if that is not enough
  usegalaxy_eu.celery.celery_drain:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
    nodes: [worker-1@celery-1]
    timeout_seconds: 3600
    on_timeout: resume
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python
"""

RETURN = r"""
drained:
  description: Whether all nodes are drained.
  returned: with O(state=drained)
  type: bool
nodes:
  description: The state of each node, by node name. A failure returns it as well.
  returned: when the broker could be reached
  type: dict
  contains:
    drained:
      description: Whether the node consumes nothing and has no task.
      type: bool
    answered:
      description: Whether it answered the last question. If not, the lists may be out of date.
      type: bool
    queues:
      description: Names of the queues whose consumers were cancelled by this call; in check mode, that would be.
      type: list
      elements: str
    running:
      description: The tasks that keep it from being drained.
      type: list
      elements: dict
      contains:
        state:
          description: C(active), C(reserved) (taken, and waits in the worker), or C(scheduled) (due within 30 s).
          type: str
        name:
          description: Name of the task.
          type: str
        id:
          description: Id of the task.
          type: str
        seconds:
          description: Seconds that it has been running, or until it is due. Null if the node did not say.
          type: int
    scheduled:
      description: The tasks that are due later, in the same form. They go back to the broker when the node stops.
      type: list
      elements: dict
  sample:
    worker-1@celery-1:
      drained: false
      answered: true
      queues: [celery, galaxy.internal]
      running:
        - {state: active, name: galaxy.export_history, id: 6f0a4d0e-0c1b-4c5c-9a55-3f3c5a1d2b11, seconds: 431}
      scheduled: []
seconds:
  description: Seconds that it took, exact to about 0.5 s.
  returned: with O(state=drained) when the broker could be reached
  type: float
  sample: 2.4
broker:
  description: The broker that was used, without password.
  returned: when the nodes were asked over the broker
  type: str
"""

import os
import signal
import time
from types import FrameType
from typing import Any, NoReturn

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
)
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_drain import (
    Drain,
    Local,
    Remote,
    consume,
    words,
)

FIRST_ANSWER_SECONDS = 60
RESUME_SECONDS = 60


class Interrupted(BaseException):
    """A signal ended the module. No Exception, since a round that fails is followed by another one."""


def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    """Turn a signal into an exception, so that the module can undo what it started."""
    raise Interrupted(f"signal {signal.Signals(number).name}")


def resume(remote: Remote | Local, drain: Drain) -> str:
    """Give all consumers back that were cancelled.

    :returns: words for the message.
    """
    wanted = {node.name: node.queues for node in drain.nodes.values() if node.queues}
    try:
        missing = consume(remote, wanted, RESUME_SECONDS)
    except CeleryModuleError as exc:
        return f" The consumers could NOT be given back: {exc} Restart the nodes."
    if missing:
        queues = "; ".join(f"{node}: {', '.join(names)}" for node, names in missing.items())
        return f" These consumers could NOT be given back ({queues}). Restart the nodes."
    for node in drain.nodes.values():
        node.quiet = 0
    return " The nodes consume again." if wanted else ""


def explain(drain: Drain, seconds: float) -> str:
    """Return why the nodes are not drained."""
    lines = []
    for node in drain.open:
        if not node.answered:
            lines.append(f"{node.name} cannot be asked ({node.error}), so it must be taken for busy")
        else:
            lines.append(f"{node.name} still has {words(node.running) or 'consumers'}")
    return f"not drained within {seconds:.0f} s: {'; '.join(lines)}."


def drain_nodes(
    module: AnsibleModule, remote: Remote | Local, params: dict[str, Any]
) -> tuple[dict[str, Any], str | None]:
    """Drain, and return (result, message of a failure or None)."""
    drain, begin = Drain(remote, params["nodes"]), time.monotonic()
    failure = None

    def watch() -> bool:
        answered = all(node.answered or node.queues or node.tasks for node in drain.open)
        return answered or time.monotonic() - begin < FIRST_ANSWER_SECONDS

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        try:
            drain.round()
        except CeleryModuleError:
            # A broker that cannot be reached at all is told at once; later it may come back.
            if not any(node.queues for node in drain.nodes.values()):
                raise
        drained = drain.run(params["timeout_seconds"] or None, watch)
    except Interrupted as exc:
        drained, failure = False, f"ended by {exc}."
    if not drained and failure is None and params["on_timeout"] != "report":
        failure = explain(drain, time.monotonic() - begin)
    cancelled = any(node.queues for node in drain.nodes.values())
    result = {"drained": drained, "nodes": {name: node.report() for name, node in drain.nodes.items()}}
    if failure and params["on_timeout"] == "resume":
        failure += resume(remote, drain)
        cancelled = " NOT " in failure
    result.update(changed=cancelled, seconds=round(time.monotonic() - begin, 1))
    return result, failure


def look(remote: Remote | Local, names: list[str]) -> dict[str, Any]:
    """Return the nodes' state without changing it, as check mode does."""
    drain = Drain(remote, names)
    remote.cancel = lambda *_args: None  # type: ignore[method-assign]
    drain.round()
    for node in drain.nodes.values():
        node.quiet = 0
    return {
        "drained": False,
        "nodes": {name: node.report() for name, node in drain.nodes.items()},
        "changed": any(node.queues for node in drain.nodes.values()),
        "seconds": 0.0,
    }


def consume_queues(
    module: AnsibleModule, remote: Remote | Local, params: dict[str, Any]
) -> tuple[dict[str, Any], str | None]:
    """Have the nodes consume the queues, and return (result, message of a failure or None)."""
    with remote.session() as connection:
        found = remote.ask(connection, "active_queues", params["nodes"])
    silent = [node for node in params["nodes"] if node not in found]
    if silent:
        return {"changed": False}, f"no answer from {', '.join(silent)}. Check that the units run, under these names."
    wanted = {}
    for node, queues in found.items():
        have = {queue["name"] for queue in queues}
        wanted[node] = {name: {"name": name} for name in params["queues"] if name not in have}
    changed = any(wanted.values())
    if module.check_mode or not changed:
        return {"changed": changed}, None
    missing = consume(remote, wanted, params["timeout_seconds"] or RESUME_SECONDS)
    if missing:
        return {"changed": True}, f"these queues have no consumer on these nodes yet: {missing}. Restart the nodes."
    return {"changed": True}, None


def fallback(params: dict[str, Any], settings: Settings) -> list[Settings]:
    """Return the Settings of fallback_config_file, if there are any; their secrets are those of settings too."""
    try:
        other = [Settings({"galaxy_config_file": params["fallback_config_file"]})] if params["fallback_config_file"] else []
    except CeleryModuleError:
        return []
    for entry in other:
        settings.secrets |= entry.secrets
    return other


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["drained", "consuming"], "default": "drained"},
            "queues": {"type": "list", "elements": "str", "default": []},
            "timeout_seconds": {"type": "int", "default": 3600},
            "control_dir": {"type": "path"},
            "fallback_config_file": {"type": "path"},
            "on_timeout": {"type": "str", "choices": ["fail", "resume", "report"], "default": "fail"},
            **CONNECTION_ARGUMENTS,
        },
        supports_check_mode=True,
        **CONNECTION_RULES,
    )
    params = module.params
    if params["timeout_seconds"] < 0:
        module.fail_json(msg=f"timeout_seconds is {params['timeout_seconds']}. Give at least 0, which is for never.")
    if not params["nodes"]:
        module.fail_json(msg="nodes is empty. Name at least one node.")
    require_node_names(module)
    if params["state"] == "consuming" and not params["queues"]:
        module.fail_json(msg="state is consuming, and queues is empty. Name the queues.")
    require_celery(module)
    require_yaml(module)
    settings: Settings | None = None
    result: dict[str, Any] = {}
    failure: str | None = None
    # The file of a process ends with it, and its successor has read the other one.
    path, other = params["galaxy_config_file"], params["fallback_config_file"]
    if path and other and not os.path.exists(path):
        params.update(galaxy_config_file=other, fallback_config_file=None)
    try:
        local = Local(params["control_dir"])
        if params["control_dir"] and local.has(params["nodes"]):
            remote: Remote | Local = local
        else:
            settings = Settings(params)
            remote = Remote(settings, *fallback(params, settings))
        if params["state"] == "consuming":
            result, failure = consume_queues(module, remote, params)
        elif module.check_mode:
            result = look(remote, params["nodes"])
        else:
            result, failure = drain_nodes(module, remote, params)
        if settings:
            result["broker"] = settings.broker
    except Exception as exc:  # noqa: BLE001 libraries raise many kinds, none may show a password
        module.fail_json(msg=message_of(exc, settings))
    if failure:
        module.fail_json(msg=settings.mask(failure) if settings else failure, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
