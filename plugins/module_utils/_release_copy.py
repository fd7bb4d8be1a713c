# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One release, copied into place beside the others.

The listing of the wanted release is compared with what is there: files of another release are linked, only the rest is
transferred. The copy starts from the tree of a removed release where there is one, so that a few files change and not some
fifty thousand links. The fingerprint of the result is computed from the disk; where it differs, what differs is copied again.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import describe, prefixed
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_listing import (
    is_directory,
    path_of,
    read_lines,
    scan_everything,
    size_of,
)
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_rsync import Rsync, is_remote, statistic
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._releases import (
    CURRENT,
    INCOMING,
    LISTING,
    MANIFEST,
    PROGRESS,
    REMOVED,
    now,
    read_manifest,
)

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import Tree
    from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._releases import Lock, Releases

# A file takes at least one block; this makes the need an upper bound on common file systems.
BLOCK_BYTES = 4096
DAMAGED = (OSError, EOFError, ValueError)


def free_space(path: str) -> tuple[int, int | None]:
    """Free bytes and free inodes for everybody; no inodes (None) where the file system has no such limit."""
    info = os.statvfs(path)
    return info.f_bavail * info.f_frsize, (info.f_favail if info.f_files else None)


class Copy:
    """Copies one release into place, without touching the others."""

    def __init__(self, module: AnsibleModule, releases: Releases, tree: Tree, lock: Lock) -> None:
        self.module = module
        self.params = module.params
        self.releases = releases
        self.tree = tree
        self.lock = lock
        self.id = module.params["fingerprint"]
        self.incoming = releases.place(INCOMING + self.id)
        self.stats = {"files": 0, "bytes": 0, "seconds": 0.0}

    def run(self) -> None:
        started = time.monotonic()
        # Modes come from the source; only the directories above the canonical paths follow the umask.
        os.umask(0o022)
        self._check_source()
        with Rsync(self.module, self.releases.place(PROGRESS), self.lock) as rsync:
            listing = os.path.join(rsync.folder, LISTING)
            rsync.file(self.params["listing"], listing)
            self._make(rsync, self._read(listing))
            shutil.copyfile(listing, os.path.join(self.incoming, LISTING))
        self.stats["seconds"] = round(time.monotonic() - started, 2)
        self._write_manifest()
        # After a power cut a release that has its final name must be whole on disk.
        os.sync()
        final = self.releases.place(self.id)
        if os.path.lexists(final):
            # A release that somebody has damaged; units that have it mounted keep what they see.
            self.releases.discard(self.id)
        os.rename(self.incoming, final)

    def _check_source(self) -> None:
        source = self.params["source"]
        if is_remote(source):
            return
        if not source.startswith("/"):
            raise ReleaseError(f"source: '{source}' is neither user@host: nor an absolute directory")
        for path in self.tree.paths:
            if not os.path.isdir(prefixed(source, path)):
                raise ReleaseError(f"source: {prefixed(source, path)} is not a directory on this host")

    def _read(self, listing: str) -> set[str]:
        try:
            return read_lines(listing)
        except DAMAGED as error:
            raise ReleaseError(f"listing: {self.params['listing']} at the source can not be read: {error}") from error

    def _make(self, rsync: Rsync, wanted: set[str]) -> None:
        """Bring the incoming tree to what the listing says, and see on the disk that it is."""
        have = self._start()
        for last in (False, True):
            self._apply(rsync, wanted, have, last)
            try:
                self.found, listing = describe(self.tree, self.incoming)
            except OSError as error:
                raise ReleaseError(f"The copy of the release can not be read: {error}") from error
            if self.found["fingerprint"] == self.id:
                return
            if last:
                self._refuse()
            have = set(listing.lines())

    def _start(self) -> set[str]:
        """What the copy starts from, as lines: what an interrupted run has left, else a removed release."""
        for name in self.releases.leftovers():
            place = self.releases.place(name)
            if name.startswith(REMOVED) or (place != self.incoming and os.path.lexists(self.incoming)):
                shutil.rmtree(place)
            elif place != self.incoming:
                os.rename(place, self.incoming)
        if os.path.isdir(self.incoming):
            return scan_everything(self.tree, self.incoming)
        spare = self.releases.spare()
        have = self._lines(spare) if spare else None
        if spare is None or have is None:
            os.mkdir(self.incoming, 0o755)
            return set()
        # Whoever takes this up after an interruption must not believe what the listing said.
        os.rename(spare, self.incoming)
        for name in (LISTING, MANIFEST):
            os.unlink(os.path.join(self.incoming, name))
        return have

    def _lines(self, place: str) -> set[str] | None:
        """The lines of a release, None where they are not known or its files belong to others."""
        manifest = read_manifest(place)
        if not manifest or any(manifest.get(name) != self.params[name] for name in ("owner", "group")):
            return None
        try:
            return read_lines(os.path.join(place, LISTING))
        except DAMAGED:
            return None

    def _base(self) -> tuple[str, set[str]]:
        """The release to link unchanged files to, and its lines: the current one, else the newest."""
        current = self.releases.link(CURRENT)
        for name in sorted(self.releases.names(), key=lambda name: name != current):
            lines = self._lines(self.releases.place(name)) if name != self.id else None
            if lines:
                return self.releases.place(name), lines
        return "", set()

    def _apply(self, rsync: Rsync, wanted: set[str], have: set[str], last: bool) -> None:
        missing = wanted - have
        # What was wrong after the first time may have been linked to a file that somebody changed in another release.
        base, lines = self._base() if missing and not last else ("", set())
        known = missing & lines
        self._check_space([size_of(line) for line in missing - known])
        self._remove(have - wanted, {path_of(line) for line in missing if is_directory(line)})
        # Sorted, a directory stands before what it holds.
        missing.difference_update([line for line in sorted(known) if self._take(base, line)])
        output = rsync.tree(sorted(map(path_of, missing)), self.tree, self.incoming, len(missing) > len(wanted) / 2)
        self.stats["files"] += statistic(output, "Number of regular files transferred")
        self.stats["bytes"] += statistic(output, "Total transferred file size")

    def _take(self, base: str, line: str) -> bool:
        """Link a file of another release, or make a directory like one of it; whether that could be done."""
        path = path_of(line)
        place, other = os.path.join(self.incoming, path), os.path.join(base, path)
        try:
            if not is_directory(line):
                os.link(other, place, follow_symlinks=False)
                return True
            info = os.lstat(other)
            if not os.path.isdir(place):
                os.makedirs(place, 0o755)
            os.chown(place, info.st_uid, info.st_gid)
            os.chmod(place, stat.S_IMODE(info.st_mode))
        except OSError:
            # Somebody took it out of that release, or it has as many links as the file system allows.
            return False
        return True

    def _remove(self, lines: set[str], kept: set[str]) -> None:
        """Nothing is changed in place: it may be shared with another release."""
        for path in sorted(map(path_of, lines)):
            place = os.path.join(self.incoming, path)
            if os.path.islink(place) or os.path.isfile(place):
                os.unlink(place)
            elif path not in kept and os.path.isdir(place):
                shutil.rmtree(place)

    def _check_space(self, sizes: Iterable[int | None]) -> None:
        known = [size for size in sizes if size is not None]
        free, inodes = free_space(self.releases.path)
        needed = sum(known) + len(known) * BLOCK_BYTES
        if needed > free or (inodes is not None and len(known) > inodes):
            available = "any number of" if inodes is None else inodes
            raise ReleaseError(
                f"Not enough space below {self.releases.path}: the release needs {needed // 1000000 + 1} MB "
                f"and {len(known)} inodes, there are {free // 1000000} MB and {available} free. "
                f"Make room, or lower keep (now {self.params['keep']}). The releases are as they were."
            )

    def _refuse(self) -> NoReturn:
        wanted = self.params["info"].get("parts") or {}
        differs = [name for name in sorted(wanted) if self.found["parts"].get(name) != wanted[name]]
        raise ReleaseError(
            "Galaxy at the source changed while it was copied (wanted {}, got {}{}), or the paths and patterns given "
            "here are not those of the fingerprint. The current release is untouched. Run again when the update of "
            "Galaxy has ended; files that Galaxy writes while it runs belong into exclude.".format(
                self.id, self.found["fingerprint"], ", different: " + ", ".join(differs) if differs else ""
            )
        )

    def _write_manifest(self) -> None:
        content = {
            key: value
            for key, value in self.params["info"].items()
            if key in ("galaxy_version", "packages", "parts", "platform", "python")
        }
        content.update({key: self.params[key] for key in ("source", "owner", "group")})
        content.update(
            files=self.found["files"],
            size_bytes=self.found["size_bytes"],
            paths=self.found["paths"],
            fingerprint=self.id,
            created=now(),
            stats=self.stats,
            server_dir=self.tree.server_dir,
            venv_dir=self.tree.venv_dir,
            config_dir=self.tree.config_dir,
            exclude=self.tree.exclude.patterns,
        )
        place = os.path.join(self.incoming, MANIFEST)
        with open(place + ".new", "w", encoding="utf-8") as handle:
            json.dump(content, handle, indent=1, sort_keys=True)
            handle.write("\n")
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(place + ".new", place)
