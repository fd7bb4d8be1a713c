# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of molecule/truth are written with: runs with all they did, the hosts' state, a search for words."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# One line of what the callback writes; host, role and name of a task; and by host and kind what fingerprint.py finds.
Event = dict[str, Any]
TaskName = tuple[str, str, str]
State = dict[str, dict[str, dict[str, Any]]]

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = ROOT / "molecule/truth"
LOGS = ROOT / ".cache/logs/truth"
HOSTS = ("core", "worker-1", "worker-2")
# The state after the last run, if that was in check mode: the next one begins with it.
KEPT: list[State] = []


@dataclass
class Run:
    """One run of a playbook."""

    name: str
    code: int
    events: list[Event]

    @property
    def output(self) -> str:
        """All that it showed."""
        return (LOGS / f"{self.name}.log").read_text(encoding="utf-8", errors="replace")

    def _tasks(self, wanted: Callable[[Event], object]) -> set[TaskName]:
        return {(event["host"], event["role"], event["task"]) for event in self.events if wanted(event)}

    @property
    def changed(self) -> set[TaskName]:
        """The tasks that changed something, or would."""
        return self._tasks(lambda event: event["changed"])

    @property
    def ran(self) -> set[TaskName]:
        """The tasks that were not skipped."""
        return self._tasks(lambda event: event["status"] != "skipped")

    @property
    def items(self) -> dict[TaskName, list[int]]:
        """For each task that changed something, or would: which items of its loop, or -1."""
        found: dict[TaskName, list[int]] = {}
        for event in self.events:
            if event["changed"]:
                found.setdefault((event["host"], event["role"], event["task"]), []).extend(event["changed"])
        return {key: sorted(value) for key, value in found.items()}


def play(name: str, playbook: str, *arguments: str, plain: bool = False, scenario: Path = SCENARIO) -> Run:
    """Run a playbook as an operator does, with all that Ansible can show; what it shows is kept."""
    KEPT.clear()
    LOGS.mkdir(parents=True, exist_ok=True)
    events = LOGS / f"{name}.jsonl"
    events.unlink(missing_ok=True)
    env = {
        **os.environ,
        "ANSIBLE_CALLBACK_PLUGINS": str(SCENARIO / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "truth_events",
        "TRUTH_EVENTS": str(events),
    }
    if plain:
        env.pop("ANSIBLE_STRATEGY", None)
    command = [
        "ansible-playbook",
        "-vvv",
        "--diff",
        "--inventory",
        str(scenario / "inventory"),
        str(ROOT / "playbooks" / playbook),
    ]
    begin = time.monotonic()
    with (LOGS / f"{name}.log").open("w", encoding="utf-8") as output:
        done = subprocess.run(
            [*command, *arguments], cwd=LOGS, env=env, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    print(f"{name}: {time.monotonic() - begin:.0f} s")
    lines = events.read_text(encoding="utf-8").splitlines() if events.exists() else []
    return Run(name, done.returncode, [json.loads(line) for line in lines])


def node(host: str) -> str:
    """Name the container of a host."""
    return f"{os.environ['TESTBED_PROJECT']}-{host}"


def on(host: str, program: str, *arguments: str, asked: object = None, scenario: Path = SCENARIO) -> Any:
    """Run one of the scenario's programs on a host, and return what it prints."""
    text = (scenario / "files" / program).read_text(encoding="utf-8")
    command = ["docker", "exec", "--interactive", node(host), "python3", "-c", text, *arguments]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def fingerprints() -> State:
    """Return the state of every host."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(HOSTS, pool.map(lambda host: on(host, "fingerprint.py"), HOSTS)))


def check(name: str, playbook: str, *arguments: str) -> tuple[Run, list[str]]:
    """Run a playbook in check mode; return the run, and what is different on the hosts after it."""
    before = KEPT.pop() if KEPT else fingerprints()
    run = play(name, playbook, "--check", *arguments)
    KEPT.append(fingerprints())
    return run, differences(before, KEPT[0])


def differences(before: State, after: State) -> list[str]:
    """Name what is not the same in two states."""
    found = []
    for host in HOSTS:
        for kind in before[host]:
            one, other = before[host][kind], after[host][kind]
            found += [f"{host}: {kind}: {key}" for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
    return found


def forms(word: str) -> list[str]:
    """Return a word as it is, and as base64 and hexadecimal text hold it wherever it stands in a longer one."""
    found = [word, word.encode().hex(), word.encode().hex().upper()]
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + word.encode()).decode()
        length = offset + len(word)
        found.append(coded[(0, 2, 3)[offset] : length // 3 * 4 + length % 3])
    return found


def search(host: str | None, words: list[str], since: float) -> Any:
    """Search one host for words; None is this machine."""
    program = SCENARIO / "files/leaks.py"
    asked = {"words": words, "since": since, "readable": ["/"], "all": ["/var/log"], "services": True}
    asked["without"] = ["/proc", "/sys", "/dev", "/opt/testbed", "/var/lib/docker"]
    if host:
        return on(host, "leaks.py", asked=asked)
    asked.update(readable=[str(ROOT), str(Path.home() / ".ansible")], all=[str(LOGS)], services=False)
    done = subprocess.run(
        [sys.executable, str(program)], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


class Watch:
    """Watches the processes of this machine and of every host while playbooks run."""

    def __init__(self, words: list[str], seconds: float) -> None:
        text = (SCENARIO / "files/processes.py").read_text(encoding="utf-8")
        commands: dict[str | None, list[str]] = {None: [sys.executable, "-c", text]}
        commands.update(
            {host: ["docker", "exec", "--interactive", node(host), "python3", "-c", text] for host in HOSTS}
        )
        self._processes: dict[str | None, subprocess.Popen[str]] = {}
        for host, command in commands.items():
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert process.stdin is not None
            process.stdin.write(json.dumps({"words": words, "seconds": seconds}) + "\n")
            process.stdin.flush()
            self._processes[host] = process
        for process in self._processes.values():
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"

    def end(self) -> dict[str | None, Any]:
        """Stop watching, and return what was seen by host."""
        return {host: json.loads(process.communicate()[0]) for host, process in self._processes.items()}
