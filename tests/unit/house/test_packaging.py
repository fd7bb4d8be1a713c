# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The papers of the collection agree with each other and with what the roles use."""

import re

from tools import roles

GALAXY = roles.load(roles.ROOT / "galaxy.yml")
SHIPPED = roles.files("roles/**/*.yml", "roles/**/*.j2", "playbooks/**/*.yml", "plugins/**/*.py")


def used_collections():
    """Collections whose modules or plugins are named by their full name in what is shipped."""
    pattern = re.compile(r"\b((?:community|ansible|containers|ansibleguy)\.[a-z0-9_]+)\.[a-z0-9_]+")
    found = set()
    for path in SHIPPED:
        found.update(pattern.findall((roles.ROOT / path).read_text(encoding="utf-8")))
    own = re.compile(r"ansible\.(_internal|builtin|module_utils|errors|plugins|utils|parsing|template|vars)$")
    return {name for name in found if not own.match(name)}


def test_dependencies_are_those_that_are_used():
    assert set(GALAXY["dependencies"]) == used_collections()


def test_requirements_repeat_the_dependencies():
    required = {entry["name"]: entry["version"] for entry in roles.load(roles.ROOT / "requirements.yml")["collections"]}
    assert required == GALAXY["dependencies"]


def test_every_dependency_has_a_lower_bound():
    assert [name for name, bound in GALAXY["dependencies"].items() if not re.match(r">=\d+\.\d+\.\d+", bound)] == []


def test_the_tests_run_with_what_the_dependencies_ask_for():
    """The lower bounds are no younger than what the tests see."""
    from importlib.metadata import version

    runtime = roles.load(roles.ROOT / "meta" / "runtime.yml")["requires_ansible"]
    oldest = tuple(int(part) for part in re.match(r">=(\d+)\.(\d+)", runtime).groups())
    assert tuple(int(part) for part in version("ansible-core").split(".")[:2]) >= oldest


def test_tags_follow_the_rules_of_the_collection_server():
    assert all(re.fullmatch(r"[a-z0-9]{1,64}", tag) for tag in GALAXY["tags"])
    assert len(GALAXY["tags"]) <= 20


def test_every_direct_requirement_is_pinned():
    files = roles.files("tests/requirements*.txt", "tests/constraints*.txt")
    lines = [line for path in files for line in (roles.ROOT / path).read_text(encoding="utf-8").splitlines()]
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w.\[\]-]+==[\w.!]+", line)] == []
