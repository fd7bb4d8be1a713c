# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example in the plugins' documentation is executed: here, or on the demo by molecule/default/verify.yml.

One run of ansible-playbook executes all that need no service, for each plugin on a host of its name, which is this
machine with a temporary folder in place of /etc and /srv.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from tools import examples, roles
from tools.preflight_site import CERTIFICATE, FACTS, FAKE_FACTS, PRIVATE_KEY, SECRETS

PLUGINS = examples.plugins()
EVERY = [example for found in PLUGINS.values() for example in found]
HERE = [example for example in EVERY if example.plugin in examples.LOCAL]
MODULES = [example for example in EVERY if roles.ROOT.joinpath("plugins/modules", example.plugin + ".py").is_file()]

# What the examples name and leave to the site.
SITE = {
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
    "ansible_remote_tmp": "{{ folder }}/remote",
    "certificate": CERTIFICATE,
    "private_key": PRIVATE_KEY,
    "galaxy_amqp_host": "mq.example.org",
    "galaxy_amqp_password": SECRETS["galaxy_amqp_password"],
    "rabbitmq_admin_password": SECRETS["rabbitmq_admin_password"],
    "rabbitmq_erlang_cookie": SECRETS["rabbitmq_erlang_cookie"],
    "flower_amqp_password": SECRETS["flower_amqp_password"],
    "telegraf_amqp_password": SECRETS["telegraf_amqp_password"],
    "ansible_facts_modules": "fake_facts",
}
# The roles of the examples of check_variables.
ROLES_CHECKED = ("celery", "rabbitmq")
# The message of an example that is there to stop something; the others pass.
STOPS = {"Stop at a mistyped address"}


def identify(example):
    """Name of an example in the output of pytest."""
    return f"{example.plugin}: {example.task['name']}"


def module_problems(example):
    """What the argument specification of the module itself holds against an example."""
    name, parameters = example.action
    if not name.startswith("usegalaxy_eu.celery."):
        return []
    module = importlib.import_module("ansible_collections.usegalaxy_eu.celery.plugins.modules." + name.split(".")[-1])
    if not hasattr(module, "main"):  # an action, whose plugin checks its parameters itself
        return []
    found = {}

    class Specified(Exception):
        pass

    def initialise(_self, argument_spec, **rules):
        found.update(rules, argument_spec=argument_spec)
        raise Specified

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic.AnsibleModule, "__init__", initialise)
        with pytest.raises(Specified):
            module.main()
    rules = {key: found[key] for key in ("mutually_exclusive", "required_one_of", "required_if") if key in found}
    empty = {"dict": {}, "list": []}
    values = {
        key: empty.get(found["argument_spec"].get(key, {}).get("type"), value) if roles.is_template(value) else value
        for key, value in parameters.items()
    }
    return ModuleArgumentSpecValidator(found["argument_spec"], **rules).validate(values).error_messages


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What stands in place of the root directory."""
    root = tmp_path_factory.mktemp("examples")
    for example in HERE:
        for path in re.findall(r"(?<= )/(?:etc|srv)/\S+(?=/)", example.text):
            (root / path[1:]).mkdir(parents=True, exist_ok=True)
    (root / "srv/galaxy/server/config/galaxy.yml").write_text("galaxy:\n  brand: test\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def results(folder):
    """Run all examples of this machine at once. Returns the result of each by plugin and name."""
    hosts = {name: {} for name in sorted(examples.LOCAL)}
    inventory = {"examples": {"hosts": hosts, "vars": {**SITE, "folder": str(folder)}}}
    inventory.update({group: {"hosts": {"check_inventory": {}}} for group in ("galaxyservers", "celeryservers")})
    (folder / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
    plays = []
    for plugin in sorted(examples.LOCAL):
        text = "".join(example.text for example in PLUGINS[plugin])
        text = re.sub(r"(?<= )/(?=(etc|srv)/)", f"{folder}/", text)
        # Each result is looked at below; here one failure must not keep the others from being executed.
        play = {"name": plugin, "hosts": plugin, "ignore_errors": True}
        if plugin == "check_variables":  # which is for the tasks of a role
            folders = [roles.ROLES / role / kind for role in ROLES_CHECKED for kind in ("defaults", "vars")]
            play["vars_files"] = [str(path / "main.yml") for path in folders]
        plays.append({**play, "tasks": yaml.safe_load(text)})
    (folder / "ansible.cfg").touch()
    (folder / "fake_facts.py").write_text(FAKE_FACTS.format(facts={**FACTS, "memtotal_mb": 16384}), encoding="utf-8")
    (folder / "playbook.yml").write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_COLLECTIONS_PATH": str(roles.ROOT / ".cache" / "collections"),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_INJECT_FACT_VARS": "0",
        "ANSIBLE_LIBRARY": str(folder),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", str(folder / "hosts.json"), str(folder / "playbook.yml")]
    process = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert process.stdout.lstrip().startswith("{"), process.stdout[-2000:] + process.stderr[-2000:]
    return {
        (play["play"]["name"], task["task"]["name"]): result
        for play in json.loads(process.stdout)["plays"]
        for task in play["tasks"]
        for result in task["hosts"].values()
    }


def shown(example, result, folder):
    """What the comment of an example states: text that was shown, the fact that was set, the content of a file."""
    if result.get("ansible_facts"):
        (value,) = result["ansible_facts"].values()
        return value
    if "dest" in result:
        return Path(result["dest"]).read_text(encoding="utf-8")
    return result["msg"]


def test_no_example_is_left_out():
    assert {name for name, found in PLUGINS.items() if not found} == set(), "no example"
    demo = {name.partition(": ")[0] for name in examples.DEMO}
    assert examples.LOCAL & demo == set()
    assert examples.LOCAL | demo == set(PLUGINS), "in no list of tests/tools/examples.py, or in one without being there"
    tasks = {f"{example.plugin}: {example.task['name']}" for example in EVERY}
    assert {name for name in examples.DEMO if ":" in name} <= tasks
    assert len(tasks) == len(EVERY), "two examples of one plugin have one name"


def test_every_plugin_that_has_documentation_is_looked_at():
    files = [roles.ROOT / path for path in roles.files("plugins/*/*.py")]
    documented = {path.stem for path in files if "\nDOCUMENTATION = " in path.read_text(encoding="utf-8")}
    fragments = {path.stem for path in roles.files("plugins/doc_fragments/*.py")}
    assert documented - fragments == set(PLUGINS)


def test_the_demo_executes_its_list(tmp_path):
    examples.write_for_demo(tmp_path)
    written = [task["name"] for path in tmp_path.iterdir() for task in yaml.safe_load(path.read_text(encoding="utf-8"))]
    assert sorted(written) == sorted(example.task["name"] for example in EVERY if example.plugin not in examples.LOCAL)
    verify = (roles.ROOT / "molecule/default/verify.yml").read_text(encoding="utf-8")
    assert "tests/tools/examples.py" in verify
    assert "include_tasks" in verify


@pytest.mark.parametrize("example", MODULES, ids=identify)
def test_the_parameters_of_a_module_are_those_of_its_specification(example):
    assert module_problems(example) == []


def test_a_wrong_parameter_is_found():
    wrong = [("celery_info", "node: [a]"), ("celery_info", "nodes: {a: 1}"), ("galaxy_database_info", "contact: false")]
    for plugin, parameters in wrong:
        text = f"- name: x\n  usegalaxy_eu.celery.{plugin}:\n    {parameters}\n"
        assert module_problems(examples.Example(plugin, text)) != []


@pytest.mark.parametrize("example", HERE, ids=identify)
def test_the_example_does_what_it_states(example, results, folder):
    result = results[example.plugin, example.task["name"]]
    assert bool(result.get("failed")) == (example.task["name"] in STOPS), result.get("msg", result)
    if example.comment:
        value = shown(example, result, folder)
        assert value == (example.comment + "\n" if "dest" in result else yaml.safe_load(example.comment))
    elif "dest" in result:
        assert yaml.safe_load(Path(result["dest"]).read_text(encoding="utf-8"))
    else:
        assert example.action[0].split(".")[-1] not in ("debug", "set_fact"), "the comment has to state the result"
        assert example.task["name"] not in STOPS, "the comment has to state the message"
