# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The README's small inventory, written as the README says it, passes check. The example inventory does, too."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from tools import roles
from tools.preflight_site import pair

PATH = re.compile(r"# (inventory/\S+)\n")


def blocks(language: str) -> list[str]:
    """The README's blocks of code in a language."""
    tokens = MarkdownIt().parse((roles.ROOT / "README.md").read_text(encoding="utf-8"))
    return [token.content for token in tokens if token.type == "fence" and token.info.strip() == language]


def run(command: str, site: Path) -> str:
    """Run a command line of the README in the site's directory; the vault's password is in a file, not at a prompt."""
    (site / "password").write_text("correct horse\n")
    done = subprocess.run(
        ["bash", "-euc", command.replace("--ask-vault-pass ", "")],
        cwd=site,
        env={**os.environ, "ANSIBLE_VAULT_PASSWORD_FILE": str(site / "password"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def small(tmp_path):
    """The inventory of the README."""
    for text in blocks("yaml"):
        path = tmp_path / PATH.match(text)[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_small_inventory_passes_check(small):
    (secrets,) = [text for text in blocks("console") if "openssl" in text]
    run(secrets, small)
    assert (small / "inventory/group_vars/all/vault.yml").read_text().startswith("$ANSIBLE_VAULT")
    (deploy,) = [text for text in blocks("console") if "usegalaxy_eu.celery.check" in text]
    assert "unreachable=0    failed=0" in run(deploy.splitlines()[0], small)


def test_the_example_inventory_passes_check(tmp_path):
    shutil.copytree(roles.ROOT / "inventories/example", tmp_path / "inventory")
    variables = tmp_path / "inventory/group_vars/all"
    certificate, key = pair(("mq.example.org", "mq02.example.org"))
    (tmp_path / "inventory/files").mkdir()
    (tmp_path / "inventory/files/mq.example.org.pem").write_text(certificate)
    secrets = yaml.safe_load((variables / "vault.yml.example").read_text(encoding="utf-8"))
    values = {name: f"{number:02}kqX7vR2pWb4TzN8mLc5" for number, name in enumerate(secrets)}
    (variables / "vault.yml").write_text(yaml.safe_dump({**values, "vault_traefik_private_key": key}))
    assert "failed=0" in run("ansible-playbook -i inventory usegalaxy_eu.celery.check", tmp_path)
