# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each fault of a plan is caused in the containers of the scenario `chaos`, and undone.

Two kinds are left out: packets that are lost or late at random (netem, which the kernels of small machines lack; `slow`
is a narrow link), and the end of the host `core`, on which the instruments run.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from chaos.plan import Fault

ROOT = Path(__file__).resolve().parents[2]
PROJECT = os.environ.get("TESTBED_PROJECT", "galaxy-celery") + "-chaos"
INVENTORIES = [f"--inventory={ROOT}/molecule/{name}/inventory" for name in ("faults", "chaos")]
CONFIG = "/srv/galaxy/server/config/galaxy.yml"
PYTHON = "/srv/galaxy/server/.venv/bin/python"
RELEASE = "/srv/galaxy-releases/current"
QUEUES = ["celery", "galaxy.internal", "galaxy.external"]
SCRATCH = "/var/lib/celery-galaxy/tmp"
CONTAINER = "rabbitmq-galaxy"
RABBITMQCTL = ["docker", "exec", "--user=999", CONTAINER, "rabbitmqctl", "--quiet"]
WATERMARK = "vm_memory_high_watermark.absolute"
PORTS = {"cut from broker": "5671", "cut from database": "5432"}
# A worker that is told to stop waits for what it runs; a playbook waits for all of them.
REBOOT_SECONDS = 900
PLAYBOOK_SECONDS = 1800
UNDO_SECONDS = 180


class Failed(Exception):
    """A command did not do what it should."""


class Late(Failed):
    """A command did not end."""


def call(argv: list[str], seconds: float = 120, given: str | None = None) -> str:
    """Run a command on this machine and return what it wrote."""
    env = {**os.environ, "TESTBED_PROJECT": PROJECT}
    try:
        done = subprocess.run(
            argv, input=given, capture_output=True, text=True, timeout=seconds, check=False, env=env, cwd=ROOT
        )
    except subprocess.TimeoutExpired:
        raise Late(f"{' '.join(argv)}: not done after {seconds:.0f} s") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip()
        raise Failed(f"{' '.join(argv)}: {done.returncode}: {words[-600:]}")
    return done.stdout


def on(host: str, *argv: str, seconds: float = 120, given: str | None = None) -> str:
    """Run a command in a container and return what it wrote."""
    return call(["docker", "exec", *(["-i"] if given else []), f"{PROJECT}-{host}", *argv], seconds, given)


def ask(query: str) -> list[str]:
    """Return the rows of a query to Galaxy's database."""
    psql = ["psql", "--dbname=galaxy", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", f"--command={query}"]
    return on("core", "runuser", "--user=postgres", "--", *psql).splitlines()


def play(playbook: str, log: Path, *more: str) -> None:
    """Run a playbook, with further arguments, and its output in a file."""
    command = ["ansible-playbook", *INVENTORIES, f"playbooks/{playbook}.yml", *more]
    with log.open("w", encoding="utf-8") as output:
        env = {**os.environ, "TESTBED_PROJECT": PROJECT}
        try:
            code = subprocess.run(
                command, stdout=output, stderr=output, timeout=PLAYBOOK_SECONDS, check=False, env=env, cwd=ROOT
            ).returncode
        except subprocess.TimeoutExpired:
            raise Late(f"the playbook {playbook} was not done after {PLAYBOOK_SECONDS} s: {log}") from None
    if code:
        raise Failed(f"the playbook {playbook} ended with {code}: {log}")


def unit(target: str) -> str:
    """Return the systemd unit of a target; the broker has none."""
    name = target.split("/")[1]
    return {"postgresql": "postgresql@15-main"}.get(name, name) + ".service"


def tell(target: str, docker: list[str], systemctl: list[str]) -> None:
    """Tell Docker what to do with the broker's container, or systemd what to do with any other process."""
    host, _slash, name = target.partition("/")
    if name == "rabbitmq":
        on(host, "docker", *docker, CONTAINER)
    else:
        on(host, "systemctl", *systemctl, unit(target))


def consume(host: str, node: str, state: str, seconds: int, late: str = "report") -> None:
    """Drain a node as an operator does on its host, or have it consume again."""
    arguments = {
        "galaxy_config_file": RELEASE + CONFIG,
        "nodes": [node],
        "control_dir": "/run/celery-galaxy",
        "state": state,
        "timeout_seconds": seconds,
        **({"on_timeout": late} if state == "drained" else {"queues": QUEUES}),
    }
    # As it is seen from outside of the units.
    python = f"ansible_python_interpreter={RELEASE}{PYTHON}"
    options = ["--become", "--module-name=usegalaxy_eu.celery.celery_drain", f"--args={json.dumps(arguments)}"]
    call(["ansible", *INVENTORIES, host, *options, f"--extra-vars={python}"], seconds + 120)


def begin(fault: Fault) -> None:
    """Cause a fault."""
    host, _slash, name = fault.target.partition("/")
    kind, broker = fault.kind, name == "rabbitmq"
    if kind == "kill" and broker:
        process = on(host, "docker", "inspect", "--format={{.State.Pid}}", CONTAINER).strip()
        # Not by Docker, which would take it for the wish of an operator.
        on(host, "kill", "-KILL", process)
    elif kind == "kill":
        on(host, "systemctl", "kill", "--kill-who=main", "--signal=SIGKILL", unit(fault.target))
    elif kind == "freeze":
        tell(fault.target, ["pause"], ["kill", "--signal=SIGSTOP"])
    elif kind == "restart":
        tell(fault.target, ["restart"], ["restart", "--no-block"])
    elif kind == "away":
        tell(fault.target, ["stop"], ["stop"])
    elif kind == "alarm":
        rabbitmqctl("set_vm_memory_high_watermark", "absolute", "1MB")
    elif kind == "reboot":
        call(["docker", "restart", f"--time={REBOOT_SECONDS}", f"{PROJECT}-{host}"], REBOOT_SECONDS + 60)
    elif kind == "power cut":
        call(["docker", "kill", f"{PROJECT}-{host}"])
    elif kind in PORTS:
        for way in ways(PORTS[kind]):
            on(host, "iptables", "--append", *way)
    elif kind == "slow":
        on(host, "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "1mbit", "burst", "16kb", "latency", "2s")
    elif kind == "full disk":
        # It ends with an error, since the disk is full then.
        on(host, "sh", "-c", f"dd if=/dev/zero of={SCRATCH}/chaos bs=1M status=none || true")
    elif kind == "memory":
        used = on(host, "systemctl", "show", "--property=MemoryCurrent", "--value", unit(fault.target)).strip()
        on(host, "systemctl", "set-property", "--runtime", unit(fault.target), f"MemoryMax={int(used) + 16 * 2**20}")
    elif kind in ("drain", "abort"):
        try:
            late = "report" if kind == "drain" else "resume"
            consume(host, node_of(fault.target), "drained", fault.seconds, late)
        except Failed as error:
            # Who aborts a drain is told that it was not done.
            if kind != "abort" or "not drained within" not in str(error):
                raise
    elif kind == "playbook update":
        # Something that makes another release.
        on("core", "sh", "-c", f"date +%s >{CONFIG.rsplit('/', 1)[0]}/chaos.txt")
    elif kind != "playbook restart":
        raise NotImplementedError(kind)


def undo(fault: Fault) -> None:
    """Undo a fault. What is to come back by itself is left alone."""
    host, _slash, name = fault.target.partition("/")
    kind = fault.kind
    if kind in ("kill", "restart") and name == "postgresql":
        # Debian's unit starts once.
        on(host, "systemctl", "start", unit(fault.target))
    elif kind == "freeze":
        tell(fault.target, ["unpause"], ["kill", "--signal=SIGCONT"])
    elif kind == "away":
        tell(fault.target, ["start"], ["start"])
    elif kind == "alarm":
        lines = on(host, "cat", "/etc/rabbitmq-galaxy/conf/rabbitmq.conf").splitlines()
        usual = dict(line.replace(" ", "").split("=", 1) for line in lines if "=" in line)[WATERMARK]
        rabbitmqctl("set_vm_memory_high_watermark", "absolute", usual)
    elif kind == "power cut":
        call(["docker", "start", f"{PROJECT}-{host}"])
    elif kind in PORTS:
        for way in ways(PORTS[kind]):
            on(host, "iptables", "--delete", *way)
    elif kind == "slow":
        on(host, "tc", "qdisc", "del", "dev", "eth0", "root")
    elif kind == "full disk":
        on(host, "rm", "--force", f"{SCRATCH}/chaos")
    elif kind == "memory":
        on(host, "systemctl", "set-property", "--runtime", unit(fault.target), "MemoryMax=infinity")
    elif kind in ("drain", "abort"):
        consume(host, node_of(fault.target), "consuming", 60)


def undo_surely(fault: Fault) -> None:
    """Undo a fault, again and again for a while: what it needs may have gone with another one."""
    deadline = time.monotonic() + UNDO_SECONDS
    while True:
        try:
            return undo(fault)
        except Failed:
            if time.monotonic() > deadline:
                raise
            time.sleep(2)


def ways(port: str) -> list[list[str]]:
    """The rules that keep a host from hearing and saying anything at a port."""
    return [
        ["INPUT", "--protocol", "tcp", "--sport", port, "--jump", "DROP"],
        ["OUTPUT", "--protocol", "tcp", "--dport", port, "--jump", "DROP"],
    ]


def rabbitmqctl(*argv: str) -> None:
    """Tell the broker."""
    on("core", *RABBITMQCTL, *argv)


def node_of(target: str) -> str:
    """Return Celery's name of a worker: that of its class and number, at its host."""
    host, name = target.split("/")
    return f"{name.removeprefix('celery-galaxy-').replace('@', '-')}@{host}"
