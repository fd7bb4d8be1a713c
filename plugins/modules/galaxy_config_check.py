#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check settings with Galaxy's own schema and Celery's own list, before they are written."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: galaxy_config_check
short_description: Check settings of galaxy.yml with Galaxy's own schema before they are written
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Reads a C(galaxy.yml), merges the new settings in memory, and checks the result against the schema of this Galaxy
    installation and against the settings that its Celery knows. It writes nothing.
  - Fails if one of O(settings) is wrong or known to fail. The message has the key, its variable and the remedy.
  - Fails if gravity runs workers or beat of its own. By default gravity does.
  - Fails if Galaxy or Celery is older than the workers need. The message has the installed version.
  - Warns of mistakes elsewhere in the file.
  - Galaxy's own command for this (C(galaxy-config validate)) finds no mistakes. It stops at defaults in Galaxy's
    schema that are not scalars, reports success, and never reads the values. So this module passes each option to
    pykwalify, which that command uses too.
  - Warns when the schema or Celery cannot be loaded, and then checks the rest.
requirements:
  - Galaxy's own Python (set C(ansible_python_interpreter) to that of its virtual environment), with PyYAML, pykwalify and Celery
options:
  path:
    description: The path of the C(galaxy.yml).
    type: path
    required: true
  server_dir:
    description: The directory of Galaxy's code, with C(lib/galaxy). Not needed if Galaxy is an installed package.
    type: path
  section:
    description: The top-level key that contains the settings.
    type: str
    default: galaxy
  settings:
    description: The keys to write, with their values.
    type: dict
    default: {}
  variables:
    description: The variable of each key, under the key's dotted name, for messages.
    type: dict
    default: {}
  consumed_queues:
    description: The queues that workers consume. A route to another one is refused. Empty means not known.
    type: list
    elements: str
    default: []
  remote_workers:
    description: >-
      Whether workers run on other hosts than Galaxy. They cannot reach a file, socket or loopback address of its
      host.
    type: bool
    default: false
attributes:
  check_mode:
    description: The module only reads.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Preflight | Check the settings with Galaxy's own schema
  usegalaxy_eu.celery.galaxy_config_check:
    path: /srv/galaxy/server/config/galaxy.yml
    server_dir: /srv/galaxy/server
    settings:
      enable_celery_tasks: true
    variables:
      enable_celery_tasks: galaxy_celery_enabled
    consumed_queues: [celery, galaxy.internal, galaxy.external]
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python
"""

RETURN = r"""
schema_checked:
  description: Whether Galaxy's schema could be loaded and used.
  returned: always
  type: bool
celery_checked:
  description: Whether Celery's list of settings could be loaded and used.
  returned: always
  type: bool
foreign:
  description: Mistakes in the file outside of O(settings). No entry contains a value.
  returned: always
  type: list
  elements: str
  sample: ["cleanup_job: is text, and Galaxy's schema wants one of always, onsuccess, never"]
"""

import difflib
import logging
import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_settings import (
    find_problems,
    gravity_problems,
    hidden_texts,
    is_whole_number,
    mask,
    with_variables,
)
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_versions import too_old
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._yaml_file import (
    YAML_IMPORT_ERROR,
    YamlFileError,
    read,
)

SECRET_KEYS = ("amqp_internal_connection", "database_connection")
# Galaxy's own words beside those of pykwalify; a default that is no scalar makes pykwalify refuse the schema itself.
GALAXY_WORDS = ("default", "reloadable", "path_resolves_to", "per_host", "deprecated_alias", "resolves_to", "desc")
# The role sets them for the versions of Celery that know them; an older one ignores them.
NEWER = (
    "control_queue_exclusive",
    "event_queue_exclusive",
    "worker_enable_prefetch_count_reduction",
    "worker_eta_task_limit",
)
KINDS = {bool: "a boolean", int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a dictionary"}
WANTED = {"bool": "true or false", "int": "a whole number", "float": "a number", "string": "text", "str": "text"}


class Unavailable(Exception):
    """Why something cannot be checked."""


def kind(value: object) -> str:
    """Name the kind of a value, never the value."""
    return KINDS.get(type(value), type(value).__name__)


def present(path: str) -> dict[str, Any]:
    """Return the sections of the file as Galaxy reads it; empty where there is none yet."""
    if YAML_IMPORT_ERROR:
        raise Unavailable(f"PyYAML is not there to read {path}.")
    content = read(path)
    return content if isinstance(content, dict) else {}


class GalaxySchema:
    """The options that this installation of Galaxy knows."""

    def __init__(self, server_dir: str | None) -> None:
        library = os.path.join(server_dir, "lib") if server_dir else None
        if library and library not in sys.path:
            sys.path.insert(0, library)
        sys.dont_write_bytecode = True  # the tree is not this module's
        try:
            from galaxy.config import GALAXY_CONFIG_SCHEMA_PATH
            from galaxy.config.schema import AppSchema
            from pykwalify.core import Core

            self.options = AppSchema(GALAXY_CONFIG_SCHEMA_PATH, "galaxy").raw_schema["mapping"]["galaxy"]["mapping"]
        except Exception as error:  # noqa: BLE001 whatever an installation lacks, the operator is told
            raise Unavailable(f"{type(error).__name__}: {error}") from None
        self.core = Core
        self.by_host = {
            f"{other}_by_host": name
            for name, option in self.options.items()
            for other in (name, option.get("resolves_to", name))
            if option.get("per_host")
        }
        self.aliases = {
            option["deprecated_alias"] for option in self.options.values() if option.get("deprecated_alias")
        }

    def fault(self, key: str, value: Any, name: str | None = None) -> str | None:
        """Return what is wrong with one option, or nothing; under another name where the file has it so."""
        option = self.options.get(key)
        if option is None and key in self.by_host:
            # A value for each host name.
            if not isinstance(value or {}, dict):
                return f"{key}: is {kind(value)}, and Galaxy wants a dictionary with a value for each host name."
            return next((fault for item in (value or {}).values() if (fault := self.fault(self.by_host[key], item, key))), None)
        if option is None or value is None:
            return None
        rule = {word: item for word, item in option.items() if word not in GALAXY_WORDS}
        logging.disable(logging.CRITICAL)  # pykwalify writes the value to its log
        try:
            core = self.core(source_data={"v": value}, schema_data={"type": "map", "mapping": {"v": rule}})
            core.validate(raise_exception=False)
            failed = bool(core.errors or core.validation_errors)
        except Exception:  # noqa: BLE001 a rule that pykwalify does not understand says nothing about the value
            return None
        finally:
            logging.disable(logging.NOTSET)
        if not failed:
            return None
        wanted = (
            "one of " + ", ".join(map(str, rule["enum"])) if rule.get("enum") else rule.get("type", "something else")
        )
        return f"{name or key}: is {kind(value)}, and Galaxy's schema wants {WANTED.get(wanted, wanted)}."

    def unknown(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that the schema does not have, each with the nearest one that it has."""
        found = []
        for key in keys:
            if key not in self.options and key not in self.aliases and key not in self.by_host:
                near = difflib.get_close_matches(str(key), self.options, 1, 0.85)
                found.append(f"{key} (did you mean {near[0]}?)" if near else str(key))
        return found


class CelerySettings:
    """The settings that Galaxy's Celery knows."""

    def __init__(self) -> None:
        try:
            from celery.app import defaults

            self.options = dict(defaults.flatten(defaults.NAMESPACES))
            self.old = dict(defaults._TO_NEW_KEY)
        except Exception as error:  # noqa: BLE001 whatever an installation lacks, the operator is told
            raise Unavailable(f"{type(error).__name__}: {error}") from None

    def fault(self, key: str, value: Any) -> str | None:
        """Return what is wrong with one setting, or nothing. Celery itself looks at neither names nor types."""
        name = f"celery_conf.{key}"
        option = self.options.get(key)
        if option is None:
            if key in NEWER:
                return None
            if key in self.old:
                return f"{name}: is the old name of a setting, and Celery refuses old and new names together. Write {self.old[key]}."
            near = difflib.get_close_matches(str(key).lower(), self.options, 1, 0.8)
            return f"{name}: is no setting of Celery, which would ignore it. Did you mean {near[0]}?" if near else None
        wanted = option.type if isinstance(option.type, str) else getattr(option.type, "__name__", "any")
        right = {
            "bool": isinstance(value, bool) or value in (0, 1) or (key == "broker_use_ssl" and isinstance(value, dict)),
            "int": is_whole_number(value),
            "float": is_whole_number(value) or isinstance(value, float),
        }.get(wanted, True)
        if value is None or right:
            return None
        return f"{name}: is {kind(value)}, and Celery wants {WANTED[wanted]}. Write it without quotes."

    def unknown(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that Celery does not have."""
        return [str(key) for key in keys if key not in self.options and key not in self.old and key not in NEWER]


def run(module: AnsibleModule, settings: dict[str, Any]) -> NoReturn:
    """Check everything; fail or return the result."""
    params, path = module.params, module.params["path"]
    foreign: list[str] = []
    result: dict[str, Any] = {"changed": False, "schema_checked": False, "celery_checked": False, "foreign": foreign}
    # First: an older one may know other settings.
    if old := too_old(params["server_dir"], sys.prefix):
        module.fail_json(msg=" ".join(old), **result)
    try:
        content = present(path)
    except (Unavailable, YamlFileError) as error:
        module.warn(f"Only what is to be written was checked, not what is in the file: {error}")
        content = {}
    current = content.get(params["section"])
    section = {**(current if isinstance(current, dict) else {}), **settings}
    problems = find_problems(section, params["consumed_queues"], params["remote_workers"]) if settings else []
    problems += gravity_problems(content.get("gravity"))
    try:
        schema = GalaxySchema(params["server_dir"])
        result["schema_checked"] = True
        for key, value in section.items():
            fault = schema.fault(key, value)
            if fault:
                (problems if key in settings else foreign).append(fault)
        unknown = schema.unknown(section)
        if unknown:
            foreign.append("Galaxy's schema does not know: " + ", ".join(unknown) + ".")
    except Unavailable as error:
        module.warn(
            f"The settings for {path} were not checked with Galaxy's schema, which {sys.executable} cannot load ({error}). "
            "Set galaxy_venv_dir and galaxy_server_dir to where Galaxy stands."
        )
    conf = settings.get("celery_conf")
    if isinstance(conf, dict):
        try:
            celery = CelerySettings()
            result["celery_checked"] = True
            problems += [fault for key, value in conf.items() if (fault := celery.fault(key, value))]
            unknown = [
                key for key in celery.unknown(conf) if not any(f"celery_conf.{key}:" in text for text in problems)
            ]
            if unknown:
                module.warn(f"celery_conf: Celery itself does not know {', '.join(unknown)}.")
        except Unavailable as error:
            module.warn(
                f"celery_conf was not checked with Celery's list of settings, which {sys.executable} cannot load ({error})."
            )
    if problems:
        found = list(dict.fromkeys(with_variables(problems, params["variables"])))
        module.fail_json(msg=f"The settings for {path} do not work:\n- " + "\n- ".join(found), **result)
    if foreign:
        module.warn(f"{path} has faults in options that are not this collection's:\n- " + "\n- ".join(foreign))
    module.exit_json(**result)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "server_dir": {"type": "path"},
            "section": {"type": "str", "default": "galaxy"},
            # Keeps the settings out of the log of the host; what is secret in them is set below.
            "settings": {"type": "dict", "default": {}, "no_log": True},
            "variables": {"type": "dict", "default": {}},
            "consumed_queues": {"type": "list", "elements": "str", "default": []},
            "remote_workers": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    settings = module.params["settings"]
    # Ansible takes every value of a secret dictionary for a secret, which would hide words like 'true' everywhere.
    module.no_log_values.clear()
    module.no_log_values.update(hidden_texts(settings, SECRET_KEYS, module.params["path"], module.params["server_dir"] or ""))
    module.params["settings"] = mask(settings, SECRET_KEYS)
    run(module, settings)


if __name__ == "__main__":
    main()
