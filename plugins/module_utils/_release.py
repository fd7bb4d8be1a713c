# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release of Galaxy is, and how its fingerprint is made.

A path stands for its canonical, absolute name ("/srv/galaxy/server") wherever the tree really stands: on a worker the
same names are looked up below a release directory (`root`). So both sides compute the same fingerprint.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Iterable
from typing import Any, TypedDict

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_exclude import Exclude
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_listing import Listing, scan

FINGERPRINT_LENGTH = 16
# As many as Linux itself follows.
MOST_LINKS = 40
FINGERPRINT_RE = re.compile(rf"^[0-9a-f]{{{FINGERPRINT_LENGTH}}}$")

TREE_ARGUMENTS = {
    "server_dir": {"type": "path", "default": "/srv/galaxy/server"},
    "venv_dir": {"type": "path"},
    "config_dir": {"type": "path"},
    "paths": {"type": "list", "elements": "path", "default": []},
    "exclude": {"type": "list", "elements": "str", "default": [".git", "node_modules", "*.sock"]},
}


class Python(TypedDict):
    """The Python that a venv runs on."""

    version: str
    interpreter: str
    available: bool


class Description(TypedDict):
    """All that describes a release."""

    fingerprint: str
    parts: dict[str, str]
    packages: list[str]
    galaxy_version: str
    python: Python
    platform: dict[str, str]
    paths: list[str]
    files: int
    size_bytes: int


class Tree:
    """The canonical paths that make up a release of Galaxy."""

    def __init__(
        self,
        server_dir: str,
        venv_dir: str | None = None,
        config_dir: str | None = None,
        paths: Iterable[str] = (),
        exclude: Iterable[str] = (),
    ) -> None:
        self.server_dir = canonical("server_dir", server_dir)
        self.venv_dir = canonical("venv_dir", venv_dir or os.path.join(self.server_dir, ".venv"))
        self.config_dir = canonical("config_dir", config_dir or os.path.join(self.server_dir, "config"))
        extra = [canonical("paths", path) for path in paths]
        self.paths = outermost([self.server_dir, self.venv_dir, self.config_dir, *extra])
        self.exclude = Exclude(exclude)
        for path in [self.server_dir, self.venv_dir, self.config_dir, *extra]:
            pattern = self.exclude.pattern_for_path(path)
            if pattern is not None:
                raise ReleaseError(
                    f"exclude: the pattern '{pattern}' leaves out {path}, which belongs to the release. "
                    "Write a narrower pattern."
                )

    @classmethod
    def from_params(cls, params: dict[str, Any]) -> Tree:
        return cls(**{name: params[name] for name in TREE_ARGUMENTS})


def canonical(option: str, path: str) -> str:
    """Return the path without a trailing slash, or say why it can not be part of a release."""
    if not path.startswith("/"):
        raise ReleaseError(f"{option}: '{path}' is not an absolute path")
    normal = os.path.normpath(path)
    # normpath keeps two leading slashes.
    normal = "/" + normal.lstrip("/")
    if normal == "/":
        raise ReleaseError(f"{option}: '/' is the whole host, not a part of Galaxy")
    if ".." in path.split("/"):
        raise ReleaseError(f"{option}: '{path}' holds '..': write the real path")
    if re.search(r"[\s*?\[\]{}\\'\"$`;|&<>()!#~]", normal):
        # The remote side of rsync splits and expands such names.
        raise ReleaseError(f"{option}: '{path}' holds a space or a character that a shell expands")
    return normal


def check_releases_dir(tree: Tree, releases_dir: str) -> None:
    """A copy must not hold itself."""
    for path in tree.paths:
        if (releases_dir.rstrip("/") + "/").startswith(path + "/"):
            raise ReleaseError(f"releases_dir: {releases_dir} stands inside of {path}, which is copied")


def outermost(paths: Iterable[str]) -> list[str]:
    """Drop paths below another path, keep the order."""
    unique = list(dict.fromkeys(paths))
    return [path for path in unique if not any(path != other and path.startswith(other + "/") for other in unique)]


def prefixed(root: str, path: str) -> str:
    """The place of a canonical path below root."""
    return path if not root else root.rstrip("/") + path


def package_dirs(tree: Tree, root: str = "") -> list[str]:
    """The directories that hold installed Python packages: the venv's, and Galaxy's lib."""
    found = []
    for lib in ("lib", "lib64"):
        base = prefixed(root, os.path.join(tree.venv_dir, lib))
        if os.path.islink(base) or not os.path.isdir(base):
            continue
        found += [
            os.path.join(base, name, "site-packages") for name in sorted(os.listdir(base)) if name.startswith("python")
        ]
    found.append(prefixed(root, os.path.join(tree.server_dir, "lib")))
    return [path for path in found if os.path.isdir(path)]


def packages(tree: Tree, root: str = "") -> list[str]:
    """List name==version of every installed distribution, names in their normal form."""
    found = set()
    for directory in package_dirs(tree, root):
        for name in os.listdir(directory):
            match = re.match(r"^(.+)-([^-]+)\.dist-info$", name)
            if match:
                found.add("{}=={}".format(re.sub(r"[-_.]+", "-", match.group(1)).lower(), match.group(2)))
    return sorted(found)


def galaxy_version(tree: Tree, package_list: Iterable[str], root: str = "") -> str:
    """From lib/galaxy/version.py, else from the packages of Galaxy, else an empty string."""
    path = prefixed(root, os.path.join(tree.server_dir, "lib/galaxy/version.py"))
    if os.path.isfile(path):
        with open(path, encoding="utf-8", errors="replace") as handle:
            text = handle.read()
        values = dict(
            re.findall(
                r"^(VERSION_MAJOR|VERSION_MINOR|VERSION)\s*(?::[^=\n]+)?=\s*[\"']([^\"']*)[\"']\s*$", text, re.MULTILINE
            )
        )
        if values.get("VERSION_MAJOR"):
            return ".".join(part for part in (values["VERSION_MAJOR"], values.get("VERSION_MINOR")) if part)
        if values.get("VERSION"):
            return str(values["VERSION"])
    for name in ("galaxy-app", "galaxy-util", "galaxy-data"):
        for package in package_list:
            if package.startswith(name + "=="):
                return package.split("==", 1)[1]
    return ""


def is_below(path: str, roots: Iterable[str]) -> bool:
    """Whether one of the directories holds it, or is it."""
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def check_links(tree: Tree) -> None:
    """Refuse a part of the tree that is a link to what no directory of the tree holds: the link would be copied, and not what it leads to."""
    held = [os.path.realpath(path) for path in tree.paths]
    for option in ("venv_dir", "config_dir"):
        path = getattr(tree, option)
        if os.path.exists(path) and not is_below(os.path.realpath(path), held):
            raise ReleaseError(
                f"{option}: {path} is a link to {os.path.realpath(path)}, which no directory of the release holds, so it would be missing on the "
                f"workers. Set galaxy_{option} to {os.path.realpath(path)}, or add that to galaxy_sync_extra_paths."
            )


def interpreter_of(tree: Tree, root: str = "") -> str:
    """Where bin/python of the venv leads to outside of the release; nothing where it is no link, or leads nowhere."""
    path = os.path.join(tree.venv_dir, "bin/python")
    for _hop in range(MOST_LINKS):
        place = prefixed(root, path)
        if not os.path.islink(place):
            return path if os.path.isfile(place) and not is_below(path, [tree.venv_dir]) else ""
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(place)))
        if not is_below(path, tree.paths):
            return path
    return ""


def python_of(tree: Tree, root: str = "") -> Python:
    """The Python that the venv runs on, and whether this host has it."""
    path = prefixed(root, os.path.join(tree.venv_dir, "pyvenv.cfg"))
    if not os.path.isfile(path):
        raise ReleaseError(f"{path} is missing: {tree.venv_dir} is not a Python virtual environment")
    values = {}
    with open(path, encoding="utf-8", errors="replace") as handle:
        for line in handle:
            key, separator, value = line.partition("=")
            if separator:
                values[key.strip().lower()] = value.strip()
    # venv writes "version", virtualenv "version_info", uv "version_info" too.
    version = values.get("version") or values.get("version_info") or ""
    short = ".".join(version.split(".")[:2])
    # pyvenv.cfg has the path of the day when the venv was made; the link is what runs.
    interpreter = interpreter_of(tree, root) or values.get("base-executable") or values.get("executable") or ""
    if not interpreter and values.get("home"):
        interpreter = os.path.join(values["home"], "python" + short)
    return {
        "version": ".".join(version.split(".")[:3]),
        "interpreter": interpreter,
        "available": bool(interpreter) and os.access(interpreter, os.X_OK),
    }


def describe(tree: Tree, root: str = "") -> tuple[Description, Listing]:
    """All that describes a release, its fingerprint, and its listing."""
    python = python_of(tree, root)
    if not root:
        check_links(tree)
    listing = scan(tree, root)
    code, config = listing.digests()
    package_list = packages(tree, root)
    parts = {
        "code": code[:FINGERPRINT_LENGTH],
        "config": config[:FINGERPRINT_LENGTH],
        "packages": _short("\n".join(package_list)),
    }
    info: Description = {
        "fingerprint": _short(" ".join([code, config, parts["packages"], python["version"]])),
        "parts": parts,
        "packages": package_list,
        "galaxy_version": galaxy_version(tree, package_list, root),
        "python": python,
        "platform": {"machine": platform.machine(), "libc": " ".join(platform.libc_ver())},
        "paths": tree.paths,
        "files": listing.files,
        "size_bytes": listing.size_bytes,
    }
    return info, listing


def release_info(tree: Tree, root: str = "") -> Description:
    """All that describes a release, and its fingerprint."""
    return describe(tree, root)[0]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:FINGERPRINT_LENGTH]
