# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of pg_hba.conf, also for a site that writes the file itself."""

from __future__ import annotations

import re
from collections.abc import Sequence


def unlisted(entries: Sequence[str], given: Sequence[object]) -> list[str]:
    """Return the entries that no line of the site names."""
    words = [word for line in given for word in str(line).split()]
    return [entry for entry in entries if entry not in words and re.sub(r"/(32|128)$", "", entry) not in words]


def left_addresses(text: str, marker: str, entries: Sequence[str]) -> list[str]:
    """Return the addresses that the block of a file has and that are no entries any more.

    Addresses and not lines: another method, database or type of connection makes other lines for those who stay.
    """
    begin = re.escape(marker.replace("{mark}", "BEGIN"))
    block = re.search(begin + r"\n((?:.*\n)*?)# END ", text)
    words = [line.split() for line in block[1].splitlines()] if block else []
    found = [line[3] for line in words if len(line) > 3 and "/" in line[3]]
    return [address for address in dict.fromkeys(found) if address not in entries]
