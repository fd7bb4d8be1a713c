# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode announces what a run does, tags and limits touch what is asked for, no password can be read.

Run by molecule/truth. The tests follow one another, from bare hosts on: each begins where the one before it ended.
Every run shows all that Ansible can show.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from tools.silence import AFTER_A_NEW_CONFIGURATION, NOT_AFTER_A_CHANGE, NOT_ON_BARE_HOSTS
from tools.truth import HOSTS, LOGS, ROOT, SCENARIO, Watch, check, differences, fingerprints, forms, node, play, search

from ansible_collections.usegalaxy_eu.celery.plugins.action.check_variables import is_secret

STATE = Path(os.environ["TESTBED_STATE"])
CANARY = "CANARY" + os.urandom(8).hex()
ROLES = ("traefik", "rabbitmq", "postgresql_access", "galaxy", "galaxy_sync", "celery", "flower", "telegraf")

RESTARTED = {
    ("worker-1", "celery", "restart | unit | Restart it"),
    ("worker-2", "celery", "restart | unit | Restart it"),
    ("worker-1", "celery", "restart | beat | Restart beat"),
}

CHANGES = {
    "celery_workers": [{"name": "worker", "concurrency": 3}],
    "flower_max_tasks": 5000,
    "galaxy_celery_result_expires_seconds": 43200,
    "postgresql_access_exceptions": {"192.0.2.0/28": "a network for examples"},
    "postgresql_access_networks": ["192.0.2.0/28"],
    "rabbitmq_policies_extra": [
        {
            "name": "truth",
            "vhost": "galaxy",
            "pattern": "^truth",
            "apply_to": "queues",
            "priority": 1,
            "definition": {"expires": 60000},
        }
    ],
    "telegraf_interval_seconds": 15,
    "traefik_log_level": "WARN",
}

# Secrets of the specifications that the stack of this scenario does not have, or has by another name.
NOT_USED = {
    "flower_auth_key": "a login by OAuth takes the place of flower_password",
    "flower_auth_secret": "a login by OAuth takes the place of flower_password",
    "postgresql_access_role_password": "stands for galaxy_database_password",
    "rabbitmq_private_key": "the broker's TLS is Traefik's here",
    "rabbitmq_galaxy_password": "stands for galaxy_amqp_password",
    "rabbitmq_flower_password": "stands for flower_amqp_password",
    "rabbitmq_telegraf_password": "stands for telegraf_amqp_password",
    "rabbitmq_users": "its passwords stand for those of the stack",
    "telegraf_repository_key_url": "the address of a public key",
    "telegraf_influxdb2_token": "an InfluxDB 2 takes the place of telegraf_influxdb_password",
    "telegraf_influxdb2_read_token": "an InfluxDB 2 takes the place of telegraf_influxdb_password",
    "telegraf_grafana_token": "there is no Grafana",
    "telegraf_influxdb_read_password": "stands for telegraf_influxdb_password",
    "traefik_acme_environment": "an ACME server takes the place of traefik_private_key",
}

# Variables with a secret in the environment of processes, by the user of the service: only he and root can read them.
OWN_ENVIRONMENT = {
    "flower": {"CELERY_BROKER_URL", "FLOWER_LOGINS"},
    "galaxy": {"TRUTH_OBJECT_STORE_KEY"},
    "telegraf": {"TELEGRAF_INFLUXDB_PASSWORD", "TELEGRAF_RABBITMQ_PASSWORD"},
}


def variables(name, values):
    """Keep variables in a file that only its owner reads, as a vault's are, and return the argument that names it."""
    path = STATE / f"{name}.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(values), encoding="utf-8")
    return [f"--extra-vars=@{path}"]


def silent(run, announced, known):
    """Return what a run did that was not announced, but for what is known."""
    return sorted(key for key in run.changed - announced.changed if key[1:] not in known)


@pytest.fixture(scope="session")
def mark():
    """The word that every secret of the inventory holds."""
    return "MARK" + (STATE / "secrets/mark").read_text(encoding="utf-8").strip()


@pytest.fixture(scope="session")
def words(mark):
    """All that must not be found: the mark as it may be written, and the lines of the private key."""
    lines = (STATE / "pki/mq.key").read_text(encoding="utf-8").splitlines()
    return [*forms(mark), *[line for line in lines if not line.startswith("-")]]


@pytest.fixture(scope="session")
def since():
    """Older files cannot hold the mark: it was made with the nodes."""
    return (STATE / "secrets/mark").stat().st_mtime - 60


@pytest.fixture(scope="session")
def watch(words):
    """Watches the processes from here on; it ends with this program in any case."""
    return Watch([*words, CANARY], 3600)


@pytest.fixture(scope="session")
def changes():
    """One option of every role has another value."""
    return variables("changes", CHANGES)


@pytest.fixture(scope="session")
def rotated(mark):
    """New passwords for Flower and Telegraf, which hold the mark too."""
    names = ("flower_amqp_password", "telegraf_amqp_password", "flower_password")
    users = {"rotate_users": ["flower", "telegraf"]}
    return variables("rotated", {name: f"{mark}-{name}-2@/" for name in names} | users)


@pytest.fixture(scope="session")
def administrator(mark):
    """A new password for the administrator too."""
    users = {"rotate_users": ["admin", "flower", "telegraf"]}
    return variables("administrator", {"rabbitmq_admin_password": f"{mark}-admin-2@/"} | users)


@pytest.fixture(scope="session")
def seen():
    """Runs that a later test holds against another."""
    return {}


def test_every_secret_is_marked(mark):
    """No secret of the specifications is forgotten: it holds the mark, or the stack does not use it."""
    names, nested = set(), {}
    for role in ROLES:
        options = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8"))[
            "argument_specs"
        ]["main"]["options"]
        names |= {name for name, spec in options.items() if is_secret(name, spec)}
        for name, spec in options.items():
            if any(is_secret(*item) for item in (spec.get("options") or {}).items()):
                nested[name] = spec
    asked = sorted(names | set(nested))
    template = "{{ {" + ", ".join(f"'{name}': {name} | default('')" for name in asked) + "} | to_json | b64encode }}"
    command = [
        "ansible",
        "core",
        "--inventory",
        str(SCENARIO / "inventory"),
        "--module-name=ansible.builtin.debug",
        f"--args=msg={json.dumps(template)}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    values = json.loads(base64.b64decode(json.loads(done.stdout[done.stdout.index("{") :])["msg"]))
    marked = {name for name in asked if mark in json.dumps(values[name])} | {"traefik_private_key"} & {
        name for name in asked if values[name]
    }
    assert [name for name in asked if name not in marked and name not in NOT_USED] == []
    assert [name for name in NOT_USED if values.get(name)] == []


def test_check_mode_on_bare_hosts(watch, seen):
    """It passes, and nothing is changed."""
    seen["bare"], different = check("bare-check", "site.yml")
    assert (seen["bare"].code, different) == (0, [])


def test_first_run_does_what_was_announced(watch, seen):
    """Every task that check mode ran said the truth. On Ansible's own strategy: its remote commands are others."""
    run = play("site", "site.yml", plain=True)
    assert run.code == 0
    assert sorted(seen["bare"].changed - run.changed) == []
    assert silent(run, seen["bare"], NOT_ON_BARE_HOSTS) == []
    assert (
        sorted(key for key in run.changed & seen["bare"].changed if set(run.items[key]) != set(seen["bare"].items[key]))
        == []
    )
    assert sorted(key for key in run.changed - seen["bare"].changed if key in seen["bare"].ran) == []


def test_check_mode_on_converged_hosts(watch):
    """It announces nothing, and changes nothing."""
    run, different = check("converged-check", "site.yml")
    assert (run.code, run.changed, different) == (0, set(), [])


def test_check_mode_after_a_change(watch, seen, changes):
    """It announces something in every role that has an option changed, and changes nothing."""
    seen["changes"], different = check("changes-check", "site.yml", *changes)
    assert (seen["changes"].code, different) == (0, [])
    assert {role for _host, role, _task in seen["changes"].changed} == set(ROLES) - {"galaxy_sync"}


@pytest.mark.parametrize("tag", ["flower", "telegraf", "traefik", "rabbitmq", "postgresql_access", "galaxy"])
def test_tag(watch, seen, changes, tag):
    """Of all that was announced it does what the role has, and touches no other."""
    run = play(f"tag-{tag}", "site.yml", "--tags", tag, *changes)
    assert run.code == 0
    wanted = {key for key in seen["changes"].changed if key[1] == tag}
    assert sorted(wanted - run.changed) == []
    assert silent(run, seen["changes"], NOT_AFTER_A_CHANGE) == []
    assert {role for _host, role, _task in run.changed} == {tag}


def test_limit_to_one_worker(watch, seen, changes):
    """It does what was announced for this host, and touches no other."""
    before = fingerprints()
    run = play("limit", "site.yml", "--limit", "worker-2", *changes)
    assert run.code == 0
    wanted = {key for key in seen["changes"].changed if key[0] == "worker-2"}
    assert sorted(wanted - run.changed) == []
    assert silent(run, seen["changes"], AFTER_A_NEW_CONFIGURATION) == []
    assert {host for host, _role, _task in run.changed} == {"worker-2"}
    assert {line.split(":")[0] for line in differences(before, fingerprints())} == {"worker-2"}


def test_skipped_tags(watch, seen, changes):
    """What remains is done, and nothing of the skipped roles is run but their look at the variables."""
    skipped = ("rabbitmq", "traefik", "galaxy")
    run = play("skip-tags", "site.yml", "--skip-tags", ",".join(skipped), *changes)
    assert run.code == 0
    wanted = {key for key in seen["changes"].changed if key[0] == "worker-1"}
    assert sorted(wanted - run.changed) == []
    assert silent(run, seen["changes"], AFTER_A_NEW_CONFIGURATION) == []
    tasks = {(role, task) for _host, role, task in run.ran if role in skipped}
    assert (
        sorted(task for _role, task in tasks if task.startswith(("install |", "configure |", "service |", "objects |")))
        == []
    )


def test_nothing_is_left(watch, changes):
    """All parts together were the whole."""
    run = play("changed-again", "site.yml", *changes)
    assert (run.code, run.changed) == (0, set())


@pytest.mark.parametrize(
    "command",
    [
        "add_worker.yml -e worker=worker-2",
        "remove_worker.yml -e worker=worker-2",
        "remove_worker.yml -e worker=worker-1 -e remove_release=true",
        "restart.yml",
        "rollback.yml",
        "rotate_secrets.yml",
        "backup.yml",
        "galaxy_fragment.yml",
        "check.yml",
        f"init.yml -e galaxy=galaxy -e dest={LOGS}/inventory",
        "verify.yml",
        "verify.yml --limit worker-2",
        f"report.yml -e report_path={LOGS}/report.html",
    ],
)
def test_verb_in_check_mode(watch, seen, changes, rotated, command):
    """It passes, says something where there is something to do, and changes nothing."""
    words = command.split()
    name = "-".join(words).translate(str.maketrans("/=", "__"))
    passwords = rotated if words[0].startswith("rotate") else []
    run, different = check(f"check-{name}", words[0], *changes, *passwords, *words[1:])
    seen[words[0]] = run
    assert (run.code, different) == (0, [])
    busy = ("init.yml", "remove_worker.yml", "restart.yml", "rollback.yml", "rotate_secrets.yml", "backup.yml")
    assert bool(run.changed) == (words[0] in busy), sorted(run.changed)
    if words[0] == "rollback.yml":
        assert run.changed >= RESTARTED


def test_restore_in_check_mode(watch, changes):
    """Of what was just saved nothing is to be brought back."""
    assert play("backup", "backup.yml", *changes).code == 0
    run, different = check("check-restore", "restore.yml", *changes)
    assert (run.code, run.changed, different) == (0, set(), [])


def test_restart_does_what_was_announced(watch, seen, changes):
    """The same tasks, and as many hosts at the same time as was asked for: one in check mode, two now."""
    run = play("restart", "restart.yml", "-e", "restart_share=2", *changes)
    assert run.code == 0
    assert run.changed == seen["restart.yml"].changed

    def hosts(of):
        order = [event["host"] for event in of.events if event["play"] == "Restart workers one after another"]
        return [host for n, host in enumerate(order) if n == 0 or order[n - 1] != host]

    assert hosts(seen["restart.yml"]) == ["worker-1", "worker-2"]
    assert len(hosts(run)) > 2


def test_rotation_does_what_was_announced(watch, seen, changes, rotated, administrator):
    """Check mode refuses what it cannot ask as a new administrator; of the others it has said all."""
    refused = play("rotate-check-admin", "rotate_secrets.yml", "--check", *changes, *rotated, *administrator)
    assert refused.code == 2
    assert "would get the password of rabbitmq_admin_password" in refused.output
    run = play("rotate", "rotate_secrets.yml", *changes, *rotated, *administrator, plain=True)
    assert run.code == 0
    announced = seen["rotate_secrets.yml"].changed
    assert sorted(announced - run.changed) == []
    own = ("rotate | administrator |", "import_administrator |")
    assert [key for key in run.changed - announced if not key[2].startswith(own)] == []


def test_update_does_what_was_announced(watch, changes, rotated, administrator):
    """A new file of Galaxy's: the release, and every worker that will run it."""
    new = ["docker", "exec", node("core"), "touch", "/srv/galaxy/server/lib/galaxy/celery/truth.txt"]
    subprocess.run(new, check=True)
    announced, different = check("update-check", "update.yml", *changes, *rotated, *administrator)
    assert (announced.code, different) == (0, [])
    assert announced.changed >= RESTARTED
    run = play("update", "update.yml", *changes, *rotated, *administrator)
    assert run.code == 0
    assert sorted(announced.changed - run.changed) == []
    assert silent(run, announced, AFTER_A_NEW_CONFIGURATION) == []


@pytest.mark.parametrize("command", ["verify.yml", "report.yml"])
def test_verb(watch, changes, rotated, administrator, command):
    """What is left of the verbs, with the new passwords."""
    run = play(
        command.removesuffix(".yml"),
        command,
        *changes,
        *rotated,
        *administrator,
        "-e",
        f"report_path={LOGS}/report.html",
        plain=True,
    )
    assert (run.code, run.changed) == (0, set())


def test_processes(watch):
    """No secret in an argument of any process, and in no environment but that of the service which it is for."""
    for host in HOSTS:
        plant = [
            "docker",
            "exec",
            "--user=nobody",
            "--env",
            f"PLANTED={CANARY}",
            node(host),
            "python3",
            "-c",
            "import time; time.sleep(1)",
            CANARY,
        ]
        subprocess.run(plant, check=True)
    found = watch.end()
    for host in HOSTS:
        lines = [tuple(line) for line in found[host]["found"]]
        planted = {("cmdline", "nobody", "python3", ""), ("environ", "nobody", "python3", "PLANTED")}
        assert planted <= set(lines)
        assert found[host]["processes"] > 100
        others = [
            line
            for line in lines
            if line not in planted and not (line[0] == "environ" and line[3] in OWN_ENVIRONMENT.get(line[1], ()))
        ]
        assert others == []
    # Of this machine's environments the hosts above have told, with their users' names.
    assert [
        line
        for line in found[None]["found"]
        if line[0] == "cmdline" and line[2] not in ("docker", "python3", "sh", "runc", "runc:[2:INIT]")
    ] == []


PLANT = """
umask 077
echo CANARY > /run/planted
cp /run/planted /var/log/planted
printf CODED > /etc/planted
chmod 0644 /etc/planted
systemd-run --quiet --wait --collect cat /run/planted
printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\nEnvironment=A=CANARY\\n' \
  > /run/systemd/system/planted.service
systemctl daemon-reload
systemctl start planted.service
docker run --detach --name=planted --env=A=CANARY --entrypoint=sh IMAGE -c 'echo CANARY'
docker wait planted
"""
CLEAN = """
docker rm --force planted
systemctl stop planted.service
rm -f /etc/planted /var/log/planted /run/planted /run/systemd/system/planted.service
systemctl daemon-reload
"""


def test_the_search_finds_what_is_planted(since):
    """Each place that is searched is searched: else that nothing is found would mean nothing."""
    image = json.loads((STATE / "images.json").read_text(encoding="utf-8"))["rabbitmq"]
    coded = base64.b64encode(f"user:{CANARY}".encode()).decode()
    script = PLANT.replace("CANARY", CANARY).replace("CODED", coded).replace("IMAGE", image)
    shell = ["docker", "exec", "--interactive", node("core"), "sh", "-e"]
    own = LOGS / "planted.log"
    try:
        subprocess.run(shell, input=script, text=True, check=True)
        found = {line.split(":")[0] for line in search("core", forms(CANARY), since)["found"]}
        assert {"file /etc/planted", "file /var/log/planted", "journal", "unit", "unit's properties"} <= found
        assert {"container's metadata", "container's log"} <= found
        own.write_text(coded, encoding="utf-8")
        assert set(search(None, forms(CANARY), since)["found"]) == {f"file {own}"}
    finally:
        own.unlink(missing_ok=True)
        subprocess.run(shell, input=CLEAN, text=True, check=True)


@pytest.mark.parametrize("host", [*HOSTS, None])
def test_no_secret_is_found(words, since, host):
    """Others cannot read it, logs, units and containers do not hold it, nor does anything that Ansible showed."""
    found = search(host, words, since)
    assert found["files"] > 0
    assert found["found"] == []
