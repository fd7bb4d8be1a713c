# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The options that say what belongs to a release; both release modules take them.
    DOCUMENTATION = r"""
options:
  server_dir:
    description: Canonical path of Galaxy's root directory.
    type: path
    default: /srv/galaxy/server
  venv_dir:
    description: Canonical path of Galaxy's virtual environment. The default is C(.venv) in O(server_dir).
    type: path
  config_dir:
    description:
      - Canonical path of Galaxy's configuration directory. The default is C(config) in O(server_dir).
      - The fingerprint contains the content of its files, and size and modification time of all others.
    type: path
  paths:
    description: Further canonical directories that belong to the release. Nested ones are copied once.
    type: list
    elements: path
    default: []
  exclude:
    description:
      - Files that do not belong to the release, as rsync patterns on canonical paths.
      - A pattern without a slash inside matches a name at any depth. One with a leading slash is a canonical absolute
        path. One with a slash elsewhere matches the end of a path. A trailing slash means directories only.
      - C(*) and C(?) stop at a slash, C(**) does not. Backslashes and C(***) are refused.
    type: list
    elements: str
    default:
      - .git
      - node_modules
      - "*.sock"
"""
