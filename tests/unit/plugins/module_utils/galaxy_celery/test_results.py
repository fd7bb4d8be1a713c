# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of a worker's threads, in a database of SQLite, with Celery's own way around it."""

from __future__ import annotations

import sys
import threading

import pytest
from celery import Celery
from celery.backends.database import DatabaseBackend
from celery.concurrency import thread
from sqlalchemy import event
from sqlalchemy.engine import Engine

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery import deviations
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery.results import (
    POSTGRESQL_POOL,
    KeptDatabaseBackend,
    engine_options,
)

THREADS, TASKS = 4, 40


@pytest.fixture
def opened():
    """The connections to a database that were opened, while threads give way to each other at each step."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    found = []

    def note(connection, _record):
        found.append(connection)

    event.listen(Engine, "connect", note)
    yield found
    event.remove(Engine, "connect", note)
    sys.setswitchinterval(interval)


def store(deviate, folder, opened, threads=THREADS, **conf):
    """Store a result of each of many tasks, in the threads of a pool, and read them again; what opened is from then."""
    app = Celery("test", set_as_current=False, backend=f"db+sqlite:///{folder}/results.sqlite?timeout=60")
    app.conf.update(conf)
    deviate(app)
    pool = thread.TaskPool(limit=threads, app=app)
    pool.start()
    app.backend  # noqa: B018 makes the tables, as the worker does before it has tasks
    opened.clear()
    # All threads of the pool are used: none goes on before each has a task.
    together = threading.Barrier(threads)

    def task(name):
        together.wait(60)
        app.backend.store_result(name, f"result of {name}", "SUCCESS")

    names = [str(number) for number in range(TASKS)]
    for handed in [pool.apply_async(task, (name,)) for name in names]:
        handed.wait(60)
    results = [app.AsyncResult(name).result for name in names]
    pool.stop()
    assert results == [f"result of {name}" for name in names]
    return app.backend


def test_the_threads_share_their_connections(tmp_path, opened):
    assert isinstance(store(deviations.apply, tmp_path, opened), KeptDatabaseBackend)
    assert len(opened) <= THREADS


def test_celerys_own_backend_needs_it(tmp_path, opened):
    # As soon as this fails, Celery does it itself, and the collection's backend can go.
    assert store(lambda _app: None, tmp_path, opened).__class__ is DatabaseBackend
    assert len(opened) > TASKS


@pytest.mark.parametrize("given, size", [({}, 5), ({"pool_size": 3}, 3)])
def test_a_site_may_have_another_number(given, size):
    options = engine_options("postgresql://galaxy@db.example.org/galaxy_celery", given)
    assert options["pool_size"] == size
    assert options["pool_pre_ping"]


def test_more_threads_than_connections_wait(tmp_path, opened):
    # SQLite's file has the same kind of pool.
    store(deviations.apply, tmp_path, opened, threads=8, database_engine_options={**POSTGRESQL_POOL, "pool_size": 2})
    assert len(opened) <= 2


def test_a_site_may_have_another_backend(tmp_path):
    app = Celery("test", set_as_current=False, backend=f"db+sqlite:///{tmp_path}/results.sqlite")
    app.loader.override_backends = {"db": "celery.backends.base:DisabledBackend"}
    deviations.apply(app)
    assert type(app.backend).__name__ == "DisabledBackend"


def test_an_error_does_not_throw_the_connections_away(tmp_path, opened):
    # Threads that wait for one of them would wait for ever.
    backend = store(deviations.apply, tmp_path, opened)
    engine = backend.ResultSession().get_bind()
    backend.on_backend_retryable_error(OSError("the database starts up"))
    assert backend.ResultSession().get_bind() is engine


def test_no_thread_waits_without_end():
    assert 0 < POSTGRESQL_POOL["pool_timeout"] < 600
