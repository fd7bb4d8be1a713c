# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the README's table of supported versions from tests/supported.yml, whose entries the scenario versions runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import roles

PAGE = roles.ROOT / "README.md"
RUNS = roles.ROOT / "tests" / "supported.yml"
MARKS = re.compile(r"(<!-- BEGIN supported versions -->\n).*?(<!-- END supported versions -->)", re.DOTALL)
COLUMNS = {
    "galaxy": "Galaxy",
    "celery": "Celery",
    "python": "Python",
    "rabbitmq": "RabbitMQ",
    "postgresql": "PostgreSQL",
    "systemd": "systemd",
    "debian": "Debian",
}


def table() -> str:
    """One line for each run."""
    lines = ["| " + " | ".join(COLUMNS.values()) + " |", "|" + " --- |" * len(COLUMNS)]
    lines += ["| " + " | ".join(str(run[key]) for key in COLUMNS) + " |" for run in roles.load(RUNS)]
    return "\n".join(lines)


def rendered(text: str) -> str:
    """The page with its table renewed."""
    return MARKS.sub(lambda match: f"{match[1]}\n{table()}\n\n{match[2]}", text)


def main() -> int:
    """Renew the page."""
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
