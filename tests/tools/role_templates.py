# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a template of a role as Ansible does, and read what comes out."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLES = Path(__file__).resolve().parents[2] / "roles"


def trusted(value: Any) -> Any:
    """Mark every string as a template, as Ansible does with what it reads itself."""
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def _templar(role: str, site: dict[str, Any], values: dict[str, Any], searchpath: list[str] | None = None) -> Templar:
    """Ansible's templating with the defaults and vars of a role, the site's variables and further ones."""
    variables: dict[str, Any] = {}
    for part in ("defaults", "vars"):
        path = ROLES / role / part / "main.yml"
        # A library of task files has no defaults.
        variables.update(trusted(yaml.safe_load(path.read_text(encoding="utf-8"))) if path.exists() else {})
    # What a site writes may be a template too, and wins over the defaults.
    variables.update(trusted({**site, **values}))
    templar = Templar(loader=DataLoader(), variables=variables)
    return templar.copy_with_new_env(searchpath=searchpath) if searchpath else templar


def evaluate(role: str, name: str, site: dict[str, Any], **values: Any) -> Any:
    """The value of one variable of a role, as its tasks see it."""
    return _templar(role, site, values).template(trust_as_template("{{ " + name + " }}"))


def render(role: str, template: str, site: dict[str, Any], **values: Any) -> Any:
    """Render a template with the defaults and vars of its role, the site's variables and further ones."""
    folder = ROLES / role / "templates"
    text = (folder / template).read_text(encoding="utf-8")
    # The module template takes backslashes as they stand, and finds what a template imports in the role's folder.
    return _templar(role, site, values, [str(folder)]).template(trust_as_template(text), escape_backslashes=False)


class _Repeated(dict[str, Any]):
    """Collects the lines of a key that stands several times, where configparser would keep the last one."""

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, list) and key in self:
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def unit_values(text: str) -> dict[str, dict[str, list[str]]]:
    """Parse a systemd unit into {section: {key: [values]}}, with continued lines put together as systemd does."""
    parser = configparser.RawConfigParser(
        strict=False, delimiters=("=",), comment_prefixes=("#",), dict_type=_Repeated, empty_lines_in_values=False
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(re.sub(r"\\\n\s*", "", text))
    return {name: {key: value.split("\n") for key, value in parser[name].items()} for name in parser.sections()}


def unit_environment(text: str) -> dict[str, str]:
    """What a unit's Environment= lines say; quotes are as in a shell, and systemd reads %% as %."""
    words = [word for line in unit_values(text)["Service"].get("Environment", []) for word in shlex.split(line)]
    return dict(word.replace("%%", "%").split("=", 1) for word in words)


def unit(text: str) -> configparser.RawConfigParser:
    """Parse a systemd unit; of a key that stands twice the last value counts."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def environment(text: str, directory: str | Path) -> dict[str, str]:
    """Read an environment file with a shell: inside double quotes systemd has the same escapes."""
    path = Path(directory, "environment")
    path.write_text(text, encoding="utf-8")
    command = ["env", "-i", "/bin/sh", "-c", 'set -a; . "$1"; exec env -0', "sh", str(path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pairs = dict(line.split("=", 1) for line in found.split("\0") if line)
    return {name: value for name, value in pairs.items() if name not in ("_", "OLDPWD", "PWD", "SHLVL")}
