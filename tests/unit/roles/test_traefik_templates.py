# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the templates of the role traefik and read them with the parsers of their formats."""

from __future__ import annotations

import base64
import hashlib

import pytest
import yaml
from tools import role_templates

STATIC, DYNAMIC = "etc/traefik/traefik.yml.j2", "etc/traefik/dynamic/galaxy-celery.yml.j2"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
KEY = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----"
SITE = {
    "ansible_facts": {"os_family": "Debian", "architecture": "x86_64"},
    "rabbitmq_management_host": "mq-admin.example.org",
    "traefik_certificate": CERTIFICATE,
    "traefik_private_key": KEY,
}


def render(template, **values):
    return role_templates.render("traefik", template, SITE, **values)


def static(**values):
    return yaml.safe_load(render(STATIC, **values))


def dynamic(**values):
    return yaml.safe_load(render(DYNAMIC, **values))


def test_static_configuration_with_defaults():
    found = static()
    assert {name: entry["address"] for name, entry in found["entryPoints"].items()} == {
        "amqps": ":5671",
        "websecure": ":443",
        "internal": "127.0.0.1:8080",
    }
    assert found["ping"] == {"entryPoint": "internal"}
    assert found["metrics"]["prometheus"]["entryPoint"] == "internal"
    assert "certificatesResolvers" not in found
    assert found["providers"]["file"] == {"directory": "/etc/traefik/dynamic", "watch": True}
    assert found["global"] == {"checkNewVersion": False, "sendAnonymousUsage": False}
    assert found["api"] == {"dashboard": True}
    assert found["log"]["level"] == "INFO"


def test_static_configuration_with_other_values():
    found = static(
        galaxy_amqp_port=15671,
        traefik_dashboard_enabled=False,
        traefik_config_dir="/srv/traefik",
        traefik_static_config_extra={
            "entryPoints": {"web": {"address": ":80"}},
            "accessLog": {"format": "json"},
            "log": {"level": "DEBUG"},
        },
    )
    assert found["entryPoints"]["amqps"]["address"] == ":15671"
    assert found["entryPoints"]["web"]["address"] == ":80"
    assert found["api"] == {"dashboard": False}
    assert found["providers"]["file"]["directory"] == "/srv/traefik/dynamic"
    assert found["accessLog"] == {"format": "json"}
    assert found["log"] == {"level": "DEBUG", "noColor": True}


def test_dynamic_configuration_with_defaults():
    found = dynamic()
    router = found["tcp"]["routers"]["amqps"]
    assert (router["rule"], router["entryPoints"]) == ("HostSNI(`*`)", ["amqps"])
    assert router["tls"] == {"options": "default"}
    service = found["tcp"]["services"][router["service"]]["loadBalancer"]
    assert service["servers"] == [{"address": "127.0.0.1:5672"}]
    assert found["tcp"]["serversTransports"][service["serversTransport"]]["proxyProtocol"] == {"version": 2}
    management = found["http"]["routers"]["rabbitmq-management"]
    assert (management["rule"], management["entryPoints"]) == ("Host(`mq-admin.example.org`)", ["websecure"])
    (middleware,) = management["middlewares"]
    ranges = found["http"]["middlewares"][middleware]["ipAllowList"]["sourceRange"]
    assert "10.0.0.0/8" in ranges
    assert "0.0.0.0/0" not in ranges
    assert found["http"]["routers"]["api"]["entryPoints"] == ["internal"]
    assert found["tls"]["stores"]["default"]["defaultCertificate"] == {
        "certFile": "/etc/traefik/certificates/default.crt",
        "keyFile": "/etc/traefik/certificates/default.key",
    }
    assert found["tls"]["options"]["default"] == {"minVersion": "VersionTLS12"}


def test_dynamic_configuration_with_other_values():
    found = dynamic(
        rabbitmq_proxy_protocol_enabled=False,
        traefik_tls_min_version="1.3",
        traefik_broker_servers=["10.0.0.1:5672", "10.0.0.2:5672"],
        traefik_tcp_routes_extra=[
            {"name": "pulsar", "entry_point": "amqps", "hosts": ["pulsar.example.org"], "servers": ["10.0.0.3:5671"],
             "tls": "passthrough"}
        ],
        traefik_dynamic_config_extra={"tls": {"options": {"default": {"sniStrict": False}}}},
    )  # fmt: skip
    service = found["tcp"]["services"][found["tcp"]["routers"]["amqps"]["service"]]["loadBalancer"]
    assert [server["address"] for server in service["servers"]] == ["10.0.0.1:5672", "10.0.0.2:5672"]
    assert "serversTransport" not in service
    pulsar = found["tcp"]["routers"]["pulsar"]
    assert pulsar["rule"] == "HostSNI(`pulsar.example.org`)"
    assert pulsar["tls"] == {"passthrough": True}
    assert found["tls"]["options"]["default"] == {"minVersion": "VersionTLS13", "sniStrict": False}


def broker(**values):
    """Router, balancer and transport of the broker's route."""
    tcp = dynamic(galaxy_amqp_host="mq.example.org", **values)["tcp"]
    balancer = tcp["services"]["amqps"]["loadBalancer"]
    return tcp["routers"]["amqps"], balancer, tcp["serversTransports"][balancer["serversTransport"]]


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ({}, True),
        ({"traefik_broker_tls_enabled": True}, False),
        ({"traefik_broker_tls_enabled": True, "traefik_broker_mode": "passthrough"}, True),
    ],
)
def test_several_brokers_are_asked_where_traefik_can(values, asked):
    _router, balancer, _transport = broker(traefik_broker_servers=["10.0.0.5:5671", "10.0.0.6:5671"], **values)
    assert ("healthCheck" in balancer) == asked


def test_passthrough_to_the_broker():
    router, balancer, transport = broker(traefik_broker_mode="passthrough", traefik_broker_tls_enabled=True)
    assert (router["rule"], router["tls"]) == ("HostSNI(`*`)", {"passthrough": True})
    assert balancer["servers"] == [{"address": "127.0.0.1:5671"}]
    # What speaks TLS to the broker is the client.
    assert transport == {"proxyProtocol": {"version": 2}}


@pytest.mark.parametrize(
    ("values", "tls"),
    [
        ({}, {"serverName": "mq.example.org"}),
        (
            {"traefik_broker_tls_ca_file": "/etc/ssl/own.pem", "traefik_broker_tls_server_name": "mq02.example.org"},
            {"serverName": "mq02.example.org", "rootCAs": ["/etc/ssl/own.pem"]},
        ),
    ],
)
def test_tls_on_the_second_leg(values, tls):
    router, balancer, transport = broker(traefik_broker_tls_enabled=True, rabbitmq_tls_port=5673, **values)
    assert router["tls"] == {"options": "default"}
    assert balancer["servers"] == [{"address": "127.0.0.1:5673", "tls": True}]
    assert transport == {"proxyProtocol": {"version": 2}, "tls": tls}


@pytest.mark.parametrize(("text", "shown"), [("AUTHORITIES", True), ("", False)])
def test_replaced_authorities_change_the_configuration(text, shown):
    found = render(DYNAMIC, __traefik_broker_ca_file={"content": base64.b64encode(text.encode()).decode()})
    assert (hashlib.sha256(b"AUTHORITIES").hexdigest() in found) == shown
    assert ("Authorities" in found) == shown


@pytest.mark.parametrize(
    ("mode", "names"),
    [("terminate", ["mq.example.org", "mq-admin.example.org"]), ("passthrough", ["mq-admin.example.org"])],
)
def test_the_names_of_the_certificate(mode, names):
    values = {"galaxy_amqp_host": "mq.example.org", "traefik_broker_mode": mode}
    assert role_templates.evaluate("traefik", "traefik_certificate_names", SITE, **values) == names


def test_a_certificate_that_is_followed_leaves_the_routes_as_they_are():
    """Else each renewal would be a change of the next run."""
    given = {"traefik_certificate_source": "host", "traefik_certificate": "", "traefik_certificate_path": "/etc/a.pem"}
    assert "sha256" not in render(DYNAMIC, **given)


@pytest.mark.parametrize("certificate", [CERTIFICATE, CERTIFICATE + "\n\n"])
def test_a_new_certificate_shows_and_the_key_does_not(certificate):
    text = render(DYNAMIC, traefik_certificate=certificate)
    assert hashlib.sha256(CERTIFICATE.encode()).hexdigest() in text
    assert hashlib.sha256(KEY.encode()).hexdigest() not in text
    assert "MC4C" not in text + render(STATIC)


@pytest.mark.parametrize(
    "values", [{}, {"traefik_user": "edge", "traefik_group": "proxy", "traefik_config_dir": "/srv/t"}]
)
def test_unit(values):
    service = role_templates.unit(render("etc/systemd/system/traefik.service.j2", **values))["Service"]
    assert service["User"] == values.get("traefik_user", "traefik")
    assert service["Group"] == values.get("traefik_group", "traefik")
    directory = values.get("traefik_config_dir", "/etc/traefik")
    assert service["ExecStart"] == f"/usr/local/bin/traefik --configFile={directory}/traefik.yml"
    assert service["Type"] == "notify"
    assert service["CapabilityBoundingSet"] == "CAP_NET_BIND_SERVICE"
    assert service["ProtectSystem"] == "strict"


def allowed(**values):
    tcp = dynamic(**values)["tcp"]
    middlewares = tcp["routers"]["amqps"].get("middlewares", [])
    return [network for name in middlewares for network in tcp["middlewares"][name]["ipAllowList"]["sourceRange"]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        (
            {
                "traefik_broker_client_addresses": ["10.0.0.1", "2001:db8::1"],
                "traefik_broker_allowed_networks": ["10.1.0.0/16"],
            },
            ["127.0.0.0/8", "::1/128", "10.0.0.1", "2001:db8::1", "10.1.0.0/16"],
        ),
        ({"traefik_broker_allowed_networks": ["10.1.0.0/16"]}, ["127.0.0.0/8", "::1/128", "10.1.0.0/16"]),
        ({"traefik_broker_client_addresses": ["10.0.0.1"], "traefik_broker_allow_list_enabled": False}, []),
    ],
)  # fmt: skip
def test_allow_list(values, expected):
    assert allowed(**values) == expected


ACME = {
    "traefik_certificate_source": "acme",
    "traefik_certificate": "",
    "traefik_private_key": "",
    "galaxy_amqp_host": "mq.example.org",
    "traefik_acme_email": "admin@example.org",
}


@pytest.mark.parametrize(
    ("values", "challenge"),
    [
        ({}, {"tlsChallenge": {}}),
        ({"traefik_acme_challenge": "http"}, {"httpChallenge": {"entryPoint": "web"}}),
        (
            {"traefik_acme_challenge": "dns", "traefik_acme_dns_provider": "rfc2136"},
            {"dnsChallenge": {"provider": "rfc2136"}},
        ),
    ],
)
def test_acme(values, challenge):
    found = static(**ACME, **values)
    resolver = found["certificatesResolvers"]["acme"]["acme"]
    assert resolver == {
        "email": "admin@example.org",
        "caServer": "https://acme-v02.api.letsencrypt.org/directory",
        "storage": "/var/lib/traefik/acme.json",
        **challenge,
    }
    assert found["entryPoints"].get("web") == ({"address": ":80"} if "httpChallenge" in challenge else None)
    routes = dynamic(**ACME, **values)
    # A catch-all rule holds no name, and a client without a server name gets the first one's certificate.
    assert routes["tcp"]["routers"]["amqps"]["tls"] == {
        "options": "default",
        "certResolver": "acme",
        "domains": [{"main": "mq.example.org"}, {"main": "mq-admin.example.org"}],
    }
    assert routes["http"]["routers"]["rabbitmq-management"]["tls"] == {"options": "default", "certResolver": "acme"}
    assert "tls" not in routes["http"]["routers"]["api"]
    assert routes["tls"]["stores"]["default"] == {
        "defaultGeneratedCert": {"resolver": "acme", "domain": {"main": "mq.example.org"}}
    }


def test_the_private_ca_issues_what_is_read_from_the_host():
    text = base64.b64encode(CERTIFICATE.encode()).decode()
    issued = {"results": [{"content": text}, {"content": text}]}
    values = {"traefik_certificate_source": "private_ca", "traefik_certificate": "", "__traefik_issued": issued}
    assert hashlib.sha256(CERTIFICATE.encode()).hexdigest() in render(DYNAMIC, **values)
    assert "defaultCertificate" in dynamic(**values)["tls"]["stores"]["default"]


def test_the_environment_is_quoted_for_systemd():
    text = render("etc/traefik/traefik.env.j2", traefik_acme_environment={"A_KEY": 'a"b\\c$d`e f', "B": 1})
    assert text.splitlines()[1:] == ['A_KEY="a\\"b\\\\c\\$d\\`e f"', 'B="1"']


def test_dashboard_and_metrics_for_the_private_networks():
    values = {"traefik_dashboard_host": "traefik.example.org", "traefik_metrics_address": "10.0.0.5:8082"}
    assert static(**values)["entryPoints"]["metrics"] == {"address": "10.0.0.5:8082"}
    assert static()["entryPoints"].get("metrics") is None
    found = dynamic(traefik_private_networks=["10.0.0.0/8"], **values)["http"]
    for name, rule, entry_point, service in (
        ("dashboard", "Host(`traefik.example.org`)", "websecure", "api@internal"),
        ("metrics", "PathPrefix(`/metrics`)", "metrics", "prometheus@internal"),
    ):
        router = found["routers"][name]
        assert (router["rule"], router["entryPoints"], router["service"]) == (rule, [entry_point], service)
        (middleware,) = router["middlewares"]
        assert found["middlewares"][middleware]["ipAllowList"]["sourceRange"] == ["10.0.0.0/8"]
    assert {"dashboard", "metrics"} & set(dynamic()["http"]["routers"]) == set()
    # What serves the public has neither.
    assert {router["service"] for router in dynamic(**values)["tcp"]["routers"].values()} == {"amqps"}


def test_flower_has_a_private_name_where_the_site_gives_one():
    assert "flower" not in dynamic()["http"]["routers"]
    found = dynamic(traefik_private_networks=["10.0.0.0/8"], traefik_flower_host="flower.example.org")["http"]
    router = found["routers"]["flower"]
    assert router["rule"] == "Host(`flower.example.org`) && !PathRegexp(`/(metrics|healthcheck)/*$`)"
    assert found["middlewares"][router["middlewares"][0]]["ipAllowList"]["sourceRange"] == ["10.0.0.0/8"]
    assert found["services"]["flower"]["loadBalancer"]["servers"] == [{"url": "http://127.0.0.1:5555"}]


FILES = {"galaxy_amqp_host": "mq.example.org"}
PRIVATE = {**FILES, "traefik_certificate_source": "private_ca", "traefik_certificate": "", "traefik_private_key": ""}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (FILES, None),
        (ACME, None),
        (PRIVATE, None),
        ({**ACME, "traefik_acme_challenge": "dns", "traefik_acme_dns_provider": "rfc2136"}, None),
        ({**FILES, "traefik_certificate": ""}, "Remedy: set traefik_certificate to the PEM text"),
        ({**FILES, "traefik_private_key": ""}, "Remedy: put traefik_private_key"),
        ({**ACME, "traefik_certificate": CERTIFICATE}, "traefik_certificate_source is acme. Remedy: remove them"),
        ({**PRIVATE, "traefik_private_key": KEY}, "traefik_certificate_source is private_ca. Remedy: remove them"),
        ({**PRIVATE, "traefik_certificate_source": "host"}, "Remedy: give absolute paths on the host"),
        ({**FILES, "traefik_certificate_path": "/etc/a.pem"}, "traefik_certificate_source is files. Remedy: remove"),
        ({**FILES, "traefik_acme_email": "a@b"}, "traefik_certificate_source is files. Remedy: remove them"),
        ({**FILES, "traefik_acme_environment": {"A": "secret"}}, "is files. Remedy: remove them"),
        ({**ACME, "traefik_acme_email": ""}, "traefik_acme_email is empty"),
        ({**ACME, "traefik_acme_email": "admin"}, "traefik_acme_email is admin"),
        ({**ACME, "traefik_acme_challenge": "dns"}, "traefik_acme_dns_provider is empty"),
        ({**ACME, "traefik_acme_dns_provider": "rfc2136"}, "Remedy: set traefik_acme_challenge to dns"),
        ({**ACME, "traefik_acme_ca_server": "ca.example.org"}, "traefik_acme_ca_server is ca.example.org"),
        ({**ACME, "traefik_acme_environment": {"A-B": "secret"}}, "the key A-B"),
        ({**ACME, "traefik_certificate_names": []}, "traefik_certificate_names is empty"),
        ({**ACME, "traefik_certificate_names": ["*.example.org"]}, "holds *.example.org"),
        ({**PRIVATE, "traefik_private_ca_renewal_days": 0}, "traefik_private_ca_renewal_days (0)"),
        ({**PRIVATE, "traefik_private_ca_certificate_days": 4000}, "traefik_private_ca_days (3650)"),
        (
            {**FILES, "traefik_dashboard_host": "t.example.org", "traefik_dashboard_enabled": False},
            "traefik_dashboard_enabled is false",
        ),
        ({**FILES, "traefik_dashboard_host": "mq.example.org"}, "Remedy: give the dashboard a name of its own"),
        ({**FILES, "traefik_flower_host": "mq.example.org"}, "Remedy: give Flower a name of its own"),
    ],
)
def test_what_a_source_of_certificates_needs(values, words):
    found = role_templates.evaluate("traefik", "__traefik_source_problems", SITE, **values)
    wrong = " ".join(problem["words"] for problem in found if problem["wrong"])
    assert (words in wrong) if words else wrong == ""
    assert "secret" not in wrong


@pytest.mark.parametrize(
    ("method", "owner", "path"),
    [("file", "traefik", "/etc/systemd/system/traefik.service"), ("container", "root", "/etc/traefik/container.image")],
)
def test_what_a_method_starts_from(method, owner, path):
    values = {"traefik_install_method": method}
    files = role_templates.evaluate("traefik", "__traefik_state_files", SITE, **values)
    assert files[0]["path"] == path
    assert {item["owner"] for item in files if item["path"].endswith(".key")} == {owner}
    assert render("etc/traefik/container.image.j2").strip() == "traefik:v3.7.15"


PLAN = {"broker": {"servers": {"terminate": ["10.0.0.5:5673"], "passthrough": ["10.0.0.5:5674"]}, "tls": True}}


@pytest.mark.parametrize(
    ("options", "servers", "tls"),
    [
        ({}, ["10.0.0.5:5673"], True),
        ({"traefik_broker_mode": "passthrough"}, ["10.0.0.5:5674"], False),
        # The inventory wins over the plan.
        ({"traefik_broker_servers": ["10.9.9.9:5672"], "traefik_broker_tls_enabled": False}, ["10.9.9.9:5672"], False),
        # Without a plan the broker is on the same host.
        ({"stack": {}}, ["127.0.0.1:5672"], False),
    ],
)
def test_the_way_to_the_broker(options, servers, tls):
    site = {**SITE, "stack": PLAN, **options}
    assert role_templates.evaluate("traefik", "traefik_broker_servers", site) == servers
    assert role_templates.evaluate("traefik", "traefik_broker_tls_enabled", site) == tls


@pytest.mark.parametrize(
    ("path", "mounted"),
    [("", False), ("/srv/ca.pem", True), ("/etc/traefik/ca.pem", False), ("/etc/ssl/certs/ca-certificates.crt", False)],
)
def test_the_container_sees_the_authorities_of_the_broker(path, mounted):
    volumes = role_templates.evaluate("traefik", "__traefik_volumes", SITE, traefik_broker_tls_ca_file=path)
    assert volumes[:2] == ["/etc/traefik:/etc/traefik:ro", "/etc/ssl/certs:/etc/ssl/certs:ro"]
    assert volumes[2:] == ([f"{path}:{path}:ro"] if mounted else [])


THEIRS = {
    "traefik_install_method": "existing",
    "traefik_amqps_entry_point": "amqp",
    "traefik_dynamic_dir": "/srv/traefik/rules",
}


def test_a_traefik_of_the_site_gets_the_routes_alone():
    """No certificates, and none of the pages that it has itself."""
    found = yaml.safe_load(role_templates.render("traefik", "etc/traefik/dynamic/galaxy-celery.yml.j2", SITE, **THEIRS))
    assert sorted(found) == ["http", "tcp"]
    assert [router["entryPoints"] for router in found["tcp"]["routers"].values()] == [["amqp"]]
    assert list(found["http"]["routers"]) == ["rabbitmq-management"]
    assert (
        role_templates.evaluate("traefik", "__traefik_dynamic_path", SITE, **THEIRS)
        == "/srv/traefik/rules/galaxy-celery.yml"
    )
    assert role_templates.evaluate("traefik", "__traefik_source_problems", SITE, **THEIRS) == []


def test_entry_points_can_have_other_names():
    found = role_templates.evaluate("traefik", "__traefik_static_config", SITE, traefik_amqps_entry_point="amqp")
    assert sorted(found["entryPoints"]) == ["amqp", "internal", "websecure"]


@pytest.mark.parametrize("template", ["etc/traefik/traefik.yml.j2", "etc/systemd/system/traefik.service.j2"])
def test_what_the_role_writes_as_a_whole_has_its_mark(template):
    assert "usegalaxy_eu.celery" in role_templates.render("traefik", template, SITE)
