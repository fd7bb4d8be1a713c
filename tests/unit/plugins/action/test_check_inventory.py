# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action that reports what is wrong with a whole inventory."""

from __future__ import annotations

from types import SimpleNamespace

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.template import Templar

from ansible_collections.usegalaxy_eu.celery.plugins.action import check_inventory

MARK = "t0p-s3cret-mark"


class Broken(dict):
    """Variables of a host of which one cannot be evaluated."""

    def get(self, name, default=None):
        """Fail where Ansible would."""
        if name == "flower_password":
            raise AnsibleError("no vault")
        return super().get(name, default)


class HostVars(dict):
    """Variables of the hosts, as Ansible hands them to an action."""

    def raw_get(self, host):
        """Return the variables as they are written."""
        return dict(self[host])


def run(hostvars, groups=None):
    """Run the action on an inventory of workers."""
    hostvars = HostVars(hostvars)
    usual = {"galaxyservers": list(hostvars), "celeryservers": list(hostvars)}
    groups = {"all": list(hostvars), "ungrouped": [], **usual, **(groups or {})}
    loader = DataLoader()
    variables = {"hostvars": hostvars, "groups": groups}
    task = SimpleNamespace(args={}, check_mode=True, async_val=0, diff=False, no_log=False)
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    templar = Templar(loader=loader, variables=variables)
    action = check_inventory.ActionModule(task, connection, SimpleNamespace(), loader, templar, None)
    return action.run(task_vars=variables)


def test_nothing_to_say():
    result = run({"a": {"__celery_check": {"problems": []}, "flower_password": MARK}, "b": {}})
    assert result["problems"] == []
    assert result["hosts"] == 2
    assert "failed" not in result


def test_what_the_checks_found_is_told_with_its_hosts():
    found = {"problems": ["celery_x is 1."]}
    beats = {"workers": {"problems": ["Two beats."]}, "broker": {"problems": ["Of no proxy."]}}
    result = run({"a": {"__celery_check": found}, "b": {"__celery_check": found, "stack": beats}})
    assert result["problems"] == ["a, b: celery_x is 1.", "b: Two beats."]
    assert result["msg"] == "2 mistakes in the inventory, listed above."
    assert result["failed"]


def test_passwords_and_what_hosts_share():
    result = run({"a": {"flower_password": MARK, "flower_amqp_password": MARK}, "b": {"galaxy_amqp_vhost": "other"}})
    assert [problem.split(" (")[0] for problem in result["problems"]] == [
        "galaxy_amqp_vhost is 'galaxy' on a, but 'other' on b. Remedy: set it once for all hosts of the stack, "
        "in group_vars/all.",
        "flower_amqp_password and flower_password have the same value",
    ]
    assert MARK not in str(result)


def test_a_variable_that_stands_for_another_may_have_its_value():
    result = run({"a": {"galaxy_amqp_password": MARK, "rabbitmq_galaxy_password": MARK}})
    assert result["problems"] == []


def test_a_password_that_cannot_be_read_is_the_matter_of_its_role():
    assert run({"a": Broken(galaxy_amqp_password=MARK)})["problems"] == []


def test_what_is_right_shows_what_will_be_made():
    result = run({"a": {"galaxy_amqp_vhost": "galaxy"}})
    assert result["parts"] == {"a": ["galaxyservers", "celeryservers"]}
    assert result["left_out"] == ["rabbitmqservers", "traefikservers", "dbservers", "flowerservers", "telegrafservers"]
    assert result["lines"][0] == "a: galaxyservers, celeryservers"
    assert result["lines"][1] == "rabbitmqservers: no host, so this part is left out"


def test_what_is_between_a_proxy_and_the_broker_counts_once_its_variables_make_sense():
    plan, wrong = {"broker": {"problems": ["No way."]}}, {"problems": ["traefik_x is 1."]}
    groups = {"traefikservers": ["a"]}
    assert run({"a": {"stack": plan}}, groups)["problems"] == ["a: No way."]
    assert run({"a": {"stack": plan, "__traefik_check": wrong}}, groups)["problems"] == ["a: traefik_x is 1."]


def test_missing_packages_and_an_empty_address(monkeypatch):
    monkeypatch.setitem(check_inventory.PACKAGES, "left-pad", "left_pad")
    address, package = run({"a": {"ansible_host": ""}})["problems"]
    assert address.startswith("ansible_host is empty on a. Remedy:")
    assert package.startswith("Python packages are missing on this machine: left-pad. Remedy:")


def test_missing_variables_are_one_problem_without_what_follows():
    found = [
        "flower_x has no value: 'vault_a' is undefined. Remedy: define vault_a.",
        "'vault_a' is undefined. The routes are made of it.",
        "celery_y has no value: 'vault_b' is undefined. Remedy: define vault_b.",
    ]
    hosts = {"a": {"__celery_check": {"problems": found}}, "b": {"__celery_check": {"problems": found[2:]}}}
    (problem,) = run(hosts)["problems"]
    users = "vault_a (for flower_x on a); vault_b (for celery_y on a, b)"
    assert problem.startswith(f"2 variables are not defined: {users}. Remedy:")


def test_no_group():
    (problem,) = run({"a": {}}, {"celeryservers": []})["problems"]
    assert problem.startswith("The group celeryservers (celeryservers_group) has no host.")


def test_a_mistake_has_its_file_and_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all.yml").write_text("celery_workers:\n  - name: worker\n    queue: x\ncelery_x: 1\n")
    written = DataLoader().load_from_file(str(tmp_path / "all.yml"))
    found = {"problems": ["celery_x is 1.", "celery_workers[0].queue is not known."]}
    result = run({"a": {"__celery_check": found, **written}})
    assert result["problems"] == [
        "a: celery_x is 1. (all.yml, line 4)",
        "a: celery_workers[0].queue is not known. (all.yml, line 3)",
    ]


def test_passwords_in_plain_text_are_named_with_their_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all.yml").write_text(f"flower_password: {MARK}\nrabbitmq_admin_password: '{{{{ vault_x }}}}'\n")
    result = run({"a": DataLoader().load_from_file(str(tmp_path / "all.yml"))})
    said = "Passwords are in plain text: flower_password in all.yml. Remedy: ansible-vault encrypt all.yml"
    assert result["warnings"] == [said]
    assert "failed" not in result


def test_an_encrypted_file_is_not_in_plain_text(tmp_path):
    loader = DataLoader()
    loader.set_vault_secrets([("default", VaultSecret(b"of the vault"))])
    secret = VaultLib(loader._vault.secrets).encrypt(f"flower_password: {MARK}\n")
    (tmp_path / "vault.yml").write_bytes(secret)
    assert "warnings" not in run({"a": loader.load_from_file(str(tmp_path / "vault.yml"))})
