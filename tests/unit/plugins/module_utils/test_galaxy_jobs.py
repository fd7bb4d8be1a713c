# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_galaxy_jobs: which jobs it finds, in a database of its own, and how it ends one, with stand-ins for Galaxy's code.

The scenario faults runs it with Galaxy itself.
"""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")

import sqlalchemy
from sqlalchemy import orm

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _galaxy_jobs

MODELS = orm.registry()
STATES = SimpleNamespace(DELETED="deleted", ERROR="error")


@MODELS.mapped
class Job:
    """What Galaxy's model of a job has of use here."""

    __tablename__ = "job"
    states = STATES
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    user_id = sqlalchemy.Column(sqlalchemy.Integer)
    tool_id = sqlalchemy.Column(sqlalchemy.String, default="__DATA_FETCH__")
    state = sqlalchemy.Column(sqlalchemy.String)
    handler = sqlalchemy.Column(sqlalchemy.String)
    job_runner_name = sqlalchemy.Column(sqlalchemy.String)
    job_runner_external_id = sqlalchemy.Column(sqlalchemy.String)
    update_time = sqlalchemy.Column(sqlalchemy.DateTime)

    def set_final_state(self, final_state):
        self.state = final_state


class Wrapper:
    """What Galaxy's MinimalJobWrapper has of use here."""

    cleanup_job = "onsuccess"
    made: list = []

    def __init__(self, job, app):
        self.job, self.app, self.cleaned, self.message = job, app, None, None
        self.made.append(self)

    def _report_error(self):
        raise AttributeError("no toolbox")

    def fail(self, message):
        self._report_error()
        self.message, self.job.state = message, "error"
        self.app.model.context.commit()

    def cleanup(self, delete_files):
        self.cleaned = delete_files


@pytest.fixture
def session():
    """A session of an empty database."""
    engine = sqlalchemy.create_engine("sqlite://")
    MODELS.metadata.create_all(engine)
    Wrapper.made = []
    with orm.Session(engine) as session:
        yield session


def add(session, minutes=60, **columns):
    """A job that has not changed for some minutes."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    job = Job(update_time=now - datetime.timedelta(minutes=minutes), **columns)
    session.add(job)
    session.commit()
    return job.id


def app_of(session):
    """Galaxy's application, as far as it is used."""
    return SimpleNamespace(
        model=SimpleNamespace(context=session), application_stack=SimpleNamespace(supports_skip_locked=lambda: True)
    )


def test_it_finds_what_no_handler_looks_after(session):
    new = add(session, state="new", user_id=7)
    running = add(session, minutes=90, state="running", job_runner_name="celery", handler="worker-1@celery-1")
    deleting = add(session, state="deleting", job_runner_name="celery", job_runner_external_id="an-id")
    found = {job["id"]: job for job in _galaxy_jobs.find(session, Job, 10)}
    assert list(found) == [new, running, deleting]
    assert (found[new]["user"], found[new]["state"], found[new]["minutes"], found[new]["task"]) == (7, "new", 60, None)
    assert found[running]["minutes"] == 90
    assert found[deleting]["task"] == "an-id"


@pytest.mark.parametrize(
    "job",
    [
        {"state": "new", "minutes": 9},
        {"state": "new", "handler": "_default_"},
        {"state": "running", "handler": "handler_0", "job_runner_name": "slurm"},
        {"state": "running", "job_runner_name": "celery", "tool_id": "cat1"},
        *({"state": state, "job_runner_name": "celery"} for state in ("ok", "error", "deleted", "paused")),
    ],
    ids=str,
)
def test_it_leaves_all_others(session, job):
    add(session, **job)
    assert _galaxy_jobs.find(session, Job, 10) == []


def end(session, **columns):
    """End the one job that is there."""
    add(session, **columns)
    (job,) = _galaxy_jobs.find(session, Job, 10)
    return _galaxy_jobs.end(app_of(session), Job, Wrapper, job, "upload again")


@pytest.mark.parametrize("state", ["new", "queued", "running"])
def test_an_open_job_fails_with_the_message(session, state):
    assert end(session, state=state, job_runner_name="celery") == "error"
    assert [wrapper.message for wrapper in Wrapper.made] == ["upload again"]


def test_a_deleted_one_ends_as_deleted(session):
    assert end(session, state="deleting") == "deleted"
    assert [(wrapper.message, wrapper.cleaned) for wrapper in Wrapper.made] == [(None, True)]


def test_a_deleted_one_of_galaxy_up_to_25_0(session, monkeypatch):
    given = {}

    def older(job, final_state, supports_skip_locked):
        given["supports"], job.state = supports_skip_locked, final_state

    monkeypatch.setattr(Job, "set_final_state", older)
    assert end(session, state="deleting") == "deleted"
    assert given == {"supports": True}


@pytest.mark.parametrize("change", [{"state": "running"}, {"update_time": datetime.datetime(2026, 1, 1)}], ids=str)
def test_one_that_has_changed_is_left(session, change):
    add(session, state="queued", job_runner_name="celery")
    (found,) = _galaxy_jobs.find(session, Job, 10)
    session.execute(sqlalchemy.update(Job).values(**change))
    session.commit()
    assert _galaxy_jobs.end(app_of(session), Job, Wrapper, found, "upload again") is None
    assert Wrapper.made == []
