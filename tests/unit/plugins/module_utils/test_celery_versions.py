# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the units run, and the module that proves them, with Celery of each series that a supported Galaxy may have."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import kombu
import kombu.utils.url
import pytest
import yaml
from tools import celery_versions, role_templates
from tools.galaxy_tasks import MAY_RUN_TWICE, MUST_NOT

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery import control

pytestmark = pytest.mark.broker
SERIES = sorted(celery_versions.pins())
# Celery 5.7 stores a result as JSON where those before it pickle, and reads both.
READERS = {"5.7": ["5.3", "5.6"]}
# Those that know control_queue_exclusive.
NEWER = ("5.6", "5.7")
CODE = "ansible_collections.usegalaxy_eu.celery.plugins"
# What a host has below /usr/local/lib/celery-galaxy.
LIBRARY = Path(control.__file__).parents[1]
POOLS = ("ThreadPool", "ProcessPool")
SECONDS = 60

APP = """
import json, os, pathlib, sys, threading, time
import amqp
from concurrent.futures import ThreadPoolExecutor
from celery import Celery
from sqlalchemy.exc import OperationalError
app = Celery("probe", broker=os.environ["PROBE_BROKER"], backend=os.environ["PROBE_BACKEND"])
# As Galaxy does with its celery_conf.
app.conf.update(json.loads(os.environ["PROBE_CONF"]))

@app.task(name="probe.add")
def add(a, b):
    return a + b

@app.task(name="probe.fail")
def fail():
    raise ValueError("the database is away")

def done(name):
    with open("done", "a") as stream:
        stream.write(name + "\\n")

def wait(name, gate):
    while not pathlib.Path(gate).exists():
        time.sleep(0.05)
    done(name)

for name in ["probe.wait", *json.loads(os.environ["PROBE_TASKS"])]:
    app.task(wait, name=name)

@app.task(name="probe.unlucky")
def unlucky(name):
    if name not in pathlib.Path("unlucky").read_text().split():
        with open("unlucky", "a") as stream:
            stream.write(name + "\\n")
        raise OperationalError("SELECT", {}, Exception("terminating connection"))
    done(name)

@app.task(name="galaxy.finish_job")
def finish(name, gate="."):
    wait(name, gate)

@app.task(name="probe.upload", bind=True)
def upload(self, name):
    here = {"queue": self.request.delivery_info["routing_key"]}
    (fail.si().set(**here) | add.si(1, 2).set(**here) | finish.si(name).set(**here))()

@app.task(name="probe.limited", rate_limit="1/h")
def limited(name):
    done(name)

# The event loop reads from this channel's connection, and nobody else may wait for an answer there.
def noted(self, *args, set_count=amqp.Channel.basic_qos, **kwargs):
    print("prefetch count set by", threading.current_thread().name, file=sys.__stderr__)
    return set_count(self, *args, **kwargs)

amqp.Channel.basic_qos = noted

def backend():
    kept = app.backend
    return [type(kept).__name__, id(kept), id(kept.ResultSession().get_bind())]

@app.task(name="probe.backends")
def backends():
    with ThreadPoolExecutor(1) as other:
        return [backend(), other.submit(backend).result()]
"""
CLIENT = f"""
import json, sys
from ansible.module_utils.testing import patch_module_args
from {CODE}.modules import celery_task
for arguments in json.load(sys.stdin):
    with patch_module_args(arguments):
        try:
            celery_task.main()
        except SystemExit:
            print()
"""


def eventually(look, right):
    """Look again and again until it is right or the time is up; return what was seen last."""
    deadline = time.monotonic() + SECONDS
    while not right(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen


class Worker:
    """A worker that was started as a unit does, with a socket in the place of systemd's.

    :param conf: settings of Celery.
    :param tasks: names of tasks that wait, which may all run at the same time.
    :param stock: see celery_stock_parts.
    :param name: that of a worker before it, whose node name and queue it has.
    :param backend: another way to the store of results.
    :ivar told: what it has told systemd, by field, the last word of each.
    """

    def __init__(
        self,
        site: Site,
        series: str,
        pool: str,
        broker: str | None = None,
        conf: dict | None = None,
        tasks: tuple[str, ...] = (),
        stock: str = "",
        name: str | None = None,
        backend: str | None = None,
    ) -> None:
        # A queue of its own: what another one has left in its queue is no part of this test.
        self.site, self.series, self.name = site, series, name or f"{pool.lower()}-{series}-{secrets.token_hex(4)}"
        self.node, self.queue, self.told = f"{self.name}@versions", f"probe.{self.name}", {}
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.settimeout(0.1)
        path = site.folder / f"{self.name}.notify"
        path.unlink(missing_ok=True)
        self.notify.bind(str(path))
        command = [sys.executable, "-m", "celery", "-A", "probe_app", "worker", "--pool", "custom"]
        command += ["-c", str(len(tasks) or 2)]
        command += ["--hostname", self.node, "--queues", self.queue, "--task-events", "--without-gossip", "-l", "INFO"]
        environment = site.environment(
            series,
            CELERY_CUSTOM_WORKER_POOL=f"galaxy_celery.pool:{pool}",
            GALAXY_CELERY_CONTROL_DIR=str(site.folder),
            GALAXY_CELERY_STOCK=stock,
            NOTIFY_SOCKET=str(path),
            PROBE_BROKER=broker or site.broker,
            PROBE_BACKEND=backend or site.backend,
            PROBE_CONF=json.dumps(conf or {}),
            PROBE_TASKS=json.dumps(tasks),
        )
        self.log = site.folder / f"{self.name}.log"
        with self.log.open("w", encoding="utf-8") as output:
            self.process = subprocess.Popen(command, cwd=site.folder, env=environment, stdout=output, stderr=output)

    def until(self, field: str, words: str) -> None:
        """Wait until it tells systemd something."""
        deadline = time.monotonic() + SECONDS
        while words not in self.told.get(field, ""):
            self._listen()
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{self.told}, and never {field}={words}:\n{self.log.read_text(encoding='utf-8')}")

    def _listen(self) -> None:
        """Take what it tells systemd now. The kernel keeps ten messages; with the next one it waits for a reader."""
        with contextlib.suppress(TimeoutError):
            message = self.notify.recv(4096).decode()
            self.told.update(line.split("=", 1) for line in message.split("\n"))

    def send(self, *tasks: tuple[str, tuple, dict], chained: bool = False) -> None:
        """Send tasks to its queue, or the first one which has the others follow: name, arguments, options."""
        code = "import celery, json, sys, probe_app\n"
        code += "tasks = [probe_app.app.signature(n, a, {}, o, immutable=True) for n, a, o in json.load(sys.stdin)]\n"
        code += "celery.chain(tasks)()" if chained else "for task in tasks: task.apply_async()"
        given = json.dumps([(name, args, {"queue": self.queue, **options}) for name, args, options in tasks])
        subprocess.run(
            [sys.executable, "-c", code], cwd=self.site.folder, env=self.site.environment(self.series), input=given,
            text=True, check=True, timeout=SECONDS,
        )  # fmt: skip

    def ended(self) -> int:
        """Wait until it has ended; its exit code. Where it does not, Celery writes what its threads do into the log."""
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None:
            self._listen()
            if time.monotonic() > deadline:
                self.process.send_signal(signal.SIGUSR1)
                time.sleep(2)
                pytest.fail(f"{self.told}, and never an end:\n{self.log.read_text(encoding='utf-8')}")
        return self.process.returncode

    def waiting(self) -> list[str]:
        """The names of the tasks that its queue has, for the next worker. They are taken out of it."""
        with kombu.Connection(self.site.broker) as connection, connection.channel() as channel:
            queue = kombu.Queue(self.queue, channel=channel)
            return [message.headers["task"] for message in iter(lambda: queue.get(no_ack=True), None)]

    def close(self) -> None:
        """End it if it still runs."""
        self.process.kill()
        self.process.wait(SECONDS)
        self.notify.close()


class Site:
    """A folder with an application, its results and a galaxy.yml, and processes of one series or another there."""

    def __init__(self, folder: Path, broker: str, tree: str):
        self.folder, self.broker, self.tree = folder, broker, tree
        self.series = json.loads(os.environ["TESTBED_CELERY_SERIES"])
        self.backend = f"db+{os.environ['TESTBED_DATABASE_URL']}"
        (folder / "probe_app.py").write_text(APP, encoding="utf-8")
        settings = {"amqp_internal_connection": broker, "celery_conf": {"result_backend": self.backend}}
        (folder / "galaxy.yml").write_text(yaml.safe_dump({"galaxy": settings}), encoding="utf-8")

    def environment(self, series: str, **more: str) -> dict[str, str]:
        """What a process of a series gets."""
        path = os.pathsep.join([self.series[series], self.tree, str(LIBRARY), str(self.folder)])
        own = {"PYTHONPATH": path, "GALAXY_CONFIG_FILE": str(self.folder / "galaxy.yml")}
        probe = {"BROKER": self.broker, "BACKEND": self.backend, "CONF": "{}", "TASKS": "[]"}
        return {**os.environ, **own, **{f"PROBE_{name}": value for name, value in probe.items()}, **more}

    @contextlib.contextmanager
    def worker(self, series: str, pool: str, broker: str | None = None, **about):
        """Start one, and wait until it consumes. It ends with the context.

        :param about: see Worker.
        """
        worker = Worker(self, series, pool, broker, **about)
        try:
            worker.until("READY", "1")
            yield worker
        finally:
            worker.close()

    def ask(self, series: str, code: str) -> str:
        """What a program prints that has the application."""
        about = {"cwd": self.folder, "env": self.environment(series), "timeout": SECONDS}
        return subprocess.check_output([sys.executable, "-c", code], text=True, **about).strip()

    def done(self) -> list[str]:
        """The tasks that had their effect."""
        path = self.folder / "done"
        return path.read_text(encoding="utf-8").split() if path.exists() else []

    def prove(self, series: str, node: str, queue: str, *tasks: dict) -> list[dict]:
        """Run the module celery_task with Celery of a series for each of the tasks, and return what it says."""
        common = {"broker_url": self.broker, "result_backend": self.backend, "timeout_seconds": 30}
        given = json.dumps([{**common, "nodes": [node], "queues": [queue], **task} for task in tasks])
        command = [sys.executable, "-c", CLIENT]
        environment = self.environment(series)
        done = subprocess.run(
            command, env=environment, input=given, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line]


@pytest.fixture(scope="module")
def site(broker_url, collection_tree, tmp_path_factory):
    """One for all tests of this file."""
    return Site(tmp_path_factory.mktemp("versions"), broker_url, collection_tree)


@pytest.mark.parametrize("series", SERIES)
def test_a_worker_starts_and_keeps_its_results(site, series):
    with site.worker(series, "ThreadPool") as worker:
        added, failed, looked = site.prove(
            series,
            worker.node,
            worker.queue,
            {"name": "probe.add", "args": [1, 2]},
            {"name": "probe.fail"},
            {"name": "probe.backends"},
        )
        assert not added.get("failed"), added
        found = {(task["state"], task["result"], task["node"]) for task in added["tasks"]}
        assert found == {("SUCCESS", 3, worker.node)}
        assert "the database is away" in failed["msg"]
        # Two threads have the one backend of ours, with its one engine.
        first, second = looked["tasks"][0]["result"]
        assert first == second
        assert first[0] == "KeptDatabaseBackend"

        # During an update workers of two versions store results, and one of them reads.
        for reader in READERS.get(series, ()):
            again = {"name": "probe.add", "args": [1, 2]}
            added, failed = site.prove(reader, worker.node, worker.queue, again, {"name": "probe.fail"})
            assert {(task["state"], task["node"]) for task in added["tasks"]} == {("SUCCESS", worker.node)}, added
            assert f"{worker.node} has stored cannot be read with Celery {reader}." in str(added["warnings"])
            assert "the database is away" in failed["msg"]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("series", SERIES)
def test_sigterm_waits_for_what_runs_and_gives_the_rest_back(site, series, pool):
    with site.worker(series, pool) as worker:
        gate = site.folder / f"gate-{worker.name}"
        waits = [("probe.wait", (f"{worker.name}-{number}", str(gate)), {}) for number in range(6)]
        later = [("probe.wait", (f"{worker.name}-later", str(gate)), {"countdown": 1800})]
        limited = [("probe.limited", (f"{worker.name}-limited-{number}",), {}) for number in range(2)]
        worker.send(*waits, *later, *limited)
        worker.until("STATUS", "2 running")
        worker.until("STATUS", "1 for later")
        worker.process.send_signal(signal.SIGTERM)
        worker.until("STATUS", "draining for 0 s, waiting for probe.wait ")
        gate.touch()
        assert worker.ended() == 0, worker.log.read_text(encoding="utf-8")
        done = [name for name in site.done() if name.startswith(worker.name)]
        assert len(done) == 2
        # Four that waited, one for later, and those that the rate limit kept back.
        assert len(worker.waiting()) == len(waits + later + limited) - len(done)


@pytest.mark.parametrize("series", SERIES)
def test_a_second_sigterm_ends_it_at_once_and_names_what_is_lost(site, series):
    with site.worker(series, "ThreadPool") as worker:
        worker.send(("probe.wait", ("lost", str(site.folder / "never")), {}))
        worker.until("STATUS", "1 running")
        worker.process.send_signal(signal.SIGTERM)
        worker.until("STATUS", "draining")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.ended() != 0
        assert "told to stop at once; these tasks are lost" in worker.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("series", SERIES)
def test_a_pause_holds_tasks_and_a_resume_has_them_run_once(site, series, pool):
    with site.worker(series, pool) as worker:
        directory, gate = str(site.folder), site.folder / f"open-{worker.name}"
        waits = [("probe.wait", (f"paused-{worker.name}-{number}", str(gate)), {}) for number in range(6)]
        worker.send(*waits)
        worker.until("STATUS", "2 running")
        assert control.ask(directory, worker.node, "pause")["paused"]
        worker.until("STATUS", "consuming nothing")
        gate.touch()
        worker.until("STATUS", "0 running")
        assert len([name for name in site.done() if name.startswith(f"paused-{worker.name}-")]) == 2
        assert not control.ask(directory, worker.node, "resume")["paused"]
        worker.until("STATUS", f"consuming {worker.queue}")
        wanted = sorted(args[0] for _name, args, _options in waits)

        def found():
            return sorted(name for name in site.done() if name.startswith(f"paused-{worker.name}-"))

        assert eventually(found, lambda names: names == wanted) == wanted


SITE = {"galaxy_amqp_url": "amqp://", "__galaxy_celery_derived_backend": "db+postgresql://"}
GALAXY_CONF = role_templates.evaluate("galaxy", "__galaxy_celery_conf", SITE)


@pytest.mark.parametrize(("series", "stock"), [*((series, False) for series in SERIES), ("5.6", True)])
def test_after_kill_9_those_of_galaxys_tasks_begin_anew_that_may_run_twice(site, series, stock):
    again = [f"galaxy.{name}" for name in MAY_RUN_TWICE]
    tasks = (*again, *(f"galaxy.{name}" for name in MUST_NOT))
    conf = {} if stock else {"task_annotations": GALAXY_CONF["task_annotations"]}
    with site.worker(series, "ThreadPool", conf=conf, tasks=tasks) as worker:
        worker.send(*((name, (name, str(site.folder / "never")), {}) for name in tasks))
        worker.until("STATUS", f"{len(tasks)} running")
        # The event loop cancels the consumers after it has acknowledged what begins.
        control.ask(str(site.folder), worker.node, "pause")
        worker.until("STATUS", "consuming nothing")
        worker.process.kill()
        worker.ended()
        # With Celery's own settings, which are Galaxy's, all are lost: acknowledged when they began.
        wanted, found = [] if stock else sorted(again), []
        eventually(lambda: found.extend(worker.waiting()), lambda _seen: len(found) >= len(wanted))
        assert sorted(found) == wanted


LATE = {"task_annotations": {name: {"acks_late": True} for name in ("probe.unlucky", "probe.wait")}}


@pytest.mark.parametrize(
    ("series", "late", "stock"),
    [*((series, True, "") for series in SERIES), ("5.6", True, "late"), ("5.6", False, "")],
)
def test_a_task_begins_again_when_the_database_was_away(site, series, late, stock):
    with site.worker(series, "ThreadPool", conf=LATE if late else {}, stock=stock) as worker:
        (site.folder / "unlucky").touch()
        worker.send(
            ("probe.unlucky", (worker.name,), {}), ("probe.wait", (f"{worker.name}-next", str(site.folder)), {})
        )
        wanted = [worker.name, f"{worker.name}-next"]
        # What may not run twice is left to fail, and stock loses it.
        if stock or not late:
            wanted = wanted[1:]
        eventually(site.done, lambda done: set(wanted) <= set(done))
        assert sorted(name for name in site.done() if name.startswith(worker.name)) == wanted
        read = functools.partial(worker.log.read_text, encoding="utf-8")
        if len(wanted) == 1:
            assert "raised unexpected: OperationalError" in eventually(read, lambda text: "raised unexpected" in text)
        else:
            assert "raised unexpected" not in read()


@pytest.mark.parametrize(("series", "stock"), [*((series, "") for series in SERIES), ("5.6", "chains")])
def test_an_upload_whose_first_task_fails_is_ended(site, series, stock):
    """Galaxy's chain would leave its job running for ever (galaxyproject/galaxy#19549)."""
    with site.worker(series, "ThreadPool", stock=stock) as worker:
        worker.send(("probe.upload", (worker.name,), {}))
        eventually(lambda: worker.log.read_text(encoding="utf-8"), lambda text: "the database is away" in text)
        if stock:
            # All that it has to do, it has done by its end.
            worker.process.send_signal(signal.SIGTERM)
            assert worker.ended() == 0
            assert (worker.name in site.done(), worker.waiting()) == (False, [])
        else:
            assert worker.name in eventually(site.done, lambda done: worker.name in done)


class Line:
    """A way to the broker or the database that can be cut, or go dead: it takes connections and lets nothing through.

    :param far: the URL of either.
    :param tls: speak TLS with this context, as a proxy does.
    """

    def __init__(self, far: str, tls: ssl.SSLContext | None = None) -> None:
        self.parts, self.tls, self.port = kombu.utils.url.url_to_parts(far), tls, 0
        self.dead, self.ends = False, []
        # One thread: OpenSSL lets no two of them read and write a connection at the same time.
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.restore()

    @property
    def url(self) -> str:
        """What is at its end, over this way."""
        parts, scheme = self.parts, "amqps" if self.tls else self.parts.scheme
        return f"{scheme}://{parts.username}:{parts.password}@127.0.0.1:{self.port}/{parts.path}"

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(SECONDS)

    def restore(self) -> None:
        """Take connections, also after it was cut."""
        self.server = self._run(asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls))
        self.port = self.server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """End all connections, and take none any more."""

        async def cut() -> None:
            self.server.close()
            for end in self.ends:
                end.transport.abort()

        self._run(cut())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self.parts.hostname, self.parts.port)
        self.ends += [writer, far_writer]
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if not self.dead:
                    writer.write(data)
                    await writer.drain()
        # What is dead does not say that a connection has ended, either.
        if not self.dead:
            writer.close()


@pytest.mark.parametrize(("series", "stock"), [*((series, "") for series in SERIES), ("5.6", "late")])
def test_a_late_task_runs_once_although_its_connection_has_broken(site, series, stock):
    line = Line(site.broker)
    with site.worker(series, "ThreadPool", line.url, conf=LATE) as first:
        gate = site.folder / f"once-{first.name}"
        first.send(("probe.wait", (gate.name, str(gate)), {}))
        first.until("STATUS", "1 running")
        line.cut()
        # The broker gives it to another one, which Celery has run it at the same time.
        with site.worker(series, "ThreadPool", conf=LATE, stock=stock, name=first.name) as second:
            second.until("STATUS", "1 running" if stock else "1 for later")
            gate.touch()
            again = "succeeded in" if stock else "] ignored"
            seen = eventually(
                lambda: second.log.read_text(encoding="utf-8"), lambda text: text.count(again) == (1 if stock else 2)
            )
            assert site.done().count(gate.name) == (2 if stock else 1), seen


@pytest.mark.parametrize("series", SERIES)
def test_a_late_task_outlasts_a_database_that_is_away_for_longer_than_celery_tries(site, series):
    """A task whose state cannot be stored has failed, says Celery, and forgets those after it (celery/celery#537)."""
    line = Line(site.backend)
    conf = {**LATE, "result_backend_always_retry": True, "result_backend_max_retries": 1}
    with site.worker(series, "ThreadPool", conf=conf, backend=line.url) as worker:
        # One that ends while the database is away, and one that would begin.
        gates = [site.folder / f"outlast-{number}-{worker.name}" for number in (1, 2)]
        wanted = sorted(f"{gate.name}{which}" for gate in gates for which in ("", "-next"))
        for gate in gates:
            names = (gate.name, f"{gate.name}-next")
            worker.send(*(("probe.wait", (name, str(gate)), {}) for name in names), chained=True)
            if gate is gates[0]:
                worker.until("STATUS", "1 running")
                line.cut()
            gate.touch()
        read = functools.partial(worker.log.read_text, encoding="utf-8")
        eventually(read, lambda text: text.count("on the backend") >= 4)
        line.restore()
        done = eventually(site.done, lambda done: set(wanted) <= set(done))
        assert sorted({name for name in done if name in wanted}) == wanted, read()


@pytest.mark.parametrize(("series", "stock"), [*((series, "") for series in SERIES), ("5.6", "late")])
def test_a_late_task_that_has_ended_does_not_run_again_when_its_worker_is_killed(site, series, stock):
    """The next one of its chain may run by then, and uses what it has left."""
    line = Line(site.broker)
    with site.worker(series, "ThreadPool", line.url, conf=LATE, stock=stock) as first:
        gate = site.folder / f"ended-{first.name}"
        names = [gate.name, f"{gate.name}-next"]
        first.send(*(("probe.wait", (name, str(gate)), {"task_id": name}) for name in names), chained=True)
        first.until("STATUS", "1 running")
        # It cannot publish the next one.
        line.cut()
        gate.touch()
        assert eventually(site.done, lambda done: names[0] in done).count(names[0]) == 1
        code = f"import probe_app; print(probe_app.app.backend.get_state({names[0]!r}))"
        wanted = "PENDING" if stock else "ENDED"
        assert eventually(lambda: site.ask(series, code), lambda found: found == wanted) == wanted
        first.process.kill()
        with site.worker(series, "ThreadPool", conf=LATE, stock=stock, name=first.name):
            done = eventually(site.done, lambda done: names[1] in done)
            assert [done.count(name) for name in names] == [2 if stock else 1, 1]


@pytest.mark.parametrize("series", SERIES)
def test_a_late_task_runs_again_when_its_worker_was_killed(site, series):
    with site.worker(series, "ThreadPool", conf=LATE) as first:
        gate = site.folder / f"again-{first.name}"
        first.send(("probe.wait", (gate.name, str(gate)), {}))
        first.until("STATUS", "1 running")
        first.process.kill()
        with site.worker(series, "ThreadPool", conf=LATE, name=first.name) as second:
            second.until("STATUS", "1 running")
            gate.touch()
            assert eventually(site.done, lambda done: gate.name in done).count(gate.name) == 1


@pytest.mark.parametrize("series", ["5.6"])
def test_postgresql_soon_gives_back_the_locks_of_a_worker_that_is_gone_without_a_word(site, series):
    code = """
import probe_app
from galaxy_celery.late import Locks
locks = Locks(probe_app.app)
assert locks.take("gone")
names = [f"tcp_keepalives_{name}" for name in ("idle", "interval", "count")]
print(*[locks._connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names])
"""
    idle, interval, count = map(int, site.ask(series, code).split())
    # Linux's own: 7200 + 9 * 75. The scenario faults has such a worker.
    assert 0 < idle + count * interval <= 60


@pytest.mark.parametrize("fault", ["cut", "dead"])
@pytest.mark.parametrize("series", SERIES)
def test_a_stop_does_not_need_the_broker(site, series, fault):
    line = Line(site.broker)
    with site.worker(series, "ThreadPool", line.url) as worker:
        gate = site.folder / f"{fault}-{worker.name}"
        worker.send(("probe.wait", (gate.name, str(gate)), {}))
        worker.until("STATUS", "1 running")
        if fault == "dead":
            line.dead = True
        else:
            line.cut()
            worker.until("STATUS", "broker away for ")
        worker.process.send_signal(signal.SIGTERM)
        worker.until("STATUS", "draining for 0 s, waiting for probe.wait ")
        gate.touch()
        assert worker.ended() == 0, worker.log.read_text(encoding="utf-8")
        assert gate.name in site.done()


@pytest.mark.parametrize(
    ("series", "stock"), [*((series, "") for series in SERIES), *((series, "control") for series in NEWER)]
)
def test_the_successor_of_a_worker_that_is_gone_is_not_refused_its_queue(site, series, stock):
    """The broker does not know for a while that a host has lost its power."""
    conf = {"control_queue_exclusive": True, "event_queue_exclusive": True}
    line = Line(site.broker)
    with site.worker(series, "ThreadPool", line.url, conf=conf, stock=stock) as worker:
        line.dead = True
        worker.process.kill()
        worker.ended()
        ends = pytest.raises(pytest.fail.Exception, match="RESOURCE_LOCKED") if stock else contextlib.nullcontext()
        with ends, site.worker(series, "ThreadPool", conf=conf, stock=stock, name=worker.name):
            pass


@pytest.mark.parametrize(
    ("series", "limit", "held"),
    # With RabbitMQ 4 Celery 5.7 takes no more for later than its prefetch count.
    [("5.6", 10, 10), ("5.6", None, 30), ("5.7", None, 8)],
)
def test_how_many_tasks_for_later_a_worker_holds(site, series, limit, held):
    with site.worker(series, "ThreadPool", conf={"worker_eta_task_limit": limit}) as worker:
        worker.send(*[("probe.add", (1, 2), {"countdown": 1800})] * 30)
        worker.until("STATUS", f"0 running, {held} for later")
        assert len(worker.waiting()) == 30 - held


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """TLS of a proxy at 127.0.0.1: its context, and the settings of its clients."""
    folder = tmp_path_factory.mktemp("tls")
    names = {"keyout": str(folder / "key.pem"), "out": str(folder / "cert.pem")}
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=proxy",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", names["keyout"], "-out", names["out"]],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(names["out"], names["keyout"])
    return context, {"broker_use_ssl": {"ca_certs": names["out"], "cert_reqs": 2, "server_hostname": None}}


@pytest.mark.parametrize("reduction", [False, True])
@pytest.mark.parametrize("series", ["5.4", "5.5", "5.6"])
def test_after_a_break_no_thread_uses_the_connection_of_the_event_loop(site, series, reduction):
    line = Line(site.broker)
    setting = "worker_enable_prefetch_count_reduction"
    conf = {setting: reduction or GALAXY_CONF[setting]}
    with site.worker(series, "ThreadPool", line.url, conf=conf) as worker:
        never = str(site.folder / "never")
        worker.send(("probe.wait", ("before", never), {}))
        worker.until("STATUS", "1 running")
        line.cut()
        worker.until("STATUS", "broker away for ")
        line.restore()
        worker.until("STATUS", "consuming")
        worker.send(("probe.wait", ("after", never), {}))
        worker.until("STATUS", "2 running")
        log = worker.log.read_text(encoding="utf-8")
        assert "prefetch count set by MainThread" in log
        # As soon as this fails, Celery does it itself, and the setting can go.
        assert ("prefetch count set by ThreadPoolExecutor" in log) == reduction


AWAY_SECONDS = int(os.environ.get("TESTBED_AWAY_SECONDS", "20"))


# Celery 5.3 has no worker_enable_prefetch_count_reduction, and may stand still after a break.
@pytest.mark.parametrize(
    ("series", "stock"), [*((series, "") for series in SERIES if series != "5.3"), ("5.6", "publish")]
)
def test_a_chain_goes_on_after_the_broker_was_away_between_its_links(site, series, stock, tls):
    line, chains = Line(site.broker, tls[0]), 6
    conf = {**GALAXY_CONF, **tls[1]}
    for name in ("result_backend", "task_routes"):
        del conf[name]
    tasks = tuple(f"probe.link{number}" for number in range(chains))
    with site.worker(series, "ThreadPool", line.url, conf=conf, stock=stock, tasks=tasks) as worker:
        gate, wanted = site.folder / f"away-{worker.name}", {f"{worker.name}-{number}-next" for number in range(chains)}
        for number in range(chains):
            name = f"{worker.name}-{number}"
            worker.send(*(("probe.wait", (key, str(gate)), {}) for key in (name, f"{name}-next")), chained=True)
        worker.until("STATUS", f"{chains} running")
        line.cut()
        worker.until("STATUS", "broker away for ")
        gate.touch()
        time.sleep(AWAY_SECONDS)
        line.restore()
        lost = eventually(lambda: wanted - set(site.done()), lambda lost: not lost)
        assert lost == (wanted if stock else set())
