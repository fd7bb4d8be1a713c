# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Specifications and defaults of every role say the same."""

import pytest
from tools import roles

TYPES = {
    "str": str,
    "path": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "list": list,
    "dict": dict,
    "raw": object,
}
# Roles whose work is done by task files that others call; their specification has an entry point for each.
LIBRARIES = {"common"}

ROLES = roles.names()
ACTING = [role for role in ROLES if role not in LIBRARIES]
SECRET_WORDS = ("_password", "_cookie", "_private_key", "_secret", "_token")


def fits(value, kind):
    """Whether a literal is of the type; a bool is no number."""
    if isinstance(value, bool) and kind in ("int", "float"):
        return False
    return isinstance(value, TYPES[kind])


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_papers(role):
    wanted = ["README.md", "meta/main.yml", "meta/argument_specs.yml"]
    if role not in LIBRARIES:
        wanted += ["defaults/main.yml", "tasks/main.yml", "tasks/preflight.yml", "tasks/verify.yml"]
        wanted += ["meta/rules.yml", "tasks/check.yml"]
    assert [name for name in wanted if not (roles.ROLES / role / name).is_file()] == []


@pytest.mark.parametrize("role", sorted(LIBRARIES & set(ROLES)))
def test_a_library_specifies_each_of_its_task_files(role):
    task_files = {path.stem for path in (roles.ROLES / role / "tasks").glob("*.yml")} - {"main"}
    assert set(roles.entry_points(role)) - {"main"} == task_files


@pytest.mark.parametrize("role", ACTING)
def test_specification_and_defaults_have_the_same_names(role):
    specified, given = set(roles.options(role)), set(roles.defaults(role))
    unspecified = sorted(name for name in given - specified if not name.startswith("__"))
    required = {name for name, option in roles.options(role).items() if option.get("required")}
    assert unspecified == [], "in defaults/main.yml, but not in meta/argument_specs.yml"
    assert sorted(specified - given - required) == [], "in meta/argument_specs.yml without a default and not required"


@pytest.mark.parametrize("role", ACTING)
def test_variables_bear_the_name_of_their_role(role):
    longer = [other + "_" for other in ROLES if other.startswith(role + "_")]
    names = set(roles.options(role)) | set(roles.defaults(role))
    own = {name for name in names if name.startswith((f"{role}_", f"__{role}_")) and not name.startswith(tuple(longer))}
    assert sorted(names - own) == []
    private = set(roles.load(roles.ROLES / role / "vars" / "main.yml") or {})
    assert sorted(name for name in private if not name.startswith(f"__{role}_")) == []


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_typed_and_described(role):
    wrong = []
    for entry_point in roles.entry_points(role):
        for name, option in roles.walk(roles.options(role, entry_point)):
            if option.get("type") not in TYPES:
                wrong.append(f"{name}: type {option.get('type')!r}")
            if option.get("type") == "list" and option.get("elements") not in TYPES:
                wrong.append(f"{name}: a list without elements")
            if not option.get("description"):
                wrong.append(f"{name}: no description")
            if option.get("required") and "default" in option:
                wrong.append(f"{name}: required, and with a default")
    assert wrong == []


@pytest.mark.parametrize("role", ACTING)
def test_literal_defaults_are_equal_and_of_their_type(role):
    wrong = []
    values = roles.defaults(role)
    for name, option in roles.options(role).items():
        if name not in values:
            continue
        value, kind = values[name], option.get("type")
        if roles.is_template(value):
            # Worked out at run time: the specification leaves it out or repeats the expression.
            if option.get("default", value) != value:
                wrong.append(f"{name}: the specification's default {option['default']!r} is not {value!r}")
            continue
        if value is None or not fits(value, kind):
            wrong.append(f"{name}: {value!r} is no {kind}")
        if option.get("required"):
            wrong.append(f"{name}: required, yet defaults/main.yml gives {value!r}")
        elif "default" not in option:
            wrong.append(f"{name}: the specification lacks the default {value!r}")
        elif option["default"] != value or type(option["default"]) is not type(value):
            wrong.append(f"{name}: the specification's default {option['default']!r} is not {value!r}")
        if option.get("choices") and not set(value if kind == "list" else [value]) <= set(option["choices"]):
            wrong.append(f"{name}: {value!r} is none of its choices")
        for element in value if kind == "list" and isinstance(value, list) else []:
            if not roles.is_template(element) and not fits(element, option.get("elements", "raw")):
                wrong.append(f"{name}: the element {element!r} is no {option['elements']}")
    assert wrong == []


@pytest.mark.parametrize("role", ACTING)
def test_nested_defaults_hold_only_specified_keys(role):
    wrong = []
    values = roles.defaults(role)
    for name, option in roles.options(role).items():
        nested, value = option.get("options"), values.get(name)
        if not nested or roles.is_template(value):
            continue
        for element in value if isinstance(value, list) else [value]:
            if isinstance(element, dict):
                wrong += [f"{name}: {key}" for key in element if key not in nested]
    assert wrong == []


@pytest.mark.parametrize("role", ACTING)
def test_secrets_have_no_default(role):
    """A secret is required, or comes from the one variable that holds it."""
    wrong = []
    values = roles.defaults(role)
    for name, option in roles.options(role).items():
        if not name.endswith(SECRET_WORDS):
            continue
        value = values.get(name)
        if value and not roles.is_template(value):
            wrong.append(f"{name}: a literal default")
        if roles.is_undefined(value) and not option.get("required"):
            wrong.append(f"{name}: its default is only a hint, so the specification must say required: true")
        if option.get("default") and not roles.is_template(option["default"]):
            wrong.append(f"{name}: a literal default in the specification")
    assert wrong == []


@pytest.mark.parametrize("role", ACTING)
def test_a_hint_stands_only_for_what_is_required(role):
    hints = {name for name, value in roles.defaults(role).items() if roles.is_undefined(value)}
    assert sorted(name for name in hints if not roles.options(role).get(name, {}).get("required")) == []
