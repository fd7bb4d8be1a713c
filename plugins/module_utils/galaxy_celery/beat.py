# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Celery's persistent scheduler of beat, which tells systemd what it does and copes with a clock that jumped.

`celery beat --scheduler galaxy_celery.beat:Scheduler --max-interval N`, with N well below the unit's WatchdogSec. The moment when
a task is due next is in the file that GALAXY_CELERY_BEAT_FILE names, for Telegraf: it passes when beat stands still or cannot send.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from . import status
from .stock import PersistentScheduler
from .systemd import WARNING, notify, say


class Scheduler(PersistentScheduler):
    """It says READY before its first round, and WATCHDOG and STATUS with each one."""

    sent: str | None = None
    sent_at = 0.0
    due: float | None = None
    _ready = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Name of what could not be sent, and when. Celery takes it for sent.
        self._unsent: dict[str, float] = {}
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Read the file of the last run, see celery.beat."""
        super().setup_schedule()
        self._forget_future()

    def _forget_future(self) -> bool:
        """Take an entry that was last sent in the future for one sent now: it would rest until then, and nobody would know."""
        found = False
        for entry in self.schedule.values():
            now = entry.default_now()
            if entry.last_run_at and (entry.last_run_at - now).total_seconds() > 1:
                say(f"{entry.name} was last sent at {entry.last_run_at}, which is in the future; its interval begins now", WARNING)
                entry.last_run_at, found = now, True
        return found

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due, and return the seconds until the next round, see celery.beat."""
        if not self._ready:
            notify(READY=1)
            self._ready = True
        if self._forget_future():
            self.populate_heap()
        pause: float = super().tick(*args, **kwargs)
        notify(STATUS=self._words(), WATCHDOG=1)
        self._write_due()
        return pause

    def _ensure_connected(self) -> Any:
        """Connect to the broker, see celery.beat. While it is away this takes long, and beat must not be killed for it."""

        def waits(error: Exception, seconds: float) -> None:
            say(f"the broker is away ({error}); trying again in {seconds:.0f} s", WARNING)
            notify(STATUS="broker away", WATCHDOG=1)

        return self.connection.ensure_connection(waits, self.app.conf.broker_connection_max_retries)

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a task, see celery.beat, and remember that it was sent."""
        self._unsent.setdefault(entry.name, time.time())
        result = super().apply_async(entry, *args, **kwargs)
        del self._unsent[entry.name]
        self.sent, self.sent_at = entry.task, time.monotonic()
        return result

    def _write_due(self) -> None:
        """Write down when the next task is due, in seconds since 1970."""
        path = os.environ.get("GALAXY_CELERY_BEAT_FILE")
        due = min([*self._unsent.values(), *(event.time for event in (self._heap or [])[:1])], default=None)
        if not path or due is None or due == self.due:
            return
        self.due = due
        try:
            with open(path + ".new", "w") as file:
                os.fchmod(file.fileno(), 0o644)
                json.dump({"due": self.due}, file)
            os.replace(path + ".new", path)
        except OSError as error:
            say(f"{path} cannot be written: {error}", WARNING)

    def _words(self) -> str:
        head = self._heap[0] if self._heap else None
        ago = time.monotonic() - self.sent_at if self.sent else None
        return status.beat(self.sent, ago, head and head.entry.task, head and head.time - time.time())
