# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests of the module traefik_check: with Traefik's real binary where the test bed has it, and with doubles."""

from __future__ import annotations

import copy
import os
import subprocess
from pathlib import Path

import pytest
from tools import roles

from ansible_collections.usegalaxy_eu.celery.plugins.modules import traefik_check

BINARY = Path(subprocess.check_output([roles.ROOT / "tests/testbed/build.sh", "asset", "traefik"], text=True).strip())
real = pytest.mark.skipif(
    not BINARY.is_file(), reason="the test bed has not fetched Traefik yet (tests/testbed/build.sh)"
)
STATIC = {
    "log": {"level": "INFO", "noColor": True},
    "entryPoints": {
        "amqps": {"address": ":5671"},
        "websecure": {"address": ":443"},
        "internal": {"address": "127.0.0.1:8080"},
    },
    "providers": {"file": {"directory": "/etc/traefik/dynamic", "watch": True}},
    "api": {"dashboard": True},
    "ping": {"entryPoint": "internal"},
    "metrics": {"prometheus": {"entryPoint": "internal", "addRoutersLabels": True}},
}
CRT, KEY = "/etc/traefik/certificates/default.crt", "/etc/traefik/certificates/default.key"
DYNAMIC = {
    "tls": {"stores": {"default": {"defaultCertificate": {"certFile": CRT, "keyFile": KEY}}}},
    "tcp": {
        "routers": {"amqps": {"entryPoints": ["amqps"], "rule": "HostSNI(`*`)", "service": "amqps", "tls": {}}},
        "services": {"amqps": {"loadBalancer": {"servers": [{"address": "127.0.0.1:5672"}]}}},
    },
    "http": {
        "routers": {"api": {"entryPoints": ["internal"], "rule": "PathPrefix(`/api`)", "service": "api@internal"}},
    },
}  # fmt: skip


def changed(config, path, value):
    """Return a copy of a configuration with one value changed."""
    config = copy.deepcopy(config)
    *parents, last = path.split("/")
    part = config
    for name in parents:
        part = part.setdefault(name, {})
    part[last] = value
    return config


@pytest.fixture
def files(certificates):
    """The good certificate and its key, as the role hands them over."""
    text = Path(certificates["good"]).read_text(encoding="utf-8")
    return {CRT: text, KEY: text}


@pytest.fixture
def check(run, files):
    """Ask the real binary."""

    def ask(**arguments):
        good = {"binary": str(BINARY), "files": files, "static": STATIC, "dynamic": DYNAMIC}
        return run(traefik_check, **{**good, **arguments})

    return ask


@real
def test_a_good_configuration(check):
    result = check()
    assert result["errors"] == []
    assert result["valid"] is True
    assert result["checked"] is True
    assert result["changed"] is False


@real
@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("entryPoints/amqps/adress", ":5671", "field not found, node: adress"),
        ("entrypoint", {"a": {"address": ":1"}}, "no section that this Traefik knows"),
        ("api/dashboard", "often", "invalid syntax"),
        ("entryPoints/amqps/address", "5671", "5671"),
        ("entryPoints/amqps/address", ":567100", "invalid port"),
        ("certificatesResolvers", {"le": {"acme": {"emial": "x"}}}, "field not found, node: emial"),
        ("accessLog", {"filePaht": "/x"}, "field not found, node: filePaht"),
    ],
)
def test_a_bad_static_configuration(check, path, value, words):
    result = check(static=changed(STATIC, path, value))
    assert result["valid"] is False
    assert {error["part"] for error in result["errors"]} == {"static"}
    assert words in " ".join(error["words"] for error in result["errors"])
    assert "/tmp" not in str(result["errors"])


@real
@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("tcp/routers/amqps/entryPoints", ["nope"], "tcp router amqps", 'entryPoint "nope" doesn\'t exist'),
        ("tcp/routers/amqps/rule", "HostSNIx(`*`)", "tcp router amqps", "unsupported function"),
        ("tcp/routers/amqps/service", "other", "tcp router amqps", "other"),
        ("tcp/middlewares/m", {"ipAllowList": {"sourceRange": ["10.0.0.300"]}}, "tcp router amqps", "10.0.0.300"),
        ("http/routers/api/rule", "Hostt(`a`)", "http router api", "unsupported function: Hostt"),
        ("tcp/routers/amqps/rul", "x", "", "field not found, node: rul"),
        ("tls/stores/default/defaultCertificate/keyFile", "/nowhere.key", "tls store default", "X509"),
    ],
)
def test_a_bad_dynamic_configuration(check, path, value, where, words):
    dynamic = changed(DYNAMIC, path, value)
    if "middlewares" in path:
        dynamic["tcp"]["routers"]["amqps"]["middlewares"] = ["m"]
    result = check(dynamic=dynamic)
    assert result["valid"] is False
    found = [error for error in result["errors"] if error["where"] == where]
    assert {error["part"] for error in found} == {"dynamic"}
    assert words in " ".join(error["words"] for error in found)


@real
def test_the_key_of_another_certificate_is_refused_and_not_shown(check, files, certificates):
    files = {**files, KEY: Path(certificates["other"]).read_text(encoding="utf-8")}
    result = check(files=files)
    assert [error["where"] for error in result["errors"]] == ["tls store default"]
    assert "PRIVATE KEY" not in str(result)
    assert "private key does not match" in result["errors"][0]["words"]


@real
def test_what_would_reach_out_is_left_out(check):
    """Neither a resolver nor an access log nor another provider is asked for anything, and none is missed."""
    static = copy.deepcopy(STATIC)
    acme = {"email": "a@b.c", "storage": "/nowhere/acme.json", "caServer": "https://127.0.0.1:1/", "tlsChallenge": {}}
    static["certificatesResolvers"] = {"le": {"acme": acme}}
    static["accessLog"] = {"filePath": "/nowhere/access.log"}
    static["providers"]["http"] = {"endpoint": "http://127.0.0.1:1/"}
    dynamic = changed(DYNAMIC, "tcp/routers/amqps/tls", {"certResolver": "le"})
    assert check(static=static, dynamic=dynamic)["errors"] == []
    generated = {"default": {"defaultGeneratedCert": {"resolver": "le", "domain": {"main": "mq.example.org"}}}}
    assert check(static=static, dynamic=changed(dynamic, "tls/stores", generated))["errors"] == []


@real
def test_a_port_that_is_in_use_is_no_matter_of_the_trial_run(check, silent_port):
    assert check(static=changed(STATIC, "entryPoints/amqps/address", f"127.0.0.1:{silent_port}"))["valid"] is True


@real
def test_check_mode_asks_too_and_leaves_nothing_behind(check, tmp_path, monkeypatch):
    monkeypatch.setattr(traefik_check.tempfile, "tempdir", str(tmp_path))
    assert check(check=True)["checked"] is True
    assert check(static={"x": 1})["valid"] is False
    assert list(tmp_path.iterdir()) == []


def double(tmp_path, script):
    """A program that is not Traefik."""
    path = tmp_path / "traefik"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_no_binary(run, tmp_path):
    arguments = {"binary": str(tmp_path / "none"), "static": {}, "dynamic": {}}
    assert run(traefik_check, check=True, **arguments)["checked"] is False
    result = run(traefik_check, **arguments)
    assert "no program that can be run" in result["msg"]


def test_a_program_for_another_machine(run, tmp_path):
    path = tmp_path / "traefik"
    path.write_bytes(b"\x7fELF nothing")
    path.chmod(0o755)
    assert "could not be run" in run(traefik_check, binary=str(path), static={}, dynamic={})["msg"]


@pytest.mark.parametrize("script", ["exec sleep 60", 'test "$1" = healthcheck || exec sleep 60'])
def test_a_program_that_says_nothing(run, tmp_path, script):
    result = run(traefik_check, binary=double(tmp_path, script), static={}, dynamic={}, timeout_seconds=1)
    assert "did not say within 1 s" in result["msg"]


def test_a_program_that_ends(run, tmp_path):
    result = run(traefik_check, binary=double(tmp_path, "exit 3"), static={}, dynamic={})
    assert result["errors"] == [{"part": "static", "where": "", "words": "it ended without a message"}]
    result = run(traefik_check, binary=double(tmp_path, "echo panic: broken"), static={}, dynamic={})
    assert result["errors"] == [{"part": "static", "where": "", "words": "panic: broken"}]


# An engine that runs the program beside it, has one image, and notes what it was asked.
ENGINE = r"""
echo "$@" >> "$0.asked"
case $1 in
  image) test "$3" = traefik:v3; exit ;;
  kill) kill -9 "$(cat "$0.$2")"; exit ;;
esac
while [ "$1" != --entrypoint=traefik ]; do
  case $1 in --name=*) name=${1#--name=} ;; esac
  shift
done
shift 2
echo "WARNING: this kernel has no limit of swap" >&2
echo $$ > "$0.$name"
exec BINARY "$@"
"""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Put a double of the engine's program before the real one."""
    path = tmp_path / "docker"
    path.write_text("#!/bin/sh" + ENGINE.replace("BINARY", str(BINARY)))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "docker.asked"


@real
@pytest.mark.parametrize(("rule", "valid"), [("HostSNI(`*`)", True), ("HostSNIx(`*`)", False)])
def test_an_image(run, files, engine, rule, valid):
    dynamic = changed(DYNAMIC, "tcp/routers/amqps/rule", rule)
    volumes = [f"{engine.parent}:/x:ro", "/nowhere:/nowhere:ro"]
    result = run(traefik_check, image="traefik:v3", volumes=volumes, static=STATIC, dynamic=dynamic, files=files)
    assert (result["valid"], result["checked"]) == (valid, True), result
    asked = engine.read_text(encoding="utf-8").splitlines()
    ran = [line for line in asked if line.startswith("run ")]
    assert all(f"--cap-drop=ALL --user={os.geteuid()}:{os.getegid()}" in line for line in ran)
    assert all(f"--volume={engine.parent}:/x:ro" in line for line in ran)
    assert "/nowhere" not in engine.read_text(encoding="utf-8")
    # The trial run is the last one, and it is ended by its name.
    assert asked[-1].startswith("kill traefik-check-")


def test_an_image_that_is_not_there(run, engine):
    arguments = {"image": "traefik:v4", "static": {}, "dynamic": {}}
    assert run(traefik_check, check=True, **arguments)["checked"] is False
    assert (
        "image is traefik:v4, which the Docker engine of this host does not have"
        in run(traefik_check, **arguments)["msg"]
    )


def test_no_engine(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "does not have" in run(traefik_check, image="traefik:v3", static={}, dynamic={})["msg"]


def test_binary_or_image(run):
    assert "binary, image" in run(traefik_check, static={}, dynamic={})["msg"]
    assert "mutually exclusive" in run(traefik_check, binary="/b", image="i", static={}, dynamic={})["msg"]
