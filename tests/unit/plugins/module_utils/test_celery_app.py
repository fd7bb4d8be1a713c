"""The client that the Celery modules share: where it gets its settings, and what it never shows."""

from __future__ import annotations

import ssl
import time

import pytest
import yaml

pytest.importorskip("celery", reason="Celery is not installed")

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _celery_app as utils

URL = "amqps://galaxy:hid%2Fden@mq.example.org:5671/galaxy?heartbeat=30"
NOTHING = dict.fromkeys(utils.CONNECTION_ARGUMENTS)


@pytest.fixture
def config(tmp_path):
    """Write a galaxy.yml and return the parameters that name it."""

    def write(content, **params):
        path = tmp_path / "galaxy.yml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
        return {**NOTHING, "galaxy_config_file": str(path), **params}

    return write


def settings(**params):
    return utils.Settings({**NOTHING, **params})


def test_galaxy_own_connection(config):
    found = utils.Settings(config({"galaxy": {"amqp_internal_connection": URL}}))
    assert found.urls == [URL]
    assert found.result_backend is None
    assert found.origin.startswith("amqp_internal_connection in /")
    assert found.broker == "amqps://galaxy:********@mq.example.org:5671/galaxy"


@pytest.mark.parametrize(
    ("section", "limits"),
    [({}, False), ({"celery_user_rate_limit": 0.0}, False), ({"celery_user_rate_limit": 10}, True)],
)
def test_galaxy_may_count_the_tasks_of_its_users(config, section, limits):
    assert utils.Settings(config({"galaxy": {"amqp_internal_connection": URL, **section}})).limits_users is limits
    assert settings(broker_url=URL).limits_users is True


def test_the_broker_waits_for_no_heartbeat_of_a_module():
    found = settings(broker_url="memory://?heartbeat=30")
    with found.connection(found.app(1), 1) as connection:
        assert connection.heartbeat == 0


def test_celery_conf_wins_and_reaches_the_application(config):
    conf = {
        "broker_url": "amqp://c:d@other/x",
        "result_backend": "file:///tmp",
        "task_routes": {"galaxy.fetch_data": "galaxy.external"},
        "imports": ["no.such.module"],
        "broker_pool_limit": 7,
        "control_queue_exclusive": True,
    }
    found = utils.Settings(config({"galaxy": {"amqp_internal_connection": URL, "celery_conf": conf}}))
    app = found.app(3)
    connection = app.connection_for_write()
    assert (connection.hostname, connection.userid, connection.virtual_host) == ("other", "c", "x")
    assert app.conf.result_backend == "file:///tmp"
    assert app.conf.broker_pool_limit == 7
    assert app.conf.control_queue_exclusive is True
    assert not app.conf.task_routes
    assert not app.conf.imports


def test_an_explicit_backend_wins(config):
    params = config({"galaxy": {"amqp_internal_connection": URL, "celery_conf": {"result_backend": "file:///a"}}})
    assert utils.Settings({**params, "result_backend": "file:///b"}).app(1).conf.result_backend == "file:///b"


def test_tls_settings_of_the_file(config, tmp_path):
    (tmp_path / "ca.pem").write_text("x", encoding="utf-8")
    use_ssl = {"cert_reqs": 2, "ca_certs": str(tmp_path / "ca.pem"), "server_hostname": None}
    content = {"galaxy": {"amqp_internal_connection": URL, "celery_conf": {"broker_use_ssl": use_ssl}}}
    connection = utils.Settings(config(content)).app(1).connection_for_write()
    assert connection.ssl == use_ssl


def test_a_dictionary_beats_ssl_in_the_url(tmp_path):
    (tmp_path / "ca.pem").write_text("x", encoding="utf-8")
    found = settings(broker_url="pyamqp://u:p@h:5671/v?ssl=1&heartbeat=30", ca_file=str(tmp_path / "ca.pem"))
    assert found.urls == ["pyamqp://u:p@h:5671/v?heartbeat=30"]
    connection = found.app(1).connection_for_write()
    assert connection.ssl == {"cert_reqs": 2, "server_hostname": None, "ca_certs": str(tmp_path / "ca.pem")}
    assert connection.heartbeat == 30.0


def test_ca_file_does_not_switch_tls_on(tmp_path):
    (tmp_path / "ca.pem").write_text("x", encoding="utf-8")
    found = settings(broker_url="amqp://u:p@h/v", ca_file=str(tmp_path / "ca.pem"))
    assert found.use_ssl is None
    assert not found.tls(found.urls[0])


@pytest.mark.parametrize(
    ("url", "tls"),
    [("amqps://u:p@h/v", True), ("amqp://u:p@h/v", False), ("pyamqp://h/v?ssl=1", True), ("amqp://h?ssl=0", False)],
)
def test_what_speaks_tls(url, tls):
    assert settings(broker_url=url).tls(url) is tls


def test_several_brokers():
    found = settings(broker_url="amqp://u:p@a/v;amqp://u:p@b/v")
    assert found.broker == "amqp://u:********@a/v;amqp://u:********@b/v"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("- a\n", "galaxy_config_file /"),
        ({"galaxy": {}}, "neither amqp_internal_connection nor broker_url"),
        ({"galaxy": {"amqp_internal_connection": 7}}, "is no URL and no list"),
        ({"galaxy": {"amqp_internal_connection": URL, "celery_conf": "hidden"}}, "celery_conf in"),
        (
            {"galaxy": {"amqp_internal_connection": URL, "celery_conf": {"result_backend": ["hidden"]}}},
            "result_backend of",
        ),
        (
            {"galaxy": {"amqp_internal_connection": URL, "celery_conf": {"broker_use_ssl": {"cert_reqs": "2"}}}},
            "integer 2",
        ),
        (
            {"galaxy": {"amqp_internal_connection": URL, "celery_conf": {"broker_use_ssl": {"ca_certs": "/none"}}}},
            "ca_certs in broker_use_ssl of celery_conf in",
        ),
    ],
)
def test_a_wrong_file(config, content, words):
    with pytest.raises(utils.CeleryModuleError) as error:
        utils.Settings(config(content))
    assert words in str(error.value)
    assert "hid" not in str(error.value)


def test_a_ca_file_that_is_not_there():
    with pytest.raises(utils.CeleryModuleError, match="ca_file /none cannot be read"):
        settings(broker_url=URL, ca_file="/none")


@pytest.mark.parametrize(
    "url",
    [
        "amqps://galaxy:hid/den@mq:5671/v",
        "amqps://galaxy:hid#den@mq:5671/v",
        "amqps://galaxy:hid?den@mq:5671/v",
        "amqps://galaxy:hid@x#den@mq:5671/v",
        "amqps://galaxy:hid@x#den",
        "amqps://galaxy:hid@x?den@mq:5671/v",
        "amqps://galaxy:hidden@mq:port/v",
        "hidden",
    ],
)
def test_a_url_that_would_be_misread(url):
    with pytest.raises(utils.CeleryModuleError) as error:
        settings(broker_url=url)
    assert "Percent-encode" in str(error.value)
    assert "hid" not in str(error.value)


@pytest.mark.parametrize("password", ["simple", "p%40ss%2Fw", "a%20b", "x%3Ay"])
def test_passwords_are_masked_in_every_form(password):
    from urllib.parse import unquote

    found = settings(broker_url=f"amqps://galaxy:{password}@mq/v", result_backend=f"db+postgresql://g:{password}@db/x")
    text = found.mask(
        f"cannot reach {found.urls[0]} nor {found.result_backend} with {password!r} {unquote(password)!r}"
    )
    assert password not in text
    assert unquote(password) not in text


def test_any_url_is_masked():
    assert utils.mask("see redis://u:hidden@h/0 now") == "see redis://u:********@h/0 now"
    assert utils.mask("see redis://:hidden@h/0 now") == "see redis://:********@h/0 now"


def test_a_bound_for_calls_that_hang():
    with pytest.raises(utils.CeleryModuleError, match=r"waiting did not end within 0\.1 s"):
        utils.run_bounded(lambda: time.sleep(5), 0.1, "waiting")
    assert utils.run_bounded(lambda: 7, 5, "counting") == 7
    with pytest.raises(ZeroDivisionError):
        utils.run_bounded(lambda: 1 / 0, 5, "dividing")


class Stop(Exception):
    """Stands for the end of a module."""


class Module:
    """As much of an AnsibleModule as the requirements need."""

    params = {"galaxy_config_file": "/x"}

    def fail_json(self, **result):
        raise Stop(result["msg"])


@pytest.mark.parametrize(("name", "check"), [("CELERY", utils.require_celery), ("YAML", utils.require_yaml)])
def test_a_missing_library_is_named(monkeypatch, name, check):
    check(Module())
    monkeypatch.setattr(utils, f"{name}_IMPORT_ERROR", "traceback")
    with pytest.raises(Stop, match=r"Failed to import the required Python library.*Galaxy's venv"):
        check(Module())


def test_an_unknown_error_keeps_its_own_words():
    reason, remedy = utils.explain(TypeError("cert_reqs"))
    assert reason == "TypeError: cert_reqs"
    assert "broker_use_ssl" in remedy


def test_localhost_behind_tls_has_a_hint_of_its_own():
    error = ssl.SSLCertVerificationError("certificate is not valid for '127.0.0.1'")
    error.verify_message = "certificate is not valid for '127.0.0.1'"
    assert "use the host's name" in utils.explain(error)[1]
