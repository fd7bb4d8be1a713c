# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes of Galaxy use a former broker: real processes with real connections, named as Galaxy's are."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.usegalaxy_eu.celery.plugins.modules import galaxy_process_info as module

# Connects to a port, or to none, says so, and waits; with "child", a child does.
PROCESS = """
import socket, subprocess, sys
port, how = int(sys.argv[1]), sys.argv[2]
if how == "child":
    subprocess.run([sys.executable, "-c", sys.argv[3], str(port), "itself", sys.argv[3], *sys.argv[4:]])
else:
    held = socket.create_connection((sys.argv[4], port)) if port else None
    print("ready", flush=True)
    sys.stdin.read()
"""
WEB, HANDLER = "galaxy.webapps.galaxy.fast_factory:factory()", "lib/galaxy/main.py"


@pytest.fixture
def server(tmp_path):
    (tmp_path / "server/config").mkdir(parents=True)
    (tmp_path / "server/config/galaxy.yml").write_text("galaxy: {}\n")
    return tmp_path / "server"


@pytest.fixture
def broker():
    with socket.create_server(("127.0.0.1", 0), backlog=9) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def start(server):
    """Return a function that starts a process and returns its number."""
    running = []

    def run(name, port=0, how="itself", folder=None, address="127.0.0.1"):
        command = [sys.executable, "-c", PROCESS, str(port), how, PROCESS, address, name]
        child = subprocess.Popen(
            command,
            cwd=folder or server,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(child)
        assert child.stdout.readline() == "ready\n"
        return child.pid

    yield run
    for child in running:
        os.killpg(child.pid, 9)
        child.communicate()


@pytest.fixture
def ask(server, broker, capsys):
    """Return a function that runs the module; the file was written so many seconds from now."""

    def run(written=60, **arguments):
        config = server / "config/galaxy.yml"
        moment = time.time() + written
        os.utime(config, (moment, moment))
        paths = {"config_file": str(config), "server_dir": str(server), "venv_dir": str(server / ".venv")}
        with patch_module_args({**paths, "host": "127.0.0.1", "port": broker, **arguments}), pytest.raises(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out)

    return run


def test_what_began_before_and_is_not_connected_is_stale(start, ask, broker):
    web, handler = start(WEB), start(HANDLER, broker)
    answer = ask()
    assert {entry["pid"]: (entry["name"], entry["connected"]) for entry in answer["processes"]} == {
        web: ("web server", False),
        handler: ("job handler", True),
    }
    assert answer["stale"] == [web]
    assert answer["changed"] is False


def test_what_began_after_the_change_is_not(start, ask):
    web = start(WEB)
    answer = ask(written=-60)
    assert [entry["pid"] for entry in answer["processes"]] == [web]
    assert answer["stale"] == []


def test_another_broker_is_another(start, ask):
    with socket.create_server(("127.0.0.1", 0)) as former:
        worker = start("celery --app galaxy.celery worker", former.getsockname()[1])
        assert ask()["stale"] == [worker]


def test_a_child_that_is_connected_counts_for_its_parent(start, ask, broker):
    web = start(WEB, broker, "child")
    (entry,) = ask()["processes"]
    assert (entry["pid"], entry["connected"]) == (web, True)


def test_ipv6_and_a_mapped_address(start, ask):
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        port = listener.getsockname()[1]
        start(WEB, port, address="::1")
        start(HANDLER, port, address="::ffff:127.0.0.1")
        assert ask(host="::1", port=port)["processes"][0]["connected"] is True
        assert ask(host="127.0.0.1", port=port)["stale"] != []


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [(WEB, True), ("celery --app galaxy.celery beat", False), ("nginx", False), ("mygalaxy.webapps", False)],
)
def test_what_is_no_process_of_this_galaxy(start, ask, tmp_path, name, elsewhere):
    (tmp_path / "server-2").mkdir()
    start(name, folder=tmp_path / "server-2" if elsewhere else None)
    assert ask()["processes"] == []


@pytest.mark.parametrize("arguments", [{"config_file": "/nonexistent/galaxy.yml"}, {"host": "nowhere.invalid"}])
def test_what_cannot_be_told(ask, arguments):
    answer = ask(**arguments)
    assert answer["failed"] is True
    assert next(iter(arguments.values())) in answer["msg"]
