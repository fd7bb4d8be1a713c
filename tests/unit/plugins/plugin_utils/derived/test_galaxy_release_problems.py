# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that holds the variables of a release against the rules of the modules."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived import galaxy_release_problems as module

problems = module.galaxy_release_problems

RIGHT = {
    "server_dir": "/srv/galaxy/server",
    "venv_dir": "/srv/galaxy/venv",
    "config_dir": "/etc/galaxy/",
    "paths": ["/opt/python"],
    "exclude": [".git", "/srv/galaxy/server/database/*"],
    "releases_dir": "/srv/galaxy/releases",
}


def test_nothing_is_wrong():
    assert problems(RIGHT) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"server_dir": "srv", "paths": ["/"]}, ["server_dir: 'srv' is not", "paths: '/' is the whole host"]),
        ({"releases_dir": "releases"}, ["releases_dir: 'releases' is not an absolute path"]),
        ({"releases_dir": "/opt/python/x/"}, ["releases_dir: /opt/python/x/ stands inside of /opt/python"]),
        ({"exclude": ["a//b", "", "x"]}, ["'a//b' never matches", "'' is empty"]),
        (
            {"exclude": ["galaxy", "opt/"]},
            ["the pattern 'galaxy' leaves out /srv/galaxy/server", "leaves out /opt/python"],
        ),
    ],
)
def test_each_problem_is_one_sentence(changes, words):
    found = problems({**RIGHT, **changes})
    assert len(found) == len(words), found
    assert all(word in text for word, text in zip(words, found)), found


def test_an_unknown_option():
    with pytest.raises(AnsibleFilterError, match="the keys are server_dir"):
        problems({**RIGHT, "patterns": []})
