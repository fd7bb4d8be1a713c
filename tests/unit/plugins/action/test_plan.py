# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action that makes the plan of a stack."""

from __future__ import annotations

from types import SimpleNamespace

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.usegalaxy_eu.celery.plugins.action import plan


class HostVars(dict):
    """Variables of hosts, as Ansible hands them over."""

    raw_get = dict.get


def run(hostvars, groups, variables=None, **args):
    """Run the action on an inventory."""
    loader = DataLoader()
    known = {"hostvars": HostVars(hostvars), "groups": {"all": list(hostvars), **groups}, **(variables or {})}
    task = SimpleNamespace(args=args, check_mode=True, async_val=0, diff=False, no_log=False)
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    action = plan.ActionModule(task, connection, SimpleNamespace(), loader, Templar(loader, known), None)
    return action.run(task_vars=known)["hosts"]


def named(name, **variables):
    return {"inventory_hostname": name, **variables}


def test_variables_are_evaluated_with_the_defaults_of_their_role():
    hosts = {name: named(name) for name in ("celery-1", "celery-2")}
    hosts["celery-2"]["celery_workers"] = [{"name": trust_as_template("{{ 'ex' ~ 'ternal' }}"), "queues": ["own"]}]
    found = run(hosts, {"celeryservers": list(hosts)})["celery-1"]["workers"]
    assert found["nodes"] == ["worker-1@celery-1", "external-1@celery-2"]
    assert found["consumed_queues"] == ["celery", "galaxy.internal", "galaxy.external", "own"]


def test_a_value_that_makes_no_sense_counts_as_absent():
    hosts = {"a": named("a", celery_workers="none"), "b": named("b", celery_workers=trust_as_template("{{ nowhere }}"))}
    found = run(hosts, {"celeryservers": list(hosts)})["a"]["workers"]
    assert (found["nodes"], found["beat"]) == ([], True)


def test_groups_may_have_other_names_and_hosts_may_leave():
    hosts = {name: named(name) for name in ("a", "b")}
    found = run(hosts, {"workers": ["a", "b"]}, {"celeryservers_group": "workers"}, leaving=["a"])
    assert found["b"]["workers"]["nodes"] == ["worker-1@b"]
    assert [found[name]["workers"]["beat"] for name in hosts] == [False, True]
    # What leaves still knows its own paths.
    assert found["a"]["workers"]["config_file"].endswith("/galaxy.yml")
