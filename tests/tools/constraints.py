# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write tests/constraints.txt: the versions of what the direct requirements brought with them."""

import re
from importlib.metadata import distributions
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
HEADER = "# Made by `make constraints` from the environment that the tests passed with.\n"


def normalised(name):
    """Compare names as the package index does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main():
    """Leave out the direct requirements (pinned in requirements.txt) and the installer itself."""
    lines = (TESTS / "requirements.txt").read_text(encoding="utf-8").splitlines()
    direct = {normalised(re.split(r"[=\[]", line)[0]) for line in lines if line and not line.startswith("#")}
    direct |= {"pip", "setuptools", "wheel"}
    found = {normalised(dist.name): f"{dist.name}=={dist.version}\n" for dist in distributions()}
    pins = [found[name] for name in sorted(found) if name not in direct]
    (TESTS / "constraints.txt").write_text(HEADER + "".join(pins), encoding="utf-8")


if __name__ == "__main__":
    main()
