# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""galaxy_jobs: what it decides and says.

What is alive is held by test_upload_tasks, what Galaxy does by test_galaxy_jobs of the module_utils and the scenario
faults. In the place of Galaxy's code is a package `galaxy` of its own.
"""

from __future__ import annotations

import pytest
import yaml

pytest.importorskip("celery", reason="Celery is not installed")

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _upload_tasks
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import CeleryModuleError
from ansible_collections.usegalaxy_eu.celery.plugins.modules import galaxy_jobs

COMMON = {"id": 1, "user": 7, "tool": "__DATA_FETCH__", "state": "new", "minutes": 30}
JOB = {**COMMON, "task": None, "changed_at": "2026-01-01"}
SHOWN = {**COMMON, "becomes": "error", "ended": False, "note": ""}
URL = "amqp://galaxy:hidden@127.0.0.1/galaxy"
DELETING = {**JOB, "id": 2, "state": "deleting", "task": "id-2"}


class Galaxy:
    """What Galaxy has and is asked for."""

    def __init__(self):
        self.old, self.asked, self.outcomes = [JOB, DELETING], [], {}
        self.seen = _upload_tasks.Seen()

    def answer(self, _module, asked):
        self.asked.append(asked)
        if "jobs" not in asked:
            return self.old
        ended = [{"id": job["id"], "state": "error", "error": None} for job in asked["jobs"]]
        for job, wanted in zip(ended, asked["jobs"]):
            if wanted["state"] == "deleting":
                job["state"] = "deleted"
            job.update(self.outcomes.get(job["id"], {}))
        return ended

    def look(self):
        if isinstance(self.seen, str):
            raise CeleryModuleError(self.seen)
        return self.seen


@pytest.fixture
def galaxy(monkeypatch):
    """A Galaxy with two uploads that hang."""
    galaxy = Galaxy()
    monkeypatch.setattr(galaxy_jobs, "ask_galaxy", galaxy.answer)
    monkeypatch.setattr(_upload_tasks.Look, "run", lambda _look, _seconds: galaxy.look())
    return galaxy


@pytest.fixture
def jobs(run, tmp_path):
    """Run the module."""
    path = tmp_path / "galaxy.yml"
    path.write_text(yaml.safe_dump({"galaxy": {"amqp_internal_connection": URL}}), encoding="utf-8")

    def run_jobs(**arguments):
        return run(galaxy_jobs, galaxy_config_file=str(path), galaxy_server_dir=str(tmp_path), **arguments)

    return run_jobs


def test_it_lists(galaxy, jobs):
    result = jobs(minutes=20)
    assert result["changed"] is False
    assert result["jobs"] == [SHOWN, {**SHOWN, "id": 2, "state": "deleting", "becomes": "deleted"}]
    assert galaxy.asked == [{"minutes": 20}]
    assert "hidden" not in str(result)


def test_check_mode_says_what_it_would_end(galaxy, jobs):
    result = jobs(check=True, end=True)
    assert result["changed"] is True
    assert [(job["becomes"], job["ended"]) for job in result["jobs"]] == [("error", False), ("deleted", False)]
    assert len(galaxy.asked) == 1


def test_it_ends(galaxy, jobs):
    result = jobs(end=True, reason="again, please")
    assert result["changed"] is True
    assert [(job["id"], job["ended"], job["note"]) for job in result["jobs"]] == [(1, True, ""), (2, True, "")]
    assert galaxy.asked[1] == {"jobs": [JOB, DELETING], "message": "again, please"}


def test_what_is_alive_is_left(galaxy, jobs):
    galaxy.old = [JOB, DELETING, {**JOB, "id": 3}]
    galaxy.seen = _upload_tasks.Seen(jobs={1}, ids={"id-2"})
    result = jobs(end=True)
    assert [job["id"] for job in result["jobs"]] == [3]
    assert result["alive"] == 2
    assert [job["id"] for job in galaxy.asked[1]["jobs"]] == [3]


def test_nothing_hangs(galaxy, jobs):
    galaxy.old, galaxy.seen = [], "nobody is to be asked"
    result = jobs(end=True)
    assert (result["changed"], result["jobs"], result["alive"], result["broker"]) == (False, [], 0, None)
    assert len(galaxy.asked) == 1


def test_nothing_is_ended_while_it_does_not_know(galaxy, jobs):
    galaxy.seen = "queue galaxy.internal has 3 waiting messages."
    result = jobs(end=True)
    assert result["failed"]
    assert result["msg"] == "nothing was ended: queue galaxy.internal has 3 waiting messages."
    assert [job["id"] for job in result["jobs"]] == [1, 2]
    assert len(galaxy.asked) == 1


def test_what_has_changed_is_told(galaxy, jobs):
    galaxy.outcomes = {1: {"state": None}, 2: {"state": None}}
    result = jobs(end=True)
    assert (result["changed"], "failed" in result) == (False, False)
    assert [job["note"] for job in result["jobs"]] == [galaxy_jobs.MOVED] * 2


def test_what_galaxy_cannot_end_is_told(galaxy, jobs):
    galaxy.outcomes = {1: {"state": None, "error": "OSError: postgresql://galaxy:secret@db/galaxy: no space left"}}
    result = jobs(end=True)
    assert result["failed"]
    assert "Galaxy could not end 1 (OSError" in result["msg"]
    assert "secret" not in result["msg"]
    assert [(job["id"], job["ended"]) for job in result["jobs"]] == [(1, False), (2, True)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"minutes": 0}, "minutes is 0"),
        ({"timeout_seconds": 0}, "timeout_seconds is 0"),
        ({"nodes": ["w"]}, "no Celery node name"),
    ],
)
def test_wrong_parameters(galaxy, jobs, change, words):
    result = jobs(**change)
    assert result["failed"]
    assert words in result["msg"]


def write_galaxy(folder, celery):
    """A package in the place of Galaxy's code."""
    library = folder / "lib" / "galaxy"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("", encoding="utf-8")
    (library / "model.py").write_text("Job = None\n", encoding="utf-8")
    (library / "celery.py").write_text(celery, encoding="utf-8")


@pytest.mark.parametrize(
    ("celery", "words"),
    [
        (
            "print('a word')\nraise RuntimeError('no such base')\n",
            "RuntimeError: no such base. Run this as Galaxy's user",
        ),
        ("import os\nos._exit(3)\n", "Galaxy's code ended with 3: no word. Check galaxy_server_dir."),
    ],
)
def test_what_ails_galaxy_is_told(jobs, tmp_path, celery, words):
    write_galaxy(tmp_path, celery)
    result = jobs()
    assert result["failed"]
    assert words in result["msg"]
    assert "jobs" not in result


def test_there_is_no_galaxy(jobs):
    result = jobs()
    assert result["failed"]
    assert "No module named 'galaxy'" in result["msg"]
