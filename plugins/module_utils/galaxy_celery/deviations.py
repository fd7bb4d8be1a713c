# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where this package has Celery do otherwise than it does by itself. Each can be left out by its name in
GALAXY_CELERY_STOCK, separated by commas.
"""

from __future__ import annotations

import os
from typing import Any, Callable

from .events import LoopEventDispatcher
from .publish import keep_publishing


def _events(app: Any) -> None:
    app.events.dispatcher_cls = LoopEventDispatcher


def _results(app: Any) -> None:
    # By its name: who stores results elsewhere may have no SQLAlchemy.
    own = f"{__package__}.results:KeptDatabaseBackend"
    app.loader.override_backends = {"db": own, "database": own, **app.loader.override_backends}


DEVIATIONS: dict[str, Callable[[Any], None]] = {"events": _events, "publish": keep_publishing, "results": _results}


def apply(app: Any) -> None:
    """Apply them to a worker's app."""
    stock = {name.strip() for name in os.environ.get("GALAXY_CELERY_STOCK", "").split(",")}
    for name, deviate in DEVIATIONS.items():
        if name not in stock:
            deviate(app)
