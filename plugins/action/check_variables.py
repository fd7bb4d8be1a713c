# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold the variables of a host against the specification of a role, on the controller."""
from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import (
    AliasError,
    ArgumentTypeError,
    ElementError,
    NoLogError,
    SubParameterTypeError,
    UnsupportedError,
)
from ansible.plugins.action import ActionBase
from ansible.template import Templar

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._platforms import platform_problem
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._rules import (
    Judge,
    Rule,
    RulesError,
    Unjudged,
    load_rules,
)

# The specification of one option.
Spec = dict[str, Any]

ROLES_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "roles")

# Roles whose prefix others use too: names are looked at only below these longer prefixes.
NARROW_PREFIXES = {"galaxy": ("galaxy_amqp_", "galaxy_celery_", "galaxy_database_", "galaxy_upload_")}
# A name that resembles one of ours as much as this is taken for a mistyped one; any other is the site's.
NEARLY = 0.84
# The variable with the beginnings of names that are the site's, however much they resemble.
OWN_PREFIXES = "own_variable_prefixes"

# Names of dj-wasabi.telegraf, which has the same prefix and may go on running on the same hosts, that resemble ours.
NEIGHBOURS = ("telegraf_agent_", "telegraf_enabled", "telegraf_mac_")

SECRET_NAME = re.compile(r"password|passwd|secret|cookie|token|credential|key", re.IGNORECASE)
# Where a secret stands is none.
PLACE_NAME = re.compile(r"_(dir|file|path|paths|enabled)$")
URL_CREDENTIALS = re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@]*):\S*@", re.IGNORECASE)
HIDDEN = "********"
MAX_SHOWN = 120

# What defaults ask of a host, where nobody has asked the host: the value decides packages and paths, never whether the site's values are right.
ASSUMED_FACTS = {"architecture": "x86_64", "distribution": "Debian", "os_family": "Debian", "service_mgr": "systemd"}

# Values that only the host knows. A variable that uses them cannot be checked without them.
HOST_FACT = re.compile(
    r"has no attribute '(default_ipv[46]|all_ipv[46]_addresses|interfaces|fqdn|hostname|nodename|domain|memtotal_mb"
    r"|processor_\w+|distribution_\w+|python|kernel|mounts)'"
)

# Errors of Ansible's validation that the stricter check of types and keys words better.
SAID_ALREADY = (AliasError, ArgumentTypeError, ElementError, NoLogError, SubParameterTypeError, UnsupportedError)

# What a value of each type must be, and how to write one. Ansible's validation would convert others in silence.
EXPECTED = {
    "str": ("a string", "put it in quotes"),
    "path": ("a path as a string", "put it in quotes"),
    "int": ("a whole number", "write it in digits, without quotes and units"),
    "float": ("a number", "write it in digits, without quotes and units"),
    "bool": ("true or false", "write true or false without quotes; on the command line: -e '{\"NAME\": true}'"),
    "list": ("a list", "write it as a YAML list, one '- item' a line; on the command line: -e '{\"NAME\": [...]}'"),
    "dict": ("a dictionary", "write it as 'key: value' lines; on the command line: -e '{\"NAME\": {...}}'"),
}


def is_secret(name: str, spec: Spec) -> bool:
    """Say whether the value of this option must not be shown."""
    if spec.get("no_log") is not None:
        return bool(spec["no_log"])
    return bool(SECRET_NAME.search(name)) and not PLACE_NAME.search(name)


def shown(value: Any, secret: bool) -> str:
    """Return the value in a form for messages."""
    if secret:
        return HIDDEN
    text = URL_CREDENTIALS.sub(r"\1:" + HIDDEN + "@", repr(plain(value)))
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def plain(value: Any) -> Any:
    """Return the value as plain Python objects, secrets in dictionaries hidden: for messages only."""
    if isinstance(value, Mapping):
        return {str(key): HIDDEN if SECRET_NAME.search(str(key)) else plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    for kind in (bool, int, float):  # sheds Ansible's tagged subclasses
        if isinstance(value, kind):
            return kind(value)
    return value


def secret_texts(value: Any, secret: bool, spec: Spec) -> set[str]:
    """Collect the texts inside a value that no message may contain."""
    if isinstance(value, Mapping):
        options = spec.get("options") or {}
        found = set()
        for key, item in value.items():
            item_spec = options.get(key) or {}
            found |= secret_texts(item, secret or is_secret(str(key), item_spec), item_spec)
        return found
    if isinstance(value, Sequence) and not isinstance(value, str):
        return set().union(*[secret_texts(item, secret, spec) for item in value])
    if secret and value is not None and not isinstance(value, bool):
        return {str(value)} - {""}
    if isinstance(value, str):  # the password of a URL
        return {match.group(0) for match in URL_CREDENTIALS.finditer(value)}
    return set()


def masked(text: str, secrets: Iterable[str]) -> str:
    """Hide the given texts inside a message."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one, or None."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def fits(value: Any, kind: str) -> bool:
    """Say whether a value is of a type, or a string that stands for a number where a number is wanted."""
    if kind in ("str", "path"):
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "list":
        return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    if kind == "dict":
        return isinstance(value, Mapping)
    if kind in ("int", "float"):
        if isinstance(value, bool):
            return False
        try:
            (int if kind == "int" else float)(str(value))
        except ValueError:
            return False
        return True
    return True  # raw, json, bytes, bits: the validator decides


def wrong_type(path: str, top: str, value: Any, kind: str, secret: bool) -> str:
    """Word the problem of a value of the wrong type."""
    expected, remedy = EXPECTED[kind]
    remedy = remedy.replace("NAME", top)
    return f"{path} is {shown(value, secret)}; expected {expected}. Remedy: {remedy}."


def type_problems(path: str, top: str, value: Any, spec: Spec, secret: bool = False) -> list[str]:
    """Return the problems with types and with unknown keys of one value, downwards through its options."""
    secret = secret or is_secret(path.rsplit(".", 1)[-1], spec)
    if value is None:
        return []
    kind = spec.get("type", "str")
    if not fits(value, kind):
        return [wrong_type(path, top, value, kind, secret)]
    options = spec.get("options")
    if kind == "dict":
        return option_problems(path, top, value, options, secret) if options else []
    if kind != "list":
        return []
    element_kind = spec.get("elements")
    if not element_kind:
        return []
    problems = []
    for index, element in enumerate(value):
        element_path = f"{path}[{index}]"
        if element is None or not fits(element, element_kind):
            expected = element_kind if element_kind in EXPECTED else "str"
            problems.append(wrong_type(element_path, top, element, expected, secret))
        elif element_kind == "dict" and options:
            problems += option_problems(element_path, top, element, options, secret)
    return problems


def option_problems(path: str, top: str, value: Mapping[str, Any], options: dict[str, Spec], secret: bool) -> list[str]:
    """Return the problems of a dictionary whose keys are specified."""
    known = set(options)
    for spec in options.values():
        known.update(spec.get("aliases") or [])
    problems = []
    for key, item in value.items():
        if key in options:
            problems += type_problems(f"{path}.{key}", top, item, options[key], secret)
        elif key not in known:
            near = closest(str(key), known)
            remedy = f"Did you mean {near}?" if near else "Known keys: {}.".format(", ".join(sorted(known)))
            problems.append(f"{path}.{key} is not known. {remedy}")
    return problems


def value_problems(name: str, value: Any, spec: Spec) -> list[str]:
    """Return all problems of the value of one variable."""
    secret = is_secret(name, spec)
    if value is None or value == "":
        if spec.get("required"):
            return [f"{name} is empty. Remedy: give it a value ({describe(spec)})."]
        if value is None and spec.get("default") is not None:
            return [f"{name} is null; expected {describe(spec)}. Remedy: remove the line to have the default."]
        if value is None:
            return []
    problems = type_problems(name, name, value, spec)
    result = ArgumentSpecValidator({name: spec}).validate({name: value}, validate_role_argument_spec=True)
    secrets = secret_texts(value, secret, spec)
    for error in result.errors.errors:
        if problems and isinstance(error, SAID_ALREADY):
            continue
        message = URL_CREDENTIALS.sub(r"\1:" + HIDDEN + "@", masked(str(error.msg), secrets)).rstrip(".")
        problems.append(f"{name} is {shown(value, secret)}: {message}. Remedy: correct the value.")
    return problems


def describe(spec: Spec) -> str:
    """Say in a few words what an option wants."""
    text = EXPECTED.get(spec.get("type", "str"), ("a value",))[0]
    if spec.get("choices"):
        text += ", one of " + ", ".join(str(choice) for choice in spec["choices"])
    return text


def is_registered(value: object) -> bool:
    """Say whether a variable holds the result of a task (register)."""
    return isinstance(value, Mapping) and "failed" in value and "changed" in value


def own_prefixes(templar: Templar, task_vars: dict[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """Return the problem with the setting, or None, and the beginnings of names that are the site's."""
    try:
        found = templar.template(task_vars.get(OWN_PREFIXES, []))
    except AnsibleError as error:
        return f"{OWN_PREFIXES} has no value: {error.message} Remedy: correct what it is made of.", ()
    if not fits(found, "list") or not all(isinstance(item, str) and item for item in found):
        return f"{OWN_PREFIXES} is {shown(found, False)}; expected a list of beginnings of names. Remedy: write it as [rabbitmq_site_].", ()
    return None, tuple(map(str, found))


def unknown_problems(
    role: str,
    task_vars: dict[str, Any],
    known: set[str],
    roles: list[str],
    old: Collection[str],
    own: tuple[str, ...] = (),
) -> list[str]:
    """Return a problem for each variable with the prefix of the role that resembles one that it knows."""
    prefixes = NARROW_PREFIXES.get(role, (role + "_",))
    foreign = tuple(other + "_" for other in roles if other != role and other.startswith(role + "_"))
    problems = []
    for name in sorted(task_vars):
        if not name.startswith(prefixes) or name.startswith(foreign) or name in known or name in old:
            continue
        near = difflib.get_close_matches(name, sorted(known), 1, NEARLY)
        if near and not is_registered(task_vars[name]) and not name.startswith(NEIGHBOURS + own):
            problems.append(
                f"{name} is not a variable of the role {role}. Did you mean {near[0]}? A name of the site's own goes into {OWN_PREFIXES}."
            )
    return problems


def old_problems(task_vars: dict[str, Any], old: dict[str, tuple[str, str]]) -> list[str]:
    """Return a problem for each variable of an older role that is still defined."""
    problems = []
    for name, (role, remedy) in sorted(old.items()):
        if name not in task_vars or is_registered(task_vars[name]):
            continue
        remedy = f"Use {remedy} instead." if re.fullmatch(r"\w+", remedy) else remedy
        problems.append(f"{name} belongs to the older role {role}, and nothing reads it. Remedy: {remedy[0].lower()}{remedy[1:]}")
    return problems


def old_variables() -> dict[str, tuple[str, str]]:
    """Return the variables of older roles, each with its role and what to do."""
    found = {}
    for role in all_roles():
        path = os.path.join(ROLES_DIR, role, "meta", "old_variables.yml")
        if not os.path.exists(path):
            continue
        try:
            with open(path, encoding="utf-8") as stream:
                content = yaml.safe_load(stream)
            found.update({name: (content["role"], str(remedy)) for name, remedy in content["variables"].items()})
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise AnsibleActionFail(f"Cannot read the older variables {path}: {error}") from error
    return found


def root_problem(facts: Mapping[str, Any], become_user: str | None) -> str | None:
    """Return what to do when the tasks of the role would not run as root, or None. Without facts nobody knows.

    :param become_user: the user that the task becomes, None if it stays who it is.
    """
    if become_user == "root" or not facts.get("effective_user_id"):
        return None
    user = facts.get("user_id", "an ordinary user")
    return (
        f"The tasks run as {user}, who is not root. Remedy: set become: true for the play, without another ansible_become or"
        " ansible_become_user in the inventory; or connect as root (ansible_user)."
    )


def load_specification(role: str, entry_point: str) -> tuple[dict[str, Spec], set[str]]:
    """Return the options of the entry point and all names that the role knows."""
    directory = os.path.normpath(os.path.join(ROLES_DIR, role))
    if os.path.basename(directory) != role or not os.path.isdir(directory):
        names = ", ".join(all_roles()) or "none"
        raise AnsibleActionFail(f"The collection has no role {role!r}. Roles: {names}.")
    path = os.path.join(directory, "meta", "argument_specs.yml")
    if not os.path.exists(path):
        raise AnsibleActionFail(f"The role {role} has no meta/argument_specs.yml in {directory}.")
    try:
        with open(path, encoding="utf-8") as stream:
            entries = yaml.safe_load(stream)["argument_specs"]
        known: set[str] = set()
        for entry in entries.values():
            for name, spec in (entry.get("options") or {}).items():
                known.update([name], spec.get("aliases") or [])
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise AnsibleActionFail(f"Cannot read the specification {path}: {error}") from error
    if entry_point not in entries:
        names = ", ".join(sorted(entries))
        raise AnsibleActionFail(f"The role {role} has no entry point {entry_point!r}. Entry points: {names}.")
    return entries[entry_point].get("options") or {}, known


def all_roles() -> list[str]:
    """Return the short names of the roles of the collection."""
    if not os.path.isdir(ROLES_DIR):
        return []
    return sorted(name for name in os.listdir(ROLES_DIR) if os.path.isdir(os.path.join(ROLES_DIR, name)))


class ActionModule(ActionBase):
    """Report every problem of the variables of a role at once."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the result of the task; it has failed when there is a problem."""
        result = super().run(tmp, task_vars)
        args = self.validate_argument_spec(
            {
                "role": {"type": "str", "required": True},
                "entry_point": {"type": "str", "default": "main"},
                "inventory_only": {"type": "bool", "default": False},
            }
        )[1]
        role, old, inventory_only = str(args["role"]), old_variables(), args["inventory_only"]
        task_vars = {**(task_vars or {}), "__inventory_only": inventory_only}
        if inventory_only:
            task_vars["ansible_facts"] = {**ASSUMED_FACTS, **task_vars.get("ansible_facts", {})}
        options, known = load_specification(role, args["entry_point"])
        templar = self._templar.copy_with_new_env(available_variables=task_vars)

        facts = task_vars.get("ansible_facts") or {}
        become = self._connection.become
        user = become.get_option("become_user", playcontext=self._play_context) if become else None
        of_host = [platform_problem(facts, role), None if inventory_only else root_problem(facts, user)]
        problems = [problem for problem in of_host if problem]
        problems += old_problems(task_vars, old)
        wrong_setting, own = own_prefixes(templar, task_vars)
        problems += [wrong_setting] if wrong_setting else []
        problems += unknown_problems(role, task_vars, known, all_roles(), old, own)
        causes, wrong, secrets = set[str](), set[str](), set[str]()
        for name, spec in options.items():
            found, value = evaluated(templar, name, spec, task_vars, causes)
            secrets |= secret_texts(value, is_secret(name, spec), spec)
            if found:
                wrong.add(name)
                problems += [text for text in found if not (inventory_only and HOST_FACT.search(text))]
        # Only the entry point main has the variables that the rules are about.
        if args["entry_point"] == "main":
            problems += broken_rules(Judge(templar, task_vars), rules_of(role), wrong, secrets)

        result.update(changed=False, checked=len(options), problems=problems)
        if problems and not inventory_only:
            result["failed"] = True
            count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            host = task_vars.get("inventory_hostname", "this host")
            result["msg"] = f"{count} in the variables of the role {role} on {host}:\n- " + "\n- ".join(problems)
        return result


def evaluated(
    templar: Templar, name: str, spec: Spec, task_vars: dict[str, Any], causes: set[str]
) -> tuple[list[str], Any]:
    """Return the problems and the value of one variable; a cause that others have too is named once."""
    defined = next((n for n in [name, *(spec.get("aliases") or [])] if n in task_vars), None)
    if defined is None:
        if spec.get("required"):
            return [f"{name} is not defined. Remedy: define it ({describe(spec)})."], None
        return [], None
    try:
        value = templar.template(task_vars[defined])
    except AnsibleError as error:
        message = str(error.message).rstrip(".")
        if is_secret(name, spec):
            message = masked(message, secret_texts(task_vars[defined], True, spec))
        message = URL_CREDENTIALS.sub(r"\1:" + HIDDEN + "@", message)
        if message in causes:
            return [], None
        causes.add(message)
        missing = re.search(r"'(\w+)' is undefined", message)
        remedy = f"Remedy: define {missing[1]}." if missing else "Remedy: correct what it is made of."
        return [f"{defined} has no value: {message}. {remedy}"], None
    return value_problems(defined, value, {**spec, "aliases": []}), value


def rules_of(role: str) -> list[Rule]:
    """Return the rules of a role; it may have none."""
    path = os.path.join(ROLES_DIR, role, "meta", "rules.yml")
    try:
        return load_rules(path) if os.path.exists(path) else []
    except RulesError as error:
        raise AnsibleActionFail(str(error)) from error


def broken_rules(judge: Judge, rules: list[Rule], wrong: set[str], secrets: set[str]) -> list[str]:
    """Return what the rules say, unless it follows from a variable that is wrong by itself and has been named."""
    problems = []
    for rule in rules:
        try:
            found = judge.problems(rule)
        except Unjudged as error:
            found = [] if wrong else [f"{rule['name']}: {error}"]
        problems += [text for text in found if not wrong & set(re.findall(r"\w+", text))]
    # A short secret is part of ordinary words, and no message holds one on purpose.
    return [URL_CREDENTIALS.sub(r"\1:" + HIDDEN + "@", masked(text, {s for s in secrets if len(s) >= 8})) for text in problems]
