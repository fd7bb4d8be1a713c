# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the open jobs of Galaxy that are Celery's, and end some, by Galaxy's own code.

Private to the collection. The module galaxy_jobs runs it as a program of its own, since an application of Galaxy keeps its
threads and its logging. It reads one JSON object from stdin and writes one as the last line of stdout.

An upload is no job of a handler: Galaxy's web server sends its tasks, and the first one writes "celery" into the job where
others have their runner. Until then it has neither handler nor runner. No handler looks at such a job, so nobody ends it
whose task is lost, and the administrator's "stop job" leaves it "deleting".
"""

from __future__ import annotations

import contextlib
import datetime
import inspect
import json
import sys
from typing import Any

UPLOAD = "__DATA_FETCH__"
RUNNER = "celery"
OPEN = ("new", "queued", "running", "deleting")


def find(session: Any, job: Any, minutes: float) -> list[dict[str, Any]]:
    """Return the jobs of Celery that are open and have not changed for some minutes, the oldest first.

    :param session: one of SQLAlchemy.
    :param job: Galaxy's model of a job.
    """
    from sqlalchemy import and_, or_, select

    # Galaxy's times are UTC and do not say so.
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    started = job.job_runner_name == RUNNER
    never_started = and_(job.job_runner_name.is_(None), job.handler.is_(None))
    wanted = (
        select(job)
        .where(
            job.tool_id == UPLOAD,
            job.state.in_(OPEN),
            job.update_time < now - datetime.timedelta(minutes=minutes),
            or_(started, never_started),
        )
        .order_by(job.id)
    )
    return [
        {
            "id": found.id,
            "user": found.user_id,
            "tool": found.tool_id,
            "state": str(getattr(found.state, "value", found.state)),
            "minutes": int((now - found.update_time).total_seconds() // 60),
            "task": found.job_runner_external_id,
            "changed_at": found.update_time.isoformat(),
        }
        for found in session.scalars(wanted)
    ]


def end(app: Any, job_model: Any, wrapper_class: Any, wanted: dict[str, Any], message: str) -> str | None:
    """End one job as Galaxy's job handlers do. Return its state, or None if it has changed since it was found.

    :param wanted: what `find` says of it.
    :param message: what its user is told.
    """
    from sqlalchemy import select

    session = app.model.context
    # Until it is ended nobody else changes it.
    job = session.scalars(
        select(job_model)
        .where(job_model.id == wanted["id"])
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if (job.state, job.update_time.isoformat()) != (wanted["state"], wanted["changed_at"]):
        session.rollback()
        return None
    wrapper = wrapper_class(job=job, app=app)
    # It wants the tool, and this application has none.
    wrapper._report_error = lambda: None
    if wanted["state"] == "deleting":
        # As JobHandlerStopQueue does. The user has deleted it, and mark_deleted has done all else.
        final = {"final_state": job.states.DELETED}
        if "supports_skip_locked" in inspect.signature(job.set_final_state).parameters:
            final["supports_skip_locked"] = app.application_stack.supports_skip_locked()
        job.set_final_state(**final)
        session.add(job)
        session.commit()
        wrapper.cleanup(delete_files=wrapper.cleanup_job in ("always", "onsuccess"))
    else:
        wrapper.fail(message)
    session.refresh(job)
    return str(getattr(job.state, "value", job.state))


def end_all(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """End the jobs that are asked for. Return id, state and error of each."""
    from galaxy.celery import build_app
    from galaxy.jobs import MinimalJobWrapper
    from galaxy.model import Job

    app, ended = build_app(), []
    for wanted in asked["jobs"]:
        told = {"id": wanted["id"], "state": None, "error": None}
        try:
            told["state"] = end(app, Job, MinimalJobWrapper, wanted, asked["message"])
        except Exception as exc:  # noqa: BLE001 the others are ended all the same
            told["error"] = f"{type(exc).__name__}: {exc}"
            with contextlib.suppress(Exception):
                app.model.context.rollback()
        ended.append(told)
    return ended


def find_all(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what `find` does, from the database that Galaxy's configuration names."""
    from galaxy.celery import get_config
    from galaxy.model import Job
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session
    from sqlalchemy.pool import NullPool

    with Session(create_engine(get_config().database_connection, poolclass=NullPool)) as session:
        return find(session, Job, asked["minutes"])


def main() -> None:
    """Do what stdin asks for."""
    asked = json.load(sys.stdin)
    # What Galaxy prints is not for the module.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            told: dict[str, Any] = {"jobs": (end_all if "jobs" in asked else find_all)(asked)}
        except Exception as exc:  # noqa: BLE001 the module tells the operator
            told = {"error": f"{type(exc).__name__}: {exc}"}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    # Galaxy's threads do not keep it from ending.
    sys.stderr.flush()
    import os

    os._exit(0)


if __name__ == "__main__":
    main()
