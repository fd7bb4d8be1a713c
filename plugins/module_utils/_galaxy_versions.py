# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The versions of Galaxy and of Celery in a tree, read from files: what does not run may be there too.

Private to the collection.
"""

from __future__ import annotations

import glob
import os
import re

OLDEST_GALAXY = "24.2"
OLDEST_CELERY = "5.3"


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, for a comparison: 26.1.dev0 is (26, 1)."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _packages(venv_dir: str, name: str) -> list[str]:
    return sorted(glob.glob(os.path.join(venv_dir, "lib", "python3*", "site-packages", name)))


def galaxy_version(server_dir: str | None, venv_dir: str) -> str | None:
    """Return the version of Galaxy's code, or None where it cannot be told.

    :param server_dir: Galaxy's root directory; None where Galaxy is an installed package.
    """
    places = ([os.path.join(server_dir, "lib", "galaxy")] if server_dir else []) + _packages(venv_dir, "galaxy")
    for place in places:
        for name in ("version.py", os.path.join("version", "__init__.py")):
            try:
                with open(os.path.join(place, name), encoding="utf-8") as stream:
                    found = dict(re.findall(r'^VERSION_(MAJOR|MINOR) = "([^"]*)"', stream.read(), re.MULTILINE))
            except OSError:
                continue
            if re.match(r"\d", found.get("MAJOR", "")):
                return ".".join(part for part in (found["MAJOR"], found.get("MINOR")) if part)
    return None


def celery_version(venv_dir: str) -> str | None:
    """Return the version of Celery in a virtual environment, or None where it cannot be told."""
    versions = [
        found[1]
        for path in _packages(venv_dir, "celery-*.dist-info")
        if (found := re.fullmatch(r"celery-(\d[^-]*)\.dist-info", os.path.basename(path)))
    ]
    return max(versions, key=_numbers) if versions else None


def too_old(server_dir: str | None, venv_dir: str) -> list[str]:
    """Return what is too old for the workers, one sentence for each, with the version that is there and those that fit."""
    galaxy, celery = galaxy_version(server_dir, venv_dir), celery_version(venv_dir)
    problems = []
    if galaxy and _numbers(galaxy) < _numbers(OLDEST_GALAXY):
        problems.append(
            f"Galaxy in {server_dir or venv_dir} is {galaxy}, and the workers need {OLDEST_GALAXY} or newer. Remedy: update"
            " Galaxy first."
        )
    if celery and _numbers(celery) < _numbers(OLDEST_CELERY):
        problems.append(
            f"Celery in {venv_dir} is {celery}, and the workers need {OLDEST_CELERY} or newer. Remedy: install the one that"
            " Galaxy pins in lib/galaxy/dependencies/pinned-requirements.txt."
        )
    return problems
