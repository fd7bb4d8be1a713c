# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The locks that the test bed builds its Galaxies from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTBED = Path(__file__).resolve().parents[2] / "testbed"
LOCKS = sorted((TESTBED / "locks").glob("*.txt"))
PIN = re.compile(r"([a-z0-9-]+)==([A-Za-z0-9.]+)( ; .+)?")


def setting(name: str) -> str:
    """The default of a variable in versions.env."""
    return re.search(rf"{name}:=([^}}]*)", (TESTBED / "versions.env").read_text(encoding="utf-8")).group(1)


def packages(lock: Path) -> dict[str, str]:
    """The pinned packages of a lock; only certifi may come as it is."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("#") and line != "certifi"]
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    return {found.group(1): found.group(2) for found in map(PIN.fullmatch, lines)}


def test_the_default_galaxy_has_a_lock():
    assert f"galaxy-{setting('TESTBED_GALAXY_VERSION')}.txt" in [lock.name for lock in LOCKS]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_is_of_the_release_that_it_is_called_after(lock):
    version, newest = re.fullmatch(r"galaxy-([0-9.]+?)(-celery-newest)?", lock.stem).groups()
    found = packages(lock)
    own = {name: pin for name, pin in found.items() if name.startswith("galaxy-") and name != "galaxy-sequence-utils"}
    assert set(own.values()) == {version}
    assert {"galaxy-app", "galaxy-web-apps"} <= set(own)
    assert (found["celery"] == setting("TESTBED_CELERY_VERSION")) is bool(newest)
    assert {"gravity", "gunicorn", "psycopg2-binary", "kombu", "amqp"} <= set(found)
