# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words that `systemctl status` shows."""

from __future__ import annotations

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery import status
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery.status import Job


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (119.9, "119 s"), (120, "2 min"), (7199, "119 min"), (7500, "2 h 5 min")]
)
def test_a_duration_is_said_as_coarse_as_one_would(seconds, words):
    assert status.duration(seconds) == words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((0, 0, 0, ["celery"]), "0 running; consuming celery"),
        (
            (3, 5, 1204, ["celery", "galaxy.internal"]),
            "3 running, 5 waiting in the worker, 1,204 for later; consuming celery, galaxy.internal",
        ),
        ((1, 0, 0, []), "1 running; consuming nothing"),
    ],
)
def test_a_worker_says_what_it_runs_holds_and_consumes(given, words):
    assert status.working(*given) == words


def test_a_broker_that_is_away_is_told_from_one_that_was_never_there():
    assert status.away(2, 40) == "broker away for 40 s; 2 running"
    assert status.away(0, 40, ever=False) == "starting, no connection to the broker for 40 s"


def test_a_drain_names_the_oldest_tasks_and_counts_the_others():
    jobs = [Job("galaxy.fetch_data", f"id-{number}", since=100.0 + number) for number in range(5)]
    said = status.draining(jobs, now=280.0, since=270.0)
    assert said == (
        "draining for 10 s, waiting for galaxy.fetch_data id-0 (3 min), galaxy.fetch_data id-1 (2 min), "
        "galaxy.fetch_data id-2 (2 min) and 2 more"
    )
    assert status.draining([], now=280.0, since=270.0) == "draining, nothing runs"


def test_beat_says_what_it_sent_and_what_is_next():
    nothing = "has sent nothing since its start; "
    assert status.beat("probe.a", 65.2, "probe.b", 30) == "sent probe.a 65 s ago; next is probe.b in 30 s"
    assert status.beat(None, None, "probe.b", -3) == nothing + "next is probe.b in 0 s"
    assert status.beat(None, None, None, None) == nothing + "nothing is due"
