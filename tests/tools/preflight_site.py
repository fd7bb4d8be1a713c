# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site on this machine for tests of preflight: its variables, and a run of ansible-playbook with what it did as data.

Every host of the inventory is this machine, so nothing may ever get past preflight. The facts come from a fake module,
so that the outcome does not depend on what this machine is; all else, `ansible-playbook` and the roles, is what an
operator runs.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

# The groups of an inventory, each with its hosts and their own variables.
Groups = dict[str, dict[str, dict[str, Any]]]

ROOT = Path(__file__).resolve().parents[2]
PREFLIGHT, SITE = ROOT / "playbooks/stack/preflight.yml", ROOT / "playbooks/site.yml"
CHECK = ROOT / "playbooks/check.yml"
HOSTS = {
    "galaxyservers": ["galaxy"],
    "rabbitmqservers": ["mq"],
    "traefikservers": ["mq"],
    "dbservers": ["db"],
    "celeryservers": ["celery-1"],
    "flowerservers": ["monitor"],
    "telegrafservers": ["monitor"],
}
# For check.yml, which asks nobody.
ANYWHERE = {
    "ansible_connection": "ssh",
    "ansible_host": "nowhere.invalid",
    "ansible_ssh_common_args": "-o ConnectTimeout=1",
}
NAMES = sorted({name for names in HOSTS.values() for name in names})

FACTS = {
    "all_ipv4_addresses": ["192.0.2.11", "100.118.169.17"],
    "all_ipv6_addresses": [],
    "architecture": "x86_64",
    "default_ipv4": {"address": "192.0.2.11"},
    "distribution": "Debian",
    "distribution_major_version": "12",
    "distribution_version": "12.9",
    "effective_user_id": 0,
    "os_family": "Debian",
    "service_mgr": "systemd",
    "user_id": "root",
}


def system(distribution: str, version: str, family: str, **more: object) -> dict[str, object]:
    """The facts of a host of another system."""
    return {
        **FACTS,
        "distribution": distribution,
        "distribution_major_version": version.split(".")[0],
        "distribution_version": version,
        "os_family": family,
        **more,
    }


# Hosts of other systems: those that the roles are made for, and those that they are not.
OTHER_FACTS = {
    "fake_trixie": system("Debian", "13.1", "Debian"),
    "fake_jammy": system("Ubuntu", "22.04", "Debian"),
    "fake_noble": system("Ubuntu", "24.04", "Debian"),
    "fake_rocky": system("Rocky", "9.6", "RedHat", selinux={"status": "enabled"}),
    "fake_alma": system("AlmaLinux", "9.6", "RedHat", selinux={"status": "enabled"}),
    "fake_admin": {**FACTS, "effective_user_id": 1000, "user_id": "admin"},
    "fake_alpine": system("Alpine", "3.20", "Alpine", service_mgr="openrc"),
    "fake_bullseye": system("Debian", "11.11", "Debian"),
    "fake_focal": system("Ubuntu", "20.04", "Debian"),
    "fake_rocky_8": system("Rocky", "8.10", "RedHat"),
}
# Runs the command as the user who the test is.
STAND_IN_SUDO = """\
#!/bin/sh
while [ "$1" != /bin/sh ]; do shift; done
exec "$@"
"""
FAKE_FACTS = """\
from ansible.module_utils.basic import AnsibleModule

AnsibleModule(argument_spec={{}}, supports_check_mode=True).exit_json(changed=False, ansible_facts={facts!r})
"""
# What the play did, for each host, as data; beside the usual output, which is what an operator sees. It also ends the
# run at once when a play of any other name begins: on this machine nothing may follow the preflight.
# Those of check.yml touch no host at all.
PREFLIGHT_PLAYS = ("Gather facts", "Check the variables ", "Look at the ", "Say what is wrong")
PAST_PREFLIGHT = 99
RECORDER = """\
DOCUMENTATION = "name: recorder\\ntype: notification\\nshort_description: Write the recap\\ndescription: The recap."
import json, os
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "notification", "recorder"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tasks, self.plays, self.messages, self.items, self.listed = [], [], {}, {}, []

    def v2_playbook_on_play_start(self, play):
        self.plays.append(play.get_name())
        if not play.get_name().startswith(__PLAYS__):
            self.write({})
            os._exit(__CODE__)

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.tasks.append(task.get_name())

    def v2_runner_item_on_failed(self, result):
        self.items.setdefault(result._host.get_name(), []).append(str(result._result.get("msg", "")))

    # After those of its items: the results of a loop do not say of each whether it failed, in every ansible-core.
    def v2_runner_on_failed(self, result, ignore_errors=False):
        name = result._host.get_name()
        said = self.items.pop(name, [str(result._result.get("msg", ""))])
        # The report of a whole inventory lists them in a task before.
        self.messages[name] = " ".join([*said, *(self.listed if "listed above" in said[0] else [])])

    def v2_runner_on_ok(self, result):
        if result._task.get_name() == "List the mistakes":
            self.listed = result._result["msg"]

    def v2_playbook_on_stats(self, stats):
        self.write({host: stats.summarize(host) for host in stats.processed})

    def write(self, hosts):
        with open(os.environ["RECORD"], "w", encoding="utf-8") as stream:
            known = {"hosts": hosts, "tasks": self.tasks, "plays": self.plays, "messages": self.messages}
            json.dump(known, stream)
""".replace("__PLAYS__", repr(PREFLIGHT_PLAYS)).replace("__CODE__", str(PAST_PREFLIGHT))


def pair(names: Iterable[str] = ("mq.example.org", "mq-admin.example.org"), days: int = 9) -> tuple[str, str]:
    """The PEM texts of a certificate for these names, valid for so many days from now, and of its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mq")])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=99))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), secret.decode()


CERTIFICATE, PRIVATE_KEY = pair()
SECRETS = {
    "galaxy_amqp_password": "mark@galaxy/amqp",
    "flower_amqp_password": "mark-flower-amqp",
    "flower_password": "mark-flower-login",
    "telegraf_amqp_password": "mark-telegraf-amqp",
    "telegraf_influxdb_password": "mark-influxdb",
    "rabbitmq_admin_password": "mark-admin",
    "rabbitmq_erlang_cookie": "markCookie0123456789abcdef",
    "traefik_private_key": PRIVATE_KEY,
}
# For a broker that speaks TLS itself, on a port beside Traefik's.
TLS_LISTENER = {
    "rabbitmq_tls_enabled": True,
    "rabbitmq_tls_port": 5673,
    "rabbitmq_certificate": CERTIFICATE,
    "rabbitmq_private_key": PRIVATE_KEY,
}
# What of the secrets would betray them, in whatever encoding a message has.
MARKS = ["mark@galaxy", "mark%40galaxy", "markCookie", PRIVATE_KEY.splitlines()[1]] + [
    value for value in SECRETS.values() if value.startswith("mark-")
]


class Outcome:
    """What one run of ansible-playbook did."""

    def __init__(self, process: subprocess.CompletedProcess[str], record: Path) -> None:
        self.code = process.returncode
        # Ansible wraps long lines of a message at the width of the terminal, and YAML output folds them.
        self.output = " ".join((process.stdout + process.stderr).split())
        assert record.is_file(), self.end
        known = json.loads(record.read_text())
        self.hosts, self.tasks, self.plays = known["hosts"], known["tasks"], known["plays"]
        # What the failed task of a host said.
        self.messages = {name: " ".join(text.split()) for name, text in known["messages"].items()}

    @property
    def end(self) -> str:
        """Where the message stands, for a test that fails."""
        return self.output[-3000:]

    @property
    def changed(self) -> int:
        """The number of changed tasks on all hosts."""
        return sum(host["changed"] for host in self.hosts.values())


def build_site(tmp_path: Path, hosts: Groups) -> Callable[..., Outcome]:
    """Make a site with valid variables. Returns a function that runs a playbook on it, with some of them changed.

    :param hosts: the groups of the inventory, each with its hosts and their own variables.
    """
    library, callbacks = tmp_path / "library", tmp_path / "callbacks"
    for folder in (library, callbacks):
        folder.mkdir()
    for name, facts in {"fake_facts": FACTS, **OTHER_FACTS}.items():
        (library / f"{name}.py").write_text(FAKE_FACTS.format(facts=facts))
    (callbacks / "recorder.py").write_text(RECORDER)
    collections = tmp_path / "collections/ansible_collections/usegalaxy_eu"
    collections.mkdir(parents=True)
    (collections / "celery").symlink_to(ROOT, target_is_directory=True)
    (tmp_path / "ansible.cfg").write_text("")
    (tmp_path / "sudo").write_text(STAND_IN_SUDO)
    (tmp_path / "sudo").chmod(0o755)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/galaxy.yml").write_text(
        "galaxy:\n  database_connection: postgresql://u:mark-admin-._~1@db.example.invalid/galaxy\n"
    )
    (tmp_path / "telegraf").write_text("")
    children = {group: {"hosts": members} for group, members in hosts.items()}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"children": children}}))

    def variables(
        change: Any = (), without: Collection[str] = (), only: Collection[str] | None = None
    ) -> dict[str, Any]:
        good = {
            "ansible_connection": "local",
            # The plays become root, and on the database's host postgres; on this machine they stay who they are.
            "ansible_become_exe": str(tmp_path / "sudo"),
            "ansible_python_interpreter": sys.executable,
            "ansible_facts_modules": "fake_facts",
            # Else this machine's own way would count, which no fake fact knows.
            "celery_source_address": "192.0.2.11",
            "galaxy_amqp_host": "mq.example.org",
            "galaxy_config_dir": str(tmp_path / "config"),
            "galaxy_config_file": str(tmp_path / "config/galaxy.yml"),
            "rabbitmq_management_host": "mq-admin.example.org",
            "traefik_certificate": CERTIFICATE,
            "traefik_install_method": "file",
            "traefik_binary_source": str(tmp_path / "traefik"),
            "telegraf_install_method": "file",
            "telegraf_binary_source": str(tmp_path / "telegraf"),
            "telegraf_influxdb_url": "https://influxdb.example.org:8086",
            "telegraf_influxdb_database": "galaxy",
            "telegraf_influxdb_username": "telegraf",
            **SECRETS,
            **dict(change),
        }
        return {
            name: value for name, value in good.items() if name not in without and (only is None or name in only)
        }

    def run(playbook: Path = PREFLIGHT, *arguments: str, **options: Any) -> Outcome:
        (tmp_path / "group_vars").mkdir(exist_ok=True)
        (tmp_path / "group_vars/all.json").write_text(json.dumps(variables(**options)))
        record = tmp_path / "record.json"
        record.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment.update(
            ANSIBLE_CALLBACKS_ENABLED="recorder",
            ANSIBLE_CALLBACK_PLUGINS=str(callbacks),
            ANSIBLE_COLLECTIONS_PATH=str(tmp_path / "collections"),
            ANSIBLE_CONFIG=str(tmp_path / "ansible.cfg"),
            ANSIBLE_FORKS="8",
            ANSIBLE_INJECT_FACT_VARS="0",
            ANSIBLE_LIBRARY=str(library),
            ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"),
            ANSIBLE_NOCOLOR="1",
            ANSIBLE_PIPELINING="1",
            ANSIBLE_REMOTE_TEMP=str(tmp_path / "remote"),
            RECORD=str(record),
        )
        program = Path(sys.executable).with_name("ansible-playbook")
        command = [str(program), "-i", str(tmp_path / "hosts.json"), str(playbook), *arguments]
        process = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
        )
        return Outcome(process, record)

    return run


def snapshot(folder: Path) -> dict[str, int]:
    """Every file that a run could have changed, with its time."""
    return {
        str(path): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and not {"local", "remote", "callbacks", "library"} & set(path.parts)
    }


def hold(outcome: Outcome, *words: str) -> None:
    """What every stopped run must show."""
    assert outcome.code == 2, outcome.end  # what ansible-playbook says of a failed task
    for word in words:
        assert word in outcome.output, outcome.end
    assert [mark for mark in MARKS if mark in outcome.output] == []
    assert outcome.changed == 0
    assert sum(host["failures"] for host in outcome.hosts.values()) > 0
    assert not [host for host in outcome.hosts.values() if host["unreachable"]]


def inventory(**changed: list[str] | None) -> Groups:
    """The groups of the site, some of them changed; null for one that is not there."""
    return {group: {name: {} for name in names} for group, names in {**HOSTS, **changed}.items() if names is not None}


def untouched(outcome: Outcome) -> None:
    """No host was asked, and no secret is shown."""
    assert outcome.changed == 0
    assert [name for name, host in outcome.hosts.items() if host["unreachable"]] == []
    assert not [task for task in outcome.tasks if task.startswith("Gather")]
    assert [mark for mark in MARKS if mark in outcome.output] == []
