# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the Grafana dashboards of the role telegraf from dashboard.yml, for InfluxQL and for PromQL.

Not with the grafana-foundation-sdk: it has no type for queries in InfluxQL, and what one wants to read is both
queries of a panel side by side. A unit test reads what comes out with the types of that SDK.
"""

from __future__ import annotations

import json
import re
import string
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import roles

# A part of a dashboard, as Grafana has it or as dashboard.yml does.
Entry = dict[str, Any]

SOURCE = roles.load(Path(__file__).with_name("dashboard.yml"))
FOLDER = roles.ROLES / "telegraf/files/dashboards"
FLAVOURS = {"influxql": "influxdb", "prometheus": "prometheus"}
GRID_COLUMNS, WIDTH, HEIGHT = 24, 12, 8


def kind(panel: Entry) -> str:
    """Grafana's name of the visualisation."""
    return str(panel.get("kind", "timeseries"))


def source(flavour: str) -> dict[str, str]:
    """The data source, which the reader of the dashboard chooses."""
    return {"type": FLAVOURS[flavour], "uid": "${datasource}"}


def target(flavour: str, query: dict[str, str], letter: str, at_once: bool) -> Entry:
    """One query of a panel."""
    start = {"refId": letter, "datasource": source(flavour)}
    if flavour == "influxql":
        name = re.sub(r"\$\{(\w+)\}", r"$tag_\1", query["name"])
        return {**start, "query": query["influxql"], "rawQuery": True, "resultFormat": "time_series", "alias": name}
    name = re.sub(r"\$\{(\w+)\}", r"{{\1}}", query["name"])
    return {**start, "expr": query["promql"], "legendFormat": name, "instant": at_once, "range": not at_once}


def options(panel: Entry) -> Entry:
    """How the visualisation shows its values."""
    if kind(panel) == "timeseries":
        calculations = ["min", "max", "mean", "lastNotNull"]
        legend = {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": calculations}
        return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    if kind(panel) == "state-timeline":
        return {
            "mergeValues": True,
            "rowHeight": 0.9,
            "showValue": "auto",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        }
    reduce = {"values": False, "calcs": ["lastNotNull"], "fields": ""}
    if kind(panel) == "bargauge":
        return {"reduceOptions": reduce, "orientation": "horizontal", "displayMode": "gradient", "showUnfilled": True}
    return {"reduceOptions": reduce, "orientation": "auto", "textMode": "value_and_name", "colorMode": "background"}


def defaults(panel: Entry) -> Entry:
    """Unit, limits and colours."""
    mode = "thresholds" if "thresholds" in panel else "palette-classic"
    found: Entry = {"unit": panel.get("unit", "short"), "min": 0, "color": {"mode": mode}}
    if "maximum" in panel:
        found["max"] = panel["maximum"]
    if "thresholds" in panel:
        found["thresholds"] = {"mode": "absolute", "steps": panel["thresholds"]}
    if "values" in panel:
        texts = {value: {"text": text, "index": number} for number, (value, text) in enumerate(panel["values"].items())}
        found["mappings"] = [{"type": "value", "options": texts}]
    if kind(panel) == "timeseries":
        found["custom"] = {
            "drawStyle": "line",
            "lineInterpolation": "stepAfter",
            "lineWidth": 1,
            "fillOpacity": 10,
            # Milliseconds; a worker that is gone must not be drawn on.
            "spanNulls": 60000,
            "showPoints": "auto",
            "stacking": {"group": "A", "mode": "none"},
        }
    return found


def panels(flavour: str) -> list[Entry]:
    """All panels with their places, each row of them below its heading."""
    made, y = list[Entry](), 0
    for row in SOURCE["rows"]:
        heading = {"type": "row", "title": row["title"], "collapsed": False, "panels": []}
        made.append({"id": len(made) + 1, **heading, "gridPos": {"h": 1, "w": GRID_COLUMNS, "x": 0, "y": y}})
        x, y, height = 0, y + 1, 0
        for panel in row["panels"]:
            width, high = panel.get("width", WIDTH), panel.get("height", HEIGHT)
            if x + width > GRID_COLUMNS:
                x, y, height = 0, y + height, 0
            at_once = kind(panel) in ("bargauge", "stat")
            pairs = zip(string.ascii_uppercase, panel["queries"])
            made.append(
                {
                    "id": len(made) + 1,
                    "type": kind(panel),
                    "title": panel["title"],
                    "description": panel.get("description", ""),
                    "datasource": source(flavour),
                    "interval": "10s",
                    "gridPos": {"h": high, "w": width, "x": x, "y": y},
                    "targets": [target(flavour, query, letter, at_once) for letter, query in pairs],
                    "fieldConfig": {"defaults": defaults(panel), "overrides": []},
                    "options": options(panel),
                }
            )
            x, height = x + width, max(height, high)
        y += height
    return made


def marks(flavour: str) -> list[Entry]:
    """The annotations."""
    made = []
    for mark in SOURCE["marks"]:
        entry = {"name": mark["name"], "datasource": source(flavour), "enable": True, "iconColor": mark["color"]}
        if flavour == "influxql":
            columns = {"textColumn": "name", "tagsColumn": "host", "fromAnnotations": True, "textEditor": True}
            made.append({**entry, **columns, "query": mark["influxql"]})
        else:
            texts = {"titleFormat": mark["name"], "textFormat": "{{name}}", "tagKeys": "host", "step": "15s"}
            made.append({**entry, **texts, "expr": mark["promql"]})
    return made


def variables(flavour: str) -> list[Entry]:
    """What the reader chooses at the top."""
    made: list[Entry] = [
        {
            "name": "datasource", "label": "Data source", "type": "datasource", "query": FLAVOURS[flavour], "regex": "",
            "hide": 0, "includeAll": False, "multi": False, "refresh": 1, "options": [], "current": {},
        }
    ]  # fmt: skip
    for variable in SOURCE["variables"]:
        name, label = variable["name"], variable["label"]
        query = variable["influxql" if flavour == "influxql" else "promql"]
        made.append(
            {
                "name": name, "label": label, "type": "query", "datasource": source(flavour), "query": query,
                "regex": "", "hide": 0, "includeAll": True, "multi": True, "allValue": ".*",
                "refresh": 2, "sort": 1, "options": [], "current": {"text": "All", "value": "$__all"},
            }
        )  # fmt: skip
    return made


def dashboard(flavour: str) -> Entry:
    """The whole dashboard."""
    return {
        "uid": f"galaxy-celery-{flavour}",
        "title": "Galaxy Celery",
        "description": "The Celery stack of a Galaxy server, from Flower, RabbitMQ and systemd by Telegraf.",
        "tags": ["galaxy", "celery"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "",
        "time": {"from": "now-6h", "to": "now"},
        "timepicker": {},
        "links": [],
        "annotations": {"list": marks(flavour)},
        "templating": {"list": variables(flavour)},
        "panels": panels(flavour),
    }


def text(flavour: str) -> str:
    """The file's text."""
    return json.dumps(dashboard(flavour), indent=2) + "\n"


def main() -> None:
    """Write both files."""
    for flavour in FLAVOURS:
        path = FOLDER / flavour / "galaxy-celery.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(flavour), encoding="utf-8")
        print(path.relative_to(roles.ROOT))


if __name__ == "__main__":
    main()
