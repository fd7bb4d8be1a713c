# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""init.yml, as an operator runs it: from fake hosts in three layouts, which are directories here, to a passed check."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tools import roles
from tools.galaxy_layouts import LAYOUTS, tree


def init(folder: Path, *arguments: str) -> str:
    """Run the playbook without a terminal, so that each question gets its proposal. Returns what it printed."""
    command = [sys.executable, "-m", "ansible", "playbook", str(roles.ROOT / "playbooks/init.yml")]
    settings = [
        "-e",
        "ansible_connection=local",
        "-e",
        "ansible_become=false",
        "-e",
        f"ansible_python_interpreter={sys.executable}",
    ]
    done = subprocess.run(
        [*command, *settings, "-e", f"dest={folder}/inventory", *arguments],
        cwd=folder,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(roles.ROOT / ".cache/collections"), "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_from_a_galaxy_to_a_passed_check(tmp_path, name):
    files, config = LAYOUTS[name]
    root = tree(tmp_path / "host", files(), prefix=str(tmp_path / "host"))
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    galaxy = ["-e", "galaxy=galaxy.example.org", "-e", f"galaxy_config_file={root}{config}"]
    shown = init(tmp_path, *galaxy)
    assert "check: passed" in shown
    assert f"written: {tmp_path}/inventory/group_vars/all/vault.yml" in shown
    # Nothing of the site is touched, and a second run writes nothing.
    shown = init(tmp_path, *galaxy)
    assert "written:" not in shown
    assert "changed at the site:" not in shown
    assert before == {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_answers_come_by_variables(tmp_path):
    files, config = LAYOUTS["whole"]
    root = tree(tmp_path / "host", files(), prefix=str(tmp_path / "host"))
    init(
        tmp_path,
        "-e",
        "galaxy=galaxy",
        "-e",
        f"galaxy_config_file={root}{config}",
        "-e",
        "init_workers=w1,w2",
        "-e",
        "init_broker=mq",
    )
    hosts = roles.load(tmp_path / "inventory/hosts.yml")
    assert list(hosts["celeryservers"]["hosts"]) == ["w1", "w2"]
    assert list(hosts["rabbitmqservers"]["hosts"]) == ["mq"]
    assert list(hosts["dbservers"]["hosts"]) == ["db.example.org"]
