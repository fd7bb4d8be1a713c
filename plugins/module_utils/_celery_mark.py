# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Marks of workers that have never consumed since they started: such a one has no tasks, though it gives no answer.

Private to the collection. ExecStartPost of a unit leaves the mark when it gives up, the health check takes it away as
soon as the node answers. A mark holds the number of the process that it is about: it says nothing of a later one.
"""

from __future__ import annotations

import contextlib
import os


def _path(directory, node):
    return os.path.join(directory, f"{node}.never-ready")


def leave(directory, node, pid):
    """Note that this process has never consumed."""
    with open(_path(directory, node), "w", encoding="ascii") as stream:
        stream.write(f"{pid}\n")


def remove(directory, node):
    """Take the mark away, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(directory, node))


def marked(directory, node, pid):
    """Tell whether there is a mark of this process."""
    try:
        with open(_path(directory, node), encoding="ascii") as stream:
            return int(stream.read()) == pid
    except (OSError, ValueError):
        return False
