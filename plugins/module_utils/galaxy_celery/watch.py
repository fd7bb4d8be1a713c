# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watch over a worker: tell systemd what it does, and drain it when it is told to stop.

A stop never asks the broker. The worker closes the door of its pool, stops consuming, and waits for what runs; then Celery's
own warm shutdown follows. What has not begun is not acknowledged, so the broker gives it to others.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from . import control, status
from .stock import RecoverableConnectionError, Step, WorkerShutdown, signals, state
from .systemd import ERROR, NOTICE, notify, say

if TYPE_CHECKING:
    from .pool import Ledger

TICK_SECONDS = 0.5
# The event loop may do one thing for this long before it is taken for stuck; see also the unit's WatchdogSec.
STUCK_SECONDS = 60
COUNT_SECONDS = 5
# For what Celery and Galaxy do at their end. Nothing runs any more, so nothing is lost when it is cut short.
END_SECONDS = float(os.environ.get("GALAXY_CELERY_END_SECONDS", "10"))
GOODBYE_SECONDS = 0.5
EXIT_LOST = 75  # EX_TEMPFAIL


class Probe(Step):
    """A step of Celery's consumer: it follows the connection, and shows that the event loop goes round."""

    label = "galaxy_celery"
    requires = ("celery.worker.consumer.tasks:Tasks",)
    watch: Watch

    def start(self, parent: Any) -> None:
        """There is a connection, and Celery consumes its queues."""
        self.watch.connected(parent)

    def stop(self, parent: Any) -> None:
        """The connection has broken, or the worker ends."""
        self.watch.disconnected()

    def register_with_event_loop(self, parent: Any, hub: Any) -> None:
        """The event loop of this connection begins."""
        hub.call_repeatedly(TICK_SECONDS, self.watch.tick)


class Watch:
    """What is known of this worker.

    :param app: Celery's app.
    :param ledger: what its pool runs.
    """

    def __init__(self, app: Any, ledger: Ledger) -> None:
        self.app, self.ledger = app, ledger
        # How long a drain may take; without it as long as the tasks do.
        given = os.environ.get("GALAXY_CELERY_DRAIN_SECONDS")
        self.limit_seconds = float(given) if given else None
        self.consumer: Any = None
        self.away_since: float | None = time.monotonic()
        self.draining_since: float | None = None
        self.paused = False
        self._queues: dict[str, Any] = {}
        self._ready = self._ending = False
        self._ticked = self._counted = 0.0
        self._later = 0
        self._shown = ""
        self._warm: Any = None
        self._stops = 0
        self._told, self._tell = os.pipe()
        probe = type("Probe", (Probe,), {"watch": self, "name": "galaxy_celery.Probe"})
        app.steps["consumer"].add(probe)

    def start(self, node: str) -> None:
        """Take SIGTERM over, and begin to report.

        :param node: Celery's name of this worker.
        """
        self._warm = signal.signal(signal.SIGTERM, self._on_sigterm)
        signals.worker_ready.connect(self._on_ready, weak=False)
        threading.Thread(target=self._report, name="galaxy_celery", daemon=True).start()
        directory = os.environ.get("GALAXY_CELERY_CONTROL_DIR")
        if directory:
            control.serve(directory, node, {"status": self.report, "pause": self.pause, "resume": self.resume})

    # The event loop's side.

    def connected(self, consumer: Any) -> None:
        """Note the consumer of a new connection. One that drains consumes nothing on it."""
        self.consumer, self.away_since, self._ticked = consumer, None, time.monotonic()
        self._follow()

    def disconnected(self) -> None:
        """Note that there is no connection."""
        self.away_since = self.away_since or time.monotonic()

    def tick(self) -> None:
        """The event loop goes round. A channel that the broker has closed ends the connection, so that Celery makes a new one."""
        self._ticked = time.monotonic()
        consumer = self.consumer
        channel = consumer.task_consumer and consumer.task_consumer.channel
        if channel and not channel.is_open:
            raise RecoverableConnectionError("the broker has closed the channel of the consumers")

    def _on_ready(self, **_kwargs: Any) -> None:
        self._ready = True

    def _on_sigterm(self, number: int, frame: Any) -> None:
        """Only note it: this may interrupt anything, and a lock that is held here would never be released."""
        self._stops += 1
        if self._ending:
            self._warm(number, frame)
            # Also where the worker hangs in a call to a broker that is away.
            raise WorkerShutdown(0)
        os.write(self._tell, b"!")

    def _follow(self) -> None:
        """Consume what is to be consumed now: nothing while paused, also on a later connection. In the event loop."""
        queues, consumer = self.app.amqp.queues, self.consumer
        if self.paused:
            self._queues.update(queues.consume_from)
            for name in list(queues.consume_from):
                queues.deselect(name)
                consumer.task_consumer.cancel_by_queue(name)
            return
        while self._queues:
            name, queue = self._queues.popitem()
            queues.select_add(queue)
            consumer.add_task_queue(name)
        self.ledger.open()

    def _set_paused(self, paused: bool) -> dict[str, Any]:
        self.paused = paused
        if paused:
            self.ledger.close()
        # Without a connection there is no event loop, and connected() follows.
        if self.consumer is not None and self.away_since is None:
            self.consumer.call_soon(self._follow)
        return self.report()

    # For the control socket.

    def pause(self) -> dict[str, Any]:
        """Begin no task any more, and consume nothing; what runs goes on."""
        return self._set_paused(True)

    def resume(self) -> dict[str, Any]:
        """Take a pause back, unless the worker was told to stop."""
        return self._set_paused(self.draining_since is not None)

    def report(self) -> dict[str, Any]:
        """Return what the worker does: whether it is paused or draining, its queues, the seconds without a broker, its tasks."""
        now = time.monotonic()
        return {
            "paused": self.paused,
            "draining": self.draining_since is not None,
            # Without a connection nothing is consumed, whatever a later one will.
            "queues": [] if self.away_since is not None else sorted(self.app.amqp.queues.consume_from),
            "away_seconds": None if self.away_since is None else round(now - self.away_since, 1),
            "running": [
                {"name": job.name, "id": job.uuid, "seconds": round(now - job.since)} for job in self.ledger.jobs
            ],
        }

    # The reporter's side: a thread of its own, since the event loop stands still while a broker is away.

    def _report(self) -> None:
        while True:
            if select.select([self._told], [], [], TICK_SECONDS)[0]:
                os.read(self._told, 64)
            now = time.monotonic()
            if self._stops and self.draining_since is None:
                self._drain(now)
            if self.draining_since is not None and self._finish(now):
                return
            self._show(now)

    def _drain(self, now: float) -> None:
        self.draining_since = now
        say("draining: nothing begins any more", NOTICE)
        notify(STOPPING=1)
        self._set_paused(True)

    def _finish(self, now: float) -> bool:
        """End the worker if its time has come; whether it has."""
        jobs, took = self.ledger.jobs, now - (self.draining_since or now)
        late = self.limit_seconds is not None and took >= self.limit_seconds
        if jobs and (late or self._stops > 1):
            why = f"not drained within {status.duration(took)}" if late else "told to stop at once"
            say(f"{why}; these tasks are lost unless they are acknowledged late: {status.names(jobs, now, len(jobs))}", ERROR)
            os._exit(EXIT_LOST)
        if jobs:
            return False
        say(f"drained after {took:.1f} s", NOTICE)
        self._ending = True
        self._bound_sockets()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(END_SECONDS)
        say(f"Celery did not end within {END_SECONDS:.0f} s though nothing runs; ended", NOTICE)
        os._exit(0)

    def _bound_sockets(self) -> None:
        """Let no goodbye to a broker that does not answer take long."""
        consumer = self.consumer
        dispatcher = consumer and consumer.event_dispatcher
        for connection in (consumer and consumer.connection, dispatcher and dispatcher.connection):
            transport = getattr(connection and connection._connection, "transport", None)
            if transport and transport.sock:
                with contextlib.suppress(OSError):
                    transport.sock.settimeout(GOODBYE_SECONDS)

    def _show(self, now: float) -> None:
        """Tell systemd, each time that it is news, and that the worker lives."""
        text = self._status(now)
        fields: dict[str, object] = {} if text == self._shown else {"STATUS": text}
        self._shown = text
        if self._ready:
            fields["READY"], self._ready = 1, False
        # With the broker away there is no event loop, and Celery tries again and again.
        if self.away_since is not None or now - self._ticked < STUCK_SECONDS:
            fields["WATCHDOG"] = 1
        notify(**fields)

    def _status(self, now: float) -> str:
        jobs = self.ledger.jobs
        if self.draining_since is not None:
            return status.draining(jobs, now, self.draining_since)
        if self.away_since is not None:
            return status.away(len(jobs), now - self.away_since, ever=self.consumer is not None)
        if now - self._counted >= COUNT_SECONDS:
            self._counted, self._later = now, self._count_later()
        queues = sorted(self.app.amqp.queues.consume_from)
        return status.working(len(jobs), self._count_waiting(jobs), self._later, queues)

    def _count_waiting(self, jobs: list[status.Job]) -> int:
        """Count what the worker holds and has not begun: handed to the pool, or kept back by a rate limit."""
        limited = sum(len(bucket.contents) for bucket in list(self.consumer.task_buckets.values()) if bucket)
        return max(0, len(state.reserved_requests) - len(jobs)) + limited

    def _count_later(self) -> int:
        """Count the tasks that wait for their time (ETA)."""
        timer = self.consumer.timer
        entries = [scheduled.entry for scheduled in list(timer.queue)] if timer else []
        wanted = {self.consumer.apply_eta_task, self.consumer._limit_post_eta}
        return sum(not entry.canceled and entry.fun in wanted for entry in entries)
