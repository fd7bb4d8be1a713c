# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many files and directories in one call."""

from __future__ import annotations

import getpass
import grp
import json
import os
import stat

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.modules import files as module


@pytest.fixture
def place(run):
    """Run the module for entries, as the user of the test."""

    def placed(*entries, check=False, **more):
        owner = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}
        return run(module, check=check, files=list(entries), **{**owner, **more})

    return placed


def mode(path):
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_a_second_run_changes_nothing(place, tmp_path):
    entries = [
        {"path": str(tmp_path / "a" / "b"), "state": "directory", "mode": "0750"},
        {"path": str(tmp_path / "a" / "b" / "c"), "content": "text\n", "mode": "0640"},
        {"path": str(tmp_path / "a" / "d"), "content": "beside\n", "mode": "0640"},
        {"path": str(tmp_path / "gone"), "state": "absent"},
    ]
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "inside").write_text("x")
    first = place(*entries)
    assert (first["changed"], first["changed_paths"]) == (True, [entry["path"] for entry in entries])
    assert (tmp_path / "a/b/c").read_text() == "text\n"
    assert (mode(tmp_path / "a/b"), mode(tmp_path / "a/b/c")) == ("0o750", "0o640")
    second = place(*entries)
    assert (second["changed"], second["changed_paths"], second["diff"]) == (False, [], [])


def test_a_link_to_nothing_is_replaced_and_removed(place, tmp_path):
    for name in ("kept", "gone", "folder"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    done = place(
        {"path": str(tmp_path / "kept"), "content": "text\n", "mode": "0640"},
        {"path": str(tmp_path / "gone"), "state": "absent"},
    )
    assert done["changed"]
    assert not (tmp_path / "kept").is_symlink() and (tmp_path / "kept").read_text() == "text\n"
    assert not os.path.lexists(tmp_path / "gone")
    refused = place({"path": str(tmp_path / "folder"), "state": "directory", "mode": "0755"})
    assert f"is a link to {tmp_path}/nowhere, which is not there. Remedy: make that directory." in refused["msg"]


def test_a_directory_that_is_there_can_be_left_as_it_is(place, tmp_path):
    """One of the site's, with setgid and group write, and one that is behind a link."""
    for name, bits in (("shared", 0o2775), ("closed", 0o700)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(bits)
    (tmp_path / "link").symlink_to(tmp_path / "shared")
    entries = [
        {"path": str(tmp_path / name), "state": "directory", "mode": "0755", "owner": "nobody", "keep_existing": True}
        for name in ("shared", "closed", "link")
    ]
    made = {"path": str(tmp_path / "new"), "state": "directory", "mode": "0750", "keep_existing": True}
    for check in (True, False):
        assert place(*entries, made, check=check)["changed_paths"] == [made["path"]]
    assert [mode(tmp_path / name) for name in ("shared", "closed", "new")] == ["0o2775", "0o700", "0o750"]
    assert (tmp_path / "link").is_symlink()
    assert not place(*entries, made)["changed"]


def test_the_directory_behind_a_link_gets_the_mode(place, tmp_path):
    (tmp_path / "target").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    entry = {"path": str(tmp_path / "link"), "state": "directory", "mode": "0755"}
    assert place(entry)["changed"]
    assert mode(tmp_path / "target") == "0o755"
    assert not place(entry)["changed"]


def test_a_new_file_is_closed_before_it_has_its_mode(place, tmp_path, monkeypatch):
    seen = []

    def stop(self, *args, **_more):
        seen.append(mode(tmp_path / "secret"))
        return False

    monkeypatch.setattr(module.AnsibleModule, "set_fs_attributes_if_different", stop)
    place({"path": str(tmp_path / "secret"), "secret_content": "x", "mode": "0600"})
    assert seen == ["0o600"]


def test_check_mode_tells_the_same_and_does_nothing(place, tmp_path):
    (tmp_path / "old").write_text("old\n")
    (tmp_path / "open").write_text("x\n")
    (tmp_path / "open").chmod(0o644)
    entries = [
        {"path": str(tmp_path / "new"), "state": "directory", "mode": "0755"},
        {"path": str(tmp_path / "new" / "file"), "content": "x\n", "mode": "0644"},
        {"path": str(tmp_path / "old"), "content": "new\n", "mode": "0644"},
        {"path": str(tmp_path / "open"), "content": "x\n", "mode": "0600"},
        {"path": str(tmp_path / "open2"), "state": "absent"},
    ]
    announced = place(*entries, check=True)
    assert not (tmp_path / "new").exists()
    assert ((tmp_path / "old").read_text(), mode(tmp_path / "open")) == ("old\n", "0o644")
    done = place(*entries)
    assert announced["changed_paths"] == done["changed_paths"] == [entry["path"] for entry in entries[:4]]


@pytest.mark.parametrize("account", ["owner", "group"])
def test_in_check_mode_an_account_may_be_yet_to_be_made(place, tmp_path, account):
    """As on a host that mounts Galaxy's data directory, and has no user of Galaxy's yet."""
    entry = {"path": str(tmp_path), "state": "directory", "mode": "0755", account: "yet_to_be_made"}
    assert place(entry, check=True)["changed_paths"] == [str(tmp_path)]
    assert "failed to look up" in place(entry)["msg"]


def test_the_diff_shows_contents_and_modes_but_no_secret(place, tmp_path):
    (tmp_path / "plain").write_text("old\n")
    (tmp_path / "plain").chmod(0o600)
    (tmp_path / "secret").write_text("PASSWORD=former\n")
    result = place(
        {"path": str(tmp_path / "plain"), "content": "new\n", "mode": "0644"},
        {"path": str(tmp_path / "secret"), "secret_content": "PASSWORD=marked\n", "mode": "0600"},
    )
    (content,) = [shown for shown in result["diff"] if "before_header" in shown]
    assert (content["before"], content["after"]) == ("old\n", "new\n")
    modes = [shown["after"]["mode"] for shown in result["diff"] if isinstance(shown.get("after"), dict)]
    assert modes == ["0644", "0600"]
    assert "marked" not in json.dumps(result)
    assert "former" not in json.dumps(result)
    assert (tmp_path / "secret").read_text() == "PASSWORD=marked\n"


def test_nothing_is_replaced_when_one_content_does_not_pass_its_check(place, tmp_path):
    (tmp_path / "first").write_text("old\n")
    result = place(
        {"path": str(tmp_path / "first"), "content": "new\n", "mode": "0644"},
        {"path": str(tmp_path / "second"), "content": "good\n", "mode": "0644", "validate": "grep -q good %s"},
        {"path": str(tmp_path / "third"), "content": "bad\n", "mode": "0644", "validate": "grep -q good %s"},
    )
    assert result["failed"]
    assert result["msg"].startswith(f"{tmp_path}/third: the new content does not pass its check")
    assert (tmp_path / "first").read_text() == "old\n"
    assert not (tmp_path / "second").exists()


def test_a_check_is_not_run_for_what_stands_there(place, tmp_path):
    (tmp_path / "file").write_text("bad\n")
    entry = {"path": str(tmp_path / "file"), "content": "bad\n", "mode": "0644", "validate": "grep -q good %s"}
    assert "failed" not in place(entry)


def test_in_check_mode_a_command_that_is_not_there_yet_judges_nothing(place, tmp_path):
    entry = {"path": str(tmp_path / "file"), "content": "bad\n", "mode": "0644"}
    assert place({**entry, "validate": f"{tmp_path}/missing %s"}, check=True)["changed"]
    assert place({**entry, "validate": "grep -q good %s"}, check=True)["failed"]


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"path": "{dir}/x", "content": "x"}, "mode is missing"),
        ({"path": "{dir}/x", "mode": "0644"}, "content, secret_content or source is missing"),
        ({"path": "{dir}/x", "state": "directory", "content": "x", "mode": "0755"}, "a directory has no content"),
        ({"path": "{dir}", "content": "x", "mode": "0644"}, "is to be a file, and there is a directory"),
        ({"path": "{dir}/file", "state": "directory", "mode": "0755"}, "is to be a directory, and there is a file"),
        ({"path": "{dir}/file/x", "content": "x", "mode": "0644"}, "file is no directory"),
        ({"path": "{dir}/missing/x", "content": "x", "mode": "0644"}, "missing is no directory"),
    ],
)
def test_what_cannot_be_placed_is_refused_by_its_path_before_any_change(place, tmp_path, entry, words):
    (tmp_path / "file").write_text("x\n")
    other = {"path": str(tmp_path / "other"), "content": "x\n", "mode": "0644"}
    result = place(other, {**entry, "path": entry["path"].format(dir=tmp_path)})
    assert result["failed"]
    assert words in result["msg"]
    assert not (tmp_path / "other").exists()


def test_an_entry_that_does_not_count_is_left_alone(place, tmp_path):
    result = place({"path": str(tmp_path / "x"), "content": "x\n", "mode": "0644", "enabled": False})
    assert not result["changed"]
    assert not (tmp_path / "x").exists()


def test_a_link_is_removed_and_not_what_it_points_to(place, tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    place({"path": str(tmp_path / "link"), "state": "absent"})
    assert (tmp_path / "target").is_dir()
    assert not (tmp_path / "link").is_symlink()


def test_a_content_can_come_from_another_file_of_the_host(place, tmp_path):
    (tmp_path / "new").write_text("PASSWORD=marked\n")
    entries = [
        {"path": str(tmp_path / "kept"), "source": str(tmp_path / "new"), "mode": "0600"},
        {"path": str(tmp_path / "other"), "source": str(tmp_path / "missing"), "mode": "0600"},
    ]
    result = place(*entries)
    assert result["changed_paths"] == [str(tmp_path / "kept")]
    assert "marked" not in json.dumps(result)
    assert (tmp_path / "kept").read_text() == "PASSWORD=marked\n"
    assert not place(*entries)["changed"]
