#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Place many small files and directories in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: files
short_description: Place many small files and directories in one call
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Brings files and directories to the wanted content, owner and mode, in the order in which they are given.
  - Without changes it needs one execution on the host for all files. C(ansible.builtin.copy) and
    C(ansible.builtin.template) need two for each file. For a single file use these two.
  - Each file is replaced in one step, never written in place.
  - All new contents that have a O(files[].validate) are validated before the first file is replaced.
options:
  files:
    description: The files and directories.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Its path on the host.
        type: path
        required: true
      state:
        description: V(file) and V(directory) create it. V(absent) removes it, a directory with all its content.
        type: str
        choices: [file, directory, absent]
        default: file
      content:
        description: The content of a file.
        type: str
      template:
        description: A template whose text is the content of the file. It is searched where C(ansible.builtin.template) searches.
        type: path
      secret_content:
        description: The content of a file with a secret. It is never shown, and the file has no diff.
        type: str
      secret_template:
        description: A template whose text is O(files[].secret_content).
        type: path
      local_files:
        description: A pattern of files on the controller. A copy of each is placed in the directory O(files[].path).
        type: path
      each:
        description:
          - One entry for each name of a list, or for each key of a dictionary. It stands for C(%s) in O(files[].path).
        type: raw
      each_as:
        description: The variable by which O(files[].template) has what O(files[].each) says of the key.
        type: str
      source:
        description:
          - A file on the host to copy the content from. The content is never shown.
          - If this file does not exist, the entry is ignored.
        type: path
      owner:
        description: The owner, instead of O(owner).
        type: str
      group:
        description: The group, instead of O(group).
        type: str
      mode:
        description: The mode in octal digits, for example V("0640"). Required unless O(files[].state=absent).
        type: str
      validate:
        description:
          - A command that must succeed before the file is replaced. C(%s) is the path of a file with the new content.
          - It does not run if the content is the same.
        type: str
      keep_existing:
        description:
          - Whether an existing directory keeps its owner, group and mode, because another program may own it. Only a
            new one gets them.
          - A link to a directory counts as an existing directory.
        type: bool
        default: false
      enabled:
        description: Whether to use this entry. With V(false) the path is not changed.
        type: bool
        default: true
  owner:
    description: The owner of all entries without one.
    type: str
    default: root
  group:
    description: The group of all entries without one.
    type: str
    default: root
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details: A new content is validated in check mode too, unless a path in the command does not exist yet.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: full
    details: Not for the contents of O(files[].secret_content) and O(files[].source).
"""

EXAMPLES = r"""
- name: Place a directory and two files in it
  usegalaxy_eu.celery.files:
    files:
      - path: /etc/galaxy-site
        state: directory
        mode: "0755"
      - path: /etc/galaxy-site/broker.env
        secret_content: "PASSWORD={{ galaxy_amqp_password }}\n"
        mode: "0600"
      - path: /etc/galaxy-site/note.txt
        content: "Workers of Galaxy\n"
        mode: "0644"
  register: placed
"""

RETURN = r"""
changed_paths:
  description: The paths that were changed, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: [/etc/galaxy-site/note.txt]
"""

import grp
import os
import pwd
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text


class Place:
    """One entry of the list."""

    def __init__(self, module: AnsibleModule, entry: dict[str, Any]) -> None:
        self.module = module
        self.path = entry["path"]
        self.state = entry["state"]
        self.validate = entry["validate"]
        self.secret = entry["content"] is None
        self.content = self._content(entry)
        self.attributes = {
            "mode": entry["mode"],
            "owner": entry["owner"] or module.params["owner"],
            "group": entry["group"] or module.params["group"],
        }
        self.kept = entry["keep_existing"] and os.path.isdir(self.path)
        self.before = None if self.state == "absent" else self._read(self.path)
        self.new_file = ""
        self.diff: dict[str, dict[str, Any]] = {"before": {"path": self.path}, "after": {"path": self.path}}

    @staticmethod
    def _read(path: str) -> bytes | None:
        """The content that is there; None without a file. A link to nothing has none, and is replaced."""
        if os.path.isdir(path) or not os.path.exists(path):
            return None
        with open(path, "rb") as file:
            return file.read()

    def _content(self, entry: dict[str, Any]) -> bytes | None:
        """The wanted content of the file; None without one."""
        if entry["source"] is not None:
            return self._read(entry["source"])
        given = [entry[name] for name in ("content", "secret_content") if entry[name] is not None]
        return to_bytes(given[0]) if given else None

    def refuse(self, made: set[str]) -> str:
        """The reason why the entry cannot be placed, or "". The directories of "made" will exist."""
        if self.state == "absent":
            return ""
        if self.attributes["mode"] is None:
            return f"{self.path}: mode is missing. Remedy: give it in octal digits."
        if self.state == "directory":
            if self.content is not None:
                return f"{self.path}: a directory has no content. Remedy: leave out content, or state."
            if os.path.islink(self.path) and not os.path.exists(self.path):
                return f"{self.path} is to be a directory, and is a link to {os.readlink(self.path)}, which is not there. Remedy: make that directory."
            if os.path.lexists(self.path) and not os.path.isdir(self.path):
                return f"{self.path} is to be a directory, and there is a file. Remedy: move it away."
            return ""
        if self.content is None:
            return f"{self.path}: content, secret_content or source is missing. Remedy: give one of them."
        if os.path.isdir(self.path):
            return f"{self.path} is to be a file, and there is a directory. Remedy: move it away."
        folder = os.path.dirname(self.path)
        # In check mode what makes it may not have run.
        if not (os.path.isdir(folder) or folder in made or (self.module.check_mode and not os.path.exists(folder))):
            return f"{self.path}: {folder} is no directory. Remedy: give it as an entry before the file."
        return ""

    def judge(self) -> str:
        """Have the command judge a new content; what it said, or "" when it takes it."""
        if self.state != "file" or self.content == self.before:
            return ""
        if self.validate or not self.module.check_mode:
            handle, self.new_file = tempfile.mkstemp(dir=self.module.tmpdir)
            self.module.add_cleanup_file(self.new_file)
            with os.fdopen(handle, "wb") as file:
                file.write(self.content or b"")
        if not self.validate:
            return ""
        command = [part.replace("%s", self.new_file) for part in shlex.split(self.validate)]
        # What it needs may be yet to be installed.
        if self.module.check_mode and any(part.startswith("/") and not os.path.exists(part) for part in command):
            return ""
        code, out, err = self.module.run_command(command)
        if code == 0:
            return ""
        said = to_text((err or out).strip()).replace(self.new_file, self.path)
        return f"{self.path}: the new content does not pass its check, so everything is as it was. {said or f'The check ended with {code}.'}"

    def apply(self) -> bool:
        """Bring it to what is wanted; whether that is a change."""
        changed: bool = getattr(self, "_" + self.state)()
        if self.kept or self.state == "absent" or (self.module.check_mode and not os.path.lexists(self.path)):
            return changed
        if self.module.check_mode:
            changed = self._leave_out_accounts_to_come() or changed
        # Of a link to a directory, the directory is meant.
        path = os.path.realpath(self.path) if self.state == "directory" else self.path
        wanted = self.module.load_file_common_arguments(self.attributes, path=path)
        return bool(self.module.set_fs_attributes_if_different(wanted, changed, diff=self.diff))

    def _leave_out_accounts_to_come(self) -> bool:
        """In check mode the owner and the group may be yet to be made; whether one is."""
        coming = False
        for name, look_up in (("owner", pwd.getpwnam), ("group", grp.getgrnam)):
            account = self.attributes[name]
            try:
                if account and not account.isdigit():
                    look_up(account)
            except KeyError:
                coming, self.attributes[name] = True, None
        return coming

    def _absent(self) -> bool:
        if not os.path.lexists(self.path):
            return False
        self.diff["before"]["state"], self.diff["after"]["state"] = "present", "absent"
        if not self.module.check_mode:
            if os.path.isdir(self.path) and not os.path.islink(self.path):
                shutil.rmtree(self.path)
            else:
                os.unlink(self.path)
        return True

    def _directory(self) -> bool:
        if os.path.isdir(self.path):
            return False
        self.diff["before"]["state"], self.diff["after"]["state"] = "absent", "directory"
        if not self.module.check_mode:
            os.makedirs(self.path)
        return True

    def _file(self) -> bool:
        if self.content == self.before:
            return False
        if not self.module.check_mode:
            # A new file has the mode that the umask leaves until apply() sets its own: a secret would be open meanwhile.
            umask = os.umask(0o077)
            try:
                self.module.atomic_move(self.new_file, self.path)
            finally:
                os.umask(umask)
        return True

    def shown(self) -> list[dict[str, Any]]:
        """The entries of a diff: what else changed, and the content."""
        found: list[dict[str, Any]] = []
        if len(self.diff["before"]) > 1 or len(self.diff["after"]) > 1:
            found.append(self.diff)
        if self.state == "file" and self.content != self.before:
            if self.secret:
                found.append({"prepared": f"{self.path}: the new content may hold a secret and is not shown\n"})
            else:
                found.append({
                    "before_header": self.path,
                    "after_header": self.path,
                    "before": to_text(self.before or b"", errors="replace"),
                    "after": to_text(self.content),
                })  # fmt: skip
        return found


def with_parents(path: str) -> Iterator[str]:
    """The path and its parent directories."""
    while True:
        yield path
        parent = os.path.dirname(path)
        if parent == path:
            return
        path = parent


def counts(entry: dict[str, Any]) -> bool:
    """Whether there is anything to do for an entry."""
    return entry["enabled"] and (entry["source"] is None or os.path.isfile(entry["source"]))


def refuse(module: AnsibleModule, answers: Iterable[str]) -> None:
    """End with all that is wrong, if anything is."""
    problems = [answer for answer in answers if answer]
    if problems:
        module.fail_json(msg=" ".join(problems))


def main() -> None:
    """Refuse, then validate, then place."""
    entry = {
        "path": {"type": "path", "required": True},
        "state": {"type": "str", "choices": ["file", "directory", "absent"], "default": "file"},
        "content": {"type": "str"},
        "secret_content": {"type": "str", "no_log": True},
        # The action has made contents of these.
        "template": {"type": "path"},
        "secret_template": {"type": "path", "no_log": False},
        "local_files": {"type": "path"},
        "each": {"type": "raw"},
        "each_as": {"type": "str"},
        "source": {"type": "path"},
        "owner": {"type": "str"},
        "group": {"type": "str"},
        "mode": {"type": "str"},
        "validate": {"type": "str"},
        "keep_existing": {"type": "bool", "default": False},
        "enabled": {"type": "bool", "default": True},
    }
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": entry,
                "mutually_exclusive": [("content", "secret_content", "source")],
            },
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
        },
        supports_check_mode=True,
    )
    try:
        places = [Place(module, given) for given in module.params["files"] if counts(given)]
        made = {folder for place in places if place.state == "directory" for folder in with_parents(place.path)}
        refuse(module, [place.refuse(made) for place in places])
        refuse(module, [place.judge() for place in places])
        changed = [place for place in places if place.apply()]
    except OSError as error:
        module.fail_json(msg=f"{error.filename or ''}: {to_native(error.strerror)}".lstrip(": "))
    module.exit_json(
        changed=bool(changed),
        changed_paths=[place.path for place in changed],
        diff=[shown for place in changed for shown in place.shown()],
    )


if __name__ == "__main__":
    main()
