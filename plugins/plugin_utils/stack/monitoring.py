# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flower, and what Telegraf reads where."""

from __future__ import annotations

from dataclasses import dataclass

from . import workers
from .site import Closed, Host, Site, bracketed

# What listens on every address answers on loopback too.
LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 compared, not bound


@dataclass(frozen=True)
class FlowerPlan:
    """Where Flower is.

    :ivar urls: on all of its hosts, without its prefix.
    :ivar url: where this host finds it: itself, or for the host that reads it for all.
    :ivar closed: where it listens on loopback alone, and must not answer others.
    """

    urls: list[str]
    url: str
    closed: Closed


@dataclass(frozen=True)
class MonitoringPlan:
    """What Telegraf reads on this host.

    :ivar centre: whether it reads here what belongs to all hosts.
    :ivar broker_url: the metrics of the broker on this host, empty where there is none.
    """

    centre: bool
    broker_url: str
    disk_dirs: list[str]
    expected_hosts: list[str]
    expected_workers: list[str]


def flower_root(host: Host) -> str:
    """Return where Flower listens on a host."""
    values = host.role("flower")
    return f"http://{bracketed(values.text('flower_address', '127.0.0.1'))}:{values.text('flower_port', '5555')}"


def flower_url(host: Host) -> str:
    """Return where Flower answers on a host."""
    prefix = host.role("flower").text("flower_url_prefix").strip("/")
    return f"{flower_root(host)}/{prefix}" if prefix else flower_root(host)


def is_loopback(host: Host) -> bool:
    """Say whether Flower answers on its own host alone."""
    return host.role("flower").text("flower_address", "127.0.0.1").startswith(("127", "::1", "localhost"))


def centre(site: Site) -> str:
    """Return the host that reads what belongs to all: one with Flower if it can be, and the same one in each run."""
    beside = [name for name in site.groups.monitored if name in site.groups.flower]
    return next(iter(beside + site.groups.monitored), "")


def broker_url(host: Host) -> str:
    """Return the metrics of the broker on a host. Whether one of the site's has them only the site knows."""
    values = host.role("rabbitmq")
    if values.text("rabbitmq_install_method") == "existing":
        return ""
    address = values.text("rabbitmq_listen_address", "127.0.0.1")
    return f"http://{bracketed(LOCAL.get(address, address))}:{values.text('rabbitmq_prometheus_port', '15692')}/metrics"


def disk_dirs(host: Host) -> list[str]:
    """Return the directories of a host of workers that may fill."""
    sync = host.role("galaxy_sync")
    releases = [sync.text("galaxy_sync_releases_dir")] if sync.text("galaxy_sync_method") == "rsync" else []
    return [host.role("celery").text("celery_tmp_dir", "/var/lib"), *releases]


class Monitoring:
    """What is the same for all hosts is worked out once."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.centre = centre(site)
        self.urls = [flower_root(host) for host in site.of(site.groups.flower)]
        private = [host for host in site.of(site.groups.flower) if host.known and is_loopback(host)]
        ports = [{"name": "Flower", "port": site.first(site.groups.flower).role("flower").number("flower_port", 5555)}]
        self.closed = Closed([host.ipv4 for host in private], ports)
        self.workers = [name for host in site.of(site.groups.workers) for name in workers.nodes(host)]

    def flower(self, host: Host) -> FlowerPlan:
        """Return the values of Flower for a host."""
        groups = self.site.groups
        if host.name in groups.flower:
            return FlowerPlan(self.urls, flower_url(host), self.closed)
        remote = self.site.first(groups.flower) if host.name == self.centre else Host("")
        return FlowerPlan(self.urls, flower_url(remote), self.closed)

    def plan(self, host: Host) -> MonitoringPlan:
        """Return the values for Telegraf on a host."""
        groups, is_centre = self.site.groups, host.name == self.centre
        return MonitoringPlan(
            centre=is_centre,
            broker_url=broker_url(host) if host.name in groups.broker else "",
            disk_dirs=disk_dirs(host) if host.name in groups.workers else [],
            expected_hosts=groups.monitored,
            expected_workers=self.workers if is_centre else [],
        )
