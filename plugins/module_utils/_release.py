# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release of Galaxy is, how its fingerprint is made, and which paths a pattern leaves out.

A path stands for its canonical, absolute name ("/srv/galaxy/server") wherever the tree really stands: on a worker the
same names are looked up below a release directory (`root`). So both sides compute the same fingerprint.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import stat

# Compiled bytecode is copied, because it halves the start-up time, but it never counts: each host may compile its own.
BYTECODE_DIR = "__pycache__"
BYTECODE_SUFFIX = ".pyc"
FINGERPRINT_LENGTH = 16
FINGERPRINT_RE = re.compile(rf"^[0-9a-f]{{{FINGERPRINT_LENGTH}}}$")

TREE_ARGUMENTS = {
    "server_dir": {"type": "path", "default": "/srv/galaxy/server"},
    "venv_dir": {"type": "path"},
    "config_dir": {"type": "path"},
    "paths": {"type": "list", "elements": "path", "default": []},
    "exclude": {"type": "list", "elements": "str", "default": [".git", "node_modules", "*.sock"]},
}


class ReleaseError(Exception):
    """A mistake or a state of the host that ends the module with its text."""


class Tree:
    """The canonical paths that make up a release of Galaxy."""

    def __init__(self, server_dir, venv_dir=None, config_dir=None, paths=(), exclude=()):
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
    def from_params(cls, params):
        return cls(**{name: params[name] for name in TREE_ARGUMENTS})


def canonical(option, path):
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


def check_releases_dir(tree, releases_dir):
    """A copy must not hold itself."""
    for path in tree.paths:
        if (releases_dir.rstrip("/") + "/").startswith(path + "/"):
            raise ReleaseError(f"releases_dir: {releases_dir} stands inside of {path}, which is copied")


def outermost(paths):
    """Drop what stands below another path, keep the order."""
    unique = list(dict.fromkeys(paths))
    return [path for path in unique if not any(path != other and path.startswith(other + "/") for other in unique)]


class Exclude:
    """rsync's exclusion patterns, with rsync's meaning.

    Without a slash inside, a pattern names a file or directory at any depth; with a leading slash it is the canonical
    absolute path; with a slash elsewhere it is the end of a path; a trailing slash means directories only.
    """

    def __init__(self, patterns):
        self.patterns = list(patterns)
        self._literal_any = set()
        self._literal_dir = set()
        self._rules = []
        for pattern in self.patterns:
            self._add(pattern)

    def _add(self, pattern):
        if not pattern.strip() or pattern != pattern.strip() or "\n" in pattern:
            raise ReleaseError(f"exclude: '{pattern}' is empty, or begins or ends with white space")
        if "\\" in pattern or "***" in pattern or "[:" in pattern:
            raise ReleaseError(f"exclude: '{pattern}': backslashes, '***' and character classes are not supported")
        if pattern.count("[") != pattern.count("]"):
            raise ReleaseError(f"exclude: '{pattern}': a bracket is not closed")
        directory = pattern.endswith("/")
        body = pattern.rstrip("/")
        if not body:
            raise ReleaseError(f"exclude: '{pattern}' leaves out everything")
        if "//" in body or any(part in (".", "..") for part in body.split("/")):
            raise ReleaseError(f"exclude: '{pattern}' never matches: it holds '//', '.' or '..'")
        if "/" not in body and not set(body) & set("*?["):
            (self._literal_dir if directory else self._literal_any).add(body)
            return
        whole = "/" in body or "**" in body
        regex = _glob(body.lstrip("/"))
        if body.startswith("/"):
            regex = "^" + regex
        elif whole:
            regex = "(?:^|/)" + regex if not body.startswith("**") else regex
        else:
            regex = "^" + regex
        self._rules.append((re.compile(regex + "$"), whole, directory))

    def matches(self, relative, name, is_dir):
        """relative is the canonical path without its leading slash."""
        if name in self._literal_any or (is_dir and name in self._literal_dir):
            return True
        for regex, whole, directory in self._rules:
            if directory and not is_dir:
                continue
            if regex.search(relative if whole else name):
                return True
        return False

    def pattern_for_path(self, path):
        """Return the first pattern that leaves out the path or a directory above it, else None."""
        parts = path.strip("/").split("/")
        for pattern in self.patterns:
            alone = Exclude([pattern])
            for count in range(1, len(parts) + 1):
                if alone.matches("/".join(parts[:count]), parts[count - 1], True):
                    return pattern
        return None


def _glob(body):
    out = []
    position = 0
    while position < len(body):
        char = body[position]
        if body.startswith("**", position):
            out.append(".*")
            position += 2
            continue
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[":
            end = body.find("]", position + 2)
            if end < 0:
                raise ReleaseError(f"exclude: '{body}': a bracket is not closed")
            content = body[position + 1 : end]
            negate = content[0] in "!^"
            content = (content[1:] if negate else content).replace("[", "\\[")
            out.append("(?!/)[{}{}]".format("^" if negate else "", content))
            position = end
        else:
            out.append(re.escape(char))
        position += 1
    return "".join(out)


def prefixed(root, path):
    """The place of a canonical path below root."""
    return path if not root else root.rstrip("/") + path


def scan(tree, root=""):
    """Walk the tree once: digests of code and configuration, number of files and bytes that a copy takes."""
    code = hashlib.sha256()
    config = hashlib.sha256()
    totals = {"files": 0, "size_bytes": 0}
    config_prefix = tree.config_dir.lstrip("/") + "/"
    for path in tree.paths:
        place = prefixed(root, path)
        if not os.path.isdir(place):
            raise ReleaseError(f"{place} is not a directory on this host")
        mode = stat.S_IMODE(os.stat(place).st_mode)
        code.update((f"d {path} {mode:o}\n").encode("utf-8", "surrogateescape"))
        _scan_dir(place, path.lstrip("/") + "/", tree.exclude, config_prefix, False, code, config, totals)
    return code.hexdigest(), config.hexdigest(), totals


def _scan_dir(place, prefix, exclude, config_prefix, bytecode, code, config, totals):
    try:
        with os.scandir(place) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except PermissionError as error:
        raise ReleaseError(f"{place} can not be read: {error.strerror}") from error
    lines = []
    in_config = prefix.startswith(config_prefix)
    for entry in ordered:
        name = entry.name
        is_dir = entry.is_dir(follow_symlinks=False)
        relative = prefix + name
        if exclude.matches(relative, name, is_dir):
            continue
        if is_dir:
            compiled = bytecode or name == BYTECODE_DIR
            if not compiled:
                lines.append(f"d {relative} {stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode):o}")
            _flush(lines, code)
            _scan_dir(entry.path, relative + "/", exclude, config_prefix, compiled, code, config, totals)
            continue
        info = entry.stat(follow_symlinks=False)
        kind = stat.S_IFMT(info.st_mode)
        if kind == stat.S_IFREG:
            totals["files"] += 1
            totals["size_bytes"] += info.st_size
            if bytecode or name.endswith(BYTECODE_SUFFIX):
                continue
            if in_config:
                # A configuration counts by content: written again unchanged, it is the same release.
                lines.append(f"f {relative} {stat.S_IMODE(info.st_mode):o}")
                config.update((f"{relative} {_file_digest(entry.path)}\n").encode("utf-8", "surrogateescape"))
            else:
                lines.append(f"f {relative} {info.st_size} {info.st_mtime_ns} {stat.S_IMODE(info.st_mode):o}")
        elif kind == stat.S_IFLNK and not bytecode:
            lines.append(f"l {relative} {os.readlink(entry.path)}")
        # Sockets, pipes and devices are neither copied nor counted.
    _flush(lines, code)


def _flush(lines, digest):
    if lines:
        digest.update(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
        del lines[:]


def _file_digest(path):
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as handle:
            for block in iter(lambda: handle.read(1 << 20), b""):
                digest.update(block)
    except PermissionError as error:
        raise ReleaseError(f"{path} can not be read: {error.strerror}") from error
    return digest.hexdigest()


def package_dirs(tree, root=""):
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


def packages(tree, root=""):
    """List name==version of every installed distribution, names in their normal form."""
    found = set()
    for directory in package_dirs(tree, root):
        for name in os.listdir(directory):
            match = re.match(r"^(.+)-([^-]+)\.dist-info$", name)
            if match:
                found.add("{}=={}".format(re.sub(r"[-_.]+", "-", match.group(1)).lower(), match.group(2)))
    return sorted(found)


def galaxy_version(tree, package_list, root=""):
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
            return values["VERSION"]
    for name in ("galaxy-app", "galaxy-util", "galaxy-data"):
        for package in package_list:
            if package.startswith(name + "=="):
                return package.split("==", 1)[1]
    return ""


def python_of(tree, root=""):
    """The Python that the venv was made with, as its pyvenv.cfg names it, and whether this host has it."""
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
    interpreter = values.get("base-executable") or values.get("executable") or ""
    if not interpreter and values.get("home"):
        interpreter = os.path.join(values["home"], "python" + short)
    return {
        "version": ".".join(version.split(".")[:3]),
        "interpreter": interpreter,
        "available": bool(interpreter) and os.access(interpreter, os.X_OK),
    }


def release_info(tree, root=""):
    """All that describes a release, and its fingerprint."""
    python = python_of(tree, root)
    code, config, totals = scan(tree, root)
    package_list = packages(tree, root)
    parts = {
        "code": code[:FINGERPRINT_LENGTH],
        "config": config[:FINGERPRINT_LENGTH],
        "packages": _short("\n".join(package_list)),
    }
    return {
        "fingerprint": _short(" ".join([code, config, parts["packages"], python["version"]])),
        "parts": parts,
        "packages": package_list,
        "galaxy_version": galaxy_version(tree, package_list, root),
        "python": python,
        "platform": {"machine": platform.machine(), "libc": " ".join(platform.libc_ver())},
        "paths": tree.paths,
        "files": totals["files"],
        "size_bytes": totals["size_bytes"],
    }


def _short(text):
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:FINGERPRINT_LENGTH]
