# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that tells what is wrong with the paths and patterns of a release."""

from __future__ import annotations

DOCUMENTATION = r"""
name: galaxy_release_problems
short_description: Tell what is wrong with the paths and patterns of a release of Galaxy
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Looks at the options of M(usegalaxy_eu.celery.galaxy_release) alone, by the module's own rules, before any host is asked,
    and returns what the module would refuse, one sentence for each. An empty list means that nothing was found.
  - Finds paths that are relative, V(/), hold V(..), a space or a character that a shell expands, patterns that match
    nothing, everything, or a directory of the release, and a directory of releases inside of a copied one.
options:
  _input:
    description: The module's options.
    type: dict
    required: true
    suboptions:
      server_dir:
        description: Canonical path of Galaxy's root directory.
        type: str
        required: true
      venv_dir:
        description: Canonical path of Galaxy's virtual environment.
        type: str
        required: true
      config_dir:
        description: Canonical path of Galaxy's configuration directory.
        type: str
        required: true
      paths:
        description: Further canonical directories of the release.
        type: list
        elements: str
        required: true
      exclude:
        description: What does not belong to the release, as rsync's patterns.
        type: list
        elements: str
        required: true
      releases_dir:
        description: Directory of the releases.
        type: str
        required: true
"""

EXAMPLES = r"""
- name: Check the paths before anything is changed
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join(' ') }}"
  vars:
    problems: >-
      {{ {'server_dir': '/srv/galaxy/server', 'venv_dir': '/srv/galaxy/venv', 'config_dir': '/srv/galaxy/config', 'paths': [],
          'exclude': ['.git'], 'releases_dir': '/srv/galaxy-releases'} | usegalaxy_eu.celery.galaxy_release_problems }}
"""

RETURN = r"""
_value:
  description: The problems, each beginning with the name of its option and a colon.
  type: list
  elements: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import (
    Exclude,
    ReleaseError,
    Tree,
    canonical,
    check_releases_dir,
)

OPTIONS = ("server_dir", "venv_dir", "config_dir", "paths", "exclude", "releases_dir")


def galaxy_release_problems(options):
    """Return what is wrong with the options, see DOCUMENTATION.

    :raises AnsibleFilterError: when an option is missing or is none of these.
    """
    if set(options) != set(OPTIONS):
        raise AnsibleFilterError(f"galaxy_release_problems: the keys are {', '.join(OPTIONS)}.")
    problems = []

    def attempt(check, *arguments):
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


class FilterModule:
    """Filters of the collection for releases of Galaxy."""

    def filters(self):
        """Return the filters by name."""
        return {"galaxy_release_problems": galaxy_release_problems}
