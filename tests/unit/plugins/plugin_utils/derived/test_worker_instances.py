# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that names units and nodes of worker classes."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived import worker_instances as plugin


def test_one_instance():
    expected = {
        "class": "worker",
        "number": 1,
        "unit": "celery-galaxy-worker@1.service",
        "node": "worker-1@celery-1",
    }
    assert plugin.worker_instances([{"name": "worker"}], "celery-1") == [expected]


def test_order_and_numbers():
    classes = [{"name": "internal", "instances": 2}, {"name": "external", "instances": "1"}]
    found = plugin.worker_instances(classes, "celery-1.example.org")
    assert [(entry["class"], entry["number"]) for entry in found] == [("internal", 1), ("internal", 2), ("external", 1)]
    assert [entry["unit"] for entry in found] == [
        "celery-galaxy-internal@1.service",
        "celery-galaxy-internal@2.service",
        "celery-galaxy-external@1.service",
    ]
    assert [entry["node"] for entry in found] == [
        "internal-1@celery-1.example.org",
        "internal-2@celery-1.example.org",
        "external-1@celery-1.example.org",
    ]


@pytest.mark.parametrize("classes", [[], [{"name": "worker", "instances": 0}]])
def test_nothing_makes_nothing(classes):
    assert plugin.worker_instances(classes, "h") == []


def test_the_units_of_each_instance_have_names_of_their_own():
    found = plugin.worker_instances([{"name": "worker"}], "h", "celery-galaxy_test")
    assert [entry["unit"] for entry in found] == ["celery-galaxy_test-worker@1.service"]


def test_other_keys_are_left_aside():
    entry = {"name": "worker", "queues": ["celery"], "pool": "threads"}
    assert set(plugin.worker_instances([entry], "h")[0]) == {"class", "number", "unit", "node"}


@pytest.mark.parametrize(
    "wrong",
    [{"instances": 2}, {"name": "worker", "instances": "two"}, {"name": "worker", "instances": None}, None, []],
)
def test_a_wrong_entry_is_named_by_its_position(wrong):
    with pytest.raises(AnsibleFilterError, match="entry 1 of the classes needs a name and a number of instances"):
        plugin.worker_instances([{"name": "first"}, wrong], "h")
