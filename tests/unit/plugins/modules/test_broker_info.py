"""broker_info: every way in which a connection fails, on loopback sockets; success with a real RabbitMQ."""

from __future__ import annotations

import os
import time
from urllib.parse import urlsplit

import pytest

pytest.importorskip("kombu", reason="kombu is not installed")

from ansible_collections.usegalaxy_eu.celery.plugins.modules import broker_info


def fail(run, url, **options):
    begin = time.monotonic()
    result = run(broker_info, broker_url=url, **{"timeout_seconds": 1, **options})
    assert result["failed"], result
    assert "hidden" not in str(result)
    assert time.monotonic() - begin < 5
    return result["msg"]


def test_a_name_that_does_not_resolve(run):
    assert "the host name is not resolvable" in fail(run, "amqp://u:hidden@no-such-host.invalid/v", timeout_seconds=20)


def test_a_refused_connection(run, refused_port):
    text = fail(run, f"amqp://u:hidden@127.0.0.1:{refused_port}/v")
    assert "the connection was refused. Check the port" in text
    assert f"amqp://u:********@127.0.0.1:{refused_port}/v (broker_url)" in text


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_a_silent_port(run, silent_port, scheme):
    assert "timed out" in fail(run, f"{scheme}://u:hidden@127.0.0.1:{silent_port}/v")


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_a_port_that_ends_the_connection(run, closing_port, scheme):
    text = fail(run, f"{scheme}://u:hidden@127.0.0.1:{closing_port}/v")
    assert "the connection broke off" in text or "the TLS handshake failed" in text


def test_an_unknown_authority(run, tls_port):
    assert "TLS verification failed" in fail(run, f"amqps://u:hidden@127.0.0.1:{tls_port('good')}/v")


@pytest.mark.parametrize("url", ["amqps://u:hidden@127.0.0.1:{}/v", "pyamqp://u:hidden@127.0.0.1:{}/v?ssl=1"])
@pytest.mark.parametrize(("name", "why"), [("other", "IP address mismatch"), ("old", "certificate has expired")])
def test_a_certificate_that_does_not_hold(run, tls_port, certificates, name, why, url):
    text = fail(run, url.format(tls_port(name)), ca_file=certificates["ca"])
    assert "TLS verification failed" in text
    assert why in text


@pytest.mark.parametrize("url", ["amqps://u:hidden@127.0.0.1:{}/v", "pyamqp://u:hidden@127.0.0.1:{}/v?ssl=1"])
def test_the_name_is_checked_with_the_store_of_the_system(run, tls_port, certificates, monkeypatch, url):
    """kombu itself checks no name for these two."""
    monkeypatch.setenv("SSL_CERT_FILE", certificates["ca"])
    assert "IP address mismatch" in fail(run, url.format(tls_port("other")))


def test_the_name_is_checked_even_if_broker_use_ssl_does_not_want_it(run, tls_port, certificates):
    options = {"broker_use_ssl": {"cert_reqs": 0, "ca_certs": certificates["ca"]}}
    assert "IP address mismatch" in fail(run, f"amqps://u:hidden@127.0.0.1:{tls_port('other')}/v", **options)


def test_a_given_server_name_is_the_one_that_is_checked(run, tls_port, certificates):
    options = {"broker_use_ssl": {"server_hostname": "other.example.org", "ca_certs": certificates["ca"]}}
    # The handshake passes; the server then says nothing.
    assert "timed out" in fail(run, f"amqps://u:hidden@127.0.0.1:{tls_port('other')}/v", **options)


def test_tls_to_a_plain_port_and_plain_to_a_tls_port(run, tls_port, certificates):
    url = f"amqp://u:hidden@127.0.0.1:{tls_port('good')}/v"
    text = fail(run, url, ca_file=certificates["ca"])
    assert "the connection broke off" in text
    assert "with TLS if the URL says so" in text


def test_a_url_that_is_no_amqp(run):
    assert "the scheme 'redis', which is no AMQP" in fail(run, "redis://:hidden@127.0.0.1/0")


def test_wrong_parameters(run):
    assert "timeout_seconds is 0" in fail(run, "amqp://u:hidden@h/v", timeout_seconds=0)


def test_a_name_service_that_hangs(run, monkeypatch):
    monkeypatch.setattr(broker_info, "look", lambda *_args: time.sleep(30))
    text = fail(run, "amqp://u:hidden@h/v")
    assert "did not end within 3 s" in text
    assert "timeout_seconds" in text


def test_an_unforeseen_error_shows_no_password(run, monkeypatch):
    def look(*_args):
        raise RuntimeError("cannot use amqp://u:hid%20den@h/v or 'hid den'")

    monkeypatch.setattr(broker_info, "look", look)
    result = run(broker_info, broker_url="amqp://u:hid%20den@h/v")
    assert result["failed"]
    assert "RuntimeError" in result["msg"]
    assert "hid" not in str(result)


def test_celery_must_be_there(run, monkeypatch):
    import sys

    utils = sys.modules[broker_info.require_celery.__module__]
    monkeypatch.setattr(utils, "celery", None)
    monkeypatch.setattr(utils, "CELERY_IMPORT_ERROR", "traceback", raising=False)
    text = fail(run, "amqp://u:hidden@h/v")
    assert "celery" in text
    assert "Galaxy's venv" in text


@pytest.mark.broker
class TestRabbitMQ:
    """With a real broker."""

    def test_what_it_is(self, run, broker_url):
        result = run(broker_info, check=True, broker_url=broker_url)
        assert result["product"] == "RabbitMQ"
        assert result["version"][0].isdigit()
        assert result["cluster_name"]
        assert result["changed"] is False

    @pytest.mark.parametrize(("kind", "other"), [("classic", "quorum"), ("quorum", "classic")])
    def test_the_type_of_a_queue(self, run, broker_url, kind, other):
        kombu = broker_info.kombu
        name = f"broker_info.{kind}"
        with kombu.Connection(broker_url) as connection:
            arguments = {"x-queue-type": "quorum"} if kind == "quorum" else None
            kombu.Queue(name, queue_arguments=arguments, channel=connection.channel()).queue_declare()
        try:
            queues = [name, "broker_info.none"]
            found = run(broker_info, broker_url=broker_url, queues=queues, queue_type=kind)["queues"]
            assert list(found) == [name]
            assert found[name]["conflict"] is None
            found = run(broker_info, broker_url=broker_url, queues=queues, queue_type=other)["queues"]
            assert "x-queue-type" in found[name]["conflict"]
        finally:
            with kombu.Connection(broker_url) as connection:
                connection.channel().queue_delete(name)
                with pytest.raises(connection.channel_errors):
                    connection.channel().queue_declare("broker_info.none", passive=True)

    def test_tls_is_described(self, run, broker_url, tls_port, certificates):
        parts = urlsplit(broker_url)
        if parts.scheme != "amqp":
            pytest.skip(
                "the relay of this test puts TLS in front of a plain AMQP port, and TESTBED_AMQP_URL is TLS itself"
            )
        port = tls_port("good", relay_to=(parts.hostname, parts.port or 5672))
        url = f"amqps://{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}{parts.path}"
        result = run(broker_info, broker_url=url, ca_file=certificates["ca"])
        assert not result.get("failed"), result
        assert result["tls"]["version"].startswith("TLSv1")
        assert result["tls"]["subject"] == "good"
        assert result["tls"]["subject_names"] == ["127.0.0.1"]
        assert result["tls"]["issuer"] == "test authority"
        assert result["tls"]["days_left"] == 9
        assert result["tls"]["not_after"].endswith("+00:00")

    def test_wrong_password(self, run, broker_url):
        parts = urlsplit(broker_url)
        url = f"{parts.scheme}://{parts.username}:hidden@{parts.hostname}:{parts.port or 5672}{parts.path}"
        ca_file = os.environ.get("TESTBED_CA_FILE")
        assert "authentication failed" in fail(
            run, url, timeout_seconds=10, **({"ca_file": ca_file} if ca_file else {})
        )

    def test_missing_vhost(self, run, broker_url):
        parts = urlsplit(broker_url)
        result = run(broker_info, broker_url=f"{parts.scheme}://{parts.netloc}/no-such-vhost")
        assert "the vhost is missing or the user has no rights on it" in result["msg"]
        assert "no-such-vhost" in result["msg"]
