# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role says the same of the systems that it is made for, and has what differs between them for each family."""

from __future__ import annotations

import re

import pytest
from tools import role_templates, roles

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils._platforms import SUPPORTED

# As Ansible Galaxy calls them.
GALAXY = {"12": "bookworm", "13": "trixie", "22.04": "jammy", "24.04": "noble"}
FAMILIES = {"Debian": "Debian", "Ubuntu": "Debian", "Rocky": "RedHat", "AlmaLinux": "RedHat", "RedHat": "RedHat"}
SYSTEMS = [(name, version) for name in SUPPORTED for version in SUPPORTED[name]]


def platforms(role):
    """What differs for a role between the families, or nothing."""
    return (roles.load(roles.ROLES / role / "vars/main.yml") or {}).get(f"__{role}_platforms")


DIFFERENT = [role for role in roles.names() if platforms(role)]


def keys(value, path=""):
    """The keys of a dictionary, also of those inside."""
    if not isinstance(value, dict):
        return {path}
    return set().union(*[keys(item, f"{path}.{key}") for key, item in value.items()])


@pytest.mark.parametrize("role", roles.names())
def test_the_papers_of_a_role_name_the_same_systems(role):
    told = roles.load(roles.ROLES / role / "meta/main.yml")["galaxy_info"]["platforms"]
    expected = [
        {"name": "Debian", "versions": [GALAXY[version] for version in SUPPORTED["Debian"]]},
        {"name": "Ubuntu", "versions": [GALAXY[version] for version in SUPPORTED["Ubuntu"]]},
        # There Rocky and Alma are one with what they are made from.
        {"name": "EL", "versions": list(SUPPORTED["Rocky"])},
    ]
    assert told == expected
    assert SUPPORTED["Rocky"] == SUPPORTED["AlmaLinux"] == SUPPORTED["RedHat"]


def test_the_page_names_the_same_systems():
    text = (roles.ROOT / "docs/platforms.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S[^|]*?) \|", text, re.MULTILINE)
    names = {"AlmaLinux": "AlmaLinux", "Rocky": "Rocky Linux", "RedHat": "Red Hat Enterprise Linux"}
    for name, version in SYSTEMS:
        assert f"{names.get(name, name)} {version}" in rows, f"docs/platforms.md has no row for {name} {version}"


def test_no_system_is_asked_for_elsewhere():
    """What differs stands in vars/main.yml, below the family; the files of a family are chosen by its name alone."""
    chosen = re.compile(r"ansible_facts\['(os_family|distribution\w*)'\]")
    patterns = [f"roles/*/{part}/*.yml" for part in ("tasks", "defaults", "handlers")]
    told = [
        f"{path}: {line.strip()}"
        for path in roles.files(*patterns, "roles/**/*.j2")
        for line in (roles.ROOT / path).read_text(encoding="utf-8").splitlines()
        if chosen.search(line) and "include_tasks" not in line
    ]
    assert told == []


@pytest.mark.parametrize("role", DIFFERENT)
def test_each_family_has_the_same_keys(role):
    families = platforms(role)
    assert set(families) == set(FAMILIES.values())
    assert len({frozenset(keys(family)) for family in families.values()}) == 1


@pytest.mark.parametrize("role", DIFFERENT)
@pytest.mark.parametrize(("name", "version"), SYSTEMS)
def test_what_differs_is_rendered_for_each_system(role, name, version):
    facts = {
        "distribution": name,
        "distribution_major_version": version.split(".")[0],
        "distribution_version": version,
        "os_family": FAMILIES[name],
    }
    found = role_templates.evaluate(role, f"__{role}_platform", {"ansible_facts": facts})
    for path in keys(found):
        value = found
        for key in filter(None, path.split(".")):
            value = value[key]
        if "packages" in path:
            assert isinstance(value, list), path
            assert all(re.fullmatch(r"[a-z0-9][A-Za-z0-9.+-]*", package) for package in value), path
        else:
            assert isinstance(value, str), path
            assert not value or value.startswith(("/", "https://")) or re.fullmatch(r"[a-z-]+", value), path


@pytest.mark.parametrize("role", DIFFERENT)
def test_a_host_that_nobody_has_asked_counts_as_debian(role):
    """Plays without facts can use the task files: a backup needs none."""
    known, unknown = (
        role_templates.evaluate(role, f"__{role}_platform", {"ansible_facts": facts})
        for facts in ({"os_family": "Debian"}, {})
    )
    assert unknown == known


def test_the_client_of_debian_13_is_installed_too():
    def packages(name, version, family="Debian"):
        facts = {"distribution": name, "distribution_major_version": version, "os_family": family}
        return {
            tuple(role_templates.evaluate(role, f"__{role}_platform", {"ansible_facts": facts})["docker_packages"])
            for role in ("rabbitmq", "traefik")
        }

    assert packages("Debian", "12") == packages("Ubuntu", "24") == {("docker.io",)}
    assert packages("Debian", "13") == {("docker.io", "docker-cli")}
    assert packages("Rocky", "9", "RedHat") == {("docker-ce", "docker-ce-cli", "containerd.io")}


def test_the_source_of_the_releases_may_be_another_system():
    site = {
        "ansible_facts": {"os_family": "Debian"},
        "galaxy_sync_source_host": "galaxy",
        "hostvars": {"galaxy": {"ansible_facts": {"os_family": "RedHat"}}},
    }
    assert role_templates.evaluate("galaxy_sync", "galaxy_sync_source_ssh_service", site) == "sshd"
    assert role_templates.evaluate("galaxy_sync", "galaxy_sync_packages", site) == ["rsync", "openssh-client"]
    assert role_templates.evaluate("galaxy_sync", "galaxy_sync_source_ssh_service", {**site, "hostvars": {}}) == "ssh"


def test_every_scenario_runs_on_nodes_of_any_system():
    """An image that tests/testbed/build.sh does not name would bring nodes of another system than the others have."""
    images = [
        f"{path}: {line.strip()}"
        for path in roles.files("molecule/**/*.yml", "inventories/demo/**/*.yml")
        for line in (roles.ROOT / path).read_text(encoding="utf-8").splitlines()
        if "testbed_image:" in line
    ]
    assert images
    assert [line for line in images if "{{ testbed_images." not in line] == []
