# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Telegraf reads beside a configuration of the site's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Plugins = Mapping[str, Sequence[Mapping[str, Any]]]
# Telegraf puts all its files together, so a tag keeps what the site reads out of this role's outputs and its script.
TAG = "galaxy_celery"
MARK = {TAG: ["1"]}


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return two mappings as one; of what both have at any depth, the second counts."""
    both = {key: merged(first[key], value) if isinstance(value, Mapping) and isinstance(first.get(key), Mapping) else value
            for key, value in second.items()}  # fmt: skip
    return {**first, **both}


def telegraf_beside(inputs: Plugins, processors: Plugins, outputs: Plugins, interval: str, host: str) -> dict[str, Any]:
    """Return the configuration. The agent is the site's, so each input says its interval and the name of the host itself."""
    usual = {"interval": interval, "tags": {TAG: "1", "host": host}}
    made: dict[str, Any] = {"inputs": {}, "processors": {}, "outputs": {}}
    for kind, plugins in inputs.items():
        listed = [{"taginclude": [*found["taginclude"], TAG]} if "taginclude" in found else {} for found in plugins]
        made["inputs"][kind] = [merged(merged(usual, found), more) for found, more in zip(plugins, listed)]
    for kind, plugins in processors.items():
        made["processors"][kind] = [merged({"tagpass": MARK}, found) for found in plugins]
    for kind, plugins in outputs.items():
        made["outputs"][kind] = [merged({"tagpass": MARK, "tagexclude": [TAG]}, found) for found in plugins]
    return {part: found for part, found in made.items() if found or part != "outputs"}
