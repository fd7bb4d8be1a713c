# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mitogen's linear strategy for users who become root by sudo.

Mitogen starts the Python of a task twice, first for the user who logs in, who may not read Galaxy's own in a release.
Here that user starts the system's. The scenarios of tests/run.py PLAIN_SCENARIOS do without mitogen.
"""

from __future__ import annotations

import ansible_mitogen.connection
import ansible_mitogen.loaders
import ansible_mitogen.strategy

CONNECT_SSH = ansible_mitogen.connection.CONNECTION_METHOD["ssh"]


def connect_ssh(spec):
    """Return what mitogen connects with, with the system's Python where a task becomes another user afterwards."""
    found = CONNECT_SSH(spec)
    if spec.become():
        found["kwargs"]["python_path"] = ["/usr/bin/python3"]
    return found


ansible_mitogen.connection.CONNECTION_METHOD["ssh"] = connect_ssh


class StrategyModule(
    ansible_mitogen.strategy.StrategyMixin, ansible_mitogen.loaders.strategy_loader.get("linear", class_only=True)
):
    """The strategy that Ansible loads by the name of this file."""
