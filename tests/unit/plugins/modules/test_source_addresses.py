# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that tells from which address a host would reach others."""

from __future__ import annotations

from ansible_collections.usegalaxy_eu.celery.plugins.modules import source_addresses


def test_the_address_towards_each_target():
    found = source_addresses.measured({"here": "127.0.0.1", "unset": "", "none": None})
    assert found == {"addresses": {"here": "127.0.0.1"}, "problems": {}}


def test_one_without_a_way_hides_no_other():
    found = source_addresses.measured({"away": "galaxy.example.invalid", "here": "127.0.0.1"})
    assert found["addresses"] == {"here": "127.0.0.1"}
    assert found["problems"]["away"].startswith("galaxy.example.invalid cannot be resolved here: ")
