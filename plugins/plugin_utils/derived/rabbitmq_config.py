# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of rabbitmq.conf: those of the role, and those of the site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Settings that have several keys, of which RabbitMQ hears one only, or all entries of a list: where the site gives any of them, the
# role gives none.
CHOICES = (
    r"vm_memory_high_watermark\..+",
    r"disk_free_limit\..+",
    r"listeners\.tcp(\..+)?",
    r"listeners\.ssl(\..+)?",
    r"loopback_users(\..+)?",
    r"management\.(tcp|listener)\.port",
    r"ssl_options\.cert(file)?",
    r"ssl_options\.key(file|\..+)",
    r"ssl_options\.versions\..+",
    r"cluster_formation\.classic_config\.nodes\..+",
)


def rabbitmq_config(given: Mapping[str, Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a file.

    :param given: those of the site; null takes one of the role away.
    :param offered: those of the role.
    """
    said = [key for key, value in given.items() if value is not None]
    chosen = [choice for choice in CHOICES if any(re.fullmatch(choice, key) for key in said)]
    kept = {key: value for key, value in offered.items() if not any(re.fullmatch(choice, key) for choice in chosen)}
    return {**kept, **given}
