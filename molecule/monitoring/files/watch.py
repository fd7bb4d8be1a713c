# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask what an operator's Grafana and Prometheus would ask, of the real ones, with the files that the role has placed.

    watch.py panels                      every query of every panel and mark, of both dashboards, returns data
    watch.py unused                      no field in InfluxDB that no query of a panel, mark or rule names
    watch.py data FLAVOUR                what one dashboard's panels show, for tests/tools/dashboard_picture.py
    watch.py alerts --firing NAME ...    exactly these rules fire, of both formats; without a name none does

InfluxDB's address and login come from the data source file for Grafana. There is no Grafana here, so what it does with
a rule is done here: the last value of each series against the number, and the state for "no data".
"""

from __future__ import annotations

import argparse
import json
import operator
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from pathlib import Path

from ruamel.yaml import YAML

PROVISIONING = Path("/etc/grafana/provisioning")
DASHBOARDS = Path("/etc/galaxy-celery/dashboards")
PROMETHEUS = "http://127.0.0.1:9090/api/v1/"
WINDOW_SECONDS, STEP_SECONDS = 600, 10
COMPARE = {"gt": operator.gt, "lt": operator.lt}

# What is stored though no query asks for it, and why.
KEPT = {
    "flower_task_runtime_seconds count": "the histogram of which the quantiles are made; a mean is sum / count",
    "flower_task_runtime_seconds sum": "as count",
    "rabbitmq_overview consumers": "the queues show it, and Telegraf chooses fields by name for all measurements",
    "rabbitmq_overview messages_ready": "as consumers",
}

# A tag in the name of a line: InfluxQL's way and Prometheus's.
NAMED = re.compile(r"\$tag_(\w+)|\{\{(\w+)\}\}")


def load(path):
    """One YAML document."""
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


class InfluxDB:
    """Asked as Grafana's data source is set up."""

    def __init__(self):
        (source,) = load(PROVISIONING / "datasources/galaxy-celery.yml")["datasources"]
        self.url, self.database = source["url"], source["jsonData"]["dbName"]
        login = f"{source['user']}:{source['secureJsonData']['password']}".replace("$$", "$")
        self.headers = {"Authorization": "Basic " + b64encode(login.encode()).decode()}

    def __call__(self, query, seconds=WINDOW_SECONDS):
        """The series that have a value, as (tags, points of time and value, newest last)."""
        query = re.sub(r"/\^\$\w+\$/", "/^.*$/", query)
        query = query.replace("$timeFilter", f"time > now() - {seconds}s").replace("$__interval", f"{STEP_SECONDS}s")
        found = []
        for one in self.series(query):
            points = [row[:2] for row in one["values"] if row[1] is not None]
            if points:
                found.append((one.get("tags", {}), points))
        return found

    def series(self, query):
        """What InfluxDB answers to one query."""
        body = urllib.parse.urlencode({"db": self.database, "q": query, "epoch": "s"}).encode()
        request = urllib.request.Request(f"{self.url}/query", body, self.headers)  # noqa: S310 http alone
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            (result,) = json.load(answer)["results"]
        if "error" in result:
            raise RuntimeError(f"{result['error']}: {query}")
        return result.get("series", [])


def prometheus(path, **parameters):
    """One answer of Prometheus."""
    url = f"{PROMETHEUS}{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 http alone
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{error.read().decode()}: {parameters}") from error


def in_range(query):
    """The series of a query over the window."""
    query = re.sub(r"\$\{?(worker|task)\}?", ".*", query).replace("$__rate_interval", "60s")
    now = time.time()
    found = prometheus("query_range", query=query, start=now - WINDOW_SECONDS, end=now, step=STEP_SECONDS)["result"]
    numbers = [[[when, float(value)] for when, value in one["values"] if value != "NaN"] for one in found]
    return [(one["metric"], points) for one, points in zip(found, numbers) if points]


def queries(flavour, key):
    """(title, query) of all panels, marks and variables of one dashboard."""
    dashboard = json.loads((DASHBOARDS / flavour / "galaxy-celery.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"{panel['title']} {target['refId']}", target[key], target
    for mark in dashboard["annotations"]["list"]:
        yield mark["name"], mark[key], mark


def panels(_options):
    """Name the queries that return nothing, or something that is no line."""
    influxdb = InfluxDB()
    empty, count = [], 0
    for flavour, key, ask in (("influxql", "query", influxdb), ("prometheus", "expr", in_range)):
        for title, query, _target in queries(flavour, key):
            count += 1
            lines = [[when for when, _value in points] for _tags, points in ask(query)]
            # InfluxDB 1.6 answers some queries with the same times again and again.
            if not lines or any(times != sorted(set(times)) for times in lines):
                empty.append(f"{flavour}: {title}: {query}")
    return {"asked": count, "empty": empty}


def data(options):
    """What each query of one dashboard returns: the lines, with their names."""
    ask, key = (InfluxDB(), "query") if options.flavour == "influxql" else (in_range, "expr")
    found = {}
    for title, query, target in queries(options.flavour, key):
        name = target.get("alias") or target.get("legendFormat") or ""
        lines = []
        for tags, points in ask(query):
            names = {found[0]: tags.get(found[1] or found[2], "") for found in NAMED.finditer(name)}
            lines.append({"name": NAMED.sub(lambda found, names=names: names[found[0]], name), "points": points})
        found[title] = lines
    return {"data": found, "empty": []}


def rules():
    """The alert rules in Grafana's file."""
    (group,) = load(PROVISIONING / "alerting/galaxy-celery.yml")["groups"]
    return group["rules"]


def unused(_options):
    """Name the fields that InfluxDB holds, and that nobody asks for."""
    asked = [query for _title, query, _target in queries("influxql", "query")]
    asked += [rule["data"][0]["model"]["query"] for rule in rules()]
    named = set()
    for query in asked:
        fields = re.findall(r'"(\w+)"', query) + re.findall(r"\w+", " ".join(re.findall(r"\(/(.+?)/\)", query)))
        named.update(f"{measurement} {field}" for measurement in re.findall(r'FROM "(\w+)"', query) for field in fields)
    held = InfluxDB().series("SHOW FIELD KEYS")
    stored = {f"{one['name']} {field}" for one in held for field, _type in one["values"]}
    return {"stored": len(stored), "empty": sorted(stored - named - set(KEPT)), "kept": KEPT}


def firing_in_grafana(influxdb):
    """Short names of the rules of Grafana's file that would fire, with what fires."""
    found = {}
    for rule in rules():
        query, _reduce, threshold = rule["data"]
        series = influxdb(query["model"]["query"], query["relativeTimeRange"]["from"])
        (condition,) = threshold["model"]["conditions"]
        compare, number = COMPARE[condition["evaluator"]["type"]], condition["evaluator"]["params"][0]
        fired = [tags for tags, points in series if compare(points[-1][1], number)]
        if not series and rule["noDataState"] == "Alerting":
            fired = [{}]
        if fired:
            found.setdefault(short(rule["uid"]), []).extend(fired)
    return found


def short(uid):
    """The name of a rule of Grafana as that of Prometheus."""
    words = re.sub(r"-[0-9a-f]{8}$", "", uid.removeprefix("galaxy-celery-")).split("-")
    return "".join(word.capitalize() for word in words)


def firing_in_prometheus():
    """Short names of the rules of Prometheus that fire, with their labels."""
    found = {}
    for alert in prometheus("alerts")["alerts"]:
        if alert["state"] == "firing":
            found.setdefault(alert["labels"]["alertname"].removeprefix("GalaxyCelery"), []).append(alert["labels"])
    return found


def alerts(options):
    """Wait until exactly the wanted rules fire, in both."""
    influxdb, wanted = InfluxDB(), set(options.firing)
    deadline = time.monotonic() + options.seconds
    while True:
        found = {"grafana": firing_in_grafana(influxdb), "prometheus": firing_in_prometheus()}
        wrong = {where: sorted(set(rules) ^ wanted) for where, rules in found.items() if set(rules) ^ wanted}
        if not wrong or time.monotonic() > deadline:
            return {"fire": found, "empty": wrong}
        time.sleep(2)


def main():
    """Print what was found as JSON; 1 where it is not what was wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    verbs.add_parser("panels").set_defaults(run=panels)
    verbs.add_parser("unused").set_defaults(run=unused)
    verb = verbs.add_parser("data")
    verb.add_argument("flavour")
    verb.set_defaults(run=data)
    verb = verbs.add_parser("alerts")
    verb.add_argument("--firing", nargs="*", default=[])
    verb.add_argument("--seconds", type=int, default=180)
    verb.set_defaults(run=alerts)
    options = parser.parse_args()
    found = options.run(options)
    print(json.dumps(found, indent=2))
    return 1 if found["empty"] else 0


if __name__ == "__main__":
    sys.exit(main())
