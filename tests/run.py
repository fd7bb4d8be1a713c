# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the steps of `make test`: name, seconds and result of each, then the line `N passed, N failed`.

A step is one process group with a log of its own in .cache/logs. A failed step does not stop the others, except those
that need it. Whatever was started is stopped when this program is interrupted, and cleaned up after.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import TextIO

import yaml
from tools.environment import CACHE, ROOT, SUFFIX, VENV

LOGS = CACHE / f"logs{SUFFIX}"
BIN = VENV / "bin"

# Scenarios of `make test`, the longest first, and those that `make test-full` adds.
QUICK_SCENARIOS = ("default", "traefik")
FULL_SCENARIOS = (
    "single",
    "default-debian13",
    "plain",
    "rabbitmq",
    "cluster",
    "rotation",
    "truth",
    "uninstall",
    "workers",
    "workers-newest",
    "nodes",
    "nodes-newest",
    "migration",
    "gravity",
    "wrong_hosts",
    "faults",
    "faults-newest",
    "tls",
    "edge",
    "galaxy_sync",
    "galaxy",
    "postgresql_access",
    "telegraf",
    "monitoring",
)
# `make test-vm` runs them on a machine whose kernel has what they need.
MACHINE_SCENARIOS = ("vm",)
# They run on Ansible's own strategy, as at most sites; the others on mitogen's, which is five times as fast.
PLAIN_SCENARIOS = ("plain", "platforms", "traefik", "telegraf")

PREFLIGHT_TESTS = tuple(
    f"tests/integration/test_{name}.py"
    for name in ("check", "init", "preflight", "readme", "role_examples", "sites", "wrong_inputs")
)

GRACE_SECONDS = 30  # between SIGTERM and SIGKILL: enough for Ansible to end its own children
CLEANUP_SECONDS = 300
TAIL_LINES = 60

PASSED, FAILED, NOT_RUN = "passed", "FAILED", "not run"


@dataclass
class Step:
    """One process of the run."""

    name: str
    command: list[str]
    needs: tuple[str, ...] = ()
    cleanup: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    full: bool = False
    only: bool = False  # when it is asked for by its name
    # As the command nice has it. All hosts of a scenario together weigh as much as one process beside their engine.
    nice: int = 0
    limit_seconds: int = 3600


def environment() -> dict[str, str]:
    """The one place where the environment of the steps is made."""
    env = dict(os.environ)
    env.update(
        PATH=os.pathsep.join([str(BIN), env.get("PATH", os.defpath)]),
        VIRTUAL_ENV=str(VENV),
        # For a make in a step, which would choose one by itself and then make the environment anew.
        PYTHON=str(BIN / "python"),
        ANSIBLE_COLLECTIONS_PATH=str(CACHE / "collections"),
        ANSIBLE_FORCE_COLOR="0",
        NO_COLOR="1",
        PYTHONUNBUFFERED="1",
    )
    # A caller's make must not hand its flags to a make in a step, nor Ansible settings to a test.
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ANSIBLE_CONFIG"):
        env.pop(name, None)
    return env


def mitogen() -> dict[str, str]:
    """Ansible's environment with mitogen, which needs a fifth of the time for a task (docs of the test bed)."""
    return {"ANSIBLE_STRATEGY": "mitogen_sudo", "ANSIBLE_STRATEGY_PLUGINS": str(ROOT / "tests/testbed/strategy")}


def molecule(scenario: str, full: bool = False) -> Step:
    """One Molecule scenario from create to destroy."""
    # Two checkouts with the same folder name would share Molecule's default directory.
    env = {"MOLECULE_EPHEMERAL_DIRECTORY": str(CACHE / "molecule" / scenario)}
    if scenario not in PLAIN_SCENARIOS:
        env.update(mitogen())
    return Step(
        name=f"molecule: {scenario}",
        command=["molecule", "test", "-s", scenario],
        needs=("testbed",),
        cleanup=["molecule", "destroy", "-s", scenario],
        env=env,
        full=full,
        # The scenario faults waits for what hangs, and five minutes for a broker.
        limit_seconds=5400 if full else 3600,
    )


def platforms() -> Step:
    """The scenario platforms, on any image. With one from elsewhere nothing of the test bed's is needed."""
    step = molecule("platforms", full=True)
    program = "tests/testbed/platforms.sh"
    needs = () if os.environ.get("MOLECULE_IMAGE") else step.needs
    return replace(step, command=[program, "test"], cleanup=[program, "destroy"], needs=needs)


def supported() -> Iterator[Step]:
    """The scenario versions, once for each entry of tests/supported.yml."""
    for run in yaml.safe_load((ROOT / "tests/supported.yml").read_text(encoding="utf-8")):
        step = molecule("versions", full=True)
        name = f"versions-{run['galaxy']}"
        step.name = f"molecule: {name}"
        step.env.update(
            MOLECULE_EPHEMERAL_DIRECTORY=str(CACHE / "molecule" / name),
            TESTBED_PROJECT=f"{os.environ.get('TESTBED_PROJECT', 'galaxy-celery')}-{run['galaxy']}",
            TESTBED_GALAXY_VERSION=run["galaxy"],
            TESTBED_SUITE=run["debian"],
            TESTBED_RABBITMQ_SUITE=run["rabbitmq_from"],
            TESTBED_USER_RATE_LIMIT=str(run["user_rate_limit"]),
        )
        yield step


def chaos() -> Step:
    """`make chaos`, which says for how long and with which seeds."""
    step = molecule("chaos")
    seconds, seeds = os.environ.get("CHAOS_SECONDS", "3600"), os.environ.get("CHAOS_SEEDS", "7").split()
    command = [str(BIN / "python"), "tests/chaos/run.py", "--seconds", seconds, "--seeds", *seeds]
    # What is asked for may take an hour and more to end, and the stack some minutes to be made.
    limit = 1800 + len(seeds) * (int(seconds) + 2 * 3600)
    return replace(step, name="chaos", command=command, only=True, limit_seconds=limit)


def steps() -> list[Step]:
    """All steps, in the order in which they begin as soon as what they need has passed."""
    python = str(BIN / "python")
    return [
        Step("testbed", ["make", "testbed"]),
        # The longest of those that need nothing; at the end it would run alone.
        Step("preflight", [python, "-m", "pytest", "-q", *PREFLIGHT_TESTS], nice=10),
        *[molecule(name) for name in QUICK_SCENARIOS],
        # The tests with a real broker are a step of their own, so that nothing is skipped in either.
        Step("broker", [python, "tests/tools/broker.py", "--part=others", "--part=pinned"], needs=("testbed",)),
        Step("lint: yamllint", ["yamllint", "--strict", "."]),
        Step("lint: ruff", ["ruff", "check", "."]),
        # What it checks, and how, stands in pyproject.toml.
        Step("lint: mypy", ["mypy"]),
        Step("lint: changelog", ["antsibull-changelog", "lint"]),
        Step("lint: ansible-lint", ["ansible-lint", "--offline", "--strict", "-q"], nice=10),
        # The test bed installs the rsync that some of them drive.
        Step("unit", [python, "-m", "pytest", "-q", "-m", "not broker", "tests/unit"], needs=("testbed",), nice=10),
        # Graphviz is installed where it is not there; the test bed installs too, and two at once could not.
        Step("docs", ["make", "docs"], needs=("testbed",)),
        Step("package", [python, "tests/tools/package.py"], nice=10),
        Step("sanity", [python, "tests/tools/sanity.py"], nice=10),
        Step("broker: series", [python, "tests/tools/broker.py", "--part=rest"], needs=("testbed",), full=True),
        # The newest RabbitMQ that Debian has. It builds the image first.
        Step("broker: sid", ["make", "broker", "TESTBED_RABBITMQ_SUITE=sid"], needs=("testbed",), full=True),
        *[molecule(name, full=True) for name in FULL_SCENARIOS],
        *[replace(molecule(name), only=True, limit_seconds=4 * 3600) for name in MACHINE_SCENARIOS],
        chaos(),
        platforms(),
        *supported(),
    ]


class Runner:
    """Runs steps, as many side by side as there are jobs."""

    def __init__(
        self, chosen: list[Step], env: dict[str, str] | None = None, logs: Path = LOGS, out: TextIO | None = None
    ) -> None:
        self.steps = chosen
        self.env = environment() if env is None else env
        self.logs = Path(logs)
        self.out = out or sys.stdout
        self.results: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.stopped = threading.Event()
        self._waiting = list(chosen)
        self._lock = threading.RLock()
        self._begin = time.monotonic()

    def say(self, text: str) -> None:
        """Write whole lines, so that steps do not cut into each other's."""
        with self._lock:
            self.out.write(text + "\n")
            self.out.flush()

    def heading(self, text: str) -> None:
        """Say what happens now, and how long the run has taken so far."""
        elapsed = int(time.monotonic() - self._begin)
        self.say(f"=== [{elapsed // 60:3d}:{elapsed % 60:02d}] {text}")

    def run(self, jobs: int = 1) -> bool:
        """Run every step; True when all passed."""
        self.logs.mkdir(parents=True, exist_ok=True)
        # Side by side, only how each step ended is shown.
        threads = [threading.Thread(target=self._work, args=(jobs == 1,), daemon=True) for _job in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            # In slices, so that a signal is handled while a step is at work.
            while thread.is_alive():
                thread.join(0.2)
        self.summary()
        return all(self.results.get(step.name) == PASSED for step in self.steps)

    def _work(self, shown: bool) -> None:
        """Take one step after the other until none is left."""
        while self._waiting:
            step = self._next()
            if step is None:  # what is left waits for a step that another thread runs
                time.sleep(0.2)
            else:
                self._run_step(step, shown)

    def _next(self) -> Step | None:
        """Take the first waiting step whose needs have ended; those that cannot run any more end here."""
        names = {step.name for step in self.steps}
        with self._lock:
            for step in list(self._waiting):
                ended = [self.results.get(name) for name in step.needs if name in names]
                failed = [name for name in step.needs if self.results.get(name) in (FAILED, NOT_RUN)]
                if self.stopped.is_set() or failed:
                    self._waiting.remove(step)
                    self.results[step.name] = NOT_RUN
                    if failed:
                        self.heading(f"{step.name}: not run, it needs {', '.join(failed)}")
                elif None not in ended:
                    self._waiting.remove(step)
                    return step
        return None

    def _run_step(self, step: Step, shown: bool) -> None:
        begin = time.monotonic()
        log = self.logs / (re.sub(r"[^a-zA-Z0-9_-]+", "-", step.name) + ".log")
        self.heading(step.name if shown else f"{step.name} (in {os.path.relpath(log, ROOT)})")
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        code = self._execute(step, step.command, log, tail, shown)
        if code and step.cleanup:
            self.heading(f"{step.name}: cleaning up")
            self._execute(step, step.cleanup, log, deque(maxlen=1), False, cleaning=True)
        self.seconds[step.name] = time.monotonic() - begin
        self.results[step.name] = FAILED if code else PASSED
        if code and not shown:
            self.say("\n".join(["    " + line for line in tail]))
        ended = f"failed with {code}" if code else "passed"
        self.heading(f"{step.name}: {ended} after {self.seconds[step.name]:.0f} s")

    def _execute(
        self, step: Step, command: list[str], log: Path, tail: deque[str], shown: bool, cleaning: bool = False
    ) -> int:
        """Run one command with its output in the log; its code, or 124 when it ran over its limit."""
        with log.open("a" if cleaning else "w", encoding="utf-8") as output:
            try:
                # A session of its own: one signal reaches all that the step started. A file, not a pipe: a service
                # that the step leaves running would hold a pipe open for ever.
                process = subprocess.Popen(
                    ["nice", f"--adjustment={step.nice}", *command] if step.nice else command,
                    cwd=ROOT,
                    env={**self.env, **step.env},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                tail.append(f"{step.name}: cannot start {command[0]}: {error.strerror}")
                if shown:
                    self.say(tail[-1])
                return 127
        if step.nice:
            # Where Linux shares processors among sessions, a process is nice within its own one only; see sched(7).
            with contextlib.suppress(OSError):
                Path(f"/proc/{process.pid}/autogroup").write_text(str(step.nice), encoding="ascii")
        deadline = time.monotonic() + (CLEANUP_SECONDS if cleaning else step.limit_seconds)
        with log.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(0, os.SEEK_END if cleaning else os.SEEK_SET)
            rest, late, ending = "", False, None
            while True:
                ended = process.poll() is not None
                new = (rest + lines.read()).split("\n")
                rest = new.pop()
                tail.extend(new)
                if shown and new:
                    self.say("\n".join(new))
                if ended:
                    break
                late = late or time.monotonic() > deadline
                if ending is None and (late or (self.stopped.is_set() and not cleaning)):
                    ending = threading.Thread(target=end_group, args=(process,), daemon=True)
                    ending.start()
                time.sleep(0.1)
        # What the step left in its group goes with it; a service that is to stay has a session of its own.
        send(process, signal.SIGKILL)
        if late:
            tail.append(f"{step.name}: stopped, it ran longer than its limit")
            return 124
        return process.returncode

    def stop(self) -> None:
        """End everything that runs; the cleanup of the interrupted steps still follows."""
        self.stopped.set()

    def summary(self) -> None:
        """The table and the count."""
        width = max([len(step.name) for step in self.steps] + [4])
        lines = ["", f"{'step':{width}}  seconds  result", f"{'-' * width}  -------  -------"]
        for step in self.steps:
            result = self.results.get(step.name, NOT_RUN)
            lines.append(f"{step.name:{width}}  {self.seconds.get(step.name, 0):7.0f}  {result}")
        passed = sum(self.results.get(step.name) == PASSED for step in self.steps)
        total = int(time.monotonic() - self._begin)
        lines.append(f"{'all':{width}}  {total:7d}  logs in {os.path.relpath(self.logs, ROOT)}")
        lines += ["", f"{passed} passed, {len(self.steps) - passed} failed"]
        self.say("\n".join(lines))


def send(process: subprocess.Popen[bytes], number: int) -> bool:
    """Signal a whole process group that may be gone already."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end_group(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the group, SIGKILL to what is left of it."""
    send(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    send(process, signal.SIGKILL)


def choose(everything: list[Step], only: list[str], full: bool) -> list[Step]:
    """The steps that the command line asks for; a pattern that fits none is an error."""
    if not only:
        return [step for step in everything if not step.only and (full or not step.full)]
    known = [step.name for step in everything]
    for pattern in only:
        if not fnmatch.filter(known, pattern):
            sys.exit(f"error: no step is called {pattern!r}; there are: {', '.join(known)}")
    return [step for step in everything if any(fnmatch.fnmatchcase(step.name, pattern) for pattern in only)]


def main(arguments: list[str] | None = None) -> int:
    """Exit 0 when all steps passed, 1 when one did not, 128 + signal when interrupted."""
    parser = argparse.ArgumentParser(description="Run the tests of the collection.")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="for example 'lint:*'")
    parser.add_argument("--full", action="store_true", help="the long scenarios too")
    parser.add_argument("--jobs", type=int, default=1, help="number of steps side by side")
    parser.add_argument("--list", action="store_true", help="name the steps and end")
    options = parser.parse_args(arguments)
    chosen = choose(steps(), options.only, options.full)
    if options.list:
        print("\n".join(step.name for step in chosen))
        return 0

    runner = Runner(chosen)
    received = []

    def interrupted(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        runner.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    engine = ["tests/testbed/build.sh", "engine-answers"]
    own_engine = subprocess.run(engine, cwd=ROOT, check=False).returncode != 0
    passed = runner.run(options.jobs)
    if own_engine:
        subprocess.run(["tests/testbed/build.sh", "engine-stop"], cwd=ROOT, check=False)
    if received:
        return 128 + received[0]
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
