# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the tables of docs/migration.md from the roles' meta/old_variables.yml, which check_variables reads."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import roles

PAGE = roles.ROOT / "docs" / "migration.md"
MARKS = re.compile(r"(<!-- BEGIN old variables of (\w+) -->\n).*?(<!-- END old variables -->)", re.DOTALL)


def code(text: object) -> str:
    """Names of variables and of settings as code."""
    names = re.compile(r"(?<![\w.`])(?:[a-z]+(?:_[a-z0-9]+)+(?:\.\w+)*|--[a-z-]+|/[a-z][\w/.-]+\w)(?![\w`])")
    return names.sub(lambda match: f"`{match[0]}`", str(text))


def table(role: str) -> str:
    """The older variables of one role, those that live on with another meaning last."""
    content = roles.load(roles.ROLES / role / "meta" / "old_variables.yml")
    lines = ["| older variable | now |", "| --- | --- |"]
    for name, remedy in content["variables"].items():
        lines.append(f"| `{name}` | {code(remedy)} |")
    for name, change in content["changed"].items():
        lines.append(f"| `{name}` (the name has another meaning now) | {code(change)} |")
    return "\n".join(lines)


def rendered(text: str) -> str:
    """The page with its tables renewed."""
    return MARKS.sub(lambda match: f"{match[1]}\n{table(match[2])}\n\n{match[3]}", text)


def main() -> int:
    """Renew the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(rendered(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
