# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tells a file of this collection from one of the site's.

Private to the collection.
"""

from __future__ import annotations

import os

# What every file has that a role of this collection writes as a whole.
MARK = "usegalaxy_eu.celery"


def has_mark(path: str, mark: str = MARK) -> bool:
    """Whether there is such a file, and it holds the text."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as stream:
        return mark.encode() in stream.read()
