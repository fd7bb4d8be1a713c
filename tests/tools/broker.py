# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the tests marked `broker` against a real RabbitMQ in a container of its own, and remove it whatever happens.

Some run workers of each series of Celery, which are made in .cache/celery before; a PostgreSQL in another container
keeps their results. They come after the others, and side by side, since most of them wait.

--part NAME runs one part of them. Further arguments go to pytest. The exit code is pytest's; 1 also when a test was
skipped, since here none may be.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import io
import json
import os
import secrets
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from xml.etree import ElementTree

import docker
import kombu
import pytest
import requests
from docker.models.containers import Container
from kombu.exceptions import OperationalError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import celery_versions

ROOT = Path(__file__).resolve().parents[2]
IMAGE = subprocess.check_output([ROOT / "tests/testbed/build.sh", "image", "rabbitmq"], text=True).strip()
DATABASE_IMAGE = subprocess.check_output([ROOT / "tests/testbed/build.sh", "image", "node"], text=True).strip()
NAME = f"usegalaxy-eu-testbed-broker-{os.getpid()}"
DATABASE_NAME = f"usegalaxy-eu-testbed-results-{os.getpid()}"
USER = "testbed"
VHOST = "testbed"
READY_SECONDS = 120
PINNED = "5.6"  # the series that Galaxy's newest release pins
SERIES = "tests/unit/plugins/module_utils/test_celery_versions.py"
BESIDE = "--numprocesses=4"
# What others do on the broker, a test of the series may not see, and the other way round.
PARTS = {
    "others": ["tests/unit", f"--ignore={SERIES}"],
    "series": [SERIES, BESIDE],
    # One by one: make test runs scenarios at the same time.
    "pinned": [SERIES, "-k", PINNED],
    "rest": [SERIES, BESIDE, "-k", f"not {PINNED}"],
}
END_SECONDS = 15  # for pytest to end its workers; below what tests/run.py gives a step

CONFIGURATION = """\
load_definitions = /etc/rabbitmq/definitions.json
loopback_users = none
log.console = true
log.file = false
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
"""

DATABASE = """\
chown postgres /tmp/password
exec runuser --user=postgres -- sh -euc '
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
initdb --pgdata=/tmp/results --username=testbed --auth=scram-sha-256 --pwfile=/tmp/password >/dev/null
echo "host all all all scram-sha-256" >>/tmp/results/pg_hba.conf
exec postgres -D /tmp/results -k /tmp -c listen_addresses=* -c max_connections=400'
"""


def definitions(password: str) -> dict[str, Any]:
    """What the broker starts with: two vhosts and the administrator, whose password stands there as a salted hash."""
    salt = secrets.token_bytes(4)
    digest = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "vhosts": [{"name": "/"}, {"name": VHOST}],
        "users": [
            {
                "name": USER,
                "password_hash": digest,
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ["administrator"],
            }
        ],
        "permissions": [{"user": USER, "vhost": vhost, **everything} for vhost in ("/", VHOST)],
    }


def archive(files: dict[str, str], user: int = 999) -> bytes:
    """A tar archive of texts by name, readable for a user of the container; 999 is the broker's."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.uid, member.gid = len(text.encode()), 0o400, user, user
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def start(client: docker.DockerClient, password: str) -> Container:
    """Start the broker. Its files are copied in, not mounted, so that the engine may be another machine's."""
    container = client.containers.create(
        IMAGE,
        name=NAME,
        hostname="broker",
        ports={"5672/tcp": ("127.0.0.1", None), "15672/tcp": ("127.0.0.1", None)},
        ulimits=[docker.types.Ulimit(name="nofile", soft=16384, hard=16384)],
    )
    files = {"rabbitmq.conf": CONFIGURATION, "definitions.json": json.dumps(definitions(password))}
    container.put_archive("/etc/rabbitmq", archive(files))
    container.start()
    return container


def start_database(client: docker.DockerClient, password: str) -> Container:
    """Start PostgreSQL, of the image that nodes are made from."""
    container = client.containers.create(
        DATABASE_IMAGE,
        ["sh", "-euc", DATABASE],
        name=DATABASE_NAME,
        ports={"5432/tcp": ("127.0.0.1", None)},
    )
    container.put_archive("/tmp", archive({"password": password}, user=0))
    container.start()
    return container


def wait_database(container: Container, password: str) -> str:
    """Return its URL as soon as it answers."""
    deadline = time.monotonic() + READY_SECONDS
    while container.exec_run(["pg_isready", "--host=127.0.0.1"]).exit_code != 0:
        if time.monotonic() > deadline:
            sys.exit(f"error: PostgreSQL is not ready:\n{container.logs(tail=40).decode(errors='replace')}")
        time.sleep(0.5)
    return f"postgresql://{USER}:{password}@127.0.0.1:{published(container, 5432)}/postgres"


def published(container: Container, port: int) -> int | None:
    """The port of 127.0.0.1 that leads to a port of the container."""
    container.reload()
    found = container.ports.get(f"{port}/tcp")
    return int(found[0]["HostPort"]) if found else None


def problem(amqp_url: str, management_url: str, password: str) -> str | None:
    """Why the broker cannot be used yet, or None: it is asked on both its ports, as the administrator."""
    try:
        requests.get(f"{management_url}/api/overview", auth=(USER, password), timeout=5).raise_for_status()
        with kombu.Connection(amqp_url, connect_timeout=5) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=5)
    except (requests.RequestException, OSError, OperationalError) as error:
        return f"{type(error).__name__}: {error}".replace(password, "********")
    return None


def wait(container: Container, password: str) -> tuple[str, str]:
    """Return the URLs for AMQP and management as soon as the broker answers on both."""
    deadline = time.monotonic() + READY_SECONDS
    reason: str | None = "its ports are not published"
    while time.monotonic() < deadline:
        amqp, management = published(container, 5672), published(container, 15672)
        if container.status != "running":
            reason = f"it is {container.status}"
            break
        if amqp and management:
            amqp_url = f"amqp://{USER}:{password}@127.0.0.1:{amqp}/{VHOST}"
            management_url = f"http://127.0.0.1:{management}"
            reason = problem(amqp_url, management_url, password)
            if reason is None:
                return amqp_url, management_url
        time.sleep(0.5)
    log = container.logs(tail=40).decode(errors="replace")
    sys.exit(f"error: the broker is not ready ({reason}). The end of its log:\n{log}")


def run_tests(environment: dict[str, str], arguments: list[str], report: Path) -> int:
    """Run pytest in a group of its own, which ends with this program, and with it the workers that tests started."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "broker", f"--junitxml={report}", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, start_new_session=True)
    try:
        return process.wait()
    finally:
        # An interrupt, unlike SIGTERM, lets pytest tear its fixtures down.
        for number in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)


def skipped(report: Path) -> int:
    """The number of skipped tests in pytest's report."""
    # The file was written by our own pytest.
    return sum(int(suite.get("skipped", 0)) for suite in ElementTree.parse(report).iter("testsuite"))  # noqa: S314


def remove(client: docker.DockerClient) -> None:
    """Remove the containers by their names: an interrupt may have come before anybody held the objects."""
    for name in (NAME, DATABASE_NAME):
        with contextlib.suppress(docker.errors.NotFound):
            client.containers.get(name).remove(force=True, v=True)


def main(arguments: list[str]) -> int | str:
    """Start, wait, run, remove."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--part", action="append", choices=PARTS)
    options, arguments = parser.parse_known_args(arguments)

    def interrupted(number: int, _frame: FrameType | None) -> NoReturn:
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)  # once: what follows is the removal
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        client = docker.from_env()
        for image in (IMAGE, DATABASE_IMAGE):
            client.images.get(image)
    except docker.errors.ImageNotFound:
        return f"error: the image {image} is missing: run `make testbed`."
    except docker.errors.DockerException as error:
        return f"error: no Docker engine answers ({error}): run `make testbed`."
    series = celery_versions.make()
    password = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="broker-") as folder:
        reports = {name: Path(folder, f"{name}.xml") for name in options.part or ("others", "series")}
        try:
            database = start_database(client, password)
            amqp_url, management_url = wait(start(client, password), password)
            environment = {
                "TESTBED_AMQP_URL": amqp_url,
                "TESTBED_DATABASE_URL": wait_database(database, password),
                "TESTBED_MANAGEMENT_URL": management_url,
                "TESTBED_MANAGEMENT_USER": USER,
                "TESTBED_MANAGEMENT_PASSWORD": password,
                "TESTBED_CELERY_SERIES": json.dumps({name: str(folder) for name, folder in series.items()}),
            }
            codes = {run_tests(environment, [*PARTS[name], *arguments], report) for name, report in reports.items()}
        finally:
            remove(client)
        # The arguments may choose no test of one part.
        if codes != {pytest.ExitCode.NO_TESTS_COLLECTED}:
            codes -= {pytest.ExitCode.NO_TESTS_COLLECTED}
        code = next(filter(None, codes), 0)
        if code == 0 and any(map(skipped, reports.values())):
            return "error: a test was skipped; with a broker at hand none may be."
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
