#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: galaxy_release_info
short_description: Fingerprint of a Galaxy installation
version_added: 0.1.0
description:
  - Reads a Galaxy tree (code, virtual environment, configuration) and computes a fingerprint of it.
  - Two hosts with the same fingerprint run the same release. The fingerprint ignores bytecode, because each host may
    compile its own. It also ignores owners, and the modification times of directories and configuration files.
author:
  - usegalaxy.eu (@usegalaxy-eu)
extends_documentation_fragment:
  - usegalaxy_eu.celery.release
options:
  root:
    description:
      - Directory that contains the canonical paths, such as a release directory on a worker.
      - Without it the module reads the canonical paths themselves.
    type: path
    default: ""
attributes:
  check_mode:
    description: Reads only, so check mode makes no difference.
    support: full
notes:
  - Run it as root, or as a user who may read the whole tree.
seealso:
  - module: usegalaxy_eu.celery.galaxy_release
"""

EXAMPLES = r"""
- name: Fingerprint of the Galaxy on this host
  usegalaxy_eu.celery.galaxy_release_info:
    server_dir: /srv/galaxy/server
    exclude:
      - .git
      - node_modules
      - /srv/galaxy/server/database/*
  register: source

- name: Fingerprint of the release that a worker's next start will use
  usegalaxy_eu.celery.galaxy_release_info:
    root: /srv/galaxy-releases/current
    server_dir: /srv/galaxy/server
    exclude:
      - .git
      - node_modules
      - /srv/galaxy/server/database/*
"""

RETURN = r"""
fingerprint:
  description: Identifies the release, 16 hexadecimal digits.
  returned: success
  type: str
  sample: 5f2c8a90b7e41d36
parts:
  description: The digests that make up the fingerprint. They show what differs.
  returned: success
  type: dict
  contains:
    code:
      description: Paths, sizes, modification times, modes and link targets of all files.
      type: str
    config:
      description: Content of the files in the configuration directory.
      type: str
    packages:
      description: Installed Python packages.
      type: str
packages:
  description: C(name==version) of the packages in the virtual environment and in Galaxy's C(lib).
  returned: success
  type: list
  elements: str
galaxy_version:
  description: Galaxy's version; empty if it is unknown.
  returned: success
  type: str
  sample: 26.1.2
python:
  description: The Python that created the virtual environment.
  returned: success
  type: dict
  contains:
    version:
      description: Version in C(pyvenv.cfg).
      type: str
      sample: 3.11.2
    interpreter:
      description: Path of the interpreter. Each host must have it.
      type: str
      sample: /usr/bin/python3.11
    available:
      description: Whether that interpreter can be executed on this host.
      type: bool
platform:
  description: Machine architecture and C library of this host.
  returned: success
  type: dict
  sample: {"libc": "glibc 2.36", "machine": "x86_64"}
paths:
  description: The canonical directories of the release, without nested ones.
  returned: success
  type: list
  elements: str
files:
  description: Number of regular files, including bytecode.
  returned: success
  type: int
size_bytes:
  description: Sum of their sizes in bytes.
  returned: success
  type: int
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import TREE_ARGUMENTS, Tree, release_info
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(TREE_ARGUMENTS, root={"type": "path", "default": ""}),
        supports_check_mode=True,
    )
    root = module.params["root"]
    try:
        if root and not os.path.isabs(root):
            raise ReleaseError(f"root: '{root}' is not an absolute path")
        if root and not os.path.isdir(root):
            raise ReleaseError(f"root: {root} is not there: no release has been synced to this host yet")
        info = release_info(Tree.from_params(module.params), root)
    except ReleaseError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"The Galaxy tree changed or can not be read: {error}")
    module.exit_json(changed=False, **info)


if __name__ == "__main__":
    main()
