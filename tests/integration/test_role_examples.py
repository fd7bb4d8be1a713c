# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example in a role's README is executed, and touches no host.

A play and a task run with the role's `check` in place of the role, on hosts that nobody can reach; inventory lines run
through check.yml; command lines are held against the playbooks by ansible-playbook. No example is of another kind.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from tools import roles
from tools.preflight_site import (
    ANYWHERE,
    CHECK,
    HOSTS,
    SECRETS,
    build_site,
    inventory,
    pair,
    untouched,
)

COLLECTION = "usegalaxy_eu.celery."
CERTIFICATE, PRIVATE_KEY = pair(("mq.example.org", "mq02.example.org"))
# What the examples take from a vault.
VAULT = {
    "vault_galaxy_amqp_password": SECRETS["galaxy_amqp_password"],
    "vault_flower_password": SECRETS["flower_password"],
    "vault_flower_amqp_password": SECRETS["flower_amqp_password"],
    "vault_telegraf_amqp_password": SECRETS["telegraf_amqp_password"],
    "vault_telegraf_influxdb_password": SECRETS["telegraf_influxdb_password"],
    "vault_rabbitmq_admin_password": SECRETS["rabbitmq_admin_password"],
    "vault_rabbitmq_erlang_cookie": SECRETS["rabbitmq_erlang_cookie"],
    "vault_pulsar_1_amqp_password": "mark-pulsar-amqp",
    "vault_traefik_private_key": PRIVATE_KEY,
    "vault_traefik_acme_environment": {"RFC2136_NAMESERVER": "192.0.2.53"},
}


def examples():
    """Each block of code in the READMEs of the roles: role, number, language, text."""
    for role in roles.names():
        tokens = MarkdownIt().parse((roles.ROLES / role / "README.md").read_text(encoding="utf-8"))
        blocks = [(token.info.strip(), token.content) for token in tokens if token.type in ("fence", "code_block")]
        for number, (language, text) in enumerate(blocks, 1):
            yield role, number, language, text


def kind(language, text):
    """How an example is executed, or None."""
    if language == "console":
        return "commands"
    if language != "yaml":
        return None
    content = yaml.safe_load(text)
    if isinstance(content, list):
        return "play" if "hosts" in content[0] else "task"
    if not isinstance(content, dict):
        return None
    return "groups" if set(content) <= set(HOSTS) else "variables"


EXAMPLES = list(examples())


def of_kind(wanted):
    """The examples of one kind, as parameters of a test."""
    return [
        pytest.param(role, text, id=f"{role}-{number}")
        for role, number, language, text in EXAMPLES
        if kind(language, text) == wanted
    ]


def run_check(tmp_path, play):
    """Run the check of a role with what the example gives it, and with nothing else."""
    role = play["tasks"][0]["ansible.builtin.include_role"]["name"].removeprefix(COLLECTION)
    result = f"__{role}_check"
    say = {"that": f"{result}.problems == []", "fail_msg": "{{ " + result + ".problems | join(' ') }}"}
    play = {**play, "name": "Look at the example", "become": False, "gather_facts": False}
    play["tasks"] = [*play["tasks"], {"name": "Say what is wrong", "ansible.builtin.assert": say}]
    (tmp_path / "example.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    (tmp_path / "mq.example.org.crt").write_text(CERTIFICATE, encoding="utf-8")
    site = build_site(tmp_path, inventory())
    return site(tmp_path / "example.yml", change={**ANYWHERE, **VAULT}, only={*ANYWHERE, *VAULT})


def included(role, variables):
    """The role as a task that runs its check."""
    return {"ansible.builtin.include_role": {"name": role, "tasks_from": "check"}, "vars": variables}


def test_every_example_is_of_a_kind_that_is_executed():
    assert [f"{role} {number}" for role, number, language, text in EXAMPLES if not kind(language, text)] == []
    assert {role for role, *_rest in EXAMPLES} == set(roles.names())


@pytest.mark.parametrize(("role", "text"), of_kind("play"))
def test_a_play(tmp_path, role, text):
    (play,) = yaml.safe_load(text)
    (entry,) = play.pop("roles")
    assert set(entry) == {"role", "vars"}
    assert entry["role"] == COLLECTION + role
    outcome = run_check(tmp_path, {**play, "tasks": [included(entry["role"], entry["vars"])]})
    assert outcome.code == 0, outcome.end
    untouched(outcome)
    assert sum(host["ok"] for host in outcome.hosts.values()) > 0


@pytest.mark.parametrize(("role", "text"), of_kind("task"))
def test_a_task(tmp_path, role, text):
    (task,) = yaml.safe_load(text)
    parameters = task["ansible.builtin.include_role"]
    assert parameters["name"] == COLLECTION + role
    if not roles.defaults(role):
        # Task files that take what they are given: the specification of the entry point is all there is to check.
        specified = roles.options(role, parameters["tasks_from"])
        assert set(task["vars"]) <= set(specified)
        assert {name for name, option in specified.items() if option.get("required")} <= set(task["vars"])
        return
    outcome = run_check(tmp_path, {"hosts": "dbservers", "tasks": [included(parameters["name"], task["vars"])]})
    assert outcome.code == 0, outcome.end
    untouched(outcome)


@pytest.mark.parametrize(("role", "text"), of_kind("variables"))
def test_variables(tmp_path, role, text):
    values = yaml.safe_load(text)
    # The site has a certificate in files, the example none.
    without = ("traefik_certificate", "traefik_private_key") if "traefik_certificate_source" in values else ()
    outcome = build_site(tmp_path, inventory())(CHECK, change={**ANYWHERE, **VAULT, **values}, without=without)
    assert outcome.code == 0, outcome.end
    untouched(outcome)


@pytest.mark.parametrize(("role", "text"), of_kind("groups"))
def test_groups(tmp_path, role, text):
    groups = yaml.safe_load(text)
    hosts = {name: {host: group.get("vars", {}) for host in group["hosts"]} for name, group in groups.items()}
    outcome = build_site(tmp_path, {**inventory(), **hosts})(CHECK, change={**ANYWHERE, **VAULT})
    assert outcome.code == 0, outcome.end
    untouched(outcome)
    assert {host for members in hosts.values() for host in members} <= set(outcome.hosts)


@pytest.mark.parametrize(("role", "text"), of_kind("commands"))
def test_commands(tmp_path, role, text):
    build_site(tmp_path, inventory())
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections")}
    known = Path(sys.executable).with_name("ansible-playbook"), "-i", tmp_path / "hosts.json", "--list-tasks"
    for line in text.splitlines():
        program, option, _inventory, playbook, *arguments = shlex.split(line, comments=True)
        assert (program, option) == ("ansible-playbook", "-i")
        command = [*known, playbook, *arguments]
        process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert process.returncode == 0, process.stderr
        assert "--tags" not in arguments or f"TAGS: [{arguments[-1]}" in process.stdout, process.stdout


def test_a_wrong_example_is_found(tmp_path):
    wrong = {"flower_port": 0, "flower_pasword": "x"}
    outcome = run_check(tmp_path, {"hosts": "flowerservers", "tasks": [included(COLLECTION + "flower", wrong)]})
    assert outcome.code == 2, outcome.end
    (message,) = outcome.messages.values()
    words = ("flower_port is 0", "flower_pasword is not", "flower_amqp_password has no value")
    assert [word for word in words if word not in message] == []
