# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who becomes root: plays on hosts do, what runs on the controller does not, and roles leave it to the play."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from tools import roles

PLAYBOOKS = roles.files("playbooks/*.yml", "playbooks/stack/*.yml")
ROLE_FILES = roles.files("roles/*/tasks/**/*.yml", "roles/*/handlers/*.yml")
# The bed's own plays: its inventory leaves `ansible_become` out, so a keyword is enough.
BED = roles.files("molecule/**/*.yml", "tests/testbed/**/*.yml")
PAGES = roles.files("README.md", "docs/*.md", "roles/*/README.md")
HERE = ("localhost", "all:localhost")
# What decides how a task runs, without what it does.
HEADER = ("become", "connection", "delegate_to", "vars")


def plays_of(content):
    """The plays of a playbook, without what it imports."""
    return [play for play in content or [] if isinstance(play, dict) and "hosts" in play]


def entries_of(items, above=None):
    """Every task and block, with the keywords that it has from the blocks around it."""
    for item in items or []:
        if not isinstance(item, dict):
            continue
        own = {key: item[key] for key in HEADER if key in item}
        merged = {**(above or {}), **own, "vars": {**(above or {}).get("vars", {}), **own.get("vars", {})}}
        yield item, merged
        for part in ("block", "rescue", "always"):
            yield from entries_of(item.get(part), merged)


def tasks():
    """Every task of roles and playbooks, with its file and its keywords."""
    for path in [*ROLE_FILES, *roles.files("playbooks/tasks/*.yml")]:
        for task, header in entries_of(roles.load(roles.ROOT / path)):
            yield path, task, header
    for path in PLAYBOOKS:
        for play in plays_of(roles.load(roles.ROOT / path)):
            for part in ("pre_tasks", "tasks", "post_tasks", "handlers"):
                for task, header in entries_of(play.get(part)):
                    yield path, task, header


def problems_of_play(play):
    """What is wrong with how a play becomes root."""
    if play["hosts"] not in HERE:
        return [] if play.get("become") is True else ["say `become: true`"]
    found = [] if play.get("become") is False else ["say `become: false`"]
    # A variable of the inventory is stronger than a keyword.
    if play["hosts"] == "localhost" and (play.get("vars") or {}).get("ansible_become") is not False:
        found.append("set `ansible_become: false` in its vars")
    return found


@pytest.mark.parametrize("path", PLAYBOOKS, ids=str)
def test_a_play_says_whether_it_becomes_root(path):
    found = {play["name"]: problems_of_play(play) for play in plays_of(roles.load(roles.ROOT / path))}
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_what_is_delegated_to_the_controller_does_not_become_root():
    wrong = [
        f"{path}: {task['name']}"
        for path, task, header in tasks()
        if header.get("delegate_to") == "localhost"
        and (header.get("become") is not False or header["vars"].get("ansible_become") is not False)
    ]
    assert wrong == []


def test_a_role_leaves_it_to_the_play_to_become_root():
    """Of its own it only becomes another user than root, or nobody on the controller."""
    wrong = [
        f"{path}: {task['name']}"
        for path, task, header in tasks()
        if "become" in task and not (header["become"] is False if "become_user" not in task else task["become"] is True)
    ]
    assert wrong == []


def test_a_task_of_an_ordinary_user_runs_without_temporary_files():
    """Else it needs the package acl on the host. The inventory may still say otherwise."""
    wrong = [
        f"{path}: {task['name']}"
        for path, task, header in tasks()
        if "become_user" in task and "_pipelining }}" not in str(header["vars"].get("ansible_pipelining"))
    ]
    assert wrong == []


@pytest.mark.parametrize("path", BED, ids=str)
def test_the_bed_says_it_too(path):
    """With what it delegates from a host to the controller, and the other way round."""
    content = roles.load(roles.ROOT / path)
    tasks = content if isinstance(content, list) else []
    plays = plays_of(tasks)
    wrong = [play["name"] for play in plays if play.get("become") is not (play["hosts"] not in HERE)]
    for play in plays or [{"hosts": "unknown", "tasks": tasks}]:
        for task, header in entries_of(play.get("tasks")):
            wanted = {"localhost": (False,), None: (True, False, None)}.get(task.get("delegate_to"), (True,))
            if play["hosts"] not in HERE and wanted == (True,):
                continue  # it becomes root as its play does
            if header.get("become") not in wanted:
                wrong.append(task["name"])
    assert wrong == []


@pytest.mark.parametrize("page", [str(path) for path in PAGES])
def test_a_play_in_a_page_becomes_root(page):
    blocks = [
        roles.yaml.load(token.content, Loader=roles.Loader)
        for token in MarkdownIt().parse((roles.ROOT / page).read_text(encoding="utf-8"))
        if token.type == "fence" and token.info in ("yaml", "yml") and "hosts: " in token.content
    ]
    plays = [play for content in blocks if isinstance(content, list) for play in plays_of(content)]
    assert [play for play in plays if problems_of_play(play)] == []


def test_the_controller_needs_no_sudo_where_the_inventory_always_becomes_root(tmp_path):
    """With `ansible_become: true` for all, as many sites have it."""
    local = [
        {**{key: value for key, value in play.items() if key in HEADER}, "hosts": "localhost", "name": f"{path}"}
        for path in PLAYBOOKS
        for play in plays_of(roles.load(roles.ROOT / path))
        if play["hosts"] == "localhost"
    ]
    delegated = [
        {**header, "name": f"{path}: {task['name']}"}
        for path, task, header in tasks()
        if task.get("delegate_to") == "localhost"
    ]
    assert len(local) > 2
    assert len(delegated) > 1

    def alone(header):
        """Of its variables those of the connection: the others read what the playbook knows."""
        own = {name: value for name, value in header.get("vars", {}).items() if name.startswith("ansible_")}
        return {**header, "vars": own}

    command = {"ansible.builtin.command": "true", "changed_when": False}
    plays = [{**alone(play), "gather_facts": False, "tasks": [command]} for play in local]
    plays.append(
        {
            "hosts": "remote",
            "become": True,
            "gather_facts": False,
            "tasks": [{**alone(header), **command} for header in delegated],
        }
    )
    # Another user than the one who runs the test, who may be root.
    always = {"ansible_become": True, "ansible_become_exe": "no-such-sudo", "ansible_become_user": "nobody"}
    inventory = {"all": {"hosts": {"remote": {"ansible_host": "nowhere.invalid"}}, "vars": always}}
    (tmp_path / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
    (tmp_path / "playbook.json").write_text(json.dumps(plays), encoding="utf-8")
    (tmp_path / "ansible.cfg").touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    process = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "hosts.json", "playbook.json"],
        env={**environment, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_INJECT_FACT_VARS": "0"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
