# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variable tables of the READMEs are those of the specifications."""

import pytest
from tools import roles, variable_tables


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
