# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Celery's store of results in a database, with connections that the threads of a worker keep and share.

Celery's own (5.3 to 5.7) opens a connection for each result unless its process was forked. With TLS two cores open 100 to
200 in a second, and that is all that small tasks get done (celery/celery#2661).
"""

from __future__ import annotations

from typing import Any

try:
    from celery.backends.database import DatabaseBackend
    from celery.backends.database.session import SessionManager
except ImportError:
    DatabaseBackend = object  # the controller has no Celery

# More get no more done in one process of Python. A thread waits for one, but not without end. The last one used is the
# first one taken. The role postgresql_access counts with this size.
POSTGRESQL_POOL = {
    "pool_size": 5,
    "max_overflow": 0,
    "pool_timeout": 60,
    "pool_use_lifo": True,
    "pool_pre_ping": True,
    "pool_recycle": 3600,
}


def engine_options(url: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of SQLAlchemy's engine: what the site's database_engine_options give, and the pool's.

    :param url: the database, as SQLAlchemy has it. SQLite in memory takes no size.
    """
    return {**POSTGRESQL_POOL, **given} if url.startswith("postgresql") else given


class KeptDatabaseBackend(DatabaseBackend):
    """One for all threads, with one engine, where Celery has one for each thread and an engine for each result."""

    engine_options: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.thread_safe = True
        if not hasattr(self, "session_manager"):  # Celery 5.3 and 5.4
            self.session_manager = SessionManager()
        self.session_manager.forked = True
        self.engine_options = engine_options(self.url, self.engine_options)
        # Now, else threads that come at the same time make one each.
        self.session_manager.get_engine(self.url, **self.engine_options)

    def ResultSession(self, session_manager: Any = None) -> Any:
        """Return a session of the one engine; Celery 5.3 and 5.4 would take that of the module."""
        return super().ResultSession(session_manager or self.session_manager)

    def on_backend_retryable_error(self, exc: Exception) -> None:
        """Keep the engine: Celery 5.7 throws it away, and threads that wait for one of its connections with it.

        pool_pre_ping finds a connection that is dead.
        """
