# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory from what galaxy_site_info found: its questions, its files, and what has changed since.

Private to the collection. Nothing of Ansible in here, no file is touched, and the only secrets are the new ones.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

MARK = "CHECK"
RECORD = ".found.json"
HOSTS, VARIABLES, VAULT = "hosts.yml", "group_vars/all/stack.yml", "group_vars/all/vault.yml"
FILES = (HOSTS, VARIABLES, VAULT)
HERE = ("localhost", "127.0.0.1", "::1", "")
# Letters and digits fit everywhere: a URL, a cookie of Erlang, an environment file.
SECRETS = (
    "galaxy_amqp_password", "rabbitmq_admin_password", "rabbitmq_erlang_cookie", "flower_amqp_password", "flower_password",
    "telegraf_amqp_password",
)  # fmt: skip
SECRET_BYTES = 24


class Question(NamedTuple):
    """What only the operator knows, with the answer that is proposed."""

    name: str
    text: str
    proposal: str


@dataclass
class Variable:
    """One line of the inventory: why it is so, and whether it was proposed and not found."""

    name: str
    value: Any
    comment: str
    proposed: bool = False

    def text(self) -> str:
        """Return the lines of the file."""
        mark = f"{MARK}: " if self.proposed else ""
        plain = isinstance(self.value, str) and "{{" not in self.value
        # JSON is YAML on one line, with the quotes that a template needs.
        shown = (
            yaml.safe_dump(self.value, width=1000).removesuffix("...\n").strip() if plain else json.dumps(self.value)
        )
        return f"# {mark}{self.comment}\n{self.name}: {shown}\n"


class Facts:
    """What was found on Galaxy's host."""

    def __init__(self, host: str, found: dict[str, Any]) -> None:
        self.host = host
        self.found = found

    def get(self, name: str, default: Any = "") -> Any:
        """Return a value, or the default where it was not found."""
        return self.found.get(name, {}).get("value", default)

    def origin(self, name: str) -> str:
        """Return where a value comes from, as a comment says it."""
        return f"found: {self.found[name]['origin']}"

    def database_host(self) -> str:
        """Return the host of the database; Galaxy's own for a socket or loopback."""
        host = self.get("database", {}).get("host", "")
        return self.host if host in HERE or host.startswith("/") else host


def questions(facts: Facts) -> list[Question]:
    """Return what has to be asked, at most five things."""
    broker = facts.get("broker", {}).get("host", "")
    named = broker if broker not in HERE else facts.host
    asked = [
        Question("init_workers", "Hosts that run the Celery workers, with commas between them", facts.host),
        Question("init_broker", "Host that runs RabbitMQ and Traefik", facts.host),
        Question("init_broker_name", "Public name of the broker, as Galaxy and the workers reach it", named),
        Question("init_monitor", "Host that runs Flower (none: no Flower)", facts.host),
    ]
    if facts.database_host() != facts.host:
        text = "Host of PostgreSQL in the inventory (none: you edit pg_hba.conf yourself)"
        asked.append(Question("init_database", text, facts.database_host()))
    return asked


def answered(facts: Facts, answers: dict[str, str]) -> tuple[dict[str, str], set[str]]:
    """Return an answer to each question, and the names of those that are the proposal."""
    given = {name: str(answers.get(name) or "").strip() for name in (question.name for question in questions(facts))}
    full = {question.name: given[question.name] or question.proposal for question in questions(facts)}
    full.setdefault("init_database", facts.host)
    return full, {name for name, value in given.items() if not value}


def groups(facts: Facts, answers: dict[str, str]) -> dict[str, list[str]]:
    """Return the hosts of each group."""

    def hosts(name: str) -> list[str]:
        return [host.strip() for host in answers[name].split(",") if host.strip() and host.strip() != "none"]

    wanted = {
        "galaxyservers": [facts.host],
        "rabbitmqservers": hosts("init_broker"),
        "traefikservers": hosts("init_broker"),
        "dbservers": hosts("init_database"),
        "celeryservers": hosts("init_workers"),
        "flowerservers": hosts("init_monitor"),
    }
    return {name: members for name, members in wanted.items() if members}


def galaxy_variables(facts: Facts) -> list[Variable]:
    """The variables that describe the Galaxy that is installed."""
    names = {
        "galaxy_root": "root",
        "galaxy_server_dir": "server_dir",
        "galaxy_venv_dir": "venv_dir",
        "galaxy_config_dir": "config_dir",
        "galaxy_config_file": "config_file",
        "galaxy_mutable_data_dir": "data_dir",
        "galaxy_user": "user",
        "galaxy_url": "url",
        "celery_writable_dirs": "writable_dirs",
        "galaxy_sync_extra_paths": "extra_paths",
    }
    found = [Variable(name, facts.get(key), facts.origin(key)) for name, key in names.items() if key in facts.found]
    database = facts.get("database", {})
    if database.get("name"):
        value = [database["name"], "{{ postgresql_access_result_database }}"]
        if database["name"] != "galaxy":
            found.append(Variable("postgresql_access_databases", value, facts.origin("database")))
        # Over a socket the role may be that of the system's user, and not in the URL.
        if database["user"] not in ("", "galaxy"):
            found.append(Variable("postgresql_access_role", database["user"], facts.origin("database")))
            found.append(Variable("galaxy_database_user", database["user"], facts.origin("database")))
        if database["port"] != 5432:
            found.append(Variable("postgresql_access_port", database["port"], facts.origin("database")))
    return found


def stack_variables(facts: Facts, answers: dict[str, str], proposed: set[str]) -> list[Variable]:
    """The variables of the new stack."""
    broker, name = answers["init_broker"], answers["init_broker_name"]
    management = broker if broker != name else f"rabbitmq.{name}"
    found = [
        Variable(
            "galaxy_amqp_host",
            name,
            "public name of the broker; Galaxy and the workers must resolve it",
            "init_broker_name" in proposed,
        ),
        Variable(
            "rabbitmq_management_host",
            management,
            "private name of RabbitMQ's dashboard; you need it in DNS only to open the dashboard",
            True,
        ),
        Variable(
            "traefik_certificate_source",
            "private_ca",
            "a private CA on the broker's host; acme requests a certificate, files takes yours",
            True,
        ),
        Variable(
            "traefik_install_method",
            "container",
            "Traefik in Docker; download: a binary under systemd",
            True,
        ),
    ]
    vhost = facts.get("broker", {}).get("vhost")
    if vhost and vhost != "galaxy":
        found.append(Variable("galaxy_amqp_vhost", vhost, facts.origin("broker")))
    if facts.get("web_server") and broker == facts.host:
        text = f"{facts.get('web_server')} has port 443 on this host, so Traefik's dashboards use another port"
        found.append(Variable("traefik_websecure_address", ":8443", text, True))
    if facts.get("services"):
        text = f"restarts Galaxy when galaxy.yml changes; empty: you restart it yourself, with {', '.join(facts.get('services'))}"
        found.append(Variable("galaxy_celery_restart_services", [], text, True))
    if facts.get("managed_by_ansible"):
        text = f"Ansible writes galaxy.yml ({facts.found['managed_by_ansible']['origin']}), so the role only checks it; galaxy_fragment prints what to add"
        found.append(Variable("galaxy_celery_config_enabled", False, text, True))
    return found


def secret_variables() -> list[Variable]:
    """The variables whose values are in the vault."""
    return [Variable(name, f"{{{{ vault_{name} }}}}", "random, in vault.yml") for name in SECRETS]


def variables(facts: Facts, answers: dict[str, str]) -> list[Variable]:
    """Return all variables of the inventory."""
    full, proposed = answered(facts, answers)
    return [*stack_variables(facts, full, proposed), *secret_variables(), *galaxy_variables(facts)]


def hosts_text(facts: Facts, answers: dict[str, str]) -> str:
    """Return the file of the hosts."""
    full, proposed = answered(facts, answers)
    marks = {
        "rabbitmqservers": "init_broker",
        "traefikservers": "init_broker",
        "dbservers": "init_database",
        "celeryservers": "init_workers",
        "flowerservers": "init_monitor",
    }
    lines = [
        "---",
        f"# Made by usegalaxy_eu.celery.init from {facts.host}. It is yours now: edit it; init does not change it again.",
    ]
    lines.append(
        f"# {MARK} marks what init proposed and you did not answer. For Telegraf add a group telegrafservers, see inventories/example."
    )
    for name, members in groups(facts, full).items():
        lines.append(f"{name}:" + (f"  # {MARK}" if marks.get(name) in proposed else ""))
        lines += ["  hosts:", *[f"    {host}:" for host in members]]
    return "\n".join(lines) + "\n"


def variables_text(facts: Facts, answers: dict[str, str]) -> str:
    """Return the file of the variables."""
    head = (
        f"---\n# Made by usegalaxy_eu.celery.init from {facts.host}. It is yours now: edit it; init does not change it again.\n"
        f"# {MARK} marks a value that init proposed. Read it, correct it if it is wrong, and remove the mark.\n\n"
    )
    tail = (
        "\n# With it, rotate_secrets can change the password of Galaxy's database role. Put the password into the vault that is in galaxy.yml now.\n"
        '# galaxy_database_password: "{{ vault_galaxy_database_password }}"\n'
    )
    return head + "\n".join(variable.text() for variable in variables(facts, answers)) + tail


def vault_text() -> str:
    """Return the file of the secrets, each a new random one."""
    lines = [f"vault_{name}: {secrets.token_hex(SECRET_BYTES)}" for name in SECRETS]
    return "---\n# Random values. Edit them with: ansible-vault edit\n" + "\n".join(lines) + "\n"


def record_text(facts: Facts) -> str:
    """Return what was found, for the comparison of a later run. It holds no secret."""
    return json.dumps({"host": facts.host, "found": facts.found}, indent=1, sort_keys=True) + "\n"


def changes(facts: Facts, record: str) -> list[str]:
    """Return what is different from a former run, one sentence each."""
    try:
        former = json.loads(record)
        before = {name: entry["value"] for name, entry in former["found"].items()}
        host = former["host"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"{RECORD} cannot be read, so nothing can be compared. Remedy: remove the file."]
    if host != facts.host:
        return [
            f"The inventory was made from {host}, not from {facts.host}. Remedy: give another directory with -e dest=PATH."
        ]
    found = []
    for name in sorted(set(before) | set(facts.found)):
        old, new = before.get(name), facts.get(name, None)
        if old != new:
            words = {True: "is new", False: "changed"}[old is None]
            found.append(
                f"{name} {words}: {shown(old)} -> {shown(new)}" if old is not None else f"{name} {words}: {shown(new)}"
            )
    return found


def shown(value: Any) -> str:
    """Return a value as a sentence has it."""
    return "not found any more" if value is None else json.dumps(value)


def findings(facts: Facts, notes: list[str]) -> list[str]:
    """Return what the operator has to do at the site before or beside the playbook site."""
    said = list(notes)
    if facts.get("gravity_celery"):
        said.append(
            f"gravity runs Celery on {facts.host}: set gravity.celery.enable and gravity.celery.enable_beat to false in {facts.get('config_file')}."
        )
    if not facts.get("data_shared") and facts.get("data_dir"):
        said.append(
            f"{facts.get('data_dir')} is on a local disk of {facts.host}. Workers on other hosts need it at the same path, from shared storage."
        )
    for name, words in {
        "traefik": "A Traefik of your own is on {host} (/etc/traefik).",
        "telegraf": "A Telegraf of your own is on {host} (/etc/telegraf).",
        "rabbitmq": "A RabbitMQ is on {host} already.",
    }.items():
        if facts.get(name):
            said.append(words.format(host=facts.host))
    return said


def next_steps(facts: Facts, dest: str, encrypted: bool, marked: int) -> list[str]:
    """Return what to do now, in order."""
    vault = " --ask-vault-pass" if encrypted else ""
    steps = []
    if marked:
        steps.append(f"Read the {marked} lines that are marked {MARK}: grep -rn {MARK} {dest}")
    if not encrypted:
        steps.append(f"Encrypt the secrets: ansible-vault encrypt {dest}/{VAULT} (then add --ask-vault-pass below)")
    playbook = "migrate" if facts.get("older_units") or facts.get("gravity_celery") else "site"
    steps.append(f"Check it again: ansible-playbook -i {dest}{vault} usegalaxy_eu.celery.check")
    if playbook == "migrate":
        steps.append(
            f"See what would be replaced: ansible-playbook -i {dest}{vault} --check usegalaxy_eu.celery.migrate"
        )
    steps.append(f"Deploy: ansible-playbook -i {dest}{vault} usegalaxy_eu.celery.{playbook}")
    steps.append(f"Prove it: ansible-playbook -i {dest}{vault} usegalaxy_eu.celery.verify")
    return steps


def files(facts: Facts, answers: dict[str, str]) -> dict[str, str]:
    """Return the text of each file of the inventory."""
    return {
        HOSTS: hosts_text(facts, answers),
        VARIABLES: variables_text(facts, answers),
        VAULT: vault_text(),
        RECORD: record_text(facts),
    }
