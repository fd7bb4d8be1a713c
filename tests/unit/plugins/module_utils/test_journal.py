# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last error of a unit, from lines as real workers wrote them; `journalctl` is a double."""

from __future__ import annotations

import json

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._journal import last_error, unit_error

CLICK = """\
Usage: celery [OPTIONS] COMMAND [ARGS]...
Try 'celery --help' for help.
Error: Invalid value for '-A' / '--app':
Unable to load celery application.
While trying to load the module galaxy.celery the following error occurred:
Traceback (most recent call last):
  File "/srv/galaxy/server/.venv/lib/python3.11/site-packages/celery/bin/celery.py", line 58, in convert
    return find_app(value)
           ^^^^^^^^^^^^^^^
  File "/srv/galaxy/server/lib/galaxy/celery/__init__.py", line 14, in <module>
    import pebble
ModuleNotFoundError: No module named 'pebble'
"""
LOGGED = """\
[2026-11-30 03:15:29,730: CRITICAL/MainProcess] Unrecoverable error: AttributeError("no 'session_manager'")
Traceback (most recent call last):
  File "/usr/local/lib/celery-galaxy/_celery_results.py", line 46, in __init__
    self.session_manager.forked = True
AttributeError: no 'session_manager'
<3>worker-1@celery-1 ended before it was ready
"""
PLACE = "/srv/galaxy/server/lib/galaxy/celery/__init__.py"


def entries(text):
    return [(6, line) for line in text.splitlines()]


@pytest.mark.parametrize(
    "text, error",
    [
        (CLICK, f"ModuleNotFoundError: No module named 'pebble' ({PLACE}, line 14)"),
        (LOGGED, "AttributeError: no 'session_manager' (/usr/local/lib/celery-galaxy/_celery_results.py, line 46)"),
        ("[...: ERROR/MainProcess] timed out.\nTrying again", "[...: ERROR/MainProcess] timed out."),
        ("Error: no such option: --pooool", "Error: no such option: --pooool"),
        ("[...: INFO/MainProcess] mingle: searching for neighbors", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_it_is_the_exception_with_its_place_or_what_says_that_it_is_one(text, error):
    assert last_error(entries(text)) == error


def test_of_several_tracebacks_the_last_counts():
    assert last_error(entries(LOGGED + CLICK)).startswith("ModuleNotFoundError")


def test_a_priority_says_it_too():
    assert last_error([(6, "starts"), (3, "ended before it was ready"), (6, "ends")]) == "ended before it was ready"


class Module:
    """Hands out what journalctl would print."""

    def __init__(self, attempts):
        self.lines = [
            json.dumps({"_SYSTEMD_INVOCATION_ID": str(number), "PRIORITY": "6", "MESSAGE": line})
            for number, text in enumerate(attempts)
            for line in text.splitlines()
        ]
        self.lines += ["no JSON", json.dumps({"MESSAGE": [1, 2]})]

    def run_command(self, command):
        assert "_SYSTEMD_UNIT=celery-galaxy-worker@1.service" in command
        return 0, "\n".join(self.lines), ""


@pytest.mark.parametrize(
    "attempts, error",
    [
        ([CLICK, "starts\n"], "ModuleNotFoundError"),
        (["starts\n", LOGGED], "AttributeError"),
        # What was wrong before the last two attempts is not what is wrong now.
        ([CLICK, "starts\n", "starts again\n"], ""),
        ([], ""),
    ],
)
def test_the_last_two_attempts_count(attempts, error):
    found = unit_error(Module(attempts), "celery-galaxy-worker@1.service")
    assert found.startswith(error) and bool(found) == bool(error)
