# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The counting of the stream of uploads: what a scenario takes for the number of those that are lost."""

import importlib.util
import json
import threading
import urllib.request
from pathlib import Path

import pytest

MOLECULE = Path(__file__).resolve().parents[2] / "molecule"
PATH = MOLECULE / "shared" / "files" / "upload_stream.py"


@pytest.fixture
def upload_stream(monkeypatch):
    """The program as a module, which looks without a pause."""
    spec = importlib.util.spec_from_file_location("upload_stream", PATH)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "upload_stream", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0)
    return module


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock at 0."""
    return Clock()


@pytest.fixture
def ledger(upload_stream, clock):
    """A ledger with three uploads of 100 bytes that Galaxy has accepted."""
    ledger = upload_stream.Ledger(clock)
    for number in range(3):
        ledger.answered(ledger.begin(f"slow-{number}", 100), "accepted")
    return ledger


def dataset(name, state, size=100):
    """What Galaxy says of one."""
    return {"name": name, "state": state, "file_size": size}


def figures(ledger):
    """The counts alone."""
    report = ledger.report()
    return report["asked"], report["ok"], report["lost"], report["outcomes"]


def test_what_is_ok_and_has_its_size_is_not_lost(ledger):
    ledger.settle([dataset(f"slow-{number}", "ok") for number in range(3)])
    assert figures(ledger) == (3, 3, 0, {"ok": 3})
    assert ledger.open() == []


def test_what_is_ok_and_too_short_is_lost(ledger):
    ledger.settle([dataset("slow-0", "ok", 99), dataset("slow-1", "ok"), dataset("slow-2", "ok", None)])
    assert figures(ledger) == (3, 1, 2, {"ok": 1, "wrong size": 2})
    assert ledger.report()["failed"] == {"slow-0": "wrong size", "slow-2": "wrong size"}


@pytest.mark.parametrize("state", ["new", "queued", "running", "setting_metadata"])
def test_what_never_ends_is_lost_by_the_state_that_it_stays_in(ledger, state):
    ledger.settle([dataset("slow-0", state), dataset("slow-1", "ok"), dataset("slow-2", "ok")])
    assert figures(ledger) == (3, 2, 1, {"ok": 2, state: 1})
    assert [upload.name for upload in ledger.open()] == ["slow-0"]


@pytest.mark.parametrize("state", ["error", "failed_metadata", "paused", "discarded", "empty"])
def test_what_ends_otherwise_than_ok_is_lost_and_not_waited_for(ledger, state):
    ledger.settle([dataset("slow-0", state), dataset("slow-1", "ok"), dataset("slow-2", "ok")])
    assert figures(ledger) == (3, 2, 1, {state: 1, "ok": 2})
    assert ledger.open() == []


def test_what_was_refused_is_not_lost_and_not_waited_for(ledger):
    ledger.settle([dataset(f"slow-{number}", "ok") for number in range(3)])
    ledger.answered(ledger.begin("slow-3", 100), "refused")
    assert figures(ledger) == (4, 3, 0, {"ok": 3, "refused": 1})
    assert ledger.report()["refused"] == 1
    assert ledger.open() == []


def test_a_refusal_that_left_a_dataset_is_followed(ledger):
    """Galaxy answers 500 when it cannot hand the task over, and the dataset is there all the same."""
    ledger.settle([dataset(f"slow-{number}", "ok") for number in range(3)])
    ledger.answered(ledger.begin("slow-3", 100), "refused")
    ledger.settle([dataset("slow-3", "queued")])
    assert figures(ledger) == (4, 3, 0, {"ok": 3, "queued": 1})
    assert [upload.name for upload in ledger.open()] == ["slow-3"]


def test_what_is_left_open_hangs_also_when_it_was_refused(ledger):
    ledger.settle([dataset("slow-0", "ok"), dataset("slow-1", "running"), dataset("slow-2", "error")])
    for name, answer in (("slow-3", "refused"), ("slow-4", "refused"), ("slow-5", "accepted")):
        ledger.answered(ledger.begin(name, 100), answer)
    ledger.settle([dataset("slow-3", "queued")])
    assert ledger.report()["hanging"] == ["slow-1", "slow-3", "slow-5"]


def test_what_the_user_reads_at_an_error_is_told(ledger):
    lost = {**dataset("slow-0", "error"), "misc_info": "upload again"}
    ledger.settle([lost, {**lost, "name": "slow-1"}, {**dataset("slow-2", "ok"), "misc_info": "uploaded"}])
    assert ledger.report()["told"] == {"upload again": 2}


def test_what_was_accepted_and_is_not_in_the_history_is_lost(ledger):
    ledger.settle([dataset("slow-0", "ok"), dataset("slow-1", "ok"), dataset("other", "ok")])
    assert figures(ledger) == (3, 2, 1, {"not there": 1, "ok": 2})
    assert [upload.name for upload in ledger.open()] == ["slow-2"]


def test_an_upload_that_ran_again_has_its_last_end(ledger, clock):
    clock.now = 5
    ledger.settle([dataset("slow-0", "ok")])
    clock.now = 6
    ledger.settle([dataset("slow-0", "running")])
    assert ledger.report()["slowest_seconds"] == 0
    clock.now = 9
    ledger.settle([dataset("slow-0", "ok")])
    assert ledger.report()["slowest_seconds"] == 9


def test_only_a_change_is_a_change(ledger, clock):
    clock.now = 10
    ledger.settle([dataset("slow-0", "running")])
    clock.now = 30
    ledger.settle([dataset("slow-0", "running")])
    assert ledger.still() == 20


def test_large_ones_are_spread_among_the_slow_ones(upload_stream):
    arguments = ["start", "--url=x", "--key-file=x", "--report=x", "--slow=6", "--large=2"]
    names = [name for name, _kind, _size in upload_stream.wanted(upload_stream.parse(arguments))]
    assert names == ["slow-0", "slow-1", "large-0", "slow-2", "slow-3", "large-1", "slow-4", "slow-5"]


@pytest.mark.parametrize("path", ["/slow/1001", "/large/300000", "/slow/1"])
def test_the_server_sends_as_much_as_it_is_asked_for(upload_stream, path):
    server = upload_stream.serve(0.01)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}", timeout=10) as answer:
            body = answer.read()
    finally:
        server.shutdown()
        server.server_close()
    assert len(body) == int(path.rpartition("/")[2]) == int(answer.headers["Content-Length"])
    assert body.endswith(b"\n")


class FakeGalaxy:
    """A fake of the API: an upload's states are taken one by one from a list by its name, else it is ok at once."""

    def __init__(self, **states):
        self.states, self.names, self.sizes, self.purged = states, [], {}, False
        self.away = 0

    def history(self):
        return "h"

    def fetch(self, _history, name, url):
        if self.states.get(name) == "refused":
            raise OSError("500: no broker")
        self.sizes[name] = int(url.rpartition("/")[2])
        self.names.append(name)

    def datasets(self, _history):
        if self.away:
            self.away -= 1
            raise OSError("502: away")
        return [dataset(name, self.state(name), self.sizes[name]) for name in self.names]

    def state(self, name):
        states = self.states.get(name, ["ok"])
        return states.pop(0) if len(states) > 1 else states[0]

    def purge(self, _history):
        self.purged = True


@pytest.fixture
def run(upload_stream):
    """Run a stream of four uploads against a fake Galaxy, which is stopped from the beginning or not."""

    def run_stream(galaxy, *more, stopped=False):
        given = ["start", "--url=x", "--key-file=x", "--report=x", "--slow=4", "--large=0", "--pause=0", *more]
        event = threading.Event()
        if stopped:
            # It is stopped behind the last request, as a scenario does it.
            galaxy.history = lambda: threading.Timer(0.3, event.set).start() or "h"
        ledger = upload_stream.stream(upload_stream.parse(given), galaxy, "http://x", event)
        assert galaxy.purged
        return ledger

    return run_stream


def test_a_stream_follows_each_upload_to_its_end(run):
    galaxy = FakeGalaxy(**{"slow-1": ["queued", "running", "ok"]})
    assert figures(run(galaxy)) == (4, 4, 0, {"ok": 4})


def refusing(answers):
    """Make the first histories as a Galaxy does whose database was restarted: 500, since its connections are closed."""

    def history():
        if answers:
            raise OSError(answers.pop())
        return "h"

    return history


def test_a_stream_begins_when_galaxy_has_come_back(run):
    galaxy = FakeGalaxy()
    galaxy.history = refusing(["500: closed", "500: closed"])
    ledger = run(galaxy)
    assert figures(ledger) == (4, 4, 0, {"ok": 4})
    assert [line.partition(" ")[2] for line in ledger.report()["errors"]] == ["POST of the history: 500: closed"] * 2


def test_a_stream_that_gets_no_history_says_so(upload_stream, clock):
    ledger = upload_stream.Ledger(clock)
    clock.now = 91
    galaxy = FakeGalaxy()
    galaxy.history = refusing(["500: closed"])
    with pytest.raises(OSError, match="500: closed"):
        upload_stream.begin_history(galaxy, ledger, 90)


def test_a_stream_gives_up_on_what_hangs_only_when_it_is_stopped(run):
    galaxy = FakeGalaxy(**{"slow-1": ["running"], "slow-2": "refused"})
    ledger = run(galaxy, "--patience=0.2", "--seconds=60", stopped=True)
    assert figures(ledger) == (4, 2, 1, {"ok": 2, "refused": 1, "running": 1})
    assert "500: no broker" in ledger.errors[0]
    assert ledger.report()["seconds"] < 30


def test_a_stream_is_bounded_in_time(run):
    ledger = run(FakeGalaxy(**{"slow-1": ["running"]}), "--patience=0", "--seconds=0.5")
    assert figures(ledger) == (4, 3, 1, {"ok": 3, "running": 1})


def test_a_galaxy_that_is_away_for_a_while_ends_nothing(run):
    galaxy = FakeGalaxy()
    galaxy.away = 3
    ledger = run(galaxy)
    assert figures(ledger) == (4, 4, 0, {"ok": 4})
    assert "502: away" in ledger.errors[0]


def test_the_report_is_json(ledger):
    assert json.loads(json.dumps(ledger.report()))["asked"] == 3
