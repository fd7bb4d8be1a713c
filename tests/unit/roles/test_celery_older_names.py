# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role celery takes for its own units of the names before celery_instance, and which unit waits for which."""

from __future__ import annotations

import fnmatch
import re

import pytest
from tools import role_templates, roles

FILES = roles.ROOT / "molecule/workers/files/older_names"
SITE = {"inventory_hostname": "celery-1", "ansible_check_mode": False, "__celery_changed_paths": []}
OLD = "galaxy-celery-worker@1.service"
NEW = "celery-galaxy-worker@1.service"
HERE = {"missing": [], "active": [], "outdated": []}
GONE = {**HERE, "missing": ["galaxy-celery.target"]}
OTHERS = {
    # Of gravity, and of the older systemd role: site.yml leaves them, migrate.yml may take them.
    "galaxy-celery.service": "ExecStart=/srv/galaxy/venv/bin/galaxyctl exec _default_ celery",
    "galaxy-celery-beat.service": "ExecStart=/srv/galaxy/venv/bin/galaxyctl exec _default_ celery-beat",
    "galaxy-celery-internal@.service": "ExecStart=/srv/galaxy/venv/bin/celery --app galaxy.celery worker",
    NEW.replace("1", ""): "ExecStop=/usr/bin/python3 /usr/local/lib/celery-galaxy/unit.py drain",
}


def taken(name, lines):
    """Say whether the role takes a file of this name with these lines for its own of an older name."""
    given = roles.load(roles.ROOT / "roles/celery/tasks/older_names/look.yml")[0]["ansible.builtin.find"]
    # From the beginning of a line, as the module find does.
    found = any(re.match(given["contains"], line) for line in lines)
    return found and any(fnmatch.fnmatch(name, pattern) for pattern in given["patterns"])


def evaluate(name, older=(OLD,), **values):
    registered = {"__celery_older": {"surplus": list(older)}, "__celery_older_found": {"files": []}}
    return role_templates.evaluate("celery", name, SITE, __celery_units=HERE, **registered, **values)


@pytest.mark.parametrize("path", sorted(FILES.glob("galaxy-celery-*")), ids=lambda path: path.name)
def test_what_the_role_has_placed_is_found(path):
    assert taken(path.name, path.read_text(encoding="utf-8").splitlines())


def test_all_that_the_role_has_placed_is_there():
    names = {"worker@.service", "beat.service", "health.service", "health.timer"}
    assert {path.name for path in FILES.glob("galaxy-celery-*")} == {f"galaxy-celery-{name}" for name in names}


@pytest.mark.parametrize("name", OTHERS)
def test_what_others_have_placed_is_left(name):
    assert not taken(name, ["[Service]", OTHERS[name], "WantedBy=multi-user.target"])


def test_a_unit_waits_for_the_one_that_has_its_node():
    two = {"celery_workers": [{"name": "worker", "instances": 2}]}
    assert evaluate("__celery_held_units", **two) == [NEW]
    assert evaluate("__celery_held_units", older=["galaxy-celery-gone@1.service"], **two) == []


@pytest.mark.parametrize(("check", "due"), [(False, [NEW]), (True, [])])
def test_it_is_due_unless_nothing_was_placed(check, due):
    assert evaluate("__celery_due_units", ansible_check_mode=check) == due


def test_drop_ins_of_an_admin_are_named():
    paths = [f"/etc/systemd/system/galaxy-celery-{name}" for name in ("worker@.service", "beat.service")]
    drop_ins = [f"{paths[0]}.d", f"{paths[0].replace('@', '@2')}.d", "/etc/systemd/system/galaxy-celery-x.service.d"]
    found = {"__celery_older_found": paths, "__celery_older_dropins": drop_ins}
    values = {name: {"files": [{"path": path} for path in files]} for name, files in found.items()}
    own = role_templates.evaluate("celery", "__celery_older_own", SITE, __celery_units=HERE, **values)
    assert own == drop_ins[:2]


@pytest.mark.parametrize("name", [f"__celery_{name}" for name in ("older_own", "held_units", "due_units")])
def test_without_them_there_is_nothing_to_do(name):
    """Nothing else was asked then."""
    assert role_templates.evaluate("celery", name, SITE, __celery_units=GONE) == []
