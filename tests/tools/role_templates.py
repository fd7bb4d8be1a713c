# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a template of a role as Ansible does, and read what comes out."""

from __future__ import annotations

import configparser
import subprocess
import sys
import warnings
from pathlib import Path

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

ROLES = Path(__file__).resolve().parents[2] / "roles"


def trusted(value):
    """Mark every string as a template, as Ansible does with what it reads itself."""
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def render(role, template, site, **values):
    """Render a template with the defaults and vars of its role, the site's variables and further ones."""
    with warnings.catch_warnings():
        # A second call finds the loader of the first.
        warnings.simplefilter("ignore", UserWarning)
        init_plugin_loader(sys.path)
    variables = {}
    for part in ("defaults", "vars"):
        variables.update(trusted(yaml.safe_load((ROLES / role / part / "main.yml").read_text(encoding="utf-8"))))
    variables.update(site, **values)
    text = (ROLES / role / "templates" / template).read_text(encoding="utf-8")
    # The module template takes backslashes as they stand.
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template(text), escape_backslashes=False)


def unit(text):
    """Parse a systemd unit; of a key that stands twice the last value counts."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read_string(text)
    return parser


def environment(text, directory):
    """Read an environment file with a shell: inside double quotes systemd has the same escapes."""
    path = Path(directory, "environment")
    path.write_text(text, encoding="utf-8")
    command = ["env", "-i", "/bin/sh", "-c", 'set -a; . "$1"; exec env -0', "sh", str(path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pairs = dict(line.split("=", 1) for line in found.split("\0") if line)
    return {name: value for name, value in pairs.items() if name not in ("_", "OLDPWD", "PWD", "SHLVL")}
