# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read galaxy.yml, and the schema of Galaxy for it.

Private to the collection. It needs no Ansible: the role celery places it on the workers' hosts too, for the units.
"""

from __future__ import annotations

import traceback
from typing import Any

YAML_IMPORT_ERROR = None
try:
    import yaml
except ImportError:
    yaml = None
    YAML_IMPORT_ERROR = traceback.format_exc()


class YamlFileError(Exception):
    """Path, what is wrong with the file and the remedy; never a line of it, which may hold a password."""


def read(path: str) -> Any:
    """Return what a YAML file holds; null for what it includes.

    :raises YamlFileError: when it is not there, not readable or no YAML.
    """

    # The schema is long: in Python alone it would take a second.
    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # which of them, PyYAML decides
        """Takes the tags of Galaxy's own, such as !include."""

    Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)
    try:
        with open(path, encoding="utf-8") as stream:
            return yaml.load(stream, Loader)
    except FileNotFoundError:
        raise YamlFileError(f"{path} does not exist. On a worker node give the path inside the current release.") from None
    except OSError as exc:
        raise YamlFileError(
            f"{path} cannot be read: {exc.strerror}. Run the task as root or as Galaxy's user."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        # The parser's own text quotes the file.
        mark = getattr(exc, "problem_mark", None)
        line = f" near line {mark.line + 1}" if mark else ""
        raise YamlFileError(f"{path} is not valid YAML{line}. Correct the file.") from None


def read_section(path: str, name: str = "galaxy") -> dict[str, Any]:
    """Return one mapping at the top of the file.

    :raises YamlFileError: as read() does, and when there is none of this name.
    """
    document = read(path)
    section = document.get(name) if isinstance(document, dict) else None
    if not isinstance(section, dict):
        raise YamlFileError(f"{path} has no mapping '{name}'. Give the path of Galaxy's galaxy.yml.")
    return section
