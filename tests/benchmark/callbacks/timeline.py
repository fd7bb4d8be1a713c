# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write down when each task began, and what ran on targets, into the file that TIMELINE names."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: timeline
type: aggregate
short_description: Write down when each task began
description: For the benchmarks alone.
"""
# What runs on the controller alone, and so on no target.
CONTROLLER = {"add_host", "assert", "debug", "fail", "group_by", "import_role", "import_tasks", "include_role",
              "include_tasks", "include_vars", "meta", "pause", "set_fact", "validate_argument_spec",
              "check_inventory", "check_variables"}  # fmt: skip


class CallbackModule(CallbackBase):
    """One entry a task: its role, its start, how many hosts did it, and how many modules ran for each host."""

    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME, CALLBACK_NEEDS_ENABLED = 2.0, "aggregate", "timeline", True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tasks = []
        self.play = ""

    def v2_playbook_on_play_start(self, play):
        self.play = play.get_name()

    def v2_playbook_on_task_start(self, task, is_conditional):
        role = task._role.get_name().rpartition(".")[2] if task._role else ""
        self.tasks.append({
            "play": self.play, "role": role, "name": task.get_name(), "action": task.action.rpartition(".")[2],
            "start": time.time(), "results": 0, "modules": {}, "changed": 0,
        })  # fmt: skip

    def v2_playbook_on_handler_task_start(self, task):
        self.v2_playbook_on_task_start(task, False)

    def _ran(self, result):
        entry, host = self.tasks[-1], result._host.get_name()
        if entry["action"] not in CONTROLLER:
            entry["modules"][host] = entry["modules"].get(host, 0) + 1

    def _note(self, result, ran=True):
        entry = self.tasks[-1]
        entry["results"] += 1
        entry["changed"] += bool(result._result.get("changed"))
        # A loop has told of its items already.
        if ran and "results" not in result._result:
            self._ran(result)

    def v2_runner_on_ok(self, result):
        self._note(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._note(result)

    def v2_runner_on_skipped(self, result):
        self._note(result, ran=False)

    def v2_runner_item_on_ok(self, result):
        self._ran(result)

    def v2_playbook_on_stats(self, stats):
        text = json.dumps({"tasks": self.tasks, "end": time.time()})
        Path(os.environ["TIMELINE"]).write_text(text, encoding="utf-8")
