# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboards: the files are those of the generator, Grafana knows all that they say, and nothing is of one site."""

from __future__ import annotations

import importlib
import json
import re

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model
from tools import dashboards

FLAVOURS = list(dashboards.FLAVOURS)


def panels(flavour):
    """All panels but the rows' headings."""
    return [panel for panel in dashboards.dashboard(flavour)["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_file_is_what_the_generator_writes(flavour):
    path = dashboards.FOLDER / flavour / "galaxy-celery.json"
    assert path.read_text(encoding="utf-8") == dashboards.text(flavour), "run `make dashboards`"


def lost(given, read, path=""):
    """Where Grafana's types did not keep what was given: they pass over names that they do not know."""
    if isinstance(given, dict):
        for key, value in given.items():
            if not isinstance(read, dict) or key not in read:
                # What is empty may be left out.
                if value not in (None, "", [], {}, False):
                    yield f"{path}.{key}"
            else:
                yield from lost(value, read[key], f"{path}.{key}")
    elif isinstance(given, list):
        for index, value in enumerate(given):
            if not isinstance(read, list) or index >= len(read):
                yield f"{path}[{index}]"
            else:
                yield from lost(value, read[index], f"{path}[{index}]")
    elif given != read:
        yield f"{path}: {given!r} became {read!r}"


def through(kind, value):
    """The value as it comes out of Grafana's type."""
    return json.loads(JSONEncoder(sort_keys=True).encode(kind.from_json(value)))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_grafana_knows_every_name(flavour):
    given = dashboards.dashboard(flavour)
    read = through(model.Dashboard, {**given, "panels": [], "annotations": {}, "templating": {}})
    assert list(lost({**given, "panels": [], "annotations": {}, "templating": {}}, read)) == []
    for variable in given["templating"]["list"]:
        assert list(lost(variable, through(model.VariableModel, variable))) == []
    for panel in given["panels"]:
        if panel["type"] == "row":
            assert list(lost(panel, through(model.RowPanel, panel))) == []
            continue
        # Queries, options and the settings of a field belong to plugins: those are asked one by one.
        bare = {**panel, "targets": [], "options": {}}
        custom = bare["fieldConfig"]["defaults"].get("custom", {})
        bare["fieldConfig"] = {"defaults": {**bare["fieldConfig"]["defaults"], "custom": {}}, "overrides": []}
        assert list(lost(bare, through(model.Panel, bare))) == []
        plugin = importlib.import_module(f"grafana_foundation_sdk.models.{panel['type'].replace('-', '')}")
        assert list(lost(panel["options"], through(plugin.Options, panel["options"]))) == []
        if custom:
            assert list(lost(custom, through(plugin.FieldConfig, custom))) == []


def test_grafana_knows_the_queries_of_prometheus():
    prometheus = importlib.import_module("grafana_foundation_sdk.models.prometheus")
    for panel in panels("prometheus"):
        for target in panel["targets"]:
            assert list(lost(target, through(prometheus.Dataquery, target))) == []


def test_a_name_that_grafana_does_not_know_is_seen():
    assert list(lost({"titel": "x"}, through(model.Panel, {"type": "stat", "titel": "x"}))) == [".titel"]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_nothing_is_of_one_site(flavour):
    text = dashboards.text(flavour)
    assert set(re.findall(r'"uid": "([^"]+)"', text)) == {f"galaxy-celery-{flavour}", "${datasource}"}
    assert re.findall(r"https?://|localhost|\d+\.\d+\.\d+\.\d+", text) == []


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_panels_have_their_own_place_and_number(flavour):
    found = dashboards.dashboard(flavour)["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    taken = set()
    for panel in found:
        x, y, width, height = (panel["gridPos"][key] for key in "xywh")
        cells = {(column, line) for column in range(x, x + width) for line in range(y, y + height)}
        assert not cells & taken, panel["title"]
        assert max(column for column, _line in cells) < dashboards.GRID_COLUMNS
        taken |= cells


def test_the_panel_of_the_operators_page_comes_first():
    panel = panels("influxql")[0]
    assert panel["title"] == "Currently executing tasks by worker"
    assert panel["options"]["legend"]["calcs"] == ["min", "max", "mean", "lastNotNull"]


def test_titles_are_unique():
    titles = [panel["title"] for row in dashboards.SOURCE["rows"] for panel in row["panels"]]
    assert len(set(titles)) == len(titles)
