# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests of the test bed's own programs: projects and checkouts side by side leave each other alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tools import roles

IMAGES = ("node", "galaxy", "edge", "monitoring", "nfs", "rabbitmq", "vm")


class Checkout:
    """A copy of the test bed's recipes, with a cache of its own."""

    def __init__(self, folder: Path):
        self.root, self.cache = folder / "checkout", folder / "cache"
        shutil.copytree(roles.ROOT / "tests/testbed", self.root / "tests/testbed")
        for name in ("requirements.txt", "constraints.txt"):
            shutil.copy(roles.ROOT / "tests" / name, self.root / "tests")
        (self.root / "molecule/other").mkdir(parents=True)
        self.scenario = self.root / "molecule/other/molecule.yml"

    def build(self, *arguments: str, **settings: str) -> str:
        """What build.sh prints."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TESTBED_")}
        return subprocess.check_output(
            [self.root / "tests/testbed/build.sh", *arguments],
            text=True,
            env={**clean, "TESTBED_CACHE": str(self.cache), **settings},
        ).strip()

    def images(self, **settings: str) -> dict[str, str]:
        """The references of all images."""
        return {name: self.build("image", name, **settings) for name in IMAGES}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The images that are called otherwise."""
    return {name for name in before if before[name] != after[name]}


def test_equal_recipes_have_equal_names(checkout, tmp_path):
    assert Checkout(tmp_path / "second").images() == checkout.images()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("images/node/install-apt.sh", {"node", "galaxy", "edge", "monitoring", "nfs"}),
        ("images/galaxy/build-tree.sh", {"galaxy", "monitoring", "nfs"}),
        ("locks/galaxy-26.1.2.txt", {"galaxy", "monitoring", "nfs"}),
        ("locks/galaxy-26.0.2.txt", set()),
        ("images/rabbitmq/Dockerfile", {"rabbitmq"}),
        ("README.md", set()),
    ],
)
def test_another_recipe_renames_what_is_made_from_it(checkout, file, expected):
    before = checkout.images()
    with (checkout.root / "tests/testbed" / file).open("a", encoding="utf-8") as recipe:
        recipe.write("# changed\n")
    assert changed(before, checkout.images()) == expected


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("TESTBED_SUITE", "trixie", {"node", "galaxy", "edge", "monitoring", "nfs"}),
        ("TESTBED_NODE_BASE_IMAGE", "rockylinux:9", {"node", "galaxy", "edge", "monitoring", "nfs"}),
        ("TESTBED_GALAXY_VERSION", "26.0.2", {"galaxy", "monitoring", "nfs"}),
        ("TESTBED_GALAXY_CELERY", "newest", {"galaxy", "monitoring", "nfs"}),
        ("TESTBED_RABBITMQ_SUITE", "bookworm", {"rabbitmq"}),
        ("TESTBED_RABBITMQ_IMAGE", "rabbitmq:4.1.4-management", {"rabbitmq"}),
    ],
)
def test_another_setting_renames_what_is_made_with_it(checkout, setting, value, expected):
    assert changed(checkout.images(), checkout.images(**{setting: value})) == expected


def test_a_galaxy_without_a_lock_is_refused(checkout):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        checkout.build("names", TESTBED_GALAXY_VERSION="1.2.3")
    assert refused.value.returncode == 1


def test_a_project_keeps_what_it_was_made_from(checkout):
    """A second checkout that makes another asset of the same name does not change the nodes of the first."""
    asset = Path(checkout.build("asset", "traefik"))
    asset.write_text("first", encoding="utf-8")
    checkout.build("project", "one")
    checkout.build("project", "two", TESTBED_SUITE="trixie")
    asset.unlink()
    asset.write_text("second", encoding="utf-8")
    one = checkout.cache / "projects/one"
    assert (one / "assets/traefik").read_text(encoding="utf-8") == "first"
    assert yaml.safe_load((one / "images.json").read_text(encoding="utf-8")) == checkout.images()
    two = yaml.safe_load((checkout.cache / "projects/two/images.json").read_text(encoding="utf-8"))
    assert two == checkout.images(TESTBED_SUITE="trixie")
    checkout.build("project", "one")
    assert (one / "assets/traefik").read_text(encoding="utf-8") == "second"


def test_what_a_scenario_or_a_project_needs_is_named(checkout):
    """`make testbed-clean` removes what is not named."""
    checkout.scenario.write_text("ansible:\n  env:\n    TESTBED_SUITE: trixie\n", encoding="utf-8")
    checkout.build("project", "one", TESTBED_GALAXY_VERSION="26.0.2")
    named = checkout.build("named").splitlines()
    for settings in ({}, {"TESTBED_SUITE": "trixie"}, {"TESTBED_GALAXY_VERSION": "26.0.2"}):
        assert set(checkout.images(**settings).values()) <= set(named)
    assert checkout.images(TESTBED_GALAXY_VERSION="25.1.3")["galaxy"] not in named


@pytest.mark.parametrize(("given", "expected"), [({}, "galaxy-celery-demo"), ({"TESTBED_PROJECT": "x"}, "x")])
def test_the_demo_acts_on_the_project_that_is_asked_for(tmp_path, given, expected):
    play = tmp_path / "ansible-playbook"
    play.write_text('#!/bin/sh\necho "TASK [project $TESTBED_PROJECT]"\n', encoding="utf-8")
    play.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name != "TESTBED_PROJECT"}
    env |= {"PATH": f"{tmp_path}{os.pathsep}{env['PATH']}", "TESTBED_CACHE": str(tmp_path / "cache"), **given}
    shown = subprocess.check_output([roles.ROOT / "tests/testbed/demo.sh", "verify"], text=True, env=env)
    assert f"TASK [project {expected}]" in shown
    assert (tmp_path / "cache/logs" / expected / "verify.log").is_file()
