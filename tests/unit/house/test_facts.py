# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles read of a host's facts, the playbooks gather."""

from __future__ import annotations

import re

import yaml
from tools import roles

# The subset of Ansible's setup module that has a fact.
SUBSETS = {
    "all_ipv4_addresses": "network",
    "all_ipv6_addresses": "network",
    "architecture": "platform",
    "default_ipv4": "network",
    "default_ipv6": "network",
    "distribution": "distribution",
    "distribution_major_version": "distribution",
    "os_family": "distribution",
    "python": "python",
    "selinux": "selinux",
    "service_mgr": "service_mgr",
    "systemd": "systemd",
}
# Of other modules than setup.
OTHERS = {"getent_group", "getent_passwd", "tcp_listen"}


def test_each_fact_is_gathered():
    """A fact that is not there has its default in silence, such as another interpreter than the one that runs."""
    paths = [*roles.ROLES.rglob("*.yml"), *roles.ROLES.rglob("*.j2"), *(roles.ROOT / "playbooks").rglob("*.yml")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    used = set(re.findall(r"ansible_facts\[.(\w+).\]", text)) - OTHERS
    assert used <= set(SUBSETS)
    always = (roles.ROOT / "playbooks/tasks/gather_facts.yml").read_text(encoding="utf-8")
    plays = yaml.safe_load((roles.ROOT / "playbooks/stack/workers_preflight.yml").read_text(encoding="utf-8"))
    (facts,) = (play for play in plays if play["name"] == "Gather facts")
    gathered = {
        *facts["tasks"][0]["vars"]["__gather_subset"],
        *re.search(r"\+ \[(.*?)\]", always)[1].replace("'", "").split(", "),
    }
    assert {SUBSETS[name] for name in used} <= gathered
