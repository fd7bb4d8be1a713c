"""celery_info: against a worker on the memory transport; with RabbitMQ see test_celery_task."""

from __future__ import annotations

import pytest

pytest.importorskip("celery", reason="Celery is not installed")

from ansible_collections.usegalaxy_eu.celery.plugins.modules import celery_info


def test_a_worker_is_described(run, memory_worker):
    broker, _backend, node = memory_worker
    result = run(celery_info, broker_url=broker, nodes=[node], require_nodes=True, timeout_seconds=10)
    assert not result.get("failed"), result
    known = result["nodes"][node]
    assert (known["answered"], known["kind"], known["idle"]) == (True, "worker", True)
    assert (known["active"], known["reserved"], known["scheduled"]) == (0, 0, 0)
    assert known["queues"] == ["celery", "galaxy.internal"]
    assert known["prefetch_count"] >= 1
    assert result["queues"] == {"celery": [node], "galaxy.internal": [node]}
    assert result["missing"] == []
    assert result["changed"] is False


def test_silence_is_not_idle(run, memory_worker):
    broker, _backend, node = memory_worker
    result = run(celery_info, broker_url=broker, nodes=[node, "gone@test"], timeout_seconds=1)
    assert result["missing"] == ["gone@test"]
    gone = result["nodes"]["gone@test"]
    assert gone["answered"] is False
    assert gone["idle"] is None
    assert gone["active"] is None
    assert result["nodes"][node]["answered"] is True


def test_a_question_without_an_answer_leaves_idle_unknown():
    details = {"active": {}, "reserved": {"n@h": []}, "scheduled": {"n@h": []}, "active_queues": {}, "stats": {}}
    known = celery_info._describe("n@h", details)
    assert known["answered"] is True
    assert (known["idle"], known["active"], known["reserved"], known["queues"]) == (None, None, 0, None)


def test_a_missing_node_fails_when_required(run, memory_worker):
    broker, _backend, node = memory_worker
    result = run(celery_info, broker_url=broker, nodes=[node, "gone@test"], require_nodes=True, timeout_seconds=1)
    assert result["failed"]
    assert "no answer within 1 s from gone@test" in result["msg"]
    assert result["missing"] == ["gone@test"]
    assert result["nodes"][node]["answered"] is True


def test_all_nodes_without_names(run, memory_worker):
    broker, _backend, node = memory_worker
    assert node in run(celery_info, broker_url=broker, timeout_seconds=1)["nodes"]


def test_nobody_at_all_fails_when_required(run, monkeypatch):
    monkeypatch.setattr(celery_info, "gather", lambda *_args: {})
    result = run(celery_info, broker_url="memory://", require_nodes=True, timeout_seconds=1)
    assert result["failed"]
    assert "from any node" in result["msg"]


def test_beat_is_no_worker(run, monkeypatch):
    monkeypatch.setattr(celery_info, "_ping", lambda *_args: {"celerybeat@host"})
    result = run(celery_info, broker_url="memory://", timeout_seconds=1)
    assert result["nodes"]["celerybeat@host"]["kind"] == "beat"
    assert result["nodes"]["celerybeat@host"]["idle"] is None


@pytest.mark.parametrize(
    ("change", "words"),
    [({"timeout_seconds": 0}, "timeout_seconds is 0"), ({"nodes": ["worker-1"]}, "no Celery node name")],
)
def test_wrong_parameters(run, change, words):
    result = run(celery_info, broker_url="memory://", **change)
    assert result["failed"]
    assert words in result["msg"]


def test_a_dead_broker_is_told(run, refused_port):
    url = f"amqp://galaxy:hidden@127.0.0.1:{refused_port}/galaxy"
    result = run(celery_info, broker_url=url, nodes=["n@h"], timeout_seconds=2)
    assert result["failed"]
    assert "the connection was refused" in result["msg"]
    assert "hidden" not in str(result)
    assert result["missing"] == ["n@h"]


def test_it_runs_in_check_mode(run, memory_worker):
    broker, _backend, node = memory_worker
    assert run(celery_info, check=True, broker_url=broker, nodes=[node])["nodes"][node]["answered"]
