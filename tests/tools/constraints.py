# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write tests/constraints.txt: the versions of what the direct requirements brought with them.

With TESTS_CORE=newest, tests/constraints-newest.txt from the environment of the newest ansible-core. An empty file
leaves the choice to pip.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.environment import CONSTRAINTS, pins

HEADER = "# Made by `make constraints` from the environment that the tests passed with.\n"


def normalised(name: str) -> str:
    """Compare names as the package index does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Leave out the direct requirements (pinned in requirements.txt) and the installer itself."""
    direct = {normalised(name.partition("[")[0]) for name in pins()}
    direct |= {"pip", "setuptools", "wheel"}
    found = {normalised(dist.name): f"{dist.name}=={dist.version}\n" for dist in distributions()}
    lines = [found[name] for name in sorted(found) if name not in direct]
    CONSTRAINTS.write_text(HEADER + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
