# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one reader of galaxy.yml."""

from __future__ import annotations

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _yaml_file


def test_a_section_with_a_tag_of_galaxys_own(tmp_path):
    path = tmp_path / "galaxy.yml"
    path.write_text("galaxy: {a: 1, b: !include other.yml}\n")
    assert _yaml_file.read_section(str(path)) == {"a": 1, "b": None}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist. "),
        (b"galaxy: {a: 'hidden", "is not valid YAML near line 1. "),
        (b"galaxy: {a: hidden\xff}", "is not valid YAML. "),
        (b"- hidden", "has no mapping 'galaxy'. "),
        (b"", "has no mapping 'galaxy'. "),
        (b"galaxy:", "has no mapping 'galaxy'. "),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path, content, words):
    path = tmp_path / "galaxy.yml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(_yaml_file.YamlFileError) as error:
        _yaml_file.read_section(str(path))
    assert str(error.value).startswith(f"{path} {words}")
    assert "hidden" not in str(error.value)


def test_what_is_no_file(tmp_path):
    with pytest.raises(_yaml_file.YamlFileError, match="cannot be read: Is a directory"):
        _yaml_file.read(str(tmp_path))
