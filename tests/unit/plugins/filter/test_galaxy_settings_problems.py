# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known to fail in Galaxy's settings, told from the settings alone."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.filter.galaxy_settings_problems import galaxy_settings_problems

ROUTES = {"galaxy.fetch_data": "galaxy.external", "galaxy.set_job_metadata": "galaxy.external"}


def test_the_variable_stands_before_the_problem():
    conf = {"task_routes": ROUTES, "broker_use_ssl": {"cert_reqs": "CERT_REQUIRED"}}
    (problem,) = galaxy_settings_problems({"celery_conf": conf}, {"celery_conf": "galaxy_celery_conf"})
    assert problem.startswith("galaxy_celery_conf: celery_conf.broker_use_ssl.cert_reqs: is not an integer")


def test_queues_and_results_are_held_against_the_workers():
    conf = {"task_routes": ROUTES, "result_backend": "db+sqlite:////srv/results.sqlite"}
    assert galaxy_settings_problems({"celery_conf": conf}) == []
    found = galaxy_settings_problems({"celery_conf": conf}, {}, ["galaxy.internal"], True)
    names = [problem.split(": ")[0] for problem in found]
    assert names == ["celery_conf.task_routes", "celery_conf.task_routes", "celery_conf.result_backend"]


def test_other_settings_are_refused():
    with pytest.raises(AnsibleFilterError, match="no dictionary"):
        galaxy_settings_problems([])
