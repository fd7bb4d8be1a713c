# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After site and uninstall the hosts are as before, but for what is named.

Run by molecule/uninstall. The tests follow one another: each begins where the one before it ended.
"""

from __future__ import annotations

import re
import subprocess

import pytest
from tools.truth import ROOT, node, on, play

SCENARIO = ROOT / "molecule/uninstall"
HOSTS = ("core", "worker")
# What stays, by the kind of thing, and why.
LEFT = {
    "files": {
        # Accounts, and what the tools for accounts write.
        r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?": "accounts stay",
        # Galaxy's data, and the broker's with its backups.
        r"/srv/galaxy(/var)?": "Galaxy's data stay",
        r"/var/lib/rabbitmq-galaxy(/.*)?": "the broker's data stay",
        # The order of the certificates is the system's own matter, its links are made anew.
        r"/etc/ssl/certs": "the system's store was rebuilt",
    },
    "users": {r"(celery|flower|galaxy|rabbitmq-galaxy|telegraf|traefik)": "accounts stay"},
    "groups": {r"(celery|flower|galaxy|rabbitmq-galaxy|telegraf|traefik)": "accounts stay"},
    "packages": {r".*": "packages stay"},
    "databases": {r"galaxy_celery\b.*": "the database of the results stays"},
    "images": {r".*": "images stay"},
}
# What running services write while the stack is there.
RUNNING = (r"/run/.*", r"/var/lib/(celery-galaxy|flower|rabbitmq-galaxy)/.*", r"(session|user)-.*")
KEPT = {}


def snapshots():
    return {host: on(host, "snapshot.py", scenario=SCENARIO) for host in HOSTS}


def differences(before, after, also=()):
    """What is not the same, and not of what stays, nor of the files in "also"."""
    return [
        f"{host}: {kind}: {key}: {before[host][kind].get(key)} -> {after[host][kind].get(key)}"
        for host in HOSTS
        for kind in before[host]
        for key in sorted({*before[host][kind], *after[host][kind]})
        if before[host][kind].get(key) != after[host][kind].get(key)
        and not any(re.fullmatch(left, key) for left in [*LEFT.get(kind, {}), *also])
    ]


def run(name, *arguments, playbook="uninstall.yml"):
    return play(f"uninstall-{name}", playbook, *arguments, scenario=SCENARIO)


def said(done):
    """The end of what a run showed."""
    return done.output[-6000:]


def on_core(*command, text=None):
    command = ["docker", "exec", "--interactive", node("core"), *command]
    return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout


# With Galaxy's own connection, which may declare any queue.
QUEUE = """
import ssl, sys, kombu, yaml
url = yaml.safe_load(open("/srv/galaxy/server/config/galaxy.yml"))["galaxy"]["amqp_internal_connection"]
tls = {"ca_certs": "/etc/ssl/certs/ca-certificates.crt", "cert_reqs": ssl.CERT_REQUIRED}
with kombu.Connection(url, ssl=tls) as connection:
    queue = kombu.Queue("forgotten", durable=True, channel=connection.default_channel)
    if sys.argv[1] == "put":
        queue.declare()
        kombu.Producer(connection.default_channel).publish("work", routing_key="forgotten", delivery_mode=2)
    else:
        queue.delete()
"""


def queue(what):
    on_core("/srv/galaxy/server/.venv/bin/python", "-c", QUEUE, what)


@pytest.fixture(scope="module", autouse=True)
def stack():
    """The whole stack, and the hosts as they were before it."""
    KEPT["before"] = snapshots()
    done = run("site", playbook="site.yml")
    assert done.code == 0, said(done)
    KEPT["stack"] = snapshots()
    assert len(differences(KEPT["before"], KEPT["stack"])) > 60


def test_messages_that_wait_stop_it_before_the_first_change():
    queue("put")
    done = run("waiting")
    assert done.code != 0 and "1 in forgotten of the vhost galaxy. Remedy:" in " ".join(done.output.split()), said(done)
    assert not done.changed
    queue("delete")


def test_check_mode_changes_nothing():
    KEPT["told"] = run("check", "--check")
    assert KEPT["told"].code == 0, said(KEPT["told"])
    assert differences(KEPT["stack"], snapshots(), RUNNING) == []


def test_workers_are_drained_and_go_while_the_broker_is_away():
    on_core("docker", "stop", "rabbitmq-galaxy")
    done = run("workers", "--tags", "celery")
    assert done.code == 0, said(done)
    assert sorted(
        KEPT["told"].changed & {key for key in KEPT["told"].changed if key[0] == "worker" and key[1] == "celery"}
    ) == sorted(key for key in done.changed if key[1] == "celery")
    on_core("docker", "start", "rabbitmq-galaxy")
    on_core("docker", "exec", "--user=999", "rabbitmq-galaxy", "rabbitmqctl", "--quiet", "await_startup")


def test_the_rest_goes_and_all_that_is_left_is_named():
    done = run("rest")
    assert done.code == 0, said(done)
    # Check mode runs no command. That the authority goes is told one task before.
    follows = {"distrust_ca | Rebuild the system's store"}
    silent = sorted(key for key in done.changed - KEPT["told"].changed if key[2] not in follows)
    assert silent == [], "not told by check mode"
    assert sorted(key for key in KEPT["told"].changed - done.changed if key[1] != "celery") == [], "told and not done"
    words = " ".join(done.output.split())
    for left in ("rm -r /var/lib/rabbitmq-galaxy", "userdel flower", "dropdb galaxy_celery", "apt-get remove"):
        assert left in words
    assert differences(KEPT["before"], snapshots()) == []


def test_a_second_run_changes_nothing():
    done = run("again")
    assert done.code == 0 and not done.changed, said(done)


def test_the_data_go_when_they_are_asked_for():
    done = run("data", "--tags", "rabbitmq", "-e", "uninstall_data=true")
    assert done.code == 0, said(done)
    assert not [path for path in snapshots()["core"]["files"] if path.startswith("/var/lib/rabbitmq-galaxy")]
