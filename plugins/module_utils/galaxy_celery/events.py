# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Celery's sender of events, for a pool of threads and a broker in alarm.

Only the event loop touches its connection. Celery (5.7) has a thread of the pool send the events when 24 have gathered,
while the event loop reads from the same connection: each takes what the other waits for, so that a busy worker stands
still for seconds; with TLS, memory is overwritten and the worker crashes (celery/celery#10434, celery/py-amqp#462).

And it does not wait until the broker confirms an event. A broker that is short of memory or disk takes no message, and the
event loop would stand still with it, so that not even finished tasks were acknowledged.
"""

from __future__ import annotations

import math
from typing import Any

from .stock import EventDispatcher


def without_confirms(connection: Any) -> None:
    """Have the channels of an open connection, and those that it opens later, publish without waiting for the broker."""
    transport = connection.connection
    transport.confirm_publish = False
    for channel in list(transport.channels.values()):
        if hasattr(channel, "_basic_publish"):
            channel.basic_publish = channel._basic_publish


class LoopEventDispatcher(EventDispatcher):
    """It keeps what threads give it, however much, and lets the event loop send it."""

    def __init__(self, connection: Any = None, *args: Any, **kwargs: Any) -> None:
        if connection and connection.transport.driver_type == "amqp":
            without_confirms(connection)
        super().__init__(connection, *args, **kwargs)
        # This is how it calls the event loop. Without one each thread must send for itself.
        if self.on_send_buffered:
            self.buffer_limit = math.inf
