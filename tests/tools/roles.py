# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the house rules and the variable tables need to know about the roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "roles"
# Ansible's own variable, which each role gives a default to.
INTERPRETER = "ansible_python_interpreter"


class Loader(yaml.SafeLoader):
    """Reads Ansible's own tags (!vault, !unsafe) as what they hold."""


def _plain(loader: Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


Loader.add_multi_constructor("!", _plain)


def load(path: str | Path) -> Any:
    """Load one document; an absent or empty file is None."""
    path = Path(path)
    # The loader is SafeLoader and two kinds of strings.
    return yaml.load(path.read_text(encoding="utf-8"), Loader=Loader) if path.is_file() else None  # noqa: S506


def names() -> list[str]:
    """Names of all roles."""
    return sorted(path.name for path in ROLES.iterdir() if path.is_dir()) if ROLES.is_dir() else []


def defaults(role: str) -> dict[str, Any]:
    """What roles/<role>/defaults/main.yml holds of the role's own variables."""
    found = load(ROLES / role / "defaults" / "main.yml") or {}
    return {name: value for name, value in found.items() if name != INTERPRETER}


def entry_points(role: str) -> dict[str, Any]:
    """Entry points of the role's specification."""
    return (load(ROLES / role / "meta" / "argument_specs.yml") or {}).get("argument_specs") or {}


def options(role: str, entry_point: str = "main") -> dict[str, Any]:
    """Options of one entry point."""
    return (entry_points(role).get(entry_point) or {}).get("options") or {}


def walk(options: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every option with its full name, nested ones as `users[].name` or `limits.memory`."""
    for name, option in options.items():
        full = f"{path}{name}"
        yield full, option
        if isinstance(option, dict) and option.get("options"):
            yield from walk(option["options"], full + ("[]." if option.get("type") == "list" else "."))


def mappings(content: Any) -> Iterator[dict[str, Any]]:
    """Every mapping at any depth."""
    if isinstance(content, dict):
        yield content
        for value in content.values():
            yield from mappings(value)
    elif isinstance(content, list):
        for value in content:
            yield from mappings(value)


def is_template(value: object) -> bool:
    """Whether Ansible works the value out at run time."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def is_undefined(value: object) -> bool:
    """Whether the default is a hint for a value that only the site knows."""
    return isinstance(value, str) and is_template(value) and "undef(" in value


def files(*patterns: str) -> list[Path]:
    """Files of the collection's content that fit one of the patterns, relative to the repository."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path.relative_to(ROOT) for path in found)
