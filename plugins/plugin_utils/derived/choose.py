# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small choices among files and dictionaries."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is neither null nor an empty list."""
    return {key: value for key, value in values.items() if value is not None and value != []}


def kept_files(files: Sequence[Mapping[str, str]], folder: str) -> list[dict[str, str]]:
    """Return the entries of the module files that keep copies of files in a directory."""
    return [{"path": f"{folder}/{os.path.basename(file['path'])}", "source": file["path"], "mode": "0600"} for file in files]


def younger(stats: Sequence[Mapping[str, Any]], started: str) -> list[str]:
    """Return the files that are younger than the start of a container.

    :param stats: results of the module stat.
    :param started: as the engine writes it, in UTC, with up to nine digits behind the second.
    """
    second, _dot, fraction = started.rstrip("Z").partition(".")
    time = datetime.fromisoformat(second[:19]).replace(tzinfo=timezone.utc).timestamp() + float(f"0.{fraction or 0}")
    known = [result["stat"] for result in stats]
    return [stat["path"] for stat in known if stat["exists"] and stat["mtime"] > time]
