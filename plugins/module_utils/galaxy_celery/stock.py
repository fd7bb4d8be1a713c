# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this package takes from Celery, in one place. On a controller, which has no Celery, the names are there all the same."""

from __future__ import annotations

__all__ = [
    "ApplyResult",
    "BackendError",
    "EventDispatcher",
    "Ignore",
    "OperationalError",
    "PersistentScheduler",
    "RecoverableConnectionError",
    "Reject",
    "Step",
    "StockProcessPool",
    "StockThreadPool",
    "WorkerShutdown",
    "add_autoretry_behaviour",
    "apply_target",
    "by_url",
    "signals",
    "state",
    "states",
]

try:
    from amqp.exceptions import RecoverableConnectionError
    from celery import bootsteps, signals, states
    from celery.app.autoretry import add_autoretry_behaviour
    from celery.app.backends import by_url
    from celery.beat import PersistentScheduler
    from celery.concurrency.base import apply_target
    from celery.concurrency.prefork import TaskPool as StockProcessPool
    from celery.concurrency.thread import ApplyResult
    from celery.concurrency.thread import TaskPool as StockThreadPool
    from celery.events.dispatcher import EventDispatcher
    from celery.exceptions import BackendError, Ignore, Reject, WorkerShutdown
    from celery.worker import state
    from kombu.exceptions import OperationalError

    Step = bootsteps.StartStopStep
except ImportError:
    BackendError = Ignore = RecoverableConnectionError = Reject = WorkerShutdown = Exception
    OperationalError = Exception  # type: ignore[assignment,misc]
    ApplyResult = EventDispatcher = PersistentScheduler = Step = StockProcessPool = StockThreadPool = object
    add_autoretry_behaviour = apply_target = by_url = signals = state = states = None
