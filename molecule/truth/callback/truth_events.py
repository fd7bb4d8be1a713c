# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what every task did on every host as one line of JSON, beside what Ansible shows."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: truth_events
type: notification
short_description: One line of JSON for each task and host
description: The file is named by the environment variable E(TRUTH_EVENTS).
"""


class CallbackModule(CallbackBase):
    """Keeps names and verdicts only: what a task was given stays in Ansible's own output."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "truth_events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._file = open(os.environ["TRUTH_EVENTS"], "w", encoding="utf-8")  # noqa: PTH123, SIM115 open to the end
        self._play = ""

    def _write(self, result, status):
        task, answer = result.task, result.result
        items = answer.get("results") or []
        # By its number: an item may be a secret. What has no loop is one item.
        changed = [n for n, item in enumerate(items) if isinstance(item, dict) and item.get("changed")]
        if answer.get("changed") and not changed:
            changed = [-1]
        role = task._role.get_name() if task._role else ""
        line = {
            "play": self._play,
            "role": role.rpartition(".")[2],
            "task": task.name,
            "host": result.host.get_name(),
            "status": status,
            "changed": changed,
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def v2_playbook_on_play_start(self, play):
        """Note the play of what follows."""
        self._play = play.get_name()

    def v2_runner_on_ok(self, result):
        """Take a task that ran."""
        self._write(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        """Take a task that failed."""
        self._write(result, "failed")

    def v2_runner_on_unreachable(self, result):
        """Take a host that was not reached."""
        self._write(result, "unreachable")

    def v2_runner_on_skipped(self, result):
        """Take a task that was skipped."""
        self._write(result, "skipped")
