# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the variable table of each role's README from the role's specification and defaults."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import roles

# One option of a specification.
Option = dict[str, Any]

BEGIN, END = "<!-- variables -->", "<!-- /variables -->"
LONGEST_DEFAULT = 70


def markdown(text: str | list[str]) -> str:
    """Ansible's documentation markup as Markdown, safe inside a table cell."""
    text = " ".join(text) if isinstance(text, list) else str(text)
    text = re.sub(r"\b[COVEPM]\(((?:[^()\\]|\\.|\([^()]*\))*)\)", r"`\1`", text)
    text = re.sub(r"\bB\(([^()]*)\)", r"**\1**", text)
    text = re.sub(r"\bI\(([^()]*)\)", r"*\1*", text)
    text = re.sub(r"\bL\(([^(),]*), *([^()]*)\)", r"[\1](\2)", text)
    text = re.sub(r"\bU\(([^()]*)\)", r"<\1>", text)
    return cell(text)


def cell(text: str) -> str:
    """One line, with nothing that ends a cell."""
    return re.sub(r"\s+", " ", text.strip()).replace("|", "\\|")


def shown_type(option: Option) -> str:
    """For example `list of dict`."""
    kind = option.get("type", "str")
    return f"{kind} of {option['elements']}" if option.get("elements") else kind


def shown_default(option: Option, values: dict[str, Any], name: str) -> str:
    """The default as a user would write it."""
    value = values.get(name, option.get("default"))
    if option.get("required") and (value is None or roles.is_undefined(value)):
        return "**required**"
    if name not in values and "default" not in option:
        return ""
    # What it is without the plan, its reader finds in the defaults.
    if isinstance(value, str) and "stack." in value:
        return "worked out of the inventory"
    if isinstance(value, str):
        text = cell(value) if value else '""'
    else:
        text = cell(json.dumps(value, ensure_ascii=False))
    return f"`{text}`" if len(text) <= LONGEST_DEFAULT else "see `defaults/main.yml`"


def row(name: str, option: Option, values: dict[str, Any]) -> str:
    """One line of the table."""
    description = markdown(option.get("description", ""))
    if option.get("choices"):
        choices = ", ".join(f"`{cell(json.dumps(choice) if not isinstance(choice, str) else choice)}`"
                            for choice in option["choices"])  # fmt: skip
        description += f" One of {choices}."
    return f"| `{name}` | {shown_type(option)} | {shown_default(option, values, name)} | {description} |"


def table(options: dict[str, Option], values: dict[str, Any]) -> str:
    """A table of all options, nested ones below their parent."""
    lines = ["| variable | type | default | effect |", "| --- | --- | --- | --- |"]
    lines += [row(name, option, values) for name, option in roles.walk(options)]
    return "\n".join(lines)


def section(role: str) -> str:
    """What stands between the two marks."""
    parts = []
    for name, entry_point in roles.entry_points(role).items():
        options = (entry_point or {}).get("options") or {}
        if not options:
            continue
        if name == "main":
            parts.append(table(options, roles.defaults(role)))
        else:
            summary = markdown(entry_point.get("short_description", "")).rstrip(".")
            parts.append(f"### `tasks_from: {name}`\n\n{summary}.\n\n{table(options, {})}")
    return "\n\n".join(parts) if parts else "This role has no variables."


def rendered(role: str, text: str) -> str | None:
    """The README with its table renewed; None when the marks are not there, once each and in order."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        return None
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n\n{section(role)}\n\n{END}{rest.split(END)[1]}"


def main() -> int:
    """Renew all tables; 1 when a README has no place for one."""
    failed = False
    for role in roles.names():
        path = roles.ROLES / role / "README.md"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        new = rendered(role, text)
        if new is None:
            print(f"error: roles/{role}/README.md needs the marks {BEGIN} and {END}", file=sys.stderr)
            failed = True
        elif new != text:
            path.write_text(new, encoding="utf-8")
            print(f"roles/{role}/README.md: table renewed")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
