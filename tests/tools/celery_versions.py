# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make .cache/celery/SERIES: Celery of each series that a unit may run, with what the locks of Galaxy pin beside it.

A folder is put before the packages of .cache/venv by PYTHONPATH. What stands there is not made again.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "celery"
LOCKS = ROOT / "tests" / "testbed" / "locks"
DATABASE = ["psycopg2-binary==2.9.13", "sqlalchemy==2.0.35"]
NAMES = (
    "amqp", "billiard", "celery", "click", "click-plugins", "click-repl", "kombu", "psycopg2-binary", "sqlalchemy",
    "vine",
)  # fmt: skip
# No supported Galaxy pins these series, but its Celery may be older or newer than its pins.
OTHERS = {
    "5.3": ["amqp==5.2.0", "billiard==4.2.1", "celery==5.3.6", "kombu==5.3.7", *DATABASE],
    "5.7": ["amqp==5.4.2", "billiard==4.3.2", "celery==5.7.0", "kombu==5.7.0", *DATABASE],
}


def pins() -> dict[str, list[str]]:
    """The requirements of each series; where several releases pin one, those of the newest."""
    found = dict(OTHERS)
    for path in sorted(LOCKS.glob("galaxy-*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        wanted = [line for line in lines if line.partition("==")[0] in NAMES]
        (series,) = [match[1] for line in wanted if (match := re.match(r"celery==(\d+\.\d+)", line))]
        found[series] = wanted
    return found


def make() -> dict[str, Path]:
    """Make what is missing, and return the folder of each series; a second caller waits for the first."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for series, wanted in pins().items():
            folder, stamp = CACHE / series, CACHE / series / "requirements.txt"
            content = "\n".join([f"# {sys.version}", *wanted])
            if stamp.is_file() and stamp.read_text(encoding="utf-8") == content:
                continue
            shutil.rmtree(folder, ignore_errors=True)
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *wanted]
            subprocess.run(command, check=True)
            stamp.write_text(content, encoding="utf-8")
    return {series: CACHE / series for series in pins()}


if __name__ == "__main__":
    make()
