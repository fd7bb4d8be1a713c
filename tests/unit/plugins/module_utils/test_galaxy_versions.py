# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The versions of Galaxy and Celery, as a clone, a package and a virtual environment have them."""

from __future__ import annotations

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_versions import (
    celery_version,
    galaxy_version,
    too_old,
)


@pytest.fixture
def tree(tmp_path):
    """Return a function that makes a tree of these versions, and returns its two directories."""

    def make(galaxy, celery, name="version.py", packaged=False):
        server, venv = tmp_path / "server", tmp_path / "venv"
        packages = venv / "lib" / "python3.11" / "site-packages"
        code = (packages if packaged else server / "lib") / "galaxy" / name
        code.parent.mkdir(parents=True)
        major, _dot, minor = galaxy.rpartition(".") if galaxy.count(".") > 1 else (galaxy, "", "")
        code.write_text(f'VERSION_MAJOR = "{major}"\nVERSION_MINOR = "{minor}"\nVERSION = VERSION_MAJOR + "x"\n')
        for version in celery:
            (packages / f"celery-{version}.dist-info").mkdir(parents=True)
        (packages / "celery-batches-0.9.dist-info").mkdir(parents=True)
        return str(server), str(venv)

    return make


@pytest.mark.parametrize(
    "name, packaged", [("version.py", False), ("version/__init__.py", False), ("version.py", True)]
)
def test_they_are_found_wherever_galaxy_keeps_them(tree, name, packaged):
    server, venv = tree("26.1.2", ["5.6.3"], name, packaged)
    assert galaxy_version(server, venv) == galaxy_version(None if packaged else server, venv) == "26.1.2"
    assert celery_version(venv) == "5.6.3"


@pytest.mark.parametrize("galaxy, celery", [("24.2.4", ["5.3.6"]), ("24.2", ["5.4.0"]), ("26.1.dev0", ["5.10.0rc1"])])
def test_what_fits_is_left_alone(tree, galaxy, celery):
    assert too_old(*tree(galaxy, celery)) == []


def test_what_cannot_be_told_is_not_refused(tmp_path):
    assert too_old(str(tmp_path), str(tmp_path)) == []


def test_what_is_too_old_is_named_with_what_fits(tree):
    server, venv = tree("24.1.3", ["5.2.7"])
    galaxy, celery = too_old(server, venv)
    assert galaxy == f"Galaxy in {server} is 24.1.3, and the workers need 24.2 or newer. Remedy: update Galaxy first."
    assert f"Celery in {venv} is 5.2.7, and the workers need 5.3 or newer." in celery


def test_of_several_the_newest_counts(tree):
    assert celery_version(tree("26.1.2", ["5.9.1", "5.10.0"])[1]) == "5.10.0"
