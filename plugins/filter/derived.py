# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter through which the roles of this collection reach its functions."""

from __future__ import annotations

from collections.abc import Callable

DOCUMENTATION = r"""
name: derived
short_description: Call a function of this collection
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - For the roles of this collection alone, which work out values by it. The functions are in C(plugins/plugin_utils/derived) and
    change without notice.
options:
  _input:
    description: The first argument of the function.
    type: raw
    required: true
  function:
    description: Its name. What follows are its other arguments.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show where a database is
  ansible.builtin.debug:
    # db.example.org
    msg: "{{ 'postgresql://galaxy@db.example.org/galaxy' | usegalaxy_eu.celery.derived('database_host') }}"
"""

RETURN = r"""
_value:
  description: What the function returns.
  type: raw
"""

from typing import Any

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.certificate_problems import (
    certificate_problems,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.choose import given, kept_files, younger
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.connection_budget import connection_budget
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.database_connection import database_connection
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.database_host import database_host
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.flower_metrics import flower_metrics
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.galaxy_release_problems import (
    galaxy_release_problems,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.galaxy_settings_problems import (
    galaxy_settings_problems,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.grafana_alert_rules import grafana_alert_rules
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.hba_entries import hba_entries
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.hba_lines import left_addresses, unlisted
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.hba_openings import hba_openings
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.hba_shadows import hba_shadows
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.numbered import counted, numbered
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.older_broker import (
    data_volumes,
    full_permissions,
    shovels,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.prometheus_alert_rules import (
    prometheus_alert_rules,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.rabbitmq_config import rabbitmq_config
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.rabbitmq_problems import rabbitmq_problems
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.telegraf_beside import telegraf_beside
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.traefik_certificate_resolver import (
    traefik_certificate_resolver,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.traefik_dynamic_config import (
    traefik_dynamic_config,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.units import (
    gravity_problems,
    held,
    needed_queues,
    older_own,
    outermost,
)
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.worker_instances import worker_instances
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.worker_problems import worker_problems

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "certificate_problems": certificate_problems,
    "connection_budget": connection_budget,
    "counted": counted,
    "data_volumes": data_volumes,
    "database_connection": database_connection,
    "database_host": database_host,
    "flower_metrics": flower_metrics,
    "full_permissions": full_permissions,
    "galaxy_release_problems": galaxy_release_problems,
    "galaxy_settings_problems": galaxy_settings_problems,
    "given": given,
    "grafana_alert_rules": grafana_alert_rules,
    "gravity_problems": gravity_problems,
    "hba_entries": hba_entries,
    "hba_openings": hba_openings,
    "hba_shadows": hba_shadows,
    "held": held,
    "kept_files": kept_files,
    "left_addresses": left_addresses,
    "needed_queues": needed_queues,
    "numbered": numbered,
    "older_own": older_own,
    "outermost": outermost,
    "prometheus_alert_rules": prometheus_alert_rules,
    "rabbitmq_config": rabbitmq_config,
    "rabbitmq_problems": rabbitmq_problems,
    "shovels": shovels,
    "telegraf_beside": telegraf_beside,
    "traefik_certificate_resolver": traefik_certificate_resolver,
    "traefik_dynamic_config": traefik_dynamic_config,
    "unlisted": unlisted,
    "worker_instances": worker_instances,
    "worker_problems": worker_problems,
    "younger": younger,
}


def derived(value: Any, function: str, *arguments: Any, **options: Any) -> Any:
    """Return what a function makes of a value."""
    return FUNCTIONS[function](value, *arguments, **options)


class FilterModule:
    """Hand the filter to Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"derived": derived}
