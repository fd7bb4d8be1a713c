# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed of a Galaxy on a host, read from its files alone; no secret leaves these functions.

Private to the collection. Every path is below a root, which is another directory in tests. Needs no library.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable
from urllib.parse import parse_qs, unquote, urlsplit

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _galaxy_settings

# Where people install Galaxy, when neither a unit nor a process tells.
USUAL_DIRS = (
    "/srv/galaxy",
    "/opt/galaxy",
    "/galaxy",
    "/usr/local/galaxy",
    "/data/galaxy",
    "/home/galaxy",
    "/home/galaxy/galaxy",
)
CONFIG_FILE = re.compile(
    r"(?:--(?:galaxy-)?config-file|GALAXY_CONFIG_FILE|GRAVITY_CONFIG_FILE|--app-config|-c)[= \0]\"?([^\s\0\"']+\.ya?ml)"
)
VENV = re.compile(
    r"VIRTUAL_ENV=\"?([^\s\0\"']+)|(?:^|[=\s\0\"])(/[^\s\0\"']+)/bin/(?:galaxyctl|gunicorn|celery|galaxy|python[0-9.]*)(?=[\s\0\"]|$)",
    re.M,
)
# A process of Galaxy; many others have its name somewhere in their arguments.
PROCESS = re.compile(r"/galaxyctl\0|galaxy\.webapps|galaxy\.celery\0|/galaxy-main\b|/supervisord\0.*galaxy", re.DOTALL)
UNIT_OPTION = re.compile(r"^(User|WorkingDirectory)=(\S+)", re.MULTILINE)
OLDER_UNITS = (
    "galaxy-celery-internal",
    "galaxy-celery-external",
    "galaxy-celery-beat",
    "galaxy-celery",
    "celery-beat",
    "celery",
    "flower",
)
# What only a unit of this collection has.
OWN = re.compile(r"usegalaxy_eu\.celery|galaxy_flower_celery|celery-galaxy|Description=Traefik, reverse proxy")
GRAVITY_MARK = "maintained by Gravity"
# Caches that Galaxy's processes write to, beside what the playbook check looks at.
WRITTEN = (*_galaxy_settings.WRITTEN, "citation_cache_data_dir", "mulled_resolution_cache_data_dir")
READ = re.compile(r"_(path|file|files|dir|dirs|config)$")
NETWORK_MOUNTS = (
    "nfs",
    "nfs4",
    "cifs",
    "ceph",
    "fuse.ceph",
    "glusterfs",
    "fuse.glusterfs",
    "lustre",
    "gpfs",
    "beegfs",
    "9p",
)
MANAGED = re.compile(r"ansible[ _]managed|managed by ansible", re.IGNORECASE)


class SiteError(Exception):
    """Why the host cannot be described; the text holds the remedy and no secret."""


class Site:
    """What was found, each with where it comes from."""

    def __init__(self, root: str, parse: Callable[[str], Any]) -> None:
        self.root = Path(root)
        self.parse = parse
        self.found: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []

    def path(self, path: str) -> Path:
        """Return where a path of the host is."""
        return self.root / path.lstrip("/")

    def exists(self, path: str) -> bool:
        """Say whether a path of the host is there."""
        return self.path(path).exists()

    def text(self, path: str) -> str:
        """Return the content of a file of the host, or nothing."""
        try:
            return self.path(path).read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""

    def keep(self, name: str, value: Any, origin: str) -> None:
        """Keep what is found first: the callers ask the best source first."""
        if name not in self.found and value not in (None, "", [], {}):
            self.found[name] = {"value": value, "origin": origin}

    def value(self, name: str, default: Any = "") -> Any:
        """Return what was found under a name."""
        return self.found.get(name, {}).get("value", default)


def services(site: Site) -> Iterator[tuple[str, str]]:
    """The unit files of the administrator: name and text."""
    for path in sorted(site.path("/etc/systemd/system").glob("*.service")):
        yield path.name, site.text(f"/etc/systemd/system/{path.name}")


def processes(site: Site) -> Iterator[tuple[str, str]]:
    """The processes that run: a name for each, its command line and its environment."""
    for path in sorted(site.path("/proc").glob("[0-9]*")):
        command = site.text(f"/proc/{path.name}/cmdline")
        if PROCESS.search(command):
            yield f"process {path.name}", command + "\0" + site.text(f"/proc/{path.name}/environ")


def look_at_units(site: Site) -> None:
    """What the units say: the configuration, the virtual environment, the user, who manages them."""
    older, gravity, others = [], [], []
    for name, text in services(site):
        if OWN.search(text):
            continue
        bare = re.sub(r"@?\.service$", "", name)
        if bare in OLDER_UNITS:
            older.append(name)
        if GRAVITY_MARK in text:
            gravity.append(name)
        elif "galaxy" in name and bare not in OLDER_UNITS:
            others.append(name)
        if "galaxy" not in text or bare == "flower":
            continue
        look_at_command(site, text, f"/etc/systemd/system/{name}")
        options = dict(UNIT_OPTION.findall(text))
        site.keep("user", options.get("User"), f"/etc/systemd/system/{name}")
        site.keep("directory", options.get("WorkingDirectory"), f"/etc/systemd/system/{name}")
    site.keep("older_units", [name for name in older if name not in gravity], "/etc/systemd/system")
    if gravity:
        site.keep("process_manager", "gravity", "/etc/systemd/system/" + gravity[0])
        target = [name for name in ("galaxy.target",) if site.exists(f"/etc/systemd/system/{name}")]
        site.keep("services", target or gravity, "units of gravity in /etc/systemd/system")
    elif others:
        site.keep("process_manager", "systemd", f"/etc/systemd/system/{others[0]}")
        site.keep("services", others, "units in /etc/systemd/system")
    elif any("supervisord" in text for _name, text in processes(site)):
        site.keep("process_manager", "supervisor", "a process supervisord")


def look_at_command(site: Site, text: str, origin: str) -> None:
    """What one unit or process names. Where it names another configuration than the one that is known, it is another Galaxy's."""
    match = CONFIG_FILE.search(text)
    named = match[1] if match and "galaxy" in match[1] else ""
    site.keep("config_file", named, origin)
    if named and named != site.value("config_file"):
        return
    for match in VENV.finditer(text):
        venv = match[1] or match[2]
        if site.exists(f"{venv}/pyvenv.cfg"):
            site.keep("venv_dir", venv, origin)


def find_config(site: Site) -> None:
    """The one galaxy.yml of the host."""
    for name, text in processes(site):
        look_at_command(site, text, name)
    if not site.value("config_file"):
        names = [
            f"{top}/{part}galaxy.yml" for top in USUAL_DIRS for part in ("config/", "server/config/", "galaxy/config/")
        ]
        there = [name for name in dict.fromkeys(names) if site.exists(name)]
        if len(there) > 1:
            raise SiteError(
                f"There are several files galaxy.yml: {', '.join(there)}. Remedy: name one with -e galaxy_config_file=PATH."
            )
        if there:
            site.keep("config_file", there[0], "a usual place")
    path = site.value("config_file")
    if not path:
        raise SiteError(
            "No galaxy.yml was found: no unit in /etc/systemd/system and no process names one, and there is none in "
            f"{', '.join(USUAL_DIRS)}. Remedy: name it with -e galaxy_config_file=PATH, or name another host."
        )
    if not site.exists(path):
        raise SiteError(
            f"{path} does not exist ({site.found['config_file']['origin']}). Remedy: name it with -e galaxy_config_file=PATH."
        )


def sections(site: Site) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sections galaxy and gravity of galaxy.yml."""
    path = site.value("config_file")
    try:
        content = site.parse(site.text(path)) or {}
    except ValueError as error:
        raise SiteError(f"{path} cannot be read as YAML: {error}. Remedy: correct the file.") from error
    if not isinstance(content, dict) or not isinstance(content.get("galaxy"), dict):
        raise SiteError(
            f"{path} has no section galaxy. Remedy: name Galaxy's own configuration with -e galaxy_config_file=PATH."
        )
    gravity = content.get("gravity") or {}
    # Several instances of gravity are a list; the first one is Galaxy's own.
    gravity = gravity[0] if isinstance(gravity, list) and gravity else gravity
    return content["galaxy"], gravity if isinstance(gravity, dict) else {}


def find_dirs(site: Site, galaxy: dict[str, Any], gravity: dict[str, Any]) -> None:
    """The directories of Galaxy, and its user."""
    path = site.value("config_file")
    config_dir = os.path.dirname(path)
    above = os.path.dirname(config_dir)
    site.keep("config_dir", config_dir, "the directory of galaxy.yml")
    candidates = [(gravity.get("galaxy_root"), f"{path}: gravity.galaxy_root"), (site.value("directory"), "a unit")]
    candidates += [
        (above, "above galaxy.yml"),
        (f"{above}/server", "beside galaxy.yml"),
        (f"{above}/galaxy", "beside galaxy.yml"),
    ]
    for found, origin in candidates:
        if found and site.exists(f"{found}/lib/galaxy"):
            site.keep("server_dir", str(found).rstrip("/"), origin)
    if not site.value("server_dir"):
        raise SiteError(
            f"Galaxy's code (a directory with lib/galaxy) was not found near {path}. Remedy: set gravity.galaxy_root there, or write the "
            "inventory by hand from inventories/example."
        )
    server = site.value("server_dir")
    site.keep("root", os.path.dirname(server), "the directory above the code")
    for found, origin in (
        (gravity.get("virtualenv"), f"{path}: gravity.virtualenv"),
        (f"{server}/.venv", "in the code"),
        (f"{os.path.dirname(server)}/venv", "beside the code"),
    ):
        if found and site.exists(f"{found}/pyvenv.cfg"):
            site.keep("venv_dir", str(found).rstrip("/"), origin)
    site.keep("user", gravity.get("galaxy_user"), f"{path}: gravity.galaxy_user")
    # Galaxy takes itself for running from source where its own scripts are.
    from_source = site.exists(f"{server}/run.sh")
    usual = f"{server}/database" if from_source else f"{config_dir}/data"
    data = galaxy.get("data_dir")
    site.keep(
        "data_dir",
        os.path.join(server, str(data)) if data else usual,
        f"{path}: data_dir" if data else "Galaxy's default",
    )
    site.keep("user", owner(site, site.value("data_dir")), f"the owner of {site.value('data_dir')}")
    version = re.search(r"VERSION_MAJOR = \"([0-9.]+)\"", site.text(f"{server}/lib/galaxy/version.py"))
    site.keep("version", version and version[1], f"{server}/lib/galaxy/version.py")
    python = re.search(
        r"^version(?:_info)? = ([0-9.]+)", site.text(f"{site.value('venv_dir')}/pyvenv.cfg"), re.MULTILINE
    )
    site.keep("python", python and python[1], f"{site.value('venv_dir')}/pyvenv.cfg")


def owner(site: Site, path: str) -> str:
    """Return the name of the owner of a path, by the host's own passwd."""
    try:
        uid = str(site.path(path).stat().st_uid)
    except OSError:
        return ""
    names = [line.split(":") for line in site.text("/etc/passwd").splitlines()]
    return next((entry[0] for entry in names if len(entry) > 2 and entry[2] == uid and uid != "0"), "")


def url_parts(url: str) -> dict[str, Any]:
    """Return host, port, path and user of a URL, and never its password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return {}
    # A socket is a directory in the query.
    query = parse_qs(parts.query)
    return {
        "scheme": parts.scheme,
        "host": parts.hostname or next(iter(query.get("host", [""])), ""),
        "port": port,
        "path": unquote(parts.path[1:]),
        "user": unquote(parts.username or ""),
    }


def find_services(site: Site, galaxy: dict[str, Any], gravity: dict[str, Any]) -> None:
    """The database, the broker and the results that galaxy.yml names."""
    path = site.value("config_file")
    url = str(galaxy.get("database_connection") or "sqlite:///")
    parts = url_parts(url)
    kind = str(parts.get("scheme", "")).partition("+")[0]
    if kind != "postgresql":
        site.notes.append(
            f"{path}: database_connection is {kind or 'not readable'}, not postgresql. Workers need PostgreSQL: move Galaxy's database first."
        )
    else:
        site.keep(
            "database",
            {"host": parts["host"], "port": parts["port"] or 5432, "name": parts["path"], "user": parts["user"]},
            f"{path}: database_connection",
        )
        if parts["host"].startswith("/") or not parts["host"]:
            site.notes.append(
                f"{path}: database_connection uses a socket, which only workers on Galaxy's own host can use."
            )
    site.keep("database_here", site.exists("/etc/postgresql") or site.exists("/var/lib/pgsql"), "/etc/postgresql")
    broker = url_parts(str(galaxy.get("amqp_internal_connection") or ""))
    if str(broker.get("scheme", "")).startswith(("amqp", "pyamqp")):
        site.keep(
            "broker",
            {
                "host": broker["host"],
                "port": broker["port"],
                "vhost": broker["path"],
                "user": broker["user"],
                "tls": broker["scheme"].endswith("s"),
            },
            f"{path}: amqp_internal_connection",
        )
    conf = galaxy.get("celery_conf")
    backend = str((conf if isinstance(conf, dict) else {}).get("result_backend") or "")
    site.keep("result_backend", url_parts(backend).get("scheme"), f"{path}: celery_conf.result_backend")
    site.keep("url", galaxy.get("galaxy_infrastructure_url"), f"{path}: galaxy_infrastructure_url")
    celery = gravity.get("celery")
    # gravity runs Celery unless it is told not to.
    if site.value("process_manager") in ("gravity", "supervisor"):
        wanted = celery if isinstance(celery, dict) else {}
        site.keep(
            "gravity_celery",
            bool(wanted.get("enable", True) or wanted.get("enable_beat", True)),
            f"{path}: gravity.celery",
        )
    if MANAGED.search(site.text(path)[:500]):
        site.keep("managed_by_ansible", True, f"the first lines of {path}")


def below(path: str, tops: list[str]) -> bool:
    """Say whether a path is one of the directories, or in one."""
    return any(path == top or path.startswith(top.rstrip("/") + "/") for top in tops if top)


def outermost(paths: list[str]) -> list[str]:
    """Return the paths without those below another one."""
    unique = sorted(dict.fromkeys(paths))
    return [path for path in unique if not below(path, [other for other in unique if other != path])]


def store_dirs(value: Any) -> Iterator[str]:
    """The directories of an object store's configuration in YAML."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("files_dir", "path") and isinstance(item, str):
                yield item
            yield from store_dirs(item)
    elif isinstance(value, list):
        for item in value:
            yield from store_dirs(item)


def find_stores(site: Site, galaxy: dict[str, Any]) -> None:
    """The directories that tasks write to outside of the data directory, and those that they read."""
    data, server = site.value("data_dir"), site.value("server_dir")
    written = [os.path.join(data, str(galaxy[name])) for name in WRITTEN if galaxy.get(name)]
    written += list(store_dirs(galaxy.get("object_store_config")))
    store = galaxy.get("object_store_config_file")
    if store:
        path = os.path.join(site.value("config_dir"), str(store))
        text = site.text(path)
        if path.endswith("xml"):
            written += re.findall(r"<(?:files_dir|extra_dir|cache)\b[^>]*\bpath=\"([^\"]+)\"", text)
        else:
            try:
                written += list(store_dirs(site.parse(text)))
            except ValueError:
                site.notes.append(f"{path} cannot be read as YAML, so its directories are not known.")
    written = [os.path.join(server, path) for path in written]
    outside = outermost([path for path in written if not below(path, [data])])
    site.keep("writable_dirs", outside, f"{site.value('config_file')}: file_path, job_working_directory and others")
    known = [
        server,
        site.value("venv_dir"),
        site.value("config_dir"),
        data,
        *outside,
        "/cvmfs",
        "/var/log",
    ]
    read = [
        part.strip()
        for name, value in galaxy.items()
        if READ.search(name) and isinstance(value, str) and name not in WRITTEN
        for part in value.split(",")
    ]
    extra = [path for path in read if path.startswith("/") and site.exists(path) and not below(path, known)]
    dirs = [path if site.path(path).is_dir() else os.path.dirname(path) for path in extra]
    site.keep(
        "extra_paths", outermost(dirs), f"{site.value('config_file')}: files outside of the code and the configuration"
    )


def find_neighbours(site: Site) -> None:
    """What else is on the host that the stack meets."""
    mounts = [line.split() for line in site.text("/proc/mounts").splitlines()]
    data = site.value("data_dir")
    over = [entry for entry in mounts if len(entry) > 2 and below(data, [entry[1]])]
    if over:
        mount = max(over, key=lambda entry: len(entry[1]))
        shared = mount[2] in NETWORK_MOUNTS
        site.keep(
            "data_shared", {"type": mount[2], "source": mount[0], "mount": mount[1]} if shared else None, "/proc/mounts"
        )
    for program in ("nginx", "apache2", "httpd", "caddy"):
        if site.exists(f"/etc/{program}"):
            site.keep("web_server", program, f"/etc/{program}")
    if site.exists("/etc/traefik") and not OWN.search(site.text("/etc/systemd/system/traefik.service")):
        site.keep("traefik", True, "/etc/traefik")
    if site.exists("/etc/telegraf") and not site.exists("/etc/systemd/system/telegraf.service.d/galaxy-celery.conf"):
        site.keep("telegraf", True, "/etc/telegraf")
    for path in ("/etc/rabbitmq", "/opt/rabbitmq"):
        if site.exists(path):
            site.keep("rabbitmq", True, path)


def look(root: str, parse: Callable[[str], Any], config_file: str = "") -> dict[str, Any]:
    """Return what is known of the Galaxy on a host.

    :param root: the host's root directory.
    :param parse: reads a text as YAML, or raises ValueError.
    :param config_file: path of galaxy.yml, where it is known.
    """
    site = Site(root, parse)
    site.keep("config_file", config_file, "given by you")
    look_at_units(site)
    find_config(site)
    galaxy, gravity = sections(site)
    find_dirs(site, galaxy, gravity)
    find_services(site, galaxy, gravity)
    find_stores(site, galaxy)
    find_neighbours(site)
    site.found.pop("directory", None)
    return {"found": site.found, "notes": site.notes}
