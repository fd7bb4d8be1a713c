# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that a role has for its variables (meta/rules.yml): what a specification cannot say.

Private to the collection. A rule is C(that), one expression or several that must hold, and the C(message) for when they do
not; C(when), C(vars) and C(loop) (with C(item)) are as in a task. C(error_message) words what a filter says that cannot
make sense of a value, as C(error).
"""

from __future__ import annotations

from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.template import Templar, trust_as_template

Rule = dict[str, Any]
KEYS = {"name", "that", "message", "when", "vars", "loop", "error_message"}


class RulesError(Exception):
    """Why the file of a role cannot be used."""


class Unjudged(Exception):
    """Why an expression of a rule has no value."""


def load_rules(path: str) -> list[Rule]:
    """Return the rules in a file."""
    try:
        with open(path, encoding="utf-8") as stream:
            rules = yaml.safe_load(stream)["rules"]
        for rule in rules:
            wrong = set(rule) - KEYS or {"name", "that", "message"} - set(rule)
            if wrong:
                raise RulesError(f"Cannot use the rules {path}: {rule.get('name')}: {', '.join(sorted(wrong))}.")
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise RulesError(f"Cannot read the rules {path}: {error}") from error
    found: list[Rule] = trusted(rules)
    return found


def trusted(value: Any) -> Any:
    """Let Ansible evaluate the templates in a value, which come from the collection's own file."""
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def cause(error: BaseException) -> str:
    """Return the innermost message of an error: what the filter itself said."""
    while isinstance(error.__cause__, AnsibleError):
        error = error.__cause__
    return str(getattr(error, "message", error)).rstrip(".") + "."


class Judge:
    """Checks the variables of a host with rules."""

    def __init__(self, templar: Templar, variables: dict[str, Any]) -> None:
        self.templar = templar
        self.variables = variables

    def problems(self, rule: Rule) -> list[str]:
        """Return the message of each item that breaks the rule."""
        found = []
        for scope in self._scopes(rule):
            try:
                if self._holds(rule.get("when", True), scope) and not self._holds(rule["that"], scope):
                    found.append(self._value(rule["message"], scope))
            except Unjudged as error:
                found.append(self._worded(rule, error))
        return [" ".join(str(text).split()) for text in found]

    def _worded(self, rule: Rule, error: Unjudged) -> Any:
        if "error_message" not in rule:
            raise error
        return self._value(rule["error_message"], {**self.variables, "error": str(error)})

    def _scopes(self, rule: Rule) -> list[dict[str, Any]]:
        """Return the variables for each item; an item that cannot be evaluated does not hide the others."""
        scope = {**self.variables, **rule.get("vars", {})}
        items = rule.get("loop", [None])
        return [{**scope, "item": item} for item in (items if isinstance(items, list) else self._value(items, scope))]

    def _holds(self, expressions: Any, scope: dict[str, Any]) -> bool:
        """Say whether all of one expression, or of a list of them, are true."""
        for expression in expressions if isinstance(expressions, list) else [expressions]:
            text = trust_as_template(f"{{{{ ({expression}) | bool }}}}")
            # As in a task's conditions, a backslash is the expression's own.
            if self._value(text, scope, escape_backslashes=False) is not True:
                return False
        return True

    def _value(self, template: Any, scope: dict[str, Any], **options: Any) -> Any:
        try:
            return self.templar.copy_with_new_env(available_variables=scope).template(template, **options)
        except AnsibleError as error:
            raise Unjudged(cause(error)) from error
