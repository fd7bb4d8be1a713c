# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be written is found without writing; the scenario disks has the real file systems."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.modules import check_paths as module

ROOM = {"f_flag": 0, "f_bavail": 100 * module.MIB, "f_frsize": 1, "f_files": 9, "f_favail": 1}


@pytest.fixture
def disk(monkeypatch):
    """Set what the file system says of itself."""

    def say(**values):
        monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(**{**ROOM, **values}))

    say()
    return say


def said(path, directory=True):
    return module.problem("x_dir", str(path), directory, 64)


@pytest.mark.parametrize("below", ["", "a", "a/b/c"])
def test_what_can_be_made_is_right(disk, tmp_path, below):
    assert said(tmp_path / below) is None


def test_a_file_and_one_that_is_not_there_yet_are_right(disk, tmp_path):
    (tmp_path / "a").touch()
    assert said(tmp_path / "a", directory=False) is None
    assert said(tmp_path / "b", directory=False) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"f_flag": os.ST_RDONLY}, "which is mounted read-only. Remedy: mount it for writing"),
        ({"f_bavail": 64 * module.MIB - 1}, "which has 63 MiB left, and 64 are the least. Remedy: make room on it,"),
        ({"f_favail": 0}, "which has no inode left. Remedy: remove files from it,"),
    ],
)
def test_a_file_system_that_takes_nothing(disk, tmp_path, values, words):
    disk(**values)
    message = said(tmp_path / "a/b")
    assert message.startswith(f"x_dir is {tmp_path}/a/b, on the file system {module.mount_point(tmp_path)}, ")
    assert words in message
    assert message.endswith("or set x_dir to a path on another one.")


def test_the_mount_point_is_the_nearest_one(tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text("overlay / overlay rw 0 0\nx /usr tmpfs ro 0 0\nx /usr/with\\040space tmpfs ro 0 0\n")
    monkeypatch.setattr(module, "open", lambda _path, **keys: mounts.open(**keys), raising=False)
    found = {path: module.mount_point(path) for path in ("/usr/a/b", "/usr/with space/c", "/usrlocal", "/")}
    assert list(found.values()) == ["/usr", "/usr/with space", "/", "/"]


def test_a_path_that_begins_nowhere(disk):
    assert said("data/x") == "x_dir is data/x, which is no absolute path. Remedy: begin it with a slash."


def test_an_empty_one_is_not_wanted(run):
    assert run(module, directories={"x_dir": ""}, files={"x_file": ""})["problems"] == []


def test_a_file_system_that_counts_no_inodes_is_right(disk, tmp_path):
    disk(f_files=0, f_favail=0)
    assert said(tmp_path) is None


@pytest.mark.parametrize(
    ("path", "directory", "words"),
    [
        ("file", True, "which is no directory"),
        ("folder", False, "which is a directory, and has to be a file"),
        ("file/a/b", True, "/file is no directory"),
        ("file/a", False, "/file is no directory"),
        ("dangling", True, "which is a link to /nowhere/else, which is not there"),
    ],
)
def test_something_in_the_way(disk, tmp_path, path, directory, words):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("/nowhere/else")
    message = said(tmp_path / path, directory)
    assert words in message
    assert "Remedy: move it away, or set x_dir to another path." in message


def test_all_problems_are_told_at_once(run, tmp_path):
    (tmp_path / "a").touch()
    paths = {"b_dir": str(tmp_path / "a"), "c_dir": str(tmp_path / "a/b")}
    result = run(module, directories=paths, files={"d_file": str(tmp_path)})
    assert [text.split()[0] for text in result["problems"]] == ["b_dir", "c_dir", "d_file"]
    assert result["msg"] == "\n".join(result["problems"])
    assert run(module, directories={"b_dir": str(tmp_path)}, minimum_mb=0)["problems"] == []


def test_a_directory_that_is_anothers_is_not_taken(tmp_path):
    told = {"path": str(tmp_path), "marks": [".lock", "current"]}
    (tmp_path / "lost+found").mkdir()
    assert module.own_problem("x_dir", **told) is None
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).touch()
    text = module.own_problem("x_dir", **told)
    assert text.startswith(f"x_dir is {tmp_path}, which holds a, b, c and more, and nothing of this role")
    assert text.endswith("such as one below it.")
    (tmp_path / "current").mkdir()
    assert module.own_problem("x_dir", **told) is None
    assert module.own_problem("x_dir", str(tmp_path / "none"), []) is None


def test_the_account_is_looked_for(run, tmp_path):
    me = {"user": "root", "group": "root", "uid_variable": "x_uid", "gid_variable": "x_gid"}
    found = run(module, shared={"x_dir": str(tmp_path / "none")}, account=me)
    assert (found["problems"], found["account"]) == ([], {"uid": 0, "gid": 0})
    refused = run(module, account={**me, "uid": 4242})
    assert refused["msg"].startswith("x_uid is 4242, and the account root has the uid 0 on this host.")


def host(**answers):
    """A host whose programs answer so, by the first two words of a command."""
    said = {tuple(words.replace("_", "-").split("--", 1)): answer for words, answer in answers.items()}
    return lambda command: said.get((command[0], command[1].lstrip("-")), (127, "", ""))


def test_a_file_without_the_mark_is_named_and_left(tmp_path):
    path = tmp_path / "telegraf.conf"
    nothing = host()
    assert module.marked_problem(nothing, str(path), "x") is None
    path.write_text("[[inputs.cpu]]\n")
    text = module.marked_problem(nothing, str(path), "do this.")
    assert text.startswith(f"{path} is not of this collection (it has no line with usegalaxy_eu.celery), and is left")
    assert text.endswith("Remedy: do this.")
    path.write_text("# usegalaxy_eu.celery: changes made here are lost\n[[inputs.cpu]]\n")
    assert module.marked_problem(nothing, str(path), "x") is None


@pytest.mark.parametrize(
    ("answers", "taken"),
    [
        ({"dpkg_query__search": (0, "telegraf: {path}\n", ""), "dpkg__verify": (0, "", "")}, True),
        (
            {"dpkg_query__search": (0, "telegraf: {path}\n", ""), "dpkg__verify": (2, "??5??????  c {path}\n", "")},
            False,
        ),
        (
            {"dpkg_query__search": (0, "telegraf: {path}\n", ""), "dpkg__verify": (2, "??5??????  c {path}.d/x\n", "")},
            True,
        ),
        ({"dpkg_query__search": (1, "", "no path found")}, False),
        ({"rpm__query": (0, "telegraf-1.39", ""), "rpm__verify": (0, "", "")}, True),
        ({"rpm__query": (0, "telegraf-1.39", ""), "rpm__verify": (1, "S.5....T.  c {path}\n", "")}, False),
        ({"rpm__query": (1, "not owned by any package", "")}, False),
    ],
)
def test_a_file_as_its_package_has_it_is_nobodys(tmp_path, answers, taken):
    path = tmp_path / "telegraf.conf"
    path.write_text("[[inputs.cpu]]\n")
    given = {words: (code, out.format(path=path), err) for words, (code, out, err) in answers.items()}
    assert (module.marked_problem(host(**given), str(path), "x") is None) is taken
