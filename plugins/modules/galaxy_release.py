#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: galaxy_release
short_description: Copy a release of Galaxy to this host and switch to it atomically
version_added: 0.1.0
description:
  - Keeps releases of Galaxy (code, virtual environment, configuration) side by side, each a directory named by its
    fingerprint. What did not change between two of them is hard-linked. The link C(current) names the one in use.
  - A release is copied beside the others, its fingerprint is computed again and compared with the wanted one, and only
    then the link is switched. An interrupted or failed copy leaves C(current) as it was; the next run takes it up.
  - Never restarts anything.
author:
  - usegalaxy.eu (@usegalaxy-eu)
extends_documentation_fragment:
  - usegalaxy_eu.celery.release
options:
  state:
    description:
      - With V(present) the release is copied when it is not there, and C(current) is switched to it.
      - With V(current) C(current) is only switched, to a release that is there (rollback).
    type: str
    choices: [present, current]
    default: present
  fingerprint:
    description:
      - The wanted release, as RV(usegalaxy_eu.celery.galaxy_release_info#module:fingerprint) of the source.
      - Required with O(state=present). With O(state=current) the default is the release that was current before.
    type: str
  info:
    description:
      - The result of M(usegalaxy_eu.celery.galaxy_release_info) at the source. RV(ignore:files) and
        RV(ignore:size_bytes) are used for the check of disk space; the whole is stored in C(release.json).
    type: dict
    default: {}
  source:
    description:
      - Where the canonical paths are copied from. Either C(user@host:), or a local directory below which they stand;
        C(/) is this host itself. Required with O(state=present).
    type: str
  rsh:
    description: The ssh command for a remote source, with its options, as in rsync's C(--rsh).
    type: str
    default: ssh
  activate:
    description:
      - With V(false) a release that is not the current one is only copied, neither switched to nor counted against
        O(keep), so that it can be tried first.
    type: bool
    default: true
  releases_dir:
    description:
      - Directory of the releases, with mode 0750, so that no file of a release is open to more users than at the source,
        where a directory above may have protected it.
    type: path
    default: /srv/galaxy-releases
  owner:
    description:
      - Name of the user of Galaxy. Files of this user at the source belong to it here, all others to root, so that no
        file comes to belong to a stranger with the same number.
      - Without it, owners are not set.
    type: str
  group:
    description:
      - Name of the group that all files of a release, and O(releases_dir), belong to. Without it, groups are not set.
    type: str
  keep:
    description:
      - Number of releases to keep, the current one included. The one that was current before is the last to go.
      - The current release, those in O(protect), and those that a process has mounted are always kept.
    type: int
    default: 3
  recheck:
    description:
      - Compute the fingerprint of the release that is there, and copy it again when somebody has changed it.
      - Without it a release that is there costs one comparison.
    type: bool
    default: false
  protect:
    description: Fingerprints of releases that are not to be removed.
    type: list
    elements: str
    default: []
  lock_timeout_seconds:
    description: How long to wait for another run on the same directory.
    type: int
    default: 300
  io_timeout_seconds:
    description: How long the source may stay silent during a copy.
    type: int
    default: 120
attributes:
  check_mode:
    description: Says whether a release would be copied, switched or removed, without contacting the source.
    support: full
  diff_mode:
    description: Shows the change of C(current).
    support: full
requirements:
  - rsync 3.1.3 or newer on both hosts
notes:
  - While a copy runs, its progress stands in C(.progress) in O(releases_dir), and every 10 s in this host's system log.
seealso:
  - module: usegalaxy_eu.celery.galaxy_release_info
"""

EXAMPLES = r"""
- name: Fingerprint of the Galaxy on its own host
  usegalaxy_eu.celery.galaxy_release_info:
  delegate_to: galaxy
  run_once: true
  register: source

- name: The same release here
  usegalaxy_eu.celery.galaxy_release:
    fingerprint: "{{ source.fingerprint }}"
    info: "{{ source }}"
    source: "galaxy@galaxy.example.org:"
    rsh: ssh -i /etc/galaxy-sync/id_ed25519 -o BatchMode=yes
    owner: galaxy
    group: galaxy

- name: Back to the release that was current before
  usegalaxy_eu.celery.galaxy_release:
    state: current
"""

RETURN = r"""
release:
  description: Fingerprint of the release that is current now (in check mode, that would be).
  returned: success
  type: str
  sample: 5f2c8a90b7e41d36
previous:
  description: Fingerprint of the release that was current before this run; empty when there was none.
  returned: success
  type: str
path:
  description: Directory of the release.
  returned: success
  type: str
  sample: /srv/galaxy-releases/5f2c8a90b7e41d36
synced:
  description: Whether a copy was made.
  returned: success
  type: bool
switched:
  description: Whether C(current) was switched.
  returned: success
  type: bool
pruned:
  description: Releases that were removed.
  returned: success
  type: list
  elements: str
kept:
  description: Releases that are there after the run, the newest first.
  returned: success
  type: list
  elements: str
stats:
  description: What the copy moved. All zero when there was none.
  returned: success
  type: dict
  contains:
    files:
      description: Files transferred; the others were linked to an older release.
      type: int
    bytes:
      description: Their size in bytes.
      type: int
    seconds:
      description: Duration of copy and check, measured on this host.
      type: float
"""

import datetime
import fcntl
import grp
import json
import os
import re
import shutil
import stat
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._progress import Progress
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import (
    FINGERPRINT_RE,
    TREE_ARGUMENTS,
    ReleaseError,
    Tree,
    check_releases_dir,
    prefixed,
    release_info,
)

CURRENT = "current"
PREVIOUS = "previous"
LOCK = ".lock"
INCOMING = ".incoming-"
REMOVED = ".removed-"
PROGRESS = ".progress"
DIRECTORY_MODE = 0o750
MANIFEST = "release.json"
# A file takes at least one block; this makes the need an upper bound on common file systems.
BLOCK_BYTES = 4096
# rsync's own: 24 = files vanished at the source while it ran; the fingerprint decides whether they mattered.
RSYNC_FINE = (0, 24)


def group_number(name):
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ReleaseError(f"group: there is no group '{name}' on this host: create it") from None


def free_space(path):
    """Free bytes and free inodes for everybody; no inodes (None) where the file system has no such limit."""
    info = os.statvfs(path)
    return info.f_bavail * info.f_frsize, (info.f_favail if info.f_files else None)


class Releases:
    """The directory of releases on this host."""

    def __init__(self, path):
        self.path = path

    def place(self, name):
        return os.path.join(self.path, name)

    def open_to_others(self, group):
        """Whether mode or group of the directory are not the wanted ones."""
        if not os.path.isdir(self.path):
            return False
        found = os.stat(self.path)
        wanted = found.st_gid if group is None else group_number(group)
        return stat.S_IMODE(found.st_mode) != DIRECTORY_MODE or found.st_gid != wanted

    def close_to_others(self, group):
        """Let nobody but root and the group of Galaxy pass: a directory above may protect files at the source."""
        if group is not None:
            os.chown(self.path, -1, group_number(group))
        os.chmod(self.path, DIRECTORY_MODE)

    def manifest(self, name):
        try:
            with open(os.path.join(self.place(name), MANIFEST), encoding="utf-8") as handle:
                content = json.load(handle)
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) and content.get("fingerprint") == name else None

    def link(self, name):
        place = self.place(name)
        if not os.path.lexists(place):
            return ""
        if not os.path.islink(place):
            raise ReleaseError(f"{place} is not a symbolic link. It does not come from this module: move it away.")
        target = os.path.basename(os.readlink(place).rstrip("/"))
        return target if FINGERPRINT_RE.match(target) else ""

    def names(self):
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

    def leftovers(self):
        if not os.path.isdir(self.path):
            return []
        found = sorted(name for name in os.listdir(self.path) if name.startswith((INCOMING, REMOVED)))
        used = mounted_releases(found) if found else ()
        return [name for name in found if name not in used]

    def point(self, link, name):
        """Let the link name another release in one step."""
        temporary = self.place(f".{link}-{os.getpid()}")
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(name, temporary)
        os.replace(temporary, self.place(link))

    def set_aside(self, name):
        """Renamed first: a release that is half removed must not look like one."""
        gone = self.place(REMOVED + name)
        if os.path.lexists(gone):
            gone += f"-{time.time_ns()}"
        os.rename(self.place(name), gone)


def mounted_releases(names, proc="/proc"):
    """Releases that some process sees mounted: units bind a release into their own mount namespace."""
    used, seen = set(), set()
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

    def __init__(self, path, timeout_seconds):
        self.path = path
        self.timeout_seconds = timeout_seconds
        self.handle = None

    def __enter__(self):
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
        self.handle.write(f"process {os.getpid()} since {_now()}\n")
        self.handle.flush()
        return self

    def __exit__(self, *unused):
        self.handle.close()


def _now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def is_remote(source):
    """As rsync sees it: a colon before the first slash."""
    return ":" in source.split("/", 1)[0]


def source_arguments(source, paths):
    """rsync's source arguments: with --relative each path keeps its canonical name below the destination."""
    if not is_remote(source):
        return ["{}/.{}/".format(source.rstrip("/"), path) for path in paths]
    host = source.rstrip(":")
    return ["{}:{}/".format(host if number == 0 else "", path) for number, path in enumerate(paths)]


class Sync:
    """Copies one release into place, without touching the others."""

    def __init__(self, module, releases, tree, lock):
        self.module = module
        self.lock = lock
        self.params = module.params
        self.releases = releases
        self.tree = tree
        self.id = module.params["fingerprint"]
        self.incoming = releases.place(INCOMING + self.id)
        self.stats = {"files": 0, "bytes": 0, "seconds": 0.0}

    def run(self):
        started = time.monotonic()
        # Modes come from the source; only the directories above the canonical paths follow the umask.
        os.umask(0o022)
        self.rsync = self.module.get_bin_path("rsync")
        if self.rsync is None:
            raise ReleaseError("rsync is not installed on this host: install the package rsync")
        self._check_source()
        self._prepare()
        bases = self._bases()
        self._check_space(bases)
        output = self._execute(bases)
        self._verify()
        self.stats["files"] = _stat(output, "Number of regular files transferred")
        self.stats["bytes"] = _stat(output, "Total transferred file size")
        self.stats["seconds"] = round(time.monotonic() - started, 2)
        self._write_manifest()
        # After a power cut a release that has its final name must be whole on disk.
        os.sync()
        final = self.releases.place(self.id)
        if os.path.lexists(final):
            # A release that somebody has damaged; units that have it mounted keep what they see.
            self.releases.set_aside(self.id)
        os.rename(self.incoming, final)

    def _check_source(self):
        source = self.params["source"]
        if is_remote(source):
            return
        if not source.startswith("/"):
            raise ReleaseError(f"source: '{source}' is neither user@host: nor an absolute directory")
        for path in self.tree.paths:
            if not os.path.isdir(prefixed(source, path)):
                raise ReleaseError(f"source: {prefixed(source, path)} is not a directory on this host")

    def _prepare(self):
        """Take up what an interrupted run has left, whichever release it was for."""
        for name in self.releases.leftovers():
            place = self.releases.place(name)
            if name.startswith(REMOVED):
                shutil.rmtree(place)
            elif place != self.incoming:
                if os.path.lexists(self.incoming):
                    shutil.rmtree(place)
                else:
                    os.rename(place, self.incoming)
        if not os.path.isdir(self.incoming):
            os.mkdir(self.incoming, 0o755)
            return
        # rsync would change the mode of a file that is there in place, and with it that of the release which shares
        # the inode. Linking it again costs next to nothing.
        for directory, _directories, files in os.walk(self.incoming):
            for name in files:
                place = os.path.join(directory, name)
                if os.lstat(place).st_nlink > 1:
                    os.unlink(place)

    def _bases(self):
        """Releases to link unchanged files to: the current one, then the newest."""
        names = [name for name in self.releases.names() if name != self.id]
        current = self.releases.link(CURRENT)
        ordered = [current] if current in names else []
        ordered += [name for name in names if name != current]
        return [self.releases.place(name) for name in ordered[:3]]

    def _check_space(self, bases):
        free, inodes = free_space(self.releases.path)
        files = int(self.params["info"].get("files") or 0)
        needed = int(self.params["info"].get("size_bytes") or 0) + files * BLOCK_BYTES
        if needed <= free and (inodes is None or files <= inodes):
            return
        # Most of it may be linked or be there already: ask rsync, which costs a pass over both trees.
        answer = self._execute(bases, ["--dry-run"])
        files = _stat(answer, "Number of regular files transferred")
        needed = _stat(answer, "Total transferred file size") + files * BLOCK_BYTES
        if needed > free or (inodes is not None and files > inodes):
            available = "any number of" if inodes is None else inodes
            raise ReleaseError(
                f"Not enough space below {self.releases.path}: the release needs {needed // 1000000 + 1} MB "
                f"and {files} inodes, there are {free // 1000000} MB and {available} free. "
                f"Make room, or lower keep (now {self.params['keep']}); nothing was changed."
            )

    def _command(self, bases, extra):
        params = self.params
        command = [
            self.rsync,
            "--recursive",
            "--links",
            "--perms",
            "--times",
            "--relative",
            "--no-implied-dirs",
            "--delete",
            "--delete-excluded",
            "--stats",
            "--no-human-readable",
            # Compare whole nanoseconds, as the fingerprint does.
            "--modify-window=-1",
            # Of the whole copy, not of each file.
            "--info=progress2",
            f"--timeout={params['io_timeout_seconds']}",
        ]
        if params["owner"]:
            command += ["--owner", "--usermap={}:{},*:root".format(params["owner"], params["owner"])]
        if params["group"]:
            command += ["--group", "--groupmap=*:{}".format(params["group"])]
        command += [f"--link-dest={base}" for base in bases]
        # --exclude would read "+ " and "!" at the beginning of a pattern as an instruction; --filter does not.
        command += [f"--filter=- {pattern}" for pattern in self.tree.exclude.patterns]
        if is_remote(params["source"]):
            command.append("--rsh={}".format(params["rsh"]))
        return command + extra + source_arguments(params["source"], self.tree.paths) + [self.incoming + "/"]

    def _execute(self, bases, extra=()):
        with Progress(self.module, self.releases.place(PROGRESS), self.id) as progress:
            rc, err = progress.follow(
                self._command(bases, list(extra)),
                # When this process is killed, the lock is held on until rsync has ended as well.
                self.lock.handle.fileno(),
            )
            out = progress.output()
        if rc not in RSYNC_FINE:
            told = " / ".join(err.strip().splitlines()[:6])
            raise ReleaseError(
                f"{_reason(rc, err)} The current release is untouched; the next run takes the copy up. "
                f"rsync ended with {rc}: {told}"
            )
        return out

    def _verify(self):
        try:
            self.found = release_info(self.tree, self.incoming)
        except OSError as error:
            raise ReleaseError(f"The copy of the release can not be read: {error}") from error
        if self.found["fingerprint"] == self.id:
            return
        wanted = self.params["info"].get("parts") or {}
        differs = [name for name in sorted(wanted) if self.found["parts"].get(name) != wanted[name]]
        raise ReleaseError(
            "Galaxy at the source changed while it was copied (wanted {}, got {}{}), or the paths and patterns given "
            "here are not those of the fingerprint. The current release is untouched. Run again when the update of "
            "Galaxy has ended; files that Galaxy writes while it runs belong into exclude.".format(
                self.id, self.found["fingerprint"], ", different: " + ", ".join(differs) if differs else ""
            )
        )

    def _write_manifest(self):
        content = {
            key: value
            for key, value in self.params["info"].items()
            if key in ("galaxy_version", "packages", "parts", "platform", "python")
        }
        content.update({key: self.found[key] for key in ("files", "size_bytes", "paths")})
        content.update(
            fingerprint=self.id,
            created=_now(),
            source=self.params["source"],
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


def _stat(output, name):
    match = re.search(rf"^{re.escape(name)}: ([\d,.]+)", output, re.MULTILINE)
    return int(re.sub(r"\D", "", match.group(1))) if match else 0


def _reason(rc, err):
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


def prunable(releases, params, names, current, previous):
    """Which releases go, given those that are there, the newest first."""
    order = [name for name in (current, previous) if name in names]
    order += [name for name in names if name not in order]
    surplus = [name for name in order[params["keep"] :] if name not in params["protect"] and name != current]
    if not surplus:
        return []
    used = mounted_releases(surplus)
    return [name for name in surplus if name not in used]


def check_parameters(params):
    wanted = params["fingerprint"]
    if params["keep"] < 1:
        raise ReleaseError(f"keep: {params['keep']} is below 1: the current release always stays")
    for option in ("lock_timeout_seconds", "io_timeout_seconds"):
        if params[option] < 0:
            raise ReleaseError(f"{option}: {params[option]} is below 0")
    if wanted and not FINGERPRINT_RE.match(wanted):
        raise ReleaseError(f"fingerprint: '{wanted}' is not a fingerprint (16 hexadecimal digits)")
    if not os.path.isabs(params["releases_dir"]):
        raise ReleaseError("releases_dir: '{}' is not an absolute path".format(params["releases_dir"]))
    for option in ("owner", "group"):
        if params[option] and not re.match(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$", params[option]):
            raise ReleaseError(f"{option}: '{params[option]}' is not a name")


def damaged(params, releases, tree, name):
    if not params["recheck"]:
        return False
    try:
        return release_info(tree, releases.place(name))["fingerprint"] != name
    except (ReleaseError, OSError):
        return True


def ensure(module, releases, tree, lock=None):
    params = module.params
    names = releases.names()
    current = releases.link(CURRENT)
    previous = releases.link(PREVIOUS)
    wanted = params["fingerprint"]
    if params["state"] == "current":
        wanted = wanted or previous
        if not wanted:
            raise ReleaseError(f"There is no previous release below {releases.path} to go back to")
        if wanted not in names:
            raise ReleaseError(
                "fingerprint: there is no release '{}' below {}; there are: {}".format(
                    wanted, releases.path, ", ".join(names) or "none"
                )
            )
        synced = False
    else:
        synced = wanted not in names or damaged(params, releases, tree, wanted)
    held = wanted != current and not params["activate"]
    switched = wanted != current and not held
    kept = [wanted] + [name for name in names if name != wanted] if synced else names
    pruned = [] if held else prunable(releases, params, kept, wanted, current if switched else previous)
    # An interrupted copy of another release, or a removal that was cut off.
    leftovers = [] if synced else releases.leftovers()
    result = {
        "changed": bool(synced or switched or pruned or leftovers or releases.open_to_others(params["group"])),
        "release": wanted,
        "previous": current,
        "path": releases.place(wanted),
        "synced": synced,
        "switched": switched,
        "pruned": pruned,
        "kept": [name for name in kept if name not in pruned],
        "stats": {"files": 0, "bytes": 0, "seconds": 0.0},
        "diff": {
            "before": "current: {}\n".format(current or "none"),
            "after": "current: {}\n".format((current or "none") if held else wanted),
        },
    }
    if module.check_mode or not result["changed"]:
        return result
    releases.close_to_others(params["group"])
    if synced:
        sync = Sync(module, releases, tree, lock)
        sync.run()
        result["stats"] = sync.stats
    if switched:
        if current in names:
            releases.point(PREVIOUS, current)
        releases.point(CURRENT, wanted)
    for name in pruned:
        releases.set_aside(name)
    for name in releases.leftovers():
        shutil.rmtree(releases.place(name))
    if releases.link(PREVIOUS) in pruned:
        os.unlink(releases.place(PREVIOUS))
    return result


def run(module):
    params = module.params
    check_parameters(params)
    tree = Tree.from_params(params)
    releases = Releases(params["releases_dir"].rstrip("/"))
    check_releases_dir(tree, releases.path)
    if module.check_mode:
        return ensure(module, releases, tree)
    if params["state"] == "present":
        if not os.path.isdir(releases.path):
            os.makedirs(releases.path, DIRECTORY_MODE)
    elif not os.path.isdir(releases.path):
        raise ReleaseError(f"releases_dir: {releases.path} is not there: no release has been synced to this host yet")
    with Lock(releases.place(LOCK), params["lock_timeout_seconds"]) as lock:
        return ensure(module, releases, tree, lock)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            TREE_ARGUMENTS,
            state={"type": "str", "choices": ["present", "current"], "default": "present"},
            fingerprint={"type": "str"},
            info={"type": "dict", "default": {}},
            source={"type": "str"},
            rsh={"type": "str", "default": "ssh"},
            releases_dir={"type": "path", "default": "/srv/galaxy-releases"},
            owner={"type": "str"},
            group={"type": "str"},
            keep={"type": "int", "default": 3},
            recheck={"type": "bool", "default": False},
            protect={"type": "list", "elements": "str", "default": []},
            activate={"type": "bool", "default": True},
            lock_timeout_seconds={"type": "int", "default": 300},
            io_timeout_seconds={"type": "int", "default": 120},
        ),
        required_if=[("state", "present", ("fingerprint", "source"))],
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except ReleaseError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"This host refused an operation: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
