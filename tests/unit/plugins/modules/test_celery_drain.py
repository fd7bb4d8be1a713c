# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""celery_drain: against a worker on the memory transport, and with nodes that are told what to answer."""

from __future__ import annotations

import os
import signal

import pytest

pytest.importorskip("celery", reason="Celery is not installed")

from unit.plugins.module_utils.test_celery_drain import NODE, QUEUES, Nodes, task

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _celery_drain
from ansible_collections.usegalaxy_eu.celery.plugins.modules import celery_drain, celery_info

BUSY = {"active": [task("galaxy.export", 1)], "reserved": [task("galaxy.purge", 2)]}


@pytest.fixture
def nodes(monkeypatch):
    """Put nodes in the place of the broker."""

    def make(*rounds, **options):
        made = Nodes(*rounds, **options)
        monkeypatch.setattr(celery_drain, "Remote", lambda _settings: made)
        monkeypatch.setattr(_celery_drain, "POLL_SECONDS", 0.01)
        return made

    return make


def test_a_real_node_stops_consuming_and_starts_again(run, memory_worker):
    broker, _backend, node = memory_worker
    result = run(celery_drain, broker_url=broker, nodes=[node], timeout_seconds=30)
    assert not result.get("failed"), result
    assert result["drained"] and result["changed"]
    assert result["nodes"][node]["queues"] == ["celery", "galaxy.internal"]
    assert run(celery_info, broker_url=broker, nodes=[node])["nodes"][node]["queues"] == []
    again = run(celery_drain, broker_url=broker, nodes=[node], timeout_seconds=30)
    assert again["drained"] and not again["changed"]
    queues = ["celery", "galaxy.internal"]
    back = run(celery_drain, broker_url=broker, nodes=[node], state="consuming", queues=queues, timeout_seconds=30)
    assert back["changed"], back
    assert run(celery_info, broker_url=broker, nodes=[node])["nodes"][node]["queues"] == queues
    assert not run(celery_drain, broker_url=broker, nodes=[node], state="consuming", queues=queues)["changed"]


def test_check_mode_asks_and_cancels_nothing(run, memory_worker):
    broker, _backend, node = memory_worker
    result = run(celery_drain, check=True, broker_url=broker, nodes=[node])
    assert result["changed"]
    assert result["nodes"][node]["queues"] == ["celery", "galaxy.internal"]
    assert run(celery_info, broker_url=broker, nodes=[node])["nodes"][node]["queues"] == ["celery", "galaxy.internal"]


def test_a_busy_node_fails_by_name_and_id_and_is_left_without_consumers(run, nodes):
    made = nodes(BUSY)
    result = run(celery_drain, broker_url="memory://", nodes=[NODE], timeout_seconds=1)
    assert result["failed"]
    assert f"{NODE} still has galaxy.export id-1 (active), galaxy.purge id-2 (reserved)" in result["msg"]
    assert [found["id"] for found in result["nodes"][NODE]["running"]] == ["id-1", "id-2"]
    assert made.consumed[NODE] == {}
    assert made.added == []


def test_a_busy_node_consumes_again_with_resume(run, nodes):
    made = nodes(BUSY)
    result = run(celery_drain, broker_url="memory://", nodes=[NODE], timeout_seconds=1, on_timeout="resume")
    assert result["failed"]
    assert result["msg"].endswith("The nodes consume again.")
    assert sorted(made.consumed[NODE]) == QUEUES
    assert result["changed"] is False


def test_consumers_that_cannot_be_given_back_are_told(run, nodes, monkeypatch):
    made = nodes(BUSY)
    monkeypatch.setattr(celery_drain, "RESUME_SECONDS", 0)
    monkeypatch.setattr(made, "add", lambda *_args: None)
    result = run(celery_drain, broker_url="memory://", nodes=[NODE], timeout_seconds=1, on_timeout="resume")
    assert "could NOT be given back" in result["msg"]
    assert result["changed"] is True


def test_the_file_of_a_process_that_has_ended_is_not_missed(run, nodes, tmp_path):
    """Its successor has read the other one; where there is no other one, it is missed by name."""
    nodes({})
    there, gone = tmp_path / "galaxy.yml", tmp_path / "gone" / "galaxy.yml"
    there.write_text("galaxy:\n  amqp_internal_connection: memory://\n", encoding="utf-8")
    given = {"nodes": [NODE], "galaxy_config_file": str(gone), "timeout_seconds": 5}
    assert run(celery_drain, **given, fallback_config_file=str(there))["drained"]
    result = run(celery_drain, **given)
    assert result["failed"]
    assert f"{gone} does not exist" in result["msg"]


def test_report_succeeds_and_names_what_would_be_lost(run, nodes):
    nodes(BUSY)
    result = run(celery_drain, broker_url="memory://", nodes=[NODE], timeout_seconds=1, on_timeout="report")
    assert not result.get("failed")
    assert result["drained"] is False
    assert {found["name"] for found in result["nodes"][NODE]["running"]} == {"galaxy.export", "galaxy.purge"}


def test_a_node_that_never_answers_is_not_idle(run, nodes, monkeypatch):
    monkeypatch.setattr(celery_drain, "FIRST_ANSWER_SECONDS", 0.1)
    nodes(None)
    # Without an end in time it still ends, since the node is not there.
    result = run(celery_drain, broker_url="memory://", nodes=[NODE], timeout_seconds=0)
    assert result["failed"]
    assert "cannot be asked" in result["msg"] and "taken for busy" in result["msg"]


def test_a_signal_gives_the_consumers_back(run, nodes, monkeypatch):
    made = nodes(BUSY)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    rounds, ask = [], made.ask

    def interrupted(*arguments):
        rounds.append(1)
        if len(rounds) == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return ask(*arguments)

    monkeypatch.setattr(made, "ask", interrupted)
    try:
        result = run(celery_drain, broker_url="memory://", nodes=[NODE], timeout_seconds=60, on_timeout="resume")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert result["failed"]
    assert "ended by signal SIGTERM" in result["msg"]
    assert sorted(made.consumed[NODE]) == QUEUES


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timeout_seconds": -1}, "timeout_seconds is -1"),
        ({"nodes": []}, "nodes is empty"),
        ({"nodes": ["worker-1"]}, "no Celery node name"),
        ({"state": "consuming"}, "queues is empty"),
        ({"on_timeout": "kill"}, "one of: fail, resume, report"),
    ],
)
def test_wrong_parameters(run, change, words):
    result = run(celery_drain, **{"broker_url": "memory://", "nodes": [NODE], **change})
    assert result["failed"]
    assert words in result["msg"]


def test_a_dead_broker_is_told_at_once_and_shows_no_password(run, refused_port):
    url = f"amqp://galaxy:hidden@127.0.0.1:{refused_port}/galaxy"
    result = run(celery_drain, broker_url=url, nodes=[NODE])
    assert result["failed"]
    assert "the connection was refused" in result["msg"]
    assert "hidden" not in str(result)
