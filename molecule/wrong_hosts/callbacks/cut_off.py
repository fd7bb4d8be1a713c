# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End ansible-playbook as a lost terminal or a power cut would, when the task begins that CUT_OFF names."""

from __future__ import annotations

import os
import signal

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: cut_off
type: aggregate
short_description: End the run when a task begins
description: For the scenario wrong_hosts alone.
"""


class CallbackModule(CallbackBase):
    """Nothing is closed, and no handler runs."""

    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME, CALLBACK_NEEDS_ENABLED = 2.0, "aggregate", "cut_off", True

    def v2_playbook_on_task_start(self, task, is_conditional):
        if task.get_name().endswith(os.environ["CUT_OFF"]):
            os.kill(os.getpid(), signal.SIGKILL)
