#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: galaxy_upload
short_description: Upload a line to Galaxy as a user does, and find the Celery workers that ran it
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Creates a history, pastes a line into it, waits until the dataset is C(ok), reads it back, and purges the history.
    The history is purged after a failure too.
  - An upload is a chain of Celery tasks (C(galaxy.setup_fetch_data), C(galaxy.fetch_data), C(galaxy.set_job_metadata),
    C(galaxy.finish_job)). The module listens to the workers' events before it starts the upload, finds the chain of
    this upload by the number of its job, and fails unless one of O(nodes) ran C(galaxy.fetch_data).
  - If C(galaxy.yml) routes C(galaxy.fetch_data) to C(disabled), or has C(enable_celery_tasks) off, the upload is a
    job of Galaxy itself. Then RV(by_celery) is false, and the module does not check workers.
options:
  galaxy_url:
    description:
      - Address of Galaxy, with its path if it has one. This host must reach it.
      - The module follows no redirect, so that it never sends the key to another address.
    type: str
    required: true
  api_key:
    description: API key of the user who uploads. An ordinary user is enough.
    type: str
    required: true
  galaxy_config_file:
    description:
      - Path of Galaxy's C(galaxy.yml) on the target. The module reads the broker (C(broker_url) of its
        C(celery_conf), or else C(amqp_internal_connection)), the queue of a task (C(task_routes)), and C(id_secret),
        with which it recognizes its job.
    type: path
    required: true
  nodes:
    description:
      - Celery node names, for example C(worker-1@celery-1), that may run the upload. An empty list allows any node.
      - If a node sends no task events, the module turns them on during the run.
    type: list
    elements: str
    default: []
  use_proxy:
    description:
      - Whether to use the HTTP proxy of the environment. The proxy can read the key if the address is C(http://).
    type: bool
    default: false
  ca_file:
    description:
      - Path of a PEM file with the CA of Galaxy's certificate, on the target. The default is the system's store. The
        certificate and the host name are always verified.
    type: path
  timeout_seconds:
    description:
      - Seconds after which the upload fails. The history is purged after that.
      - A worker's first upload took 24 s, later ones 0.4 to 2.9 s (measured with Galaxy 26.1).
    type: int
    default: 180
requirements:
  - celery >= 5.3, PyYAML and pycryptodome, in the interpreter that runs the module. Galaxy's venv has them.
notes:
  - Set C(ansible_python_interpreter) on the task to the Python of Galaxy's venv.
  - The key and the passwords of the connections are masked in errors and never returned.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details: In check mode the module uploads nothing, and the result is marked as skipped.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
seealso:
  - module: usegalaxy_eu.celery.celery_task
"""

EXAMPLES = r"""
- name: Prove that a user's upload goes through the workers
  usegalaxy_eu.celery.galaxy_upload:
    galaxy_url: "{{ galaxy_url }}"
    api_key: "{{ verify_galaxy_api_key }}"
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
    nodes: [worker-1@worker-1, worker-1@worker-2]
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python
"""

RETURN = r"""
by_celery:
  description: Whether Galaxy's configuration sends uploads to Celery.
  returned: when not in check mode and galaxy.yml could be read
  type: bool
seconds:
  description: Seconds from the upload until its dataset was final, exact to about 1 s. Null if it never was.
  returned: when not in check mode
  type: float
state:
  description: Galaxy's state of the dataset, C(ok) after a success. Null if nothing was uploaded.
  returned: when not in check mode
  type: str
  sample: ok
tasks:
  description: The tasks of this upload that workers took, in the order of the chain. A failure returns them as well.
  returned: when not in check mode
  type: list
  elements: dict
  contains:
    name:
      description: Name of the task.
      type: str
    id:
      description: Id of the task.
      type: str
    node:
      description: Node that took it, from its events.
      type: str
    state:
      description: Celery's state, such as C(SUCCESS), as far as known from events.
      type: str
  sample:
    - name: galaxy.fetch_data
      id: 6f0a4d0e-0c1b-4c5c-9a55-3f3c5a1d2b11
      node: worker-1@worker-2
      state: SUCCESS
history_purged:
  description: Whether the history is purged. False if Galaxy only allowed to delete it. Then there is a warning.
  returned: when not in check mode and a history was made
  type: bool
galaxy_version:
  description: Version that Galaxy reports.
  returned: when not in check mode and Galaxy answered
  type: str
  sample: 26.1.2
"""

import contextlib
import socket
import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import (
    CeleryModuleError,
    Settings,
    mask,
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
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_api import GalaxyApi, GalaxyApiError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_settings import DEFAULT_QUEUE, NO_QUEUE
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._upload_chain import CHAIN, FETCH, job_of
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._yaml_file import YamlFileError, read_section

CRYPTO_IMPORT_ERROR = None
try:
    from Crypto.Cipher import Blowfish
except ImportError:
    Blowfish = None  # type: ignore[assignment]
    CRYPTO_IMPORT_ERROR = traceback.format_exc()

# Galaxy's states of a dataset that change no more by themselves.
FINAL_STATES = ("ok", "error", "empty", "discarded", "failed_metadata", "paused", "deferred")
# Celery's states by the event that tells them.
STATES = {
    "task-received": "RECEIVED",
    "task-started": "STARTED",
    "task-succeeded": "SUCCESS",
    "task-failed": "FAILURE",
    "task-rejected": "REJECTED",
    "task-retried": "RETRY",
}
# Galaxy's own, where galaxy.yml has none.
DEFAULT_ID_SECRET = "USING THE DEFAULT IS NOT SECURE!"  # noqa: S105 known to everybody
CONNECT_SECONDS = 10
REQUEST_SECONDS = 30
POLL_SECONDS = 1
# The last event of an upload that is ok may come a little later.
GRACE_SECONDS = 5


def job_number(encoded: str, id_secret: str) -> int:
    """Return the number of a job, which is in the tasks' arguments, from the id that the API gives.

    :raises CeleryModuleError: when Galaxy runs with another secret than this one.
    """
    try:
        cipher = Blowfish.new(id_secret.encode(), Blowfish.MODE_ECB)
        return int(cipher.decrypt(bytes.fromhex(encoded)).lstrip(b"!"))
    except ValueError:
        raise CeleryModuleError(
            "Galaxy's ids are not made with id_secret of galaxy_config_file, so the events cannot be told from those of"
            " other uploads. Restart Galaxy if id_secret was changed, or name the file that it runs with."
        ) from None


class Upload:
    """One upload, and what is known of it.

    :param settings: how to reach the broker.
    :param section: Galaxy's part of galaxy.yml.
    :param api: Galaxy, with the user's key.
    :param nodes: names of the nodes that may run it; empty for any.
    :param seconds: how long it may take.
    """

    def __init__(self, settings: Settings, section: dict[str, Any], api: GalaxyApi, nodes: list[str], seconds: int) -> None:
        self.settings, self.api, self.nodes, self.seconds = settings, api, nodes, seconds
        self.conf = section.get("celery_conf") or {}
        self.id_secret = str(section.get("id_secret") or DEFAULT_ID_SECRET)
        routes = self.conf.get("task_routes")
        self.routes = routes if isinstance(routes, dict) else {}
        self.by_celery = (
            boolean(section.get("enable_celery_tasks", False), strict=False) and self.routes.get(FETCH) != NO_QUEUE
        )
        self.mark = str(uuid.uuid4())
        self.name = f"usegalaxy_eu.celery verify {self.mark}"
        self.history: str | None = None
        self.dataset: str | None = None
        self.job: str | None = None
        self.number: int | None = None
        self.version: str | None = None
        self.state: str | None = None
        self.took: float | None = None
        self.tasks: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        """Upload and wait.

        :raises GalaxyApiError: when Galaxy refuses or gives no answer.
        :raises CeleryModuleError: when the broker does, or the upload does not end as it must.
        """
        version = self.api.call("GET", "/api/version")
        self.version = ".".join(str(version[key]) for key in ("version_major", "version_minor") if version.get(key))
        user = self.api.call("GET", "/api/users/current")
        if not isinstance(user, dict) or not user.get("id"):
            raise GalaxyApiError(
                f"{self.api.url} takes the key for that of nobody. Give a valid key of a user who may log in (in Galaxy:"
                " User, Preferences, Manage API Key)."
            )
        if not self.by_celery:
            self._upload()
            self._follow(time.sleep)
            self._read_back()
            return
        app = self.settings.app(CONNECT_SECONDS)
        app.conf.task_default_queue = self.conf.get("task_default_queue") or DEFAULT_QUEUE
        app.conf.task_routes = self.routes
        enabled: set[str] = set()
        try:
            with self.settings.connection(app, CONNECT_SECONDS) as connection, connection.channel() as channel:
                _answered, enabled = enable_events(app, self.nodes, 2)
                try:
                    with events_consumer(app, channel, self._on_event):
                        self._upload()
                        self._follow(lambda seconds: self._listen(connection, seconds))
                        if self.state not in FINAL_STATES:
                            raise CeleryModuleError(self._diagnosis(app, connection))
                        self._read_back()
                        self._hear_the_rest(connection)
                except connection.connection_errors as exc:
                    raise self.settings.connection_error(exc) from exc
        finally:
            with contextlib.suppress(Exception):
                if enabled:
                    app.control.disable_events(destination=sorted(enabled))
            with contextlib.suppress(Exception):
                app.close()
        self._judge_workers()

    def _upload(self) -> None:
        """Make the history and paste the line into it."""
        history = self.api.call("POST", "/api/histories", {"name": self.name})
        self.history = history["id"]
        element = {"src": "pasted", "paste_content": self._line, "ext": "txt", "name": "verify", "dbkey": "?"}
        target = {"destination": {"type": "hdas"}, "elements": [element]}
        self.begun = time.monotonic()
        made = self.api.call("POST", "/api/tools/fetch", {"history_id": self.history, "targets": [target]})
        self.dataset, self.job = made["outputs"][0]["id"], made["jobs"][0]["id"]
        if self.by_celery:
            self.number = job_number(made["jobs"][0]["id"], self.id_secret)

    @property
    def _line(self) -> str:
        return f"usegalaxy_eu.celery {self.mark}\n"

    def _follow(self, wait: Callable[[float], object]) -> None:
        """Ask for the dataset until it is final or time is up.

        :param wait: is called with the seconds until the next look.
        """
        while self.state not in FINAL_STATES and time.monotonic() < self.begun + self.seconds:
            wait(POLL_SECONDS)
            dataset = self.api.call("GET", f"/api/histories/{self.history}/contents/{self.dataset}")
            self.state = dataset["state"]
        if self.state not in FINAL_STATES:
            if not self.by_celery:
                raise CeleryModuleError(
                    f"the upload is still {self.state or 'new'} after {self.seconds} s. galaxy.yml gives uploads to Galaxy's job"
                    " handlers: check that one runs, or raise timeout_seconds."
                )
            return
        self.took = round(time.monotonic() - self.begun, 1)
        if self.state != "ok":
            said = " ".join(str(dataset.get(key) or "") for key in ("misc_info", "misc_blurb")).strip()
            failed = "".join(
                f" Task {task['name']} ended as {task['state']} on {task['node']}: {task['_exception']}."
                for task in self.tasks.values()
                if task["_exception"]
            )
            raise CeleryModuleError(
                f"the upload ended as {self.state}: {said or 'Galaxy gives no reason'}.{failed} The log of the worker, or"
                " of Galaxy's job handler, has the rest."
            )

    def _read_back(self) -> None:
        """Compare what Galaxy has with what was uploaded."""
        text = self.api.read("GET", f"/api/histories/{self.history}/contents/{self.dataset}/display", raw="true")
        if text != self._line:
            raise CeleryModuleError(
                f"the upload is ok, but its content differs: {len(self._line)} characters were sent, and {len(text)}"
                " came back. Check that Galaxy and its workers see the same data directory."
            )

    def _listen(self, connection: Any, seconds: float) -> None:
        """Take in events for some seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(socket.timeout):
                connection.drain_events(timeout=left)

    def _hear_the_rest(self, connection: Any) -> None:
        """Wait for the events of tasks that have ended already."""
        end = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < end and [task["state"] for task in self.report()] != ["SUCCESS"] * len(CHAIN):
            self._listen(connection, 0.1)

    def _on_event(self, event: dict[str, Any]) -> None:
        task = self.tasks.get(event.get("uuid", ""))
        if task is None:
            if event["type"] != "task-received" or event.get("name") not in CHAIN or job_of(event) != self.number:
                return
            task = self.tasks[event["uuid"]] = {"name": event["name"], "id": event["uuid"], "_exception": None}
        task["node"] = event.get("hostname")
        task["state"] = STATES[event["type"]]
        task["_exception"] = event.get("exception") or task["_exception"]

    def _judge_workers(self) -> None:
        """Tell whether workers of ours did it.

        :raises CeleryModuleError: if others did, or nobody was heard.
        """
        foreign = {
            f"{task['node']} ran {task['name']}"
            for task in self.tasks.values()
            if self.nodes and task["node"] not in self.nodes
        }
        if foreign:
            raise CeleryModuleError(
                f"the upload is ok, but {' and '.join(sorted(foreign))}, and only {', '.join(self.nodes)} may. Stop the"
                " other worker (gravity starts one by default), or add it to nodes."
            )
        if FETCH not in {task["name"] for task in self.tasks.values()}:
            raise CeleryModuleError(
                f"the upload is ok, but no worker on {self.settings.broker} ran {FETCH}. Galaxy runs with other settings"
                " than galaxy_config_file has: restart it."
            )

    def _diagnosis(self, app: Any, connection: Any) -> str:
        """Return which link of the chain is missing, and why."""
        line = f"the upload is still {self.state or 'new'} after {self.seconds} s"
        seen = {task["name"]: task for task in self.tasks.values()}
        for name in CHAIN:
            task = seen.get(name)
            if task is None:
                queue = app.amqp.router.route({}, name)["queue"].name
                messages, consumers = queue_counts(self.settings, connection, queue)
                counts = f"{line}: {name} was never taken. Its queue {queue} has {consumers} consumers and {messages}"
                if not consumers:
                    return f"{counts} waiting messages. Start a worker that consumes it."
                if messages:
                    return f"{counts} waiting messages. Wait until the workers are free, or raise timeout_seconds."
                return (
                    f"{counts} waiting messages: it was lost, or sent to another broker. Restart Galaxy if galaxy.yml"
                    " was changed since its start, and look into the log of"
                    f" {seen[CHAIN[CHAIN.index(name) - 1]]['node'] if name != CHAIN[0] else 'Galaxy'}."
                )
            if task["state"] == "FAILURE":
                return f"{line}: {name} ended as FAILURE on {task['node']}: {task['_exception']}. Look into its log."
            if task["state"] != "SUCCESS":
                return (
                    f"{line}: {task['node']} took {name} and did not end it ({task['state']}). Look into its log, or"
                    " raise timeout_seconds."
                )
        return f"{line}, though every task of it ended. Look into the log of {seen[CHAIN[-1]]['node']}."

    def purge(self) -> str | None:
        """Purge the history, or at least delete it. Return what was not done, or None.

        :raises GalaxyApiError: when neither could be done.
        """
        try:
            self.api.call("DELETE", f"/api/histories/{self.history}", purge="true")
        except GalaxyApiError as exc:
            try:
                self.api.call("DELETE", f"/api/histories/{self.history}")
            except GalaxyApiError as again:
                raise GalaxyApiError(
                    f"the history {self.name!r} is left, since it could not be purged: {again}"
                ) from exc
            return f"the history {self.name!r} was deleted and not purged: {exc}"
        return None

    def report(self) -> list[dict[str, Any]]:
        """Return the tasks without what is only for this class, in the order of the chain."""
        tasks = sorted(self.tasks.values(), key=lambda task: CHAIN.index(task["name"]))
        return [{key: value for key, value in task.items() if not key.startswith("_")} for task in tasks]


def upload(module: AnsibleModule) -> tuple[str | None, dict[str, Any]]:
    """Upload, and purge whatever was made. Return (what went wrong or None, the module's result)."""
    params = module.params
    problem: str | None = None
    result: dict[str, Any] = {}
    secrets = {params["api_key"]}
    work = None
    try:
        settings = Settings({"galaxy_config_file": params["galaxy_config_file"]})
        secrets |= settings.secrets
        section = read_section(params["galaxy_config_file"])
        api = GalaxyApi(
            params["galaxy_url"], params["api_key"], params["use_proxy"], params["ca_file"], REQUEST_SECONDS
        )
        work = Upload(settings, section, api, params["nodes"], params["timeout_seconds"])
        secrets.add(work.id_secret)
        bound = params["timeout_seconds"] + 2 * CONNECT_SECONDS + GRACE_SECONDS + 4 * REQUEST_SECONDS
        run_bounded(work.run, bound, "the upload")
    except Exception as exc:  # noqa: BLE001 libraries raise many kinds, none may show a secret
        told = isinstance(exc, (CeleryModuleError, GalaxyApiError, YamlFileError))
        problem = str(exc) if told else f"{type(exc).__name__}: {exc}"
    finally:
        if work is not None and work.history is not None:
            try:
                left = work.purge()
                result["history_purged"] = left is None
                if left:
                    module.warn(mask(left, secrets))
            except GalaxyApiError as exc:
                result["history_purged"] = False
                problem = f"{problem} Besides, {exc}" if problem else str(exc)
    if work is not None:
        result.update(
            by_celery=work.by_celery,
            seconds=work.took,
            state=work.state,
            tasks=work.report(),
            galaxy_version=work.version,
        )
    return problem and mask(problem, secrets), result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "galaxy_url": {"type": "str", "required": True},
            "api_key": {"type": "str", "required": True, "no_log": True},
            "galaxy_config_file": {"type": "path", "required": True},
            "nodes": {"type": "list", "elements": "str", "default": []},
            "use_proxy": {"type": "bool", "default": False},
            "ca_file": {"type": "path"},
            "timeout_seconds": {"type": "int", "default": 180},
        },
        supports_check_mode=True,
    )
    params = module.params
    if params["timeout_seconds"] < 1:
        module.fail_json(msg=f"timeout_seconds is {params['timeout_seconds']}. Give at least 1.")
    if not params["api_key"]:
        module.fail_json(msg="api_key is empty. Give the API key of a user of Galaxy.")
    require_node_names(module)
    if module.check_mode:
        module.exit_json(changed=False, skipped=True, msg="check mode: nothing was uploaded and nothing was proven")
    require_celery(module)
    require_yaml(module)
    if CRYPTO_IMPORT_ERROR:
        module.fail_json(
            msg=missing_required_lib(
                "pycryptodome", reason="to read Galaxy's ids. Set ansible_python_interpreter to Galaxy's venv"
            ),
            exception=CRYPTO_IMPORT_ERROR,
        )
    problem, result = upload(module)
    if problem:
        module.fail_json(msg=problem, **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
