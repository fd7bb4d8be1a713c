# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that tells what is wrong with the paths and patterns of a release."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import Tree, canonical, check_releases_dir
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_exclude import Exclude

OPTIONS = ("server_dir", "venv_dir", "config_dir", "paths", "exclude", "releases_dir")


def galaxy_release_problems(options: dict[str, Any]) -> list[str]:
    """Return what is wrong with the options, see DOCUMENTATION.

    :raises AnsibleFilterError: when an option is missing or is none of these.
    """
    if set(options) != set(OPTIONS):
        raise AnsibleFilterError(f"galaxy_release_problems: the keys are {', '.join(OPTIONS)}.")
    problems: list[str] = []

    def attempt(check: Callable[..., object], *arguments: Any) -> None:
        try:
            check(*arguments)
        except ReleaseError as error:
            problems.append(str(error))

    for option in ("server_dir", "venv_dir", "config_dir", "releases_dir"):
        attempt(canonical, option, options[option])
    for path in options["paths"]:
        attempt(canonical, "paths", path)
    for pattern in options["exclude"]:
        attempt(Exclude, [pattern])
    if not problems:
        # Only what is right by itself can be compared.
        tree = {name: options[name] for name in ("server_dir", "venv_dir", "config_dir", "paths")}
        for pattern in options["exclude"]:
            attempt(lambda pattern=pattern: Tree(exclude=[pattern], **tree))
        attempt(check_releases_dir, Tree(**tree), options["releases_dir"])
    return problems
