# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the roles take Galaxy's parts to be, and how they compare a galaxy.yml of a worker's own with Galaxy's."""

from __future__ import annotations

import base64
import json

import pytest
from tools import role_templates

PREFIXES = {"galaxy": "galaxy_", "celery": "celery_galaxy_", "galaxy_sync": "galaxy_sync_"}
LAYOUTS = {
    "as the collection has it": ({}, "/srv/galaxy/server/.venv", "/srv/galaxy/server/config/galaxy.yml"),
    "root-dir of galaxyproject.galaxy": (
        {"galaxy_layout": "root-dir", "galaxy_root": "/data/galaxy"},
        "/data/galaxy/venv",
        "/data/galaxy/config/galaxy.yml",
    ),
    "what is given wins": (
        {"galaxy_layout": "root-dir", "galaxy_venv_dir": "/opt/venv", "galaxy_config_dir": "/etc/galaxy"},
        "/opt/venv",
        "/etc/galaxy/galaxy.yml",
    ),
}


@pytest.mark.parametrize("role", PREFIXES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout(role, layout):
    given, venv, config = LAYOUTS[layout]
    site = {"ansible_facts": {"os_family": "Debian"}, **given}
    assert role_templates.evaluate(role, PREFIXES[role] + "venv_dir", site) == venv
    assert role_templates.evaluate(role, PREFIXES[role] + "config_file", site) == config


def differ(here, there, **values):
    """The options that are told to differ between a worker's galaxy.yml and Galaxy's."""
    read = {}
    for name, content in (("here", here), ("there", there)):
        text = json.dumps(content).encode()
        read[f"__galaxy_sync_config_{name}"] = {"content": base64.b64encode(text).decode()}
    site = {"ansible_facts": {"os_family": "Debian"}}
    return role_templates.evaluate("galaxy_sync", "__galaxy_sync_options_differ", site, **read, **values)


def test_a_configuration_of_a_workers_own():
    there = {
        "gravity": {"gunicorn": {"workers": 4}},
        "galaxy": {"file_path": "/data", "celery_conf": {"x": 1}, "pool": 5},
    }
    here = {"galaxy": {"file_path": "/data", "celery_conf": {"x": 2}, "pool": 9, "log_level": "DEBUG"}}
    assert differ(there, there) == []
    assert differ({"galaxy": there["galaxy"]}, there) == []
    assert differ(here, there) == ["celery_conf", "log_level", "pool"]
    assert differ(here, there, galaxy_sync_own_options=["log_level", "pool"]) == ["celery_conf"]
