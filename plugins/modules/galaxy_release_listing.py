#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: galaxy_release_listing
short_description: Write the file list of a Galaxy installation for the hosts that copy it
version_added: 0.1.0
description:
  - Computes the fingerprint of the Galaxy on this host, as M(usegalaxy_eu.celery.galaxy_release_info) does, and
    writes the listing behind it (paths, sizes, times, modes, digests of the configuration) to a file.
  - From it M(usegalaxy_eu.celery.galaxy_release) on another host knows which files it lacks, without reading the tree
    again.
  - If nothing has changed since the last run, it writes nothing.
  - Fails if Galaxy or Celery is older than the workers need. The message has the installed version.
author:
  - usegalaxy.eu (@usegalaxy-eu)
extends_documentation_fragment:
  - usegalaxy_eu.celery.release
options:
  listing_dir:
    description:
      - Directory of the listings, created with mode 0750. The latest five are kept.
      - Without it the module writes nothing. Use this if no other host copies the installation.
    type: path
  group:
    description: >-
      Name of the group that may read the listings. The user with which the other hosts log in must belong to it.
    type: str
attributes:
  check_mode:
    description: Reports whether a run would write a listing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
notes:
  - Run it as root, or as a user who may read the whole tree.
seealso:
  - module: usegalaxy_eu.celery.galaxy_release
  - module: usegalaxy_eu.celery.galaxy_release_info
"""

EXAMPLES = r"""
- name: List the Galaxy on this host
  usegalaxy_eu.celery.galaxy_release_listing:
    server_dir: /srv/galaxy/server
    exclude:
      - .git
      - node_modules
      - /srv/galaxy/server/database/*
    listing_dir: /var/cache/galaxy-sync
    group: galaxy
  register: source
"""

RETURN = r"""
listing:
  description: Path of the listing, a compressed text; null without O(listing_dir).
  returned: success
  type: str
  sample: /var/cache/galaxy-sync/5f2c8a90b7e41d36.list.gz
fingerprint:
  description:
    - Identifies the release, 16 hexadecimal digits. The other results of M(usegalaxy_eu.celery.galaxy_release_info)
      are returned too, under the same names.
  returned: success
  type: str
  sample: 5f2c8a90b7e41d36
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_versions import too_old
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import TREE_ARGUMENTS, Tree, describe
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_listing import Listing
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._releases import DIRECTORY_MODE, group_number, protect

SUFFIX = ".list.gz"
KEPT = 5
FILE_MODE = 0o640


def keep(listing: Listing, directory: str, path: str, group: int | None) -> bool:
    """Write the listing where it is not there; whether anything was changed."""
    os.makedirs(directory, DIRECTORY_MODE, exist_ok=True)
    changed = protect(directory, DIRECTORY_MODE, group)
    if not os.path.isfile(path):
        listing.write(path)
        changed = True
    changed = protect(path, FILE_MODE, group) or changed
    listings = [os.path.join(directory, name) for name in os.listdir(directory) if name.endswith(SUFFIX)]
    for old in sorted(listings, key=os.path.getmtime, reverse=True)[KEPT:]:
        if old != path:
            os.unlink(old)
            changed = True
    return changed


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            TREE_ARGUMENTS,
            listing_dir={"type": "path"},
            group={"type": "str"},
        ),
        supports_check_mode=True,
    )
    directory = module.params["listing_dir"]
    try:
        if directory is not None and not os.path.isabs(directory):
            raise ReleaseError(f"listing_dir: '{directory}' is not an absolute path")
        tree = Tree.from_params(module.params)
        if old := too_old(tree.server_dir, tree.venv_dir):
            raise ReleaseError(" ".join(old))
        info, listing = describe(tree)
        path = os.path.join(directory, info["fingerprint"] + SUFFIX) if directory else None
        if path is None or module.check_mode:
            changed = path is not None and not os.path.isfile(path)
        else:
            group = group_number(module.params["group"]) if module.params["group"] else None
            changed = keep(listing, directory, path, group)
    except ReleaseError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"The Galaxy tree changed or can not be read, or the listing can not be written: {error}")
    module.exit_json(changed=changed, listing=path, **info)


if __name__ == "__main__":
    main()
