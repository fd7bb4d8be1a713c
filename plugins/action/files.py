# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the templates of the module files, on the controller."""
from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

RENDER = "{{ lookup('ansible.builtin.template', __files_template, template_vars=__files_variables) }}"
# The two ways of giving the text of a template.
CONTENTS = {"template": "content", "secret_template": "secret_content"}


class ActionModule(ActionBase):
    """Hand the module what it places, with the templates rendered and the lists written out."""

    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the result of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = dict(self._task.args)
        given = args.get("files")
        if isinstance(given, list):
            args["files"] = [entry for item in given for entry in self._entries(item, task_vars or {})]
        result.update(self._execute_module("usegalaxy_eu.celery.files", module_args=args, task_vars=task_vars))
        return result

    def _entries(self, entry: Any, task_vars: dict[str, Any]) -> Iterator[Any]:
        """Yield what one item of the list stands for."""
        if isinstance(entry, list):
            for item in entry:
                yield from self._entries(item, task_vars)
        elif not isinstance(entry, Mapping):
            yield entry  # the module says what is wrong with it
        elif "local_files" in entry:
            rest = {key: value for key, value in entry.items() if key not in ("local_files", "path")}
            for path in sorted(glob.glob(entry["local_files"])):
                with open(path, encoding="utf-8") as stream:
                    yield {**rest, "path": os.path.join(entry["path"], os.path.basename(path)), "content": stream.read()}
        else:
            each = entry.get("each", {"": {}})
            for name in each:
                variables = {entry["each_as"]: each[name]} if "each_as" in entry else {}
                yield self._rendered(entry, name, variables, task_vars)

    def _rendered(self, entry: Mapping[str, Any], name: str, variables: Any, task_vars: dict[str, Any]) -> dict[str, Any]:
        made = {key: value for key, value in entry.items() if key not in ("each", "each_as", *CONTENTS)}
        if name:
            made["path"] = entry["path"].replace("%s", name)
        for option, content in CONTENTS.items():
            if not entry.get(option):
                continue
            if entry.get(content) is not None:
                raise AnsibleActionFail(f"{entry['path']} has both {option} and {content}. Remedy: give one of them.")
            # One that does not count may need variables that are not there.
            made[content] = self._render(entry[option], variables, task_vars) if entry.get("enabled", True) else ""
        return made

    def _render(self, template: str, variables: Any, task_vars: dict[str, Any]) -> str:
        known = {**task_vars, "__files_template": template, "__files_variables": variables}
        templar = self._templar.copy_with_new_env(available_variables=known)
        return str(templar.template(trust_as_template(RENDER)))
