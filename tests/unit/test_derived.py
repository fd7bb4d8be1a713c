# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts learn of each other is what tests/golden has, for sites of every kind."""

from __future__ import annotations

import pytest
import yaml
from tools import derived


@pytest.mark.parametrize("name", derived.SITES)
def test_what_hosts_learn_of_each_other_has_not_changed(name):
    golden = (derived.GOLDEN / f"{name}.yml").read_text(encoding="utf-8")
    # In the folder tests: python -m tools.derived
    assert yaml.safe_load(derived.derive(name)) == yaml.safe_load(golden)
