# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listing of a release: one line for each file, from which its digests are made and two releases are compared.

A line is the canonical path without its leading slash, a tab, and what counts of it:

    d MODE                  a directory
    f MODE SIZE MTIME_NS    a file
    l "TARGET"              a symbolic link
    c MODE SIZE SHA256      a file of the configuration, which counts by content
    b MODE SIZE MTIME_NS    compiled bytecode, which is copied and never counts
    B MODE                  a directory of bytecode

Sorted, a directory stands before what it holds.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_exclude import Exclude

if TYPE_CHECKING:
    from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import Tree

# Compiled bytecode is copied, because it halves the start-up time, but it never counts: each host may compile its own.
BYTECODE_DIR = "__pycache__"
BYTECODE_SUFFIX = ".pyc"
# A tree is walked by as many processes as there are cores, at most these.
MOST_PROCESSES = 4
# So many directories are enough for shares of about the same size.
SHARED_DIRECTORIES = 1000


class Listing:
    """The sorted lines of a release, in three parts; what a scan found counts its files and their bytes."""

    def __init__(self, lines: Iterable[str], files: int = 0, size_bytes: int = 0) -> None:
        self.files, self.size_bytes = files, size_bytes
        self.code: list[str] = []
        self.config: list[str] = []
        self.bytecode: list[str] = []
        part = {"c": self.config, "b": self.bytecode, "B": self.bytecode}
        for line in sorted(lines):
            part.get(line[line.rindex("\t") + 1], self.code).append(line)

    def lines(self) -> list[str]:
        return self.code + self.config + self.bytecode

    def digests(self) -> tuple[str, str]:
        """SHA-256 of the code (with the venv) and of the configuration."""
        code, config = (hashlib.sha256(_encode(lines)).hexdigest() for lines in (self.code, self.config))
        return code, config

    def write(self, path: str) -> None:
        """Write it beside the path first, so that nobody reads half of it."""
        with open(path + ".new", "wb") as raw, gzip.GzipFile("", "wb", 1, raw, 0) as handle:
            handle.write(_encode(self.lines()))
        os.replace(path + ".new", path)


def read_lines(path: str) -> set[str]:
    """The lines of a listing that was written, as a set. A damaged one raises OSError, EOFError or ValueError."""
    with gzip.open(path, "rb") as handle:
        content = handle.read().decode("utf-8", "surrogateescape")
    lines = set(content.split("\n"))
    # A copy must not leave its directory, whatever the source says.
    if not all("\t" in line and line[0] != "/" for line in lines) or (
        "../" in content and any(".." in path_of(line).split("/") for line in lines)
    ):
        raise ValueError("it is no listing of a release")
    return lines


def _encode(lines: Iterable[str]) -> bytes:
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def path_of(line: str) -> str:
    return line[: line.rindex("\t")]


def is_directory(line: str) -> bool:
    return line[line.rindex("\t") + 1] in "dB"


def size_of(line: str) -> int | None:
    """Bytes of a file, None for what is no file."""
    entry = line[line.rindex("\t") + 1 :]
    return int(entry.split(" ", 3)[2]) if entry[0] in "fcb" else None


def scan(tree: Tree, root: str = "") -> Listing:
    """Walk the tree once and return its listing."""
    walk = Walk(tree.config_dir, tree.exclude)
    for path in tree.paths:
        place = root.rstrip("/") + path
        if not os.path.isdir(place):
            raise ReleaseError(f"{place} is not a directory on this host")
        walk.lines.append(f"{path[1:]}\td {stat.S_IMODE(os.stat(place).st_mode):o}")
        walk.pending.append((place, path[1:] + "/", False))
    return walk.listing()


def scan_everything(tree: Tree, root: str) -> set[str]:
    """The lines of all files below root, also excluded ones, without the directories above the tree."""
    walk = Walk(tree.config_dir, Exclude(()))
    walk.pending.append((root, "", False))
    above = {path[1:end] for path in tree.paths for end in range(1, len(path)) if path[end] == "/"}
    return {line for line in walk.listing().lines() if path_of(line) not in above}


class Walk:
    """Directories that are still to be read, and the lines of what was."""

    def __init__(self, config_dir: str, exclude: Exclude) -> None:
        self.exclude = exclude
        self.config_prefix = config_dir[1:] + "/"
        self.pending: list[tuple[str, str, bool]] = []
        self.clear()

    def clear(self) -> None:
        self.lines: list[str] = []
        self.files = self.size_bytes = 0

    def listing(self) -> Listing:
        """Read everything, by several processes."""
        # The directories above the others come first; what is below is shared out.
        while self.pending and len(self.pending) < SHARED_DIRECTORIES:
            self.step(0)
        count = min(os.cpu_count() or 1, MOST_PROCESSES)
        mine, *shares = [self.pending[number::count] for number in range(count)]
        others = [_Child(self, share) for share in shares if share]
        self.pending = mine
        self.finish()
        for child in others:
            child.join(self)
        return Listing(self.lines, self.files, self.size_bytes)

    def finish(self) -> None:
        while self.pending:
            self.step(-1)

    def step(self, position: int) -> None:
        """Read one directory."""
        place, prefix, compiled = self.pending.pop(position)
        configured = prefix.startswith(self.config_prefix)
        matches, add = self.exclude.matches, self.lines.append
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    name = entry.name
                    relative = prefix + name
                    is_dir = entry.is_dir(follow_symlinks=False)
                    if matches(relative, name, is_dir):
                        continue
                    if "\n" in name:
                        raise ReleaseError(f"{relative!r} holds a line break. Rename it, or leave it out by exclude.")
                    if entry.is_symlink():
                        if not compiled:
                            add(f"{relative}\tl {json.dumps(os.readlink(entry.path))}")
                        continue
                    info = entry.stat(follow_symlinks=False)
                    mode = info.st_mode & 0o7777
                    if is_dir:
                        bytecode = compiled or name == BYTECODE_DIR
                        add(f"{relative}\t{'B' if bytecode else 'd'} {mode:o}")
                        self.pending.append((entry.path, relative + "/", bytecode))
                    elif not stat.S_ISREG(info.st_mode):
                        # Sockets, pipes and devices are neither copied nor counted.
                        continue
                    else:
                        self.files += 1
                        self.size_bytes += info.st_size
                        kind = "b" if compiled or name.endswith(BYTECODE_SUFFIX) else "c" if configured else "f"
                        # Written again unchanged, a configuration is the same.
                        last = _file_digest(entry.path) if kind == "c" else info.st_mtime_ns
                        add(f"{relative}\t{kind} {mode:o} {info.st_size} {last}")
        except PermissionError as error:
            raise ReleaseError(f"{error.filename or place} can not be read: {error.strerror}") from error


class _Child:
    """A process of its own for a share of the directories."""

    def __init__(self, walk: Walk, share: list[tuple[str, str, bool]]) -> None:
        self.reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(writing)
            return
        # Nothing of the parent may run here: neither its cleanup nor its output.
        code = 1
        try:
            os.close(self.reading)
            walk.pending = share
            walk.clear()
            with os.fdopen(writing, "wb") as pipe:
                try:
                    walk.finish()
                    pipe.write(_encode([f"{walk.files} {walk.size_bytes}", *walk.lines]))
                    code = 0
                except (ReleaseError, OSError) as error:
                    pipe.write(str(error).encode("utf-8", "surrogateescape"))
        finally:
            os._exit(code)

    def join(self, walk: Walk) -> None:
        """Wait for it, and add what it found."""
        with os.fdopen(self.reading, "rb") as pipe:
            content = pipe.read().decode("utf-8", "surrogateescape")
        if os.waitpid(self.pid, 0)[1]:
            raise ReleaseError(content or "A process that read the tree was killed.")
        totals, *lines = content.split("\n")
        files, size_bytes = totals.split()
        walk.files += int(files)
        walk.size_bytes += int(size_bytes)
        walk.lines += lines


def _file_digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
