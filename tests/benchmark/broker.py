# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the broker's path and the units cost: messages through Traefik, and Galaxy's tasks through worker units.

RabbitMQ's own PerfTest (fetched by Maven) publishes with confirms and consumes with acknowledgements, through Traefik
and straight to RabbitMQ's TLS listener by turns. It runs in the network of the broker's host, beside everything else on
the cores of one machine. The PROXY protocol is off, since PerfTest does not speak it; it is some bytes a connection.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from urllib.parse import quote

import report
from bed import PROJECT, ROOT, Bed

LIBRARY = ROOT / ".cache" / "perf-test"
DIRECT_PORT, TRAEFIK_PORT = 5673, 5671
SIZES = {"1 kB": 1000, "64 kB": 64000}
SECONDS = 10
CLIENTS = 4
# Messages a second of each producer where the latency is asked for: far below what the broker takes.
CALM_RATE, CALM_SECONDS = 25, 5
MODES = {
    "terminate": {},
    "passthrough": {"traefik_broker_mode": "passthrough"},
}
SETTINGS = {
    "rabbitmq_tls_enabled": True,
    "rabbitmq_tls_port": DIRECT_PORT,
    "rabbitmq_certificate": "{{ traefik_certificate }}",
    "rabbitmq_private_key": "{{ traefik_private_key }}",
    "rabbitmq_proxy_protocol_enabled": False,
}
UNITS = (1, 2, 4)
TASKS = 1000
# With a handler of faults, a worker that crashes says where.
GALAXY = ["env", "GALAXY_CONFIG_FILE=/srv/galaxy/server/config/galaxy.yml", "PYTHONPATH=/srv/galaxy/server/lib",
          "PYTHONFAULTHANDLER=1"]  # fmt: skip
PYTHON = "/srv/galaxy/server/.venv/bin/python"
BY_HAND = [PYTHON, "-m", "celery", "--app", "galaxy.celery", "worker", "--concurrency", "32", "--pool", "threads",
           "-n", "by-hand", "--queues", "celery,galaxy.internal,galaxy.external"]  # fmt: skip
# The tasks wait in their queue, which nobody consumes, and then everybody does. Each is one SELECT that finds nothing.
LOAD = f"""
import sys, time
from galaxy.celery import celery_app
workers, load = sys.argv[1:]
until = time.monotonic() + 120
while len(celery_app.control.ping(timeout=3)) < int(workers):
    assert time.monotonic() < until, "not all workers answer"
celery_app.control.cancel_consumer("galaxy.internal", reply=True, timeout=5)
with celery_app.connection_for_write() as connection:
    for number in range({TASKS}):
        celery_app.send_task(
            "galaxy.cleanup_stale_concurrency_slots", kwargs={{"stale_threshold_minutes": 5256000}},
            queue="galaxy.internal", connection=connection, task_id=f"{{load}}-{{number}}",
        )
celery_app.control.add_consumer("galaxy.internal", reply=True, timeout=5)
"""
ENDED = """
SELECT count(*), extract(epoch FROM max(date_done) - min(date_done)) FROM celery_taskmeta WHERE task_id LIKE '{load}-%'
"""
RESULTS = "galaxy_celery"
PATIENCE_SECONDS = 600
# So many loads may take a worker down before the benchmark gives up.
MOST_CRASHES = 3


def fetch():
    """PerfTest and what it needs, once."""
    if not LIBRARY.is_dir():
        pom = Path(__file__).parent / "perf_test" / "pom.xml"
        part = LIBRARY.with_name("perf-test.part")
        command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={part}"]
        subprocess.run(command, check=True)
        part.rename(LIBRARY)


def perf_test(port, size, *arguments):
    """Messages a second that arrived, and their median latency in ms."""
    secrets = Path(os.environ["TESTBED_CACHE"], "projects", PROJECT, "secrets")
    password = quote((secrets / "galaxy_amqp").read_text(encoding="utf-8").strip(), safe="")
    inspect = ["docker", "inspect", "--format", "{{.State.Pid}}", f"{PROJECT}-mq"]
    pid = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip()
    command = ["nsenter", "--net", f"--target={pid}"]
    command += ["java", "-Xmx512m", "-cp", f"{LIBRARY}/*", "com.rabbitmq.perf.PerfTest"]
    command += ["--producers", str(CLIENTS), "--consumers", str(CLIENTS), "--confirm", "50", "--qos", "50"]
    # One queue for all, else each consumer would have one of its own, and each message would go to all of them.
    command += ["--queue", "perf-test", "--flag", "persistent", "--size", str(size), "--metrics-format", "default"]
    command += arguments
    # The URI has the password, so it is no argument.
    environment = {**os.environ, "URI": f"amqps://galaxy:{password}@127.0.0.1:{port}/galaxy"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    rate = re.search(r"receiving rate avg: (\d+) msg/s", done.stdout)
    latency = re.search(r"consumer latency min/median/75th/95th/99th (?:[\d.]+)/([\d.]+)/.*?(µs|ms)", done.stdout)
    if done.returncode or not rate or not latency:
        raise SystemExit(f"{done.stdout[-2000:]}{done.stderr[-2000:]}\nerror: PerfTest failed")
    return int(rate[1]), float(latency[1]) / (1000 if latency[2] == "µs" else 1)


class Bench:
    """The measurements on one bed."""

    def __init__(self, bed, rounds):
        self.bed, self.rounds = bed, rounds
        self.lines = []

    def configure(self, **settings):
        self.bed.play("playbooks/site.yml", "--extra-vars", json.dumps({**SETTINGS, **settings}))

    def messages(self):
        for mode, settings in MODES.items():
            self.configure(**settings)
            for title, size in SIZES.items():
                found = {TRAEFIK_PORT: [], DIRECT_PORT: []}
                for _round in range(self.rounds):
                    for port, results in found.items():
                        rate, _latency = perf_test(port, size, "--time", str(SECONDS))
                        calm = ("--time", str(CALM_SECONDS), "--rate", str(CALM_RATE))
                        _rate, latency = perf_test(port, size, *calm)
                        results.append((rate, latency))
                        print(f"  {mode}, {title}, {port}: {rate} messages/s, {latency:.1f} ms", flush=True)
                (rate, latency), (direct, direct_latency) = (
                    [statistics.median(values) for values in zip(*results)] for results in found.values()
                )
                self.lines.append(
                    f"| `{mode}`, {title} | {rate:.0f} | {direct:.0f} | {rate / direct:.2f} | 0.9 "
                    f"| {latency:.1f} | {direct_latency:.1f} |"
                )

    def tasks(self):
        """Galaxy's tasks a second, of units and of a worker that was started by hand on Galaxy's own host."""
        rates = {}
        for units in UNITS:
            self.configure(celery_workers=[{"name": "worker", "instances": units}])
            rates[f"{units} of `celery-galaxy-worker@`"] = self.rate("worker-1", "celery-galaxy-worker@*", units)
        self.bed.on("worker-1", "systemctl", "stop", "celery-galaxy.target")
        by_hand = ["--unit=by-hand", "--uid=galaxy", "--property=Restart=always", *GALAXY, *BY_HAND]
        self.bed.on("galaxy", "systemd-run", *by_hand)
        rates["`celery worker` by hand"] = self.rate("galaxy", "by-hand.service", 1)
        self.bed.on("galaxy", "systemctl", "stop", "by-hand.service")
        return rates

    def rate(self, host, pattern, workers):
        """The median of several loads, in tasks a second, and how many others took a worker down."""
        found, crashes = [], 0
        while len(found) < self.rounds:
            rate = self.load(host, pattern, workers)
            if rate is None:
                crashes += 1
                last = self.bed.on(host, "journalctl", f"--unit={pattern}", "--lines=60", "--output=cat", "--no-pager")
                print(f"{last}\n  {workers} workers: one has ended amid its tasks", flush=True)
                if crashes == MOST_CRASHES:
                    raise SystemExit(f"error: {pattern} on {host} has ended {crashes} times amid its tasks")
            else:
                found.append(rate)
                print(f"  {workers} workers: {rate:.0f} tasks a second", flush=True)
        return statistics.median(found), crashes

    def load(self, host, pattern, workers):
        """The tasks a second of one load; None if a worker has ended meanwhile, since its tasks are lost."""
        show = ["systemctl", "show", "--property=MainPID", "--value", pattern]
        load, pids = uuid.uuid4().hex, self.bed.on(host, *show)
        self.bed.on("galaxy", *GALAXY, PYTHON, "-c", LOAD, str(workers), load, user="galaxy")
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            count, seconds = self.bed.database(ENDED.format(load=load), RESULTS).split("|")
            if int(count) == TASKS:
                return TASKS / float(seconds)
            if self.bed.on(host, *show) != pids:
                return None
            if time.monotonic() > until:
                raise SystemExit(f"error: {count} of {TASKS} tasks have ended after {PATIENCE_SECONDS} s")
            time.sleep(1)


def write(bench, rates):
    """The section of this page."""
    hand, _crashes = rates["`celery worker` by hand"]
    rabbitmq = bench.bed.on("mq", "docker", "exec", "rabbitmq-galaxy", "rabbitmqctl", "version").strip()
    traefik = bench.bed.on("mq", "traefik", "version").split()[1]
    lines = [
        f"{report.machine()}, RabbitMQ {rabbitmq}, Traefik {traefik}. PerfTest with {CLIENTS} producers and {CLIENTS} "
        f"consumers on one queue, persistent messages, at most 50 unconfirmed; {SECONDS} s each, by turns, medians of "
        f"{bench.rounds}; latency at {CLIENTS * CALM_RATE} messages a second. Everything shares the cores of one "
        "machine. Direct is the TLS listener of RabbitMQ itself.",
        "",
        "| mode and size | by Traefik, messages/s | direct | ratio | goal | latency ms, median | direct |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *bench.lines,
        "",
        f"{TASKS} of Galaxy's smallest tasks, waiting in one queue; 32 threads a unit, all units on one host.",
        "",
        "| workers | tasks/s | to one by hand | loads that took a worker down, and were repeated |",
        "| --- | --- | --- | --- |",
        *(f"| {title} | {rate:.0f} | {rate / hand:.2f} | {crashes} |" for title, (rate, crashes) in rates.items()),
    ]
    report.write("The broker's path", "\n".join(lines))


def main():
    """Make the bed, measure, write, remove the bed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each case (%(default)s)")
    options = parser.parse_args()
    fetch()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Bed(Path(folder)) as bed:
        bed.workers(1)
        bed.create()
        bench = Bench(bed, options.rounds)
        bench.messages()
        write(bench, bench.tasks())


if __name__ == "__main__":
    main()
