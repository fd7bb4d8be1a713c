# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variable tables of the READMEs are those of the specifications."""

import re

import pytest
from tools import migration_tables, roles, supported_table, variable_tables


@pytest.mark.parametrize("role", roles.names())
def test_the_variable_table_is_up_to_date(role):
    text = (roles.ROLES / role / "README.md").read_text(encoding="utf-8")
    new = variable_tables.rendered(role, text)
    assert new is not None, f"roles/{role}/README.md needs {variable_tables.BEGIN} and {variable_tables.END}, once each"
    assert new == text, f"roles/{role}/README.md is older than the specification: run `make docs-tables`"


def test_a_cell_holds_no_cell_border_and_no_line_break():
    option = {"type": "str", "description": ["Takes V(a|b)", "or\nC(c)."], "choices": ["a|b", "c"]}
    line = variable_tables.row("x", option, {"x": "a|b"})
    assert line == r"| `x` | str | `a\|b` | Takes `a\|b` or `c`. One of `a\|b`, `c`. |"


def test_a_secret_is_shown_as_required_and_a_nested_option_by_its_path():
    options = {
        "x_password": {"type": "str", "required": True, "description": "Secret."},
        "x_users": {
            "type": "list",
            "elements": "dict",
            "description": "Users.",
            "options": {"name": {"type": "str", "required": True, "description": "Name."}},
        },
    }
    values = {"x_password": "{{ undef(hint='set x_password') }}", "x_users": []}
    lines = variable_tables.table(options, values).splitlines()[2:]
    assert lines == [
        "| `x_password` | str | **required** | Secret. |",
        "| `x_users` | list of dict | `[]` | Users. |",
        "| `x_users[].name` | str | **required** | Name. |",
    ]


def test_the_tables_of_older_variables_are_up_to_date():
    text = migration_tables.PAGE.read_text(encoding="utf-8")
    named = {match[2] for match in migration_tables.MARKS.finditer(text)}
    assert named == {path.parts[1] for path in roles.files("roles/*/meta/old_variables.yml")}
    assert migration_tables.rendered(text) == text, "docs/migration.md is older than the roles: run `make docs-tables`"


def test_older_variables_lead_to_what_there_is():
    known = {name for role in roles.names() for name in roles.options(role)}
    for path in roles.files("roles/*/meta/old_variables.yml"):
        content = roles.load(roles.ROOT / path)
        assert sorted(set(content["variables"]) & known) == [], "the role still has it: it belongs below `changed`"
        assert sorted(set(content["changed"]) - known) == []
        text = " ".join([*content["variables"].values(), *content["changed"].values()])
        prefixes = tuple(role + "_" for role in roles.names())
        named = {word for word in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", text) if word.startswith(prefixes)}
        assert sorted(named - known) == []


def test_the_table_of_supported_versions_is_that_of_the_runs():
    text = supported_table.PAGE.read_text(encoding="utf-8")
    assert supported_table.MARKS.search(text)
    assert supported_table.rendered(text) == text, "README.md is older than tests/supported.yml: run `make docs-tables`"


def test_a_supported_release_has_a_lock_with_its_celery():
    for run in roles.load(supported_table.RUNS):
        lock = (roles.ROOT / f"tests/testbed/locks/galaxy-{run['galaxy']}.txt").read_text(encoding="utf-8")
        assert f"\ncelery=={run['celery']}\n" in lock
