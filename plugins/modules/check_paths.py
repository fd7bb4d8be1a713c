#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_paths
short_description: Find paths of a role that cannot be written, before any change
version_added: 1.0.0
description:
  - Checks the file system of each path. Refuses a file system that is read-only or full, a path that exists as
    another type, and a path below a file that is not a directory.
  - With O(account), refuses an account whose uid or gid differs from the directories in O(shared), or which cannot
    write there.
  - Reports all problems at once, each with the variable, the reason and the remedy. It does not write to the host.
author:
  - usegalaxy.eu (@usegalaxy-eu)
options:
  directories:
    description: >-
      Directories that a role creates or writes to, each under the name of its variable. An empty path is ignored.
    type: dict
    default: {}
  files:
    description: Files that a role writes, each under the name of its variable.
    type: dict
    default: {}
  own:
    description:
      - Directories that a role owns with all their content, each under the name of its variable.
      - A directory that is not empty, and has none of the names in C(marks), which the role creates, is refused.
    type: dict
    default: {}
  marked:
    description:
      - Files that a role writes as a whole, each with the remedy if another program wrote it.
      - An existing file without the mark of this collection is refused, unless it is unchanged since its package was
        installed. The mark is the name C(usegalaxy_eu.celery) anywhere in the file.
    type: dict
    default: {}
  shared:
    description:
      - Directories that O(account) shares with others, perhaps on other hosts, each under the name of its variable.
      - Compares the uid and gid of existing directories with the account, and follows links. A directory may be
        missing.
    type: dict
    default: {}
  account:
    description: The account that writes to O(shared).
    type: dict
    suboptions:
      user:
        description: Its name.
        type: str
        required: true
      group:
        description: Name of its group.
        type: str
        required: true
      uid:
        description: The uid of the account. 0 means any.
        type: int
        default: 0
      gid:
        description: The gid of its group. 0 means any.
        type: int
        default: 0
      uid_variable:
        description: Name of the variable that sets the uid, for messages.
        type: str
        required: true
      gid_variable:
        description: Name of the variable that sets the gid, for messages.
        type: str
        required: true
  minimum_mb:
    description: Free space in MiB below which a file system counts as full.
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

- name: Preflight | Check that the directory of the releases is nobody else's
  usegalaxy_eu.celery.check_paths:
    own:
      galaxy_sync_releases_dir: {path: /srv/galaxy-releases, marks: [current]}

- name: Preflight | Check that nobody else keeps the configuration
  usegalaxy_eu.celery.check_paths:
    marked:
      /etc/telegraf/telegraf.conf: take the host out of the group of Telegraf's hosts.

- name: Preflight | Check that Galaxy's user is the same as on Galaxy's host
  usegalaxy_eu.celery.check_paths:
    shared:
      celery_galaxy_data_dir: /srv/galaxy/var
    account:
      user: galaxy
      group: galaxy
      uid_variable: celery_galaxy_uid
      gid_variable: celery_galaxy_gid
"""

RETURN = r"""
account:
  description: The uid and gid of O(account), or those to create it with. Null if the system may choose.
  returned: with O(account)
  type: dict
  sample: {uid: 1450, gid: 1450}
problems:
  description: One sentence or two for each problem.
  returned: always
  type: list
  elements: str
"""

import os
import re
from collections.abc import Callable

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _accounts
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._marks import MARK, has_mark

# Runs a command, and returns its code and what it wrote to standard output and error.
Run = Callable[[list[str]], tuple[int, str, str]]

MIB = 1024 * 1024


def mount_point(path: str) -> str:
    """The directory on which the file system of an existing path is mounted."""
    # Not by os.path.ismount, which does not see a directory that is mounted on itself with other options.
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as stream:
        escaped = [line.split()[1] for line in stream]
    mounts = {re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), name) for name in escaped}
    path = os.path.realpath(path)
    while path not in mounts and path != "/":
        path = os.path.dirname(path)
    return path


def kind_problem(path: str, is_directory: bool) -> tuple[str | None, str]:
    """The problem of the path itself, and its nearest existing parent."""
    if os.path.islink(path) and not os.path.exists(path):
        return f"is a link to {os.readlink(path)}, which is not there", os.path.dirname(path)
    if os.path.exists(path) and os.path.isdir(path) != is_directory:
        return "is a directory, and has to be a file" if os.path.isdir(path) else "is no directory", path
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return None, path


def problem(variable: str, path: str, is_directory: bool, minimum_mb: int) -> str | None:
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


def own_problem(variable: str, path: str, marks: list[str]) -> str | None:
    """Say that a directory that a role would take for its own is somebody else's; None if it is not."""
    if not os.path.isdir(path):
        return None
    # What the root of a file system has.
    names = sorted(set(os.listdir(path)) - {"lost+found"})
    if not names or set(names) & set(marks):
        return None
    return (
        f"{variable} is {path}, which holds {', '.join(names[:3])}{' and more' if names[3:] else ''}, and nothing of this role, which takes the "
        f"whole directory for its own. Remedy: set {variable} to a directory that is empty or not there, such as one below it."
    )


def runner(module: AnsibleModule) -> Run:
    """A function that runs a command; one that is not there has failed."""

    def run(command: list[str]) -> tuple[int, str, str]:
        return module.run_command(command) if module.get_bin_path(command[0]) else (127, "", "")

    return run


def packaged(run: Run, path: str) -> bool:
    """Whether a file is as the package that brought it has it."""
    code, out, _err = run(["dpkg-query", "--search", path])
    if code == 0:
        checked = run(["dpkg", "--verify", out.split(":")[0]])[1]
    else:
        code, _out, _err = run(["rpm", "--query", "--file", path])
        checked = run(["rpm", "--verify", "--nodeps", "--noscripts", "--file", path])[1] if code == 0 else ""
    return code == 0 and not any(line.endswith(f" {path}") for line in checked.splitlines())


def marked_problem(run: Run, path: str, remedy: str) -> str | None:
    """Say that a file is somebody else's; None if it is not."""
    if not os.path.isfile(path) or has_mark(path) or packaged(run, path):
        return None
    return f"{path} is not of this collection (it has no line with {MARK}), and is left as it is. Remedy: {remedy}"


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "directories": {"type": "dict", "default": {}},
            "files": {"type": "dict", "default": {}},
            "own": {"type": "dict", "default": {}},
            "marked": {"type": "dict", "default": {}},
            "shared": {"type": "dict", "default": {}},
            "account": {
                "type": "dict",
                "options": {
                    "user": {"type": "str", "required": True},
                    "group": {"type": "str", "required": True},
                    "uid": {"type": "int", "default": 0},
                    "gid": {"type": "int", "default": 0},
                    "uid_variable": {"type": "str", "required": True},
                    "gid_variable": {"type": "str", "required": True},
                },
            },
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
    found += [own_problem(variable, **given) for variable, given in module.params["own"].items()]
    found += [marked_problem(runner(module), path, remedy) for path, remedy in module.params["marked"].items()]
    answer = {}
    if module.params["account"]:
        account = _accounts.Account(**module.params["account"])
        shared = _accounts.look(module.params["shared"])
        has = _accounts.numbers(account, shared)
        found += _accounts.given_problems(account, has) or [
            _accounts.directory_problem(account, has, one) for one in shared
        ]
        answer["account"] = {"uid": has.uid, "gid": has.gid}
    problems = [text for text in found if text]
    if problems:
        module.fail_json(msg="\n".join(problems), problems=problems)
    module.exit_json(changed=False, problems=[], **answer)


if __name__ == "__main__":
    main()
