# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find links that lead nowhere in the repository or in a built site, and what a page would load from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "roles/*/README.md", "tests/testbed/README.md")
# It gives a heading the same anchor as GitHub does.
MARKDOWN = MarkdownIt("gfm-like", {"linkify": False}).use(anchors_plugin, max_level=6)
# What a browser fetches without being asked. A link of the kind "search" or "index" is not.
LOADED = {"script": "src", "img": "src", "object": "data",
          "iframe": "src", "source": "src", "video": "src", "audio": "src"}  # fmt: skip
LOADED_LINKS = {"stylesheet", "icon", "shortcut", "preload", "prefetch",
                "preconnect", "dns-prefetch", "modulepreload", "manifest"}  # fmt: skip
STYLE_ADDRESS = re.compile(r"""(?:@import\s*|url\(\s*)["']?((?:https?:)?//[^"')\s;]+)""")


def _tokens(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _tokens(token.children or [])


def _markdown(path: Path) -> tuple[list[str], set[str]]:
    """The targets that a page names, and the anchors of its headings."""
    tokens = list(_tokens(MARKDOWN.parse(path.read_text(encoding="utf-8"))))
    named = [token.attrs for token in tokens if token.type in ("link_open", "image")]
    targets = [attrs.get("href") or attrs.get("src") for attrs in named]
    anchors = {str(token.attrs["id"]) for token in tokens if token.type == "heading_open" and "id" in token.attrs}
    return [str(target) for target in targets if target], anchors


def _html(path: Path) -> tuple[list[str], set[str], list[str]]:
    """The targets that a page names, its anchors, and what it loads from elsewhere."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    targets = [str(tag["href"]) for tag in soup.find_all("a", href=True)]
    loaded = [str(tag["href"]) for tag in soup.find_all("link", href=True) if LOADED_LINKS & set(tag.get("rel") or [])]
    for name, attribute in LOADED.items():
        loaded += [str(tag[attribute]) for tag in soup.find_all(name) if tag.has_attr(attribute)]
    styles = " ".join(tag.get_text() for tag in soup.find_all("style"))
    foreign = [target for target in loaded if urlsplit(target).netloc] + STYLE_ADDRESS.findall(styles)
    anchors = {str(tag["id"]) for tag in soup.find_all(id=True)}
    anchors |= {str(tag["name"]) for tag in soup.find_all("a", attrs={"name": True})}
    return targets + loaded, anchors, foreign


def dead(path: Path, targets: list[str], anchors: Callable[[Path], set[str] | None], top: Path) -> list[str]:
    """The targets of a page that are not there; anchors() tells those of a file, or None where it has none to check."""
    faults = []
    for target in targets:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not file.exists() or not file.is_relative_to(top):
            faults.append(f"{path.relative_to(top)}: {target}: there is no such file")
        elif parts.fragment and (known := anchors(file)) is not None and unquote(parts.fragment) not in known:
            faults.append(f"{path.relative_to(top)}: {target}: there is no such heading")
    return faults


def of_markdown(top: Path) -> list[str]:
    """Dead links of the repository's own Markdown, as GitHub shows it."""
    top = Path(top).resolve()
    pages = {path: _markdown(path) for pattern in PAGES for path in sorted(top.glob(pattern))}

    def anchors(file: Path) -> set[str] | None:
        if file.suffix != ".md":
            return None
        return pages[file][1] if file in pages else _markdown(file)[1]

    return [fault for path, (targets, _own) in pages.items() for fault in dead(path, targets, anchors, top)]


def of_site(top: Path) -> list[str]:
    """Dead links of a built site, and what its pages and style sheets would load from elsewhere."""
    top = Path(top).resolve()
    pages = {path: _html(path) for path in sorted(top.rglob("*.html"))}
    faults = []
    for path, (targets, _own, foreign) in pages.items():
        faults += dead(path, targets, lambda file: pages[file][1] if file in pages else None, top)
        faults += [f"{path.relative_to(top)}: {target}: is loaded from elsewhere" for target in foreign]
    for path in sorted(top.rglob("*.css")):
        found = STYLE_ADDRESS.findall(path.read_text(encoding="utf-8"))
        faults += [f"{path.relative_to(top)}: {target}: is loaded from elsewhere" for target in found]
    return faults
