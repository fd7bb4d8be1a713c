#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: galaxy_config_paths_info
short_description: List the files that galaxy.yml names and a release lacks
version_added: 0.1.0
description:
  - Reads C(galaxy.yml) and, from Galaxy's own schema, which of its options name files and directories of the configuration
    or of C(tool-data).
  - Returns those that exist outside of the release, or that the release excludes. They would be missing on a worker.
author:
  - usegalaxy.eu (@usegalaxy-eu)
extends_documentation_fragment:
  - usegalaxy_eu.celery.release
options:
  config_file:
    description: Path of C(galaxy.yml).
    type: path
    required: true
attributes:
  check_mode:
    description: Reads only, so check mode makes no difference.
    support: full
requirements:
  - PyYAML; the Python of Galaxy's virtual environment has it
seealso:
  - module: usegalaxy_eu.celery.galaxy_release_listing
"""

EXAMPLES = r"""
- name: Find the files that the workers would miss
  usegalaxy_eu.celery.galaxy_config_paths_info:
    config_file: /srv/galaxy/server/config/galaxy.yml
    server_dir: /srv/galaxy/server
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python
  register: found
  failed_when: found.outside | length > 0
"""

RETURN = r"""
outside:
  description: Existing files that a release would not contain.
  returned: success
  type: list
  elements: dict
  contains:
    option:
      description: Name of the option; C(config_file) for C(galaxy.yml) itself.
      type: str
      sample: vault_config_file
    path:
      description: The path that it names, or the target of the link.
      type: str
      sample: /etc/vault/vault_conf.yml
"""

import os
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import TREE_ARGUMENTS, Tree, is_below
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._yaml_file import (
    YAML_IMPORT_ERROR,
    YamlFileError,
    read,
    read_section,
)

SCHEMA = "lib/galaxy/config/schemas/config_schema.yml"
# The others name data, which a release never holds, or what Galaxy writes itself.
CONFIGURATION = ("config_dir", "managed_config_dir")
# The schema does not say it of these.
RELATIVE_TO_SERVER = ("tool_data_path", "shed_tool_data_path")


def named_paths(settings: dict[str, Any], schema: dict[str, Any], tree: Tree) -> Iterator[tuple[str, str]]:
    """Option and path of all that the settings name."""
    for option, value in sorted(settings.items()):
        resolves_to = (schema.get(option) or {}).get("path_resolves_to")
        if not isinstance(value, str) or not (resolves_to in CONFIGURATION or option in RELATIVE_TO_SERVER):
            continue
        base = tree.server_dir if option in RELATIVE_TO_SERVER else tree.config_dir
        for part in filter(None, map(str.strip, value.split(","))):
            # Where Galaxy keeps what it writes itself is not known here, and is no part of a release.
            if os.path.isabs(part) or resolves_to != "managed_config_dir":
                yield option, os.path.normpath(os.path.join(base, part))


def missed(path: str, tree: Tree) -> str | None:
    """What of a path no directory of the release holds: the path, or what it is a link to; None when nothing is missed."""
    if not is_below(path, tree.paths) or tree.exclude.pattern_for_path(path) is not None:
        return path
    target = os.path.realpath(path)
    return None if is_below(target, map(os.path.realpath, tree.paths)) else target


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(TREE_ARGUMENTS, config_file={"type": "path", "required": True}),
        supports_check_mode=True,
    )
    if YAML_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=YAML_IMPORT_ERROR)
    try:
        tree = Tree.from_params(module.params)
        settings = read_section(module.params["config_file"])
        schema = read(os.path.join(tree.server_dir, SCHEMA))["mapping"]["galaxy"]["mapping"]
        outside = [
            {"option": option, "path": lacking}
            for option, path in [("config_file", module.params["config_file"]), *named_paths(settings, schema, tree)]
            if os.path.exists(path) and (lacking := missed(path, tree))
        ]
    except (ReleaseError, YamlFileError) as error:
        module.fail_json(msg=str(error))
    except (KeyError, TypeError, AttributeError):
        module.fail_json(msg=f"{tree.server_dir}/{SCHEMA} has another shape than this module knows")
    module.exit_json(changed=False, outside=outside)


if __name__ == "__main__":
    main()
