# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Beat's scheduler, with Celery's own around it."""

from __future__ import annotations

import datetime
import json
import stat
import time

import celery
import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery.beat import Scheduler

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def told(listener):
    """What systemd was told: a call returns the next message, by field."""
    return lambda: dict(line.split("=", 1) for line in listener.recv(4096).decode().split("\n"))


@pytest.fixture
def app():
    """One whose broker is in memory, with a task that is due each hour."""
    made = celery.Celery("probe", broker="memory://", set_as_current=False)
    made.conf.update(result_expires=None, task_default_queue="test_beat")  # no task of its own, and no worker
    made.conf.beat_schedule = {"hourly": {"task": "probe.hourly", "schedule": 3600.0}}
    return made


def scheduler(app, path):
    """One with its file."""
    made = Scheduler(app, schedule_filename=str(path))
    made.setup_schedule()
    return made


def last_sent(app, path, moment):
    """Write the file of a beat that sent its task at a moment."""
    made = scheduler(app, path)
    made.schedule["hourly"].last_run_at = moment
    made.schedule["hourly"] = made.schedule["hourly"]
    made.close()


def test_it_is_ready_with_its_first_round_and_says_what_is_next(app, tmp_path, told):
    made = scheduler(app, tmp_path / "schedule")
    made.tick()
    assert told() == {"READY": "1"}
    first = told()
    assert first.keys() == {"STATUS", "WATCHDOG"}
    assert first["STATUS"].startswith("has sent nothing since its start; next is probe.hourly in ")
    made.tick()
    assert told().keys() == {"STATUS", "WATCHDOG"}


def test_it_lives_while_it_waits_for_the_broker(app, tmp_path, told):
    class Connection:
        """One that comes up at the second attempt."""

        def ensure_connection(self, errback, _most):
            errback(OSError("refused"), 2.0)
            return self

    made = scheduler(app, tmp_path / "schedule")
    made.connection = Connection()
    assert made._ensure_connected() is made.connection
    assert told() == {"STATUS": "broker away", "WATCHDOG": "1"}


def test_it_says_what_it_sent(app, tmp_path, told):
    path = tmp_path / "schedule"
    last_sent(app, path, app.now() - 2 * HOUR)
    made = scheduler(app, path)
    made.tick()
    assert told() == {"READY": "1"}
    assert told()["STATUS"].startswith("sent probe.hourly 0 s ago; next is probe.hourly in ")


def test_what_was_sent_in_the_future_does_not_rest_until_then(app, tmp_path, told, capsys):
    path = tmp_path / "schedule"
    last_sent(app, path, app.now() + 100 * HOUR)
    made = scheduler(app, path)
    assert made.tick() <= 3600
    assert made._heap[0].time < (app.now() + 2 * HOUR).timestamp()


def test_celerys_own_needs_it(app, tmp_path):
    # As soon as this fails, Celery copes with it itself.
    path = tmp_path / "schedule"
    last_sent(app, path, app.now() + 100 * HOUR)
    own = celery.beat.PersistentScheduler(app, schedule_filename=str(path))
    own.tick()
    assert own._heap[0].time > (app.now() + 99 * HOUR).timestamp()


def test_it_writes_down_when_a_task_is_due_next(app, tmp_path, told, monkeypatch):
    path = tmp_path / "beat.json"
    monkeypatch.setenv("GALAXY_CELERY_BEAT_FILE", str(path))
    last_sent(app, tmp_path / "schedule", app.now() - 2 * HOUR)
    made = scheduler(app, tmp_path / "schedule")
    made.tick()
    assert json.loads(path.read_text())["due"] == pytest.approx(time.time() + 3600, abs=60)
    # Telegraf has an account of its own.
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    written = path.stat()
    made.tick()
    assert path.stat().st_ino == written.st_ino
    assert sorted(file.name for file in tmp_path.glob("beat*")) == ["beat.json"]


def test_what_could_not_be_sent_stays_due(app, tmp_path, told, monkeypatch):
    path = tmp_path / "beat.json"
    monkeypatch.setenv("GALAXY_CELERY_BEAT_FILE", str(path))
    last_sent(app, tmp_path / "schedule", app.now() - 2 * HOUR)
    made = scheduler(app, tmp_path / "schedule")
    with monkeypatch.context() as broken:
        broken.setattr(app, "send_task", lambda *_args, **_kwargs: 1 / 0)
        made.tick()
    # Celery itself believes that it was sent.
    assert made._heap[0].time > time.time() + 3000
    assert json.loads(path.read_text())["due"] == pytest.approx(time.time(), abs=60)
    made.apply_async(made.schedule["hourly"], advance=False)
    made.tick()
    assert json.loads(path.read_text())["due"] == made._heap[0].time


def test_a_file_that_cannot_be_written_does_not_stop_beat(app, tmp_path, told, monkeypatch, capfd):
    monkeypatch.setenv("GALAXY_CELERY_BEAT_FILE", str(tmp_path / "none" / "beat.json"))
    assert scheduler(app, tmp_path / "schedule").tick() > 0
    assert "beat.json cannot be written" in capfd.readouterr().out
