# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where this package has Celery do otherwise than it does by itself. Each can be left out by its name in
GALAXY_CELERY_STOCK, separated by commas.
"""

from __future__ import annotations

import os
import uuid
from typing import Any, Callable

from .chains import end_uploads
from .events import LoopEventDispatcher
from .late import guard
from .publish import keep_publishing


def _control(app: Any) -> None:
    """Have each connection listen to control messages in a queue of its own, which the broker removes with it.

    An exclusive queue under the worker's name (Celery 5.7, and others with control_queue_exclusive) is locked for as long as the
    broker does not know that the connection before has gone, and the worker ends with 405 RESOURCE_LOCKED. One that is not
    exclusive (up to 5.6) is what RabbitMQ 4.3 warns of, and a later one refuses.
    """
    mailbox = app.control.mailbox
    named = mailbox.get_queue

    def get_queue(node: str) -> Any:
        queue = named(f"{uuid.uuid4()}.{node}")
        queue.exclusive = True
        return queue

    if app.connection_for_read().get_transport_cls().driver_type == "amqp":
        mailbox.get_queue = get_queue


def _events(app: Any) -> None:
    app.events.dispatcher_cls = LoopEventDispatcher


def _results(app: Any) -> None:
    # By its name: who stores results elsewhere may have no SQLAlchemy.
    own = f"{__package__}.results:KeptDatabaseBackend"
    app.loader.override_backends = {"db": own, "database": own, **app.loader.override_backends}
    # With the first result instead: Celery 5.5 and later could not even send a task again while the database is away.
    app.conf.database_create_tables_at_setup = False


DEVIATIONS: dict[str, Callable[[Any], None]] = {
    # Before those that ask which store it is.
    "results": _results,
    "chains": end_uploads,
    "control": _control,
    "events": _events,
    "late": guard,
    "publish": keep_publishing,
}


def apply(app: Any) -> None:
    """Apply them to a worker's app."""
    stock = {name.strip() for name in os.environ.get("GALAXY_CELERY_STOCK", "").split(",")}
    for name, deviate in DEVIATIONS.items():
        if name not in stock:
            deviate(app)
