# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the systemd units of the workers run besides the worker: wait for its turn to start, wait until it is ready, drain
it, look after its health.

Private to the collection. The role celery places it on the workers' hosts, where it runs as Galaxy's user with Galaxy's
Python inside of the unit's sandbox: it needs no Ansible and no root. The broker comes from the file that
GALAXY_CONFIG_FILE names, the worker's process from MAINPID, which systemd sets.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import select
import signal
import socket
import sys
import time
import uuid

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _celery_mark as mark
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _celery_turn
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_app import Settings
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._celery_drain import Drain, Remote, words

try:
    import kombu
except ImportError:
    kombu = None  # celery_unit_info has no need of it

# An option with its value in one word, as Celery takes it too.
GLUED_NAME = re.compile(r"(?:--hostname=|-n)(.+)")

SAY_SECONDS = 60
RETRY_SECONDS = 5
POLL_SECONDS = 0.5
END_SECONDS = 60
INFO, NOTICE, WARNING, ERROR = 6, 5, 4, 3


def say(text, level=INFO):
    """Write a line for the journal, which takes the number as its priority."""
    sys.stdout.write(f"<{level}>{text}\n")
    sys.stdout.flush()


def remote():
    """Read the configuration file of the worker's own release, and the one that is current by now.

    systemd binds the release anew for each command of a unit, so that this process may see another one than the worker.
    """
    path, pid, found, problem = os.environ["GALAXY_CONFIG_FILE"], os.environ.get("MAINPID"), [], None
    for name in ([f"/proc/{pid}/root{path}"] if pid else []) + [path]:
        try:
            found.append(Settings({"galaxy_config_file": name}))
        except Exception as exc:  # noqa: BLE001 the other one may do
            problem = problem or exc
    if not found:
        raise problem
    return Remote(*found)


class Process:
    """The main process of a unit.

    :param pid: its number; None for one that has ended by itself.
    """

    def __init__(self, pid):
        self.pid, self.handle = pid, None
        if pid:
            with contextlib.suppress(ProcessLookupError):
                # A number may be given to another process; a handle stays this one's.
                self.handle = os.pidfd_open(pid)

    @classmethod
    def of_unit(cls):
        """Return the one that systemd names."""
        return cls(int(os.environ.get("MAINPID") or 0) or None)

    @property
    def alive(self):
        """Whether it has not ended."""
        return self.handle is not None and not select.select([self.handle], [], [], 0)[0]

    def send(self, number):
        """Send it a signal, unless it has ended."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, number)

    def wait(self, seconds):
        """Wait until it has ended; whether it did."""
        if self.handle is not None:
            select.select([self.handle], [], [], seconds)
        return not self.alive


def node_of(pid):
    """Return the Celery node name of a worker's process, from its command line; None if that does not tell.

    A unit's own name for it may be another one by now: its file may have changed since the process started.
    """
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as stream:
            arguments = stream.read().split("\0")
    except OSError:
        return None
    after = [arguments[place + 1] for place, word in enumerate(arguments[:-1]) if word in ("--hostname", "-n")]
    after += [found[1] for found in map(GLUED_NAME.fullmatch, arguments) if found]
    if not after and "worker" not in arguments:
        return None
    # As Celery completes it: units of older roles give a name without an @, or none, or one with places for the host's.
    host = socket.gethostname()
    name = after[-1] if after else host
    short, _dot, domain = host.partition(".")
    for place, value in (("%h", host), ("%n", short), ("%d", domain)):
        name = name.replace(place, value)
    return name if "@" in name else f"celery@{name}"


class Teller:
    """Says at most once a minute what is waited for."""

    def __init__(self):
        self.next = time.monotonic() + SAY_SECONDS

    def __call__(self, make):
        """Say what make() returns, if it is time."""
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + SAY_SECONDS
            say(make(), NOTICE)


def situation(node):
    """Return what a node still does, in words."""
    if node.answered:
        return f"{node.name} still has {words(node.running) or 'consumers'}"
    return f"{node.name} cannot be asked ({node.error}); it must be taken for busy"


def run_out(name, process, seconds, never_ready, make_remote=remote):
    """Drain a node as long as its process lives.

    :param seconds: when to give up; None for never.
    :param never_ready: whether it is known that it has never consumed.
    :returns: the Node, drained or not; None if the configuration could not be read in time.
    """
    begin, tell, drain = time.monotonic(), Teller(), None
    while process.alive:
        left = None if seconds is None else seconds - (time.monotonic() - begin)
        if left is not None and left <= 0:
            break
        try:
            asked = make_remote()
        except Exception as exc:  # noqa: BLE001 whatever it is: without an answer nothing may be stopped
            reason = str(exc)
            tell(lambda reason=reason: f"{name} cannot be asked: {reason}")
        else:
            drain = drain or Drain(asked, [name], [name] if never_ready else [])
            drain.remote, node = asked, drain.nodes[name]

            def watch(drain=drain, node=node):
                tell(lambda: f"{situation(node)}. Waiting for {time.monotonic() - begin:.0f} s.")
                return process.alive and drain.reached

            if drain.run(left, watch) or drain.reached:
                break
        # What is wrong with the configuration may be mended meanwhile: it is read anew.
        process.wait(RETRY_SECONDS if left is None else min(RETRY_SECONDS, left))
    return drain.nodes[name] if drain else None


def end(process, kill):
    """End a worker's process.

    :param kill: whether to kill it if it does not end by itself.
    """
    process.send(signal.SIGTERM)
    if process.wait(END_SECONDS) or not kill:
        return
    say(f"the worker did not end within {END_SECONDS} s of SIGTERM, and is killed", WARNING)
    process.send(signal.SIGKILL)
    process.wait(END_SECONDS)


def drain(options, process=None, make_remote=remote):
    """ExecStop: drain the worker, then end it."""
    process, begin = process or Process.of_unit(), time.monotonic()
    if not process.alive:
        # It crashed or was killed: systemd calls ExecStop then too.
        say("the worker has ended by itself; nothing to drain")
        return 0
    name = node_of(process.pid) or options.node
    never_ready = bool(options.marks) and mark.marked(options.marks, name, process.pid)
    node = run_out(name, process, options.seconds, never_ready, make_remote)
    took = f"{time.monotonic() - begin:.0f} s"
    if not process.alive:
        say(f"{name} ended while it was being drained", WARNING)
    elif node and node.drained and node.never_ready:
        say(
            f"{name} has never consumed since it started, and cannot be asked: it has nothing to lose ({node.error})",
            WARNING,
        )
        end(process, kill=True)
    elif node and node.drained:
        waiting = node.report()["scheduled"]
        say(f"{name} is drained after {took}" + (f"; back to the broker: {words(waiting)}" if waiting else ""))
        end(process, kill=True)
    else:
        lost = situation(node) if node else f"{name} could not be asked"
        say(f"{name} is stopped without being drained within {took}, and loses what it runs: {lost}", ERROR)
        end(process, kill=True)
    return 0


def turn(options):
    """ExecStartPre: wait until no other worker of this host starts.

    Whatever goes wrong, the worker starts: together with others rather than not at all.
    """
    tell = Teller()

    def waits(others):
        tell(lambda: f"waiting for its turn to start, after {', '.join(others) or 'others that wait'}")

    try:
        if not _celery_turn.take(options.directory, options.unit, options.others, options.seconds, waits):
            say("others have not started in time; not waiting any longer", WARNING)
    except Exception as exc:  # noqa: BLE001 see above
        say(f"not waiting for the others: {exc}", WARNING)
    return 0


def broker_overridden():
    """Whether the environment gives the worker another broker than its configuration file, which is what is asked here."""
    return any(
        f"GALAXY_CONFIG_{prefix}{option}" in os.environ
        for prefix in ("", "OVERRIDE_")
        for option in ("AMQP_INTERNAL_CONNECTION", "CELERY_CONF")
    )


def ready(options, process=None, make_remote=remote):
    """ExecStartPost: wait until the worker consumes its queues, so that "started" means it.

    It fails only when the worker has ended. A failure would have systemd end a worker by a signal, without a drain, and
    one that waits for its broker comes up by itself.
    """
    process, tell, begin = process or Process.of_unit(), Teller(), time.monotonic()
    wanted, reason = set(options.queues.split(",")), "it gives no answer"
    asked, answered = None, False
    if options.marks:
        mark.remove(options.marks, options.node)
    while process.alive and time.monotonic() - begin < options.seconds:
        try:
            asked = make_remote()
            with asked.session() as connection:
                # A question before it is there would be waited for in vain.
                there = asked.connected(connection, options.node)
                answers = asked.ask(connection, "active_queues", [options.node]) if there else {}
            answered = answered or options.node in answers
            consumed = {queue["name"] for queue in answers.get(options.node, [])}
            if wanted <= consumed:
                say(f"{options.node} consumes {', '.join(sorted(consumed))}")
                return 0
            reason = f"it consumes {sorted(consumed)}" if options.node in answers else "it gives no answer"
        except Exception as exc:  # noqa: BLE001 whatever it is, it may pass
            reason = str(exc) or type(exc).__name__
        tell(lambda reason=reason: f"{options.node} is not ready: {reason}")
        process.wait(POLL_SECONDS)
    if process.alive:
        # Only where the worker's own broker was asked.
        if options.marks and asked and not answered and not broker_overridden():
            mark.leave(options.marks, options.node, process.pid)
        say(f"{options.node} is not ready after {options.seconds:.0f} s, and goes on trying: {reason}", ERROR)
        return 0
    say(f"{options.node} ended before it was ready", ERROR)
    return 1


class Broker:
    """Proves that the way over the broker works, there and back, before a worker's silence counts."""

    def __init__(self, remote):
        self.remote = remote

    def answers(self, names):
        """Return (whether a message of ours came back, the nodes that answered a ping)."""
        with self.remote.session() as connection:
            name = f"usegalaxy_eu.celery.health.{uuid.uuid4()}"
            own = kombu.Queue(
                name, kombu.Exchange(""), routing_key=name, durable=False, exclusive=True, auto_delete=True
            )
            with connection.SimpleQueue(own, no_ack=True) as queue:
                queue.put({"probe": True})
                try:
                    queue.get(timeout=10)
                except queue.Empty:
                    return False, set()
            found = set()
            for _attempt in range(2):
                silent = sorted(set(names) - found)
                if silent:
                    replies = self.remote.app.control.ping(
                        destination=silent, timeout=5, connection=connection, limit=len(silent)
                    )
                    found |= {name for reply in replies or [] for name in reply}
        return True, found


def main_pids(units):
    """Return the main process of each unit that runs: neither starting nor stopping."""
    known = _celery_turn.systemd_units("ActiveState,MainPID", *units)
    return {name: int(unit["MainPID"]) for name, unit in known.items() if unit["ActiveState"] == "active"}


def judge(known, pids, answered, now, seconds):
    """Return (the new notes, the silent nodes whose time is up).

    :param known: notes of the last run: by node the process and since when it is silent.
    :param pids: the main process of each node that runs.
    :param answered: the nodes that gave an answer; None if the broker did not work, so that nothing can be said.
    :param now: this moment, on a clock that does not jump.
    :param seconds: how long a node may be silent.
    """
    if answered is None:
        return {}, []
    notes = {}
    for node, pid in pids.items():
        if node not in answered:
            last = known.get(node, {})
            notes[node] = {"pid": pid, "since": last["since"] if last.get("pid") == pid else now}
    return notes, [node for node, note in notes.items() if now - note["since"] >= seconds]


def health(options, make_remote=remote):
    """A timer's work: kill a worker that is silent for too long though the broker works; systemd starts it anew."""
    units = dict(pair.split("=", 1) for pair in options.workers)
    running = main_pids(list(units.values()))
    pids = {node: running[unit] for node, unit in units.items() if unit in running}
    answered = None
    try:
        works, found = Broker(make_remote()).answers(pids) if pids else (False, set())
        answered = found if works else None
        for node in found if options.marks else ():
            mark.remove(options.marks, node)
        if pids and not works:
            say("the broker takes messages and does not deliver them; nothing can be said about the workers", WARNING)
    except Exception as exc:  # noqa: BLE001 no worker is killed because the broker is away
        say(f"nothing can be said about the workers: {exc}", WARNING)
    try:
        with open(options.state, encoding="utf-8") as stream:
            known = json.load(stream)
    except (OSError, ValueError):
        known = {}
    notes, late = judge(known, pids, answered, time.monotonic(), options.seconds)
    for node, note in notes.items():
        say(f"{node} gives no answer for {time.monotonic() - note['since']:.0f} s", WARNING)
    for node in late:
        say(f"{node} is killed: silent for {options.seconds} s while the broker works. What it ran is lost.", ERROR)
        Process(pids[node]).send(signal.SIGKILL)
        del notes[node]
    with open(options.state, "w", encoding="utf-8") as stream:
        json.dump(notes, stream)
    return 0


def parse(arguments=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("turn")
    verb.add_argument("--directory", required=True, help="where the units of this host meet")
    verb.add_argument("--unit", required=True)
    verb.add_argument("--others", required=True, metavar="PATTERN", help="the units that take turns")
    verb.add_argument("--seconds", type=float, required=True, help="how long to wait for each other unit")
    verb.set_defaults(run=turn)
    verb = verbs.add_parser("ready")
    verb.add_argument("--node", required=True)
    verb.add_argument("--queues", required=True, help="separated by commas")
    verb.add_argument("--seconds", type=float, required=True, help="when to give up")
    verb.set_defaults(run=ready)
    verb = verbs.add_parser("drain")
    verb.add_argument("--node", required=True)
    verb.add_argument("--seconds", type=float, help="when to stop it all the same; without it never")
    verb.set_defaults(run=drain)
    verb = verbs.add_parser("health")
    verb.add_argument("--state", required=True, help="file for what is to be known the next time")
    verb.add_argument("--seconds", type=float, required=True, help="how long a worker may be silent")
    verb.add_argument("workers", nargs="+", metavar="NODE=UNIT")
    verb.set_defaults(run=health)
    for verb in (verbs.choices[name] for name in ("ready", "drain", "health")):
        verb.add_argument(
            "--marks", help="directory for the marks of workers that have never consumed; without it there are none"
        )
    return parser.parse_args(arguments)


def main(arguments=None):
    """Do what the command line says; return the exit code."""
    options = parse(arguments)
    return options.run(options)
