"""celery_beat_info: on files that Celery's own scheduler wrote."""

from __future__ import annotations

import contextlib
import datetime
import os
import pickle
import shelve
import threading
import time

import pytest

pytest.importorskip("celery", reason="Celery is not installed")

import celery
from celery.beat import PersistentScheduler
from celery.schedules import crontab

from ansible_collections.usegalaxy_eu.celery.plugins.modules import celery_beat_info


@pytest.fixture(params=["UTC", "Europe/Berlin"])
def schedule(request, tmp_path):
    """A schedule file, and a function that has beat send the entry 'fast' once."""
    path = str(tmp_path / "beat-schedule")
    app = celery.Celery("beat", broker="memory://", set_as_current=False)
    app.conf.timezone = request.param
    app.conf.beat_schedule = {
        "fast": {"task": "probe.add", "schedule": 1.0, "args": (1, 2), "options": {"queue": "celery"}},
        "nightly": {"task": "probe.clean", "schedule": crontab(hour=3, minute=0)},
        "hourly": {"task": "probe.prune", "schedule": datetime.timedelta(hours=1)},
    }

    def fire(times=1):
        scheduler = PersistentScheduler(app, schedule_filename=path, lazy=False)
        for _time in range(times):
            scheduler.reserve(scheduler.schedule["fast"])
        scheduler.close()

    fire(0)
    return path, fire


def test_a_new_file_has_not_fired(run, schedule):
    path, _fire = schedule
    result = run(celery_beat_info, path=path)
    assert result["fired"] is False
    assert result["celery_version"] == celery.__version__
    assert {"fast", "nightly", "hourly"} <= set(result["entries"])
    for entry in result["entries"].values():
        assert (entry["fired"], entry["total_run_count"], entry["last_run_at"]) == (False, 0, None)


def test_what_was_sent(run, schedule):
    path, fire = schedule
    fire(2)
    result = run(celery_beat_info, path=path, require_fired=True, check=True)
    assert result["fired"] is True
    assert result["changed"] is False
    entry = result["entries"]["fast"]
    assert (entry["task"], entry["fired"], entry["total_run_count"]) == ("probe.add", True, 2)
    assert datetime.datetime.fromisoformat(entry["last_run_at"]).utcoffset() is not None
    assert 0 <= entry["seconds_ago"] < 60
    assert result["entries"]["nightly"]["fired"] is False


def test_it_waits_for_the_first(run, schedule):
    path, fire = schedule
    timer = threading.Timer(1, fire)
    timer.start()
    begin = time.monotonic()
    result = run(celery_beat_info, path=path, wait_seconds=20, require_fired=True)
    timer.join()
    assert result["fired"] is True
    assert time.monotonic() - begin < 10


def test_it_gives_up(run, schedule):
    path, _fire = schedule
    result = run(celery_beat_info, path=path, wait_seconds=1, require_fired=True)
    assert result["failed"]
    assert "has been sent within 1 s" in result["msg"]
    assert "beat_sync_every" in result["msg"]
    assert result["entries"]["fast"]["fired"] is False


@pytest.fixture
def sent(schedule):
    """A function that has the entry 'hourly' sent last so many seconds ago."""
    path, _fire = schedule

    def write(seconds):
        with shelve.open(path, writeback=True) as store:  # noqa: S301 our own file
            entry = store["entries"]["hourly"]
            entry.last_run_at, entry.total_run_count = entry.default_now() - datetime.timedelta(seconds=seconds), 1
            # It is due each second, and the test is not that fast.
            del store["entries"]["fast"]
        return path

    return write


def test_the_last_send_is_held_against_the_interval(run, sent):
    result = run(celery_beat_info, path=sent(3700), max_late_seconds=120)
    assert not result.get("failed")
    entry = result["entries"]["hourly"]
    assert entry["interval_seconds"] == 3600
    assert 100 <= entry["late_seconds"] <= 110
    # A crontab has no interval.
    assert result["entries"]["nightly"]["interval_seconds"] is None


def test_a_beat_that_sends_nothing_any_more_is_named(run, sent):
    path = sent(3800)
    result = run(celery_beat_info, path=path, max_late_seconds=120)
    assert result["failed"]
    assert "hourly is sent each 3600 s, and is late by 20" in result["msg"]
    assert "systemctl restart" in result["msg"]
    assert not run(celery_beat_info, path=path).get("failed")


def test_a_last_send_in_the_future_is_named(run, sent):
    path = sent(-500)
    result = run(celery_beat_info, path=path, max_late_seconds=120)
    assert result["failed"]
    assert "hourly was sent in the future, by 500 s" in result["msg"]
    assert "clock" in result["msg"]


def test_without_require_fired_it_only_tells(run, schedule):
    path, _fire = schedule
    assert run(celery_beat_info, path=path, wait_seconds=1)["fired"] is False


def test_the_file_is_only_read(run, schedule, tmp_path):
    path, _fire = schedule
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    run(celery_beat_info, path=path)
    assert before == {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}


def test_a_missing_file(run, tmp_path):
    result = run(celery_beat_info, path=str(tmp_path / "none"))
    assert result["failed"]
    assert f"path {tmp_path / 'none'} does not exist" in result["msg"]
    assert result["fired"] is False


def test_a_damaged_file(run, tmp_path):
    (tmp_path / "bad").write_bytes(b"no database at all")
    result = run(celery_beat_info, path=str(tmp_path / "bad"))
    assert result["failed"]
    assert "is no schedule file that this Python can read" in result["msg"]


def test_another_shelf(run, tmp_path):
    with shelve.open(str(tmp_path / "other")) as shelf:  # noqa: S301 it only writes
        shelf["name"] = 1
    result = run(celery_beat_info, path=str(tmp_path / "other"))
    assert "holds no schedule of beat" in result["msg"]


def test_an_entry_of_another_form(run, tmp_path):
    with shelve.open(str(tmp_path / "odd")) as shelf:  # noqa: S301 it only writes
        shelf["entries"] = {"x": ["task"]}
    result = run(celery_beat_info, path=str(tmp_path / "odd"))
    assert "has an entry 'x' of an unknown form" in result["msg"]


def test_an_unreadable_file(run, schedule, monkeypatch):
    path, _fire = schedule

    def refuse(*_args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(celery_beat_info.shutil, "copyfile", refuse)
    result = run(celery_beat_info, path=path)
    assert "cannot be read: Permission denied" in result["msg"]


def test_a_negative_wait(run, tmp_path):
    assert "wait_seconds is -1" in run(celery_beat_info, path=str(tmp_path), wait_seconds=-1)["msg"]


class Hostile:
    """An object whose loading would make a directory."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (self.target,)


def test_nothing_in_the_file_is_executed(run, tmp_path):
    target = tmp_path / "made"
    with shelve.open(str(tmp_path / "hostile")) as shelf:  # noqa: S301 it only writes
        shelf["entries"] = {"x": Hostile(str(target))}
    assert run(celery_beat_info, path=str(tmp_path / "hostile"))["failed"]
    assert not target.exists()
    pickle.loads(pickle.dumps(Hostile(str(target))))  # noqa: S301 it is what it says
    assert target.exists()


def test_the_log_of_sqlite_is_copied_too(tmp_path):
    """That of Python 3.13 leaves there what beat has written, for as long as beat runs."""
    (tmp_path / "copy").mkdir()
    for name in ("schedule", "schedule-wal", "schedule-shm"):
        (tmp_path / name).write_text(name)
    assert celery_beat_info._copy(str(tmp_path / "schedule"), str(tmp_path / "copy")) == str(tmp_path / "copy/schedule")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["schedule", "schedule-wal"]


def test_the_copy_is_opened_with_the_log_of_sqlite(tmp_path, monkeypatch):
    """Python 3.13 and 3.14 open a file for reading as one that never changes, and SQLite then leaves its log out."""
    flags = []
    monkeypatch.setattr(
        celery_beat_info.dbm, "open", lambda _path, flag: flags.append(flag) or contextlib.nullcontext({})
    )
    (tmp_path / "schedule").touch()
    with pytest.raises(celery_beat_info.BeatFileError, match="holds no schedule"):
        celery_beat_info.read_schedule(str(tmp_path / "schedule"))
    assert flags == ["w"]
