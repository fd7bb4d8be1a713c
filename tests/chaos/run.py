# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Torment a whole stack under load, and hold that it lost nothing: make chaos SECONDS=3600 SEED=7.

Makes the scenario `chaos`, prints the plan of each seed, causes its faults while uploads and small tasks pass through,
undoes all of them, and then looks what became of each upload, task, unit and process. The report, and the journals if
something is broken, are in .cache/logs/chaos-SEED. The code is 1 when something is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chaos import plan
from chaos.faults import (
    CONFIG,
    PROJECT,
    PYTHON,
    QUEUES,
    RABBITMQCTL,
    ROOT,
    SCRATCH,
    Failed,
    Late,
    ask,
    begin,
    call,
    node_of,
    on,
    play,
    undo,
    undo_surely,
    unit,
)
from tools.environment import CACHE

TASK_STREAM = (PYTHON, "/usr/local/lib/task_stream.py")
UPLOAD_STREAM = ("/usr/bin/python3", "/usr/local/lib/upload_stream.py")
JOBS = """
SELECT job.id || ' ' || job.state FROM job JOIN job_to_output_dataset AS output ON output.job_id = job.id
JOIN history_dataset_association AS dataset ON dataset.id = output.dataset_id
WHERE dataset.history_id = (SELECT max(id) FROM history WHERE name = 'upload_stream') AND dataset.name = $${name}$$
"""
OPEN = "SELECT id || ' ' || state FROM job WHERE state IN ('new', 'queued', 'running', 'deleting')"
MORE = {"recover": ("--extra-vars=recover_end=true", "--extra-vars=recover_minutes=1")}
MOMENTS = "SELECT extract(epoch FROM moment) FROM task_effect WHERE user_id = {user} ORDER BY moment"
DEADLY = ("kill", "freeze", "memory", "power cut")
DEATH = re.compile(r"Main process exited, code=(killed|dumped)|Watchdog timeout")
# Of a worker, in the words of its status.
IDLE = re.compile(r"0 running(, [0-9,]+ for later)?; consuming .*, .*, ")
NODES = [node_of(target) for target in plan.WORKERS]
DATA = "/srv/galaxy/var"
TOOLS = (
    "shared/files/task_stream.py",
    "shared/files/task_effects.sql",
    "shared/files/upload_stream.py",
    "faults/files/task_account.py",
)
# Users of task_effects.sql: a task for each.
FIRST_USER, USERS = 100001, 10000
TASKS_A_SECOND = 2.0
# An upload is work for the two cores of a small machine, and its API lists a thousand datasets.
UPLOAD_PAUSE_SECONDS, MOST_UPLOADS = 6.0, 800
DRIP_SECONDS = 25
# For the uploads to end or hang.
END_SECONDS = 3600
# After all faults are undone: until units consume and run nothing any more.
SETTLE_SECONDS = 300
# An upload has its end where its user sees one.
ENDED = ("ok", "error", "failed_metadata", "discarded")


def say(text: str) -> None:
    """Write a line with the time."""
    # In one piece: each fault has a thread of its own.
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


class Event:
    """A fault of the plan, and what came of it: the moments of its beginning and end, and errors of the instrument."""

    def __init__(self, fault: plan.Fault) -> None:
        self.fault = fault
        self.begin: float | None = None
        self.end: float | None = None
        self.errors: list[str] = []
        # Why there was nothing to befall, and whether there was no time left.
        self.missed = ""
        self.skipped = False
        self.over = threading.Event()

    def report(self) -> dict[str, Any]:
        """What is kept of it."""
        return {
            "fault": str(self.fault),
            "begin": self.begin,
            "end": self.end,
            "errors": self.errors,
            "missed": self.missed,
            "skipped": self.skipped,
        }


class Chaos:
    """One seed on the stack."""

    def __init__(self, seed: int, seconds: int, patience: int) -> None:
        self.seed, self.seconds, self.patience = seed, seconds, patience
        self.logs = CACHE / "logs" / f"chaos-{seed}"
        self.events = [Event(fault) for fault in plan.make(seed, seconds)]
        self.broken: list[str] = []
        self.stopped = threading.Event()
        self.begun = 0.0
        self.failed_playbooks: set[str] = set()

    def attempt(self, part: Callable[[], dict[str, Any]], otherwise: dict[str, Any]) -> dict[str, Any]:
        """Return the figures of a part, or others when it cannot give them, which is for the report."""
        try:
            return part()
        except Failed as error:
            self.broken.append(str(error))
            return otherwise

    # The streams

    def start_streams(self) -> None:
        """Begin to send tasks and to upload, on Galaxy's host."""
        psql = ["runuser", "--user=postgres", "--", "psql", "--dbname=galaxy", "--set=ON_ERROR_STOP=1"]
        first = ("GRANT SELECT ON task_effect TO galaxy", "TRUNCATE task_effect")
        on("core", *psql, "--file=/usr/local/lib/task_effects.sql", *(f"--command={sql}" for sql in first))
        run = ["systemd-run", "--uid=galaxy", "--collect"]
        rate = min(TASKS_A_SECOND, (USERS - 100) / self.seconds)
        tasks = [f"--config={CONFIG}", f"--users={FIRST_USER}", f"--rate={rate}", f"--seconds={self.seconds}"]
        tasks += ["--no-wait", f"--report={DATA}/stream.json", f"--ids={DATA}/stream.ids"]
        on("core", *run, "--unit=task-stream", *TASK_STREAM, "start", *tasks)
        count = min(MOST_UPLOADS, int(self.seconds / UPLOAD_PAUSE_SECONDS))
        large = count // 20
        uploads = ["--url=http://core:8000", "--key-file=/run/upload-stream.key", f"--slow={count - large}"]
        uploads += [f"--large={large}", "--large-mb=16", f"--drip-seconds={DRIP_SECONDS}"]
        uploads += [f"--pause={self.seconds / count}", f"--patience={self.patience}"]
        uploads += [f"--seconds={self.seconds + 2 * END_SECONDS}", f"--report={DATA}/uploads.json"]
        on("core", *run, "--unit=upload-stream", *UPLOAD_STREAM, "start", *uploads)

    def end_uploads(self) -> dict[str, Any]:
        """Wait until each upload has its end or hangs, and judge them."""
        stop = ["stop", f"--report={DATA}/uploads.json", f"--seconds={END_SECONDS}"]
        report: dict[str, Any] = json.loads(on("core", *UPLOAD_STREAM, *stop, seconds=END_SECONDS + 60))
        for name, outcome in report["failed"].items():
            # Who was refused one knows it.
            if outcome not in ENDED and name not in report["refused_names"]:
                jobs = ask(JOBS.format(name=name))
                self.broken.append(f"upload {name} ended as {outcome}: job {', '.join(jobs) or 'none'}")
        return report

    def end_sending(self) -> dict[str, Any]:
        """Return what was sent."""
        sent: dict[str, Any] = json.loads(on("core", *TASK_STREAM, "stop", f"--report={DATA}/stream.json", seconds=300))
        return sent

    def end_tasks(self) -> dict[str, Any]:
        """Count what became of the tasks, and judge them."""
        account = [PYTHON, "/usr/local/lib/task_account.py", "count", f"--config={CONFIG}", f"--ids={DATA}/stream.ids"]
        count: dict[str, Any] = json.loads(on("core", *account, *NODES, seconds=600))
        ids = dict(line.split()[::-1] for line in on("core", "cat", f"{DATA}/stream.ids").splitlines())
        for user in count["never"]:
            self.broken.append(f"task {ids[str(user)]} of user {user} was acknowledged and had no effect")
        killed = self.spans(lambda fault: fault.kills)
        for user in count["twice"] + count["more"]:
            moments = [float(row) for row in ask(MOMENTS.format(user=user))]
            if not plan.may_repeat(moments, killed):
                at = ", ".join(f"{moment - self.begun:.1f} s" for moment in moments)
                self.broken.append(f"task {ids[str(user)]} of user {user} had its effect at {at}; nothing was killed")
        return count

    # The faults

    def spans(self, wanted: Callable[[plan.Fault], bool]) -> list[tuple[float, float]]:
        """The moments of some faults: a second before the beginning, and some after the end."""
        return [
            (event.begin - 1, (event.end or time.time()) + 30)
            for event in self.events
            if event.begin and wanted(event.fault)
        ]

    def cause(self, event: Event, before: list[Event]) -> None:
        """Cause one fault as soon as those before it on the same thing are undone, and undo it."""
        fault = event.fault
        try:
            for other in before:
                if any(plan.meet(mine, its) for mine in fault.takes for its in other.fault.takes):
                    other.over.wait()
            left = self.begun + self.seconds - time.time()
            if self.stopped.is_set() or left < min(fault.seconds, plan.KINDS[fault.kind].seconds[0]):
                event.skipped = True
                return
            event.begin = time.time()
            until = event.begin + min(fault.seconds, left)
            say(f"{event.begin - self.begun:6.0f} s  {fault.kind} {fault.target}")
            try:
                begin(fault)
                if fault.target == "playbook":
                    self.play(fault)
                self.stopped.wait(max(0, until - time.time()))
            except Late as error:
                event.errors.append(str(error))
            except Failed as error:
                # What was to be killed may be about to start.
                event.missed = str(error)
            if event.missed:
                with contextlib.suppress(Failed):
                    undo(fault)
            else:
                undo_surely(fault)
        except Failed as error:
            event.errors.append(f"not undone: {error}")
        finally:
            event.end = time.time()
            event.over.set()
            if event.begin:
                came = "; ".join([*event.errors, event.missed and f"missed: {event.missed}"]).strip("; ")
                say(f"{event.end - self.begun:6.0f} s  over: {fault.kind} {fault.target} {came}")

    def play(self, fault: plan.Fault) -> None:
        """Run a playbook, which other faults may end."""
        name = fault.kind.split()[1]
        try:
            play(name, self.logs / f"{name}-{fault.begin:.0f}.log")
        except Late:
            raise
        except Failed as error:
            say(f"          {error}")
            self.failed_playbooks.add(name)

    def cause_all(self) -> None:
        """Cause the faults of the plan; return when all are undone and the time is over."""
        threads = []
        for number, event in enumerate(self.events):
            self.stopped.wait(max(0, self.begun + event.fault.begin - time.time()))
            threads.append(threading.Thread(target=self.cause, args=(event, self.events[:number]), daemon=True))
            threads[-1].start()
        self.stopped.wait(max(0, self.begun + self.seconds - time.time()))
        for thread in threads:
            thread.join()

    # What must hold

    def unsettled(self) -> list[str]:
        """What is not up, does not consume, or still has something to do."""
        wrong = []
        for target in plan.PROCESSES:
            if target == plan.BROKER:
                continue
            host, name = target.partition("/")[0], unit(target)
            shown = on(host, "systemctl", "show", "--property=ActiveState,StatusText", name)
            state = dict(line.split("=", 1) for line in shown.splitlines())
            text = state.get("StatusText", "")
            if state["ActiveState"] != "active" or (target in plan.WORKERS and not IDLE.match(text)):
                wrong.append(f"{host} {name} is {state['ActiveState']}: {text}")
        queued = on("core", *RABBITMQCTL, "list_queues", "--vhost=galaxy", "--formatter=json", "name", "messages")
        counts = {queue["name"]: queue["messages"] for queue in json.loads(queued)}
        return wrong + [f"the queue {name} holds {counts[name]} messages" for name in QUEUES if counts.get(name)]

    def settle(self) -> None:
        """Wait until every unit is up and nothing is left to do."""
        deadline = time.time() + SETTLE_SECONDS
        wrong = ["not asked"]
        while wrong:
            try:
                wrong = self.unsettled()
            except Failed as error:
                wrong = [str(error)]
            if time.time() > deadline:
                break
            time.sleep(3 if wrong else 0)
        self.broken += [f"after {SETTLE_SECONDS} s: {line}" for line in wrong]
        for host in ("core", *plan.HOSTS):
            failed = on(host, "systemctl", "list-units", "--failed", "--plain", "--no-legend").splitlines()
            self.broken += [f"a unit has failed on {host}: {line}" for line in failed]

    def look_for_kills(self) -> None:
        """Hold that no process of the workers and of beat was killed which no fault has killed."""
        for target in (*plan.WORKERS, plan.BEAT):
            journal = ["journalctl", f"--unit={unit(target)}", "--output=short-unix", f"--since=@{int(self.begun)}"]
            lines = on(target.partition("/")[0], *journal, "--no-pager").splitlines()

            def deadly(fault: plan.Fault, at: str = target) -> bool:
                return fault.kind in DEADLY and plan.meet(fault.target, at)

            spans = self.spans(deadly)
            for line in filter(DEATH.search, lines):
                moment = float(line.split(" ", 1)[0])
                if not any(first <= moment <= last for first, last in spans):
                    self.broken.append(f"{moment - self.begun:.0f} s: {target} was killed by no fault: {line}")

    def prove(self) -> None:
        """Run what was cut short once more, as an operator does, end what was refused by `recover`, then `verify`."""
        for name in (*sorted(self.failed_playbooks), "recover", "verify"):
            try:
                play(name, self.logs / f"{name}.log", *MORE.get(name, ()))
            except Failed as error:
                self.broken.append(str(error))
        # The upload of verify is over.
        left = self.attempt(lambda: {"jobs": ask(OPEN)}, {"jobs": []})
        self.broken += [f"recover has left the job {row}" for row in left["jobs"]]

    def keep_journals(self) -> None:
        """Keep what the units wrote."""
        for host in ("core", *plan.HOSTS):
            with contextlib.suppress(Failed):
                text = on(
                    host,
                    "journalctl",
                    f"--since=@{int(self.begun)}",
                    "--output=short-precise",
                    "--no-pager",
                    seconds=300,
                )
                (self.logs / f"journal-{host}.log").write_text(text, encoding="utf-8")
        with contextlib.suppress(Failed):
            (self.logs / "rabbitmq.log").write_text(on("core", "docker", "logs", "rabbitmq-galaxy"), encoding="utf-8")

    def run(self) -> bool:
        """Do it all; True when nothing is broken."""
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        lines = "\n".join(str(event.fault) for event in self.events)
        (self.logs / "plan.txt").write_text(lines + "\n", encoding="utf-8")
        print(f"seed {self.seed}, {self.seconds} s:\n{lines}", flush=True)
        self.begun = time.time()
        self.start_streams()
        try:
            self.cause_all()
        finally:
            self.stopped.set()
        say("all faults are undone")
        nothing: dict[str, Any] = {"asked": 0, "ok": 0, "refused": 0, "outcomes": {}, "sent": 0, "send_errors": 0}
        uploads = self.attempt(self.end_uploads, nothing)
        say(f"uploads: {json.dumps(uploads['outcomes'])}")
        self.settle()
        sent = self.attempt(self.end_sending, nothing)
        count = self.attempt(self.end_tasks, {"once": 0, "twice": [], "more": []})
        self.look_for_kills()
        self.prove()
        self.broken += [f"{event.fault}: {error}" for event in self.events for error in event.errors]
        caused = Counter(event.fault.kind for event in self.events if not event.skipped and not event.missed)
        report = {
            "seed": self.seed,
            "seconds": self.seconds,
            "events": [event.report() for event in self.events],
            "caused": caused,
            "uploads": uploads,
            "sent": sent,
            "tasks": count,
            "broken": self.broken,
        }
        (self.logs / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        if self.broken:
            self.keep_journals()
        for line in self.broken:
            print(f"BROKEN {line}", flush=True)
        kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(caused.items()))
        otherwise = uploads["asked"] - uploads["ok"] - uploads["refused"]
        more = len(count["twice"]) + len(count["more"])
        print(
            f"seed {self.seed}, {self.seconds} s: {sum(caused.values())} faults ({kinds}); "
            f"uploads: {uploads['asked']} asked, {uploads['ok']} ok, {uploads['refused']} refused, {otherwise} other; "
            f"tasks: {sent['sent']} sent, {count['once']} ran once, {more} more often, {sent['send_errors']} refused; "
            f"{len(self.broken)} broken invariants",
            flush=True,
        )
        return not self.broken


def molecule(verb: str) -> None:
    """Make or remove the scenario."""
    env = {**os.environ, "MOLECULE_EPHEMERAL_DIRECTORY": str(CACHE / "molecule" / "chaos")}
    subprocess.run(["molecule", verb, "-s", "chaos"], cwd=ROOT, env=env, check=True)


def prepare() -> None:
    """Place the instruments, and give the workers a scratch disk that can be full."""
    for name in TOOLS:
        call(["docker", "cp", str(ROOT / "molecule" / name), f"{PROJECT}-core:/usr/local/lib/"])
    state = Path(os.environ.get("TESTBED_CACHE", Path.home() / ".cache/usegalaxy_eu.celery")) / "projects" / PROJECT
    key = (state / "secrets" / "galaxy_user_key").read_text(encoding="ascii")
    on("core", "install", "--owner=galaxy", "--mode=0400", "/dev/stdin", "/run/upload-stream.key", given=key)
    for host in plan.HOSTS:
        if SCRATCH not in on(host, "cat", "/etc/fstab"):
            line = f"tmpfs {SCRATCH} tmpfs size=512m,mode=0700,uid=galaxy,gid=galaxy 0 0\n"
            on(host, "tee", "--append", "/etc/fstab", given=line)
            on(host, "systemctl", "daemon-reload")
            on(host, "mount", SCRATCH)
            on(host, "systemctl", "restart", "celery-galaxy-worker@*.service", seconds=600)


def main() -> int:
    """Run the seeds one after another on the same stack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3600, help="of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7], help="one after another")
    parser.add_argument(
        "--patience", type=int, default=400, help="seconds without a change, after which an upload hangs"
    )
    parser.add_argument("--keep", action="store_true", help="keep the stack")
    options = parser.parse_args()
    molecule("converge")
    prepare()
    passed = []
    for seed in options.seeds:
        chaos = Chaos(seed, options.seconds, options.patience)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_args, chaos=chaos: chaos.stopped.set())
        passed.append(chaos.run())
    if not options.keep:
        molecule("destroy")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
