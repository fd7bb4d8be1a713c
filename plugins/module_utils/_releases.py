# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of releases on a worker host: its names, its links and its lock."""

from __future__ import annotations

import datetime
import fcntl
import grp
import json
import os
import stat
import time
from collections.abc import Iterable
from typing import Any, TextIO

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import FINGERPRINT_RE
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError

CURRENT = "current"
PREVIOUS = "previous"
LOCK = ".lock"
INCOMING = ".incoming-"
REMOVED = ".removed-"
SPARE = ".spare"
PROGRESS = ".progress"
DIRECTORY_MODE = 0o750
MANIFEST = "release.json"
LISTING = "release.list.gz"


def group_number(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ReleaseError(f"group: there is no group '{name}' on this host: create it") from None


def protect(path: str, mode: int, group: int | None) -> bool:
    """Give a file or directory its mode and the group of that number; whether that changed anything."""
    found = os.stat(path)
    if stat.S_IMODE(found.st_mode) == mode and group in (None, found.st_gid):
        return False
    if group is not None:
        os.chown(path, -1, group)
    os.chmod(path, mode)
    return True


def read_manifest(place: str) -> dict[str, Any] | None:
    """The description of a release in a directory, None if it has none that can be read."""
    try:
        with open(os.path.join(place, MANIFEST), encoding="utf-8") as handle:
            content = json.load(handle)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


class Releases:
    """The directory of releases on this host."""

    def __init__(self, path: str) -> None:
        self.path = path

    def place(self, name: str) -> str:
        return os.path.join(self.path, name)

    def open_to_others(self, group: str | None) -> bool:
        """Whether mode or group of the directory are not the wanted ones."""
        if not os.path.isdir(self.path):
            return False
        found = os.stat(self.path)
        wanted = found.st_gid if group is None else group_number(group)
        return stat.S_IMODE(found.st_mode) != DIRECTORY_MODE or found.st_gid != wanted

    def close_to_others(self, group: str | None) -> None:
        """Let nobody but root and the group of Galaxy pass: a directory above may protect files at the source."""
        protect(self.path, DIRECTORY_MODE, None if group is None else group_number(group))

    def manifest(self, name: str) -> dict[str, Any] | None:
        content = read_manifest(self.place(name))
        return content if content and content.get("fingerprint") == name else None

    def link(self, name: str) -> str:
        place = self.place(name)
        if not os.path.lexists(place):
            return ""
        if not os.path.islink(place):
            raise ReleaseError(f"{place} is not a symbolic link. It does not come from this module: move it away.")
        target = os.path.basename(os.readlink(place).rstrip("/"))
        return target if FINGERPRINT_RE.match(target) else ""

    def names(self) -> list[str]:
        """Complete releases, the newest first."""
        if not os.path.isdir(self.path):
            return []
        dated = []
        for name in os.listdir(self.path):
            if FINGERPRINT_RE.match(name):
                content = self.manifest(name)
                if content:
                    dated.append((str(content.get("created", "")), name))
        return [name for date, name in sorted(dated, reverse=True)]

    def spare(self) -> str | None:
        """The tree of a removed release, for the next copy to start from; None if there is none."""
        place = self.place(SPARE)
        return place if os.path.isdir(place) else None

    def leftovers(self) -> list[str]:
        if not os.path.isdir(self.path):
            return []
        found = sorted(name for name in os.listdir(self.path) if name.startswith((INCOMING, REMOVED)))
        used = mounted_releases(found) if found else ()
        return [name for name in found if name not in used]

    def point(self, link: str, name: str) -> None:
        """Let the link name another release in one step."""
        temporary = self.place(f".{link}-{os.getpid()}")
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(name, temporary)
        os.replace(temporary, self.place(link))

    def retire(self, name: str) -> None:
        """Remove a release, but keep the tree of the last one for the next copy to start from."""
        if os.path.isfile(os.path.join(self.place(name), LISTING)):
            self.discard(SPARE)
            os.rename(self.place(name), self.place(SPARE))
        else:
            self.discard(name)

    def discard(self, name: str) -> None:
        """Renamed first: what is half removed must not look like a release."""
        if os.path.lexists(self.place(name)):
            os.rename(self.place(name), self.place(f"{REMOVED}{name.strip('.')}-{time.time_ns()}"))


def mounted_releases(names: Iterable[str], proc: str = "/proc") -> set[str]:
    """Releases that some process sees mounted: units bind a release into their own mount namespace."""
    used, seen = set[str](), set[str]()
    try:
        processes = [name for name in os.listdir(proc) if name.isdigit()]
    except OSError:
        return used
    for process in processes:
        base = os.path.join(proc, process)
        try:
            namespace = os.readlink(os.path.join(base, "ns/mnt"))
            if namespace in seen:
                continue
            with open(os.path.join(base, "mountinfo"), encoding="utf-8", errors="replace") as handle:
                roots = [line.split(" ", 4)[3] for line in handle if line.count(" ") > 4]
        except OSError:
            # The process has ended, or is not ours to read.
            continue
        seen.add(namespace)
        parts = {part for root in roots for part in root.split("/")}
        used.update(name for name in names if name in parts)
    return used


class Lock:
    """One run at a time on a directory of releases."""

    handle: TextIO

    def __init__(self, path: str, timeout_seconds: float) -> None:
        self.path = path
        self.timeout_seconds = timeout_seconds

    def __enter__(self) -> Lock:
        self.handle = open(self.path, "a+", encoding="utf-8")
        deadline = time.monotonic() + self.timeout_seconds
        while True:
            try:
                fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    self.handle.seek(0)
                    holder = self.handle.read().strip() or "an unknown process"
                    self.handle.close()
                    raise ReleaseError(
                        f"{self.path} is held by another run ({holder}) for more than lock_timeout_seconds "
                        f"({self.timeout_seconds}). Wait until it has ended and run again; nothing was changed."
                    ) from None
                time.sleep(0.2)
        self.handle.seek(0)
        self.handle.truncate()
        self.handle.write(f"process {os.getpid()} since {now()}\n")
        self.handle.flush()
        return self

    def __exit__(self, *unused: object) -> None:
        self.handle.close()


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
