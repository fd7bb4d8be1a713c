#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove the files and directories that this collection has made, and no others."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: remove_files
short_description: Remove files and directories of this collection, and leave those of others
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Removes files with the mark of this collection, which is the text C(usegalaxy_eu.celery) anywhere in the file. A
    file without the mark stays, and is listed in RV(left).
  - Checks all entries before it removes the first one. Then it removes them in the given order.
  - For a link to a directory, and for a mount point, it removes only the content. It does not remove a directory that
    contains another mount point.
  - A missing path is no error.
options:
  files:
    description: Files and directories to remove.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Path of a file, or of a directory with all its content.
        type: path
        required: true
      marked_by:
        description:
          - Files of which one must have the mark, if O(files[].path) cannot have it, such as a directory or a
            program. Empty means the path itself.
          - List the file with the mark after its path, so that an interrupted removal can be repeated.
        type: list
        elements: path
        default: []
      mark:
        description: Another text as the mark. An empty one matches every existing file.
        type: str
        default: usegalaxy_eu.celery
      own:
        description: Whether the name of the path is enough, because only this collection uses it.
        type: bool
        default: false
      only_empty:
        description: >-
          Whether to remove a directory only if it is empty. It needs no mark, and is not listed if it stays.
        type: bool
        default: false
      enabled:
        description: Whether to use this entry.
        type: bool
        default: true
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Shows the paths that are removed.
    support: full
"""

EXAMPLES = r"""
- name: Remove a service of this collection, its program and its directory
  usegalaxy_eu.celery.remove_files:
    files:
      - path: /usr/local/bin/traefik-galaxy
        marked_by: [/etc/systemd/system/traefik-galaxy.service]
      - path: /etc/traefik-galaxy/traefik.yml
      - path: /etc/traefik-galaxy
        only_empty: true
      - path: /etc/systemd/system/traefik-galaxy.service
  register: removed
"""

RETURN = r"""
removed_paths:
  description: The paths that were removed, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: [/etc/systemd/system/traefik-galaxy.service]
left:
  description: One sentence for each path that is there and was left, because it is not of this collection.
  returned: always
  type: list
  elements: str
"""

import os
import re
import shutil
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_native

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._marks import MARK, has_mark


def mount_points() -> set[str]:
    """Where something is mounted."""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as stream:
        escaped = [line.split()[1] for line in stream]
    return {re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), name) for name in escaped}


class Removal:
    """One entry of the list, checked before anything is removed."""

    def __init__(self, entry: dict[str, Any], mounts: set[str]) -> None:
        self.path: str = entry["path"]
        self.only_empty: bool = entry["only_empty"]
        self.guards: list[str] = entry["marked_by"] or [self.path]
        self.there = os.path.lexists(self.path)
        real = os.path.realpath(self.path)
        self.left = ""
        # A link to a directory is the site's, who has the content elsewhere.
        self.kept_path = os.path.isdir(self.path) and (os.path.islink(self.path) or real in mounts)
        mounted = sorted(name for name in mounts if name.startswith(real + os.sep))
        if not self.there or self.only_empty:
            return
        if not (entry["own"] or any(has_mark(guard, entry["mark"]) for guard in self.guards)):
            self.left = f"{self.path} is not of this collection ({self._lacking(entry)}), and is left as it is."
        elif mounted:
            self.left = f"{self.path} is left as it is: {', '.join(mounted)} is mounted below it. Unmount it, and run this again."

    def _lacking(self, entry: dict[str, Any]) -> str:
        if entry["mark"] != MARK:
            return f"nothing shows it in {' or '.join(self.guards)}"
        where = (
            "it has"
            if self.guards == [self.path]
            else f"{' and '.join(self.guards)} {'have' if self.guards[1:] else 'has'}"
        )
        return f"{where} no line with {MARK}"

    def _children(self) -> list[str]:
        """What is in the directory; what has the mark, and the way to it, last."""
        children = [os.path.join(self.path, name) for name in sorted(os.listdir(self.path))]
        shown = [*self.guards, *map(os.path.realpath, self.guards)]
        return sorted(
            children, key=lambda child: any(name == child or name.startswith(child + os.sep) for name in shown)
        )

    def _goes(self, gone: set[str]) -> bool:
        """Whether there is anything to remove."""
        if self.only_empty:
            return os.path.isdir(self.path) and not self.kept_path and set(self._children()) <= gone
        return self.there and not self.left and (not self.kept_path or bool(os.listdir(self.path)))

    def apply(self, gone: set[str], check: bool) -> bool:
        """Remove it; whether that is a change. What went before is in "gone", also in check mode."""
        if not self._goes(gone):
            return False
        gone.add(self.path)
        if check:
            return True
        if not os.path.isdir(self.path) or (os.path.islink(self.path) and not self.kept_path):
            os.unlink(self.path)
            return True
        for child in [] if self.only_empty else self._children():
            if os.path.isdir(child) and not os.path.islink(child):
                shutil.rmtree(child)
            else:
                os.unlink(child)
        if not self.kept_path:
            os.rmdir(self.path)
        return True


def main() -> None:
    """Judge, then remove."""
    entry = {
        "path": {"type": "path", "required": True},
        "marked_by": {"type": "list", "elements": "path", "default": []},
        "mark": {"type": "str", "default": MARK},
        "own": {"type": "bool", "default": False},
        "only_empty": {"type": "bool", "default": False},
        "enabled": {"type": "bool", "default": True},
    }
    module = AnsibleModule(
        argument_spec={"files": {"type": "list", "elements": "dict", "required": True, "options": entry}},
        supports_check_mode=True,
    )
    gone: set[str] = set()
    try:
        mounts = mount_points()
        given = [one for one in module.params["files"] if one["enabled"]]
        wrong = [one["path"] for one in given if not os.path.isabs(one["path"]) or os.path.realpath(one["path"]) == "/"]
        if wrong:
            module.fail_json(
                msg=f"files has the path {', '.join(wrong)}. Remedy: give absolute paths, and not that of the root."
            )
        removals = [Removal(one, mounts) for one in given]
        removed = [one.path for one in removals if one.apply(gone, module.check_mode)]
    except OSError as error:
        module.fail_json(msg=f"{error.filename or ''}: {to_native(error.strerror)}".lstrip(": "))
    module.exit_json(
        changed=bool(removed),
        removed_paths=removed,
        left=[one.left for one in removals if one.left],
        diff=[
            {"before": {"path": path, "state": "present"}, "after": {"path": path, "state": "absent"}}
            for path in removed
        ],
    )


if __name__ == "__main__":
    main()
