# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make .cache/venv from the pinned requirements, and the collection tree that shows the checkout by its full name.

Runs on the machine's own Python with nothing installed, and does nothing when both are there already.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
VENV = CACHE / "venv"
TREE = CACHE / "collections" / "ansible_collections" / "usegalaxy_eu"
REQUIREMENTS = ROOT / "tests" / "requirements.txt"
CONSTRAINTS = ROOT / "tests" / "constraints.txt"
STAMP = VENV / "requirements.sha256"

OLDEST = (3, 11)  # ansible-core 2.19


def stop(message):
    """End with one clear sentence."""
    sys.exit("error: " + message)


def check_python():
    """Say what is missing before anything is created."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST:
        stop(
            f"{sys.executable} is Python {version}, and ansible-core 2.19 needs 3.11 or newer: "
            "install python3.11 and python3.11-venv, or name another one with `make PYTHON=/path/to/python3`."
        )
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        stop(
            f"{sys.executable} has no module {missing[0]}: "
            f"run `apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv`."
        )


def fingerprint():
    """Tell the environment that stands from the one that is asked for."""
    digest = hashlib.sha256(f"{sys.version_info[:3]} {VENV}\n".encode())
    for path in (REQUIREMENTS, CONSTRAINTS):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run(what, *command):
    """Run one step of the installation with its output in sight."""
    print("== " + what, flush=True)
    if subprocess.run(command, check=False).returncode:
        stop(f"{what} failed (the reason stands above): is a Python package index reachable for pip?")


def make_venv():
    """Build the environment anew whenever what it is made from has changed."""
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted and os.access(VENV / "bin" / "python", os.X_OK):
        return
    check_python()
    # The Python below, in case the environment that goes away is the one that runs this.
    python = getattr(sys, "_base_executable", sys.executable)
    shutil.rmtree(VENV, ignore_errors=True)
    run("creating .cache/venv", python, "-m", "venv", str(VENV))
    run(
        "installing the pinned requirements (some minutes the first time)",
        str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet",
        "--progress-bar", "off", "-r", str(REQUIREMENTS), "-c", str(CONSTRAINTS),
    )  # fmt: skip
    STAMP.write_text(wanted, encoding="ascii")
    print("== .cache/venv is ready", flush=True)


def make_tree():
    """Show the checkout as usegalaxy_eu.celery, wherever it lies and whatever its folder is called."""
    TREE.mkdir(parents=True, exist_ok=True)
    link = TREE / "celery"
    if link.is_symlink() and link.resolve() == ROOT:
        return
    if link.is_symlink():
        link.unlink()
    link.symlink_to(os.path.relpath(ROOT, TREE), target_is_directory=True)


def main():
    """Make both, or with --tree the tree alone; a second caller waits for the first."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "environment.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if "--tree" not in sys.argv[1:]:
            make_venv()
        make_tree()


if __name__ == "__main__":
    main()
