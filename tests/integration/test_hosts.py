# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is best seen from inside of a host: sockets, services, processes, owners. Run by molecule/default."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import testinfra

PROJECT = os.environ["TESTBED_PROJECT"]
STATE = Path(os.environ["TESTBED_CACHE"], "projects", PROJECT)
SECRETS = STATE / "secrets"
WORKERS = ("worker-1", "worker-2")
SECRET_FILES = {
    "mq": [
        "/var/lib/rabbitmq-galaxy/data/.erlang.cookie",
        "/etc/traefik/certificates/default.key",
        "/etc/traefik/last-good/default.key",
    ],
    "monitor": ["/etc/flower/flower.env", "/etc/telegraf/telegraf.env"],
    "worker-1": ["/srv/galaxy-releases/current/srv/galaxy/server/config/galaxy.yml", "/etc/galaxy-sync/id_ed25519"],
}


def host(name):
    """Return the host of the scenario, reached as an operator does: by SSH, with sudo."""
    return testinfra.get_host(f"ssh://{PROJECT}-{name}", ssh_config=str(STATE / "ssh" / "config"), sudo=True)


@pytest.mark.parametrize(
    ("name", "unit"),
    [("mq", "traefik"), ("monitor", "flower"), ("monitor", "telegraf"), ("worker-1", "celery-galaxy-beat")]
    + [(worker, "celery-galaxy-worker@1") for worker in WORKERS],
)
def test_service(name, unit):
    """Each service runs now and after a reboot."""
    service = host(name).service(unit)
    assert service.is_running
    assert service.is_enabled


def test_second_worker_has_no_beat():
    """One beat only."""
    assert not host("worker-2").service("celery-galaxy-beat").is_running


def test_what_the_units_write_can_be_read():
    """By nginx, which sends files of Galaxy to its users: the umask is Galaxy's own. Beat's schedule is such a file."""
    node = host("worker-1")
    for unit in ("celery-galaxy-worker@1", "celery-galaxy-beat"):
        assert node.check_output(f"systemctl show --property UMask --value {unit}") == "0022"
    assert node.file("/var/lib/celery-galaxy/beat-schedule").mode == 0o644
    assert node.file("/etc/celery-galaxy/secrets.env").mode == 0o600


@pytest.mark.parametrize("port", [5672, 15672, 15692])
def test_broker_listens_on_loopback_only(port):
    """The plain ports are Traefik's."""
    mq = host("mq")
    assert mq.socket(f"tcp://127.0.0.1:{port}").is_listening
    assert not mq.socket(f"tcp://0.0.0.0:{port}").is_listening


AMQP_HELLO = """
import socket, ssl, sys
context = ssl.create_default_context()
try:
    with context.wrap_socket(socket.create_connection((sys.argv[1], 5671), 10), server_hostname=sys.argv[1]) as peer:
        peer.sendall(b"AMQP\\0\\0\\x09\\x01")
        print(len(peer.recv(8)))
except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
    print("refused")
"""


@pytest.mark.parametrize(("name", "answer"), [("galaxy", "8"), ("worker-2", "8"), ("monitor", "8"), ("db", "refused")])
def test_broker_answers_its_clients_only(name, answer):
    """Galaxy, the workers and Flower; the database's host needs no broker."""
    node = host(name)
    assert node.run("python3 -c %s mq.galaxy.test", AMQP_HELLO).stdout.strip() == answer


def test_influxdb_listens_on_loopback_only():
    """What the test bed promises about the site's own database."""
    assert not host("monitor").socket("tcp://0.0.0.0:8086").is_listening


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in SECRET_FILES.items() for path in paths])
def test_secret_is_not_readable_by_others(name, path):
    """Owner and group at most."""
    file = host(name).file(path)
    assert file.exists
    assert file.mode & 0o007 == 0


@pytest.mark.parametrize("name", ["mq", "monitor", *WORKERS])
def test_no_secret_in_arguments_or_units(name):
    """Neither the process list nor a unit file holds one of the passwords."""
    words = [path.read_text(encoding="utf-8").strip() for path in SECRETS.iterdir()]
    node = host(name)
    seen = node.check_output("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    seen += node.check_output("cat /etc/systemd/system/*.service /etc/systemd/system/*.target 2>/dev/null || true")
    assert words
    assert [word for word in words if word in seen] == []


@pytest.mark.parametrize("worker", WORKERS)
def test_worker_runs_as_galaxy_and_reads_its_release_only(worker):
    """The process is Galaxy's, and its code is mounted read-only from a release."""
    node = host(worker)
    pid = node.check_output("systemctl show --property MainPID --value celery-galaxy-worker@1")
    assert node.check_output(f"stat -c %U /proc/{pid}") == "galaxy"
    mounts = [line.split() for line in node.check_output(f"cat /proc/{pid}/mountinfo").splitlines()]
    server = [fields for fields in mounts if fields[4] == "/srv/galaxy/server"]
    assert len(server) == 1
    assert "/srv/galaxy-releases/" in server[0][3]
    assert "ro" in server[0][5].split(",")


RESULT_CLIENTS = "SELECT DISTINCT host(client_addr) FROM pg_stat_activity WHERE datname = 'galaxy_celery'"


def test_workers_keep_their_connections_for_results():
    """The proof's tasks have ended, and Celery would have closed what it opened for each."""
    clients = host("db").run("runuser -u postgres -- psql -At -d postgres -c %s", RESULT_CLIENTS).stdout.split()
    for worker in WORKERS:
        assert set(host(worker).check_output("hostname -I").split()) & set(clients), (worker, clients)
