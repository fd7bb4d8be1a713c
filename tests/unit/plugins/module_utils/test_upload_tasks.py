# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_upload_tasks: what it takes for a sign of life, and when it says that it does not know."""

from __future__ import annotations

import contextlib
import os
import time
from types import SimpleNamespace
from typing import ClassVar

import pytest

pytest.importorskip("celery", reason="Celery is not installed")

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _upload_tasks
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import CeleryModuleError, Settings

NODES = ["worker-1@a", "worker-1@b"]
IDLE = {node: [] for node in NODES}
ROUTES = {"galaxy.fetch_data": "galaxy.external", "galaxy.set_job_metadata": {"queue": "metadata"}}
SETUP = {"id": "id-1", "name": "galaxy.setup_fetch_data", "args": "[11]", "kwargs": "{'raw_tool_source': '<tool ...'}"}
FETCH = {"id": "id-2", "name": "galaxy.fetch_data", "args": "(('/srv/1', '2'),)", "kwargs": "{'job_id': 12}"}
OTHER = {"id": "id-3", "name": "galaxy.purge_hda", "args": "()", "kwargs": "{'hda_id': 13}"}


class Stack:
    """Broker and workers: what they answer, one after another for each round; the last answer stays."""

    def __init__(self, monkeypatch):
        self.pings = [NODES]
        self.queues = {"galaxy.internal": [(0, 2)], "galaxy.external": [(0, 1)], "metadata": [(0, 0)]}
        internal = {"name": "galaxy.internal"}
        consumed = {NODES[0]: [internal], NODES[1]: [internal, {"name": "galaxy.external"}]}
        self.answers = {"active_queues": [consumed], "registered": [IDLE]}
        self.answers.update({question: [IDLE] for question in _upload_tasks.QUESTIONS})
        self.settings = Settings({"broker_url": "memory://"})
        self.settings.connection = lambda _app, _seconds: contextlib.nullcontext(SimpleNamespace(connection_errors=()))
        monkeypatch.setattr(_upload_tasks, "PAUSE_SECONDS", 0)
        self.look = _upload_tasks.Look(self.settings, {"celery_conf": {"task_routes": ROUTES}}, [])
        self.look._counts = lambda _connection, name: self.next(self.queues.get(name, [None]))
        self.look.app = SimpleNamespace(control=self)

    @staticmethod
    def next(answers):
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def ping(self, **_how):
        return [{node: {"ok": "pong"}} for node in self.next(self.pings)]

    def inspect(self, destination, limit, **_how):
        assert limit == len(destination)
        answers = {question: self.next(self.answers[question]) for question in self.answers}

        def ask(question):
            return lambda *_about: {node: answer for node, answer in answers[question].items() if node in destination}

        return SimpleNamespace(**{question: ask(question) for question in answers})

    def run(self, seconds=0):
        return self.look.run(seconds)


@pytest.fixture
def stack(monkeypatch):
    """Two workers with nothing to do."""
    return Stack(monkeypatch)


def test_nothing_is_anywhere(stack):
    assert (stack.run().jobs, stack.run().ids) == (set(), set())


@pytest.mark.parametrize("question", _upload_tasks.QUESTIONS)
def test_what_a_worker_has_is_alive(stack, question):
    entries = [SETUP, FETCH, OTHER]
    if question == "scheduled":
        entries = [{"eta": "2026-01-01", "request": entry} for entry in entries]
    stack.answers[question] = [{NODES[0]: [], NODES[1]: entries}]
    seen = stack.run()
    assert (seen.jobs, seen.ids) == ({11, 12}, {"id-1", "id-2", "id-3"})


def test_what_moves_on_meanwhile_is_seen_in_a_later_round(stack):
    # Each answer is taken six times in a round.
    stack.answers["active"] = [*[IDLE] * 12, {**IDLE, NODES[0]: [FETCH]}]
    assert stack.run().jobs == {12}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"queues": {"galaxy.internal": [(3, 2)]}}, "queue galaxy.internal has 3 waiting messages"),
        ({"queues": {"metadata": [(1, 0)]}}, "queue metadata has 1 waiting"),
        ({"queues": {"celery_delayed_0": [(0, 0)], "celery_delayed_1": [(2, 0)]}}, "celery_delayed_1 has 2 waiting"),
        ({"queues": {"galaxy.external": [(0, 2)]}}, "galaxy.external has 2 consumers, and only 1 answer: worker-1@b"),
        ({"pings": [[]]}, "no worker answers"),
        ({"answers": {"active": [{NODES[0]: []}]}}, "worker-1@b gave no answer"),
        ({"answers": {"reserved": [{**IDLE, NODES[0]: {"error": "busy"}}]}}, "worker-1@a gave no answer"),
        (
            {"answers": {"registered": [{**IDLE, NODES[0]: ["galaxy.fetch_data [rate_limit=5/m]"]}]}},
            "worker-1@a has galaxy.fetch_data [rate_limit=5/m]",
        ),
        (
            {"answers": {"active": [{**IDLE, NODES[0]: [{**FETCH, "kwargs": "{}", "args": "(('/'), )"}]}]}},
            "galaxy.fetch_data id-2, which names no job",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_does_not_know(stack, change, words):
    for name, values in change.items():
        if isinstance(values, dict):
            getattr(stack, name).update(values)
        else:
            setattr(stack, name, values)
    with pytest.raises(CeleryModuleError) as told:
        stack.run()
    assert words in str(told.value)


def test_a_node_of_the_inventory_must_answer(stack):
    stack.look.nodes = {"worker-2@a"}
    with pytest.raises(CeleryModuleError) as told:
        stack.run()
    assert "worker-2@a gave no answer" in str(told.value)


def test_beat_is_no_worker(stack):
    stack.pings = [[*NODES, "celerybeat@a"]]
    assert stack.run().jobs == set()


def test_it_waits_for_a_better_moment(stack):
    stack.queues["galaxy.internal"] = [(5, 2), (1, 2), (0, 2)]
    stack.pings = [[], NODES]
    assert stack.run(seconds=30).jobs == set()


def test_a_limit_of_another_task_is_no_matter(stack):
    stack.answers["registered"] = [{NODES[0]: ["galaxy.purge_hda [rate_limit=5/m]", "galaxy.fetch_data"], NODES[1]: []}]
    assert stack.run().jobs == set()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {}, None),
        # That of a task that a worker names.
        ({2: "a"}, {2: "a"}, None),
        # Given back, or taken, in the meantime.
        ({5: "a"}, {}, None),
        ({}, {5: "a"}, None),
        ({2: "a", 5: "process 9"}, {2: "a", 5: "process 9"}, "1 locks of tasks that no worker names, of process 9"),
    ],
)
def test_locks(stack, monkeypatch, before, after, words):
    looks = [before, after]
    monkeypatch.setattr(_upload_tasks, "locks", lambda _backend: looks.pop(0))
    monkeypatch.setattr(_upload_tasks, "hashes", lambda _backend, ids: {int(task_id[-1]) for task_id in ids})
    stack.answers["active"] = [{NODES[0]: [FETCH], NODES[1]: []}]
    with pytest.raises(CeleryModuleError) if words else contextlib.nullcontext() as told:
        stack.run()
    assert words is None or words in str(told.value)


@pytest.mark.parametrize("backend", [None, "redis://127.0.0.1", "db+sqlite:///x"])
def test_locks_are_postgresqls(backend):
    assert _upload_tasks.locks(backend) == {}


@pytest.mark.broker
class TestWithABroker:
    """A real RabbitMQ with three real workers, and a real PostgreSQL."""

    SECTION: ClassVar = {"celery_conf": {"task_default_queue": "probe.a"}}

    @pytest.fixture
    def settings(self, broker_url, workers):
        return Settings({"broker_url": broker_url})

    def look(self, settings, section=None, seconds=20):
        nodes = [f"worker-{number}@test-{number}" for number in (1, 2, 3)]
        return _upload_tasks.Look(settings, section or self.SECTION, nodes).run(seconds)

    def test_what_runs_and_what_is_for_later_is_seen(self, settings):
        app = settings.app(5)
        sent = {app.send_task("probe.sleep", args=[20], queue="probe.b").id}
        sent.add(app.send_task("probe.add", args=[1, 2], queue="probe.b", countdown=40).id)
        time.sleep(1)
        assert sent <= self.look(settings).ids

    def test_what_waits_is_not_looked_at(self, settings):
        app = settings.app(5)
        section = {"celery_conf": {"task_default_queue": "probe.nobody"}}
        try:
            self.look(settings, section)
            app.send_task("galaxy.finish_job", queue="probe.nobody")
            with pytest.raises(CeleryModuleError) as told:
                self.look(settings, section, 0)
            assert "queue probe.nobody has 1 waiting messages" in str(told.value)
        finally:
            with app.connection_for_write() as connection, connection.channel() as channel:
                channel.queue_delete("probe.nobody")

    def test_a_consumer_that_says_nothing_is_noticed(self, settings):
        app = settings.app(5)
        with app.connection_for_write() as connection, connection.channel() as channel:
            channel.basic_consume("probe.a", callback=lambda _message: None)
            with pytest.raises(CeleryModuleError) as told:
                self.look(settings, seconds=0)
        assert "queue probe.a has 3 consumers, and only 2 answer: worker-1@test-1, worker-2@test-2" in str(told.value)

    def test_locks_of_tasks(self):
        sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
        url = os.environ["TESTBED_DATABASE_URL"]
        ids = {f"id-{number}" for number in range(20)}
        with sqlalchemy.create_engine(url).connect() as connection:
            for task_id in ids:
                query = sqlalchemy.text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
                assert connection.execute(query, {"key": task_id}).scalar()
            held = _upload_tasks.locks(f"db+{url}")
        assert set(held) == _upload_tasks.hashes(f"db+{url}", ids)
