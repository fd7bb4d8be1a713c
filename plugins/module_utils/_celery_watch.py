# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watch the task events of Celery workers: who took which task, and how it ended.

Private to the collection, for its modules. A task of some milliseconds is over before a late listener is there, so the
consumer is bound before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import CeleryModuleError

if TYPE_CHECKING:
    from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import Settings

try:
    import kombu
except ImportError:
    kombu = None  # type: ignore[assignment]  # require_celery tells

# What a worker says of a task that it has.
TAKEN_EVENTS = {"task-received", "task-started", "task-succeeded", "task-failed", "task-rejected", "task-retried"}


def events_consumer(app: Any, channel: Any, on_event: Callable[[dict[str, Any]], None]) -> Any:
    """Return a consumer of all events, to be entered as a context.

    :param on_event: is called with each event of TAKEN_EVENTS.
    """

    def on_message(body: Any, _message: Any) -> None:
        for event in body if isinstance(body, list) else [body]:
            if event.get("type") in TAKEN_EVENTS:
                on_event(event)

    receiver = app.events.Receiver(channel)
    return kombu.Consumer(channel, queues=[receiver.queue], callbacks=[on_message], no_ack=True, accept=receiver.accept)


def enable_events(app: Any, nodes: Iterable[str], seconds: float) -> tuple[set[str], set[str]]:
    """Have nodes send task events, and return (those that answered, those that did not send them before).

    It uses a connection of its own: foreign events on another one would count as replies.

    :param nodes: names of nodes; empty for all that there are.
    :param seconds: how long to wait for the answers. Without names it is always waited for so long.
    """
    answered, enabled = set(), set()
    for reply in app.control.enable_events(destination=sorted(nodes) or None, reply=True, timeout=seconds) or []:
        for node, answer in reply.items():
            answered.add(node)
            if isinstance(answer, dict) and answer.get("ok") == "task events enabled":
                enabled.add(node)
    return answered, enabled


def queue_counts(settings: Settings, connection: Any, queue: str) -> tuple[int, int]:
    """Return (messages, consumers) of a queue, which must exist.

    :raises CeleryModuleError: when it does not, or may not be used.
    """
    channel = connection.channel()
    try:
        found = channel.queue_declare(queue=queue, passive=True)
    except connection.channel_errors as exc:
        raise CeleryModuleError(
            f"queue {queue!r} cannot be used on {settings.broker}: {exc}. Start a worker that consumes from it, or"
            " correct the name in queues."
        ) from exc
    channel.close()
    return found.message_count, found.consumer_count
