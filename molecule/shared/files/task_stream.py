# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Send tasks to a running stack while something befalls it, and count what became of them.

Runs on Galaxy's host with Galaxy's own Python and needs nothing of Galaxy but its galaxy.yml:

    task_stream.py start --config galaxy.yml --rate 2 --seconds 600 --report report.json
    task_stream.py stop --report report.json

`start` sends until it is stopped or time is up, then waits for the results and writes the report. `stop` ends it, waits
for the report and prints it. A task counts as sent when the broker has confirmed it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

TASK = "galaxy.cleanup_stale_concurrency_slots"
# One SELECT on Galaxy's database, and nothing that is old enough to be changed.
KWARGS = {"stale_threshold_minutes": 5256000}
# One UPDATE of one user, which task_effects.sql has the database take note of.
USER_TASK = "galaxy.recalculate_user_disk_usage"
# Settings that name code to import, or work that a client has no part in.
WORKER_ONLY = (
    "beat_schedule",
    "imports",
    "include",
    "task_annotations",
    "task_routes",
    "worker_pool",
    "worker_consumer",
)
RESULT_SECONDS = 120
ERRORS_KEPT = 10


class Ledger:
    """What was sent, and what is known of each task."""

    def __init__(self):
        self.ids, self.users, self.pending = [], [], set()
        self.sent = self.succeeded = self.failed = self.send_errors = 0
        self.slowest = 0.0
        self.errors = []

    def note(self, error):
        """Keep the first errors, without the passwords of URLs."""
        if len(self.errors) < ERRORS_KEPT:
            text = f"{time.strftime('%H:%M:%S')} {type(error).__name__}: {error}"
            self.errors.append(re.sub(r"://[^@\s]*@", "://", text))

    def send(self, publish, user=None):
        """Send one task by publish(task_id), which raises when the broker did not take it.

        :param user: id of the user that the task is to have its effect on.
        """
        task_id = str(uuid.uuid4())
        begin = time.monotonic()
        try:
            publish(task_id)
        except Exception as error:  # noqa: BLE001 whatever it is, this task did not get there
            self.send_errors += 1
            self.note(error)
        else:
            self.sent += 1
            self.ids.append(task_id)
            self.users.append(user)
            self.pending.add(task_id)
        self.slowest = max(self.slowest, time.monotonic() - begin)

    def settle(self, lookup):
        """Ask lookup(task_id), which returns (state, result), for every task that is still open."""
        for task_id in sorted(self.pending):
            state, result = lookup(task_id)
            if state == "SUCCESS":
                self.succeeded += 1
            elif state in ("FAILURE", "REVOKED"):
                self.failed += 1
                self.note(result if isinstance(result, BaseException) else RuntimeError(f"{state}: {result}"))
            else:
                continue
            self.pending.discard(task_id)

    def lines(self):
        """The tasks that were sent, one a line: its id, and its user if it has one."""
        return "".join(f"{task_id} {user or ''}".strip() + "\n" for task_id, user in zip(self.ids, self.users))

    def report(self):
        """The figures that the tests look at, and what helps to understand them."""
        return {
            "sent": self.sent,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "missing": len(self.pending),
            "send_errors": self.send_errors,
            "slowest_send_seconds": round(self.slowest, 2),
            "errors": self.errors,
        }


def settings(config):
    """Read what a client must know from galaxy.yml."""
    import yaml

    section = yaml.safe_load(Path(config).read_text(encoding="utf-8"))["galaxy"]
    conf = {key: value for key, value in (section.get("celery_conf") or {}).items() if key not in WORKER_ONLY}
    conf["broker_url"] = conf.get("broker_url") or section["amqp_internal_connection"]
    # "Sent" is to mean that the broker has it.
    conf["broker_transport_options"] = {"confirm_publish": True, **(conf.get("broker_transport_options") or {})}
    return conf


class Client:
    """A plain Celery application with what galaxy.yml says, and nothing of Galaxy's code."""

    def __init__(self, conf):
        import celery

        self.app = celery.Celery("task_stream", set_as_current=False, fixups=[], config_source=dict(conf))

    def publish(self, queue, task_id, task=TASK, user=None):
        """Send one task with the retries that celery_conf has, or Celery's own."""
        if user is not None:
            task, kwargs = USER_TASK, {"task_user_id": user}
        else:
            kwargs = KWARGS if task == TASK else {}
        self.app.send_task(task, kwargs=kwargs, queue=queue, task_id=task_id, retry=True)

    def lookup(self, task_id):
        """Return (state, result) from the result backend."""
        meta = self.app.backend.get_task_meta(task_id)
        return meta["status"], meta["result"]

    def close(self):
        """End the connections to the broker."""
        import kombu.pools

        kombu.pools.reset()
        self.app.close()


def stream(options, stopped):
    """Send until it is time to stop; return the ledger with all that came back."""
    ledger = Ledger()
    # A user is never given twice, also where it is not known whether the broker took the first task.
    users = itertools.repeat(None) if options.users is None else itertools.count(options.users)
    conf = settings(options.config)
    client = Client(conf)
    begin = time.monotonic()
    for user in itertools.islice(users, options.count):
        if stopped.is_set() or time.monotonic() - begin >= options.seconds:
            break
        due = time.monotonic() + 1 / options.rate
        if options.reconnect or options.reread:
            client.close()
            conf = settings(options.config) if options.reread else conf
            client = Client(conf)
        ledger.send(
            lambda task_id, client=client, user=user: client.publish(options.queue, task_id, options.task, user), user
        )
        stopped.wait(max(0, due - time.monotonic()))
    deadline = time.monotonic() + (0 if options.no_wait else RESULT_SECONDS)
    while ledger.pending and time.monotonic() < deadline:
        try:
            ledger.settle(client.lookup)
        except Exception as error:  # noqa: BLE001 the database may be away, or have another password now
            ledger.note(error)
            client = Client(settings(options.config))
        if ledger.pending:
            time.sleep(1)
    return ledger


def start(options):
    """Run the stream and write its report."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_args: stopped.set())
    report, pid = Path(options.report), Path(options.report + ".pid")
    report.unlink(missing_ok=True)
    pid.write_text(f"{os.getpid()}\n", encoding="ascii")
    try:
        ledger = stream(options, stopped)
        draft = report.with_suffix(".part")
        draft.write_text(json.dumps(ledger.report(), indent=2) + "\n", encoding="utf-8")
        draft.rename(report)
        if options.ids:
            Path(options.ids).write_text(ledger.lines(), encoding="ascii")
    finally:
        pid.unlink(missing_ok=True)


def stop(options):
    """End the stream, wait for its report and print it."""
    report, pid = Path(options.report), Path(options.report + ".pid")
    if pid.exists():
        os.kill(int(pid.read_text(encoding="ascii")), signal.SIGTERM)
    deadline = time.monotonic() + RESULT_SECONDS + 60
    while pid.exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    if not report.exists():
        sys.exit(f"error: there is no report {report}: the stream was not started, or died")
    sys.stdout.write(report.read_text(encoding="utf-8"))


def parse(arguments=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    begin = verbs.add_parser("start")
    begin.add_argument("--config", required=True, help="Galaxy's galaxy.yml")
    begin.add_argument("--rate", type=float, default=2, help="tasks a second")
    begin.add_argument("--seconds", type=float, default=600, help="end by itself after this time")
    begin.add_argument("--count", type=int, help="end by itself after so many tasks")
    begin.add_argument("--queue", default="galaxy.internal")
    begin.add_argument("--task", default=TASK, help="another task, which takes no arguments")
    begin.add_argument("--users", type=int, metavar="FIRST", help=f"send {USER_TASK}, each for another user")
    begin.add_argument("--ids", help="file for the ids of the tasks that were sent, one a line, and their users")
    begin.add_argument("--no-wait", action="store_true", help="end without the results")
    begin.add_argument("--reconnect", action="store_true", help="a new connection for each task")
    begin.add_argument("--reread", action="store_true", help="the same, from the file as it is then")
    begin.set_defaults(run=start)
    end = verbs.add_parser("stop")
    end.set_defaults(run=stop)
    for verb in (begin, end):
        verb.add_argument("--report", required=True, help="file for the figures, as JSON")
    return parser.parse_args(arguments)


def main():
    """Do what the command line says."""
    options = parse()
    options.run(options)


if __name__ == "__main__":
    main()
