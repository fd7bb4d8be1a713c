# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make .cache/venv from the pinned requirements, and the collection tree that shows the checkout by its full name.

Runs on the machine's own Python with nothing installed, and does nothing when both are there already. TESTS_CORE=newest
makes .cache/venv-newest beside it, from the requirements that requirements-newest.txt pins otherwise.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
CORE = os.environ.get("TESTS_CORE", "")
SUFFIX = "-" + CORE if CORE else ""
VENV = CACHE / f"venv{SUFFIX}"
TREE = CACHE / "collections" / "ansible_collections" / "usegalaxy_eu"
REQUIREMENTS = ROOT / "tests" / "requirements.txt"
CORE_REQUIREMENTS = ROOT / "tests" / f"requirements{SUFFIX}.txt"
CONSTRAINTS = ROOT / "tests" / f"constraints{SUFFIX}.txt"
STAMP = VENV / "requirements.sha256"

# The oldest Python of each ansible-core.
OLDEST = {"": (3, 11), "newest": (3, 12)}


def stop(message: str) -> NoReturn:
    """End with one clear sentence."""
    sys.exit("error: " + message)


def check_python() -> None:
    """Say what is missing before anything is created."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST[CORE]:
        oldest = ".".join(str(part) for part in OLDEST[CORE])
        stop(
            f"{sys.executable} is Python {version}, and ansible-core {pins()['ansible-core']} needs {oldest} or newer: "
            f"install python{oldest} and python{oldest}-venv, or name another one with `make PYTHON=/path/to/python3`."
        )
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        stop(
            f"{sys.executable} has no module {missing[0]}: "
            f"run `apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv`."
        )


def pins() -> dict[str, str]:
    """The direct requirements, each by its name, with what this ansible-core has otherwise."""
    found = {}
    for path in (REQUIREMENTS, CORE_REQUIREMENTS):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                name, _equals, version = line.partition("==")
                found[name] = version
    return found


def fingerprint() -> str:
    """Tell the environment that stands from the one that is asked for."""
    digest = hashlib.sha256(f"{sys.version_info[:3]} {VENV}\n".encode())
    digest.update(f"{pins()}\n".encode())
    digest.update(CONSTRAINTS.read_bytes())
    return digest.hexdigest()


def run(what: str, *command: str) -> None:
    """Run one step of the installation with its output in sight."""
    print("== " + what, flush=True)
    if subprocess.run(command, check=False).returncode:
        stop(f"{what} failed (the reason stands above): is a Python package index reachable for pip?")


def make_venv() -> None:
    """Build the environment anew whenever what it is made from has changed."""
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted and os.access(VENV / "bin" / "python", os.X_OK):
        return
    check_python()
    # The Python below, in case the environment that goes away is the one that runs this.
    python = getattr(sys, "_base_executable", sys.executable)
    shutil.rmtree(VENV, ignore_errors=True)
    run(f"creating .cache/{VENV.name}", python, "-m", "venv", str(VENV))
    run(
        "installing the pinned requirements (some minutes the first time)",
        str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet",
        "--progress-bar", "off", "-c", str(CONSTRAINTS), *[f"{name}=={version}" for name, version in pins().items()],
    )  # fmt: skip
    STAMP.write_text(wanted, encoding="ascii")
    print(f"== .cache/{VENV.name} is ready", flush=True)


def make_tree() -> None:
    """Show the checkout as usegalaxy_eu.celery, wherever it lies and whatever its folder is called."""
    TREE.mkdir(parents=True, exist_ok=True)
    link = TREE / "celery"
    if link.is_symlink() and link.resolve() == ROOT:
        return
    if link.is_symlink():
        link.unlink()
    link.symlink_to(os.path.relpath(ROOT, TREE), target_is_directory=True)


def main() -> None:
    """Make both, or with --tree the tree alone; a second caller waits for the first."""
    if CORE not in OLDEST:
        stop(f"CORE is {CORE!r}: leave it empty, or give newest.")
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "environment.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if "--tree" not in sys.argv[1:]:
            make_venv()
        make_tree()


if __name__ == "__main__":
    main()
