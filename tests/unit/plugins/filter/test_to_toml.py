# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that writes TOML, read back with Python's own parser."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.filter import to_toml as module

tomllib = pytest.importorskip("tomllib", reason="Python 3.11 brings the parser")
to_toml = module.FilterModule().filters()["to_toml"]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"agent": {"interval": "10s", "debug": False}, "inputs": {"cpu": [{"percpu": True}, {"x": 1.5}]}},
        {"text": "quotes \" ' \\ \n é # [x]", "empty": "", "list": [], "nested": [[1], ["a"]]},
        {"a.b": {"c d": 1}},
        {"day": datetime.date(2026, 1, 2), "at": datetime.datetime(2026, 1, 2, 3, 4, 5, 6)},
        {"zone": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)},
    ],
)
def test_round_trip(value):
    assert tomllib.loads(to_toml(value)) == value


def test_order_is_kept():
    assert to_toml({"b": 1, "a": 2}) == "b = 1\na = 2\n"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {"b": [1, {"c": None}]}}, r"a\.b\[1\]\.c is null"),
        ({"a": {5: 1}}, "the key 5 in a is not a string"),
        ({5: 1}, "the key 5 is not a string"),
        ({"a": b"x"}, "a is of the type bytes"),
        ({"a": {1}}, "a is of the type set"),
        ([1], "expected a dictionary, got list"),
        ("x", "expected a dictionary"),
    ],
)
def test_refused(value, message):
    with pytest.raises(AnsibleFilterError, match=message):
        to_toml(value)


def test_missing_library(monkeypatch):
    monkeypatch.setattr(module, "tomli_w", None)
    with pytest.raises(AnsibleFilterError, match="tomli_w is missing on the controller: install it"):
        to_toml({})


def test_values_of_ansible(tmp_path):
    """Templates, unsafe strings and tagged numbers inside lazy containers arrive as plain values."""
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "connection": "local",
            "vars": {"host": "db", "deep": {"url": "http://{{ host }}", "list": ["{{ 1 + 1 }}"]}, "n": 3,
                     "ansible_python_interpreter": sys.executable},
            "tasks": [
                {"command": "printf %s%s '{' '{ unsafe }}'", "register": "echoed"},
                {
                    "copy": {
                        "content": "{{ {'deep': deep, 'out': echoed.stdout, 'n': n} | usegalaxy_eu.celery.to_toml }}",
                        "dest": str(tmp_path / "out.toml"),
                    },
                },
            ],
        },
    ]
    playbook = tmp_path / "play.json"
    playbook.write_text(json.dumps(play))
    config = tmp_path / "ansible.cfg"
    config.write_text("")
    collections = Path(module.__file__).parents[5]
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", str(playbook)],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert tomllib.loads((tmp_path / "out.toml").read_text()) == {
        "deep": {"url": "http://db", "list": [2]},
        "out": "{{ unsafe }}",
        "n": 3,
    }
