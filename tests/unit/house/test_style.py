# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house rules for tasks, plays and templates (CONTRIBUTING.md) as tests."""

import ast
import re
from pathlib import Path

import pytest
from tools import roles, silence

MOST_TASKS = 25
DEEPEST_BLOCK = 2

TASK_FILES = roles.files("roles/*/tasks/**/*.yml", "roles/*/handlers/*.yml")
# main.yml only dispatches: its tasks are named after what they import.
NAMED_FILES = [path for path in roles.files("roles/*/tasks/**/*.yml") if path.stem != "main"]
PLAYS = roles.files("playbooks/*.yml", "molecule/**/*.yml")
CONTENT = roles.files("roles/**/*.yml", "roles/**/*.j2", "playbooks/**/*.yml", "molecule/**/*.yml")

BLOCKS = ("block", "rescue", "always")
TASK_LISTS = ("tasks", "pre_tasks", "post_tasks", "handlers")
NO_ACTIONS = {
    "any_errors_fatal", "args", "async", "become", "become_exe", "become_flags", "become_method", "become_user",
    "changed_when", "check_mode", "collections", "connection", "debugger", "delay", "delegate_facts", "delegate_to",
    "diff", "environment", "failed_when", "ignore_errors", "ignore_unreachable", "listen", "loop", "loop_control",
    "module_defaults", "name", "no_log", "notify", "poll", "port", "register", "remote_user", "retries", "run_once",
    "tags", "throttle", "timeout", "until", "vars", "when",
}  # fmt: skip
# Facts are read as ansible_facts['x']; these names are Ansible's own variables, not injected facts.
MAGIC = {
    "ansible_become", "ansible_become_method", "ansible_become_password", "ansible_become_user", "ansible_check_mode",
    "ansible_collection_name",
    "ansible_collections", "ansible_config_file", "ansible_connection", "ansible_diff_mode",
    "ansible_docker_extra_args", "ansible_facts", "ansible_failed_result", "ansible_failed_task", "ansible_forks",
    "ansible_host", "ansible_index_var",
    "ansible_inventory_sources", "ansible_limit", "ansible_loop", "ansible_loop_var",
    "ansible_parent_role_names", "ansible_password", "ansible_pipelining", "ansible_play_batch", "ansible_play_hosts",
    "ansible_play_hosts_all", "ansible_play_name", "ansible_play_role_names", "ansible_playbook_python", "ansible_port",
    "ansible_python_interpreter", "ansible_remote_tmp", "ansible_role_name", "ansible_role_names", "ansible_run_tags",
    "ansible_search_path", "ansible_skip_tags", "ansible_ssh_common_args", "ansible_user", "ansible_verbosity",
    "ansible_version",
}  # fmt: skip


def tasks_of(items, depth=0):
    """Every task of a list with the depth of its blocks; a block itself counts as none."""
    for item in items or []:
        if not isinstance(item, dict):
            continue
        if "block" in item:
            yield item, depth + 1
            for part in BLOCKS:
                yield from tasks_of(item.get(part), depth + 1)
        else:
            yield item, depth


def loaded(path):
    """The tasks of a task file, or of all plays of a playbook."""
    content = roles.load(roles.ROOT / path)
    if not isinstance(content, list):
        return []
    if path.parts[0] == "roles":
        return list(tasks_of(content))
    plays = [play for play in content if isinstance(play, dict)]
    if any("hosts" in play or "import_playbook" in play or "ansible.builtin.import_playbook" in play for play in plays):
        return [entry for play in plays for part in TASK_LISTS for entry in tasks_of(play.get(part))]
    return list(tasks_of(content))


def action_of(task):
    """The keys of a task that are no keywords: its action."""
    return [key for key in task if key not in NO_ACTIONS and not key.startswith("with_")]


def each(paths):
    """Every task that is not a block, with its file."""
    return [(path, task) for path in paths for task, _depth in loaded(path) if "block" not in task]


def label(path, task):
    """How a message names a task."""
    return f"{path}: {task.get('name', task)}"


EVERY = each([*TASK_FILES, *PLAYS])


@pytest.mark.parametrize("path", TASK_FILES, ids=str)
def test_a_task_file_is_short_and_flat(path):
    found = loaded(path)
    assert sum("block" not in task for task, _depth in found) <= MOST_TASKS
    assert max((depth for _task, depth in found), default=0) <= DEEPEST_BLOCK


@pytest.mark.parametrize("path", NAMED_FILES, ids=str)
def test_names_begin_with_the_file_outside_main(path):
    # Of a folder below tasks too: roles, ROLE, tasks, FOLDER.
    prefix = " | ".join([*path.parts[3:-1], path.stem, ""])
    names = [str(task.get("name")) for task, _depth in loaded(path)]
    assert [name for name in names if not name.startswith(prefix)] == []


def test_handlers_begin_with_their_role():
    """Handlers of all roles of a play share one list of names."""
    wrong = []
    for path in roles.files("roles/*/handlers/*.yml"):
        prefix = path.parts[1].replace("_", " ")
        for task, _depth in loaded(path):
            head = str(task.get("name")).partition(" | ")[0].replace("_", " ")
            if head.lower() != prefix:
                wrong.append(f"{label(path, task)}: begin with `{prefix.capitalize()} | `")
    assert wrong == []


def test_actions_have_their_full_names():
    wrong = [label(path, task) for path, task in EVERY if [key.count(".") >= 2 for key in action_of(task)] != [True]]
    assert wrong == []


def test_no_shell():
    words = {"shell", "raw", "ansible.builtin.shell", "ansible.builtin.raw"}
    assert [label(path, task) for path, task in EVERY if words & set(action_of(task))] == []


def test_no_ignored_errors():
    found = [path for path in CONTENT if re.search(r"^\s*-?\s*ignore_errors\s*:", text_of(path), re.MULTILINE)]
    assert found == []


def text_of(path):
    """The file without its comment lines."""
    lines = (roles.ROOT / path).read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


@pytest.mark.parametrize("path", CONTENT, ids=str)
def test_facts_are_read_from_ansible_facts(path):
    text = text_of(path)
    injected = set(re.findall(r"(?<![\w.'\"/-])ansible_[a-z0-9_]+\b(?!\s*:(?!:))", text)) - MAGIC
    assert sorted(injected) == [], "an injected fact: write ansible_facts['...']"
    assert re.findall(r"ansible_facts\.\w+", text) == [], "write ansible_facts['...']"


@pytest.mark.parametrize("keyword", ["set_fact", "register"])
def test_what_a_task_sets_is_private(keyword):
    wrong = []
    for path, task in EVERY:
        if keyword == "register":
            names = [task["register"]] if "register" in task else []
        else:
            names = [name for key in ("set_fact", "ansible.builtin.set_fact") for name in task.get(key) or {}]
        wrong += [f"{label(path, task)}: {name}" for name in names if not name.startswith("__") and name != "cacheable"]
    assert wrong == []


def test_loop_variables_are_private_in_roles():
    wrong = []
    for path, task in EVERY:
        variable = (task.get("loop_control") or {}).get("loop_var")
        if path.parts[0] == "roles" and variable and not variable.startswith("__"):
            wrong.append(f"{label(path, task)}: {variable}")
    assert wrong == []


def test_roles_name_no_inventory_group():
    words = ("galaxyservers", "rabbitmqservers", "traefikservers", "dbservers", "celeryservers", "flowerservers",
             "telegrafservers", "celerybeat")  # fmt: skip
    pattern = re.compile(r"(?<![\w.-])(" + "|".join(words) + r")(?![\w.-])|\bgroups\[")
    found = [
        f"{path}: {match.group(0)}"
        for path in CONTENT
        if path.parts[0] == "roles" and path.name != "argument_specs.yml"
        for match in pattern.finditer(text_of(path))
    ]
    assert found == []


def test_playbooks_read_nothing_that_stays_out_of_the_artifact():
    pattern = re.compile(r"\.\./(inventories|molecule|tests)\b|\b(molecule|tests)/")
    shipped = roles.files("playbooks/**/*.yml", "roles/**/*.yml", "roles/**/*.j2")
    found = [f"{path}: {match.group(0)}" for path in shipped
             for match in pattern.finditer(text_of(path))]  # fmt: skip
    assert found == []


def test_plugins_carry_the_license():
    wrong = []
    for path in roles.files("plugins/**/*.py"):
        head = "\n".join((roles.ROOT / path).read_text(encoding="utf-8").splitlines()[:6])
        if path.name != "__init__.py" and "SPDX-License-Identifier: GPL-3.0-or-later" not in head:
            wrong.append(path)
    assert wrong == []


def test_nothing_in_the_tree_is_of_one_machine():
    """No path of a home directory or of a work folder of whoever wrote it."""
    pattern = re.compile(r"(?<![\w.])/(root/|home/[a-z]|work/|tmp/s/)")
    allowed = re.compile(r"/root/\.(?:ansible|cache)|/home/galaxy|/home/admin/\.ansible")
    found = []
    folders = ("meta", "roles", "plugins", "playbooks", "inventories", "docs", "molecule", "tests/testbed")
    for path in roles.files("*", *[f"{folder}/**/*" for folder in folders]):
        # In a linked work tree .git is a file that names the other one.
        if path in (Path("LICENSE"), Path(".git")) or "__pycache__" in path.parts:
            continue
        text = (roles.ROOT / path).read_text(encoding="utf-8", errors="replace")
        found += [f"{path}: {line.strip()}" for line in text.splitlines()
                  if pattern.search(line) and not allowed.search(line)]  # fmt: skip
    assert found == []


def test_no_skip_list():
    config = roles.load(roles.ROOT / ".ansible-lint")
    assert config["profile"] == "production"
    assert not {"skip_list", "warn_list"} & set(config)
    assert list(roles.ROOT.glob("tests/sanity/ignore*")) == []
    # A bare noqa silences everything: it names its rule and says why.
    bare = [path for path in CONTENT if re.search(r"# *noqa(?!: *[a-z-]+(\[[a-z-]+\])?( [a-z-]+\[[a-z-]+\])* +\S)",
                                                  (roles.ROOT / path).read_text(encoding="utf-8"))]  # fmt: skip
    assert bare == []


# Words in names of numbers that say nothing without a unit.
UNITS = re.compile(r"_(seconds|minutes|days|mb|percent|ms)$|_per_(hour|second)$")
MEASURES = re.compile(r"(timeout|interval|expires|delay|_age|memory|_size$|duration|_ttl)")
# Counts of things, though a word in the name is one of a measure.
COUNTS = {"postgresql_access_pool_size"}
# What says itself that it is a switch.
SWITCHES = re.compile(r"(_enabled|_no_log|_remote)$")


@pytest.mark.parametrize("role", roles.names())
def test_switches_are_positive_and_say_so(role):
    names = [name for name, option in roles.options(role).items() if option.get("type") == "bool"]
    assert [
        name for name in names if not SWITCHES.search(name) or re.search(r"_(no|not|disable|skip)_(?!log)", name)
    ] == []


@pytest.mark.parametrize("role", roles.names())
def test_numbers_have_their_unit_in_the_name(role):
    numbers = [name for name, option in roles.options(role).items() if option.get("type") in ("int", "float")]
    assert [name for name in numbers if MEASURES.search(name) and not UNITS.search(name) and name not in COUNTS] == []


@pytest.mark.parametrize("role", roles.names())
def test_versions_are_literals(role):
    """What is resolved at run time is another thing each time."""
    values = roles.defaults(role)
    found = {name: str(value) for name, value in values.items() if re.search(r"_(version|image)$", name)}
    assert [name for name, value in found.items() if "latest" in value or "lookup" in value] == []
    assert [name for name, value in found.items() if not re.search(r"\d|_version", value)] == []


@pytest.mark.parametrize("path", roles.files("roles/*/tasks/main.yml"), ids=str)
def test_main_only_dispatches(path):
    allowed = {"ansible.builtin.import_tasks", "ansible.builtin.include_tasks"}
    if path.parts[1] == "common":
        allowed = {"ansible.builtin.fail"}
    assert [label(path, task) for task, _depth in loaded(path) if not set(action_of(task)) <= allowed] == []


def test_the_preflight_always_runs():
    """With every tag, unless the playbook has run it before the first change."""
    always = {
        "ansible.builtin.include_tasks": {"file": "preflight.yml", "apply": {"tags": ["always"]}},
        "tags": ["always"],
        "when": "not __common_checked | default(false)",
    }
    wrong = []
    for path in roles.files("roles/*/tasks/main.yml"):
        first = loaded(path)[0][0]
        if path.parts[1] != "common" and {name: value for name, value in first.items() if name != "name"} != always:
            wrong.append(path)
    assert wrong == []


def test_what_installs_can_be_left_out():
    """By --skip-tags install; but what rabbitmq and traefik learn of the engine there, the rest of them needs."""
    tagged = {}
    for path in roles.files("roles/*/tasks/main.yml"):
        for task, _depth in loaded(path):
            if task.get("ansible.builtin.import_tasks") == "install.yml":
                tagged[path.parts[1]] = task.get("tags")
    assert {role for role, tags in tagged.items() if tags != ["install"]} == {"rabbitmq", "traefik"}


def test_what_check_mode_may_leave_out_is_there():
    """A task that has another name now would be found an hour later, by molecule/truth."""
    names = {(path.parts[1], task.get("name")) for path, task in each(roles.files("roles/*/*/**/*.yml"))}
    known = {**silence.NOT_ON_BARE_HOSTS, **silence.NOT_AFTER_A_CHANGE, **silence.AFTER_A_NEW_CONFIGURATION}
    assert set(known) - names == set()


def test_a_command_tells_when_it_changes_something():
    """In roles: or it never runs in check mode without saying what it would do."""
    wrong = []
    for path, task in EVERY:
        command = task.get("ansible.builtin.command")
        if path.parts[0] != "roles" or command is None:
            continue
        told = "changed_when" in task or {"creates", "removes"} & (set(command) if isinstance(command, dict) else set())
        if not told:
            wrong.append(label(path, task))
    assert wrong == []


def test_secrets_are_hidden_by_the_switch_of_the_role():
    """Or always, where no switch may show what the operator never typed."""
    pattern = re.compile(r"\{\{ (\w+)_no_log( \| bool| and [^}]+)? \}\}|True")
    hidden = [(path, task) for path, task in EVERY if path.parts[0] == "roles" and task.get("no_log")]
    wrong = [label(path, task) for path, task in hidden if not pattern.fullmatch(str(task["no_log"]))]
    assert wrong == []


@pytest.mark.parametrize("kind", ["action", "filter", "modules"])
def test_every_plugin_has_unit_tests(kind):
    """A module that an action of the same name stands for is tested as that action."""
    actions = {path.stem for path in roles.files("plugins/action/*.py")}
    names = {path.stem for path in roles.files(f"plugins/{kind}/*.py")} - (actions if kind == "modules" else set())
    paths = [path for path in roles.files("tests/unit/**/test_*.py") if "house" not in path.parts]
    texts = " ".join(path.stem + (roles.ROOT / path).read_text(encoding="utf-8") for path in paths)
    assert sorted(name for name in names if not re.search(rf"\b(test_)?{name}\b", texts)) == []


def test_every_template_is_rendered_by_a_unit_test():
    texts = " ".join((roles.ROOT / path).read_text(encoding="utf-8") for path in roles.files("tests/unit/roles/*.py"))
    templates = roles.files("roles/*/templates/**/*.j2")
    # What others import, and what only RabbitMQ's image can run: the scenario rabbitmq does.
    elsewhere = {"celery-galaxy-common", "check_config.escript"}
    names = {path.name.removesuffix(".j2") for path in templates} - elsewhere
    assert sorted(name for name in names if name not in texts) == []


def test_nothing_is_skipped_without_a_reason():
    wrong = []
    for path in roles.files("tests/unit/**/*.py", "tests/integration/*.py"):
        for call in ast.walk(ast.parse((roles.ROOT / path).read_text(encoding="utf-8"))):
            name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
            if not re.fullmatch(r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)", name):
                continue
            said = any(word.arg == "reason" for word in call.keywords) or (name == "pytest.skip" and call.args)
            if not said:
                wrong.append(f"{path}:{call.lineno}")
    assert wrong == []


def checks_first(path):
    """Say whether a playbook's first play, or the first playbook that it imports, is a preflight."""
    for play in roles.load(path):
        imported = play.get("ansible.builtin.import_playbook")
        if imported == "stack/groups.yml":
            continue
        if imported:
            return imported.endswith("preflight.yml") or checks_first(path.parent / imported)
        # The facts come first, with what is missing for them, and the plan that is made of them.
        rest = [task for task in play.get("tasks") or [] if "ansible.builtin.import_tasks" not in task]
        if rest:
            include = rest[0].get("ansible.builtin.include_role") or {}
            asked = include.get("tasks_from", "").rpartition("/")[2]
            return asked in ("preflight", "check") or "ansible.builtin.assert" in rest[0]
    return False


@pytest.mark.parametrize("path", roles.files("roles/*/defaults/main.yml"), ids=str)
def test_a_role_runs_on_the_python_of_the_system(path):
    """Not on a newer one beside it, which lacks the libraries of the system's packages."""
    assert roles.load(roles.ROOT / path)[roles.INTERPRETER] == "/usr/bin/python3"


@pytest.mark.parametrize("path", roles.files("playbooks/*.yml"), ids=str)
def test_a_playbook_begins_with_its_checks(path):
    assert checks_first(roles.ROOT / path)
