# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A refusal names what is wrong and what to do, and what may refuse changes nothing."""

import re

import pytest
from tools import roles

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._rules import load_rules

ACTING = [role for role in roles.names() if roles.defaults(role)]
PREFLIGHTS = roles.files("roles/*/tasks/preflight*.yml", "roles/*/tasks/check.yml")
# What looks at a host, or at variables, and changes neither.
BUILTINS = (
    "assert", "debug", "fail", "getent", "import_tasks", "include_role", "include_tasks", "set_fact", "slurp", "stat"
)  # fmt: skip
OWN = ("broker_info", "check_paths", "check_variables", "galaxy_config_check", "galaxy_database_info")
LOOKS = {f"ansible.builtin.{name}" for name in BUILTINS} | {f"usegalaxy_eu.celery.{name}" for name in OWN}
KEYWORDS = {"changed_when", "failed_when", "loop", "loop_control", "name", "no_log", "register", "vars", "when"}
NAME = re.compile(r"\b(?:" + "|".join(ACTING) + r")_\w+|\{\{ item|ansible_facts")


def rules(role):
    """The rules of a role."""
    return load_rules(str(roles.ROLES / role / "meta" / "rules.yml"))


def tasks(path):
    """The tasks of a file, those of its blocks too."""
    found = list(roles.load(roles.ROOT / path))
    for task in found:
        for part in ("block", "rescue", "always"):
            found += task.get(part, [])
    return [task for task in found if "block" not in task]


@pytest.mark.parametrize("role", ACTING)
def test_a_rule_names_a_variable_and_the_remedy(role):
    wrong = []
    for rule in rules(role):
        for key in ("message", "error_message"):
            text = rule.get(key, "Remedy: {{ item")
            # The filter that makes the sentence says it, which the table of wrong inputs holds.
            if text.strip() in ("{{ item }}", "{{ item.words }}") or key == "error_message":
                continue
            if "Remedy:" not in text or not NAME.search(text):
                wrong.append(f"{rule['name']}: {text}")
    assert wrong == []


@pytest.mark.parametrize("role", ACTING)
def test_rules_have_names_of_their_own(role):
    names = [rule["name"] for rule in rules(role)]
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if not name.startswith("Check ")] == []


@pytest.mark.parametrize("path", PREFLIGHTS, ids=str)
def test_a_preflight_changes_nothing(path):
    actions = {key for task in tasks(path) for key in task if key not in KEYWORDS}
    assert sorted(actions - LOOKS) == []


@pytest.mark.parametrize("path", PREFLIGHTS, ids=str)
def test_an_assertion_of_a_preflight_has_its_remedy(path):
    wrong = []
    for task in tasks(path):
        check = task.get("ansible.builtin.assert")
        # Without a message of its own it passes on what a filter says.
        if (
            check
            and "fail_msg" in check
            and "Remedy:" not in check["fail_msg"]
            and "{{ item.words" not in check["fail_msg"]
        ):
            wrong.append(task["name"])
    assert wrong == []
