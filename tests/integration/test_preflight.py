# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wrong variable stops the playbooks before any host is changed, and the message says which and what to do.

Every host of the inventory is this machine, so nothing may ever get past preflight: site.yml runs in check mode, and
only with a variable that stops it. The facts come from a fake module, so that the outcome does not depend on what this
machine is; all else, `ansible-playbook` and the roles, is what an operator runs.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parents[2]
PREFLIGHT, SITE = ROOT / "playbooks/stack/preflight.yml", ROOT / "playbooks/site.yml"
HOSTS = {
    "galaxyservers": ["galaxy"],
    "rabbitmqservers": ["mq"],
    "traefikservers": ["mq"],
    "dbservers": ["db"],
    "celeryservers": ["celery-1"],
    "flowerservers": ["monitor"],
    "telegrafservers": ["monitor"],
}
NAMES = sorted({name for names in HOSTS.values() for name in names})

FACTS = {
    "architecture": "x86_64",
    "default_ipv4": {"address": "192.0.2.11"},
    "distribution": "Debian",
    "distribution_major_version": "12",
    "os_family": "Debian",
    "service_mgr": "systemd",
}
FAKE_FACTS = """\
from ansible.module_utils.basic import AnsibleModule

AnsibleModule(argument_spec={{}}, supports_check_mode=True).exit_json(changed=False, ansible_facts={facts!r})
"""
# What the play did, for each host, as data; beside the usual output, which is what an operator sees. It also ends the
# run at once when a play of any other name begins: on this machine nothing may follow the preflight.
PREFLIGHT_PLAYS = ("Gather facts", "Check the variables ")
PAST_PREFLIGHT = 99
RECORDER = """\
DOCUMENTATION = "name: recorder\\ntype: notification\\nshort_description: Write the recap\\ndescription: The recap."
import json, os
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "notification", "recorder"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tasks, self.plays = [], []

    def v2_playbook_on_play_start(self, play):
        self.plays.append(play.get_name())
        if not play.get_name().startswith(__PLAYS__):
            self.write({})
            os._exit(__CODE__)

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.tasks.append(task.get_name())

    def v2_playbook_on_stats(self, stats):
        self.write({host: stats.summarize(host) for host in stats.processed})

    def write(self, hosts):
        with open(os.environ["RECORD"], "w", encoding="utf-8") as stream:
            json.dump({"hosts": hosts, "tasks": self.tasks, "plays": self.plays}, stream)
""".replace("__PLAYS__", repr(PREFLIGHT_PLAYS)).replace("__CODE__", str(PAST_PREFLIGHT))


def pair(names=("mq.example.org", "mq-admin.example.org"), days=9):
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
# What of the secrets would betray them, in whatever encoding a message has.
MARKS = ["mark@galaxy", "mark%40galaxy", "markCookie", PRIVATE_KEY.splitlines()[1]] + [
    value for value in SECRETS.values() if value.startswith("mark-")
]


class Outcome:
    """What one run of ansible-playbook did."""

    def __init__(self, process, record):
        self.code = process.returncode
        # Ansible wraps long lines of a message at the width of the terminal, and YAML output folds them.
        self.output = " ".join((process.stdout + process.stderr).split())
        assert record.is_file(), self.end
        known = json.loads(record.read_text())
        self.hosts, self.tasks, self.plays = known["hosts"], known["tasks"], known["plays"]

    @property
    def end(self):
        """Where the message stands, for a test that fails."""
        return self.output[-3000:]

    @property
    def changed(self):
        """The number of changed tasks on all hosts."""
        return sum(host["changed"] for host in self.hosts.values())


@pytest.fixture
def site(tmp_path):
    """A site with valid variables. Returns a function that runs a playbook on it, with some of them changed."""
    library, callbacks = tmp_path / "library", tmp_path / "callbacks"
    for folder in (library, callbacks):
        folder.mkdir()
    (library / "fake_facts.py").write_text(FAKE_FACTS.format(facts=FACTS))
    (callbacks / "recorder.py").write_text(RECORDER)
    collections = tmp_path / "collections/ansible_collections/usegalaxy_eu"
    collections.mkdir(parents=True)
    (collections / "celery").symlink_to(ROOT, target_is_directory=True)
    (tmp_path / "ansible.cfg").write_text("")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/galaxy.yml").write_text("galaxy:\n  database_connection: postgresql://u:p@db/galaxy\n")
    (tmp_path / "telegraf").write_text("")
    hosts = {group: {"hosts": {name: {} for name in names}} for group, names in HOSTS.items()}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"children": hosts}}))

    def variables(change=(), without=()):
        good = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_facts_modules": "fake_facts",
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
        return {name: value for name, value in good.items() if name not in without}

    def run(playbook=PREFLIGHT, *arguments, **options):
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
            ANSIBLE_FORKS=str(len(NAMES)),
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
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        return Outcome(process, record)

    return run


def snapshot(folder):
    """Every file that a run could have changed, with its time."""
    return {
        str(path): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and not {"local", "remote", "callbacks", "library"} & set(path.parts)
    }


def hold(outcome, *words):
    """What every stopped run must show."""
    assert outcome.code == 2, outcome.end  # what ansible-playbook says of a failed task
    for word in words:
        assert word in outcome.output, outcome.end
    assert [mark for mark in MARKS if mark in outcome.output] == []
    assert outcome.changed == 0
    assert sum(host["failures"] for host in outcome.hosts.values()) > 0
    assert not [host for host in outcome.hosts.values() if host["unreachable"]]


def test_valid_variables_pass_and_nothing_is_changed(site, tmp_path):
    before = snapshot(tmp_path)
    outcome = site()
    assert outcome.code == 0, outcome.end
    assert sorted(outcome.hosts) == NAMES
    assert outcome.changed == 0
    assert {host["failures"] + host["unreachable"] for host in outcome.hosts.values()} == {0}
    assert {host["skipped"] + host["ok"] > 0 for host in outcome.hosts.values()} == {True}
    assert [mark for mark in MARKS if mark in outcome.output] == []
    changed = {path for path, time in snapshot(tmp_path).items() if before.get(path) != time}
    assert {Path(path).name for path in changed} == {"all.json", "record.json"}
    # Every role that site.yml runs has had its preflight.
    roles = set(re.findall(r"role: usegalaxy_eu\.celery\.(\w+)", "".join(
        path.read_text() for path in SITE.parent.glob("stack/*.yml"))))  # fmt: skip
    assert {f"Run the preflight of {role}" for role in roles} <= set(outcome.tasks)


# The variable, a word of the remedy.
MISSING = {
    "galaxy_amqp_host": "set galaxy_amqp_host to the public name of the broker",
    "galaxy_amqp_password": "Remedy: define galaxy_amqp_password",
    "rabbitmq_admin_password": "Put rabbitmq_admin_password into the vault",
    "rabbitmq_erlang_cookie": "Put rabbitmq_erlang_cookie",
    "flower_password": "put flower_password",
    "flower_amqp_password": "Remedy: define flower_amqp_password",
    "traefik_certificate": "Set traefik_certificate to the PEM text",
    "traefik_private_key": "Put traefik_private_key",
    "telegraf_influxdb_url": "Set it, or set telegraf_influxdb_enabled to false",
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_variable(site, name):
    hold(site(without=[name]), name, MISSING[name])


def nodes(*pairs):
    """A list of cluster nodes, each by its name and the end of its address."""
    return {"rabbitmq_cluster_nodes": [{"name": name, "address": f"192.0.2.{end}"} for name, end in pairs]}


WRONG = {
    "a cluster of two": (
        nodes(("mq", 1), ("mq-2", 2)),
        ["rabbitmq_cluster_nodes has two entries (mq, mq-2)", "Take one node, or three"],
    ),
    "a cluster without this node": (
        nodes(("mq-1", 1), ("mq-2", 2), ("mq-3", 3)),
        ["rabbitmq_node_hostname is mq on mq", "has only mq-1, mq-2, mq-3", "Add it"],
    ),
    "a node that is there twice": (
        nodes(("mq", 1), ("MQ", 2), ("mq-3", 3)),
        ["rabbitmq_cluster_nodes has the names mq, MQ, mq-3", "each of them once"],
    ),
    "nodes with short and long names": (
        nodes(("mq", 1), ("mq-2.example.org", 2), ("mq-3", 3)),
        ["rabbitmq_cluster_nodes has the names mq, mq-2.example.org", "all with a dot or all without one"],
    ),
    "nodes with one address": (
        nodes(("mq", 1), ("mq-2", 1), ("mq-3", 3)),
        ["rabbitmq_cluster_nodes has the addresses 192.0.2.1, 192.0.2.1", "an IP address of its own"],
    ),
    "a node on loopback": (
        {"rabbitmq_cluster_nodes": [{"name": f"mq{end}", "address": f"127.0.0.1{end}"} for end in ("", "2", "3")]},
        ["rabbitmq_cluster_nodes has the addresses 127.0.0.1", "not loopback"],
    ),
    "a cluster port that is none": (
        {**nodes(("mq", 1), ("mq-2", 2), ("mq-3", 3)), "rabbitmq_cluster_epmd_port": 99},
        ["rabbitmq_cluster_epmd_port is 99", "a port from 1024 to 65535"],
    ),
    "a mistyped name": (
        {"celery_worker": [{"name": "worker"}]},
        ["celery_worker is not a variable of the role celery", "Did you mean celery_workers?"],
    ),
    "a mistyped key": (
        {"celery_workers": [{"name": "worker", "queue": ["celery"]}]},
        ["celery_workers[0].queue is not known", "Did you mean queues?"],
    ),
    "a wrong type": (
        {"celery_workers": {"name": "worker"}},
        ["celery_workers is", "expected a list", "Remedy: write it as a YAML list"],
    ),
    "a wrong type of a secret": (
        {"flower_password": [SECRETS["flower_password"]]},
        ["flower_password is ********", "expected a string"],
    ),
    "prefork for external tasks": (
        {"celery_workers": [{"name": "worker", "pool": "prefork", "queues": ["galaxy.external"]}]},
        ["celery_workers: the class worker consumes galaxy.external with the pool prefork", "Remedy: pool: threads"],
    ),
    "a cookie that is too short": (
        {"rabbitmq_erlang_cookie": "mark-flower-amqp"},
        ["rabbitmq_erlang_cookie must be 20 to 255 letters and digits", "openssl rand"],
    ),
    "backups among the data": (
        {"rabbitmq_backup_dir": "/var/lib/rabbitmq-galaxy/backups"},
        ["rabbitmq_backup_dir is /var/lib/rabbitmq-galaxy/backups", "outside of rabbitmq_data_dir"],
    ),
    "no backup kept": (
        {"rabbitmq_backup_keep": 0},
        ["rabbitmq_backup_keep is 0, but must be at least 1"],
    ),
    "a key that is a path": (
        {"traefik_private_key": "/etc/ssl/mark-admin.key"},
        ["traefik_private_key", "Give the text, not a path"],
    ),
    "a certificate of yesterday": (
        {"traefik_certificate": pair(days=-1)[0]},
        ["traefik_certificate", "The certificate CN=mq expired on", "Renew it"],
    ),
    "a certificate for another name": (
        dict(zip(("traefik_certificate", "traefik_private_key"), pair(["mq.example.org"]))),
        ["traefik_certificate", "does not cover mq-admin.example.org; it covers mq.example.org"],
    ),
    "a key of another certificate": (
        {"traefik_private_key": pair()[1]},
        ["traefik_private_key", "The private key does not belong to the certificate CN=mq"],
    ),
    "an address that is none": (
        {"traefik_broker_allowed_networks": ["10.0.0.300"]},
        ["tcp route amqps.allowed_networks", "10.0.0.300"],
    ),
    "Galaxy is not there": (
        {"galaxy_config_file": "/nonexistent/galaxy.yml"},
        ["galaxy_config_file is /nonexistent/galaxy.yml", "Remedy: install Galaxy first"],
    ),
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_variable(site, change):
    values, words = WRONG[change]
    hold(site(change=values), *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        # The role that is checked first, and the one that is checked last.
        ({"change": WRONG["a mistyped name"][0]}, WRONG["a mistyped name"][1]),
        ({"without": ["telegraf_influxdb_url"]}, ["telegraf_influxdb_url", MISSING["telegraf_influxdb_url"]]),
    ],
)
def test_site_stops_before_its_first_role(site, options, words):
    outcome = site(SITE, "--check", **options)
    hold(outcome, *words)
    # The plays of preflight.yml, and none of those that follow.
    assert [play for play in outcome.plays if not play.startswith(PREFLIGHT_PLAYS)] == []
    known = re.compile(r"Gathering Facts|Run the preflight of |([\w.]+ : )?preflight(_\w+)? \| ")
    assert [task for task in outcome.tasks if not known.match(task)] == []


def test_the_guard_of_these_tests_ends_a_run_that_gets_past_preflight(site, tmp_path):
    playbook = tmp_path / "other.yml"
    task = {"name": "Do it", "ansible.builtin.debug": {}}
    playbook.write_text(json.dumps([{"name": "Other", "hosts": "all", "gather_facts": False, "tasks": [task]}]))
    outcome = site(playbook)
    assert (outcome.code, outcome.plays, outcome.tasks) == (PAST_PREFLIGHT, ["Other"], [])
