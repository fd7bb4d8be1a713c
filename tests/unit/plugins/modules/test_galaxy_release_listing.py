"""The listing that the source of a release keeps."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _release, _release_listing
from ansible_collections.usegalaxy_eu.celery.plugins.modules import galaxy_release_listing as module


@pytest.fixture
def described(tmp_path):
    server = tmp_path / "server"
    for name in (
        "config/galaxy.yml",
        "lib/galaxy/app.py",
        "lib/galaxy/__pycache__/app.cpython-311.pyc",
        ".venv/pyvenv.cfg",
    ):
        path = server / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("version = 3.11.2\n")
    (server / "lib/a file\twith a tab").write_text("")
    (server / "lib/link").symlink_to("galaxy/app.py")
    return _release.describe(_release.Tree(str(server)))


def test_it_is_written_once(described, tmp_path):
    info, listing = described
    path = tmp_path / "listings" / (info["fingerprint"] + module.SUFFIX)
    assert module.keep(listing, str(path.parent), str(path), None)
    assert not module.keep(listing, str(path.parent), str(path), None)
    assert _release_listing.read_lines(str(path)) == set(listing.lines())
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_listing_that_is_open_to_others_is_closed(described, tmp_path):
    path = tmp_path / "listings" / "x.list.gz"
    module.keep(described[1], str(path.parent), str(path), None)
    path.chmod(0o644)
    path.parent.chmod(0o755)
    assert module.keep(described[1], str(path.parent), str(path), None)
    assert (stat.S_IMODE(path.parent.stat().st_mode), stat.S_IMODE(path.stat().st_mode)) == (0o750, 0o640)


def test_the_latest_are_kept(described, tmp_path):
    folder = tmp_path / "listings"
    for number in range(module.KEPT + 2):
        path = folder / f"{number}{module.SUFFIX}"
        module.keep(described[1], str(folder), str(path), None)
        os.utime(path, (number, number))
    assert sorted(path.name for path in folder.iterdir()) == [f"{n}{module.SUFFIX}" for n in range(2, module.KEPT + 2)]
    assert module.keep(described[1], str(folder), str(folder / f"9{module.SUFFIX}"), None)
    assert not (folder / f"2{module.SUFFIX}").exists()


def test_what_is_too_old_is_not_listed(described, tmp_path, run):
    server = tmp_path / "server"
    (server / "lib/galaxy/version.py").write_text('VERSION_MAJOR = "24.1"\nVERSION_MINOR = "3"\n')
    (server / ".venv/lib/python3.11/site-packages/celery-5.2.7.dist-info").mkdir(parents=True)
    answer = run(module, server_dir=str(server), listing_dir=str(tmp_path / "listings"))
    assert answer["failed"]
    assert f"Galaxy in {server} is 24.1.3, and the workers need 24.2 or newer" in answer["msg"]
    assert f"Celery in {server}/.venv is 5.2.7, and the workers need 5.3 or newer" in answer["msg"]
    assert not (tmp_path / "listings").exists()


def test_the_lines_tell_what_counts(described):
    kinds = {Path(_release_listing.path_of(line)).name: line.rsplit("\t", 1)[1] for line in described[1].lines()}
    assert kinds["galaxy.yml"].startswith("c 644 17 ")
    assert kinds["app.py"].startswith("f 644 17 ")
    assert kinds["app.cpython-311.pyc"].startswith("b 644 17 ")
    assert kinds["__pycache__"] == "B 755"
    assert kinds["link"] == 'l "galaxy/app.py"'
    (line,) = [line for line in described[1].lines() if "tab" in line]
    assert _release_listing.path_of(line).endswith("lib/a file\twith a tab")


def test_a_name_with_a_line_break_is_named(tmp_path, described):
    (tmp_path / "server/lib/a\nb").write_text("")
    with pytest.raises(_release.ReleaseError, match=r"a\\nb' holds a line break"):
        _release.describe(_release.Tree(str(tmp_path / "server")))


def test_a_process_that_walks_its_share_tells_what_it_could_not_read(tmp_path, described, monkeypatch):
    monkeypatch.setattr(_release_listing.os, "cpu_count", lambda: 2)
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("__pycache__"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(_release_listing, "SHARED_DIRECTORIES", 1)
    monkeypatch.setattr(_release_listing.os, "scandir", refuse)
    with pytest.raises(_release.ReleaseError, match="__pycache__ can not be read: Permission denied"):
        _release.describe(_release.Tree(str(tmp_path / "server")))


def test_the_number_of_processes_does_not_matter(tmp_path, described, monkeypatch):
    monkeypatch.setattr(_release_listing, "SHARED_DIRECTORIES", 2)
    for count in (1, 2, 4):
        monkeypatch.setattr(_release_listing.os, "cpu_count", lambda count=count: count)
        assert _release.describe(_release.Tree(str(tmp_path / "server")))[0] == described[0]
