# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End the job of an upload whose first tasks fail.

Galaxy's uploads are chains. When one of the first tasks fails, Celery forgets those after it, and the job stays running
(galaxyproject/galaxy#19549). The last one runs all the same, and ends the job as an error that its user sees.
"""

from __future__ import annotations

from typing import Any

from .stock import signals

LAST = "galaxy.finish_job"


def _finish(sender: Any, **_about: Any) -> None:
    """Send the last task. Where Galaxy has it as errback too, Celery has sent it."""
    request = sender.request
    if request.chain and request.chain[0]["task"] == LAST and not request.errbacks:
        last = sender.app.signature(request.chain[0]).clone()
        # Under its own name it has failed, says Celery.
        last.options.pop("task_id", None)
        last.apply_async()


def end_uploads(_app: Any) -> None:
    """Listen to what fails in this process."""
    signals.task_failure.connect(_finish, weak=False)
