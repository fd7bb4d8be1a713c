# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of Galaxy that one upload consists of, and the job that such a task is about.

Private to the collection, for its modules.
"""

from __future__ import annotations

import re
from typing import Any

FETCH = "galaxy.fetch_data"
CHAIN = ("galaxy.setup_fetch_data", FETCH, "galaxy.set_job_metadata", "galaxy.finish_job")


def job_of(task: dict[str, Any]) -> int | None:
    """Return the number of the job that a task of CHAIN is about: a keyword, or the first task's argument.

    :param task: with args and kwargs, as an event or the answer to a question of remote control has them: maybe shortened texts.
    """
    found = re.search(r"'job_id': (\d+)", str(task.get("kwargs"))) or re.match(r"\D{0,2}(\d+)", str(task.get("args")))
    return int(found[1]) if found else None
