# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has the collection's mark goes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.modules import remove_files as module

MARKED = "# usegalaxy_eu.celery, role x: what is changed here is lost at its next run.\n"


def below(path):
    """The names of all that is below a directory."""
    return sorted(str(found.relative_to(path)) for found in path.rglob("*"))


@pytest.fixture
def remove(run, tmp_path):
    """Run the module for entries, first in check mode, which must foretell what happens and change nothing."""

    def removed(*entries):
        before = below(tmp_path)
        told = run(module, check=True, files=list(entries))
        assert below(tmp_path) == before
        done = run(module, files=list(entries))
        assert done == told
        return done

    return removed


def place(path, text=MARKED):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_what_has_the_mark_goes_and_a_second_run_changes_nothing(remove, tmp_path):
    entries = [{"path": str(place(tmp_path / "a"))}, {"path": str(tmp_path / "b")}]
    assert remove(*entries)["removed_paths"] == [str(tmp_path / "a")]
    assert remove(*entries)["changed"] is False


def test_what_has_none_is_named_and_left(remove, tmp_path):
    place(tmp_path / "etc" / "traefik.yml", "log: {}\n")
    place(tmp_path / "etc" / "certificates" / "key", "secret\n")
    done = remove(
        {"path": str(tmp_path / "etc/certificates"), "marked_by": [str(tmp_path / "etc/traefik.yml")]},
        {"path": str(tmp_path / "etc/traefik.yml")},
        {"path": str(tmp_path / "etc"), "only_empty": True},
    )
    assert done["changed"] is False and len(done["left"]) == 2
    assert done["left"][0].startswith(
        f"{tmp_path}/etc/certificates is not of this collection ({tmp_path}/etc/traefik.yml has no line with"
    )
    assert (tmp_path / "etc/certificates/key").read_text() == "secret\n"


def test_a_mark_stands_for_what_cannot_have_one(remove, tmp_path):
    unit = place(tmp_path / "units" / "x.service")
    place(tmp_path / "bin" / "program", "\x7fELF")
    place(tmp_path / "conf" / "sub" / "file", "x")
    done = remove(
        {"path": str(tmp_path / "bin/program"), "marked_by": [str(tmp_path / "none"), str(unit)]},
        {"path": str(tmp_path / "conf"), "marked_by": [str(unit)]},
        {"path": str(unit)},
    )
    assert done["removed_paths"] == [str(tmp_path / "bin/program"), str(tmp_path / "conf"), str(unit)]
    assert below(tmp_path) == ["bin", "units"]


def test_a_directory_goes_only_when_empty_also_in_the_forecast(remove, tmp_path):
    place(tmp_path / "ours" / "a")
    place(tmp_path / "theirs" / "a")
    place(tmp_path / "theirs" / "site", "x")
    done = remove(*[
        entry for name in ("ours", "theirs")
        for entry in ({"path": str(tmp_path / name / "a")}, {"path": str(tmp_path / name), "only_empty": True})
    ])  # fmt: skip
    assert done["left"] == [] and below(tmp_path) == ["theirs", "theirs/site"]


def test_a_name_of_its_own_needs_no_mark(remove, tmp_path):
    place(tmp_path / "celery-galaxy" / "x", "state")
    assert remove({"path": str(tmp_path / "celery-galaxy"), "own": True})["changed"]
    assert below(tmp_path) == []


def test_another_text_may_be_the_mark(remove, tmp_path):
    place(tmp_path / "keys" / "id.pub", "ssh-ed25519 AAAA galaxy_sync celery-1\n")
    place(tmp_path / "keys" / "id", "secret")
    place(tmp_path / "other" / "id.pub", "ssh-ed25519 AAAA root@celery-1\n")
    done = remove(
        {
            "path": str(tmp_path / "keys/id"),
            "marked_by": [str(tmp_path / "keys/id.pub")],
            "mark": "galaxy_sync celery-1",
        },
        {"path": str(tmp_path / "other/id.pub"), "mark": "galaxy_sync celery-1"},
    )
    assert done["removed_paths"] == [str(tmp_path / "keys/id")]
    assert f"{tmp_path}/other/id.pub is not of this collection (nothing shows it in" in done["left"][0]
    assert remove({"path": str(tmp_path / "other"), "marked_by": [str(tmp_path / "other/id.pub")], "mark": ""})[
        "changed"
    ]


def test_the_link_to_a_directory_stays(remove, tmp_path):
    place(tmp_path / "disk" / "release.json", '{"fingerprint": "f"}')
    (tmp_path / "releases").symlink_to(tmp_path / "disk")
    entry = {"path": str(tmp_path / "releases"), "own": True}
    assert remove(entry)["removed_paths"] == [str(tmp_path / "releases")]
    assert (tmp_path / "releases").is_symlink() and below(tmp_path / "disk") == []
    assert remove(entry)["changed"] is False


def test_what_shows_that_a_directory_is_ours_goes_last(run, tmp_path, monkeypatch):
    """An interrupted removal can go on."""
    for name in ("a", "m", "z"):
        place(tmp_path / "releases" / name / "release.json", "{}")
    (tmp_path / "releases" / "current").symlink_to("m")
    removed = []
    monkeypatch.setattr(module.shutil, "rmtree", lambda path: removed.append(Path(path).name))
    monkeypatch.setattr(module.os, "unlink", lambda path: removed.append(Path(path).name))
    monkeypatch.setattr(module.os, "rmdir", lambda path: None)
    run(
        module,
        files=[
            {
                "path": str(tmp_path / "releases"),
                "marked_by": [str(tmp_path / "releases/current/release.json")],
                "mark": "",
            }
        ],
    )
    assert removed == ["a", "z", "current", "m"]


def test_nothing_goes_below_which_something_is_mounted(remove, tmp_path, monkeypatch):
    place(tmp_path / "ours" / "mnt" / "file", "theirs")
    monkeypatch.setattr(module, "mount_points", lambda: {"/", str(tmp_path / "ours/mnt")})
    done = remove({"path": str(tmp_path / "ours"), "own": True})
    assert not done["changed"] and f"{tmp_path}/ours/mnt is mounted below it" in done["left"][0]


@pytest.mark.parametrize("path", ["etc/x", "/", "/usr/.."])
def test_the_root_and_what_is_no_absolute_path_are_refused(run, path):
    assert "Remedy: give absolute paths" in run(module, files=[{"path": path, "own": True}])["msg"]


def test_what_does_not_count_is_left(remove, tmp_path):
    assert remove({"path": str(place(tmp_path / "a")), "enabled": False})["changed"] is False
