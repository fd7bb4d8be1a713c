# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action that writes an inventory on the controller."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible.template import Templar

from ansible_collections.usegalaxy_eu.celery.plugins.action import init_inventory

FOUND = {"server_dir": {"value": "/srv/galaxy/server", "origin": "there"}}
FILES = ["hosts.yml", "group_vars/all/stack.yml", "group_vars/all/vault.yml"]


def run(dest, answers=None, found=None, password=None, check_mode=False, check=False):
    """Run the action."""
    loader = DataLoader()
    if password:
        loader.set_vault_secrets([("default", VaultSecret(password.encode()))])
    args = {"host": "galaxy", "found": found or FOUND, "dest": str(dest), "answers": answers, "check": check}
    args = {name: value for name, value in args.items() if value is not None}
    task = SimpleNamespace(args=args, check_mode=check_mode, async_val=0, diff=False, no_log=False)
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    templar = Templar(loader=loader, variables={})
    return init_inventory.ActionModule(task, connection, SimpleNamespace(), loader, templar, None).run(task_vars={})


def test_without_answers_it_only_asks(tmp_path):
    result = run(tmp_path / "inventory")
    assert [question["name"] for question in result["questions"]] == [
        "init_workers",
        "init_broker",
        "init_broker_name",
        "init_monitor",
    ]
    assert not (tmp_path / "inventory").exists()
    assert result["changed"] is False


def test_it_writes_the_files_and_the_vault_for_nobody_else(tmp_path):
    result = run(tmp_path / "inventory", {})
    assert result["created"] == [*FILES, ".found.json"]
    assert (tmp_path / "inventory" / FILES[2]).stat().st_mode & 0o777 == 0o600
    assert any("ansible-vault encrypt" in step for step in result["next"])


def test_with_a_password_the_vault_is_encrypted(tmp_path):
    result = run(tmp_path, {}, password="horse")
    assert (tmp_path / FILES[2]).read_text().startswith("$ANSIBLE_VAULT;1.")
    assert not any("ansible-vault encrypt" in step for step in result["next"])


def test_a_second_run_asks_nothing_overwrites_nothing_and_tells_what_changed(tmp_path):
    run(tmp_path, {})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = {**FOUND, "url": {"value": "https://g", "origin": "there"}}
    assert run(tmp_path, found=found)["questions"] == []
    result = run(tmp_path, {}, found=found)
    assert result["changed"] is False
    assert result["changes"] == ['url is new: "https://g"']
    assert result["kept"] == FILES
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "hosts.yml").write_text("mine")
    assert run(tmp_path, {})["created"] == [*FILES[1:], ".found.json"]
    assert (tmp_path / "hosts.yml").read_text() == "mine"


def test_check_mode_writes_nothing(tmp_path):
    assert run(tmp_path / "inventory", {}, check_mode=True)["changed"] is True
    assert not (tmp_path / "inventory").exists()


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AnsibleActionFail, match=r"cannot be written.*Remedy:"):
        run(tmp_path / "file" / "inventory", {})


def outcome(code, stdout="", stderr=""):
    """The end of a run of check."""
    return subprocess.CompletedProcess([], code, stdout, stderr)


def said(host):
    """What the JSON callback prints of one task."""
    return "[WARNING]: x\n" + json.dumps({"plays": [{"tasks": [{"hosts": {"localhost": host}}]}]})


@pytest.mark.parametrize(
    ("done", "problems"),
    [
        (outcome(0, said({"hosts": 3, "problems": []})), []),
        (outcome(2, said({"hosts": 3, "problems": ["a: x"], "failed": True})), ["a: x"]),
        (outcome(2, said({"failed": True, "msg": "no role"})), ["no role"]),
        (outcome(4, "ERROR", "broken"), ["check could not be run: broken"]),
        (outcome(2, said({})), ["check ended with 2"]),
    ],
)
def test_what_check_says(done, problems):
    assert init_inventory.ActionModule._problems(done) == problems
