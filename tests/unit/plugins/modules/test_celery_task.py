"""celery_task: against a worker on the memory transport, and against RabbitMQ with three workers."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("celery", reason="Celery is not installed")

from ansible_collections.usegalaxy_eu.celery.plugins.modules import celery_info, celery_task
from ansible_collections.usegalaxy_eu.celery.plugins.modules.celery_task import Task

ADD = {"name": "probe.add", "args": [1, 2]}


def test_each_queue_is_proven(run, memory_worker):
    broker, backend, node = memory_worker
    result = run(
        celery_task,
        broker_url=broker,
        result_backend=backend,
        queues=["celery", "galaxy.internal"],
        nodes=[node],
        timeout_seconds=20,
        **ADD,
    )
    assert not result.get("failed"), result
    assert result["changed"] is False
    assert [(task["queue"], task["node"], task["state"], task["result"]) for task in result["tasks"]] == [
        ("celery", node, "SUCCESS", 3),
        ("galaxy.internal", node, "SUCCESS", 3),
    ]
    assert result["answer_by"] == "result_backend"
    assert all(task["seconds"] >= 0 for task in result["tasks"])


def test_without_nodes_one_task_a_queue(run, memory_worker):
    broker, backend, node = memory_worker
    result = run(celery_task, broker_url=broker, result_backend=backend, queues=["celery"], timeout_seconds=20, **ADD)
    assert [task["result"] for task in result["tasks"]] == [3]
    assert result["tasks"][0]["node"] == node


def test_a_failed_task_is_named_with_its_exception(run, memory_worker):
    broker, backend, node = memory_worker
    result = run(
        celery_task,
        broker_url=broker,
        result_backend=backend,
        name="probe.fail",
        queues=["celery"],
        nodes=[node],
        timeout_seconds=20,
    )
    assert result["failed"]
    assert "the database is away" in result["msg"]
    assert node in result["msg"]
    assert result["tasks"][0]["id"] in result["msg"]
    assert result["tasks"][0]["state"] == "FAILURE"


def test_an_unknown_task_is_a_failure(run, memory_worker):
    broker, backend, _node = memory_worker
    result = run(
        celery_task, broker_url=broker, result_backend=backend, name="probe.none", queues=["celery"], timeout_seconds=20
    )
    assert result["failed"]
    assert "NotRegistered" in result["msg"]


@pytest.mark.parametrize(
    ("probes", "name", "state"),
    [
        ([Task("probe.newer", {}), Task("probe.add", {"a": 1, "b": 2})], "probe.add", "SUCCESS"),
        ([Task("probe.fail", {}, refusal="database is away"), Task("probe.add", {})], "probe.fail", "FAILURE"),
        # A task of a user, where Galaxy may count them.
        ([Task("probe.fail", {"task_user_id": -1}), Task("probe.add", {"a": 1, "b": 2})], "probe.add", "SUCCESS"),
    ],
)
def test_without_a_name_the_first_task_that_the_nodes_have(run, memory_worker, monkeypatch, probes, name, state):
    broker, backend, node = memory_worker
    monkeypatch.setattr(celery_task, "PROBES", probes)
    for nodes in ([node], []):
        result = run(
            celery_task,
            broker_url=broker,
            result_backend=backend,
            queues=["celery", "galaxy.internal"],
            nodes=nodes,
            timeout_seconds=20,
        )
        assert not result.get("failed"), result
        assert {(task["name"], task["state"]) for task in result["tasks"]} == {(name, state)}
        assert {task["queue"] for task in result["tasks"]} == {"celery", "galaxy.internal"}


def test_that_nothing_is_found_is_a_proof_and_no_access_is_none():
    """Galaxy's rate limit notes a user before the task runs; user -1 breaks the session of the tasks that follow."""
    limited = [task for task in celery_task.PROBES if "task_user_id" not in task.kwargs]
    assert [task.refusal in "No row was found when one was required" for task in limited if task.refusal] == [True]
    assert limited[-1] is celery_task.PROBES[-1]
    assert limited[-1].refusal not in "permission denied for table history_dataset_collection_association"


def test_nodes_without_any_of_the_tasks_are_named(run, memory_worker):
    broker, backend, node = memory_worker
    result = run(celery_task, broker_url=broker, result_backend=backend, queues=["celery"], nodes=[node])
    assert result["failed"]
    assert f"{node} registered none of galaxy.cleanup_stale_concurrency_slots, galaxy.recalculate" in result["msg"]
    assert "Galaxy has them from 24.2 on" in result["msg"]
    assert result["tasks"] == []


def test_a_silent_node_is_no_node_without_the_task(run, memory_worker, monkeypatch):
    broker, backend, _node = memory_worker
    monkeypatch.setattr(celery_task, "PROBES", [Task("probe.none", {}), Task("probe.add", {"a": 1, "b": 2})])
    result = run(
        celery_task,
        broker_url=broker,
        result_backend=backend,
        queues=["celery"],
        nodes=["gone@test"],
        timeout_seconds=4,
    )
    assert result["failed"]
    assert "gone@test took no task and gives no answer to remote control" in result["msg"]


def test_a_missing_node_is_named(run, memory_worker):
    broker, backend, node = memory_worker
    result = run(
        celery_task,
        broker_url=broker,
        result_backend=backend,
        queues=["celery"],
        nodes=[node, "gone@test"],
        timeout_seconds=4,
        **ADD,
    )
    assert result["failed"]
    assert "gone@test took no task and gives no answer to remote control" in result["msg"]
    assert f"node {node} " not in result["msg"]


def test_a_missing_queue_is_named(run, memory_worker):
    broker, backend, _node = memory_worker
    result = run(celery_task, broker_url=broker, result_backend=backend, queues=["celery", "nowhere"], **ADD)
    assert result["failed"]
    assert "queue 'nowhere' cannot be used" in result["msg"]
    assert result["tasks"] == []


def test_a_backend_that_is_not_shared_is_named(run, memory_worker, tmp_path):
    broker, _backend, node = memory_worker
    result = run(
        celery_task,
        broker_url=broker,
        result_backend=f"file://{tmp_path}",
        queues=["celery"],
        nodes=[node],
        timeout_seconds=2,
        **ADD,
    )
    assert result["failed"]
    assert f"node {node} ran the task, but its result never came back" in result["msg"]
    assert "result_backend" in result["msg"]


@pytest.mark.parametrize("backend", ["file:///does/not/exist", "nonsense://x:hidden@y/", "db+nonsense://x:hidden@y/z"])
def test_a_wrong_backend_is_told_before_anything_is_sent(run, memory_worker, backend):
    broker, _backend, _node = memory_worker
    result = run(celery_task, broker_url=broker, result_backend=backend, queues=["celery"], **ADD)
    assert result["failed"]
    assert "the result backend cannot be read" in result["msg"]
    assert result["tasks"] == []
    assert "hidden" not in str(result)


def test_a_backend_is_needed_when_asked_for(run):
    result = run(celery_task, broker_url="memory://", queues=["celery"], answer_by="result_backend", **ADD)
    assert result["failed"]
    assert "none is configured" in result["msg"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timeout_seconds": 0}, "timeout_seconds is 0"),
        ({"queues": []}, "queues is empty"),
        ({"name": None}, "args or kwargs are given without name"),
        ({"nodes": ["worker-1"]}, "'worker-1', which is no Celery node name"),
        ({"broker_url": None}, "one of the following is required: galaxy_config_file, broker_url"),
        ({"galaxy_config_file": "/x"}, "mutually exclusive"),
    ],
)
def test_wrong_parameters(run, change, words):
    arguments = {"broker_url": "memory://", "queues": ["celery"], **ADD, **change}
    result = run(celery_task, **{key: value for key, value in arguments.items() if value is not None})
    assert result["failed"]
    assert words in result["msg"]


def test_check_mode_sends_nothing_and_says_so(run):
    result = run(celery_task, check=True, broker_url="amqp://u:p@127.0.0.1:1/v", queues=["celery"], **ADD)
    assert result["skipped"]
    assert result["tasks"] == []
    assert "no task was sent" in result["msg"]


def test_a_dead_broker_is_told_without_the_password(run, refused_port):
    url = f"amqp://galaxy:hid%2Fden@127.0.0.1:{refused_port}/galaxy"
    result = run(celery_task, broker_url=url, queues=["celery"], timeout_seconds=3, **ADD)
    assert result["failed"]
    assert "the connection was refused" in result["msg"]
    assert "hid" not in result["msg"]


def test_a_silent_broker_does_not_hang(run, silent_port):
    begin = time.monotonic()
    url = f"amqp://galaxy:hidden@127.0.0.1:{silent_port}/galaxy"
    result = run(celery_task, broker_url=url, queues=["celery"], timeout_seconds=1, **ADD)
    assert result["failed"]
    assert "timed out" in result["msg"]
    assert time.monotonic() - begin < 11


@pytest.mark.broker
class TestRabbitMQ:
    """With a real broker and three workers."""

    def test_every_node_takes_from_every_queue(self, run, broker_url, workers):
        result = run(
            celery_task,
            broker_url=broker_url,
            result_backend=workers,
            queues=["probe.a", "probe.b"],
            nodes=["worker-1@test-1", "worker-2@test-2"],
            timeout_seconds=30,
            **ADD,
        )
        assert not result.get("failed"), result
        proven = {(task["queue"], task["node"]) for task in result["tasks"] if task["state"] == "SUCCESS"}
        assert proven >= {(q, n) for q in ("probe.a", "probe.b") for n in ("worker-1@test-1", "worker-2@test-2")}

    @pytest.mark.parametrize("answer_by", ["result_backend", "callback"])
    def test_a_connection_that_breaks_off_is_made_anew(self, run, cut_port, workers, answer_by, monkeypatch):
        warnings = []
        monkeypatch.setattr(celery_task.AnsibleModule, "warn", lambda _self, text: warnings.append(text))
        nodes = ["worker-1@test-1", "worker-2@test-2"]
        result = run(
            celery_task,
            broker_url=cut_port(b"probe.add", times=2),
            result_backend=workers,
            answer_by=answer_by,
            queues=["probe.a"],
            nodes=nodes,
            timeout_seconds=30,
            **ADD,
        )
        assert not result.get("failed"), result
        assert {task["node"] for task in result["tasks"] if task["state"] == "SUCCESS"} == set(nodes)
        assert len(warnings) == 2
        assert "sent again over a new connection: broker amqp://" in warnings[0]

    def test_one_that_breaks_off_again_and_again_is_a_failure(self, run, cut_port, workers):
        url = cut_port(b"probe.add", times=1000)
        result = run(celery_task, broker_url=url, result_backend=workers, queues=["probe.a"], timeout_seconds=3, **ADD)
        assert result["failed"]
        assert "the connection broke off" in result["msg"]
        assert "look into the broker's log" in result["msg"]

    def test_answers_by_callback(self, run, broker_url, workers):
        result = run(
            celery_task,
            broker_url=broker_url,
            queues=["probe.a"],
            nodes=["worker-1@test-1", "worker-2@test-2"],
            timeout_seconds=30,
            **ADD,
        )
        assert result["answer_by"] == "callback"
        assert {task["result"] for task in result["tasks"]} == {3}

    def test_a_failure_by_callback(self, run, broker_url, workers):
        result = run(
            celery_task,
            broker_url=broker_url,
            name="probe.fail",
            queues=["probe.a"],
            nodes=["worker-2@test-2"],
            timeout_seconds=30,
        )
        assert "the database is away" in result["msg"]

    def test_a_failure_by_callback_without_events(self, run, broker_url, workers):
        for _round in range(4):  # the worker that sends events may take it
            result = run(celery_task, broker_url=broker_url, name="probe.fail", queues=["probe.b"], timeout_seconds=30)
            assert result["failed"]
            if "node unknown" in result["msg"]:
                break
        assert "sends no task events" in result["msg"]

    def test_an_unknown_task_by_callback(self, run, broker_url, workers):
        result = run(
            celery_task,
            broker_url=broker_url,
            name="probe.none",
            queues=["probe.a"],
            nodes=["worker-1@test-1", "worker-2@test-2"],
            timeout_seconds=30,
        )
        assert "NotRegistered" in result["msg"]

    def test_a_task_that_ignores_its_result(self, run, broker_url, workers):
        arguments = {
            "broker_url": broker_url,
            "name": "probe.ignored",
            "queues": ["probe.a"],
            "nodes": ["worker-1@test-1", "worker-2@test-2"],
            "timeout_seconds": 30,
        }
        # The message's own header wins over the task's ignore_result.
        for change in ({"result_backend": workers}, {"answer_by": "callback"}):
            result = run(celery_task, **change, **arguments)
            assert {task["result"] for task in result["tasks"]} == {1}

    def test_a_node_that_does_not_consume_is_told_from_a_dead_one(self, run, broker_url, workers):
        result = run(
            celery_task,
            broker_url=broker_url,
            result_backend=workers,
            queues=["probe.a"],
            nodes=["worker-1@test-1", "worker-3@test-3"],
            timeout_seconds=5,
            **ADD,
        )
        assert "node worker-3@test-3 does not consume from it, but from ['probe.b']" in result["msg"]

    def test_a_task_that_does_not_end(self, run, broker_url, workers):
        result = run(
            celery_task,
            broker_url=broker_url,
            result_backend=workers,
            name="probe.sleep",
            args=[4],
            queues=["probe.a"],
            nodes=["worker-1@test-1", "worker-2@test-2"],
            timeout_seconds=2,
        )
        assert "took task" in result["msg"]
        assert "did not end it" in result["msg"]

    def test_events_are_off_again_afterwards(self, run, broker_url, workers):
        import celery

        run(
            celery_task,
            broker_url=broker_url,
            result_backend=workers,
            queues=["probe.b"],
            nodes=["worker-3@test-3"],
            timeout_seconds=30,
            **ADD,
        )
        app = celery.Celery(broker=broker_url, set_as_current=False)
        try:
            reply = app.control.disable_events(destination=["worker-3@test-3"], reply=True, timeout=5)
        finally:
            app.close()
        assert reply == [{"worker-3@test-3": {"ok": "task events already disabled"}}]

    def test_nothing_is_left_in_the_queue(self, run, broker_url, workers):
        import kombu

        with kombu.Connection(broker_url) as connection:
            channel = connection.channel()
            channel.queue_declare("probe.nobody", durable=True, auto_delete=False)
            result = run(celery_task, broker_url=broker_url, queues=["probe.nobody"], timeout_seconds=1, **ADD)
            assert "has 0 consumers and" in result["msg"]
            time.sleep(1)
            left = channel.queue_declare("probe.nobody", passive=True).message_count
            channel.queue_delete("probe.nobody")
        assert left == 0

    def test_info_tells_workers_and_queues(self, run, broker_url, workers):
        nodes = [f"worker-{number}@test-{number}" for number in (1, 2, 3)]
        result = run(celery_info, broker_url=broker_url, nodes=nodes, require_nodes=True, timeout_seconds=10)
        assert result["queues"] == {"probe.a": nodes[:2], "probe.b": nodes}
        assert {node["concurrency"] for node in result["nodes"].values()} == {2}
        assert all(node["pool"].endswith("thread:TaskPool") for node in result["nodes"].values())

    def test_info_of_all_nodes(self, run, broker_url, workers):
        result = run(celery_info, broker_url=broker_url, timeout_seconds=2)
        assert set(result["nodes"]) >= {f"worker-{number}@test-{number}" for number in (1, 2, 3)}
