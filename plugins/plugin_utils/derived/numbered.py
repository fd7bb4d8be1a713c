# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a list by the names that messages give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def numbered(values: Sequence[Any], name: str) -> dict[str, Any]:
    """Return each value of a list variable by its name and place."""
    return {f"{name}[{position}]": value for position, value in enumerate(values)}


def counted(values: Sequence[Any], prefix: str) -> dict[str, Any]:
    """Return each value by its number, from one on."""
    return {f"{prefix}{number}": value for number, value in enumerate(values, 1)}
