# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says where a host is not known, leaves, or says something itself."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack import plan
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.stack.site import Groups, Host, Site, Values

GROUPS = Groups(
    galaxy=["galaxy"],
    broker=["mq"],
    proxy=["mq"],
    database=["db"],
    workers=["celery-1", "celery-2"],
    beat=["celery-1"],
    flower=["monitor"],
    monitored=["monitor"],
)
NAMES = ("galaxy", "mq", "db", "celery-1", "celery-2", "monitor")


def host(number, given=None, **roles):
    """A host that was asked."""
    address = f"10.0.0.{number}"
    facts = {"service_mgr": "systemd", "default_ipv4": {"address": address}, "all_ipv4_addresses": [address]}
    return Host(
        NAMES[number - 1],
        Values(facts),
        {role: Values(values) for role, values in roles.items()},
        Values(given or {}),
    )


def planned(asked=True, **changed):
    """The plan of a site, with some hosts otherwise."""
    hosts = {name: host(number) for number, name in enumerate(NAMES, 1)}
    hosts.update({name.replace("_", "-"): of for name, of in changed.items()})
    return plan.plan(Site(hosts, GROUPS, asked))


def test_the_clients_are_galaxy_the_workers_and_flower():
    assert planned()["mq"].broker.clients == ["10.0.0.1", "10.0.0.4", "10.0.0.5", "10.0.0.6"]


def test_an_address_that_the_inventory_gives_is_a_client_too():
    found = planned(celery_1=host(4, {"celery_source_address": "100.64.0.4"}))
    assert "100.64.0.4" in found["mq"].broker.clients
    assert found["celery-1"].release.worker_addresses == ["100.64.0.4"]
    assert [entry["address"] for entry in found["db"].database.clients] == ["100.64.0.4", "10.0.0.5"]


def test_a_host_without_facts_is_not_shut_out_in_silence():
    found = planned(celery_2=Host("celery-2"))
    (problem,) = found["mq"].broker.problems
    assert "addresses of celery-2 are not known" in problem
    assert "Run without --limit" in problem
    (problem,) = found["db"].database.problems
    assert "addresses of celery-2 are not known" in problem


def test_nobody_is_told_of_what_was_not_asked_or_is_given():
    assert planned(asked=False, celery_2=Host("celery-2"))["mq"].broker.problems == []
    given = {"traefik_broker_client_addresses": ["10.0.0.0/24"]}
    assert planned(celery_2=Host("celery-2"), mq=host(2, given))["mq"].broker.problems == []
    off = planned(celery_2=Host("celery-2"), mq=host(2, traefik={"traefik_broker_allow_list_enabled": False}))
    assert off["mq"].broker.problems == []
    given = {"postgresql_access_hosts": []}
    assert planned(celery_2=Host("celery-2"), db=host(3, given))["db"].database.problems == []


def test_beat_runs_where_a_host_says_so_itself():
    found = planned(celery_1=host(4, {"celery_beat_enabled": False}), celery_2=host(5, {"celery_beat_enabled": True}))
    assert [found[name].workers.beat for name in ("celery-1", "celery-2")] == [False, True]
    both = planned(celery_2=host(5, {"celery_beat_enabled": True}))
    assert "2 hosts would run beat" in both["celery-1"].workers.problems[0]


def test_a_worker_knows_its_own_entry_and_the_database_all():
    found = planned()
    assert [entry["name"] for entry in found["db"].database.clients] == ["celery-1", "celery-2"]
    assert [entry["name"] for entry in found["celery-2"].database.clients] == ["celery-2"]
    assert found["mq"].database.clients == []


def test_the_measured_address_counts_for_the_database():
    measured = {"addresses": {"database": "198.51.100.4"}}
    (entry, _other) = planned(celery_1=host(4, {"__stack_measured": measured}))["db"].database.clients
    assert (entry["address"], entry["known_addresses"]) == ("198.51.100.4", ["10.0.0.4"])


def test_where_the_database_is_measured():
    found = planned(galaxy=host(1, {"__galaxy_database": {"host": "db.example.org"}}))
    assert (found["celery-1"].database.target, found["db"].database.target) == ("db.example.org", "")
    assert planned()["celery-1"].database.target == "10.0.0.3"
    given = host(4, {"postgresql_access_server_host": "db.internal"})
    assert planned(celery_1=given)["celery-1"].database.target == "db.internal"
    given = planned(celery_1=host(4, {"celery_source_address": "100.64.0.4"}))["celery-1"].database
    assert (given.target, given.way_problem) == ("", "")


def test_a_way_that_is_not_known_is_told():
    measured = {"addresses": {}, "problems": {"database": "db cannot be resolved here."}}
    problem = planned(celery_1=host(4, {"__stack_measured": measured}))["celery-1"].database.way_problem
    said = "celery-1 cannot find its source address to the database: db cannot be resolved here. Remedy:"
    assert problem.startswith(said)
    measured = {"addresses": {"database": "10.0.0.4"}}
    assert planned(celery_1=host(4, {"__stack_measured": measured}))["celery-1"].database.way_problem == ""


def test_the_server_that_the_workers_have_reached():
    login = {"admitted": True, "host": "db.example.org", "port": 5433, "user": "celery"}
    found = planned(celery_2=host(5, {"__postgresql_access_login": login}))["mq"].database.reached
    assert found == {"host": "db.example.org", "port": 5433, "user": "celery"}
    assert planned()["mq"].database.reached["host"] == ""


def test_what_must_not_answer_from_elsewhere():
    found = planned()
    assert found["celery-1"].broker.closed.addresses == ["10.0.0.2"]
    assert [entry["port"] for entry in found["celery-1"].broker.closed.ports] == [5672, 15672]
    assert found["celery-1"].flower.closed.addresses == ["10.0.0.6"]
    public = planned(monitor=host(6, flower={"flower_address": "10.0.0.6"}))
    assert public["celery-1"].flower.closed.addresses == []
    groups = replace(GROUPS, proxy=["galaxy"])
    hosts = {name: host(number) for number, name in enumerate(NAMES, 1)}
    assert plan.plan(Site(hosts, groups))["galaxy"].broker.closed.addresses == []


def test_each_part_knows_a_worker_by_the_address_that_it_comes_from():
    towards = {"broker": "198.51.100.4", "galaxy": "2001:db8::4"}
    found = planned(celery_1=host(4, {"__stack_measured": {"addresses": towards}}))
    assert found["mq"].broker.clients == ["10.0.0.1", "10.0.0.4", "10.0.0.5", "10.0.0.6", "198.51.100.4"]
    assert found["celery-1"].release.worker_addresses == ["2001:db8::4"]
    # To itself a host may come from loopback, which nobody else sees.
    here = planned(celery_1=host(4, {"__stack_measured": {"addresses": {"galaxy": "127.0.1.1"}}}))
    assert here["celery-1"].release.worker_addresses == ["10.0.0.4"]


def test_galaxys_pool_is_the_inventorys_else_that_of_galaxy_yml():
    found = {"__galaxy_database": {"pool_size": 7, "max_overflow": 8}}
    database = planned(galaxy=host(1, found))["db"].database
    assert (database.pool_size, database.max_overflow) == (7, 8)
    database = planned(galaxy=host(1, {**found, "pool_size": "9"}))["db"].database
    assert (database.pool_size, database.max_overflow) == (9, 8)


def test_routes_name_queues_of_their_own():
    routes = {"a": "own", "b": {"queue": "other"}, "c": "disabled", "d": {}, "e": None}
    found = planned(galaxy=host(1, galaxy={"galaxy_celery_task_routes": routes}))
    assert found["celery-1"].workers.routed_queues == ["celery", "galaxy.internal", "galaxy.external", "own", "other"]


def test_the_host_of_a_private_ca():
    values = {"traefik_certificate_source": "private_ca", "traefik_private_ca_dir": "/srv/ca"}
    found = planned(mq=host(2, traefik=values))["celery-1"].authority
    assert (found.hosts, found.path) == (["mq"], "/srv/ca/ca.crt")
    assert planned()["celery-1"].authority.hosts == []


def test_a_role_keeps_its_own_default_where_the_plan_says_nothing():
    assert "servers" not in plan.facts(planned()["galaxy"])["broker"]
    assert plan.facts(planned()["mq"])["broker"]["servers"]["terminate"] == ["127.0.0.1:5672"]
