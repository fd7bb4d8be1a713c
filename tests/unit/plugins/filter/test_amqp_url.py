"""The filter amqp_url, held against kombu's own parser."""

from __future__ import annotations

import itertools

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.filter import amqp_url as plugin

kombu = pytest.importorskip("kombu", reason="kombu, the parser that the filter writes for, is not installed")

GOOD = {"host": "mq.example.org", "user": "galaxy", "password": "secret", "vhost": "galaxy"}
HOSTILE = ["plain", "p@ss:w/rd#?%&= +;", "é ü 漢", "%2F", "/", "//a/b", "{{ x }}", "a" * 200, "'\"\\", "\n\t"]


@pytest.mark.parametrize(("text", "tls"), list(itertools.product(HOSTILE, [True, False])))
@pytest.mark.parametrize("key", ["user", "password", "vhost"])
def test_kombu_reads_back_what_went_in(key, text, tls):
    parts = {**GOOD, key: text, "tls": tls, "heartbeat": 30}
    connection = kombu.Connection(plugin.amqp_url(parts))
    assert connection.hostname == "mq.example.org"
    assert connection.port == (5671 if tls else 5672)
    assert connection.userid == parts["user"]
    assert connection.password == parts["password"]
    assert connection.virtual_host == parts["vhost"]
    assert connection.heartbeat == 30.0
    assert not connection.alt  # a raw ";" would make two brokers of one
    assert connection.transport.client.ssl is tls


def test_the_url_is_the_documented_one():
    parts = {**GOOD, "password": "p@ss/word#1", "heartbeat": 30}
    assert plugin.amqp_url(parts) == "amqps://galaxy:p%40ss%2Fword%231@mq.example.org:5671/galaxy?heartbeat=30"


def test_the_examples_of_the_documentation_hold():
    tasks = yaml.safe_load(plugin.EXAMPLES)
    assert all("usegalaxy_eu.celery.amqp_url" in str(task) for task in tasks)
    parts = {"host": "fd00::5", "user": "u", "password": "p", "vhost": "/", "tls": False}
    assert plugin.amqp_url(parts) in plugin.EXAMPLES


@pytest.mark.parametrize(
    "host", ["::1", "[::1]", "2001:db8::7", "fe80::1%eth0", "192.0.2.7", "mq", "broker_1", "mq.example.org."]
)
def test_hosts(host):
    connection = kombu.Connection(plugin.amqp_url({**GOOD, "host": host}))
    assert connection.hostname == host.strip("[]")
    assert connection.port == 5671


def test_a_broker_uses_the_dictionary_and_not_the_url():
    """An amqps URL leaves broker_use_ssl alone; ssl=1 would replace it."""
    connection = kombu.Connection(plugin.amqp_url(GOOD), ssl={"cert_reqs": 2})
    assert connection.transport.client.ssl == {"cert_reqs": 2}


def test_options_are_encoded():
    url = plugin.amqp_url({**GOOD, "options": {"login_method": "PLAIN", "x&y": "a b+c=é"}})
    assert kombu.utils.url.url_to_parts(url).query == {"login_method": "PLAIN", "x&y": "a b+c=é"}


@pytest.mark.parametrize(("value", "port"), [(5671, 5671), ("443", 443), (None, 5671), (1, 1), (65535, 65535)])
def test_ports(value, port):
    assert kombu.Connection(plugin.amqp_url({**GOOD, "port": value})).port == port


@pytest.mark.parametrize(("value", "scheme"), [("no", "amqp"), ("False", "amqp"), ("yes", "amqps"), (True, "amqps")])
def test_tls_as_text(value, scheme):
    assert plugin.amqp_url({**GOOD, "tls": value}).startswith(scheme + "://")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": None}, ["host is missing", "name or address"]),
        ({"host": ""}, ["host is empty"]),
        ({"host": "amqps://mq.example.org"}, ["host", "'amqps://mq.example.org'", "no scheme"]),
        ({"host": "mq.example.org:5671"}, ["'mq.example.org:5671'", "port"]),
        ({"host": "a b"}, ["'a b'"]),
        ({"host": "x" * 254}, ["neither a host name"]),
        ({"host": 7}, ["host is a int", "quotes"]),
        ({"user": ""}, ["user is empty"]),
        ({"vhost": ""}, ["vhost is empty", "galaxy or /"]),
        ({"vhost": "a\0b"}, ["vhost holds a NUL"]),
        ({"port": 0}, ["port is 0", "65535"]),
        ({"port": 65536}, ["port is 65536"]),
        ({"port": "amqp"}, ["port is 'amqp'"]),
        ({"port": True}, ["port is True"]),
        ({"heartbeat": -1}, ["heartbeat is -1", "seconds"]),
        ({"heartbeat": 70000}, ["heartbeat is 70000"]),
        ({"heartbeat": "30s"}, ["heartbeat is '30s'"]),
        ({"tls": "maybe"}, ["tls is 'maybe'", "true or false"]),
        ({"tls": None}, ["tls is None"]),
        ({"options": [1]}, ["options is a list"]),
        ({"options": {"ssl": 1}}, ["options.ssl", "broker_use_ssl"]),
        ({"options": {"ssl_cert_reqs": "none"}}, ["options.ssl_cert_reqs", "broker_use_ssl"]),
        ({"options": {"heartbeat": 3}}, ["options.heartbeat", "beside options"]),
        ({"options": {"a": True}}, ["options.a is True"]),
        ({"options": {"a": ""}}, ["options.a is ''"]),
        ({"options": {1: "a"}}, ["options has the key 1"]),
        ({"pasword": "x"}, ["pasword", "Did you mean password?"]),
        ({"zzz": 1}, ["zzz is no known key", "Known keys"]),
    ],
)
def test_errors_name_key_value_and_remedy(change, words):
    with pytest.raises(AnsibleFilterError) as error:
        plugin.amqp_url({**GOOD, **change})
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("value", [None, "", 8472915, ["8472915"], "8472915\0"])
def test_a_password_never_shows(value):
    with pytest.raises(AnsibleFilterError) as error:
        plugin.amqp_url({**GOOD, "password": value})
    assert "password" in str(error.value)
    assert "8472915" not in str(error.value)


def test_the_input_is_a_dictionary():
    with pytest.raises(AnsibleFilterError, match="the input is a str, not a dictionary"):
        plugin.amqp_url("amqp://u:p@h/v")


def test_the_filter_is_registered():
    assert plugin.FilterModule().filters() == {"amqp_url": plugin.amqp_url}
