#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: traefik_check
short_description: Check a configuration with Traefik's own binary
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Traefik has no command that checks a configuration. This module lets C(traefik healthcheck) read the whole static
    configuration, and then starts the binary briefly beside the running one, with the static configuration's entry
    points on free loopback ports and the dynamic configuration from a temporary directory. It asks the API of this
    process for errors of each router, service and middleware.
  - Certificate resolvers, plugins, access log, tracing and providers other than the file are left out of the trial
    run, so that it contacts no other server. Their keys are still checked.
  - It cannot check whether the service may use a port, or read and write a path. Traefik 3.7.15 silently accepts some
    mistakes, for example an unknown TLS version, or a ping on an entry point that does not exist.
options:
  binary:
    description: Path of the binary. In check mode a missing binary is no error. Either this or O(image).
    type: path
  image:
    description:
      - Image with the binary C(traefik) in its search path. It runs in the host's Docker engine, on the host's
        network, without privileges. The module never pulls it. In check mode a missing image is no error.
    type: str
  volumes:
    description:
      - Mounts of the trial run of O(image), each as C(host path:container path:ro), for files of O(dynamic).
      - A mount whose path is missing on the host is left out.
    type: list
    elements: str
    default: []
  static:
    description: The static configuration.
    type: dict
    required: true
  dynamic:
    description: The dynamic configuration.
    type: dict
    required: true
  files:
    description:
      - Content of files of O(dynamic) that do not exist yet, under their paths.
      - The trial run uses a copy in its temporary directory instead of these paths.
    type: dict
    default: {}
  user:
    description: System user for the trial run. Used if the module runs as root.
    type: str
  timeout_seconds:
    description: Seconds within which the trial run must have read both configurations.
    type: int
    default: 30
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
"""

EXAMPLES = r"""
- name: Check a route with Traefik
  usegalaxy_eu.celery.traefik_check:
    binary: /usr/local/bin/traefik
    static:
      entryPoints:
        amqps:
          address: ":5671"
    dynamic:
      tcp:
        routers:
          amqps:
            entryPoints: [amqps]
            rule: HostSNI(`*`)
            service: amqps
        services:
          amqps:
            loadBalancer:
              servers:
                - address: 127.0.0.1:5672
  register: traefik
  failed_when: traefik is failed or not traefik.valid
"""

RETURN = r"""
valid:
  description: Whether Traefik accepted both configurations. True if check mode found no binary and no image.
  returned: success
  type: bool
errors:
  description: Errors of Traefik.
  returned: success
  type: list
  elements: dict
  contains:
    part:
      description: V(static) or V(dynamic).
      type: str
    where:
      description: The object, for example C(tcp router amqps), or empty.
      type: str
    words:
      description: Traefik's own message, without the text of keys and certificates.
      type: str
checked:
  description: Whether a binary or an image was available for the check.
  returned: success
  type: bool
"""

import copy
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from subprocess import Popen
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from ansible.module_utils.basic import AnsibleModule

try:
    import pwd
except ImportError:
    pwd = None  # type: ignore[assignment]

# What the trial run takes over from the static configuration; nothing that talks to other servers or writes files.
KEPT = ("entryPoints", "api", "ping", "serversTransport", "tcpServersTransport", "core")
# The entry point that Traefik's insecure API has.
API = "traefik"
ADDRESS = re.compile(r"(?P<host>[^/]*):(?P<port>[0-9]{1,5})(?P<protocol>/(?:tcp|udp))?")
PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|$)", re.S)
SECTIONS = {
    "routers": "http router",
    "services": "http service",
    "middlewares": "http middleware",
    "tcpRouters": "tcp router",
    "tcpServices": "tcp service",
    "tcpMiddlewares": "tcp middleware",
    "udpRouters": "udp router",
    "udpServices": "udp service",
}
# A provider that the trial run leaves out, so a router or a store that asks for it is no error here.
LEFT_OUT = {
    "certificatesResolvers": ("nonexistent certificate resolver", "falling back to the internal generated certificate"),
    "experimental": ("plugin",),
}


class TimedOut(Exception):
    """The trial run neither took nor refused the configuration."""


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def trial_static(static: dict[str, Any], directory: str, port: int) -> dict[str, Any]:
    """Return the static configuration of the trial run: as C(static), without reach and without trace."""
    trial = copy.deepcopy({key: value for key, value in static.items() if key in KEPT})
    for entry in (trial.get("entryPoints") or {}).values():
        found = ADDRESS.fullmatch(str(entry.get("address"))) if isinstance(entry, dict) else None
        # An address of another form stays, so that Traefik itself says what is wrong with it.
        if found and int(found["port"]) < 65536:
            entry["address"] = "127.0.0.1:0" + (found["protocol"] or "")
    trial.setdefault("entryPoints", {})[API] = {"address": f"127.0.0.1:{port}"}
    trial["api"] = {**(trial.get("api") or {}), "insecure": True}
    trial["providers"] = {"file": {"filename": os.path.join(directory, "dynamic.yml"), "watch": False}}
    trial["log"] = {"level": "ERROR", "format": "json"}
    trial["global"] = {"checkNewVersion": False, "sendAnonymousUsage": False}
    prometheus = (static.get("metrics") or {}).get("prometheus")
    if prometheus is not None:
        trial["metrics"] = {"prometheus": prometheus}
    return trial


def replaced(value: Any, paths: dict[str, str]) -> Any:
    """Return C(value) with every string that is a key of C(paths) replaced."""
    if isinstance(value, dict):
        return {key: replaced(item, paths) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, paths) for item in value]
    return paths.get(value, value) if isinstance(value, str) else value


def log_errors(text: str) -> list[dict[str, Any]]:
    """Return the errors in Traefik's log, each as a dict of its fields; a line that is no JSON is an error too."""
    errors = []
    for line in text.splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            fields = {"level": "error", "message": line} if line.strip() else {}
        if isinstance(fields, dict) and fields.get("level") in ("error", "fatal", "panic"):
            errors.append(fields)
    return errors


def words_of(fields: dict[str, Any]) -> str:
    """Return message and error of one entry of the log."""
    words = [fields.get("message"), fields.get("error")]
    # "Command error" and the name of the command say nothing about the configuration.
    return ": ".join(str(word) for word in words if word and word != "Command error")


def has_image(module: AnsibleModule, image: str) -> bool:
    """Tell whether the engine of this host has an image."""
    if not shutil.which("docker"):
        return False
    return bool(module.run_command(["docker", "image", "inspect", image])[0] == 0)


class Trial:
    """One check of one configuration."""

    def __init__(self, module: AnsibleModule, directory: str) -> None:
        self.module, self.params, self.directory = module, module.params, directory
        self.paths: dict[str, str] = {}
        self.errors: list[dict[str, str]] = []
        self.account: dict[str, Any] = {}
        # Of the trial run's container, so that it can be ended by its name.
        self.container = os.path.basename(directory)
        if self.params["user"] and os.geteuid() == 0:
            try:
                entry = pwd.getpwnam(self.params["user"])
                self.account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            except KeyError:
                pass

    def write(self, name: str, text: str) -> str:
        """Write a file that only the trial run's user reads, and return its path."""
        path = os.path.join(self.directory, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        if self.account:
            os.chown(path, self.account["user"], self.account["group"])
        return path

    def add(self, part: str, where: str, words: str) -> None:
        """Note an error, in the words of the configuration that was given."""
        for real, scratch in self.paths.items():
            words = words.replace(scratch, real)
        words = words.replace(os.path.join(self.directory, "dynamic.yml") + ": ", "")
        words = re.sub(r"^(?:command )?(?:healthcheck|traefik) error: ", "", words)
        error = {"part": part, "where": where, "words": PEM.sub("(PEM text)", words)}
        if error not in self.errors:
            self.errors.append(error)

    def left_out(self, words: str) -> bool:
        """Tell whether an error is about what the trial run does not have."""
        static = self.params["static"]
        return any(static.get(key) and text in words for key, texts in LEFT_OUT.items() for text in texts)

    def command(self, *arguments: str) -> tuple[list[str], dict[str, Any]]:
        """Return the arguments for C(subprocess) that run the binary without this process's environment."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": self.directory}
        options: dict[str, Any] = {"env": environment, "cwd": self.directory, "stdin": subprocess.DEVNULL}
        if not self.params["image"]:
            return [self.params["binary"], *arguments], {**options, **self.account}
        user = f"{self.account.get('user', os.geteuid())}:{self.account.get('group', os.getegid())}"
        # The engine would make a path that is not there.
        known = [volume for volume in self.params["volumes"] if os.path.exists(volume.split(":", 1)[0])]
        mounted = [f"--volume={volume}" for volume in [f"{self.directory}:{self.directory}", *known]]
        mounted.append(f"--workdir={self.directory}")
        confined = ["--network=host", "--cap-drop=ALL", f"--user={user}", *mounted]
        command = ["docker", "run", "--rm", f"--name={self.container}", *confined, "--entrypoint=traefik"]
        return [*command, self.params["image"], *arguments], options

    def end(self, process: Popen[bytes]) -> None:
        """End the trial run; the program that shows a container's output is not the container."""
        # It may be about to start, so once more.
        for _try in range(3 if self.params["image"] else 0):
            self.module.run_command(["docker", "kill", self.container])
            try:
                process.wait(5)
                return
            except subprocess.TimeoutExpired:
                continue
        process.kill()
        process.wait()

    def output(self, *arguments: str) -> str:
        """Run the binary to its end and return what it said."""
        command, options = self.command(*arguments)
        # As the account that Traefik runs as, which module.run_command cannot do.
        done: subprocess.CompletedProcess[bytes] = subprocess.run(  # pylint: disable=ansible-bad-function
            command, capture_output=True, timeout=self.params["timeout_seconds"], check=False, **options
        )
        return (done.stdout + done.stderr).decode(errors="replace")

    def read_static(self) -> None:
        """Let Traefik read the whole static configuration. Asking for its health is the one command that only reads."""
        path = self.write("traefik.yml", json.dumps(self.params["static"]))
        said = self.output("healthcheck", f"--configFile={path}")
        known = set(re.findall(r"^\s+--([a-z0-9]+)", self.output("--help"), re.M))
        # Traefik passes over a section that it does not know.
        for name in self.params["static"]:
            if known and str(name).lower() not in known:
                self.add("static", str(name), "is no section that this Traefik knows (--help)")
        # A healthy, a sick and an absent Traefik all mean that the configuration was read.
        for fields in log_errors("\n".join(line for line in said.splitlines() if line.startswith("{"))):  # fmt: skip
            self.add("static", "", words_of(fields))

    def run(self) -> None:
        """Run Traefik with both configurations until it has read them."""
        self.paths = {
            real: self.write(f"file-{number}", text)
            for number, (real, text) in enumerate(sorted(self.params["files"].items()))
        }
        self.write("dynamic.yml", json.dumps(replaced(self.params["dynamic"], self.paths)))
        for last in (False, False, True):
            port, log = free_port(), os.path.join(self.directory, "log")
            path = self.write("trial.yml", json.dumps(trial_static(self.params["static"], self.directory, port)))
            arguments, options = self.command(f"--configFile={path}")
            with open(log, "wb") as stream:
                # It runs on while its API is asked, which module.run_command cannot do.
                output: dict[str, Any] = {"stdout": stream, "stderr": subprocess.STDOUT}
                process = Popen(arguments, **output, **options)  # pylint: disable=ansible-bad-function
                try:
                    found = self.wait(process, port, log)
                finally:
                    self.end(process)
            with open(log, encoding="utf-8", errors="replace") as stream:
                # The engine's own words, for example about a kernel without some limit.
                text = "".join(line for line in stream if not line.startswith("WARNING: "))
            # Another process may have taken the port between the look and the start.
            if found is not None or last or f":{port}: bind: address already in use" not in text:
                self.judge(found, text)
                return

    def wait(self, process: Popen[bytes], port: int, log: str) -> dict[str, Any] | None:
        """Return what the API says once the dynamic configuration is read, or None if that will not happen."""
        opener = build_opener(ProxyHandler({}))
        end = time.monotonic() + self.params["timeout_seconds"]
        while time.monotonic() < end:
            if process.poll() is not None:
                return None
            try:
                with opener.open(f"http://127.0.0.1:{port}/api/rawdata", timeout=5) as answer:
                    found: dict[str, Any] = json.load(answer)
            except (URLError, OSError, ValueError):
                found = {}
            names = [name for section in SECTIONS for name in found.get(section) or {}]
            if any(name.endswith("@file") for name in names):
                return found
            with open(log, encoding="utf-8", errors="replace") as stream:
                if "*file.Provider" in stream.read():
                    return found
            time.sleep(0.05)
        raise TimedOut

    def judge(self, found: dict[str, Any] | None, text: str) -> None:
        """Note the errors of the API and of the log."""
        for section, kind in SECTIONS.items():
            for name, item in sorted(((found or {}).get(section) or {}).items()):
                for words in item.get("error") or []:
                    if name.endswith("@file") and not self.left_out(words):
                        self.add("dynamic", f"{kind} {name[:-5]}", words)
        for fields in log_errors(text):
            words = words_of(fields)
            # The API has told these already.
            if found is not None and (fields.get("routerName") or fields.get("serviceName")):
                continue
            if not self.left_out(words):
                store = fields.get("tlsStoreName")
                self.add("static" if found is None else "dynamic", f"tls store {store}" if store else "", words)
        if found is None and not self.errors:
            self.add("static", "", "it ended without a message")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "binary": {"type": "path"},
            "image": {"type": "str"},
            "volumes": {"type": "list", "elements": "str", "default": []},
            "static": {"type": "dict", "required": True},
            "dynamic": {"type": "dict", "required": True},
            "files": {"type": "dict", "default": {}, "no_log": True},
            "user": {"type": "str"},
            "timeout_seconds": {"type": "int", "default": 30},
        },
        required_one_of=[("binary", "image")],
        mutually_exclusive=[("binary", "image")],
        supports_check_mode=True,
    )
    binary, image = module.params["binary"], module.params["image"]
    there = has_image(module, image) if image else os.access(binary, os.X_OK)
    if not there:
        if module.check_mode and (image or not os.path.exists(binary)):
            module.exit_json(changed=False, valid=True, checked=False, errors=[])
        if image:
            module.fail_json(
                msg=f"image is {image}, which the Docker engine of this host does not have. Fetch it first."
            )
        module.fail_json(msg=f"binary is {binary}, which is no program that can be run. Install Traefik there first.")
    binary = binary or image
    directory = tempfile.mkdtemp(prefix="traefik-check-")
    try:
        trial = Trial(module, directory)
        if trial.account:
            os.chown(directory, trial.account["user"], trial.account["group"])
        trial.read_static()
        if not trial.errors:
            trial.run()
    except (TimedOut, subprocess.TimeoutExpired):
        module.fail_json(
            msg=f"{binary} did not say within {module.params['timeout_seconds']} s what it makes of the configuration. "
            "Give more timeout_seconds, or look whether this is Traefik."
        )
    except OSError as error:
        module.fail_json(msg=f"{binary} could not be run: {error}. Install Traefik's binary for this machine there.")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    module.exit_json(changed=False, valid=not trial.errors, checked=True, errors=trial.errors)


if __name__ == "__main__":
    main()
