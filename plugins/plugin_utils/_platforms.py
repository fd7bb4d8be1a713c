# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systems that the roles are made for, and the refusal of all others by name.

Private to the collection. The one list of them: meta/main.yml of the roles and docs/platforms.md repeat it, and a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# By Ansible's name for a distribution, the versions.
SUPPORTED = {
    "Debian": ("12", "13"),
    "Ubuntu": ("22.04", "24.04"),
    "Rocky": ("9",),
    "AlmaLinux": ("9",),
    "RedHat": ("9",),
}
# Its versions are told apart by the month.
BY_FULL_VERSION = ("Ubuntu",)


def listed(words: Iterable[str]) -> str:
    """Join words as a sentence has them."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def platform_problem(facts: Mapping[str, Any], role: str) -> str | None:
    """Say why a host cannot have a role, or return nothing; what nobody has asked the host is no problem.

    :param facts: the facts of the host.
    :param role: the short name of the role.
    """
    name = facts.get("distribution")
    full = name in BY_FULL_VERSION or name not in SUPPORTED
    version = facts.get("distribution_version" if full else "distribution_major_version")
    if name is None or (name in SUPPORTED and (version is None or str(version) in SUPPORTED[name])):
        return None
    known = listed([f"{system} {listed(versions)}" for system, versions in SUPPORTED.items()])
    return (
        f"ansible_facts['distribution'] is {name}, version {version or 'unknown'}, which the role {role} is not made for; it is made for {known}. "
        "Remedy: bring the host to one of these, or take it out of the group."
    )
