# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system is refused by its name and its version, and only when the host has told both."""

from __future__ import annotations

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._platforms import SUPPORTED, listed, platform_problem


def problem(name, full):
    """What is said of a host of this system."""
    facts = {"distribution": name, "distribution_version": full, "distribution_major_version": full.split(".")[0]}
    return platform_problem(facts, "celery")


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("Debian", "12.9"),
        ("Debian", "13"),
        ("Ubuntu", "22.04"),
        ("Ubuntu", "24.04"),
        ("Rocky", "9.6"),
        ("AlmaLinux", "9.5"),
        ("RedHat", "9.4"),
    ],
)
def test_what_is_supported(name, full):
    assert problem(name, full) is None


@pytest.mark.parametrize(
    ("name", "full", "said"),
    [
        ("Debian", "11.7", "Debian, version 11,"),
        ("Debian", "n/a", "Debian, version n/a,"),
        ("Ubuntu", "22.10", "Ubuntu, version 22.10,"),
        ("Rocky", "8.10", "Rocky, version 8,"),
        ("Fedora", "41", "Fedora, version 41,"),
        ("Alpine", "3.20.1", "Alpine, version 3.20.1,"),
    ],
)
def test_what_is_not(name, full, said):
    text = problem(name, full)
    assert text.startswith(f"ansible_facts['distribution'] is {said} which the role celery is not made for")
    assert all(system in text for system in SUPPORTED)
    assert "Remedy: " in text


def test_a_host_that_nobody_has_asked_is_no_problem():
    assert platform_problem({}, "celery") is None
    assert platform_problem({"distribution": "Debian"}, "celery") is None


def test_a_strange_system_without_a_version_is_refused():
    assert "Plan 9, version unknown," in platform_problem({"distribution": "Plan 9"}, "celery")


def test_words_are_joined_as_in_a_sentence():
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
