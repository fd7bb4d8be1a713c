# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw a dashboard from the data that its own queries returned, as a page: where no Grafana is at hand.

    dashboard_picture.py influxql DATA.json > page.html

Places, titles, names of lines and colours are the dashboard's; how a panel looks is only roughly Grafana's.
"""

from __future__ import annotations

import html
import json
import sys
from pathlib import Path
from typing import Any, TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools import dashboards

CELL, LINE = 60, 30
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#ffa6b0", "#96d98d", "#c4162a")
NAMED = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c"}
STYLE = """
body { margin: 0; background: #111217; color: #ccccdc; font: 12px/1.3 sans-serif; }
h1 { font-size: 20px; margin: 12px; } .grid { position: relative; }
.panel { position: absolute; box-sizing: border-box; background: #181b1f; border: 1px solid #2c3235;
  padding: 6px 8px; overflow: hidden; }
.row { position: absolute; padding: 8px; font-weight: bold; font-size: 14px; }
h2 { font-size: 13px; margin: 0 0 4px; font-weight: 500; }
td, th { padding: 0 10px 0 0; text-align: left; white-space: nowrap; } .big { font-size: 22px; }
"""
UNITS = {"bytes": ("B", "kB", "MB", "GB", "TB"), "percent": "%", "s": "s", "d": "d", "ops": "/s"}


class Line(TypedDict):
    """One line of a panel: moments and values."""

    name: str
    points: list[tuple[float, float]]


def number(value: float, unit: str) -> str:
    """A value with its unit, short."""
    steps = UNITS.get(unit, "")
    if isinstance(steps, tuple):
        size = 0
        while abs(value) >= 1000 and size < len(steps) - 1:
            value, size = value / 1000, size + 1
        return f"{value:.3g} {steps[size]}"
    text = f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{text} {steps}".rstrip()


def curve(lines: list[Line], width: int, height: int) -> str:
    """The lines over time."""
    points = [point for line in lines for point in line["points"]]
    if not points:
        return ""
    first, last = min(when for when, _value in points), max(when for when, _value in points)
    top = max([value for _when, value in points] + [1e-9]) * 1.05
    drawn = []
    for index, line in enumerate(lines):
        dots = [
            f"{(when - first) / max(last - first, 1) * width:.1f},{height - value / top * height:.1f}"
            for when, value in line["points"]
        ]
        drawn.append(f'<polyline fill="none" stroke="{colour(index)}" points="{" ".join(dots)}"/>')
    return f'<svg width="{width}" height="{height}" style="background:#0b0c0e">{"".join(drawn)}</svg>'


def colour(index: int) -> str:
    """Colours in turn."""
    return COLOURS[index % len(COLOURS)]


def legend(lines: list[Line], unit: str) -> str:
    """Names with minimum, maximum, average and current value."""
    rows = ["<tr><th></th><th>min</th><th>max</th><th>mean</th><th>last</th></tr>"]
    for index, line in enumerate(lines):
        values = [value for _when, value in line["points"]]
        figures = (min(values), max(values), sum(values) / len(values), values[-1])
        cells = "".join(f"<td>{number(value, unit)}</td>" for value in figures)
        rows.append(f'<tr><td style="color:{colour(index)}">{html.escape(line["name"])}</td>{cells}</tr>')
    return f"<table>{''.join(rows)}</table>"


def states(lines: list[Line], texts: dict[str, dict[str, str]], width: int) -> str:
    """A bar of states for each unit."""
    rows = []
    for line in lines:
        share = width / len(line["points"])
        blocks = "".join(
            f'<rect x="{index * share:.1f}" width="{share + 0.5:.1f}" height="14" fill="{colour(int(value))}"/>'
            for index, (_when, value) in enumerate(line["points"])
        )
        last = texts.get(str(int(line["points"][-1][1])), {"text": "?"})["text"]
        rows.append(f'<div>{html.escape(line["name"])}: {last}</div><svg width="{width}" height="14">{blocks}</svg>')
    return "".join(rows)


def at_once(lines: list[Line], defaults: dict[str, Any]) -> str:
    """The newest values."""
    texts = (defaults.get("mappings") or [{"options": {}}])[0]["options"]
    shown = []
    for line in lines:
        value, chosen = line["points"][-1][1], "#73bf69"
        for step in defaults.get("thresholds", {}).get("steps", []):
            if step["value"] is None or value >= step["value"]:
                chosen = NAMED.get(step["color"], step["color"])
        text = texts.get(f"{value:.0f}", {"text": number(value, defaults["unit"])})["text"]
        shown.append(f'<div>{html.escape(line["name"])} <span class="big" style="color:{chosen}">{text}</span></div>')
    return "".join(shown)


def page(flavour: str, data: dict[str, list[Line]]) -> str:
    """The whole dashboard."""
    parts, bottom = [], 0
    for panel in dashboards.dashboard(flavour)["panels"]:
        x, y, width, height = (panel["gridPos"][key] * size for key, size in zip("xywh", (CELL, LINE) * 2, strict=True))
        bottom = max(bottom, y + height)
        style = f"left:{x}px;top:{y}px;width:{width}px;height:{height}px"
        title = html.escape(panel["title"])
        if panel["type"] == "row":
            parts.append(f'<div class="row" style="{style}">{title}</div>')
            continue
        defaults = panel["fieldConfig"]["defaults"]
        lines = [line for target in panel["targets"] for line in data[f"{panel['title']} {target['refId']}"]]
        if panel["type"] == "timeseries":
            body = curve(lines, width - 18, height // 2 - 14) + legend(lines, defaults["unit"])
        elif panel["type"] == "state-timeline":
            body = states(lines, defaults["mappings"][0]["options"], width - 18)
        else:
            body = at_once(lines, defaults)
        parts.append(f'<div class="panel" style="{style}"><h2>{title}</h2>{body}</div>')
    size = f"width:{CELL * dashboards.GRID_COLUMNS}px;height:{bottom}px"
    head = f'<meta charset="utf-8"><title>Galaxy Celery ({flavour})</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>{head}<h1>Galaxy Celery</h1><div class="grid" style="{size}">{"".join(parts)}</div>'


def main(flavour: str, path: str) -> None:
    """Print the page."""
    print(page(flavour, json.loads(Path(path).read_text(encoding="utf-8"))["data"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
