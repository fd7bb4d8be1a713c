# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory says of a public variable reaches the tasks of its role."""

from __future__ import annotations

import pytest
from tools import derived, roles

# Values that a playbook sets for one task or play, and why the inventory must not override them.
FOR_A_WHILE = {
    "celery_restart_enabled": "the roll that follows restarts, host by host",
    "galaxy_amqp_user": "the temporary user of a rotation",
    "galaxy_database_user": "the temporary user of a rotation",
    "galaxy_sync_rollback_release": "update goes back to what it came from",
    "postgresql_access_galaxy_python": "rotate_secrets logs in from Galaxy's host too",
    "postgresql_access_port": "the server that the workers reached",
    "postgresql_access_role": "the user that the workers are",
    "postgresql_access_role_password": "a rotation keeps the old one until everybody has left it",
    "postgresql_access_server_host": "the server that the workers reached, or are to be measured towards",
}
LIBRARY = "common"  # takes all that it needs from its caller
PUBLIC = {name: role for role in roles.names() if role != LIBRARY for name in roles.options(role)}
HOSTS = {role: group for group, of in derived.GROUPS.items() for role in of}


def set_in(content):
    """Every variable that plays and tasks set, at any depth."""
    if isinstance(content, dict):
        yield from (content.get("vars") or {}) if isinstance(content.get("vars"), dict) else ()
        content = content.values()
    if not isinstance(content, str) and hasattr(content, "__iter__"):
        for item in content:
            yield from set_in(item)


@pytest.mark.parametrize("path", roles.files("playbooks/**/*.yml"), ids=str)
def test_no_playbook_sets_a_public_variable(path):
    """Their variables outrank the inventory's; what is to be worked out for a role stands in its defaults."""
    content = roles.load(roles.ROOT / path)
    found = set(content) if path.parts[1] == "vars" else set(set_in(content))
    assert sorted((found & set(PUBLIC)) - set(FOR_A_WHILE)) == []


def another(name, option, default):
    """A value of the option's type that is not its default."""
    choices = [choice for choice in option.get("choices") or [] if choice != default]
    if choices:
        return [choices[-1]] if option["type"] == "list" else choices[-1]
    if option["type"] == "bool":
        return default is not True
    element = {} if option.get("elements") == "dict" else f"other-{name}"
    return {"int": 7, "float": 7.5, "dict": {"other": 7}, "list": [element]}.get(option["type"], f"/other/{name}")


@pytest.mark.parametrize("role", sorted(HOSTS))
def test_what_the_inventory_says_arrives(role, tmp_path):
    defaults = roles.defaults(role)
    values = {name: another(name, option, defaults.get(name)) for name, option in roles.options(role).items()}
    found = derived.Plan(derived.Site(derived.with_groups(2, **values)), tmp_path)
    (host, *_others) = found.inventory.get_hosts(HOSTS[role])
    assert found.values(host, role, list(values)) == values
