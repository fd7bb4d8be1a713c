# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a role are judged as tasks' conditions are, and no rule hides another."""

from __future__ import annotations

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._rules import (
    Judge,
    RulesError,
    Unjudged,
    load_rules,
    trusted,
)


def told(rule, **variables):
    """What the rule says of these variables."""
    scope = trusted(variables)
    judge = Judge(Templar(loader=DataLoader(), variables=scope), scope)
    return judge.problems(trusted({"name": "Check it", "message": "x is {{ x }}.", **rule}))


@pytest.mark.parametrize("x", [1, "1", "{{ 3 - 2 }}"])
def test_a_rule_that_holds_is_silent(x):
    assert told({"that": "x | int > 0"}, x=x) == []


def test_a_broken_rule_has_its_message_on_one_line():
    assert told({"that": "x > 1", "message": "x is {{ x }},\n  not  more.\n"}, x=1) == ["x is 1, not more."]


def test_each_of_several_conditions_counts():
    assert told({"that": ["x > 0", "x > 1"]}, x=1) == ["x is 1."]
    assert told({"that": "x > 1", "when": ["x > 0", "x > 2"]}, x=1) == []


def test_a_backslash_is_the_expression_s_own():
    assert told({"that": r"x is match('^[0-9]+(\\.[0-9]+)$')"}, x="1.5") == []
    assert told({"that": r"x is match('^\\d$')"}, x="a") == ["x is a."]


def test_every_item_is_judged_and_variables_are_late():
    rule = {"loop": [{"n": 1}, {"n": "{{ x }}"}, {"n": 5}], "that": "twice < 4", "vars": {"twice": "{{ 2 * item.n }}"}}
    assert told({**rule, "message": "{{ item.n }} is {{ twice }}"}, x=2) == ["2 is 4", "5 is 10"]
    assert told({"loop": "{{ x }}", "that": False, "message": "{{ item }}"}, x=["a", "b"]) == ["a", "b"]


def test_what_cannot_be_judged_is_told():
    with pytest.raises(Unjudged, match="'y' is undefined"):
        told({"that": "y > 1"}, x=1)
    rule = {"that": "x | from_json is mapping", "error_message": "{{ error }} See x."}
    (problem,) = told(rule, x="no json")
    assert problem.endswith(". See x.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: [{name: a, that: x}]", "message"),
        ("rules: [{name: a, that: x, message: y, assert: z}]", "assert"),
        ("other: []", "Cannot read"),
        ("rules: [", "Cannot read"),
    ],
)
def test_a_file_that_is_none_of_rules_is_refused(tmp_path, text, words):
    path = tmp_path / "rules.yml"
    path.write_text(text)
    with pytest.raises(RulesError, match=words):
        load_rules(str(path))


def test_a_file_of_rules_is_read(tmp_path):
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"rules": [{"name": "a", "that": "x > 1", "message": "{{ x }}"}]}))
    (rule,) = load_rules(str(path))
    assert told(rule, x=1) == ["1"]
    assert trust_as_template(rule["message"]) == "{{ x }}"
