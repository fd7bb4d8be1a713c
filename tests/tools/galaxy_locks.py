# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write tests/testbed/locks/galaxy-VERSION.txt: every package of a whole Galaxy, as this release pins it.

The pins are those that the package galaxy-app carries; the metapackage `galaxy`, which exists from 25.0.1 on, is made
from the same file. galaxy-VERSION-celery-newest.txt has TESTBED_CELERY_VERSION instead of the pinned Celery.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTBED = ROOT / "tests" / "testbed"
TOOL = ROOT / ".cache" / "uv"
UV = "uv==0.13.9"
# The oldest Python of the nodes; a lock holds for newer ones too.
PYTHON = "3.11"
PINS = "galaxy/dependencies/pinned-requirements.txt"
# Galaxy's own packages depend on each other without a version.
OWN = """
    app auth config data files job-execution job-metrics navigation objectstore schema tool-shed-schema tool-util
    tool-util-models tours util web-apps web-client web-framework web-stack
"""
# What comes with Celery, and follows it to another version.
CELERY = ("amqp", "billiard", "celery", "click-repl", "kombu", "vine")


def pip(*arguments: str) -> None:
    """Run pip with the machine's own settings."""
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True)


def release_pins(version: str, work: Path) -> list[str]:
    """The pins of a release, as its package galaxy-app carries them."""
    pip("download", "--no-deps", "--dest", str(work), f"galaxy-app=={version}")
    with zipfile.ZipFile(next(work.glob("galaxy_app-*.whl"))) as wheel:
        lines = wheel.read(PINS).decode("utf-8").splitlines()
    # Until 25.0 Galaxy pins FastAPI by the name that it has without its extras, and its packages ask for the other.
    lines = [line.replace("fastapi-slim==", "fastapi==") for line in lines]
    # An index may no longer have that day's certifi, and of a list of authorities the newest is best.
    return [line for line in lines if re.match(r"[A-Za-z0-9]", line) and not line.startswith("certifi==")]


def roots(version: str) -> list[str]:
    """What is installed by name; the built client is on the index from 25.0 on."""
    names = ["galaxy-app", "galaxy-web-apps"]
    if tuple(int(part) for part in version.split(".")[:2]) >= (25, 0):
        names.append("galaxy-web-client")
    return [f"{name}=={version}" for name in names] + ["gravity", "psycopg2-binary"]


def resolve(wanted: list[str], pins: list[str], work: Path) -> str:
    """Have uv find every package that the wanted ones need, within the pins."""
    for name, lines in {"wanted": wanted, "pins": pins}.items():
        (work / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--system-certs", "--universal",
            "--python-version", PYTHON, "--no-header", "--no-annotate",
            "--constraints", str(work / "pins"), str(work / "wanted"),
        ],
        env={**os.environ, "PYTHONPATH": str(TOOL)}, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return re.sub(r"(?m)^certifi==.*$", "certifi", done.stdout)


def celery_version() -> str:
    """The newest Celery that the test bed pins."""
    found = re.search(r"TESTBED_CELERY_VERSION:=([0-9.]+)", (TESTBED / "versions.env").read_text(encoding="utf-8"))
    if found is None:
        sys.exit("error: tests/testbed/versions.env names no TESTBED_CELERY_VERSION")
    return found.group(1)


def lock(version: str, newest_celery: bool) -> str:
    """The lines of one lock."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wanted, pins = roots(version), release_pins(version, work)
        if newest_celery:
            wanted.append(f"celery=={celery_version()}")
            pins = [line for line in pins if line.partition("==")[0] not in CELERY]
        return resolve(wanted, [*pins, *(f"galaxy-{name}=={version}" for name in OWN.split())], work)


def main(arguments: list[str]) -> None:
    """Write the locks of the given releases, VERSION or VERSION-celery-newest."""
    if not (TOOL / "uv").is_dir():
        pip("install", "--target", str(TOOL), UV)
    for name in arguments:
        found = re.fullmatch(r"([0-9]+\.[0-9]+\.[0-9]+)(-celery-newest)?", name)
        if found is None:
            sys.exit(f"error: {name} is neither a release of Galaxy nor one with -celery-newest behind it")
        text = lock(found.group(1), bool(found.group(2)))
        path = TESTBED / "locks" / f"galaxy-{name}.txt"
        path.write_text(f"# Made by `make galaxy-locks GALAXY={name}`.\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
