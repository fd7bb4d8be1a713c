# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that compares the workers of several hosts."""

from __future__ import annotations

from ansible_collections.usegalaxy_eu.celery.plugins.filter import worker_clashes as plugin

clashes = plugin.FilterModule().filters()["worker_clashes"]
NODES = {"celery-1": ["worker-1@celery-1"], "celery-2": ["worker-1@celery-2"]}


def test_nothing_is_wrong():
    assert clashes(NODES, ["celery-2"]) == []
    # A play without workers has no need of beat.
    assert clashes({}, []) == []


def test_two_workers_of_one_name():
    (problem,) = clashes({**NODES, "celery-2": ["worker-1@celery-1"]}, ["celery-1"])
    assert "worker-1@celery-1 would run on celery-1 and celery-2" in problem
    assert "Remedy: give celery_node_host" in problem


def test_two_beats_none_and_one_that_is_elsewhere():
    (problem,) = clashes(NODES, ["celery-1", "celery-2"])
    assert "2 hosts would run beat (celery-1, celery-2): every periodic task is sent more than once" in problem
    (problem,) = clashes(NODES, [])
    assert "0 hosts would run beat: no periodic task" in problem
    (problem,) = clashes(NODES, ["galaxy"])
    assert "Beat would run on galaxy, which is no host of workers" in problem
