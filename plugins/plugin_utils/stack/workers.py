# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workers: their nodes and queues, what their processes open the database with, and where beat runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .site import Host, Site, Values, unique

POOL_OPTION = "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_"
# Galaxy's own queues. Celery's default queue is for other tools.
GALAXY_QUEUES = ("celery", "galaxy.internal", "galaxy.external")
# The default of Galaxy's pool.
GALAXY_MAX_OVERFLOW = 10


@dataclass(frozen=True)
class WorkersPlan:
    """Values that hosts need of the workers.

    :ivar nodes: the Celery node names of all hosts.
    :ivar own_nodes: those of this host.
    :ivar beat: whether beat runs on this host.
    :ivar consumed_queues: what is consumed by any of them.
    :ivar routed_queues: where Galaxy's tasks go.
    :ivar remote: whether there is one on another host than Galaxy's.
    :ivar consumer_timeout_seconds: after what the broker takes a message back, 0 for never or unknown.
    :ivar probe_host: where tasks are sent from for proofs.
    :ivar python: Galaxy's Python on this host, as seen from outside of the units.
    :ivar config_file: galaxy.yml likewise.
    :ivar problems: what is wrong between the hosts, one sentence with its remedy for each.
    """

    nodes: list[str]
    own_nodes: list[str]
    beat: bool
    consumed_queues: list[str]
    routed_queues: list[str]
    remote: bool
    consumer_timeout_seconds: int
    database_max_overflow: int
    probe_host: str | None
    python: str
    config_file: str
    problems: list[str]


def nodes(host: Host) -> list[str]:
    """Return the node names of a host, none where its classes make no sense."""
    return host.role("celery").texts("__celery_worker_nodes")


def processes(host: Host) -> list[dict[str, int]]:
    """Return each process that runs tasks, with its threads and what its unit sets of Galaxy's pool."""
    values = host.role("celery")
    classes = {entry.text("name"): entry for entry in values.mappings("__celery_classes")}
    found: list[dict[str, int]] = []
    for instance in values.mappings("__celery_instances"):
        found += _class_processes(classes.get(instance.text("class"), Values()), values.mapping("celery_environment"))
    return found


def _class_processes(entry: Values, environment: Values) -> list[dict[str, int]]:
    given = Values({**environment.found, **entry.mapping("environment").found})
    concurrency, prefork = entry.number("concurrency"), entry.text("pool") == "prefork"
    process = {"threads": 1 if prefork else concurrency, "pool_size": given.number(f"{POOL_OPTION}POOL_SIZE", concurrency)}
    if f"{POOL_OPTION}MAX_OVERFLOW" in given:
        process["max_overflow"] = given.number(f"{POOL_OPTION}MAX_OVERFLOW")
    # prefork has a process for each task.
    return [process] * (concurrency if prefork else 1)


def consumed_queues(site: Site) -> list[str]:
    """Return what is consumed by any worker."""
    classes = [entry for host in site.of(site.groups.workers) for entry in host.role("celery").mappings("__celery_classes")]
    return unique(queue for entry in classes for queue in entry.texts("queues"))


def routed_queues(site: Site) -> list[str]:
    """Return Galaxy's own queues and what its routes name, a queue each or options of one; "disabled" is none."""
    routes = site.first(site.groups.galaxy).role("galaxy").mapping("galaxy_celery_task_routes")
    plain = [route for route in routes.found.values() if isinstance(route, str) and route != "disabled"]
    named = [str(route.get("queue") or "") for route in routes.found.values() if isinstance(route, dict)]
    return unique([*GALAXY_QUEUES, *plain, *named])


def beats(site: Site) -> list[str]:
    """Return the hosts that run beat: those of its group, unless a host says otherwise itself."""
    switches = {host.name: host.given for host in site.of(unique([*site.groups.workers, *site.groups.beat]))}
    return [
        name for name, given in switches.items() if given.flag("celery_beat_enabled", name in site.groups.beat)
    ]


def consumer_timeout(site: Site) -> int:
    """Return the shortest time after which a broker takes a message back."""
    brokers = site.of(site.groups.broker)
    seconds = [host.role("rabbitmq").number("rabbitmq_consumer_timeout_seconds") for host in brokers]
    return min((number for number in seconds if number), default=0)


def clashes(planned: dict[str, list[str]], running_beat: list[str]) -> list[str]:
    """Return what is wrong between the hosts: node names that two of them have, and where beat runs.

    Two workers with one node name answer for each other, so that neither can be drained.
    """
    hosts: dict[str, list[str]] = {}
    for host, names in planned.items():
        for name in unique(names):
            hosts.setdefault(name, []).append(host)
    problems = [
        f"The node {name} would run on {' and '.join(found)}, so that they answer for each other. Remedy: give celery_node_host"
        " of each host a value of its own."
        for name, found in sorted(hosts.items())
        if len(found) > 1
    ]
    if planned and len(running_beat) != 1:
        listed = f" ({', '.join(running_beat)})" if running_beat else ""
        harm = "every periodic task is sent more than once" if running_beat else "no periodic task is sent"
        problems.append(
            f"{len(running_beat)} hosts would run beat{listed}: {harm}. Remedy: have exactly one host in the group celerybeat, or"
            " leave the group out to have the first worker."
        )
    strangers = [host for host in running_beat if host not in planned]
    if planned and len(running_beat) == 1 and strangers:
        problems.append(
            f"Beat would run on {strangers[0]}, which is no host of workers and gets no code of Galaxy, so it would not run at"
            " all. Remedy: put a host of the workers into the group celerybeat."
        )
    return problems


class Workers:
    """What is the same for all hosts is worked out once."""

    def __init__(self, site: Site) -> None:
        groups = site.groups
        planned = {host.name: nodes(host) for host in site.of(groups.workers)}
        self.beats = beats(site)
        galaxy = site.first(groups.galaxy)
        self.same: dict[str, Any] = {
            "nodes": [name for names in planned.values() for name in names],
            "consumed_queues": consumed_queues(site),
            "routed_queues": routed_queues(site),
            "remote": bool(set(groups.workers) - set(groups.galaxy)),
            "consumer_timeout_seconds": consumer_timeout(site),
            "database_max_overflow": galaxy.given.number("max_overflow", GALAXY_MAX_OVERFLOW),
            "probe_host": galaxy.name or None,
            "problems": clashes(planned, self.beats),
        }

    def plan(self, host: Host) -> WorkersPlan:
        """Return the values for a host."""
        values = host.role("celery")
        return WorkersPlan(
            own_nodes=nodes(host),
            beat=host.name in self.beats,
            python=values.text("__celery_outside_python"),
            config_file=values.text("__celery_outside_config_file"),
            **self.same,
        )
