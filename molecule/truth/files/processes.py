# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch the arguments and the environment of every process for some words, until standard input ends.

The first line of standard input is JSON: the words, and after how many seconds to end in any case. A process is read
when it is first seen, for some rounds after that, since it becomes another program, and then now and then. Prints what
was found as JSON.
"""

import json
import pwd
import select
import sys
import time
from pathlib import Path

asked = json.loads(sys.stdin.readline())
words = [word.encode() for word in asked["words"]]
deadline = time.monotonic() + asked["seconds"]
reads, found, seen, rounds = {}, set(), 0, 0


def user(number):
    """Name the user; the users of containers have no name here."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def look(pid):
    """Keep where the words are in one process."""
    for place in ("cmdline", "environ"):
        try:
            text = Path(f"/proc/{pid}/{place}").read_bytes()
            if any(word in text for word in words):
                name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
                # For the environment the variable's name is what tells; its value is not printed.
                entries = [entry for entry in text.split(b"\0") if any(word in entry for word in words)]
                names = [entry.split(b"=")[0].decode() if place == "environ" else "" for entry in entries]
                found.update((place, user(Path(f"/proc/{pid}").stat().st_uid), name, entry) for entry in names)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass  # it has ended, or is another user's


print("ready", flush=True)
while time.monotonic() < deadline and not select.select([sys.stdin], [], [], 0.02)[0]:
    rounds += 1
    now = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    for gone in set(reads) - now:
        del reads[gone]
    for pid in now:
        number = reads.get(pid, 0)
        seen += number == 0
        reads[pid] = number + 1
        if number < 6 or number % 100 == 0:
            look(pid)
print(json.dumps({"processes": seen, "rounds": rounds, "found": sorted(found)}))
