# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A table of wrong inputs to the roles that have a preflight of their own, and of legal ones that look wrong.

Each row is a host of its own in one run: the preflight of its role stops it, with the variable's name and the remedy,
and lets the legal ones pass. That these work end to end is shown by test_broker_info.py on a real broker.
"""

from __future__ import annotations

import json
import re
import socket

import pytest
from tools import roles
from tools.preflight_site import MARKS, SECRETS, TLS_LISTENER, build_site, pair

MARK = SECRETS["flower_amqp_password"]
# Held by these tests from here on.
LISTENER = socket.create_server(("127.0.0.1", 0))
BUSY = LISTENER.getsockname()[1]
RULE = {"vhost": "galaxy", "configure": "", "write": "", "read": ".*"}
ROUTE = {"name": "other", "entry_point": "amqps", "hosts": ["other.example.org"], "servers": ["192.0.2.9:5672"]}
ROUTES = {"galaxy.fetch_data": "galaxy.external", "galaxy.set_job_metadata": "galaxy.external"}
# What the playbooks set.
RELEASE = {"galaxy_sync_source_host": "{{ inventory_hostname }}"}
PAGE = {"name": "page", "entry_point": "websecure", "host": "page.example.org", "urls": ["http://192.0.2.9:80"]}


def user(**keys):
    return {"rabbitmq_users_extra": [{"name": "pulsar", "password": MARK, "permissions": [RULE], **keys}]}


def policy(**keys):
    base = {"name": "short", "vhost": "galaxy", "pattern": "^x", "apply_to": "queues", "definition": {"expires": 1000}}
    return {"rabbitmq_policies_extra": [{**base, **keys}]}


def certificate(*arguments, **keys):
    return dict(zip(("traefik_certificate", "traefik_private_key"), pair(*arguments, **keys)))


def database_host(address, *known):
    worker = {"name": "celery-1", "address": address, "known_addresses": list(known)}
    return {"postgresql_access_hosts": [worker]}


def worker(**keys):
    return {"celery_workers": [{"name": "worker", **keys}]}


def nodes(*pairs, **keys):
    """A list of cluster nodes, each by its name and the end of its address, for the host of the node mq."""
    entries = [{"name": name, "address": f"192.0.2.{end}"} for name, end in pairs]
    return {"rabbitmq_node_hostname": "mq", "rabbitmq_cluster_nodes": entries, **keys}


POOL_SIZE = "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_POOL_SIZE"


def networks(*entries, **exceptions):
    return {
        "postgresql_access_hosts": [{"name": "celery-1", "address": "100.118.169.17"}],
        "postgresql_access_networks": list(entries),
        **exceptions,
    }


# Role: {what is wrong: (variables, words of the message)}
WRONG = {
    "rabbitmq": {
        "unknown variable": ({"rabbitmq_vhost": "x"}, ["rabbitmq_vhost is not", "Did you mean rabbitmq_vhosts?"]),
        "image without a tag": ({"rabbitmq_image": "rabbitmq"}, ["rabbitmq_image is rabbitmq,", "a tag or a digest"]),
        "image with a space": ({"rabbitmq_image": "rabbit mq:4"}, ["rabbitmq_image is rabbit mq:4,"]),
        "digest cut short": ({"rabbitmq_image": "rabbitmq@sha256:12"}, ["rabbitmq_image", "64 hexadecimal digits"]),
        "cookie with a symbol": (
            {"rabbitmq_erlang_cookie": "markCookie!" * 3},
            ["rabbitmq_erlang_cookie is not 20", "not shown"],
        ),
        "cookie too short": ({"rabbitmq_erlang_cookie": "markCookie"}, ["rabbitmq_erlang_cookie", "openssl rand"]),
        "watermark above the limit": (
            {"rabbitmq_memory_limit_mb": 512, "rabbitmq_memory_high_watermark_mb": 600},
            ["rabbitmq_memory_high_watermark_mb is 600", "rabbitmq_memory_limit_mb (512)"],
        ),
        "name for an address": (
            {"rabbitmq_listen_address": "localhost"},
            ["rabbitmq_listen_address is localhost", "for example 127.0.0.1"],
        ),
        "brackets around IPv6": (
            {"rabbitmq_listen_address": "[::1]"},
            ["rabbitmq_listen_address is [::1]", "brackets"],
        ),
        "port out of range": ({"rabbitmq_amqp_port": 70000}, ["rabbitmq_amqp_port is 70000", "from 1 to 65535"]),
        "port twice": (
            {"rabbitmq_management_port": 5672},
            ["rabbitmq_management_port is 5672", "different from the others", "rabbitmq_amqp_port"],
        ),
        "port in use": (
            {"rabbitmq_amqp_port": BUSY},
            [f"rabbitmq_amqp_port needs 127.0.0.1:{BUSY}", "Remedy: stop it"],
        ),
        "cluster of two": (
            nodes(("mq", 1), ("mq-2", 2)),
            ["rabbitmq_cluster_nodes has two entries (mq, mq-2)", "Remedy: take one node, or three"],
        ),
        "cluster without this node": (
            nodes(("mq-1", 1), ("mq-2", 2), ("mq-3", 3)),
            ["rabbitmq_node_hostname is mq on", "has only mq-1, mq-2, mq-3", "Remedy: add it"],
        ),
        "node that is there twice": (
            nodes(("mq", 1), ("MQ", 2), ("mq-3", 3)),
            ["rabbitmq_cluster_nodes has the names mq, MQ, mq-3", "each of them once"],
        ),
        "nodes with short and long names": (
            nodes(("mq", 1), ("mq-2.example.org", 2), ("mq-3", 3)),
            ["rabbitmq_cluster_nodes has the names mq, mq-2.example.org", "all with a dot or all without one"],
        ),
        "nodes with one address": (
            nodes(("mq", 1), ("mq-2", 1), ("mq-3", 3)),
            ["rabbitmq_cluster_nodes has the addresses 192.0.2.1, 192.0.2.1", "an IP address of its own"],
        ),
        "node on loopback": (
            {"rabbitmq_cluster_nodes": [{"name": f"mq{end}", "address": f"127.0.0.1{end}"} for end in ("", "2", "3")]},
            ["rabbitmq_cluster_nodes has the addresses 127.0.0.1", "not loopback"],
        ),
        "cluster port that is none": (
            nodes(("mq", 1), ("mq-2", 2), ("mq-3", 3), rabbitmq_cluster_epmd_port=99),
            ["rabbitmq_cluster_epmd_port is 99", "a port from 1024 to 65535"],
        ),
        "no listener": (
            {"rabbitmq_plain_enabled": False},
            ["rabbitmq_plain_enabled and rabbitmq_tls_enabled are both"],
        ),
        "TLS without a certificate": (
            {"rabbitmq_tls_enabled": True},
            ["rabbitmq_tls_enabled is true, but rabbitmq_certificate", "rabbitmq_private_key"],
        ),
        "TLS with a certificate of yesterday": (
            {**TLS_LISTENER, "rabbitmq_certificate": pair(days=-1)[0]},
            ["rabbitmq_certificate", "The certificate CN=mq expired on", "does not belong to the certificate"],
        ),
        "TLS with another name": (
            {**TLS_LISTENER, **dict(zip(("rabbitmq_certificate", "rabbitmq_private_key"), pair(["mq02.example.org"])))},
            ["rabbitmq_certificate", "does not cover mq.example.org; it covers mq02.example.org"],
        ),
        "TLS on a port that is used": (
            {**TLS_LISTENER, "rabbitmq_tls_port": 5672},
            ["is 5672", "different from the others"],
        ),
        "port in words": ({"rabbitmq_amqp_port": "amqp"}, ["rabbitmq_amqp_port is 'amqp'", "a whole number"]),
        "node name with a space": ({"rabbitmq_node_hostname": "mq 1"}, ["rabbitmq_node_hostname is mq 1"]),
        "time with a unit": (
            {"rabbitmq_consumer_timeout_seconds": "6h"},
            ["rabbitmq_consumer_timeout_seconds is '6h'", "without quotes and units"],
        ),
        "no time": ({"rabbitmq_stop_timeout_seconds": 0}, ["rabbitmq_stop_timeout_seconds is 0", "at least 1"]),
        "restart policy": ({"rabbitmq_restart_policy": "allways"}, ["rabbitmq_restart_policy", "unless-stopped"]),
        "setting of two lines": (
            {"rabbitmq_config": {"a": "b\nc = d"}},
            ["rabbitmq_config.a is no setting of one line"],
        ),
        "setting that is a list": ({"rabbitmq_config": {"a": [1]}}, ["rabbitmq_config.a is no setting of one line"]),
        "no management": ({"rabbitmq_plugins": ["rabbitmq_prometheus"]}, ["rabbitmq_plugins", "rabbitmq_management"]),
        "plugins as a text": ({"rabbitmq_plugins": "rabbitmq_management"}, ["rabbitmq_plugins is", "expected a list"]),
        "backups among the data": (
            {"rabbitmq_backup_dir": "/var/lib/rabbitmq-galaxy/data/b"},
            ["rabbitmq_backup_dir is /var/lib/rabbitmq-galaxy/data/b", "outside of rabbitmq_data_dir"],
        ),
        "relative path": ({"rabbitmq_restore_path": "backup.json"}, ["rabbitmq_restore_path is backup.json"]),
        "vhost twice": (
            {"rabbitmq_vhosts_extra": [{"name": "galaxy"}]},
            ["rabbitmq_vhosts: the vhost 'galaxy' is listed twice"],
        ),
        "vhost without a name": ({"rabbitmq_vhosts_extra": [{"name": ""}]}, ["rabbitmq_vhosts: ", "the name is empty"]),
        "unknown limit": (
            {"rabbitmq_vhosts_extra": [{"name": "a", "limits": {"max-queues": 1}}]},
            ["limits.max-queues is not known", "Did you mean max_queues?"],
        ),
        "negative limit": (user(limits={"max_channels": -1}), ["rabbitmq_users: pulsar: limits: max_channels is -1"]),
        "user twice": (user(name="flower"), ["rabbitmq_users: the user 'flower' is listed twice"]),
        "guest": (user(name="guest"), ["rabbitmq_users: the user 'guest' is listed twice", "guest is always removed"]),
        "administrator twice": (user(name="admin"), ["rabbitmq_users: the user 'admin' is listed twice"]),
        "empty password": ({"galaxy_amqp_password": ""}, ["password is empty", "galaxy_amqp_password"]),
        "password as the name": (user(password="pulsar"), ["rabbitmq_users: pulsar: the password is too easy"]),
        "password as a number": (user(password=12345678), ["rabbitmq_users_extra[0].password is ********", "a string"]),
        "unknown tag": (user(tags=["monitor"]), ["rabbitmq_users: pulsar: the tag 'monitor'", "monitoring"]),
        "permission on no vhost": (
            user(permissions=[{**RULE, "vhost": "galxy"}]),
            ["rabbitmq_users: pulsar: permissions: there is no vhost 'galxy'", "correct the name"],
        ),
        "permission that is no pattern": (
            user(permissions=[{**RULE, "read": "*"}]),
            ["rabbitmq_users: pulsar: permissions: read: '*' is no regular expression"],
        ),
        "unknown key of a user": (user(tag=["x"]), ["rabbitmq_users_extra[0].tag is not known", "Did you mean tags?"]),
        "policy for nothing": (policy(apply_to="queue"), ["apply_to", "queues"]),
        "policy without a definition": (policy(definition={}), ["rabbitmq_policies: short: needs a pattern"]),
        "policy with a time in words": (
            policy(definition={"expires": "1h"}),
            ["rabbitmq_policies: short: expires is '1h'"],
        ),
        "policy on no vhost": (policy(vhost="x"), ["rabbitmq_policies: short: there is no vhost 'x'"]),
    },
    "traefik": {
        "unknown variable": ({"traefik_certificat": "x"}, ["traefik_certificat is not", "traefik_certificate?"]),
        "expired": (certificate(days=-1), ["traefik_certificate", "expired on", "Renew it"]),
        "another name": (certificate(["mq.example.org"]), ["traefik_certificate", "mq-admin.example.org"]),
        "another key": ({"traefik_private_key": pair()[1]}, ["traefik_private_key", "does not belong"]),
        "key that is a path": (
            {"traefik_private_key": "/etc/x.key"},
            ["traefik_private_key", "Give the text, not a path"],
        ),
        "certificate that is none": ({"traefik_certificate": "none"}, ["traefik_certificate"]),
        "mode of the broker": ({"traefik_broker_mode": "pass"}, ["traefik_broker_mode", "passthrough"]),
        "version of TLS": ({"traefik_tls_min_version": "1.1"}, ["traefik_tls_min_version", "1.2"]),
        "version as a number": ({"traefik_tls_min_version": 1.2}, ["traefik_tls_min_version is 1.2", "a string"]),
        "public internals": (
            {"traefik_internal_address": ":8080"},
            ["traefik_internal_address is :8080", "127.0.0.1:8080"],
        ),
        "host bits": (
            {"traefik_broker_allowed_networks": ["10.1.2.3/16"]},
            ["10.1.2.3/16", "without host bits", "traefik_broker_allowed_networks"],
        ),
        "network that is none": ({"traefik_broker_allowed_networks": ["tailnet"]}, ["'tailnet'"]),
        "source of the binary": ({"traefik_install_method": "apt"}, ["traefik_install_method", "download"]),
        "no checksum": (
            {"traefik_install_method": "download", "traefik_download_checksum": ""},
            ["traefik_download_checksum is empty", "Remedy: set it to sha256:<sum>"],
        ),
        "no binary": ({"traefik_binary_source": ""}, ["traefik_binary_source is empty", "the path of the binary"]),
        "address without a port": (
            {"traefik_amqps_address": "5671"},
            ["traefik_amqps_address is 5671", "for example :5671"],
        ),
        "port out of range": ({"traefik_websecure_address": ":99999"}, ["traefik_websecure_address is :99999"]),
        "port in use": (
            {"traefik_amqps_address": f":{BUSY}"},
            [f"traefik_amqps_address needs :{BUSY}", "listens there", "Remedy: stop it"],
        ),
        "one address twice": (
            {"traefik_websecure_address": ":5671"},
            ["traefik_websecure_address is :5671", "traefik_amqps_address"],
        ),
        "metrics without a port": ({"traefik_metrics_address": "10.0.0.5"}, ["traefik_metrics_address is 10.0.0.5"]),
        "two sources of certificates": (
            {"traefik_certificate_source": "private_ca"},
            ["traefik_certificate or traefik_private_key is given", "traefik_certificate_source"],
        ),
        "image of no certain version": (
            {"traefik_install_method": "container", "traefik_image": "traefik:latest"},
            ["traefik_image is traefik:latest", "by its tag", "a digest"],
        ),
        "second leg to nobody": (
            {"traefik_broker_tls_enabled": True, "traefik_broker_tls_server_name": ""},
            ["traefik_broker_tls_server_name is empty", "Remedy: set it to a name"],
        ),
        "authorities that are not there": (
            {"traefik_broker_tls_enabled": True, "traefik_broker_tls_ca_file": "/nonexistent/ca.pem"},
            ["traefik_broker_tls_ca_file is /nonexistent/ca.pem", "Remedy: place it there"],
        ),
        "route without a port": (
            {"traefik_tcp_routes_extra": [{**ROUTE, "servers": ["192.0.2.9"]}]},
            ["tcp route other.servers", "192.0.2.9", "host:port"],
        ),
        "route with an unknown key": (
            {"traefik_tcp_routes_extra": [{**ROUTE, "host": "x"}]},
            ["traefik_tcp_routes_extra[0].host is not known", "Did you mean hosts?"],
        ),
        "route with a hostile name": (
            {"traefik_tcp_routes_extra": [{**ROUTE, "hosts": ["a`) || x"]}]},
            ["hosts", "a`)"],
        ),
        "route with a space": ({"traefik_tcp_routes_extra": [{**ROUTE, "name": "a b"}]}, ["name", "'a b'"]),
        "route twice": ({"traefik_tcp_routes_extra": [{**ROUTE, "name": "amqps"}]}, ["'amqps' a second time"]),
        "mode of TLS": ({"traefik_tcp_routes_extra": [{**ROUTE, "tls": "end"}]}, ["tls", "passthrough"]),
        "page without a scheme": (
            {"traefik_http_routes_extra": [{**PAGE, "urls": ["192.0.2.9:80"]}]},
            ["http route page.urls", "such as http://"],
        ),
        "page without a host": (
            {"traefik_http_routes_extra": [{key: value for key, value in PAGE.items() if key != "host"}]},
            ["http route page.host", "or a rule"],
        ),
    },
    "galaxy": {
        "unknown variable": ({"galaxy_celery_rutes": {}}, ["galaxy_celery_rutes is not", "role galaxy"]),
        "no file": (
            {"galaxy_config_file": "/nonexistent/galaxy.yml"},
            ["galaxy_config_file is", "install Galaxy first"],
        ),
        "cert_reqs in quotes": (
            {"galaxy_celery_conf": {"broker_use_ssl": {"cert_reqs": "CERT_REQUIRED"}}},
            ["galaxy_celery_conf: celery_conf.broker_use_ssl.cert_reqs", "Write 2"],
        ),
        "ssl=1 in a URL of one's own": (
            {"galaxy_amqp_url": "amqps://galaxy:mark-admin@mq.example.org:5671/galaxy?ssl=1"},
            ["galaxy_amqp_url: amqp_internal_connection: ?ssl=1", "Remove ssl=1"],
        ),
        "raw password in a URL of one's own": (
            {"galaxy_amqp_url": "amqps://galaxy:mark@galaxy/amqp@mq.example.org:5671/galaxy"},
            ["galaxy_amqp_url: amqp_internal_connection", "Percent-encode it"],
        ),
        "TLS option in a URL of one's own": (
            {"galaxy_amqp_url": "amqps://galaxy:mark-admin@mq.example.org:5671/galaxy?ssl_cert_reqs=2"},
            ["galaxy_amqp_url: amqp_internal_connection: ssl_...", "broker_use_ssl"],
        ),
        "queue that nobody consumes": (
            {
                "galaxy_celery_consumed_queues": ["celery", "galaxy.internal", "galaxy.external"],
                "galaxy_celery_task_routes": {**ROUTES, "galaxy.export_history": "galaxy.export"},
            },
            ["galaxy_celery_task_routes", "sends galaxy.export_history to galaxy.export", "celery_workers"],
        ),
        "routes without Galaxy's own": (
            {"galaxy_celery_task_routes": {}},
            ["galaxy_celery_task_routes", "has no route for galaxy.fetch_data", "galaxy.external"],
        ),
        "password of the database with @": (
            {"galaxy_database_password": "mark-admin@1"},
            ["galaxy_database_password is empty or holds another character", "openssl rand -hex 24"],
        ),
        "another password of the database than galaxy.yml has": (
            {"galaxy_database_password": "mark-admin-2"},
            ["galaxy_database_password is not the password of database_connection", "run the playbook rotate_secrets"],
        ),
        "role of the database with a colon": (
            {"galaxy_database_password": "mark-admin", "galaxy_database_user": "a:b"},
            ["galaxy_database_user is empty or holds another character"],
        ),
        "results in a file": (
            {
                "galaxy_celery_remote_workers_enabled": True,
                "galaxy_celery_result_backend": "db+sqlite:////srv/results.sqlite",
            },
            ["galaxy_celery_result_backend: celery_conf.result_backend: is a file", "a database or a Redis"],
        ),
        "results on loopback": (
            {
                "galaxy_celery_remote_workers_enabled": True,
                "galaxy_celery_result_backend": "redis://:mark-admin@localhost:6379/0",
            },
            ["galaxy_celery_result_backend: celery_conf.result_backend: is on localhost"],
        ),
        "half of quorum": (
            {"galaxy_celery_conf": {"task_default_queue_type": "quorum"}},
            ["galaxy_celery_conf", "task_create_missing_queue_type"],
        ),
        "typing mistake in Celery's settings": (
            {"galaxy_celery_conf": {"worker_prefetch_multiplyer": 1}},
            ["galaxy_celery_conf: celery_conf.worker_prefetch_multiplyer", "Did you mean worker_prefetch_multiplier?"],
        ),
        "setting that the pool ignores": (
            {"galaxy_celery_conf": {"task_time_limit": 3600}},
            ["galaxy_celery_conf: celery_conf.task_time_limit: is 3600", "Remedy: remove it"],
        ),
        "setting that breaks the stack": (
            {"galaxy_celery_conf": {"worker_enable_remote_control": False}},
            ["galaxy_celery_conf: celery_conf.worker_enable_remote_control: is False", "Remedy: remove it"],
        ),
        "number in quotes": (
            {"galaxy_celery_conf": {"result_expires": "86400"}},
            ["galaxy_celery_conf: celery_conf.result_expires: is text", "without quotes"],
        ),
    },
    "postgresql_access": {
        "unknown variable": (
            {"postgresql_access_network": ["192.0.2.0/24"]},
            ["postgresql_access_network is not", "Did you mean postgresql_access_networks?"],
        ),
        "10 for 100": (
            database_host("10.118.169.17", "100.118.169.17", "192.168.7.2"),
            [
                "postgresql_access_hosts: celery-1: '10.118.169.17' does not belong",
                "Probably '100.118.169.17' was meant",
            ],
        ),
        "10 for 100 in a network": (
            networks("10.118.169.0/24"),
            ["postgresql_access_networks: '10.118.169.0/24' begins with 10", "Probably '100.118.169.0/24' was meant"],
        ),
        "another machine's address": (
            database_host("192.0.2.21", "192.0.2.12"),
            ["celery-1: '192.0.2.21' does not belong to celery-1, which has 192.0.2.12", "Probably '192.0.2.12'"],
        ),
        "network of no worker": (
            {**database_host("192.0.2.12", "192.0.2.12"), "postgresql_access_networks": ["198.51.100.0/24"]},
            ["'198.51.100.0/24' does not belong to any known worker", "postgresql_access_exceptions, with a reason"],
        ),
        "placeholder": (database_host("PENDING"), ["celery-1: 'PENDING'", "does not resolve on the database's host"]),
        "name that does not resolve": (
            database_host("celery-1.example.invalid"),
            ["example.invalid'", "does not resolve"],
        ),
        "no address": (database_host(""), ["celery-1: '' is empty"]),
        "host without an address": (
            {"postgresql_access_hosts": [{"name": "celery-1"}]},
            ["postgresql_access_hosts", "address"],
        ),
        "host bits": (networks("192.0.2.10/24"), ["'192.0.2.10/24' has host bits", "Write '192.0.2.0/24'"]),
        "the whole Internet": (networks("0.0.0.0/0"), ["'0.0.0.0/0' lets every address there is ask for a login"]),
        "the whole Internet, version 6": (networks("::/0"), ["'::/0' lets every address there is"]),
        "too wide": (networks("10.0.0.0/8"), ["'10.0.0.0/8' is wider than /16 (postgresql_access_widest_ipv4_prefix)"]),
        "too wide, version 6": (networks("2001:db8::/32"), ["wider than /48 (postgresql_access_widest_ipv6_prefix)"]),
        "octet above 255": (networks("192.0.2.256"), ["'192.0.2.256' has the octet 256"]),
        "octet too few": (networks("192.0.2/24"), ["'192.0.2/24' has 3 octets instead of four"]),
        "leading zeros": (networks("192.0.2.010"), ["leading zeros", "Write '192.0.2.10'"]),
        "mask in octets": (networks("192.0.2.0/255.255.255.0"), ["has a mask", "Write '192.0.2.0/24'"]),
        "prefix too long": (networks("192.0.2.0/33"), ["has the prefix /33, but IPv4 has 32 bits"]),
        "port": (networks("192.0.2.10:5432"), ["has a port. Write '192.0.2.10'"]),
        "brackets": (networks("[2001:db8::1]"), ["has brackets or a port. Write '2001:db8::1'"]),
        "rule in an address": (networks("192.0.2.10/32 trust"), ["holds a space or a line break"]),
        "word of pg_hba.conf": (networks("all"), ["'all' is a word of pg_hba.conf that lets in whole networks"]),
        "address twice": (
            {"postgresql_access_hosts": [{"name": name, "address": "192.0.2.9"} for name in ("celery-1", "celery-2")]},
            ["celery-2: '192.0.2.9' is the address of celery-1 too"],
        ),
        "exception of nothing": (
            networks("192.0.2.0/24", postgresql_access_exceptions={"192.0.3.0/24": "tests"}),
            ["postgresql_access_exceptions: '192.0.3.0/24' is not among the entries", "Did you mean '192.0.2.0/24'?"],
        ),
        "exception without a reason": (
            networks("10.0.0.0/8", postgresql_access_exceptions={"10.0.0.0/8": ""}),
            ["postgresql_access_exceptions: '10.0.0.0/8' has no reason"],
        ),
        "unknown key of a host": (
            {"postgresql_access_hosts": [{"name": "celery-1", "adress": "192.0.2.9"}]},
            ["postgresql_access_hosts[0].adress", "Did you mean address?"],
        ),
        "role that means all": (
            {"postgresql_access_role": "all"},
            ['"all" in postgresql_access_role', "give one name"],
        ),
        "role that means a group": ({"postgresql_access_role": "+galaxy"}, ['"+galaxy" in postgresql_access_role']),
        "databases in one text": (
            {"postgresql_access_databases": ["galaxy,postgres"]},
            ['"galaxy,postgres" in postgresql_access_role or postgresql_access_databases'],
        ),
        "no database": (
            {"postgresql_access_databases": [""]},
            ["postgresql_access_databases is", "need at least Galaxy's"],
        ),
        "zone": (networks("fe80::1%eth0"), ["'fe80::1%eth0' has a zone", "Write 'fe80::1'"]),
        "URL": (networks("postgresql://192.0.2.10"), ["is a URL. Give the address alone"]),
        "prefix in words": (networks("192.0.2.0/wide"), ["has 'wide' for the number of bits", "Write '192.0.2.0/24'"]),
        "prefix too long, version 6": (networks("2001:db8::/129"), ["has the prefix /129, but IPv6 has 128 bits"]),
        "no version 6": (networks("2001:db8:::/64"), ["'2001:db8:::/64' is no IPv6 network"]),
        "nobody's address": (networks("::"), ["'::' is no address that a host can have"]),
        "multicast": (networks("224.0.0.5"), ["'224.0.0.5' is no address that a host can have"]),
        "networks in one text": (
            {"postgresql_access_networks": "192.0.2.0/24"},
            ["postgresql_access_networks is", "a list"],
        ),
        "exceptions as a list": (
            networks("10.0.0.0/8", postgresql_access_exceptions=["10.0.0.0/8"]),
            ["postgresql_access_exceptions is", "a dictionary"],
        ),
        "other address that is none": (
            {"postgresql_access_other_addresses": ["192.0.2.300"]},
            ["postgresql_access_other_addresses: '192.0.2.300' has the octet 300", "Remedy: give addresses"],
        ),
        "negative number of copies": (
            {"postgresql_access_copies_kept": -1},
            ["postgresql_access_copies_kept is -1", "from 0 to 1000"],
        ),
        "copies in words": (
            {"postgresql_access_copies_kept": "all"},
            ["postgresql_access_copies_kept is 'all'", "whole number"],
        ),
        "overflow out of range": (
            {"postgresql_access_max_overflow": -2},
            ["postgresql_access_max_overflow is -2", "from -1 to 10000"],
        ),
        "limit out of range, version 6": (
            {"postgresql_access_widest_ipv6_prefix": 129},
            ["postgresql_access_widest_ipv6_prefix is 129", "from 1 to 128"],
        ),
        "role of two words": ({"postgresql_access_role": "galaxy all"}, ['"galaxy all" in postgresql_access_role']),
        "role that is a pattern": ({"postgresql_access_role": "/^gal"}, ['"/^gal" in postgresql_access_role']),
        "method": ({"postgresql_access_method": "trust"}, ["postgresql_access_method", "scram-sha-256"]),
        "kind of connection": (
            {"postgresql_access_connection_type": "hostnossl"},
            ["postgresql_access_connection_type"],
        ),
        "port out of range": (
            {"postgresql_access_port": 70000},
            ["postgresql_access_port is 70000", "from 1 to 65535"],
        ),
        "limit out of range": (
            {"postgresql_access_widest_ipv4_prefix": 0},
            ["postgresql_access_widest_ipv4_prefix is 0", "from 1 to 32"],
        ),
        "pool in words": (
            {"postgresql_access_pool_size": "five"},
            ["postgresql_access_pool_size is 'five'", "whole number"],
        ),
        "easy password": (
            {"postgresql_access_role_password": "mark-1"},
            ["postgresql_access_role_password is shorter than 8 characters", "openssl rand"],
        ),
    },
    "celery": {
        "unknown variable": ({"celery_worker": []}, ["celery_worker is not", "Did you mean celery_workers?"]),
        "unknown key of a class": (worker(queue=["x"]), ["celery_workers[0].queue is not known", "mean queues?"]),
        "two classes of one name": (
            {"celery_workers": [{"name": "worker"}, {"name": "worker"}]},
            ["celery_workers: the class worker is there twice", "one node name", "Remedy: "],
        ),
        "name of a class": (worker(name="My Worker"), ["celery_workers: the name 'My Worker'", "small letters"]),
        "a class that is called as beat is": (worker(name="beat"), ["the class beat would have units", "Remedy: "]),
        "an instance whose units may be those of another one": (
            {"celery_instance": "galaxy-test"},
            ['celery_instance is "galaxy-test"', "underscores", "galaxy_test"],
        ),
        "a mask that YAML has taken for a number": ({"celery_umask": 18}, ["celery_umask is 18", "in quotes"]),
        "a mask of decimals in quotes": ({"celery_umask": "18"}, ['celery_umask is "18"', '"022"']),
        "a mask that locks Galaxy out": ({"celery_umask": "777"}, ['celery_umask is "777"', "Galaxy must read"]),
        "nothing to do": (worker(concurrency=0), ["the class worker has concurrency 0", "Remedy: "]),
        "no instance": (worker(instances=0), ["the class worker has instances 0", "Remedy: "]),
        "a number in words": (worker(concurrency="eight"), ["celery_workers[0].concurrency is 'eight'"]),
        "no queue": (worker(queues=[]), ["consumes no queue", "Remedy: "]),
        "two queues in one text": (worker(queues=["celery,galaxy.external"]), ["'celery,galaxy.external'", "one"]),
        "unknown pool": (worker(pool="gevent"), ["celery_workers", "gevent", "threads, prefork"]),
        "prefork for external tasks": (
            worker(pool="prefork"),
            ["consumes galaxy.external with the pool prefork", "Remedy: pool: threads"],
        ),
        "more tasks than connections": (
            worker(environment={POOL_SIZE: "5"}),
            ["runs 32 tasks at a time", "15 connections", "Remedy: remove the variable"],
        ),
        "more tasks than connections, on all": (
            {"celery_environment": {POOL_SIZE: "5"}, "celery_database_max_overflow": 2},
            ["runs 32 tasks at a time", "7 connections"],
        ),
        "children that threads do not have": (
            worker(extra_arguments=["--max-tasks-per-child=100"]),
            ["--max-tasks-per-child", "the pool threads ignores", "pool: prefork"],
        ),
        "memory of children that threads do not have": (
            worker(extra_arguments=["--max-memory-per-child", "400000"]),
            ["--max-memory-per-child", "the pool threads ignores"],
        ),
        "soft time limit of threads": (
            worker(extra_arguments=["--soft-time-limit=60"]),
            ["the pool threads ignores soft time limits"],
        ),
        "beat in a worker": (worker(extra_arguments=["-B"]), ["-B", "each sends every periodic task", "Remedy: "]),
        "an argument that purges": (worker(extra_arguments=["--purge"]), ["--purge", "deletes every waiting task"]),
        "an argument of the unit": (worker(extra_arguments=["-Q x"]), ["has -Q in extra_arguments", "the key queues"]),
        "an argument that is none": (
            worker(extra_arguments=["--without-mingel"]),
            ["'--without-mingel'", "Did you mean --without-mingle?"],
        ),
        "a secret for everybody": (
            worker(environment={"SENTRY_DSN": f"https://user:{MARK}@sentry.example.org/1"}),
            ["a secret in the environment variable SENTRY_DSN", "celery_secret_environment"],
        ),
        "too little memory": (worker(memory_max_mb=100), ["has memory_max_mb 100", "Galaxy needs 500 MB"]),
        "limits the wrong way round": (
            worker(memory_high_mb=2000, memory_max_mb=1000),
            ["memory_high_mb 2000 above memory_max_mb 1000"],
        ),
        "an unknown choice": (
            {"celery_drain_on_timeout": "kill"},
            ["celery_drain_on_timeout", "abort, wait, stop"],
        ),
        "no time to drain": (
            {"celery_drain_timeout_seconds": 0},
            ["celery_drain_timeout_seconds is 0", "at least 1"],
        ),
        "a time with a unit": ({"celery_ready_timeout_seconds": "3m"}, ["celery_ready_timeout_seconds is '3m'"]),
        "a health check that cannot be kept up": (
            {"celery_ready_timeout_seconds": 5},
            ["celery_ready_timeout_seconds is 5", "at least 10"],
        ),
        "temporary files where the units do not see them": (
            {"celery_tmp_dir": "/var/tmp/galaxy"},
            ["celery_tmp_dir is /var/tmp/galaxy", "outside of /tmp and /var/tmp"],
        ),
        "more memory than the host has": (
            worker(memory_max_mb=1000000, instances=64),
            ["the memory limits add up to 64000000 MB (worker 64000000), and the host has ", "Remedy: lower"],
        ),
    },
    "galaxy_sync": {
        "unknown variable": (
            {"galaxy_sync_excludes": ["x"]},
            ["galaxy_sync_excludes is not", "Did you mean galaxy_sync_exclude?"],
        ),
        "no source": ({"galaxy_sync_source_host": None}, ["galaxy_sync_source_host"]),
        "a source that is no host": (
            {"galaxy_sync_source_host": "galaxy.example.org"},
            ["galaxy_sync_source_host is galaxy.example.org", "Remedy: give the inventory name"],
        ),
        "unknown method": ({"galaxy_sync_method": "scp"}, ["galaxy_sync_method", "rsync, nfs, none"]),
        "nothing kept": ({"galaxy_sync_keep": 0}, ["galaxy_sync_keep is 0", "from 1 to 100"]),
        "a number in words": ({"galaxy_sync_keep": "three"}, ["galaxy_sync_keep is 'three'", "a whole number"]),
        "port out of range": ({"galaxy_sync_source_port": 70000}, ["galaxy_sync_source_port is 70000", "1 to 65535"]),
        "negative time": (
            {"galaxy_sync_lock_timeout_seconds": -1},
            ["galaxy_sync_lock_timeout_seconds is -1", "Remedy: "],
        ),
        "time with a unit": ({"galaxy_sync_io_timeout_seconds": "2m"}, ["galaxy_sync_io_timeout_seconds is '2m'"]),
        "relative path": (
            {"galaxy_sync_server_dir": "srv/galaxy"},
            ["galaxy_sync_server_dir: 'srv/galaxy' is not an absolute path", "Remedy: "],
        ),
        "the whole host": ({"galaxy_sync_venv_dir": "/"}, ["galaxy_sync_venv_dir: '/' is the whole host", "Remedy: "]),
        "a path that climbs": ({"galaxy_sync_config_dir": "/srv/../etc"}, ["galaxy_sync_config_dir", "holds '..'"]),
        "a path with a space": ({"galaxy_sync_extra_paths": ["/opt/my py"]}, ["galaxy_sync_extra_paths: '/opt/my py'"]),
        "a path that a shell expands": (
            {"galaxy_sync_extra_paths": ["/opt/$HOME"]},
            ["galaxy_sync_extra_paths: '/opt/$HOME'", "a shell expands"],
        ),
        "paths as a text": ({"galaxy_sync_extra_paths": "/opt/python"}, ["galaxy_sync_extra_paths is", "a list"]),
        "releases among what is copied": (
            {"galaxy_sync_releases_dir": "/srv/galaxy/server/releases"},
            ["galaxy_sync_releases_dir: /srv/galaxy/server/releases stands inside of /srv/galaxy/server", "Remedy: "],
        ),
        "a pattern that leaves out the release": (
            {"galaxy_sync_exclude_extra": [".venv"]},
            ["galaxy_sync_exclude: the pattern '.venv' leaves out /srv/galaxy/server/.venv", "narrower"],
        ),
        "a pattern that matches nothing": (
            {"galaxy_sync_exclude_extra": ["./client"]},
            ["galaxy_sync_exclude: './client' never matches"],
        ),
        "a pattern of spaces": ({"galaxy_sync_exclude_extra": [" x"]}, ["galaxy_sync_exclude: ' x' is empty, or"]),
        "a bracket that is open": ({"galaxy_sync_exclude": ["a[b"]}, ["galaxy_sync_exclude: 'a[b'", "not closed"]),
        "a configuration from elsewhere": (
            {"galaxy_sync_config_file": "/etc/galaxy/galaxy.yml"},
            ["galaxy_sync_config_file is /etc/galaxy/galaxy.yml", "Remedy: set galaxy_sync_config_dir"],
        ),
        "a number for a user": ({"galaxy_sync_user": "999"}, ["galaxy_sync_user is '999'", "Remedy: give the name"]),
        "a group of two": ({"galaxy_sync_group": "a,b"}, ["galaxy_sync_group is 'a,b'", "Remedy: "]),
        "root for Galaxy": ({"galaxy_sync_user": "root"}, ["galaxy_sync_user is root", "Remedy: "]),
        "a login for an address": (
            {"galaxy_sync_source_address": "galaxy@192.0.2.1"},
            ["galaxy_sync_source_address is 'galaxy@192.0.2.1'", "Remedy: give a host name"],
        ),
        "an option for an address": (
            {"galaxy_sync_source_address": "-oProxyCommand=x"},
            ["galaxy_sync_source_address is '-oProxyCommand=x'"],
        ),
        "brackets around IPv6": ({"galaxy_sync_source_address": "[::1]"}, ["'[::1]'", "without brackets"]),
        "a quote in a worker's address": (
            {"galaxy_sync_worker_addresses": ['192.0.2.7",command="sh']},
            ["galaxy_sync_worker_addresses holds", "Remedy: give one address"],
        ),
        "two addresses in one": (
            {"galaxy_sync_worker_addresses": ["192.0.2.7 192.0.2.8"]},
            ["galaxy_sync_worker_addresses holds '192.0.2.7 192.0.2.8'"],
        ),
        "a version for a fingerprint": (
            {"galaxy_sync_rollback_release": "26.1.1"},
            ["galaxy_sync_rollback_release holds 26.1.1", "Remedy: give the 16 hexadecimal digits"],
        ),
        "a path for a fingerprint": (
            {"galaxy_sync_protected_releases": ["../etc"]},
            ["galaxy_sync_protected_releases", "../etc"],
        ),
        "a mount for writing": (
            {"galaxy_sync_nfs_options": "rw,hard"},
            ["galaxy_sync_nfs_options is 'rw,hard'", "keep ro"],
        ),
        "a mount that is an hour behind": (
            {"galaxy_sync_nfs_options": "ro,actimeo=3600"},
            ["galaxy_sync_nfs_options is 'ro,actimeo=3600'", "at most 60"],
        ),
        "mount options with spaces": (
            {"galaxy_sync_nfs_options": "ro, hard"},
            ["galaxy_sync_nfs_options is 'ro, hard'"],
        ),
        "a directory of keys with a space": (
            {"galaxy_sync_key_dir": "/etc/my keys"},
            ["galaxy_sync_key_dir is '/etc/my keys'", "Remedy: "],
        ),
        "a directory of listings that is not absolute": (
            {"galaxy_sync_listing_dir": "var/cache"},
            ["galaxy_sync_listing_dir is 'var/cache'", "Remedy: give an absolute path"],
        ),
        "options without a list": (
            {"galaxy_sync_unneeded_options": "vault_config_file"},
            ["galaxy_sync_unneeded_options is", "a list"],
        ),
        "a host key of a directory above": (
            {"galaxy_sync_source_host_key_path": "/etc/../ssh/key.pub"},
            ["galaxy_sync_source_host_key_path is '/etc/../ssh/key.pub'"],
        ),
        "a switch that is none": (
            {"galaxy_sync_recheck_enabled": "sometimes"},
            ["galaxy_sync_recheck_enabled is 'sometimes'", "true or false"],
        ),
        "a quote in the path of rrsync": (
            {"galaxy_sync_rrsync_path": '/usr/bin/rrsync"'},
            ["galaxy_sync_rrsync_path", "Remedy: "],
        ),
    },
}

WRONG["flower"] = {
    "password as a list": ({"flower_password": [MARK]}, ["flower_password is ********", "expected a string"]),
    "unknown variable": ({"flower_pasword": "x"}, ["flower_pasword is not", "Did you mean flower_password?"]),
    "every address": ({"flower_address": "0.0.0.0"}, ['flower_address is "0.0.0.0"', "Remedy: "]),  # noqa: S104 what is refused
    "every address, version 6": ({"flower_address": "::"}, ['flower_address is "::"', "one private address"]),
    "no address": ({"flower_address": ""}, ['flower_address is ""', "Remedy: "]),
    "a public address": (
        {"flower_address": "132.230.223.239"},
        ["flower_address is", "132.230.223.239", "one private address"],
    ),
    "public, version 6": ({"flower_address": "2001:7c0::5"}, ["flower_address is", "2001:7c0::5", "Remedy: "]),
    "nearly a private address": ({"flower_address": "172.32.0.1"}, ["flower_address is", "172.32.0.1", "Remedy: "]),
    "port out of range": (
        {"flower_port": 65536},
        ["flower_port is 65536", "Remedy: give a whole number from 1 to 65535"],
    ),
    "port zero": ({"flower_port": 0}, ["flower_port is 0", "from 1 to 65535"]),
    "port in words": ({"flower_port": "http"}, ["flower_port is 'http'", "a whole number"]),
    "nothing kept": ({"flower_max_tasks": 0}, ["flower_max_tasks is 0", "Remedy: "]),
    "no worker kept": ({"flower_max_workers": 0}, ["flower_max_workers is 0", "Remedy: "]),
    "no purge": ({"flower_purge_offline_workers_seconds": 0}, ["flower_purge_offline_workers_seconds is 0"]),
    "a time with a unit": (
        {"flower_state_save_interval_seconds": "5m"},
        ["flower_state_save_interval_seconds is '5m'"],
    ),
    "too little memory": ({"flower_memory_max_mb": 64}, ["flower_memory_max_mb is 64", "from 128"]),
    "no login": ({"flower_password": ""}, ["flower_password", "Remedy: put", "flower_auth_provider"]),
    "a password that is not ASCII": ({"flower_password": MARK + "é"}, ["flower_password printable ASCII", "not shown"]),
    "a password of two lines": ({"flower_password": MARK + "\nx"}, ["flower_password printable ASCII on one line"]),
    "a name with a colon": ({"flower_username": "a:b"}, ["flower_username", '"a:b"', "without a blank or a colon"]),
    "a name with a blank": ({"flower_username": "a b"}, ["flower_username", '"a b"']),
    "a further login with a colon": (
        {"flower_users": [{"name": "a:b", "password": MARK}]},
        ["flower_users", '"a:b"', "without a blank or a colon"],
    ),
    "a further login without a password": ({"flower_users": [{"name": "jane"}]}, ["flower_users", "password"]),
    "one login twice": (
        {"flower_users": [{"name": "admin", "password": MARK}]},
        ["flower_username and flower_users have one name twice", "Remedy: "],
    ),
    "a name that is not ASCII": ({"flower_username": "jörg"}, ["flower_username", "printable ASCII"]),
    "a provider without its keys": (
        {"flower_auth_provider": "flower.views.auth.GithubLoginHandler"},
        ["flower_auth_provider is", "flower_auth_redirect_uri", "Remedy: "],
    ),
    "a provider that is no class": ({"flower_auth_provider": "github;rm"}, ["flower_auth_provider is", "github;rm"]),
    "a URL of another kind": (
        {"flower_broker_url": f"http://flower:{MARK}@mq.example.org"},
        ["flower_broker_url must be one URL that starts with amqps://", "Remedy: "],
    ),
    "two URLs": ({"flower_broker_url": "amqps://mq-1 amqps://mq-2"}, ["flower_broker_url must be one URL"]),
    "a variable's name with a sign": (
        {"flower_environment": {"A-B": "x"}},
        ['flower_environment holds "A-B"', "Remedy: "],
    ),
    "a variable of the role's own": (
        {"flower_environment": {"FLOWER_LOGINS": "x"}},
        ["flower_environment", "FLOWER_LOGINS"],
    ),
    "a variable of two lines": ({"flower_environment": {"A": "x\ny"}}, ['flower_environment holds "A"', "one line"]),
    "a switch that is none": (
        {"flower_read_only_enabled": "on"},
        ["flower_read_only_enabled is 'on'", "true or false"],
    ),
    "options as a text": ({"flower_options": "--debug"}, ["flower_options is '--debug'", "a dictionary"]),
    "a host without systemd": (
        {"ansible_facts_modules": "fake_alpine"},
        ["is openrc on", "needs systemd", "Remedy: "],
    ),
}
WRONG["telegraf"] = {
    "unknown variable": ({"telegraf_input": {}}, ["telegraf_input is not", "Did you mean telegraf_inputs?"]),
    "an unknown method": ({"telegraf_install_method": "apt"}, ["telegraf_install_method is 'apt'", "repository"]),
    "no binary": ({"telegraf_binary_source": ""}, ["telegraf_binary_source is", "Remedy: "]),
    "a binary that is not there": (
        {"telegraf_binary_source": "/nonexistent/telegraf"},
        ['telegraf_binary_source is "/nonexistent/telegraf"', "Remedy: "],
    ),
    "no InfluxDB": ({"telegraf_influxdb_url": ""}, ["telegraf_influxdb_url is empty", "telegraf_influxdb_enabled"]),
    "no database": ({"telegraf_influxdb_database": ""}, ["telegraf_influxdb_database is empty", "Remedy: "]),
    "no password": ({"telegraf_influxdb_password": ""}, ["telegraf_influxdb_password is empty", "Remedy: "]),
    "no user": (
        {"telegraf_influxdb_username": ""},
        ["telegraf_influxdb_username is empty", "telegraf_influxdb_login_enabled to false"],
    ),
    "a login that is not used": (
        {"telegraf_influxdb_login_enabled": False},
        ["telegraf_influxdb_login_enabled is false", "Remedy: remove them"],
    ),
    "no token": (
        {"telegraf_influxdb2_enabled": True, "telegraf_influxdb2_url": "https://influxdb.example.org"},
        ["telegraf_influxdb2_token is empty", "telegraf_influxdb2_enabled"],
    ),
    "a management API without a scheme": (
        {"telegraf_rabbitmq_url": "mq-admin"},
        ['"mq-admin"', "telegraf_rabbitmq_url"],
    ),
    "a management API without a password": ({"telegraf_amqp_password": ""}, ["telegraf_amqp_password", "not shown"]),
    "metrics without a scheme": (
        {"telegraf_rabbitmq_prometheus_url": "127.0.0.1:15692"},
        ['telegraf_rabbitmq_prometheus_url is "127.0.0.1:15692"', "Remedy: "],
    ),
    "no units": ({"telegraf_units": []}, ["telegraf_units is []", "telegraf_units_enabled"]),
    "a unit with a blank": ({"telegraf_units": ["a b.service"]}, ["telegraf_units is", "a b.service"]),
    "no certificate": (
        {"telegraf_certificate_enabled": True, "telegraf_certificate_sources": []},
        ["telegraf_certificate_sources is empty", "Remedy: "],
    ),
    "an open page": (
        {"telegraf_prometheus_enabled": True, "telegraf_prometheus_address": "0.0.0.0"},  # noqa: S104 what is refused
        ['telegraf_prometheus_address is "0.0.0.0"', "without a login", "Remedy: "],
    ),
    "an interval of nothing": ({"telegraf_interval_seconds": 0}, ["telegraf_interval_seconds is 0", "from 1 to 3600"]),
    "an interval with a unit": ({"telegraf_interval_seconds": "10s"}, ["telegraf_interval_seconds is '10s'"]),
    "a percentage above 100": ({"telegraf_alert_memory_percent": 101}, ["telegraf_alert_memory_percent is 101"]),
    "days of nothing": ({"telegraf_alert_certificate_days": 0}, ["telegraf_alert_certificate_days is 0", "Remedy: "]),
    "a negative time": ({"telegraf_alert_silence_minutes": -1}, ["telegraf_alert_silence_minutes is -1", "Remedy: "]),
    "port out of range": ({"telegraf_prometheus_port": 70000}, ["telegraf_prometheus_port is 70000", "Remedy: "]),
    "nothing written": ({"telegraf_outputs": {}}, ["telegraf_outputs", "one of each", "Remedy: "]),
    "outputs as a list": ({"telegraf_outputs": ["influxdb"]}, ["telegraf_outputs is ['influxdb']", "a dictionary"]),
    "a variable's name with a sign": ({"telegraf_environment": {"A-B": "x"}}, ["telegraf_environment", '"A-B"']),
    "a password of two lines": ({"telegraf_amqp_password": MARK + "\nx"}, ["telegraf_environment", "not shown"]),
    "Grafana without a token": ({"telegraf_grafana_url": "https://grafana.example.org"}, ["telegraf_grafana_token"]),
    "Grafana without a scheme": (
        {"telegraf_grafana_url": "grafana"},
        ['telegraf_grafana_url is "grafana"', "Remedy: "],
    ),
    "provisioning of nothing": (
        {"telegraf_grafana_provisioning_dir": "/etc/grafana", "telegraf_dashboards_dir": ""},
        ["telegraf_grafana_provisioning_dir is", "telegraf_dashboards_dir", "Remedy: "],
    ),
    "another kind of dashboards": ({"telegraf_grafana_flavour": "flux"}, ["telegraf_grafana_flavour is 'flux'"]),
    "a host without systemd": (
        {"ansible_facts_modules": "fake_alpine"},
        ["is openrc on", "needs systemd", "Remedy: "],
    ),
}
WRONG["traefik"]["a certificate on the host that is not there"] = (
    {
        "traefik_certificate_source": "host",
        "traefik_certificate": "",
        "traefik_private_key": "",
        "traefik_certificate_path": "/nonexistent/fullchain.pem",
        "traefik_private_key_path": "/nonexistent/privkey.pem",
    },
    ["no file /nonexistent/fullchain.pem and /nonexistent/privkey.pem", "traefik_certificate_path", "Remedy: correct"],
)
WRONG["rabbitmq"]["a key on the host without its certificate"] = (
    {"rabbitmq_tls_enabled": True, "rabbitmq_private_key_path": "/etc/mq.key"},
    ['rabbitmq_certificate_path is ""', "Remedy: give both"],
)
WRONG["rabbitmq"]["a binding to nothing"] = (
    {"rabbitmq_exchanges": [{"name": "x"}], "rabbitmq_bindings": [{"source": "x", "destination": "q"}]},
    ["rabbitmq_bindings: x to q: there is no queue 'q'", "Remedy: "],
)
WRONG["rabbitmq"]["a broker of the site's in the clear"] = (
    {"rabbitmq_install_method": "existing", "rabbitmq_management_url": "http://mq.example.org:15672"},
    ["password would be sent without encryption over the network", "Remedy: "],
)
WRONG["rabbitmq"]["a management API with a path"] = (
    {"rabbitmq_install_method": "existing", "rabbitmq_management_url": "https://mq.example.org/api"},
    ["rabbitmq_management_url is https://mq.example.org/api", "Remedy: write"],
)
# Left from older roles.
WRONG["flower"]["Galaxy's own code"] = ({"flower_app_dir": "/srv/galaxy"}, ["flower_app_dir belongs to the older role"])
WRONG["flower"]["Galaxy's library"] = ({"flower_python_path": "server/lib"}, ['flower_python_path is "server/lib"'])
WRONG["rabbitmq"]["container"] = ({"rabbitmq_container": {}}, ["rabbitmq_container belongs", "rabbitmq_image"])
WRONG["rabbitmq"]["user of the older role"] = (
    {"rabbitmq_users_extra": [{"user": "x", "password": MARK}]},
    ["rabbitmq_users_extra[0].user is not known"],
)
WRONG["traefik"]["containers"] = ({"traefik_containers": []}, ["traefik_containers belongs", "traefik_install_method"])
WRONG["celery"]["units of the older role"] = (
    {"galaxy_systemd_celery_external_autoscale": "2,8"},
    ["galaxy_systemd_celery_external_autoscale belongs to the older role", "celery_workers"],
)
WRONG["galaxy"]["beat of gravity"] = (
    {"galaxy_config": {"gravity": {"celery": {"enable_beat": True}}}},
    ["galaxy_config.gravity.celery.enable_beat is true", "Remedy: "],
)
WRONG["galaxy"]["two who write galaxy.yml"] = (
    {"galaxy_config": {"galaxy": {"brand": "x"}}, "galaxy_celery_config_enabled": True},
    ["galaxy_celery_config_enabled is true, and there is galaxy_config.galaxy", "Remedy: leave galaxy_celery_config_"],
)
WRONG["galaxy"]["galaxy_config without Celery"] = (
    {"galaxy_config": {"galaxy": {"brand": "x"}}},
    ["galaxy_config.galaxy has no celery_conf", "paste what the playbook galaxy_fragment prints"],
)
WRONG["postgresql_access"]["pg_hba.conf of another role"] = (
    {**database_host("192.0.2.11"), "postgresql_pg_hba_conf": ["local all postgres peer"]},
    ["postgresql_pg_hba_conf, from which", "has no line for", "- hostssl galaxy,galaxy_celery galaxy "],
)
WRONG["postgresql_access"]["two who write pg_hba.conf"] = (
    {"postgresql_pg_hba_conf": [], "postgresql_access_hba_enabled": True},
    ["postgresql_access_hba_enabled is true, and there is postgresql_pg_hba_conf"],
)
WRONG["galaxy"]["address of Galaxy"] = (
    {"galaxy_url": "galaxy.example.org"},
    ["galaxy_url is galaxy.example.org", "Remedy: write https://"],
)
WRONG["galaxy"]["key of a user without an address"] = (
    {"verify_galaxy_api_key": "mark-of-the-key"},
    ["verify_galaxy_api_key is set", "Remedy: set galaxy_url"],
)
WRONG["galaxy"]["no time for an upload"] = (
    {"galaxy_upload_timeout_seconds": 0},
    ["galaxy_upload_timeout_seconds is 0", "Remedy: write 1 or more"],
)
# Hosts that the roles are not made for.
WRONG["celery"]["a host without systemd"] = ({"ansible_facts_modules": "fake_alpine"}, ["is openrc on", "systemd"])
WRONG["traefik"]["a host without systemd"] = ({"ansible_facts_modules": "fake_alpine"}, ["is openrc on", "systemd"])
# Systems by name and by version, in each role.
for platform, words in {
    "fake_alpine": ["is Alpine, version 3.20", "Debian 12 and 13, Ubuntu 22.04 and 24.04", "Remedy: bring the host"],
    "fake_bullseye": ["is Debian, version 11", "Debian 12 and 13", "Remedy: bring the host"],
    "fake_focal": ["is Ubuntu, version 20.04", "Ubuntu 22.04 and 24.04", "Remedy: bring the host"],
    "fake_rocky_8": ["is Rocky, version 8", "Rocky 9", "Remedy: bring the host"],
}.items():
    for role, cases in WRONG.items():
        cases[f"the system {platform}"] = (
            {"ansible_facts_modules": platform},
            [*words, f"which the role {role} is not made for"],
        )

# Legal, though it looks wrong.
RIGHT = {
    "celery": {
        "arguments": worker(extra_arguments=["--without-mingle", "-Ofair"]),
        "two classes": {"celery_workers": [{"name": "a", "concurrency": "8"}, {"name": "b", "instances": 3}]},
        "prefork": worker(
            pool="prefork", queues=["galaxy.internal"], extra_arguments=["--max-tasks-per-child=9", "--time-limit=60"]
        ),
        # A warning for each.
        "a queue that nobody routes to": {**worker(queues=["x"]), "celery_routed_queues": ["galaxy.internal"]},
        "messages that wait for long": {**worker(prefetch=100), "celery_consumer_timeout_seconds": 60},
    },
    "galaxy_sync": {
        "IPv6": {
            "galaxy_sync_source_address": "2001:db8::1",
            "galaxy_sync_worker_addresses": ["2001:db8::/64", "!192.0.2.*"],
        },
        "nothing left out": {"galaxy_sync_exclude": []},
        "an installation in parts": {
            "galaxy_sync_venv_dir": "/opt/galaxy-venv/",
            "galaxy_sync_config_dir": "/etc/galaxy",
            "galaxy_sync_config_file": "/etc/galaxy/galaxy.yml",
        },
        "releases beside": {"galaxy_sync_releases_dir": "/srv/galaxy/server-releases"},
        "a mount of one's own": {"galaxy_sync_method": "nfs", "galaxy_sync_nfs_options": "ro,vers=4.2,actimeo=5,hard"},
    },
    "flower": {
        "IPv6": {"flower_address": "fd00::7"},
        "tailnet": {"flower_address": "100.99.0.7"},
        "name": {"flower_address": "flower.internal.example.org"},
        "a login elsewhere": {
            "flower_password": "",
            "flower_auth_provider": "flower.views.auth.GithubLoginHandler",
            "flower_auth_emails": ".*@example\\.org",
            "flower_auth_redirect_uri": "https://flower.example.org/login",
            "flower_auth_key": "key",
            "flower_auth_secret": MARK,
        },
        "an environment": {"flower_environment": {"TZ": "UTC"}, "flower_options": {"natural_time": False}},
    },
    "telegraf": {
        "no InfluxDB": {
            "telegraf_influxdb_enabled": False,
            "telegraf_influxdb_url": "",
            "telegraf_prometheus_enabled": True,
            "telegraf_prometheus_address": "192.0.2.11",
        },
        "no broker": {"telegraf_rabbitmq_enabled": False, "telegraf_amqp_password": ""},
    },
    "rabbitmq": {
        "digest": {"rabbitmq_image": "registry.example.org:5000/a/rabbitmq@sha256:" + 64 * "a"},
        "IPv6": {"rabbitmq_listen_address": "::1"},
        "vhosts": {"rabbitmq_vhosts_extra": [{"name": "/"}, {"name": "a/b"}, {"name": "é"}]},
        "passwords": {
            "rabbitmq_users_extra": [
                {"name": f"user-{number}", "password": f"{mark}mark{mark}-admin"}
                for number, mark in enumerate("@:/#?%& é\"'\\$")
            ]
        },
        "a setting left out": {"rabbitmq_config": {"heartbeat": None, "log.console.level": "debug"}},
    },
    "traefik": {
        "IPv6": {
            "traefik_amqps_address": "[::1]:5671",
            "traefik_broker_servers": ["[2001:db8::1]:5672"],
            "traefik_broker_allowed_networks": ["2001:db8::/32"],
        },
        "routes": {"traefik_tcp_routes_extra": [ROUTE], "traefik_http_routes_extra": [PAGE]},
    },
    "galaxy": {
        "password of the database": {"galaxy_database_password": "mark-admin-._~1", "galaxy_database_user": "other"},
        "results in a file, all on one host": {"galaxy_celery_result_backend": "db+sqlite:////srv/results.sqlite"},
        "queues that are not known": {"galaxy_celery_task_routes": {**ROUTES, "galaxy.export_history": "x"}},
        "a queue of other workers": {
            "galaxy_celery_consumed_queues": ["galaxy.internal", "galaxy.external"],
            "galaxy_celery_other_queues": ["reports"],
            "galaxy_celery_task_routes": {**ROUTES, "galaxy.export_history": "reports"},
        },
        "fetch_data kept in Galaxy": {
            "galaxy_celery_consumed_queues": ["galaxy.internal", "galaxy.external"],
            "galaxy_celery_task_routes": {**ROUTES, "galaxy.fetch_data": "disabled"},
        },
        "encoded password in a URL of one's own": {
            "galaxy_amqp_url": "amqps://galaxy:mark%40galaxy%2Famqp@mq.example.org:5671/galaxy"
        },
    },
    "postgresql_access": {
        "IPv6": networks("2001:db8::/64", "fd00::a"),
        "nobody": {},
        "a name that resolves": database_host("localhost"),
        "an address among several": database_host("100.118.169.17", "192.168.7.2", "100.118.169.17"),
        "wide, with a reason": networks("10.0.0.0/8", postgresql_access_exceptions={"10.0.0.0/8": "rented machines"}),
        "a mistake that is none": {
            **database_host("10.118.169.17", "100.118.169.17"),
            "postgresql_access_exceptions": {"10.118.169.17": "behind a gateway"},
        },
        "a network of other hosts, however wide": {"postgresql_access_other_addresses": ["10.0.0.0/8", "2001:db8::7"]},
        "another limit": networks("10.0.0.0/8", postgresql_access_widest_ipv4_prefix=8),
    },
}
for platform in ("fake_trixie", "fake_jammy", "fake_noble", "fake_rocky", "fake_alma"):
    for role in WRONG:
        RIGHT.setdefault(role, {})[f"the system {platform}"] = {"ansible_facts_modules": platform}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """One run over all rows: a play for each role, a host for each row."""
    folder = tmp_path_factory.mktemp("table")
    rows = {role: {f"{role} {name}": values for name, (values, _words) in WRONG[role].items()} for role in WRONG}
    for role, members in RIGHT.items():
        rows[role].update({f"{role} right {name}": values for name, values in members.items()})
    rows["galaxy_sync"] = {name: {**RELEASE, **values} for name, values in rows["galaxy_sync"].items()}
    names = {row: f"row-{number}" for number, row in enumerate(row for members in rows.values() for row in members)}
    site = build_site(folder, {role: {names[row]: rows[role][row] for row in rows[role]} for role in rows})
    plays = [
        {
            "name": f"Check the variables of {role}",
            "hosts": role,
            "gather_facts": True,
            "tasks": [
                {"ansible.builtin.include_role": {"name": f"usegalaxy_eu.celery.{role}", "tasks_from": "preflight"}}
            ],
        }
        for role in rows
    ]
    (folder / "table.yml").write_text(json.dumps(plays))
    return names, site(folder / "table.yml")


# What begins a sentence that says what to do.
REMEDY = re.compile(
    r"(?:^|[.:;,] )(?:Remedy: |Did you mean |(?:and |or |so )?(?:[Aa]dd|[Cc]hoose|[Cc]opy|[Cc]orrect|[Ee]ncode|[Gg]ive"
    r"|[Ll]eave|[Mm]ake|[Nn]ame"
    r"|Percent-encode|Place|[Pp]ut|[Rr]emove|[Rr]enew|[Rr]epeat|[Ss]et|[Tt]ake|[Uu]se|[Ww]rite|needs|must be) )"
)
VARIABLES = {"ansible_facts", "galaxy_config"} | {
    name for role in roles.names() for name in [*roles.options(role), *roles.defaults(role)]
}


def faults(outcome, role, row):
    """What a row's message and its run lack."""
    names, run = outcome
    name, (values, words) = names[f"{role} {row}"], WRONG[role][row]
    message = run.messages.get(name, "it passed")
    lacks = [word for word in words if word not in message]
    known = set(re.findall(r"\w+", message))
    if not (known & VARIABLES or known & set(values)):
        lacks.append("a variable's name")
    if not REMEDY.search(message):
        lacks.append("a remedy")
    if [run.hosts[name][what] for what in ("failures", "changed", "unreachable")] != [1, 0, 0]:
        lacks.append("an end before any change")
    return lacks, message


@pytest.mark.parametrize(("role", "row"), [(role, row) for role in WRONG for row in WRONG[role]])
def test_wrong(outcome, role, row):
    lacks, message = faults(outcome, role, row)
    assert lacks == [], message


def test_how_many_hold(outcome, capsys):
    """At least 150 wrong inputs over all roles; the count is printed."""
    rows = [(role, row) for role in WRONG for row in WRONG[role]]
    held = [row for row in rows if not faults(outcome, *row)[0]]
    with capsys.disabled():
        each = ", ".join(f"{role} {len(WRONG[role])}" for role in sorted(WRONG))
        print(f"\n{len(held)} of {len(rows)} wrong inputs to roles hold ({each})")
    assert set(WRONG) == {role for role in roles.names() if roles.defaults(role)}
    assert len(held) == len(rows) >= 150


@pytest.mark.parametrize(("role", "row"), [(role, row) for role in RIGHT for row in RIGHT[role]])
def test_right(outcome, role, row):
    names, run = outcome
    name = names[f"{role} right {row}"]
    assert run.messages.get(name) is None
    assert run.hosts[name]["failures"] + run.hosts[name]["unreachable"] + run.hosts[name]["changed"] == 0
    assert run.hosts[name]["ok"] > 0


def test_no_secret_shows(outcome):
    _names, run = outcome
    assert [mark for mark in MARKS if mark in run.output] == []
