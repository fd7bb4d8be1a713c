# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing of the site's is taken over: what the tasks of the roles may do to directories, accounts and links."""

from __future__ import annotations

import re

import pytest
from tools import roles

TASKS = roles.files("roles/*/tasks/**/*.yml", "roles/*/handlers/*.yml", "roles/*/vars/*.yml")
PUBLIC = {name for role in roles.names() for name in roles.defaults(role)}
# What only this collection has there, by the private name or the path of the task.
OWN = {
    "{{ __celery_library_dir }}/galaxy_celery",
    "{{ __celery_secrets_file | dirname }}",
    "{{ __celery_state_dir }}",
    "/var/lib/galaxy-celery-older",
    # Below directories that keep what they are; the container's user must own these.
    "{{ __rabbitmq_config_mount }}",
    "{{ __rabbitmq_data_mount }}",
    "{{ __rabbitmq_tls_dir }}",
    "{{ __rabbitmq_older_dir }}",
    # What the other method has left there is Traefik's own.
    "{{ __traefik_state_dir }}",
    "{{ __traefik_last_good_dir }}",
}


# The workers' own and closed to others, whatever it was before.
TEMPORARY = "{{ celery_tmp_dir }}"


@pytest.mark.parametrize("path", TASKS, ids=str)
def test_a_directory_that_may_be_the_sites_keeps_owner_and_mode(path):
    """Setgid, group write and closed directories, and what is on a file server."""
    found = [entry for entry in roles.mappings(roles.load(roles.ROOT / path)) if entry.get("state") == "directory"]
    known = OWN | {TEMPORARY}
    wrong = [entry["path"] for entry in found if entry["path"] not in known and entry.get("keep_existing") is not True]
    assert wrong == [], "place it with usegalaxy_eu.celery.files and keep_existing: true"
    assert [
        entry["path"] for entry in found if entry["path"] in OWN and set(re.findall(r"\w+", entry["path"])) & PUBLIC
    ] == []


def test_accounts_are_only_created():
    """By one task file, which asks first: the modules change home, shell and groups of an account that is there."""
    words = {"ansible.builtin.user", "ansible.builtin.group"}
    found = [
        (path.as_posix(), task)
        for path in TASKS
        for task in roles.mappings(roles.load(roles.ROOT / path))
        if words & set(task)
    ]
    assert {path for path, _task in found} == {"roles/common/tasks/system_user.yml"}
    assert all("getent_" in str(task.get("when")) and str(task["when"]).startswith("not ") for _path, task in found)


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("roles/telegraf/tasks/postgresql.yml", "community.postgresql.postgresql_user"),
        ("roles/postgresql_access/tasks/configure.yml", "community.postgresql.postgresql_db"),
    ],
)
def test_what_the_database_has_already_keeps_its_rights_and_its_owner(path, module):
    found = [task for task in roles.load(roles.ROOT / path) if module in task]
    assert found and all("rowcount == 0" in task["when"] for task in found)


def test_lists_of_keys_are_followed_where_they_are_links():
    found = [
        task["ansible.posix.authorized_key"]
        for path in TASKS
        for task in roles.mappings(roles.load(roles.ROOT / path))
        if "ansible.posix.authorized_key" in task
    ]
    assert found and all(given.get("follow") is True for given in found)


NET_MODULES = {
    "ansible.builtin.uri",
    "community.grafana.grafana_dashboard",
    "community.grafana.grafana_datasource",
    "community.grafana.grafana_folder",
}
PLAYS = roles.files("playbooks/**/*.yml")


def test_no_request_goes_to_a_proxy_of_the_environment():
    """It would get the password, or the key, of what is asked. Downloads, which carry neither, may."""
    asked = [
        (path, name, task[name].get("use_proxy"))
        for path in [*TASKS, *PLAYS]
        for task in roles.mappings(roles.load(roles.ROOT / path))
        for name in NET_MODULES & set(task)
        if "url" in task[name]
    ]
    assert len(asked) > 20
    wrong = [
        f"{path}: {name}"
        for path, name, proxy in asked
        if proxy is not False and not re.fullmatch(r"\{\{ \w+_proxy_enabled \}\}", str(proxy))
    ]
    assert wrong == [], "use_proxy: false, or a variable whose default is false"


def test_the_settings_that_allow_a_proxy_are_off():
    names = {
        name: value
        for role in roles.names()
        for name, value in roles.defaults(role).items()
        if name.endswith("_proxy_enabled")
    }
    assert names and set(names.values()) == {False}


def test_the_clients_of_the_modules_use_no_proxy():
    wrong = []
    for path in roles.files("plugins/**/*.py"):
        text = (roles.ROOT / path).read_text(encoding="utf-8")
        for call in re.finditer(r"\b(open_url|fetch_url|Request|urlopen|build_opener)\((?!self)", text):
            following = text[call.start() : call.start() + 900]
            if "use_proxy=" not in following and "ProxyHandler({})" not in following:
                wrong.append(f"{path}: {call.group(1)}")
    assert wrong == []


def test_no_module_of_another_collection_takes_the_brokers_password_to_a_proxy():
    """These ask by a library that reads the environment."""
    for path in TASKS:
        text = (roles.ROOT / path).read_text(encoding="utf-8")
        if "community.rabbitmq.rabbitmq_" in text:
            blocks = [
                task
                for task in roles.mappings(roles.load(roles.ROOT / path))
                if "community.rabbitmq." in str(task.get("block"))
            ]
            assert blocks and all(block.get("environment") == {"no_proxy": "*"} for block in blocks), path
