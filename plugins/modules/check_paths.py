#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_paths
short_description: Say before anything is changed which paths of a role cannot be written
version_added: 1.0.0
description:
  - Looks at the file system on which each path stands, or would stand. Refuses one that is mounted read-only, one that is full, a path
    that something of another kind has, and one below something that is no directory.
  - Names the variable of each path, what it found, and the remedy, all at once. Writes nothing to find out.
author:
  - usegalaxy.eu (@usegalaxy-eu)
options:
  directories:
    description: Directories that a role makes or fills, each by the variable that names it. One that is empty is not wanted.
    type: dict
    default: {}
  files:
    description: Files that a role writes, likewise.
    type: dict
    default: {}
  minimum_mb:
    description: A file system with less than this left, in MiB, is taken for full.
    type: int
    default: 64
attributes:
  check_mode:
    description: Reads only, so check mode makes no difference.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Preflight | Check that what the role writes has a place
  usegalaxy_eu.celery.check_paths:
    directories:
      rabbitmq_config_dir: /etc/rabbitmq-galaxy
      rabbitmq_data_dir: /var/lib/rabbitmq-galaxy
    files:
      galaxy_config_file: /etc/galaxy.yml
"""

RETURN = r"""
problems:
  description: One sentence or two for each problem.
  returned: always
  type: list
  elements: str
"""

import os
import re

from ansible.module_utils.basic import AnsibleModule

MIB = 1024 * 1024


def mount_point(path):
    """The directory on which the file system of an existing path is mounted."""
    # Not by os.path.ismount, which does not see a directory that is mounted on itself with other options.
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as stream:
        escaped = [line.split()[1] for line in stream]
    mounts = {re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), name) for name in escaped}
    path = os.path.realpath(path)
    while path not in mounts and path != "/":
        path = os.path.dirname(path)
    return path


def kind_problem(path, is_directory):
    """What stands in the way of the path itself, and the nearest path above it that is there."""
    if os.path.islink(path) and not os.path.exists(path):
        return f"is a link to {os.readlink(path)}, which is not there", os.path.dirname(path)
    if os.path.exists(path) and os.path.isdir(path) != is_directory:
        return "is a directory, and has to be a file" if os.path.isdir(path) else "is no directory", path
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return None, path


def problem(variable, path, is_directory, minimum_mb):
    """Say why a path cannot be written; None if it can be."""
    shown = f"{variable} is {path}, "
    if not os.path.isabs(path):
        return f"{shown}which is no absolute path. Remedy: begin it with a slash."
    wrong, there = kind_problem(path, is_directory)
    if wrong:
        return f"{shown}which {wrong}. Remedy: move it away, or set {variable} to another path."
    if there != path and not os.path.isdir(there):
        return f"{shown}and {there} is no directory. Remedy: move it away, or set {variable} to another path."
    info, mount = os.statvfs(there), mount_point(there)
    elsewhere = f"or set {variable} to a path on another one."
    if info.f_flag & os.ST_RDONLY:
        return (
            f"{shown}on the file system {mount}, which is mounted read-only. Remedy: mount it for writing (where nobody mounted it "
            f"so, the kernel did because of errors, see dmesg), {elsewhere}"
        )
    left = info.f_bavail * info.f_frsize // MIB
    if left < minimum_mb:
        return (
            f"{shown}on the file system {mount}, which has {left} MiB left, and {minimum_mb} are the least. "
            f"Remedy: make room on it, {elsewhere}"
        )
    # Some file systems count none.
    if info.f_files and not info.f_favail:
        return f"{shown}on the file system {mount}, which has no inode left. Remedy: remove files from it, {elsewhere}"
    return None


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "directories": {"type": "dict", "default": {}},
            "files": {"type": "dict", "default": {}},
            "minimum_mb": {"type": "int", "default": 64},
        },
        supports_check_mode=True,
    )
    found = [
        problem(variable, path, is_directory, module.params["minimum_mb"])
        for what, is_directory in (("directories", True), ("files", False))
        for variable, path in module.params[what].items()
        if path
    ]
    problems = [text for text in found if text]
    if problems:
        module.fail_json(msg="\n".join(problems), problems=problems)
    module.exit_json(changed=False, problems=[])


if __name__ == "__main__":
    main()
