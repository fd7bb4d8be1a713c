# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action that renders what the module files places."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.usegalaxy_eu.celery.plugins.action import files


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Returns what the module would be called with."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "unit.j2").write_text("{{ word }} {{ of.size | default('') }}\n", encoding="utf-8")
    loader = DataLoader()
    loader.set_basedir(str(tmp_path))

    def call(*entries):
        known = {"word": "hello", "ansible_search_path": [str(tmp_path)]}
        task = SimpleNamespace(args={"files": list(entries)}, check_mode=False, async_val=0, diff=False, no_log=False)
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
        action = files.ActionModule(task, connection, SimpleNamespace(), loader, Templar(loader, known), None)
        monkeypatch.setattr(action, "_execute_module", lambda _name, module_args, **_more: {"called": module_args})
        return action.run(task_vars=known)["called"]["files"]

    return call


def test_what_is_no_template_goes_on_as_it_is(run):
    entry = {"path": "/a", "content": "x", "mode": "0644"}
    assert run(entry, [entry, "wrong"]) == [entry, entry, "wrong"]


def test_templates_are_rendered(run):
    plain, secret = run({"path": "/a", "template": "unit.j2"}, {"path": "/b", "secret_template": "unit.j2"})
    assert plain == {"path": "/a", "content": "hello \n"}
    assert secret == {"path": "/b", "secret_content": "hello \n"}
    with pytest.raises(AnsibleActionFail, match="/a has both template and content"):
        run({"path": "/a", "template": "unit.j2", "content": "x"})


def test_one_that_does_not_count_is_not_rendered(run):
    assert run({"path": "/a", "template": "missing.j2", "enabled": False})[0]["content"] == ""


def test_one_for_each(run):
    each = {"big": {"size": 2}, "small": {"size": 1}}
    found = run({"path": "/%s.unit", "template": "unit.j2", "each": each, "each_as": "of"})
    assert [(entry["path"], entry["content"]) for entry in found] == [
        ("/big.unit", "hello 2\n"),
        ("/small.unit", "hello 1\n"),
    ]
    assert run({"path": "%s", "state": "directory", "each": ["/a"]}) == [{"path": "/a", "state": "directory"}]
    assert run({"path": "%s", "state": "directory", "each": []}) == []


def test_copies_of_files_of_the_controller(run, tmp_path):
    (tmp_path / "b.py").write_text("b", encoding="utf-8")
    (tmp_path / "a.py").write_text("a", encoding="utf-8")
    found = run({"path": "/lib", "local_files": f"{tmp_path}/*.py", "mode": "0644"})
    assert found == [
        {"path": "/lib/a.py", "mode": "0644", "content": "a"},
        {"path": "/lib/b.py", "mode": "0644", "content": "b"},
    ]
