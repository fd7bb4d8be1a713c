# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who sends the events of a worker's threads, with Celery's own sender around it."""

from __future__ import annotations

import threading

import pytest
from celery import Celery
from celery.concurrency import thread
from celery.events.dispatcher import EventDispatcher

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery import deviations
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery.events import LoopEventDispatcher

EVENTS = 100


class Producer:
    """In the place of the connection: it notes who sends how many events."""

    def __init__(self):
        self.sent = []

    def publish(self, events, **_options):
        self.sent.append((threading.current_thread(), len(events)))


def stock(_app):
    """Leave Celery as it is."""


def send(deviate, with_loop=True):
    """Send events from a thread of a pool, and then flush as the event loop does; return the class and who has sent."""
    app = Celery("test", set_as_current=False, broker="memory://")
    deviate(app)
    pool = thread.TaskPool(limit=1, app=app)
    called = []
    options = {"buffer_group": ["task"], "on_send_buffered": lambda: called.append(True)} if with_loop else {}
    dispatcher = app.events.Dispatcher(app.connection_for_write(), **options)
    dispatcher.producer = producer = Producer()

    def task():
        for _number in range(EVENTS):
            dispatcher.send("task-succeeded")

    pool.start()
    pool.apply_async(task).wait(10)
    pool.stop()
    # The event loop is called, and has something to do.
    assert bool(called) == with_loop
    dispatcher.flush()
    return dispatcher, producer.sent


def test_only_the_event_loop_sends_and_nothing_is_lost():
    dispatcher, sent = send(deviations.apply)
    assert isinstance(dispatcher, LoopEventDispatcher)
    assert sent == [(threading.main_thread(), EVENTS)]


def test_celerys_own_sender_needs_it():
    # As soon as this fails, Celery does it itself, and the collection's sender can go.
    dispatcher, sent = send(stock)
    assert isinstance(dispatcher, EventDispatcher)
    assert {sender for sender, _number in sent} > {threading.main_thread()}


@pytest.mark.parametrize("deviate", [deviations.apply, stock])
def test_without_an_event_loop_threads_send_for_themselves(deviate):
    _dispatcher, sent = send(deviate, with_loop=False)
    assert len(sent) == EVENTS
    assert threading.main_thread() not in {sender for sender, _number in sent}
