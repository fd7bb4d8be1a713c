# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the artifact, hold it against what may be in it, install it into an empty path, check every playbook from
there by its full name, and run galaxy-importer on it. No collection server is asked for anything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".cache" / "build"
EMPTY = BUILD / "installed"
ELSEWHERE = BUILD / "elsewhere"

MAY_SHIP = {
    "bindep.txt", "changelogs", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "FILES.json", "inventories", "LICENSE",
    "MANIFEST.json", "meta", "playbooks", "plugins", "README.md", "requirements.txt", "requirements.yml", "roles",
    "SECURITY.md",
}  # fmt: skip
MUST_SHIP = {"CHANGELOG.md", "LICENSE", "README.md", "meta", "playbooks", "plugins", "roles"}
LARGEST_KIB = 1024

IMPORTER = """\
[galaxy-importer]
ansible_local_tmp = {tmp}
check_changelog = true
check_required_tags = true
offline_ansible_lint = true
run_ansible_doc = true
run_ansible_lint = true
run_ansible_test = false
run_flake8 = false
"""


def run(title: str, *command: str, **more: Any) -> str:
    """Run one command; end with its output when it fails."""
    print(f"== {title}", flush=True)
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(EMPTY), "ANSIBLE_FORCE_COLOR": "0", "NO_COLOR": "1",
           **more.pop("env", {})}  # fmt: skip
    env.pop("ANSIBLE_CONFIG", None)
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nerror: {title} failed with {done.returncode}")
    return done.stdout


def check_contents(artifact: Path) -> None:
    """What is only for tests stays out, and the artifact is small."""
    with tarfile.open(artifact) as archive:
        files = [member.name for member in archive.getmembers() if member.isfile()]
    top = {name.split("/")[0] for name in files}
    misplaced = ("inventories/demo/", "changelogs/fragments/", "docs/conf.py", "docs/images/")
    wrong = [name for name in files
             if name.split("/")[0] not in MAY_SHIP or name.startswith(misplaced) or "__pycache__" in name]  # fmt: skip
    if wrong:
        sys.exit("error: this is not for users (see build_ignore in galaxy.yml): " + ", ".join(wrong))
    if MUST_SHIP - top:
        sys.exit("error: the artifact lacks " + ", ".join(sorted(MUST_SHIP - top)))
    kib = artifact.stat().st_size / 1024
    if kib > LARGEST_KIB:
        sys.exit(f"error: the artifact has {kib:.0f} KiB, more than {LARGEST_KIB}")
    print(f"   {artifact.name}: {len(files)} files, {kib:.0f} KiB")


def check_playbooks() -> None:
    """Every playbook answers to its full name, from a directory that knows nothing of the checkout."""
    installed = EMPTY / "ansible_collections" / "usegalaxy_eu" / "celery"
    names = sorted(path.stem for path in (installed / "playbooks").glob("*.yml"))
    if "site" not in names:
        sys.exit("error: the artifact has no playbook `site`")
    for name in names:
        full = f"usegalaxy_eu.celery.{name}"
        run(f"syntax of {full}", "ansible-playbook", full, "--syntax-check", cwd=ELSEWHERE)


def check_import(artifact: Path) -> None:
    """Run galaxy-importer as the collection server would; every warning counts."""
    config = BUILD / "galaxy-importer.cfg"
    config.write_text(IMPORTER.format(tmp=BUILD / "tmp"), encoding="utf-8")
    out = run("galaxy-importer", sys.executable, "-m", "galaxy_importer.main", str(artifact), cwd=BUILD,
              env={"GALAXY_IMPORTER_CONFIG": str(config)})  # fmt: skip
    complaints = [line for line in out.splitlines() if line.startswith(("WARNING", "ERROR", "CRITICAL"))]
    if complaints or "completed successfully" not in out:
        sys.exit(f"{out}\nerror: galaxy-importer has {len(complaints)} complaints")


def main() -> None:
    """Begin with nothing, so that no earlier artifact can pass for this one."""
    shutil.rmtree(BUILD, ignore_errors=True)
    for path in (EMPTY, ELSEWHERE, BUILD / "tmp"):
        path.mkdir(parents=True)
    run("building", "ansible-galaxy", "collection", "build", "--output-path", str(BUILD), str(ROOT), cwd=ROOT)
    artifacts = list(BUILD.glob("usegalaxy_eu-celery-*.tar.gz"))
    if len(artifacts) != 1:
        sys.exit(f"error: the build left {len(artifacts)} artifacts instead of one")
    check_contents(artifacts[0])
    run("installing into an empty path", "ansible-galaxy", "collection", "install", str(artifacts[0]), "--offline",
        "--no-deps", "-p", str(EMPTY), cwd=ELSEWHERE)  # fmt: skip
    check_playbooks()
    check_import(artifacts[0])


if __name__ == "__main__":
    main()
