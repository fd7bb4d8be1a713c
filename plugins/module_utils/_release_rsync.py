# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rsync from the source of a release: one connection, several transfers, and what its errors mean."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import tempfile
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._progress import Progress
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import Tree
    from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._releases import Lock

# rsync's own: 24 = files vanished at the source while it ran; the fingerprint decides whether they mattered.
FINE = (0, 24)
# How long the connection is kept open for another transfer, where this process is killed.
PERSIST_SECONDS = 10


class NamesGarbled(ReleaseError):
    """rsync has cut a name of a long list in two; seen with rsync 3.5.0 over a busy connection, once in some hundred runs."""


def is_remote(source: str) -> bool:
    """As rsync sees it: a colon before the first slash."""
    return ":" in source.split("/", 1)[0]


class Rsync:
    """Transfers from one source. The connection of the first one serves the others too."""

    def __init__(self, module: AnsibleModule, progress_path: str, lock: Lock) -> None:
        self.module = module
        self.params = module.params
        self.progress_path = progress_path
        self.lock = lock
        self.remote = is_remote(self.params["source"])
        self.program = module.get_bin_path("rsync")
        if self.program is None:
            raise ReleaseError("rsync is not installed on this host: install the package rsync")

    def __enter__(self) -> Rsync:
        # A socket's path may have 107 characters only.
        self.folder = tempfile.mkdtemp(prefix="galaxy-release-")
        shared = f"-o ControlMaster=auto -o ControlPath={self.folder}/ssh -o ControlPersist={PERSIST_SECONDS}"
        self.rsh = f"{self.params['rsh']} {shared}"
        return self

    def __exit__(self, *unused: object) -> None:
        if os.path.exists(os.path.join(self.folder, "ssh")):
            host = self.params["source"].rstrip(":")
            command = [*shlex.split(self.rsh), "-O", "exit", re.sub(r"[][]", "", host)]
            self.module.run_command(command)
        for name in os.listdir(self.folder):
            # The shared connection takes its socket away itself, a moment after it was told to end.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, name))
        os.rmdir(self.folder)

    def file(self, path: str, to: str) -> str:
        """Copy one file of the source's host."""
        if not self.remote:
            return self._run([path, to])
        return self._run([f"{self.params['source'].rstrip(':')}:{path}", to])

    def tree(self, paths: list[str], tree: Tree, to: str, most: bool = False) -> str:
        """Copy what the paths name below the source; return rsync's statistics.

        :param paths: sorted, without leading slash; a directory is copied without what it holds.
        :param most: let rsync walk the whole tree instead, which is faster than naming most of what it holds.
        """
        roots = [path[1:] for path in tree.paths]
        if most:
            return self._walk(roots, tree, to)
        # A canonical path may be a link at the source: with a slash the directory is meant, and what it holds.
        new = [root for root in roots if root in paths]
        if new:
            self._transfer([root + "/" for root in new], to, [f"--filter=- /{root}/*" for root in new])
        rest = [path for path in paths if path not in new]
        try:
            return self._transfer(rest, to) if rest else ""
        except NamesGarbled:
            return self._walk(roots, tree, to)

    def _walk(self, roots: list[str], tree: Tree, to: str) -> str:
        # --exclude would read "+ " and "!" at the beginning of a pattern as an instruction; --filter does not.
        filters = [f"--filter=- {pattern}" for pattern in tree.exclude.patterns]
        # As arguments: with --files-from rsync takes almost half as long again for the same tree.
        return self._run([*self._options(), "--relative", "--recursive", *filters, *self._sources(roots), to + "/"])

    def _sources(self, roots: list[str]) -> list[str]:
        """Directories below the source as arguments of rsync, which are safe for a shell at the other end."""
        source = self.params["source"]
        if not self.remote:
            return [f"{source.rstrip('/')}/./{root}/" for root in roots]
        return [f"{source.rstrip(':') if number == 0 else ''}:/{root}/" for number, root in enumerate(roots)]

    def _transfer(self, names: Iterable[str], to: str, options: Iterable[str] = ()) -> str:
        place = os.path.join(self.folder, "names")
        with open(place, "wb") as handle:
            handle.write(b"\0".join(os.fsencode(name) for name in names))
        source = self.params["source"]
        source = f"{source.rstrip(':')}:/" if self.remote else f"{source.rstrip('/')}/"
        return self._run([*self._options(), *options, "--from0", f"--files-from={place}", source, to + "/"])

    def _options(self) -> list[str]:
        options = [
            "--links",
            "--perms",
            "--times",
            "--omit-dir-times",
            "--no-implied-dirs",
            # What is gone by now is missed by the check of the copy.
            "--ignore-missing-args",
            # Compare whole nanoseconds, as the fingerprint does.
            "--modify-window=-1",
            "--stats",
            "--no-human-readable",
            # Of the whole copy, not of each file.
            "--info=progress2",
        ]
        if self.params["owner"]:
            options += ["--owner", "--usermap={0}:{0},*:root".format(self.params["owner"])]
        if self.params["group"]:
            options += ["--group", "--groupmap=*:{}".format(self.params["group"])]
        return options

    def _run(self, arguments: list[str]) -> str:
        command = [self.program, f"--timeout={self.params['io_timeout_seconds']}"]
        if self.remote:
            command.append(f"--rsh={self.rsh}")
        with Progress(self.module, self.progress_path, self.params["fingerprint"]) as progress:
            # When this process is killed, the lock is held on until rsync has ended as well.
            rc, err = progress.follow(command + arguments, self.lock.handle.fileno())
            out = progress.output()
        if rc not in FINE:
            told = " / ".join(err.strip().splitlines()[:6])
            kind = NamesGarbled if "unrequested file-list name" in err else ReleaseError
            raise kind(
                f"{_reason(rc, err)} The current release is untouched; the next run takes the copy up. "
                f"rsync ended with {rc}: {told}"
            )
        return out


def statistic(output: str, name: str) -> int:
    match = re.search(rf"^{re.escape(name)}: ([\d,.]+)", output, re.MULTILINE)
    return int(re.sub(r"\D", "", match.group(1))) if match else 0


def _reason(rc: int, err: str) -> str:
    """What the operator can do about it, in a sentence."""
    for text, reason in (
        # rsync takes what that shell prints for the start of its own protocol, and never shows it.
        (
            "is your shell clean",
            "The user at the source has no login shell that runs commands, or its shell prints text.",
        ),
        ("rrsync: not found", "rrsync is missing at the source: install the package rsync there, or set its path."),
        ("rrsync: No such file", "rrsync is missing at the source: install the package rsync there, or set its path."),
        ("rsync: not found", "rsync is missing at the source: install the package rsync there."),
        ("rsync: command not found", "rsync is missing at the source: install the package rsync there."),
        ("name on receiver", "The user or group that owner and group name is not on this host: create it."),
        ("No space left on device", "The disk is full."),
        ("Host key verification failed", "The source shows another ssh host key than the recorded one."),
        ("Permission denied (publickey", "The source refuses the ssh key of this host."),
        ("Connection refused", "No ssh server answers at the source."),
        ("timed out", "The source does not answer."),
        ("Could not resolve hostname", "The name of the source does not resolve on this host."),
        ("Permission denied (13)", "The user at the source may not read a file of the release: let it, or exclude it."),
        ("No such file or directory", "A path of the release is not there at the source."),
    ):
        if text in err:
            return reason
    if rc == 30:
        return "The source was silent for longer than io_timeout_seconds."
    if rc in (12, 255):
        return "The ssh connection to the source failed."
    return "The copy failed."
