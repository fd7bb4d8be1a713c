# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role galaxy brings a package into a virtual environment, as Redis for the results needs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile

import pytest
from tools.preflight_site import STAND_IN_SUDO

PLAY = [{
    "hosts": "localhost",
    "gather_facts": False,
    "tasks": [{"ansible.builtin.include_role": {"name": "usegalaxy_eu.celery.galaxy", "tasks_from": "venv"}}],
}]  # fmt: skip
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{more}"


def wheel(folder, name, more=""):
    """Make a package that holds nothing but its name."""
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}-1.0.dist-info/METADATA", METADATA.format(name=name, more=more))
        archive.writestr(
            f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")


@pytest.fixture
def site(tmp_path):
    """A virtual environment with a package that can have an extra, and what runs the role on it."""
    packages, place = tmp_path / "packages", tmp_path / "venv"
    packages.mkdir()
    wheel(packages, "demo_celery", 'Provides-Extra: redis\nRequires-Dist: demo_redis; extra == "redis"\n')
    wheel(packages, "demo_redis")
    venv.create(place, with_pip=True)
    index = ["--no-index", "--find-links", str(packages)]
    subprocess.run([place / "bin/python", "-m", "pip", "install", "-q", *index, "demo_celery"], check=True)
    (tmp_path / "sudo").write_text(STAND_IN_SUDO)
    (tmp_path / "sudo").chmod(0o755)
    (tmp_path / "play.yml").write_text(json.dumps(PLAY), encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_PIPELINING": "1"}
    given = {
        "galaxy_venv_dir": str(place),
        "galaxy_celery_venv_packages": ["demo_celery[redis]"],
        "galaxy_celery_pip_extra_args": " ".join(index),
        "ansible_become_exe": str(tmp_path / "sudo"),
        "ansible_python_interpreter": sys.executable,
    }

    def run(*arguments, **variables):
        (tmp_path / "vars.json").write_text(json.dumps({**given, **variables}))
        command = ["ansible-playbook", "play.yml", "--extra-vars", "@vars.json", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, int(re.search(r"changed=(\d+)", done.stdout)[1]), " ".join(done.stdout.split())

    return run


def test_what_is_missing_is_installed_once(site):
    assert site("--check")[:2] == (0, 1)
    code, changed, said = site()
    assert (code, changed) == (0, 1), said
    assert site()[:2] == (0, 0)
    assert site("--check")[:2] == (0, 0)


def test_what_cannot_be_installed_is_named(site):
    code, changed, said = site(galaxy_celery_venv_packages=["demo_celery[redis]", "nowhere_to_be_found"])
    assert (code, changed) == (2, 0)
    assert "(galaxy_celery_venv_packages) cannot be installed in" in said
    assert "Remedy: install them as Galaxy was installed" in said
