# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a unit does not run, from what its processes wrote to the journal.

Private to the collection.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

LINES = 400
LENGTH = 500
TRACEBACK = "Traceback (most recent call last):"
PLACE = re.compile(r'\s+File "([^"]+)", line (\d+)')
# Celery's log, click's errors, and the priorities that the unit's helper gives.
SAID = re.compile(r": CRITICAL/|: ERROR/|^Error: |^error: ", re.IGNORECASE)
SERIOUS = 3


def last_error(entries: list[tuple[int, str]]) -> str:
    """Return the last error among the entries of a journal in one line, or an empty text if there is none.

    A traceback gives its exception and the place of it. Else it is the last line that says of itself that it is an error.

    :param entries: (priority, text) of each line, the oldest first.
    """
    texts = [text for _priority, text in entries]
    begins = [number for number, text in enumerate(texts) if text.strip() == TRACEBACK]
    for begin in reversed(begins):
        place = ""
        for text in texts[begin + 1 :]:
            if found := PLACE.match(text):
                place = f" ({found[1]}, line {found[2]})"
            elif text.strip() and not text.startswith(" "):
                return text[:LENGTH] + place
    said = [text for priority, text in entries if priority <= SERIOUS or SAID.search(text)]
    return said[-1][:LENGTH] if said else ""


def unit_error(module: AnsibleModule, unit: str) -> str:
    """Return the last error of the last attempts to start a unit, or an empty text.

    :param module: an AnsibleModule, to run journalctl.
    """
    # By the unit of the process that wrote: what systemd says of a unit is no reason.
    command = ["journalctl", f"_SYSTEMD_UNIT={unit}", "--boot", "--output=json", "--no-pager", f"--lines={LINES}"]
    output = module.run_command(command)[1]
    attempts: dict[str | None, list[tuple[int, str]]] = {}
    for line in output.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        text = entry.get("MESSAGE")
        if isinstance(text, str):
            attempt = attempts.setdefault(entry.get("_SYSTEMD_INVOCATION_ID"), [])
            attempt.append((int(entry.get("PRIORITY", 6)), text))
    # The last one may have begun just now.
    return next((error for lines in list(attempts.values())[:-3:-1] if (error := last_error(lines))), "")
