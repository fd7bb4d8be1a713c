# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the migration takes for an older unit of Celery, by its file's name and lines."""

from __future__ import annotations

import fnmatch
import re

import pytest
from tools import roles

# As gravity 1.2.4 writes it for systemd.
GRAVITY = "ExecStart=/srv/galaxy/venv/bin/galaxyctl --config-file /srv/galaxy/config/galaxy.yml exec _default_ "
GENERAL = "WantedBy=multi-user.target"
OLDER = {
    "galaxy-celery-internal@.service": ["ExecStart=/srv/galaxy/venv/bin/celery --app galaxy.celery worker", GENERAL],
    "galaxy-celery.service": [GRAVITY + "celery", GENERAL],
    "galaxy-celery-beat.service": [GRAVITY + "celery-beat", GENERAL],
}
OTHERS = {
    # Gravity's web processes stay with it.
    "galaxy-gunicorn.service": [GRAVITY + "gunicorn", GENERAL],
    "galaxy-celery-worker@.service": [
        "ExecStart=/srv/galaxy/venv/bin/celery --app galaxy.celery worker",
        "WantedBy=galaxy-celery.target",
    ],
}


def taken(name, lines):
    """Say whether the role celery takes a file of this name with these lines for an older unit."""
    given = roles.load(roles.ROOT / "roles/celery/tasks/migrate/find.yml")[0]["vars"]
    older, newer = (re.compile(given[f"common_{age}_contains"]) for age in ("older", "newer"))
    return (
        any(fnmatch.fnmatch(name, pattern) for pattern in given["common_older_patterns"])
        # From the beginning of a line, as the module find does.
        and any(older.match(line) for line in lines)
        and not any(newer.match(line) for line in lines)
    )


@pytest.mark.parametrize("name", OLDER)
def test_an_older_unit_is_found(name):
    assert taken(name, OLDER[name])


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_left(name):
    assert not taken(name, OTHERS[name])
