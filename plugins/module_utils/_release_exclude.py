# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which paths of a release a pattern leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError


class Exclude:
    """rsync's exclusion patterns, with rsync's meaning.

    Without a slash inside, a pattern names a file or directory at any depth; with a leading slash it is the canonical
    absolute path; with a slash elsewhere it is the end of a path; a trailing slash means directories only.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = list(patterns)
        # A look-up costs next to nothing, so what it can decide never comes to a regular expression.
        self._names: dict[bool, set[str]] = {False: set(), True: set()}
        self._paths: dict[bool, set[str]] = {False: set(), True: set()}
        self._endings: tuple[str, ...] = ()
        self._by_parent: dict[str, list[tuple[re.Pattern[str], bool]]] = {}
        self._rules: list[tuple[re.Pattern[str], bool, bool]] = []
        for pattern in self.patterns:
            self._add(pattern)

    def _add(self, pattern: str) -> None:
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
        anchored = body.startswith("/")
        parent, _slash, name = body.lstrip("/").rpartition("/")
        if not set(body) & set("*?[") and (anchored or "/" not in body):
            (self._paths if anchored else self._names)[directory].add(body.lstrip("/"))
        elif re.match(r"^\*[^*?\[/]+$", body) and not directory:
            self._endings += (body[1:],)
        elif anchored and not set(parent) & set("*?[") and "**" not in name:
            self._by_parent.setdefault(parent, []).append((re.compile(_glob(name) + "$"), directory))
        else:
            whole = "/" in body or "**" in body
            begin = "" if body.startswith("**") else "(?:^|/)" if whole and not anchored else "^"
            self._rules.append((re.compile(begin + _glob(body.lstrip("/")) + "$"), whole, directory))

    def matches(self, relative: str, name: str, is_dir: bool) -> bool:
        """relative is the canonical path without its leading slash."""
        if name in self._names[False] or relative in self._paths[False] or name.endswith(self._endings):
            return True
        if is_dir and (name in self._names[True] or relative in self._paths[True]):
            return True
        for regex, directory in self._by_parent.get(relative[: -len(name) - 1], ()):
            if (is_dir or not directory) and regex.match(name):
                return True
        for regex, whole, directory in self._rules:
            if (is_dir or not directory) and regex.search(relative if whole else name):
                return True
        return False

    def pattern_for_path(self, path: str) -> str | None:
        """Return the first pattern that leaves out the path or a directory above it, else None."""
        parts = path.strip("/").split("/")
        for pattern in self.patterns:
            alone = Exclude([pattern])
            for count in range(1, len(parts) + 1):
                if alone.matches("/".join(parts[:count]), parts[count - 1], True):
                    return pattern
        return None


def _glob(body: str) -> str:
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
