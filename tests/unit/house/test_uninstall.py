# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role places, its uninstallation knows, and knows again: by the collection's mark, or by what has it."""

from __future__ import annotations

import functools
import re

import pytest
from tools import roles

MARK = "usegalaxy_eu.celery"
# Which parameter of a module names what it makes.
MAKES = {
    "ansible.builtin.copy": "dest",
    "ansible.builtin.file": "path",
    "ansible.builtin.get_url": "dest",
    "ansible.builtin.template": "dest",
    "ansible.builtin.unarchive": "dest",
    "ansible.posix.mount": "path",
    "community.crypto.openssh_keypair": "path",
    "community.crypto.openssl_privatekey": "path",
    "community.crypto.x509_certificate": "path",
}
# Others make a part of a file, or a thing that is no file; each stands where it is taken back, or said to be left.
PARTS = {
    "ansible.builtin.blockinfile": "postgresql_access/tasks/uninstall.yml",
    "ansible.posix.authorized_key": "galaxy_sync/tasks/remove_access.yml",
    "community.docker.docker_container": "common/tasks/uninstall_container.yml",
    "community.general.sefcontext": "rabbitmq/tasks/uninstall.yml",
    "community.postgresql.postgresql_db": "postgresql_access/tasks/uninstall.yml",
    "community.postgresql.postgresql_set": "postgresql_access/tasks/uninstall.yml",
    "usegalaxy_eu.celery.galaxy_config": "galaxy/tasks/uninstall.yml",
    "usegalaxy_eu.celery.galaxy_release": "galaxy_sync/tasks/remove.yml",
    "usegalaxy_eu.celery.galaxy_release_listing": "galaxy_sync/tasks/uninstall.yml",
    "usegalaxy_eu.celery.rabbitmq_backup": "rabbitmq/tasks/uninstall.yml",
}
# What stays, or goes by other means, and why.
STAYS = {
    "celery": {
        "{{ celery_galaxy_data_dir }}": "Galaxy's data",
        "%s": "Galaxy's data, in celery_writable_dirs",
        "/etc/systemd/system/{{ __celery_name }}-%s@.service": "systemd is asked for the classes",
        "{{ __celery_state_dir }}/{{ item.path | basename }}": "in the directory that goes",
    },
    "common": {
        "{{ __common_platform.ca_anchors_dir }}/{{ common_ca_name }}-{{ item.item }}.crt": "distrust_ca finds it",
        "{{ __common_follow_program }}": "unfollow_certificate removes it",
        **{
            "/etc/systemd/system/{{ common_follow_unit }}." + kind: "unfollow_certificate removes it"
            for kind in ("service", "path", "timer")
        },
        "/var/lib/galaxy-celery-older": "units of older roles, kept by migrate for the way back; not this collection's",
        "/var/lib/galaxy-celery-older/{{ item | basename }}": "the same",
    },
    "galaxy_sync": {
        "{{ galaxy_sync_rrsync_path }}": "a program of the package rsync in its usual place, for all workers",
        "{{ __galaxy_sync_path }}": "the mount points are removed by the canonical paths of the inventory",
    },
    "postgresql_access": {
        "{{ __postgresql_access_file }}": "the site's file",
        "{{ __postgresql_access_kept_prefix ~ (__postgresql_access_made | first).split('.')[-1] }}": "found by name",
    },
    "rabbitmq": {
        "{{ rabbitmq_backup_dir }}": "backups cannot be made again; they go when that is asked for",
    },
    "telegraf": {
        "{{ __telegraf_config_path | dirname }}": "of a Telegraf of the site's it is the site's",
        "{{ telegraf_alerts_dir }}": "where the site has chosen it, it may be the site's",
        "{{ telegraf_grafana_provisioning_dir }}/dashboards": "Grafana's own",
        "{{ telegraf_grafana_provisioning_dir }}/datasources": "Grafana's own",
        "{{ telegraf_grafana_provisioning_dir }}/alerting": "Grafana's own",
        "{{ __telegraf_key_file.path | default('/nonexistent') }}": "a temporary file",
    },
    "traefik": {
        "{{ __traefik_archive_path }}": "uninstall/own.yml finds all versions",
        "{{ __traefik_unpack_dir }}": "the same",
        "{{ __traefik_method_path }}": "the unit, or the name of the image: both are named",
        "{{ item.path }}": "rollback puts back what configure.yml has placed",
    },
}  # fmt: skip
ROLES = [role for role in roles.names() if role != "common"]


def removal(role):
    """The task files that take away what a role has made."""
    return roles.files(
        f"roles/{role}/tasks/uninstall*.yml", f"roles/{role}/tasks/uninstall/*.yml", f"roles/{role}/tasks/remove*.yml"
    )


def tasks(role):
    """Every task of the files that make something."""
    for path in roles.files(f"roles/{role}/tasks/**/*.yml", f"roles/{role}/handlers/*.yml"):
        if path not in removal(role):
            yield from roles.mappings(roles.load(roles.ROOT / path))


def looped(task, value):
    """The values of a parameter: those of the loop, if it names its item."""
    match = re.fullmatch(r"\{\{ item(?:\.(\w+))? \}\}|(.*)\{\{ item \}\}(.*)", value)
    items = task.get("loop")
    if not match or not isinstance(items, list):
        return [value]
    if match[1]:
        return [item[match[1]] for item in items]
    return [(match[2] or "") + str(item) + (match[3] or "") for item in items]


@functools.cache
def placed(role):
    """Every path that a role's tasks make, with the entry or task that does."""
    return list(made(role))


def made(role):
    for task in tasks(role):
        for module, parameter in MAKES.items():
            given = task.get(module)
            if isinstance(given, dict) and given.get("state") not in ("absent", "unmounted") and parameter in given:
                yield from ((path, given) for path in looped(task, given[parameter]))
        files = task.get("usegalaxy_eu.celery.files")
        if isinstance(files, dict):
            listed = [files["files"], task.get("vars", {})] if isinstance(files["files"], str) else files["files"]
            yield from (
                (one["path"], one) for one in roles.mappings(listed) if "path" in one and one.get("state") != "absent"
            )
    # Entries that are put together elsewhere.
    for name, value in variables(role).items():
        if re.search(r"_(entries|files|entry)$", name) and not name.endswith("state_files"):
            yield from ((one["path"], one) for one in roles.mappings(value) if "path" in one and "item" not in one)
            for text in re.findall(r"entries\.append\(\{'path': (.+?), '", str(value)):
                yield jinja(text), {"content": str(value)}


def jinja(text):
    """An expression as the text that would make the same, as far as its names go."""
    parts = [part.strip() for part in text.split("~")]
    return "".join(part.strip("'") if part.startswith("'") else "{{ " + part + " }}" for part in parts)


@functools.cache
def variables(role):
    """Defaults and private variables of a role."""
    return {**roles.defaults(role), **(roles.load(roles.ROLES / role / "vars/main.yml") or {})}


@functools.cache
def expand(role, text):
    """The text, and what the role's own variables make of its beginning."""
    known, found = variables(role), []
    while text not in found:
        found.append(text)
        name = re.match(r"\{\{ (\w+)( \| dirname)? \}\}", text)
        value = known.get(name[1]) if name else None
        if isinstance(value, str) and "{%" not in value:
            value = value.strip()
            text = (value.rpartition("/")[0] if name[2] else value) + text[name.end() :]
    return found


@functools.cache
def entries(role):
    """What the removal names: paths, each with the entry."""
    found = {}
    for path in removal(role):
        content = roles.load(roles.ROOT / path)
        for one in roles.mappings(content):
            if isinstance(one.get("path"), str):
                found[one["path"]] = one
        # Lists of paths that have no mark of their own.
        for names in re.findall(r"\{\{ \[([\w, \n]+)\] \| map\('community", str(content)):
            found.update({"{{ " + name.strip() + " }}": {"marked_by": True} for name in names.split(",")})
        for names, folder in re.findall(r"\[([^]]+)\] \| map\('regex_replace', '\^', (\w+) ~ '/'\)", str(content)):
            found.update({
                "{{ " + folder + " }}/" + name.strip(" '"): {"marked_by": True} for name in names.split(",")
            })  # fmt: skip
    return found


def match(role, path):
    """The entry that takes a path away, or a directory above it."""
    known = {text: one for name, one in entries(role).items() for text in expand(role, name)}
    for text in expand(role, path):
        if text in known:
            return known[text]
        for folder, one in known.items():
            if text.startswith(folder + "/") and not one.get("only_empty"):
                return {**one, "marked_by": True}
    return None


@pytest.mark.parametrize("role", roles.names())
def test_what_a_role_places_is_known_to_its_uninstallation(role):
    lacking = sorted({path for path, _one in placed(role) if path not in STAYS.get(role, {}) and not match(role, path)})
    assert lacking == [], f"name it in roles/{role}/tasks/uninstall.yml"


@pytest.mark.parametrize("role", roles.names())
def test_nothing_is_said_to_stay_that_is_not_placed(role):
    assert sorted(set(STAYS.get(role, {})) - {path for path, _one in placed(role)}) == []


@pytest.mark.parametrize("role", ROLES)
def test_what_is_removed_by_its_mark_has_one(role):
    templates = {
        path.relative_to(roles.ROLES / role / "templates").as_posix(): path.read_text(encoding="utf-8")
        for path in (roles.ROLES / role / "templates").rglob("*.j2")
    }
    wrong = []
    for path, one in placed(role):
        entry = match(role, path)
        if path in STAYS.get(role, {}) or one.get("state") == "directory" or not entry:
            continue
        if any(entry.get(key) for key in ("marked_by", "own", "mark", "only_empty")):
            continue
        text = " ".join(
            str(one.get(key) or "") for key in ("content", "secret_content", "template", "secret_template", "src")
        )
        used = [content for name, content in templates.items() if name in text]
        files = [(roles.ROLES / role / "files" / name) for name in re.findall(r"builtin.file', '([^']+)'", text)]
        used += [file.read_text(encoding="utf-8") for file in files if file.is_file()]
        head = "_head" in text or MARK in text or "__traefik_method_template" in text
        if not head and not (used and all(MARK in content for content in used)):
            wrong.append(path)
    assert wrong == [], "begin the file with a line that has the mark, or give its entry a file that has one"


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_way_back(role):
    assert (roles.ROLES / role / "tasks/uninstall.yml").is_file()
    playbook = (roles.ROOT / "playbooks/uninstall.yml").read_text(encoding="utf-8")
    assert re.search(rf"name: usegalaxy_eu\.celery\.{role}\n +tasks_from: uninstall\n", playbook)


def test_what_is_no_file_is_taken_back_too():
    used = {name for role in roles.names() for task in tasks(role) for name in task if isinstance(name, str)}
    for module, place in PARTS.items():
        assert module in used, f"{module} is used no more"
        assert (roles.ROLES / place).is_file()
    made = {name for name in used if re.match(r"(ansible|community|usegalaxy_eu)\.\w+\.\w+$", name)}
    harmless = re.compile(
        r".*(_info|_facts|_check|_jobs|_upload|_query|_pipe|\.(assert|debug|fail|set_fact|stat|slurp|find|uri|command|meta|getent|ping|wait_for|"
        r"include_\w+|import_\w+|tempfile|gather_facts|check_\w+|broker_info|celery_task|celery_drain|source_addresses))$"
    )
    # Accounts, packages and what is in a service are left and named; units are stopped with their files.
    left = {
        "ansible.builtin.apt",
        "ansible.builtin.dnf",
        "ansible.builtin.group",
        "ansible.builtin.lineinfile",
        "ansible.builtin.package",
        "ansible.builtin.pip",
        "ansible.builtin.service",
        "ansible.builtin.systemd_service",
        "ansible.builtin.user",
        "community.docker.docker_container_exec",
        "community.docker.docker_image_pull",
        "community.grafana.grafana_dashboard",
        "community.grafana.grafana_datasource",
        "community.grafana.grafana_folder",
        "community.postgresql.postgresql_membership",
        "community.postgresql.postgresql_user",
        "community.rabbitmq.rabbitmq_binding",
        "community.rabbitmq.rabbitmq_exchange",
        "community.rabbitmq.rabbitmq_queue",
        "usegalaxy_eu.celery.files",
        "usegalaxy_eu.celery.rabbitmq_definitions",
        "usegalaxy_eu.celery.rabbitmq_restore",
        "usegalaxy_eu.celery.rabbitmq_upgrade",
        "usegalaxy_eu.celery.remove_files",
    }
    unknown = sorted(made - set(PARTS) - set(MAKES) - left - {name for name in made if harmless.match(name)})
    assert unknown == [], "say where the uninstallation takes back what this module makes"
