# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of the benchmarks: each program replaces its own section and leaves the others."""

from __future__ import annotations

import datetime
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Written by `make bench`. The yardstick of a figure was measured in the same run; only ratios can be compared between
machines.
"""
START_LOAD = os.getloadavg()[0]


def machine():
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return (
        f"{datetime.date.today()}, {os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, ansible-core {version('ansible-core')}, load before {START_LOAD:.1f}"
    )


def write(title, text):
    """Print a section and put it into the page.

    :param title: the section's heading, which also finds it again.
    :param text: its Markdown.
    """
    section = f"## {title}\n\n{text.strip()}\n"
    print("\n" + section)
    page = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else HEAD
    head, *sections = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    kept = [other.rstrip() + "\n" for other in sections if not other.startswith(f"## {title}\n")]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join([head.rstrip() + "\n", *sorted([*kept, section])]), encoding="utf-8")
