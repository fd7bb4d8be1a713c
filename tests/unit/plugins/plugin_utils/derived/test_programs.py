# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles work out of lists and dictionaries."""

from __future__ import annotations

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived import choose, hba_lines, older_broker, units
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived import numbered as numbered_module
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.connection_budget import connection_budget
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.numbered import numbered
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.rabbitmq_config import rabbitmq_config
from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived.telegraf_beside import telegraf_beside

TCP = {"listeners.tcp.default": 5672}


def test_entries_have_the_names_of_messages():
    assert numbered(["/a", "/b"], "dirs") == {"dirs[0]": "/a", "dirs[1]": "/b"}


def test_a_tag_keeps_the_points_of_the_site_apart():
    inputs = {"disk": [{"taginclude": ["path"], "tags": {"site": "x"}}, {}]}
    found = telegraf_beside(inputs, {"starlark": [{"script": "s"}]}, {"file": [{"tagpass": {"a": ["b"]}}]}, "5s", "h")
    first, second = found["inputs"]["disk"]
    assert first == {
        "interval": "5s",
        "tags": {"galaxy_celery": "1", "host": "h", "site": "x"},
        "taginclude": ["path", "galaxy_celery"],
    }
    assert second == {"interval": "5s", "tags": {"galaxy_celery": "1", "host": "h"}}
    assert found["processors"]["starlark"] == [{"tagpass": {"galaxy_celery": ["1"]}, "script": "s"}]
    assert found["outputs"]["file"][0]["tagpass"] == {"galaxy_celery": ["1"], "a": ["b"]}
    assert "outputs" not in telegraf_beside(inputs, {}, {}, "5s", "h")


def test_a_choice_of_the_site_takes_all_of_the_roles_away():
    offered = {"disk_free_limit.absolute": "1GB", **TCP, "heartbeat": 60}
    found = rabbitmq_config({"disk_free_limit.relative": 1.5, "heartbeat": 30, "listeners.tcp": None}, offered)
    assert found == {"heartbeat": 30, "disk_free_limit.relative": 1.5, "listeners.tcp": None, **TCP}


def test_a_process_holds_no_more_than_its_pool_and_no_more_than_its_threads():
    processes = [{"threads": 32, "pool_size": 32}, {"threads": 4}, {"threads": 8, "pool_size": 0}]
    found = connection_budget([{"processes": processes}, {}], 1, 2, True)
    assert (found["processes"], found["threads"], found["pooled"]) == (3, 44, 32 + 3 + 8)
    assert (found["results"], found["kept"]) == (5 + 1 + 4 + 1 + 5 + 1, 60)
    assert found["pools"] == ["32 (set by its unit) + 2", "1 + 2", "0 (set by its unit) + 2"]
    assert connection_budget([{"processes": processes}], 1, 2, False)["results"] == 0


def test_the_data_of_an_older_broker_is_a_bind_or_a_volume():
    mounts = [
        {"Type": "bind", "Source": "/srv/mq", "Destination": "/var/lib/rabbitmq"},
        {"Type": "volume", "Name": "mq", "Source": "/x", "Destination": "/var/lib/rabbitmq/mnesia"},
        {"Type": "bind", "Source": "/etc/mq", "Destination": "/etc/rabbitmq"},
    ]
    assert older_broker.data_volumes(mounts) == ["/srv/mq:/var/lib/rabbitmq:rw", "mq:/var/lib/rabbitmq/mnesia:rw"]


def test_each_queue_with_messages_has_a_shovel():
    waiting = [{"vhost": "/", "queue": "a"}, {"vhost": "/", "queue": "b"}]
    assert [entry["vhost"] for entry in older_broker.full_permissions(waiting, "reader")] == ["/"]
    first, second = older_broker.shovels(waiting, "reader", "p", "10.0.0.2")
    assert first["value"]["src-uri"] == "amqp://reader:p@10.0.0.2:5672/%2F"
    assert (first["value"]["dest-uri"], second["name"]) == ("amqp:///%2F", "reader b")


def test_nodes_are_counted_from_one_on():
    assert numbered_module.counted(["a", "b"], "node.") == {"node.1": "a", "node.2": "b"}


def test_what_is_not_given_is_left_out():
    assert choose.given({"a": [], "b": None, "c": [1], "d": ""}) == {"c": [1], "d": ""}


def test_copies_that_are_kept():
    kept = {"path": "/keep/x.yml", "source": "/etc/x.yml", "mode": "0600"}
    assert choose.kept_files([{"path": "/etc/x.yml"}], "/keep") == [kept]


def test_files_that_are_younger_than_a_container():
    stats = [{"stat": {"exists": True, "path": "/a", "mtime": 1.5}}, {"stat": {"exists": False}}]
    assert choose.younger(stats, "1970-01-01T00:00:01.499999999Z") == ["/a"]
    assert choose.younger(stats, "1970-01-01T00:00:01.5Z") == []
    assert choose.younger(stats, "1970-01-01T00:00:01Z") == ["/a"]


def test_gravity_deletes_what_it_has_not_placed():
    own, foreign = [{"path": "/e/galaxy-celery-beat.service"}], [{"path": "/e/galaxy-gunicorn.service"}]
    (problem,) = units.gravity_problems(foreign, own)
    assert problem.startswith("gravity would stop and delete galaxy-celery-beat.service at its next galaxyctl update.")
    (problem,) = units.gravity_problems([{"path": "/e/galaxy-celery.service"}], [])
    assert problem.startswith("gravity runs galaxy-celery.service beside the units of this role.")
    assert units.gravity_problems([], own) == []


def test_paths_inside_another_need_no_mount():
    assert units.outermost(["/srv/galaxy", "/srv/galaxy/config", "/srv/galaxy2"]) == ["/srv/galaxy", "/srv/galaxy2"]


def test_where_galaxy_sends_tasks():
    conf = {"task_default_queue": "own", "task_routes": {"a": "x", "b": {"queue": "y"}, "c": {}, "d": "disabled"}}
    assert units.needed_queues(conf, ["y"]) == ["own", "x"]
    assert units.needed_queues({}, []) == ["galaxy.internal"]


def test_lines_of_a_site():
    given = ["host all galaxy 10.0.0.1/32 md5", {"type": "host"}]
    assert hba_lines.unlisted(["10.0.0.1/32", "10.0.0.2/32"], given) == ["10.0.0.2/32"]
    assert hba_lines.unlisted(["10.0.0.1/32"], ["host all galaxy 10.0.0.1 md5"]) == []


def test_addresses_that_have_left_a_block():
    text = "# BEGIN x\nhost a b 10.0.0.1/32 md5\nhost a b 10.0.0.2/32 md5\n# END x\nhost a b 10.0.0.3/32 md5\n"
    assert hba_lines.left_addresses(text, "# {mark} x", ["10.0.0.2/32"]) == ["10.0.0.1/32"]
    assert hba_lines.left_addresses("", "# {mark} x", []) == []
