#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Describe the Galaxy on a host, without changing anything."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: galaxy_site_info
short_description: Describe the Galaxy that is installed on a host
version_added: 0.1.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Reads units, processes and C(galaxy.yml), and returns where Galaxy is installed, its user, its database and
    broker, how it is started, where its tasks write, and other software on the host that matters for a Celery stack.
  - Each value comes with its origin. No password is returned.
  - Changes nothing. It reads the files of other users, so it needs root.
options:
  config_file:
    description: Path of C(galaxy.yml). By default it is found in the units, the processes, or the usual places.
    type: path
attributes:
  check_mode:
    description: Changes nothing, and works in the same way in check mode.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Describe the Galaxy on this host
  usegalaxy_eu.celery.galaxy_site_info:
    config_file: /srv/galaxy/server/config/galaxy.yml
"""

RETURN = r"""
found:
  description: The values that were found, by name.
  returned: success
  type: dict
  contains:
    config_file:
      description: Path of C(galaxy.yml); the other values have the same form.
      type: dict
      contains:
        value:
          description: The value.
          type: raw
          sample: /srv/galaxy/server/config/galaxy.yml
        origin:
          description: Where it was found.
          type: str
          sample: /etc/systemd/system/galaxy-gunicorn.service
notes:
  description: Properties of the site that prevent a Celery stack, one sentence each.
  returned: success
  type: list
  elements: str
"""

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_site import (
    USUAL_DIRS,
    VENV,
    Site,
    SiteError,
    look,
)

try:
    import yaml
except ImportError:
    yaml = None

READ = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout, default=str)"


def parse_here(text: str) -> Any:
    """Read a text as YAML by this Python's own library."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        # The problem alone: the text around it may be a secret.
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"{getattr(error, 'problem', 'a mistake')}, line {mark.line + 1 if mark else '?'}") from None


def parse_by(python: str) -> Callable[[str], Any]:
    """Return a function that reads a text as YAML by Galaxy's Python, as the user that owns it."""
    owner = os.stat(python)

    def parse(text: str) -> Any:
        # The file belongs to the site's user, so it never runs as root.
        account: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [python, "-I", "-c", READ], input=text, capture_output=True, text=True, check=False, **account
        )
        if done.returncode:
            raise ValueError("Galaxy's own Python refuses it")
        return json.loads(done.stdout)

    return parse


def galaxy_python() -> str:
    """Return a Python of a virtual environment of Galaxy, which has PyYAML."""
    site = Site("/", parse_here)
    texts = [site.text(str(path)) for path in site.path("/etc/systemd/system").glob("*galaxy*.service")]
    venvs = [match[1] or match[2] for text in texts for match in VENV.finditer(text)]
    venvs += [f"{top}/{part}" for top in USUAL_DIRS for part in ("venv", ".venv", "server/.venv")]
    return next((f"{venv}/bin/python" for venv in venvs if os.path.exists(f"{venv}/bin/python")), "")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"config_file": {"type": "path"}}, supports_check_mode=True)
    parse: Callable[[str], Any] = parse_here
    if yaml is None:
        python = galaxy_python()
        if not python:
            module.fail_json(
                msg="Neither this Python nor a virtual environment of Galaxy has PyYAML. Remedy: install python3-yaml."
            )
        parse = parse_by(python)
    try:
        module.exit_json(changed=False, **look("/", parse, module.params["config_file"] or ""))
    except SiteError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
