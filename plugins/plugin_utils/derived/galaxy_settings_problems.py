# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell what is known to fail in AMQP and Celery settings of Galaxy."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_settings import (
    find_problems,
    gravity_problems,
    with_variables,
)


def galaxy_settings_problems(
    settings: Any,
    variables: dict[str, str] | None = None,
    consumed_queues: Collection[str] = (),
    remote_workers: bool = False,
    gravity: Any = None,
) -> list[str]:
    """Return what is known to fail, see DOCUMENTATION."""
    if not isinstance(settings, dict):
        raise AnsibleFilterError("galaxy_settings_problems: the settings are no dictionary.")
    problems = find_problems(settings, consumed_queues, remote_workers) if settings else []
    return with_variables(problems + gravity_problems(gravity), variables or {})
