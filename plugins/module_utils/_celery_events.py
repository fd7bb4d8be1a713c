# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Celery's sender of task events, for a pool of threads: only the worker's event loop touches its connection.

Private to the collection; _celery_pool puts it in the place of Celery's own, which (5.7) has a thread of the pool send
the events when 24 have gathered, while the event loop reads from the same connection. Each takes what the other waits
for, so that a busy worker stands still for seconds; with TLS, memory is overwritten and the worker crashes, with the
tasks that it runs.
"""

from __future__ import annotations

import math

try:
    from celery.events.dispatcher import EventDispatcher
except ImportError:
    EventDispatcher = object  # the controller has no Celery


class LoopEventDispatcher(EventDispatcher):
    """It keeps what threads give it, however much, and lets the event loop send it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # This is how it calls the event loop. Without one each thread must send for itself.
        if self.on_send_buffered:
            self.buffer_limit = math.inf
