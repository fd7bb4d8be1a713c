# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runner of `make test`: its counts are what CI believes."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import run

ROOT = Path(__file__).resolve().parents[2]


def python(code):
    """A step's command that runs a line of Python."""
    return [sys.executable, "-c", code]


def execute(tmp_path, steps, jobs=1):
    """Run the steps; whether all passed, the runner and what it printed."""
    out = io.StringIO()
    runner = run.Runner(steps, env=dict(os.environ), logs=tmp_path / "logs", out=out)
    return runner.run(jobs), runner, out.getvalue()


def is_gone(pid, seconds=10):
    """Whether a process ends; one that only waits to be reaped has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("jobs", [1, 2])
def test_counts_of_a_run_that_passes(tmp_path, jobs):
    steps = [run.Step("one", python("print('hello')")), run.Step("two", python("pass"))]
    passed, _runner, out = execute(tmp_path, steps, jobs)
    assert passed
    assert out.splitlines()[-1] == "2 passed, 0 failed"


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failed_step_fails_the_run_and_the_others_still_run(tmp_path, jobs):
    steps = [
        run.Step("bad", python("print('the reason'); raise SystemExit(3)")),
        run.Step("good", python("print('after')")),
        run.Step("other", python("pass")),
    ]
    passed, runner, out = execute(tmp_path, steps, jobs)
    assert not passed
    assert runner.results == {"bad": run.FAILED, "good": run.PASSED, "other": run.PASSED}
    assert "the reason" in out
    assert "bad: failed with 3" in out
    assert out.splitlines()[-1] == "2 passed, 1 failed"


def test_a_step_whose_need_failed_does_not_run_and_counts_as_failed(tmp_path):
    marker = tmp_path / "ran"
    steps = [
        run.Step("bed", python("raise SystemExit(1)")),
        run.Step("scenario", python(f"open({str(marker)!r}, 'w')"), needs=("bed",)),
    ]
    passed, runner, out = execute(tmp_path, steps)
    assert not passed
    assert not marker.exists()
    assert runner.results["scenario"] == run.NOT_RUN
    assert out.splitlines()[-1] == "0 passed, 2 failed"


def test_a_step_waits_for_its_need_beside_others(tmp_path):
    marker = tmp_path / "built"
    steps = [
        run.Step("bed", python(f"import time; time.sleep(1); open({str(marker)!r}, 'w')")),
        run.Step("scenario", python(f"open({str(marker)!r})"), needs=("bed",)),
        run.Step("check", python("pass")),
    ]
    passed, _runner, _out = execute(tmp_path, steps, jobs=3)
    assert passed


def test_a_need_that_was_not_chosen_is_taken_as_met(tmp_path):
    passed, _runner, _out = execute(tmp_path, [run.Step("scenario", python("pass"), needs=("bed",))])
    assert passed


def test_a_command_that_is_missing_is_a_failure(tmp_path):
    passed, _runner, out = execute(tmp_path, [run.Step("lost", ["/nonexistent/program"])])
    assert not passed
    assert "cannot start /nonexistent/program" in out


def test_cleanup_follows_a_failure_only(tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()

    def step(name, code):
        return run.Step(name, python(f"raise SystemExit({code})"), cleanup=python(f"open({str(marks / name)!r}, 'w')"))

    execute(tmp_path, [step("good", 0), step("bad", 1)])
    assert [path.name for path in marks.iterdir()] == ["bad"]


def test_a_step_over_its_limit_is_stopped(tmp_path):
    passed, _runner, out = execute(tmp_path, [run.Step("slow", python("import time; time.sleep(60)"), limit_seconds=1)])
    assert not passed
    assert "failed with 124" in out


def test_a_service_that_holds_the_output_does_not_hold_the_run(tmp_path):
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)'])"
    begin = time.monotonic()
    passed, _runner, _out = execute(tmp_path, [run.Step("leaves one behind", python(code))])
    assert passed
    assert time.monotonic() - begin < 15


def test_an_interrupt_stops_the_group_cleans_up_and_exits(tmp_path):
    program = f"""
import signal, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import run
child = "import subprocess, sys, time; p = subprocess.Popen(['sleep', '300']); print(p.pid, flush=True); p.wait()"
cleanup = [sys.executable, "-c", "open({str(tmp_path / "cleaned")!r}, 'w')"]
steps = [run.Step("long", [sys.executable, "-c", child], cleanup=cleanup), run.Step("next", ["true"])]
run.steps = lambda: steps
run.LOGS = run.Path({str(tmp_path / "logs")!r})
run.Runner.__init__.__defaults__ = (None, run.LOGS, None)
sys.exit(run.main([]))
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    log = tmp_path / "logs" / "long.log"
    deadline = time.monotonic() + 30
    while not (log.is_file() and log.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.1)
    grandchild = int(log.read_text())
    process.send_signal(signal.SIGTERM)
    out, _none = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert (tmp_path / "cleaned").exists()
    assert out.splitlines()[-1] == "0 passed, 2 failed"
    assert is_gone(grandchild)


def test_steps_are_chosen_by_pattern():
    everything = [run.Step(name, []) for name in ("lint: a", "lint: b", "unit")] + [run.Step("long", [], full=True)]
    assert [step.name for step in run.choose(everything, ["lint:*"], False)] == ["lint: a", "lint: b"]
    assert [step.name for step in run.choose(everything, [], False)] == ["lint: a", "lint: b", "unit"]
    assert [step.name for step in run.choose(everything, [], True)][-1] == "long"
    with pytest.raises(SystemExit, match="no step is called"):
        run.choose(everything, ["lnit"], False)


def test_names_of_the_steps_are_unique_and_their_needs_exist():
    names = [step.name for step in run.steps()]
    assert len(names) == len(set(names))
    assert {need for step in run.steps() for need in step.needs} <= set(names)


def test_the_tests_with_a_broker_are_steps_of_their_own_and_the_unit_tests_are_the_rest():
    found = {step.name: step for step in run.steps()}
    assert found["unit"].command[found["unit"].command.index("-m", 2) + 1] == "not broker"
    both = [found["broker"], found["broker: series"]]
    assert {(step.command[1], step.needs) for step in both} == {("tests/tools/broker.py", ("testbed",))}
    assert [part for step in both for part in step.command[2:]] == ["--part=others", "--part=pinned", "--part=rest"]


def test_a_step_may_give_way_to_others(tmp_path):
    steps = [run.Step("patient", ["nice"], nice=7), run.Step("usual", ["nice"])]
    passed, runner, _out = execute(tmp_path, steps)
    assert passed
    patient, usual = (int((runner.logs / f"{step.name}.log").read_text(encoding="utf-8")) for step in steps)
    # These tests may give way themselves, and Linux knows nothing above 19.
    assert (patient, usual) == (min(os.nice(0) + 7, 19), os.nice(0))


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this Linux does not know autogroups")
def test_a_step_gives_way_as_a_session(tmp_path):
    code = """
import time, pathlib
while not pathlib.Path("/proc/self/autogroup").read_text().endswith(" nice 7\\n"):
    time.sleep(0.1)
"""
    passed, _runner, _out = execute(tmp_path, [run.Step("patient", python(code), nice=7, limit_seconds=10)])
    assert passed


def test_chaos_runs_by_its_name_only_with_the_seeds_that_are_asked_for(monkeypatch):
    monkeypatch.setenv("CHAOS_SECONDS", "900")
    monkeypatch.setenv("CHAOS_SEEDS", "1 2")
    everything = run.steps()
    assert "chaos" not in [step.name for step in run.choose(everything, [], True)]
    (chaos,) = run.choose(everything, ["chaos"], False)
    assert chaos.command[1:] == ["tests/chaos/run.py", "--seconds", "900", "--seeds", "1", "2"]
    assert chaos.cleanup == ["molecule", "destroy", "-s", "chaos"]
    assert chaos.limit_seconds > 2 * 900
