# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action that holds the variables of a host against the specification of a role."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.usegalaxy_eu.celery.plugins.action import check_variables

REAL_ROLES = check_variables.ROLES_DIR

MARK = "t0p-s3cret-mark"

SPEC = {
    "argument_specs": {
        "main": {
            "options": {
                "demo_password": {"type": "str", "required": True, "no_log": True},
                "demo_port": {"type": "int", "default": 5671},
                "demo_ratio": {"type": "float"},
                "demo_enabled": {"type": "bool", "default": True},
                "demo_pool": {"type": "str", "choices": ["threads", "prefork"], "default": "threads"},
                "demo_queues": {"type": "list", "elements": "str", "default": []},
                "demo_limits": {"type": "dict"},
                "demo_any": {"type": "raw"},
                "demo_renamed": {"type": "str", "aliases": ["demo_older"]},
                "demo_users": {
                    "type": "list",
                    "elements": "dict",
                    "options": {
                        "name": {"type": "str", "required": True},
                        "password": {"type": "str", "no_log": True, "choices": ["a-long-password"]},
                        "level": {"type": "int", "choices": [1, 2]},
                    },
                },
                "demo_tls": {"type": "dict", "options": {"ca": {"type": "path"}, "verify": {"type": "bool"}}},
            },
        },
        "verify": {"options": {"demo_verify_seconds": {"type": "int", "default": 5}}},
    },
}


@pytest.fixture
def roles(tmp_path, monkeypatch):
    """Place the roles demo, demo_sync and galaxy, and let the plugin find them."""
    specs = {
        "demo": SPEC,
        "demo_sync": {"argument_specs": {"main": {"options": {"demo_sync_dir": {"type": "str"}}}}},
        "galaxy": {"argument_specs": {"main": {"options": {"galaxy_amqp_host": {"type": "str"}}}}},
        "empty": {"argument_specs": {"main": {}}},
    }
    for role, spec in specs.items():
        meta = tmp_path / role / "meta"
        meta.mkdir(parents=True)
        (meta / "argument_specs.yml").write_text(yaml.safe_dump(spec))
    (tmp_path / "bare").mkdir()
    (tmp_path / "README.md").write_text("not a role")
    monkeypatch.setattr(check_variables, "ROLES_DIR", str(tmp_path))
    return tmp_path


def run(variables, role="demo", become_user=None, **args):
    """Run the action on a host with these variables, as another user if the task becomes one."""
    variables = {key: trusted(value) for key, value in variables.items()}
    variables["inventory_hostname"] = "worker-1"
    loader = DataLoader()
    task = SimpleNamespace(args={"role": role, **args}, check_mode=True, async_val=0, diff=False, no_log=False)
    become = become_user and SimpleNamespace(get_option=lambda _name, playcontext: become_user)
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None), become=become)
    templar = Templar(loader=loader, variables=variables)
    action = check_variables.ActionModule(task, connection, SimpleNamespace(), loader, templar, None)
    return action.run(task_vars=variables)


def trusted(value):
    """Mark templates as those of an inventory are."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return value


def problems(variables, **args):
    """Return the problems that the action finds beside those of a complete set of variables."""
    result = run({"demo_password": MARK, **variables}, **args)
    assert result["changed"] is False
    assert bool(result["problems"]) == bool(result.get("failed"))
    assert MARK not in str(result)
    return result["problems"]


@pytest.mark.parametrize(
    ("facts", "become_user", "refused"),
    [
        ({"effective_user_id": 1000, "user_id": "admin"}, None, True),
        ({"effective_user_id": 1000, "user_id": "admin"}, "galaxy", True),
        # They were gathered by a play that stays who it is.
        ({"effective_user_id": 1000, "user_id": "admin"}, "root", False),
        ({"effective_user_id": 0, "user_id": "root"}, None, False),
        ({}, None, False),
    ],
)
def test_tasks_that_would_not_be_roots_are_refused(roles, facts, become_user, refused):
    result = run({"demo_password": MARK, "ansible_facts": facts}, become_user=become_user)
    said = [text for text in result["problems"] if "not root" in text]
    assert bool(said) == refused
    assert not refused or ("admin" in said[0] and "become: true" in said[0])


def test_an_inventory_alone_says_nothing_of_root(roles):
    facts = {"effective_user_id": 1000, "user_id": "admin"}
    assert run({"demo_password": MARK, "ansible_facts": facts}, inventory_only=True)["problems"] == []


def test_nothing_to_say(roles):
    result = run({"demo_password": MARK, "other": 1, "demo_queues": ["a"], "demo_verify_seconds": 3})
    assert result["problems"] == []
    assert result["checked"] == len(SPEC["argument_specs"]["main"]["options"])
    assert "failed" not in result


@pytest.mark.parametrize(
    "variables",
    [
        {"demo_port": "5671"},
        {"demo_port": "{{ 5000 + 671 }}"},
        {"demo_ratio": 1},
        {"demo_ratio": "0.5"},
        {"demo_enabled": "{{ 1 == 1 }}"},
        {"demo_any": ["x", 1]},
        {"demo_limits": {"whatever": 1}},
        {"demo_limits": None},
        {"demo_older": "x"},
        {"demo_users": [{"name": "x", "level": "2"}]},
        {"demo_tls": {"ca": "/etc/ca.pem", "verify": False}},
        {"demo_sync_dir": "/srv"},
        {"demo_sync_whatever": "left to the role demo_sync"},
        {"demo_result": {"failed": False, "changed": True}},
        {"__demo_private": 1},
    ],
)
def test_accepted(roles, variables):
    assert problems(variables) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"demo_pasword": MARK}, "demo_pasword is not a variable of the role demo. Did you mean demo_password?"),
        (
            {"own_variable_prefixes": "demo_"},
            "own_variable_prefixes is 'demo_'; expected a list of beginnings of names.",
        ),
        ({"own_variable_prefixes": [""]}, "own_variable_prefixes is ['']; expected a list of beginnings of names."),
        ({"own_variable_prefixes": "{{ nowhere }}"}, "own_variable_prefixes has no value: 'nowhere' is undefined"),
        ({"demo_port": "many"}, "demo_port is 'many'; expected a whole number. Remedy: write it in digits"),
        ({"demo_port": True}, "demo_port is True; expected a whole number"),
        ({"demo_port": 1.5}, "demo_port is 1.5; expected a whole number"),
        ({"demo_ratio": "x"}, "demo_ratio is 'x'; expected a number"),
        ({"demo_enabled": "yes"}, "demo_enabled is 'yes'; expected true or false. Remedy: write true or false without"),
        ({"demo_enabled": 1}, "demo_enabled is 1; expected true or false"),
        ({"demo_renamed": 4.1}, "demo_renamed is 4.1; expected a string. Remedy: put it in quotes."),
        ({"demo_queues": "a,b"}, "demo_queues is 'a,b'; expected a list. Remedy: write it as a YAML list"),
        ({"demo_queues": ["a", 5]}, "demo_queues[1] is 5; expected a string"),
        ({"demo_queues": ["a", None]}, "demo_queues[1] is None; expected a string"),
        ({"demo_limits": "a=b"}, "demo_limits is 'a=b'; expected a dictionary"),
        ({"demo_pool": "solo"}, "demo_pool is 'solo': value of demo_pool must be one of: threads, prefork, got: solo."),
        ({"demo_users": [{"level": 1}]}, "missing required arguments: name"),
        ({"demo_users": [{"name": "x", "level": 3}]}, "value of level must be one of: 1, 2, got: 3"),
        ({"demo_users": [{"name": "x", "pasword": MARK}]}, "demo_users[0].pasword is not known. Did you mean"),
        ({"demo_users": [{"name": "x", "zzzzzzzz": 1}]}, "demo_users[0].zzzzzzzz is not known. Known keys: level"),
        ({"demo_users": [{"name": "x", "password": MARK}]}, "got: ********"),
        ({"demo_users": ["x"]}, "demo_users[0] is 'x'; expected a dictionary"),
        ({"demo_tls": {"verify": "no"}}, "demo_tls.verify is 'no'; expected true or false"),
        ({"demo_tls": {"cert": "x"}}, "demo_tls.cert is not known"),
        ({"demo_port": None}, "demo_port is null; expected a whole number. Remedy: remove the line"),
        ({"demo_pool": "amqp://u:" + MARK + "@h"}, "'amqp://u:********@h'"),
        ({"demo_pool": "{{ nowhere }}"}, "demo_pool has no value: 'nowhere' is undefined"),
        ({"demo_pool": "{{ undef(hint='put demo_pool into the vault') }}"}, "put demo_pool into the vault"),
        ({"demo_pool": "{{ broken"}, "demo_pool has no value: "),
        ({"demo_users": [{"name": "{{ undef(hint='name the user') }}"}]}, "demo_users has no value: name the user"),
    ],
)
def test_refused(roles, variables, expected):
    found = problems(variables)
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize("value", [None, ""])
def test_required_but_empty(roles, value):
    assert run({"demo_password": value})["problems"] == ["demo_password is empty. Remedy: give it a value (a string)."]


def test_required_but_missing(roles):
    assert run({})["problems"] == ["demo_password is not defined. Remedy: define it (a string)."]


def test_secret_of_the_wrong_type_is_not_shown(roles):
    (problem,) = run({"demo_password": [MARK]})["problems"]
    assert problem == "demo_password is ********; expected a string. Remedy: put it in quotes."


def test_secret_template_that_fails_is_not_shown(roles):
    (problem,) = run({"demo_password": "{{ '" + MARK + "' | no_such_filter }}"})["problems"]
    assert MARK not in problem


def test_long_value_is_cut(roles):
    (problem,) = problems({"demo_enabled": "x" * 1000})
    assert len(problem) < 400


def test_all_problems_at_once(roles):
    result = run({"demo_port": "many", "demo_pol": "threads", "demo_queues": "a,b"})
    assert len(result["problems"]) == 4
    assert result["msg"].startswith("4 problems in the variables of the role demo on worker-1:\n- ")
    assert all(problem in result["msg"] for problem in result["problems"])


def test_common_cause_is_named_once(roles):
    result = run({"demo_password": "{{ nowhere }}", "demo_pool": "{{ nowhere }}", "demo_port": "{{ elsewhere }}"})
    assert [problem.split()[0] for problem in result["problems"]] == ["demo_password", "demo_port"]


def test_prefix_of_galaxy_is_shared(roles):
    (problem,) = run({"galaxy_amqp_hots": "x", "galaxy_root": "/srv", "galaxy_celery_x": 1}, role="galaxy")["problems"]
    assert problem.startswith("galaxy_amqp_hots is not a variable of the role galaxy. Did you mean galaxy_amqp_host?")


def test_names_of_the_site_are_its_own():
    """Public sites have secrets under names such as these, with the words in their own order."""
    names = ["rabbitmq_password_galaxy", "rabbitmq_password_flower", "rabbitmq_password_reports"]
    for role in ("rabbitmq", "flower"):
        _options, known = check_variables.load_specification(role, "main")
        assert check_variables.unknown_problems(role, dict.fromkeys(names, "x"), known, [role], {}) == []


def test_names_that_resemble_ours_can_be_the_sites(roles):
    given = {"demo_password": MARK, "demo_passwords": "x", "demo_ports": "y"}
    assert [text.split()[0] for text in problems(given)] == ["demo_passwords", "demo_ports"]
    (problem,) = problems({**given, "own_variable_prefixes": ["demo_pass"]})
    assert problem == (
        "demo_ports is not a variable of the role demo. Did you mean demo_port? "
        "A name of the site's own goes into own_variable_prefixes."
    )


@pytest.mark.parametrize(
    ("remedy", "expected"),
    [
        ("demo_pool", "Remedy: use demo_pool instead."),
        ("Remove it, nothing needs it.", "Remedy: remove it, nothing needs it."),
    ],
)
def test_old_variables_are_named_on_every_host(roles, remedy, expected):
    content = {"role": "someone.demo", "variables": {"demo_container": remedy, "unused": "y"}}
    (roles / "demo_sync/meta/old_variables.yml").write_text(yaml.safe_dump(content))
    (problem,) = problems({"demo_container": "x"})
    assert problem == f"demo_container belongs to the older role someone.demo, and nothing reads it. {expected}"


def test_another_telegraf_may_go_on_running():
    """dj-wasabi.telegraf has the same prefix, and its variables stay in the inventory while it watches the hosts."""
    given = [
        "telegraf_agent_output",
        "telegraf_agent_version",
        "telegraf_plugins_extra",
        "telegraf_global_tags",
        "telegraf_enabled",
    ]
    given += [
        "telegraf_mac_user",
        "telegraf_processors",
        "telegraf_uid_override",
        "telegraf_win_install_dir",
        "telegraf_agentt",
    ]
    _options, known = check_variables.load_specification("telegraf", "main")
    (problem,) = check_variables.unknown_problems("telegraf", dict.fromkeys(given, "x"), known, ["telegraf"], {})
    assert problem.startswith("telegraf_agentt is not a variable")


def test_the_tables_of_old_variables_are_whole():
    """Of these, sites had some that no table named."""
    known = set()
    for path in Path(REAL_ROLES).glob("*/meta/old_variables.yml"):
        known |= set(yaml.safe_load(path.read_text(encoding="utf-8"))["variables"])
    assert known >= {
        *("rabbitmq_cluster", "rabbitmq_path", "rabbitmq_data_volume", "rabbitmq_ulimits", "rabbitmq_version"),
        *("flower_custom_logging", "flower_install", "flower_log_dir", "flower_log_file", "flower_log_level"),
        *("flower_venv_user", "flower_venv_group", "traefik_log_dir", "traefik_letsencrypt_mail"),
        *("galaxy_systemd_celery_beat_log_level", "galaxy_systemd_memory_limit_celery_beat"),
    }


def test_a_file_of_old_variables_that_is_broken_is_named(roles):
    (roles / "demo/meta/old_variables.yml").write_text("role: x")
    with pytest.raises(AnsibleActionFail, match=r"Cannot read the older variables .*demo/meta/old_variables\.yml"):
        run({"demo_password": MARK})


def test_entry_point(roles):
    result = run({"demo_verify_seconds": "soon"}, entry_point="verify")
    assert result["checked"] == 1
    assert "demo_verify_seconds is 'soon'" in result["msg"]


def test_role_without_options(roles):
    assert run({"empty_x": 1}, role="empty")["problems"] == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"role": "none"}, "The collection has no role 'none'. Roles: bare, demo, demo_sync, empty, galaxy."),
        ({"role": "../demo"}, "The collection has no role"),
        ({"role": "bare"}, "has no meta/argument_specs.yml"),
        ({"entry_point": "nowhere"}, "has no entry point 'nowhere'. Entry points: main, verify."),
    ],
)
def test_wrong_arguments(roles, args, message):
    with pytest.raises(AnsibleActionFail, match=message.replace("(", r"\(")):
        run({}, **args)


def test_unknown_argument(roles):
    with pytest.raises(AnsibleError, match="Unsupported parameters"):
        run({}, rolle="x")


@pytest.mark.parametrize("text", ["a: [", "just text", "argument_specs: [1]", "{}"])
def test_unreadable_specification(roles, text):
    (roles / "demo" / "meta" / "argument_specs.yml").write_text(text)
    with pytest.raises(AnsibleActionFail, match="Cannot read the specification"):
        run({})


def test_no_roles_at_all(monkeypatch, tmp_path):
    monkeypatch.setattr(check_variables, "ROLES_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(AnsibleActionFail, match="Roles: none"):
        run({})


RULES = {
    "rules": [
        {
            "name": "Check the port",
            "that": "demo_port | int < 65536",
            "message": "demo_port is {{ demo_port }}. Remedy: lower it.",
        },
        {"name": "Check the queues", "that": "demo_queues | length > 0", "message": "demo_queues is empty."},
        {
            "name": "Check facts",
            "that": "__inventory_only or ansible_facts['os_family'] == 'Debian'",
            "message": "Not Debian.",
        },
    ]
}
GOOD = {"demo_port": 1, "demo_queues": ["a"], "ansible_facts": {"os_family": "Debian"}}


@pytest.fixture
def ruled(roles):
    """The same roles; demo has rules."""
    (roles / "demo/meta/rules.yml").write_text(yaml.safe_dump(RULES))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"demo_port": 70000}, ["demo_port is 70000. Remedy: lower it."]),
        ({"demo_port": 70000, "demo_queues": []}, ["demo_port is 70000. Remedy: lower it.", "demo_queues is empty."]),
        ({"ansible_facts": {"os_family": "RedHat"}}, ["Not Debian."]),
    ],
)
def test_rules_follow_the_specification(ruled, change, expected):
    assert problems({**GOOD, **change}) == expected


def test_what_follows_from_a_wrong_variable_is_not_told_twice(ruled):
    found = problems({**GOOD, "demo_port": "many", "demo_queues": []})
    assert [text.split(";")[0] for text in found] == ["demo_port is 'many'", "demo_queues is empty."]
    assert len(problems({**GOOD, "demo_queues": "{{ nobody }}"})) == 1


def test_a_rule_that_cannot_be_judged_is_a_problem(ruled):
    variables = {name: value for name, value in GOOD.items() if name != "demo_port"}
    (problem,) = problems(variables)
    assert problem.startswith("Check the port: 'demo_port' is undefined")


def test_no_rule_shows_a_secret(roles):
    rule = {"name": "Check it", "that": False, "message": "demo_password is {{ demo_password }}."}
    (roles / "demo/meta/rules.yml").write_text(yaml.safe_dump({"rules": [rule]}))
    assert problems({}) == ["demo_password is ********."]


def test_a_file_of_rules_that_is_broken_is_named(roles):
    (roles / "demo/meta/rules.yml").write_text("rules: {")
    with pytest.raises(AnsibleActionFail, match=r"Cannot read the rules .*demo/meta/rules\.yml"):
        run({"demo_password": MARK})


def test_an_inventory_alone_is_reported_without_failing(ruled):
    variables = {"demo_port": 70000, "demo_queues": ["{{ ansible_facts['os_family'] }}"]}
    result = run({"demo_password": MARK, **variables}, inventory_only=True)
    assert result["problems"] == ["demo_port is 70000. Remedy: lower it."]
    assert "failed" not in result


def test_what_only_a_host_can_tell_is_left_open(ruled):
    variables = {"demo_port": 1, "demo_queues": ["{{ ansible_facts['default_ipv4']['address'] }}"]}
    assert run({"demo_password": MARK, **variables}, inventory_only=True)["problems"] == []


@pytest.mark.parametrize(
    ("name", "spec", "secret"),
    [
        ("x_password", {}, True),
        ("x_password", {"no_log": False}, False),
        ("x_anything", {"no_log": True}, True),
        ("x_key_dir", {}, False),
        ("x_private_key", {}, True),
    ],
)
def test_what_is_secret(name, spec, secret):
    assert check_variables.is_secret(name, spec) is secret
