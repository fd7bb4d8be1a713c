# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have a worker try for longer to publish a task.

Galaxy's uploads are chains: the end of one task publishes the next. Celery gives up after three attempts within a second, and
what was to follow is lost. A worker has time. Galaxy's web server, which has not, keeps the policy of celery_conf.

kombu (5.3 to 5.6) follows no policy where the producer has no connection yet: the error that says so (OperationalError) is
none of those that it tries again after, and the task is lost after the 4 s of broker_connection_timeout (celery/kombu#1024).
Nor does it after a frame that is out of order (UnexpectedFrame). Among recoverable errors both have it make a new connection, and follow the policy.
"""

from __future__ import annotations

from typing import Any

from .stock import OperationalError

# 120 attempts, up to 5 s apart: ten minutes.
POLICY = {"max_retries": 120, "interval_start": 0, "interval_step": 0.5, "interval_max": 5}


def keep_publishing(app: Any) -> None:
    """Set the policy in this process. Celery reads it when the app sends its first task."""
    app.conf.task_publish_retry = True
    app.conf.task_publish_retry_policy = {**(app.conf.task_publish_retry_policy or {}), **POLICY}
    transport = app.connection_for_write().get_transport_cls()
    if transport.driver_type == "amqp":
        transport.recoverable_connection_errors += (OperationalError, *transport.connection_errors)
