#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edit a section of an existing galaxy.yml in place."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: galaxy_config
short_description: Edit the settings of an existing galaxy.yml in place
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Sets keys of one section of a Galaxy configuration file. All other bytes stay, including comments, order, quotes,
    owner, group and mode. The file is written only if a value differs.
  - Only the lines of a changed key are rewritten. The module reads the result before it replaces the file. The result
    must differ from the old content only in the wanted values.
  - The module reads the file as YAML 1.1, like Galaxy, so C(yes) is a boolean.
  - Refuses settings of Celery that are known to fail, each with its name and the remedy.
requirements:
  - ruamel.yaml (Python library, on the host with the file; Debian's package is C(python3-ruamel.yaml))
notes:
  - Ansible masks secret values in results, diffs, messages and the log of the host, also without C(no_log) on the
    task. The only exception is RV(fragment).
  - Comments inside of a replaced value are removed.
  - The module follows a symbolic link, and replaces its target.
options:
  path:
    description: The path of the file. Required unless O(state=fragment).
    type: path
  section:
    description: The top-level key that contains the settings.
    type: str
    default: galaxy
  settings:
    description:
      - The keys with their values. New keys are appended in this order.
      - A dictionary, such as C(celery_conf), replaces the whole value of its key.
    type: dict
    required: true
  secret_keys:
    description:
      - Keys whose values are secret as a whole. Credentials in any URL, and values below a key that contains
        password, secret, cookie or token, are secret in any case.
    type: list
    elements: str
    default: [amqp_internal_connection, database_connection]
  copies_kept:
    description:
      - Number of backup copies to keep in the directory of the file, with the time in their names. 0 means none.
      - They contain old secrets, so the module removes its older copies. It does not touch copies that others made.
    type: int
    default: 0
  state:
    description:
      - V(present) edits the file.
      - V(absent) removes the keys whose values are those of O(settings), with their lines, and leaves a key that has another value. It removes the
        copies of the file too, unless it leaves a key.
      - V(fragment) changes no file, and returns the section as text in RV(fragment), for a site that writes
        C(galaxy.yml) in another way.
    type: str
    choices: [present, absent, fragment]
    default: present
  placeholders:
    description:
      - With O(state=fragment), the text to show instead of the secret of a key, under the key's dotted name, for
        example C(celery_conf.result_backend).
      - With this option RV(fragment) contains no secret. A secret without a placeholder becomes asterisks.
    type: dict
attributes:
  check_mode:
    description: Reports whether the file would change.
    support: full
  diff_mode:
    description: Shows only the keys that change, with masked secrets.
    support: full
"""

EXAMPLES = r"""
- name: Configure | Place the AMQP and Celery settings in galaxy.yml
  usegalaxy_eu.celery.galaxy_config:
    path: /srv/galaxy/server/config/galaxy.yml
    settings:
      amqp_internal_connection: amqps://galaxy:secret@mq.example.org:5671/galaxy?heartbeat=30
      enable_celery_tasks: true
      celery_conf:
        result_backend: db+postgresql://galaxy:secret@db.example.org:5432/galaxy_celery
        task_routes:
          galaxy.fetch_data: galaxy.external
          galaxy.set_job_metadata: galaxy.external
        broker_use_ssl:
          cert_reqs: 2
          ca_certs: /etc/ssl/certs/ca-certificates.crt
          server_hostname: null
  no_log: true

- name: Configure | Get the settings as text
  usegalaxy_eu.celery.galaxy_config:
    state: fragment
    settings:
      enable_celery_tasks: true
  register: __galaxy_fragment

- name: Uninstall | Take the settings out of galaxy.yml
  usegalaxy_eu.celery.galaxy_config:
    path: /srv/galaxy/server/config/galaxy.yml
    state: absent
    settings:
      enable_celery_tasks: true
"""

RETURN = r"""
path:
  description: The path of the file, symbolic links resolved.
  returned: unless O(state=fragment)
  type: str
  sample: /srv/galaxy/server/config/galaxy.yml
changed_keys:
  description: The keys whose values differed, or that were removed, in the order of O(settings).
  returned: unless O(state=fragment)
  type: list
  elements: str
  sample: [celery_conf]
kept_keys:
  description: The keys that were left, because they have other values.
  returned: with O(state=absent)
  type: list
  elements: str
backup_file:
  description: The path of the copy.
  returned: when O(copies_kept) is more than 0 and the file was changed
  type: str
  sample: /srv/galaxy/server/config/galaxy.yml.usegalaxy_eu.celery.2026-01-02@03:04:05~
fragment:
  description:
    - The section as YAML text, ready to paste.
    - It contains the secrets unless O(placeholders) is given, so the task needs C(no_log).
  returned: with O(state=fragment)
  type: str
  sample: "galaxy:\n  enable_celery_tasks: true\n"
"""

import difflib
import glob
import io
import os
import re
import tempfile
import time
import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_settings import (
    find_problems,
    hidden_texts,
    mask,
    with_placeholders,
)

try:
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    RUAMEL_ERROR = None
except ImportError:
    RUAMEL_ERROR = traceback.format_exc()
    SafeConstructor = object  # type: ignore[assignment,misc]


# Part of the name of a copy, between the name of the file and the time.
COPY_INFIX = ".usegalaxy_eu.celery."


class ConfigError(Exception):
    """A sentence for the operator that holds no secret."""


# Reading and writing YAML as Galaxy reads it


class Constructor(SafeConstructor):
    """Reads y and n as the strings that they are for Galaxy's reader (PyYAML)."""

    def construct_yaml_bool(self, node: Any) -> Any:
        """Return a boolean, or one of the two strings."""
        return node.value if node.value.lower() in ("y", "n") else super().construct_yaml_bool(node)


def new_yaml() -> Any:
    """Return a reader and writer of YAML 1.1, which is what Galaxy's own reader understands."""
    yaml: Any = YAML(typ="safe", pure=True)
    Constructor.add_constructor("tag:yaml.org,2002:bool", Constructor.construct_yaml_bool)
    yaml.Constructor = Constructor
    yaml.version = (1, 1)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 4096
    yaml.sort_base_mapping_type_on_output = False
    return yaml


def readable(text: str) -> str:
    """Return the text as this reader takes it for YAML 1.1, letter for letter in its place.

    After a directive it would fail, and after the mark of the beginning it would take the text for YAML 1.2; Galaxy's own reader takes no
    notice of either.
    """
    head = re.match(r"\ufeff?(?:[ \t]*(?:#.*)?\n|%.*\n)*---(?=[ \t]*(?:#.*)?(?:\n|$))", text)
    end = head.end() if head else 0
    return re.sub(r"(?m)^(\ufeff?)(?=%|---)[%-]", r"\1#", text[:end]) + text[end:]


def load(text: str, path: str) -> Any:
    """Return the content of the file, or say in which line it is wrong, without quoting the line."""
    try:
        return new_yaml().load(readable(text))
    except DuplicateKeyError as error:
        key = re.search(r'duplicate key "([^"]*)"', str(error.problem))
        raise ConfigError(
            f"{path} has the key {key.group(1) if key else '?'} twice in one place, again in "
            f"line {error.problem_mark.line + 1}: remove one of them."
        ) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}" if mark else "an unknown line"
        raise ConfigError(f"{path} is not valid YAML in {place}: correct the file first.") from None
    except (YAMLError, ValueError, IndexError) as error:
        raise ConfigError(f"{path} is not valid YAML ({type(error).__name__}): correct the file first.") from None


def dump(value: dict[str, Any]) -> str:
    """Return a dictionary as YAML text in block style."""
    stream = io.StringIO()
    new_yaml().dump(value, stream)
    return stream.getvalue().partition("---\n")[2]


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal in value and type: 1, 1.0 and true are three values."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other))
    return type(one) is type(other) and one == other


# Editing text


def end_of(node: Any, text: str) -> int:
    """Return where a node really ends: the end of a block is noted behind the comments that follow it."""
    if isinstance(node.value, list) and not node.flow_style:
        children = [child for item in node.value for child in (item if isinstance(item, tuple) else (item,))]
        return max([end_of(child, text) for child in children])
    if getattr(node, "style", None) in ("|", ">"):
        return len(text[: node.end_mark.index].rstrip())
    end: int = node.end_mark.index
    return end


def line_end(text: str, position: int) -> int:
    """Return the end of the line, without its newline."""
    found = text.find("\n", position)
    return len(text) if found < 0 else found


def indented(text: str, columns: int) -> str:
    """Shift lines to the right."""
    return "\n".join(" " * columns + line if line else line for line in text.rstrip("\n").split("\n"))


def entry_text(key: str, value: Any, style: str | None) -> str:
    """Return the lines of one key, a string in the quotes that the old one had."""
    if isinstance(value, str) and style == "'" and value.isprintable():
        quoted = "'" + value.replace("'", "''") + "'"
    elif isinstance(value, str) and style == '"' and value.isprintable():
        quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    else:
        return dump({key: value}).rstrip("\n")
    return dump({key: 0}).rstrip("\n")[:-1] + quoted


def replace_entry(text: str, key_node: Any, value_node: Any, value: Any) -> str:
    """Return the text with the value of one key replaced, and the comment in the line of the key kept."""
    start, end = key_node.start_mark.index, text.index(":", key_node.end_mark.index) + 1
    if value_node.end_mark.index > value_node.start_mark.index:  # an empty value is noted at the next key
        end = end_of(value_node, text)
    new = entry_text(key_node.value, value, getattr(value_node, "style", None))
    column = key_node.start_mark.column
    first_line_end = line_end(text, key_node.end_mark.index)
    comment = None
    if value_node.start_mark.index > first_line_end or getattr(value_node, "style", None) in ("|", ">"):
        comment = re.search(r"[ \t]+#.*", text[key_node.end_mark.index : min(first_line_end, end)])
    elif "\n" in new:
        comment = re.match(r"[ \t]+#.*", text[end : line_end(text, end)])
        end += comment.end() if comment else 0
    first, separator, rest = indented(new, column).lstrip(" ").partition("\n")
    return text[:start] + first + (comment.group(0) if comment else "") + separator + rest + text[end:]


def append_entry(text: str, section_key: Any, section: Any, key: str, value: Any) -> str:
    """Return the text with a new key at the end of the section."""
    if isinstance(section.value, list) and section.value:
        column = section.value[0][0].start_mark.column
        position = line_end(text, end_of(section, text))
    else:  # an empty section, perhaps written as null, ~ or {}
        column = section_key.start_mark.column + 2
        if section.end_mark.index > section.start_mark.index:
            text = text[: section.start_mark.index].rstrip(" ") + text[section.end_mark.index :]
        position = line_end(text, section_key.end_mark.index)
    return text[:position] + "\n" + indented(entry_text(key, value, None), column) + text[position:]


def find_section(text: str, name: str, path: str) -> tuple[Any, Any]:
    """Return the nodes of the section's key and of its value."""
    # What YAML.compose() does, which version 0.16 (still in distributions) lacks.
    root = new_yaml().get_constructor_parser(readable(text))[0].composer.get_single_node()
    entries = root.value if root is not None and isinstance(root.value, list) else []
    for entry in entries:
        if isinstance(entry, tuple) and entry[0].value == name:
            return entry
    raise ConfigError(f"{path} has no section {name}: add the line '{name}:' or name another section.")


def edit(text: str, name: str, settings: dict[str, Any], path: str) -> tuple[str, list[str]]:
    """Return the new text and the keys that differ."""
    content = load(text, path)
    find_section(text, name, path)
    current = content[name] if content[name] is not None else {}
    if not isinstance(current, dict):
        raise ConfigError(f"The section {name} of {path} is not a dictionary: write 'key: value' lines below it.")
    changed = [key for key in settings if key not in current or not same(current[key], settings[key])]
    new = text
    for key in changed:
        section_key, section = find_section(new, name, path)
        if section.value and getattr(section, "flow_style", False):
            raise ConfigError(f"The section {name} of {path} is in braces: write 'key: value' lines below it.")
        nodes = {item[0].value: item for item in section.value} if isinstance(section.value, list) else {}
        if key in nodes:
            key_node, value_node = nodes[key]
            new = replace_entry(new, key_node, value_node, settings[key])
        else:
            new = append_entry(new, section_key, section, key, settings[key])
    check_outcome(new, {**content, name: {**current, **settings}}, path)
    return new, changed


def cut(text: str, name: str, keys: list[str], path: str) -> str:
    """Return the text without the lines of these keys of the section."""
    content = load(text, path)
    new = text
    for key in keys:
        section = find_section(new, name, path)[1]
        if getattr(section, "flow_style", False):
            raise ConfigError(f"The section {name} of {path} is in braces: write 'key: value' lines below it.")
        key_node, value_node = next(item for item in section.value if item[0].value == key)
        # An empty value is noted at the next key.
        empty = value_node.end_mark.index == value_node.start_mark.index
        end = line_end(new, key_node.end_mark.index if empty else end_of(value_node, new))
        # With the line end before it, which is what adding the key has added.
        new = new[: new.rindex("\n", 0, key_node.start_mark.index)] + new[end:]
    rest = {key: value for key, value in content[name].items() if key not in keys}
    check_outcome(new, {**content, name: rest or None}, path)
    return new


def with_line_ends(new: str, old: str) -> str:
    """Return the new text with the line ends of the old one, which may differ from line to line; a new line has that of the line before."""
    lines, wanted = old.split("\n"), new.split("\n")
    plain = [line.removesuffix("\r") for line in lines]
    ends = [line[len(bare) :] for line, bare in zip(lines, plain)]
    # Behind the last line there is nothing, until another one follows it.
    ends[-1] = ends[-2] if len(ends) > 1 else ""
    result = []
    for _tag, start, end, first, last in difflib.SequenceMatcher(None, plain, wanted, autojunk=False).get_opcodes():
        kept = ends[start:end] if _tag == "equal" else [ends[max(start - 1, 0)]] * (last - first)
        result += [line + ending for line, ending in zip(wanted[first:last], kept)]
    return "\n".join(result)[: -len("\r") if result[-1].endswith("\r") else None]


def check_outcome(text: str, wanted: dict[str, Any], path: str) -> None:
    """Refuse an outcome that is not exactly the old content with the wanted values."""
    try:
        right = same(load(text, path), wanted)
    except ConfigError:
        right = False
    if not right:
        raise ConfigError(
            f"{path} cannot be edited safely, and was left as it is: is one of the keys an anchor (&name), "
            "or merged from one? Write the values out, or take the text of state=fragment."
        )


# The module


def read(path: str) -> str:
    """Return the text of the file."""
    if not os.path.exists(path):
        raise ConfigError(f"{path} does not exist: install Galaxy first, or correct the path.")
    if not os.path.isfile(path):
        raise ConfigError(f"{path} is not a file: correct the path.")
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text: correct the path or the file.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None


def write(module: AnsibleModule, path: str, text: str) -> None:
    """Replace the file at once; owner, group and mode stay."""
    try:
        handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
    except OSError as error:
        raise ConfigError(f"Cannot write to {module.tmpdir}: {error.strerror}. {path} was left as it is.") from None
    module.add_cleanup_file(temporary)
    module.atomic_move(temporary, path)


def keep_copy(module: AnsibleModule, path: str) -> str:
    """Copy the file, as closed as it is, under a name that only this module gives. Returns the path of the copy."""
    copy = f"{path}{COPY_INFIX}{time.strftime('%Y-%m-%d@%H:%M:%S')}~"
    umask = os.umask(0o077)
    try:
        module.preserved_copy(path, copy)
    finally:
        os.umask(umask)
    return copy


def prune_copies(path: str, kept: int) -> None:
    """Remove the oldest copies of this module beyond a number; their names sort by time."""
    copies = sorted(glob.glob(glob.escape(path + COPY_INFIX) + "*~"), reverse=True)
    for old in copies[kept:]:
        os.unlink(old)


def opened(module: AnsibleModule, settings: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return path, text and content of the section, with what is secret in them known to Ansible."""
    if not module.params["path"]:
        raise ConfigError("path is empty: name the galaxy.yml to edit.")
    path, name = os.path.realpath(module.params["path"]), module.params["section"]
    old = read(path)
    content = load(old.replace("\r\n", "\n"), path)
    current = content.get(name) if isinstance(content, dict) else None
    current = current if isinstance(current, dict) else {}
    module.no_log_values.update(hidden_texts(current, module.params["secret_keys"], path, name, *settings))
    return path, old, current


def outcome(module: AnsibleModule, path: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of a change, secrets masked."""
    name, secret_keys = module.params["section"], module.params["secret_keys"]
    return {
        "path": path,
        "diff": {
            "before_header": path,
            "after_header": path,
            "before": dump({name: mask(before, secret_keys, " (old)")}) if before or after else "",
            "after": dump({name: mask(after, secret_keys, " (new)")}) if before or after else "",
        },
    }


def present(module: AnsibleModule, settings: dict[str, Any]) -> dict[str, Any]:
    """Bring the file to the wanted values."""
    path, old, current = opened(module, settings)
    if not {"amqp_internal_connection", "celery_conf"}.isdisjoint(settings):
        refuse(find_problems({**current, **settings}), path)
    new, changed = edit(old.replace("\r\n", "\n"), module.params["section"], settings, path)

    before = {key: current[key] for key in changed if key in current}
    after = {key: settings[key] for key in changed}
    result: dict[str, Any] = {"changed": bool(changed), "changed_keys": changed, **outcome(module, path, before, after)}
    if changed and not module.check_mode:
        if module.params["copies_kept"] > 0:
            result["backup_file"] = keep_copy(module, path)
        write(module, path, with_line_ends(new, old))
        prune_copies(path, max(module.params["copies_kept"], 0))
    return result


def absent(module: AnsibleModule, settings: dict[str, Any]) -> dict[str, Any]:
    """Remove the keys that have the given values."""
    path, old, current = opened(module, settings)
    gone = [key for key in settings if key in current and same(current[key], settings[key])]
    kept = [key for key in settings if key in current and key not in gone]
    copies = [] if kept else glob.glob(glob.escape(path + COPY_INFIX) + "*~")
    new = cut(old.replace("\r\n", "\n"), module.params["section"], gone, path) if gone else ""
    if gone and not module.check_mode:
        write(module, path, with_line_ends(new, old))
    if not kept and not module.check_mode:
        prune_copies(path, 0)
    said = outcome(module, path, {key: current[key] for key in gone}, {})
    return {"changed": bool(gone or copies), "changed_keys": gone, "kept_keys": kept, **said}


def refuse(problems: list[str], path: str) -> None:
    """Stop when there are problems."""
    if problems:
        raise ConfigError(f"The settings for {path} are known to fail:\n- " + "\n- ".join(problems))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path"},
            "section": {"type": "str", "default": "galaxy"},
            # Keeps the settings out of the log of the host; what is secret in them is set below.
            "settings": {"type": "dict", "required": True, "no_log": True},
            "secret_keys": {
                "type": "list",
                "elements": "str",
                "default": ["amqp_internal_connection", "database_connection"],
                "no_log": False,
            },
            "copies_kept": {"type": "int", "default": 0},
            "state": {"type": "str", "choices": ["present", "absent", "fragment"], "default": "present"},
            "placeholders": {"type": "dict", "no_log": False},
        },
        required_if=[("state", "present", ["path"]), ("state", "absent", ["path"])],
        supports_check_mode=True,
    )
    if RUAMEL_ERROR:
        module.fail_json(msg=missing_required_lib("ruamel.yaml"), exception=RUAMEL_ERROR)
    settings, secret_keys = module.params["settings"], module.params["secret_keys"]
    # Ansible takes every value of a secret dictionary for a secret, which would hide words like 'true' everywhere.
    module.no_log_values.clear()
    module.no_log_values.update(
        hidden_texts(settings, secret_keys, module.params["path"] or "", module.params["section"])
    )
    module.params["settings"] = mask(settings, secret_keys)
    try:
        if module.params["state"] == "fragment":
            refuse(find_problems(settings), "the fragment")
            placeholders = module.params["placeholders"]
            shown = settings if placeholders is None else with_placeholders(settings, placeholders)
            result = {"changed": False, "fragment": dump({module.params["section"]: shown})}
            module.no_log_values.clear()  # the text has its secrets only where they are asked for
        else:
            result = {"present": present, "absent": absent}[module.params["state"]](module, settings)
    except ConfigError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
