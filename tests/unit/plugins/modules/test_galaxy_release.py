"""Releases on a worker, copied with the real rsync; the remote ones through the real rrsync where it is installed."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import (
    _progress,
    _release,
    _release_copy,
    _release_error,
    _release_rsync,
    _releases,
)
from ansible_collections.usegalaxy_eu.celery.plugins.modules import galaxy_release

SERVER = "/srv/galaxy/server"
EXCLUDE = [".git", f"{SERVER}/database/*"]
RRSYNC = shutil.which("rrsync")


class Ended(Exception):
    """fail_json, exit_json."""


class Module:
    """As much of AnsibleModule as the module uses, with processes that really run."""

    def __init__(self, params, check_mode=False):
        self.params = params
        self.check_mode = check_mode
        self.logged = []

    def get_bin_path(self, name):
        return shutil.which(name)

    def log(self, text):
        self.logged.append(text)


class Site:
    """A Galaxy host and a worker, both in a temporary directory."""

    def __init__(self, base):
        self.source = base / "galaxy-host"
        self.dir = base / "releases"
        self.server = self.source / SERVER.lstrip("/")
        for name, text in {
            "lib/galaxy/app.py": "app\n" * 100,
            "lib/galaxy/model.py": "model\n",
            "lib/galaxy/__pycache__/app.cpython-311.pyc": "compiled",
            "config/galaxy.yml": "password: marked\n",
            ".venv/pyvenv.cfg": "home = /usr/bin\nversion = 3.11.2\n",
            "database/files/1.dat": "data",
            ".git/HEAD": "ref",
        }.items():
            path = self.server / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.server / "config/galaxy.yml").chmod(0o640)
        (self.server / ".venv/bin").mkdir()
        (self.server / ".venv/bin/python").symlink_to("/usr/bin/python3.11")

    def info(self):
        return _release.release_info(_release.Tree(SERVER, exclude=EXCLUDE), str(self.source))

    def listed(self):
        """What the module at the source returns; the listing stands below the directory that a remote source shows."""
        info, listing = _release.describe(_release.Tree(SERVER, exclude=EXCLUDE), str(self.source))
        listing.write(str(self.source / "listing"))
        return {**info, "listing": "/listing"}

    def params(self, **changes):
        params = {
            "state": "present", "fingerprint": None, "info": {}, "source": str(self.source), "rsh": "ssh",
            "listing": None, "releases_dir": str(self.dir), "owner": None,
            "group": None, "keep": 3, "recheck": False, "protect": [],
            "lock_timeout_seconds": 0, "io_timeout_seconds": 30, "server_dir": SERVER, "venv_dir": None,
            "config_dir": None, "paths": [], "exclude": EXCLUDE, "activate": True,
        }  # fmt: skip
        params.update(changes)
        return params

    def sync(self, check_mode=False, **changes):
        if "fingerprint" not in changes and changes.get("state") != "current":
            info = self.listed()
            listing = info["listing"] if ":" in changes.get("source", "") else str(self.source) + info["listing"]
            changes = {"fingerprint": info["fingerprint"], "info": info, "listing": listing, **changes}
        return galaxy_release.run(Module(self.params(**changes), check_mode))

    def change(self, text):
        (self.server / "lib/galaxy/model.py").write_text(text)

    def current(self):
        return str((self.dir / "current").readlink())

    def file(self, release, name):
        return self.dir / release / SERVER.lstrip("/") / name

    def state(self):
        """Everything on the worker: names, links, inodes, modes."""
        return {
            str(path.relative_to(self.dir)): (path.lstat().st_ino, path.lstat().st_mode, path.lstat().st_size)
            for path in self.dir.rglob("*")
            if path.name != ".lock"
        }


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.fixture
def remote(tmp_path):
    """An ssh that runs the forced command of the role on this machine."""
    if RRSYNC is None:
        pytest.skip("rrsync is not installed (package rsync)")
    script = tmp_path / "ssh"
    script.write_text(
        '#!/bin/sh\nwhile [ "$1" != rsync ]; do shift; done\n'
        f'export SSH_ORIGINAL_COMMAND="$*" SSH_CONNECTION="127.0.0.1 1 127.0.0.1 22"\n'
        f'exec {RRSYNC} -ro "{tmp_path}/galaxy-host"\n'
    )
    script.chmod(0o755)
    return str(script)


def test_the_first_copy(site):
    result = site.sync()
    assert result["changed"] and result["synced"] and result["switched"]
    assert result["previous"] == ""
    assert site.current() == result["release"] == site.info()["fingerprint"]
    assert result["stats"]["files"] == 5
    assert result["stats"]["bytes"] > 0
    assert result["kept"] == [result["release"]]
    assert site.file("current", "lib/galaxy/__pycache__/app.cpython-311.pyc").exists(), "bytecode is copied"
    assert not site.file("current", ".git").exists()
    assert list(site.file("current", "database").iterdir()) == [], "an empty mount point"
    manifest = json.loads((site.dir / "current/release.json").read_text())
    assert manifest["fingerprint"] == result["release"]
    assert manifest["parts"] == site.info()["parts"]


def test_nobody_else_passes_the_directory_of_releases(site):
    # At the source a directory above protects files that are open by their own mode.
    site.source.chmod(0o700)
    (site.server / "config/galaxy.yml").chmod(0o644)
    site.sync()
    assert stat.S_IMODE(site.dir.stat().st_mode) == 0o750
    site.dir.chmod(0o755)
    assert site.sync(check_mode=True)["changed"]
    assert site.sync()["changed"]
    assert stat.S_IMODE(site.dir.stat().st_mode) == 0o750
    assert not site.sync()["changed"]


def test_a_release_that_is_tried_first(site):
    old = site.sync()["release"]
    site.change("changed\n")
    result = site.sync(activate=False, keep=1)
    assert (result["changed"], result["synced"], result["switched"], result["pruned"]) == (True, True, False, [])
    assert result["diff"]["after"] == f"current: {old}\n"
    assert site.current() == old
    assert site.file(result["release"], "lib/galaxy/model.py").read_text() == "changed\n"
    assert not site.sync(activate=False, keep=1)["changed"]
    done = site.sync(state="current", fingerprint=result["release"], keep=1)
    assert (done["switched"], done["pruned"], site.current()) == (True, [old], result["release"])


def test_the_progress_of_a_long_copy_is_logged(site, monkeypatch, tmp_path):
    monkeypatch.setattr(_progress, "PROGRESS_SECONDS", 0.05)
    module = Module(site.params())
    seen = tmp_path / "seen"
    # Ends only once the progress was logged.
    command = f"printf '\\r  1,024  33%%  1.00MB/s  0:00:01'; while [ ! -e {seen} ]; do sleep 0.01; done; echo last"
    log = module.log
    module.log = lambda text: (log(text), "33%" in text and seen.touch())
    site.dir.mkdir()
    with (
        _releases.Lock(str(site.dir / ".lock"), 0) as lock,
        _progress.Progress(module, str(site.dir / ".progress"), "0" * 16) as progress,
    ):
        assert progress.follow(["sh", "-c", command], lock.handle.fileno()) == (0, "")
        assert progress.output().endswith("last\n")
    assert module.logged[-1] == f"copying release {'0' * 16}: 1,024  33%  1.00MB/s  0:00:01"
    assert not (site.dir / ".progress").exists()


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("", "comparing files"),
        ("\r 32,768 1% 0.00kB/s 0:00:00\r 65,536 2% 9.1MB/s 0:00:09 (xfr#1, ir-chk=9/99)", "65,536 2%"),
        (" 65,536 100% 9.1MB/s\nNumber of files: 3\n", "65,536 100%"),
    ],
)
def test_the_last_progress(output, expected):
    assert _progress.last_progress(output).startswith(expected)


def test_no_change_starts_no_process(site, monkeypatch):
    first = site.sync()
    monkeypatch.setattr(subprocess, "Popen", lambda *unused, **named: pytest.fail("a process was started"))
    before = site.state()
    module = Module(site.params(fingerprint=first["release"]))
    result = galaxy_release.run(module)
    assert not result["changed"]
    assert site.state() == before


def test_unchanged_files_are_shared(site):
    old = site.sync()["release"]
    site.change("changed\n")
    result = site.sync()
    new = result["release"]
    assert (result["previous"], result["stats"]["files"]) == (old, 1)
    for name in ("lib/galaxy/app.py", "config/galaxy.yml", ".venv/pyvenv.cfg"):
        assert site.file(old, name).stat().st_ino == site.file(new, name).stat().st_ino
    assert site.file(old, "lib/galaxy/model.py").read_text() == "model\n"
    assert site.file(new, "lib/galaxy/model.py").read_text() == "changed\n"
    assert str((site.dir / "previous").readlink()) == old


def test_a_change_of_the_same_size_within_the_same_second_is_seen(site):
    path = site.server / "lib/galaxy/model.py"
    os.utime(path, ns=(0, 1_700_000_000_000_000_000))
    site.sync()
    path.write_text("MODEL\n")
    os.utime(path, ns=(0, 1_700_000_000_000_000_001))
    assert site.file(site.sync()["release"], "lib/galaxy/model.py").read_text() == "MODEL\n"


def test_a_deleted_file_is_gone(site):
    site.sync()
    (site.server / "lib/galaxy/app.py").unlink()
    assert not site.file(site.sync()["release"], "lib/galaxy/app.py").exists()


@pytest.mark.parametrize("where", ["here", "there"])
def test_modes_of_secret_files_survive(site, where, remote):
    changes = {"source": "galaxy@galaxy-host:", "rsh": remote} if where == "there" else {}
    (site.server / "config/vault.key").write_text("k")
    (site.server / "config/vault.key").chmod(0o600)
    site.sync(**changes)
    assert stat.S_IMODE(site.file("current", "config/galaxy.yml").stat().st_mode) == 0o640
    assert stat.S_IMODE(site.file("current", "config/vault.key").stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owners_are_galaxy_or_root(site):
    os.chown(site.server / "config/galaxy.yml", 2, 2)
    os.chown(site.server / "run.py" if (site.server / "run.py").exists() else site.server / "lib", 54321, 54321)
    site.sync(owner="bin", group="daemon")
    info = site.file("current", "config/galaxy.yml").stat()
    assert (info.st_uid, info.st_gid) == (2, 1)
    assert stat.S_IMODE(info.st_mode) == 0o640
    info = site.file("current", "lib").stat()
    assert (info.st_uid, info.st_gid) == (0, 1), "an unknown number must not become somebody's file"


def test_a_remote_source_behind_rrsync(site, remote):
    first = site.sync(source="galaxy@galaxy-host:", rsh=remote)
    assert first["stats"]["files"] == 5
    site.change("changed\n")
    second = site.sync(source="galaxy@galaxy-host:", rsh=remote)
    assert second["stats"]["files"] == 1
    assert _release.release_info(_release.Tree(SERVER, exclude=EXCLUDE), str(site.dir / "current")) == site.info()


def test_a_connection_whose_socket_goes_while_the_folder_is_emptied(site, monkeypatch):
    """ssh is told to end, and does so a moment later."""
    listdir = os.listdir

    def with_a_name_that_is_gone(path="."):
        return listdir(path) + (["ssh"] if Path(path).name.startswith("galaxy-release-") else [])

    monkeypatch.setattr(os, "listdir", with_a_name_that_is_gone)
    assert site.sync()["changed"]


def interrupt(monkeypatch):
    """The power goes when rsync has ended but before the copy was checked."""

    def power_cut(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(_release_copy, "describe", power_cut)


def test_an_interrupted_copy_leaves_the_current_release_and_is_taken_up(site, monkeypatch):
    old = site.sync()["release"]
    site.change("a much longer change\n")
    with monkeypatch.context() as cut:
        interrupt(cut)
        with pytest.raises(KeyboardInterrupt):
            site.sync()
    assert site.current() == old
    incoming = site.dir / f".incoming-{site.info()['fingerprint']}"
    assert incoming.is_dir()
    result = site.sync()
    assert result["stats"]["files"] == 0, "what was copied before the interruption is used"
    assert site.file(result["release"], "lib/galaxy/model.py").read_text() == "a much longer change\n"
    assert not incoming.exists()


def test_taking_up_a_copy_does_not_touch_the_release_it_shares_files_with(site, monkeypatch):
    old = site.sync()["release"]
    before = stat.S_IMODE(site.file(old, "lib/galaxy/app.py").stat().st_mode)
    site.change("changed\n")
    with monkeypatch.context() as cut:
        interrupt(cut)
        with pytest.raises(KeyboardInterrupt):
            site.sync()
    # The source goes on, to another mode of a file that the interrupted copy shares with the current release.
    (site.server / "lib/galaxy/app.py").chmod(0o600)
    new = site.sync()["release"]
    assert stat.S_IMODE(site.file(old, "lib/galaxy/app.py").stat().st_mode) == before
    assert stat.S_IMODE(site.file(new, "lib/galaxy/app.py").stat().st_mode) == 0o600
    assert [path.name for path in site.dir.iterdir() if path.name.startswith(".incoming")] == []


def test_what_an_interruption_left_is_removed(site):
    site.sync()
    (site.dir / ".incoming-0123456789abcdef/x").mkdir(parents=True)
    (site.dir / ".removed-0123456789abcdef/x").mkdir(parents=True)
    assert site.sync(check_mode=True)["changed"]
    assert site.sync()["changed"]
    assert not site.sync()["changed"]
    assert not list(site.dir.glob(".incoming-*")) and not list(site.dir.glob(".removed-*"))


def test_a_source_that_changes_is_refused(site, monkeypatch):
    old = site.sync()["release"]
    site.change("changed\n")
    follow = _progress.Progress.follow

    def update(self, command, lock):
        """Somebody updates Galaxy while it is copied."""
        site.change("half of an update\n")
        return follow(self, command, lock)

    with monkeypatch.context() as updating:
        updating.setattr(_progress.Progress, "follow", update)
        with pytest.raises(
            _release_error.ReleaseError, match=r"changed while it was copied .*different: code.*Run again"
        ):
            site.sync()
    assert site.current() == old
    assert site.sync()["changed"]


def test_a_second_run_waits_and_then_says_who_is_at_it(site):
    site.sync()
    site.change("changed\n")
    before = site.state()
    with (site.dir / ".lock").open("r+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(
            _release_error.ReleaseError, match=r"held by another run \(process \d+ since .*nothing was changed"
        ):
            site.sync()
    assert site.state() == before
    assert site.sync()["changed"]


def test_rsync_holds_the_lock_on_when_the_module_is_killed(site, tmp_path):
    site.dir.mkdir()
    program = tmp_path / "rsync"
    program.write_text(
        f"#!{sys.executable}\nimport os\n"
        "names = [f'/proc/self/fd/{name}' for name in os.listdir('/proc/self/fd')]\n"
        "inodes = [os.stat(name).st_ino for name in names if os.path.exists(name)]\n"
        f"open('{tmp_path}/open', 'w').write(' '.join(map(str, inodes)))\n"
    )
    program.chmod(0o755)
    module = Module(site.params(fingerprint="0" * 16))
    module.get_bin_path = lambda name: str(program)
    with (
        _releases.Lock(str(site.dir / ".lock"), 0) as lock,
        _release_rsync.Rsync(module, str(site.dir / ".progress"), lock) as rsync,
    ):
        rsync.file("/listing", str(tmp_path / "listing"))
    assert str((site.dir / ".lock").stat().st_ino) in (tmp_path / "open").read_text().split()


def releases(site, count, **changes):
    """So many releases, one after the other; a file of its own changes with each."""
    names = []
    for number in range(count):
        site.change(f"change {number}\n")
        names.append(site.sync(**changes)["release"])
    return names


def test_a_copy_starts_from_the_tree_of_a_removed_release(site):
    releases(site, 3, keep=2)
    spare = site.dir / ".spare" / SERVER.lstrip("/")
    inode = (spare / "lib").stat().st_ino
    (site.server / "lib/galaxy/new.py").write_text("new")
    (site.server / "lib/galaxy/app.py").unlink()
    site.change("last\n")
    result = site.sync(keep=2)
    assert result["stats"]["files"] == 2
    assert site.file("current", "lib").stat().st_ino == inode
    assert not site.file("current", "lib/galaxy/app.py").exists()
    assert site.file("current", "lib/galaxy/model.py").read_text() == "last\n"
    assert site.file("previous", "lib/galaxy/model.py").read_text() == "change 2\n"
    assert [path.name for path in site.dir.glob(".*")] == [".lock", ".spare"], "the one that was removed now"
    assert not site.sync(keep=2)["changed"]


@pytest.mark.parametrize("what", ["content", "mode", "gone", "more", "listing"])
def test_a_spare_tree_that_somebody_changed_is_put_right(site, what):
    names = releases(site, 3, keep=2)
    spare = site.dir / ".spare" / SERVER.lstrip("/")
    shared = spare / "lib/galaxy/app.py"
    if what == "content":
        shared.unlink()
        shared.write_text("foreign")
    elif what == "mode":
        shared.unlink()
        shutil.copy2(site.server / "lib/galaxy/app.py", shared)
        shared.chmod(0o600)
    elif what == "gone":
        shutil.rmtree(spare / "lib")
    elif what == "more":
        (spare / "lib/galaxy/foreign.py").write_text("foreign")
    else:
        (site.dir / ".spare/release.list.gz").write_bytes(b"foreign")
    site.change("last\n")
    before = {name: site.file(name, "lib/galaxy/app.py").stat() for name in names[1:]}
    name = site.sync(keep=2)["release"]
    assert _release.release_info(_release.Tree(SERVER, exclude=EXCLUDE), str(site.dir / name)) == site.info()
    assert before[names[2]].st_mode == site.file(names[2], "lib/galaxy/app.py").stat().st_mode


def test_another_mode_is_not_given_to_older_releases(site):
    names = releases(site, 3, keep=2)
    (site.server / "lib/galaxy/app.py").chmod(0o600)
    new = site.sync(keep=2)["release"]
    assert stat.S_IMODE(site.file(new, "lib/galaxy/app.py").stat().st_mode) == 0o600
    assert stat.S_IMODE(site.file(names[2], "lib/galaxy/app.py").stat().st_mode) == 0o644


def test_a_file_where_a_directory_was_and_the_other_way_round(site):
    (site.server / "lib/one").mkdir()
    (site.server / "lib/one/x").write_text("x")
    (site.server / "lib/two").write_text("two")
    for _round in range(4):
        releases(site, 1, keep=1)
    shutil.rmtree(site.server / "lib/one")
    (site.server / "lib/one").symlink_to("two/y")
    (site.server / "lib/two").unlink()
    (site.server / "lib/two").mkdir()
    (site.server / "lib/two/y").write_text("y")
    site.sync(keep=1)
    assert str(site.file("current", "lib/one").readlink()) == "two/y"
    assert site.file("current", "lib/one").read_text() == "y"


def test_a_canonical_path_that_is_a_link_at_the_source(site, remote):
    shutil.move(str(site.server), str(site.source / "real"))
    site.server.symlink_to("../../real")
    (site.source / "real").chmod(0o710)
    site.sync(source="galaxy@galaxy-host:", rsh=remote)
    path = site.file("current", "")
    assert path.is_dir() and not path.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o710


def test_a_list_of_names_that_rsync_garbles(site, tmp_path, monkeypatch):
    site.sync()
    site.change("changed\n")
    program = tmp_path / "rsync"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *--recursive* | *list.gz) exec rsync "$@" ;; esac\n'
        "echo 'ERROR: rejecting unrequested file-list name: srv/galaxy/server/lib/gal' >&2\nexit 4\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(Module, "get_bin_path", lambda self, name: str(program))
    result = site.sync()
    assert result["stats"]["files"] == 1
    assert site.file("current", "lib/galaxy/model.py").read_text() == "changed\n"


def test_files_of_another_owner_are_not_linked(site):
    old = site.sync()["release"]
    manifest = site.dir / old / "release.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "owner": "somebody"}))
    site.change("changed\n")
    assert site.sync()["stats"]["files"] == 5


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "not there at the source"),
        (b"x", "can not be read"),
        (b"\x1f\x8b", "can not be read"),
        (gzip.compress(b"no line of it", mtime=0), "no listing of a release"),
        (gzip.compress(b"srv/../../etc/passwd\tf 644 1 1", mtime=0), "no listing of a release"),
        (gzip.compress(b"/etc/passwd\tf 644 1 1", mtime=0), "no listing of a release"),
    ],
)
def test_a_listing_that_is_not_there_or_damaged(site, content, word):
    old = site.sync()["release"]
    site.change("changed\n")
    listing = site.source / "other"
    if content:
        listing.write_bytes(content)
    with pytest.raises(_release_error.ReleaseError, match=word):
        site.sync(listing=str(listing))
    assert site.current() == old


def test_the_newest_releases_are_kept(site):
    names = []
    for number in range(5):
        site.change(f"change {number}\n")
        result = site.sync(keep=3)
        names.append(result["release"])
    assert result["pruned"] == [names[1]]
    assert result["kept"] == [names[4], names[3], names[2]]
    assert sorted(path.name for path in site.dir.iterdir() if _release.FINGERPRINT_RE.match(path.name)) == sorted(
        names[2:]
    )


def test_protected_and_mounted_releases_stay(site, monkeypatch):
    names = []
    for number in range(4):
        site.change(f"change {number}\n")
        names.append(site.sync(keep=9)["release"])
    monkeypatch.setattr(galaxy_release, "mounted_releases", lambda found: {names[1]} & set(found))
    result = site.sync(keep=1, protect=[names[0]])
    assert result["pruned"] == [names[2]]
    assert sorted(result["kept"]) == sorted([names[0], names[1], names[3]])
    assert site.current() == names[3]


def test_a_mount_of_a_unit_is_recognised(tmp_path):
    for number, (namespace, root) in enumerate(
        [("mnt:[1]", "/"), ("mnt:[2]", "/srv/galaxy-releases/00000000000000aa/srv/galaxy/server")], start=10
    ):
        process = tmp_path / str(number)
        (process / "ns").mkdir(parents=True)
        (process / "ns/mnt").symlink_to(namespace)
        (process / "mountinfo").write_text(f"36 35 98:0 {root} /srv/galaxy/server ro master:1 - ext4 /dev/a rw\n")
    (tmp_path / "99").mkdir()
    names = ["00000000000000aa", "00000000000000bb"]
    assert _releases.mounted_releases(names, str(tmp_path)) == {"00000000000000aa"}


def test_rollback_and_back(site):
    old = site.sync()["release"]
    site.change("changed\n")
    new = site.sync()["release"]
    result = site.sync(state="current", fingerprint=None)
    assert (result["release"], result["previous"], result["synced"]) == (old, new, False)
    assert site.current() == old
    assert not site.sync(state="current", fingerprint=old)["changed"]
    assert site.sync(state="current", fingerprint=new)["changed"]
    result = site.sync()
    assert not result["changed"]


def test_a_rollback_to_nowhere(site):
    with pytest.raises(_release_error.ReleaseError, match="no release has been synced"):
        site.sync(state="current", fingerprint=None)
    name = site.sync()["release"]
    with pytest.raises(_release_error.ReleaseError, match="no previous release"):
        site.sync(state="current", fingerprint=None)
    with pytest.raises(_release_error.ReleaseError, match=f"no release '{'0' * 16}'.*there are: {name}"):
        site.sync(state="current", fingerprint="0" * 16)


def test_a_damaged_release_is_found_and_replaced(site):
    name = site.sync()["release"]
    site.file(name, "lib/galaxy/app.py").write_text("damaged")
    assert not site.sync()["changed"]
    assert site.sync(recheck=True, check_mode=True)["synced"]
    assert site.sync(recheck=True)["synced"]
    assert site.file(name, "lib/galaxy/app.py").read_text() == "app\n" * 100
    assert not site.sync(recheck=True)["changed"]
    assert not list(site.dir.glob(".removed-*"))


@pytest.mark.parametrize("again", ["the next release", "the same one"])
def test_a_file_that_somebody_changed_in_a_release_is_not_shared_on(site, again):
    first = site.sync()["release"]
    if again == "the same one":
        site.change("newer")
        first = site.sync()["release"]
    # In place, so that all releases that share it have it.
    site.file(first, "lib/galaxy/app.py").write_text("damaged")
    if again == "the next release":
        site.change("newer")
    found = site.sync(recheck=True)
    assert found["synced"]
    assert site.file(found["release"], "lib/galaxy/app.py").read_text() == "app\n" * 100
    assert not site.sync(recheck=True)["changed"]


def test_a_release_without_its_description_is_copied_again(site):
    name = site.sync()["release"]
    (site.dir / name / "release.json").unlink()
    assert site.sync()["synced"]
    assert site.current() == name


def test_a_full_disk_stops_before_the_copy(site, monkeypatch):
    monkeypatch.setattr(_release_copy, "free_space", lambda path: (1000, 1000))
    with pytest.raises(_release_error.ReleaseError, match=r"Not enough space below .* lower keep"):
        site.sync()
    assert not (site.dir / "current").exists()


def test_no_inodes_stop_before_the_copy(site, monkeypatch):
    monkeypatch.setattr(_release_copy, "free_space", lambda path: (10**12, 2))
    with pytest.raises(_release_error.ReleaseError, match=r"5 inodes, there are .* and 2 free"):
        site.sync()


def test_a_release_that_is_mostly_linked_fits_a_small_disk(site, monkeypatch):
    site.sync()
    site.change("changed\n")
    monkeypatch.setattr(_release_copy, "free_space", lambda path: (6000, 3))
    assert site.sync()["changed"]


def test_check_mode_says_it_and_does_nothing(site):
    planned = site.sync(check_mode=True)
    assert planned["changed"] and planned["synced"] and planned["switched"]
    assert not site.dir.exists()
    old = site.sync()["release"]
    assert not site.sync(check_mode=True)["changed"]
    site.change("changed\n")
    before = site.state()
    planned = site.sync(check_mode=True, keep=1)
    assert planned["pruned"] == [old]
    assert planned["diff"] == {"before": f"current: {old}\n", "after": f"current: {planned['release']}\n"}
    assert site.state() == before
    done = site.sync(keep=1)
    for key in ("changed", "release", "previous", "synced", "switched", "pruned", "kept"):
        assert done[key] == planned[key]
    assert not (site.dir / "previous").is_symlink(), "no link to a release that is gone"


def test_rsync_missing_here(site, monkeypatch):
    monkeypatch.setattr(Module, "get_bin_path", lambda self, name: None)
    with pytest.raises(_release_error.ReleaseError, match="install the package rsync"):
        site.sync()


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("echo 'sh: 1: rsync: not found' >&2; exit 127", "rsync is missing at the source: install the package rsync"),
        ("echo 'sh: 1: /usr/bin/rrsync: not found' >&2; exit 127", "rrsync is missing at the source"),
        # It reads rsync's first four bytes: without that, rsync may find the pipe closed before it reads the text.
        ("head -c 4 >/dev/null; echo 'This account is currently not available.'; exit 1", "no login shell"),
        ("echo 'Host key verification failed.' >&2; exit 255", "another ssh host key"),
        ("echo 'galaxy@host: Permission denied (publickey).' >&2; exit 255", "refuses the ssh key"),
        ("echo 'ssh: connect to host h port 22: Connection refused' >&2; exit 255", "No ssh server answers"),
        ("exit 255", "ssh connection to the source failed"),
    ],
)
def test_a_source_that_fails_says_what_to_do(site, tmp_path, script, word):
    old = site.sync()["release"]
    site.change("changed\n")
    shell = tmp_path / "ssh"
    shell.write_text(f"#!/bin/sh\n{script}\n")
    shell.chmod(0o755)
    with pytest.raises(_release_error.ReleaseError, match=word):
        site.sync(source="galaxy@galaxy-host:", rsh=str(shell))
    assert site.current() == old


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"keep": 0}, "keep: 0"),
        ({"lock_timeout_seconds": -1}, "lock_timeout_seconds: -1"),
        ({"fingerprint": "../../etc"}, "is not a fingerprint"),
        ({"fingerprint": "ABCDEF0123456789"}, "is not a fingerprint"),
        ({"releases_dir": "releases"}, "not an absolute path"),
        ({"releases_dir": f"{SERVER}/releases"}, "stands inside of"),
        ({"source": "galaxy-host"}, "neither user@host: nor"),
        ({"source": "/nowhere"}, "is not a directory on this host"),
        ({"owner": "a b"}, "owner: 'a b' is not a name"),
        ({"owner": "*"}, "is not a name"),
        ({"group": "a,b"}, "group: 'a,b'"),
        ({"exclude": ["lib/"], "server_dir": "/srv/lib"}, "belongs to the release"),
    ],
)
def test_mistakes_are_named_before_anything_changes(site, changes, word):
    site.sync()
    before = site.state()
    site.change("changed\n")
    with pytest.raises(_release_error.ReleaseError, match=word):
        site.sync(**changes)
    assert site.state() == before


def test_a_directory_named_current_is_not_overwritten(site):
    (site.dir / "current").mkdir(parents=True)
    with pytest.raises(_release_error.ReleaseError, match="not a symbolic link"):
        site.sync()
