# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run `ansible-test sanity` on a copy of the tree, without ignore files.

ansible-test refuses a symbolic link as the collection's path and would download a program that installs pip: here a
program of three lines that calls Python's own ensurepip stands in its place. Its environments are kept in .cache.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SANITY = ROOT / ".cache" / "sanity"
COPY = SANITY / "ansible_collections" / "usegalaxy_eu" / "celery"
HOME = SANITY / "home"

GET_PIP = "import ensurepip\n\nensurepip.bootstrap(default_pip=True)\n"
# Kept over runs: ansible-test's environments.
OUTPUT = Path("tests") / "output"


def copy_tree() -> None:
    """Copy what git knows or would take up; remove what is gone. Only changed files are touched."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE, check=True,
    ).stdout.decode()  # fmt: skip
    wanted = {Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for path in wanted:
        target = COPY / path
        data = (ROOT / path).read_bytes()
        if not target.is_file() or target.read_bytes() != data:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        shutil.copymode(ROOT / path, target)
    for target in [path for path in COPY.rglob("*") if path.is_file()]:
        relative = target.relative_to(COPY)
        if relative not in wanted and OUTPUT not in relative.parents and relative.parts[0] != ".git":
            target.unlink()
    # A repository of its own: else ansible-test finds the one above, which ignores .cache, and tests nothing.
    subprocess.run(["git", "init", "--quiet", str(COPY)], check=True)


def prepare_home() -> None:
    """Give ansible-test a home of its own, with the stand-in for its download and the user's settings of pip."""
    found = importlib.util.find_spec("ansible_test")
    if found is None or found.origin is None:
        sys.exit("error: this Python has no ansible-test: run `make venv`.")
    source = Path(found.origin).parent / "_internal/python_requirements.py"
    version: str = re.findall(r"pip='([0-9.]+)'", source.read_text(encoding="utf-8"))[0]
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP, encoding="utf-8")
    for name in (".config", ".pip"):
        link, theirs = HOME / name, Path.home() / name
        if theirs.exists() and not link.is_symlink():
            link.symlink_to(theirs)


def main() -> int:
    """Exit as ansible-test does; arguments go to it, for example `--test validate-modules`."""
    COPY.mkdir(parents=True, exist_ok=True)
    copy_tree()
    prepare_home()
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    env["HOME"] = str(HOME)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = ["ansible-test", "sanity", "--venv", "--python", version, "--color", "no", *sys.argv[1:]]
    return subprocess.run(command, cwd=COPY, env=env, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
