# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have a worker try for longer to publish a task.

Galaxy's uploads are chains: the end of one task publishes the next. Celery gives up after three attempts within a second, and
what was to follow is lost. A worker has time. Galaxy's web server, which has not, keeps the policy of celery_conf.
"""

from __future__ import annotations

from typing import Any

# 120 attempts, up to 5 s apart: ten minutes.
POLICY = {"max_retries": 120, "interval_start": 0, "interval_step": 0.5, "interval_max": 5}


def keep_publishing(app: Any) -> None:
    """Set the policy in this process. Celery reads it when the app sends its first task."""
    app.conf.task_publish_retry = True
    app.conf.task_publish_retry_policy = {**(app.conf.task_publish_retry_policy or {}), **POLICY}
