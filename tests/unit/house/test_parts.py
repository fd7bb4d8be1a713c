# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks do for each part of the stack what its table in the code says."""

from __future__ import annotations

from tools import roles

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.parts import PARTS, PROOFS

PLAYBOOKS = roles.ROOT / "playbooks"
COLLECTION = "usegalaxy_eu.celery."


def included(*names):
    """The role, the hosts and the file of each role that the plays of these playbooks include."""
    found = set()
    for name in names:
        for play in roles.load(PLAYBOOKS / name):
            # A playbook may hand its own hosts over.
            hosts = "stack_workers" if "__workers_hosts" in str(play.get("hosts")) else play.get("hosts")
            for task in play.get("tasks") or []:
                role = task.get("ansible.builtin.include_role")
                if role:
                    group = str(hosts).split("[", maxsplit=1)[0]
                    found.add((role["name"].removeprefix(COLLECTION), group, role.get("tasks_from")))
    return found


def test_verify_makes_each_proof_that_the_report_makes():
    wanted = {(role, f"stack_{part}", tasks) for role, part, tasks in PROOFS}
    assert wanted - included("verify.yml", "stack/prove_workers.yml") == set()


def test_the_preflight_checks_each_role_of_each_part():
    wanted = {(role, f"stack_{name}", "preflight") for name, part in PARTS.items() for role in part.roles}
    assert wanted - included("stack/preflight.yml", "stack/workers_preflight.yml") == set()


def test_each_role_belongs_to_a_part():
    assert {role for part in PARTS.values() for role in part.roles} == set(roles.names()) - {"common"}


def test_no_variable_is_a_program():
    """A function in plugins/plugin_utils/derived or in the plan computes it, with types and tests."""
    paths = roles.files("roles/*/vars/**/*.yml", "roles/*/defaults/*.yml", "playbooks/**/*.yml")
    assert [path.as_posix() for path in paths if "{%" in (roles.ROOT / path).read_text(encoding="utf-8")] == []
