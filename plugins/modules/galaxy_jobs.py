#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: galaxy_jobs
short_description: Find stuck uploads of Galaxy, and end them
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - An upload is a job of Galaxy without a job handler. If its Celery task is lost, the job never ends. This module
    finds the jobs of uploads that are C(new), C(queued), C(running) or C(deleting), have not changed for O(minutes),
    and whose task is neither in a queue nor at a worker.
  - With O(end) it ends them with Galaxy's own code, in a Galaxy application like that of the workers. The datasets of
    a stuck upload become C(error) with O(reason) (C(MinimalJobWrapper.fail), which Galaxy's handlers and workers
    use). A job in C(deleting) becomes C(deleted), as with C(JobHandlerStopQueue). If the task appears later, it does
    not change them.
  - It does not send tasks again, because the user may have uploaded the file again.
  - If it cannot know where a task is, it ends nothing, and fails with the reason. This is the case while a queue has
    waiting messages, a consumer of a queue or one of O(nodes) does not answer, a worker has a C(rate_limit) for a
    task of the upload, or the database of the results has the lock of a task that no worker reports.
  - It never changes jobs of other tools, or jobs of Galaxy's job handlers.
  - It is for Galaxy 24.2 to 26.1, and was tested with these two. An application of Galaxy takes about 15 s
    to load.
requirements:
  - To run as Galaxy's user, with Galaxy's own Python (set C(ansible_python_interpreter) to that of its virtual environment), on a
    host that has Galaxy's code, configuration and data.
options:
  galaxy_config_file:
    description: Path of Galaxy's C(galaxy.yml), which names database and broker.
    type: path
    required: true
  galaxy_server_dir:
    description: Directory of Galaxy's code, with C(lib/galaxy).
    type: path
    required: true
  minutes:
    description:
      - Minutes since the last change of a job after which it counts. Galaxy's web server may try for three minutes to
        send the first task.
    type: int
    default: 10
  nodes:
    description: Celery node names, for example C(worker-1@celery-1), that must answer.
    type: list
    elements: str
    default: []
  end:
    description: Whether to end the stuck jobs. Otherwise the module only lists them.
    type: bool
    default: false
  reason:
    description: Message for the user at the dataset of an ended upload.
    type: str
    default: This upload was lost, because a part of this Galaxy was not available. Please delete it and upload again.
  timeout_seconds:
    description: Seconds to wait until all queues are empty and all workers answer.
    type: int
    default: 60
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
seealso:
  - module: usegalaxy_eu.celery.celery_info
  - module: usegalaxy_eu.celery.galaxy_upload
"""

EXAMPLES = r"""
- name: List the uploads that hang
  usegalaxy_eu.celery.galaxy_jobs:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
    galaxy_server_dir: /srv/galaxy/server
    nodes: [worker-1@celery-1, worker-1@celery-2]
  become: true
  become_user: galaxy
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python

- name: End those that have hung for an hour
  usegalaxy_eu.celery.galaxy_jobs:
    galaxy_config_file: /srv/galaxy/server/config/galaxy.yml
    galaxy_server_dir: /srv/galaxy/server
    nodes: [worker-1@celery-1, worker-1@celery-2]
    minutes: 60
    end: true
  become: true
  become_user: galaxy
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python
"""

RETURN = r"""
jobs:
  description:
    - The stuck jobs, the oldest first. If the module fails because it cannot know, all jobs that are old enough.
  returned: when the database could be read
  type: list
  elements: dict
  contains:
    id:
      description: Number of the job in Galaxy's database.
      type: int
    user:
      description: Number of its user. Null for an anonymous user.
      type: int
    tool:
      description: Id of its tool.
      type: str
    state:
      description: Its state when the module found it.
      type: str
    minutes:
      description: Minutes since its last change.
      type: int
    becomes:
      description: The state that it gets when it is ended, C(error) or C(deleted).
      type: str
    ended:
      description: Whether the module ended it.
      type: bool
    note:
      description: With O(end), why it was not ended. Otherwise empty.
      type: str
  sample:
    - id: 4711
      user: 42
      tool: __DATA_FETCH__
      state: new
      minutes: 37
      becomes: error
      ended: false
      note: ""
alive:
  description: Number of jobs of this age whose task was found.
  returned: success
  type: int
broker:
  description: The broker that was asked, without password. Null if it was not needed.
  returned: success
  type: str
"""

import inspect
import json
import os
import sys
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _galaxy_jobs
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import (
    CeleryModuleError,
    Settings,
    message_of,
    require_celery,
    require_node_names,
    require_yaml,
    run_bounded,
)
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._upload_tasks import Look
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._yaml_file import read_section

# For a round that begins when the time is about to be up.
ROUND_SECONDS = 90
MOVED = "It has changed in the meantime, so it was left alone."


def ask_galaxy(module: AnsibleModule, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the program that has Galaxy's code, and return what it says of jobs.

    :raises CeleryModuleError: when it cannot.
    """
    server = module.params["galaxy_server_dir"]
    # Some packages write a cache at their import, and Galaxy's user may have no home directory.
    with tempfile.TemporaryDirectory() as cache:
        code, output, errors = module.run_command(
            [sys.executable, "-c", inspect.getsource(_galaxy_jobs)],
            data=json.dumps(asked),
            cwd=server,
            environ_update={
                "GALAXY_CONFIG_FILE": module.params["galaxy_config_file"],
                "PYTHONPATH": os.path.join(server, "lib"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONNOUSERSITE": "1",
                "XDG_CACHE_HOME": cache,
            },
        )
    try:
        told = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = (errors.strip().splitlines() or ["no word"])[-1]
        raise CeleryModuleError(f"Galaxy's code ended with {code}: {last}. Check galaxy_server_dir.") from None
    if "error" in told:
        raise CeleryModuleError(
            f"Galaxy's code failed as the user {os.getuid()}: {told['error']}. Run this as Galaxy's user, and check its"
            " database."
        )
    jobs: list[dict[str, Any]] = told["jobs"]
    return jobs


def described(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job as the module returns it."""
    return {
        **{key: job[key] for key in ("id", "user", "tool", "state", "minutes")},
        "becomes": "deleted" if job["state"] == "deleting" else "error",
        "ended": False,
        "note": "",
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "galaxy_config_file": {"type": "path", "required": True},
            "galaxy_server_dir": {"type": "path", "required": True},
            "minutes": {"type": "int", "default": 10},
            "nodes": {"type": "list", "elements": "str", "default": []},
            "end": {"type": "bool", "default": False},
            "reason": {
                "type": "str",
                "default": "This upload was lost, because a part of this Galaxy was not available. Please delete it and"
                " upload again.",
            },
            "timeout_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    params = module.params
    for option in ("minutes", "timeout_seconds"):
        if params[option] < 1:
            module.fail_json(msg=f"{option} is {params[option]}. Give at least 1.")
    require_node_names(module)
    require_celery(module)
    require_yaml(module)
    settings: Settings | None = None
    result: dict[str, Any] = {"changed": False}
    so_far = "nothing was ended: "
    try:
        settings = Settings({"galaxy_config_file": params["galaxy_config_file"]})
        section = read_section(params["galaxy_config_file"])
        old = ask_galaxy(module, {"minutes": params["minutes"]})
        result.update(jobs=[described(job) for job in old], alive=0, broker=None)
        if old:
            seconds = params["timeout_seconds"]
            look = Look(settings, section, params["nodes"])
            seen = run_bounded(lambda: look.run(seconds), seconds + ROUND_SECONDS, "asking broker and workers")
            hanging = [job for job in old if job["id"] not in seen.jobs and job["task"] not in seen.ids]
            result.update(
                jobs=[described(job) for job in hanging], alive=len(old) - len(hanging), broker=settings.broker
            )
            result["changed"] = params["end"] and bool(hanging)
            if result["changed"] and not module.check_mode:
                so_far = "some may have been ended: "
                end(module, hanging, result)
    except Exception as exc:  # noqa: BLE001 libraries raise many kinds, none may show a password
        module.fail_json(msg=so_far + message_of(exc, settings), **result)
    if failed := [f"{job['id']} ({job['note']})" for job in result["jobs"] if job["note"] not in ("", MOVED)]:
        module.fail_json(
            msg=settings.mask(f"Galaxy could not end {', '.join(failed)}. Look into these jobs in Galaxy."), **result
        )
    module.exit_json(**result)


def end(module: AnsibleModule, hanging: list[dict[str, Any]], result: dict[str, Any]) -> None:
    """Have Galaxy end the jobs, and note in the result what became of each."""
    ended = {job["id"]: job for job in ask_galaxy(module, {"jobs": hanging, "message": module.params["reason"]})}
    for job in result["jobs"]:
        told = ended[job["id"]]
        job["ended"] = told["state"] == job["becomes"]
        if not job["ended"]:
            job["note"] = told["error"] or (MOVED if told["state"] is None else f"It is {told['state']} now.")
    result["changed"] = any(job["ended"] for job in result["jobs"])


if __name__ == "__main__":
    main()
