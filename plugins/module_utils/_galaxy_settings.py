# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the AMQP and Celery settings in galaxy.yml: what is secret in them, and what fails.

Private to the collection. Needs no library, since the modules that use it run on different interpreters.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

HIDDEN = "********"
SECRET_NAME = re.compile(r"password|passwd|secret|cookie|token", re.IGNORECASE)
# Greedy up to the last @ of the word: an unencoded password must not slip through.
URL_CREDENTIALS = re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@]*):([^\s]*)@", re.IGNORECASE)
AMQP_SCHEMES = ("amqp", "amqps", "pyamqp", "pyamqps", "librabbitmq")
ROUTED_TASKS = ("galaxy.fetch_data", "galaxy.set_job_metadata")
DEFAULT_QUEUE = "galaxy.internal"
# What Galaxy writes instead of a queue to keep a task in its own processes.
NO_QUEUE = "disabled"
FILE_BACKENDS = re.compile(r"(db\+|sqla\+)?sqlite|file(system)?:|cache\+memory|redis\+socket:", re.IGNORECASE)
LOOPBACK = re.compile(r"localhost\.?|127(\.\d+){3}|::1", re.IGNORECASE)

# Settings of Celery that do nothing here or break the stack: the value that does (ANY: each), what is so, and the remedy.
ANY = object()
REFUSED = {
    "beat_max_loop_interval": (ANY, "the unit of beat sets it", "remove it"),
    "beat_schedule": (ANY, "Galaxy puts its own in its place", "remove it, and use Galaxy's options for intervals"),
    "beat_schedule_filename": (ANY, "the unit of beat sets it", "remove it"),
    "beat_scheduler": (ANY, "the unit of beat sets it", "remove it"),
    "broker_connection_retry": (False, "a worker ends when the broker is away, and what it runs is lost", "remove it"),
    "task_always_eager": (True, "Galaxy's own processes run the tasks, and no worker does", "remove it"),
    "task_create_missing_queues": (False, "no worker can make its queues", "remove it"),
    "task_ignore_result": (True, "no result is kept, and Galaxy and verify wait for some", "remove it"),
    "worker_concurrency": (ANY, "the units set it", "remove it, and use concurrency in celery_workers"),
    "worker_enable_remote_control": (False, "verify and Flower cannot ask the workers", "remove it"),
    "worker_enable_soft_shutdown_on_idle": (True, "a worker drains itself before", "remove it"),
    "worker_pool": (ANY, "the units set it", "remove it, and use pool in celery_workers"),
    "worker_prefetch_multiplier": (ANY, "the units set it", "remove it, and use prefetch in celery_workers"),
    "worker_soft_shutdown_timeout": (ANY, "a worker drains itself before", "remove it, and use celery_drain_timeout_seconds"),
}
# The same, for classes whose pool is threads.
REFUSED_WITH_THREADS = {
    name: (ANY, "the pool threads does nothing with it", f"remove it; with pool: prefork a class may have extra_arguments: [{option}=%s]")
    for name, option in {
        "task_soft_time_limit": "--soft-time-limit",
        "task_time_limit": "--time-limit",
        "worker_max_memory_per_child": "--max-memory-per-child",
        "worker_max_tasks_per_child": "--max-tasks-per-child",
    }.items()
}
REFUSED_WITH_THREADS["worker_cancel_long_running_tasks_on_connection_loss"] = (
    True,
    "the pool threads can end no task, so this ends the worker when its connection breaks",
    "remove it",
)


# Options that name directories to which tasks write.
WRITTEN = (
    "data_dir",
    "cache_dir",
    "file_path",
    "file_source_temp_dir",
    "ftp_upload_dir",
    "job_working_directory",
    "new_file_path",
    "nginx_upload_job_files_store",
    "nginx_upload_store",
    "object_store_cache_path",
    "short_term_storage_dir",
    "template_cache_path",
    "tus_upload_store",
    "tus_upload_store_job_files",
)


def is_whole_number(value: object) -> bool:
    """Say whether a value is an int; True and False are ints to Python, and not to Celery."""
    return isinstance(value, int) and not isinstance(value, bool)


# Secrets


def mask(value: Any, secret_keys: Collection[str], note: str = "", name: str = "") -> Any:
    """Return the value as it may be shown. The note tells two masked values apart."""
    if name and (name in secret_keys or SECRET_NAME.search(name)) and value is not None:
        return HIDDEN + note
    if isinstance(value, dict):
        return {key: mask(item, secret_keys, note, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [mask(item, secret_keys, note) for item in value]
    if isinstance(value, str):
        return URL_CREDENTIALS.sub(lambda match: f"{match.group(1)}:{HIDDEN}{note}@", value)
    return value


def secrets_of(value: Any, secret_keys: Collection[str], inside: bool = False) -> set[str]:
    """Collect the secret texts in a value."""
    if isinstance(value, dict):
        found = set()
        for key, item in value.items():
            found |= secrets_of(item, secret_keys, inside or key in secret_keys or bool(SECRET_NAME.search(str(key))))
        return found
    if isinstance(value, list):
        return set().union(*[secrets_of(item, secret_keys, inside) for item in value])
    if not isinstance(value, str):
        return set()
    found = {value} if inside else set()
    for match in URL_CREDENTIALS.finditer(value):
        found |= {match.group(2), unquote(match.group(2))}
    return found - {""}


def hidden_texts(settings: Any, secret_keys: Collection[str], *shown: str) -> set[str]:
    """Return the secret texts in settings that a module has Ansible replace wherever they show: the second net, behind mask().

    Not those that are ordinary words, or a part of what is shown anyway: with the password "galaxy", each /srv/******** would tell it.

    :param shown: texts that the module shows, beside the masked settings.
    """
    public = "\n".join((str(mask(settings, secret_keys)), *shown))
    return {text for text in secrets_of(settings, secret_keys) if len(text) > 3 and not text.isalpha() and text not in public}


def with_placeholders(value: Any, placeholders: dict[str, str], path: str = "") -> Any:
    """Return the value with each secret replaced by the text that the key's dotted name has in placeholders."""
    if path and value is not None and SECRET_NAME.search(path.rpartition(".")[2]):
        return placeholders.get(path, HIDDEN)
    if isinstance(value, dict):
        return {
            k: with_placeholders(item, placeholders, f"{path}.{k}" if path else str(k)) for k, item in value.items()
        }
    if isinstance(value, list):
        return [with_placeholders(item, placeholders, path) for item in value]
    if isinstance(value, str):
        return URL_CREDENTIALS.sub(lambda match: f"{match.group(1)}:{placeholders.get(path, HIDDEN)}@", value)
    return value


# What is known to fail


def amqp_problems(name: str, url: str) -> list[str]:
    """Return what is wrong with one AMQP URL, without showing it."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in AMQP_SCHEMES:
        return []
    before_query, _question, query = rest.partition("?")
    authority = before_query.partition("/")[0]
    problems = []
    if (
        "#" in rest
        or authority.count("@") > 1
        or "@" in before_query[len(authority) :]
        or ("@" in query and "@" not in authority)
    ):
        problems.append(
            f"{name}: the user, password or vhost holds a raw @, #, / or ?, which is read as another host, "
            "in silence. Percent-encode it (%40, %23, %2F, %3F)."
        )
    if re.search(r"%(?![0-9A-Fa-f]{2})|\s", rest):
        problems.append(f"{name}: holds a raw % or a space. Percent-encode it (%25, %20).")
    if re.search(r"(^|&)ssl_", query):
        problems.append(f"{name}: ssl_... in the URL is a TypeError. Put the option into celery_conf.broker_use_ssl.")
    return problems


def host_of(url: str) -> str:
    """Return the host of a URL, or nothing where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def backend_host(url: str) -> str:
    """Return the host of a result backend's URL; nothing where it is reached by a socket."""
    asked = dict(parse_qsl(url.partition("?")[2])).get("host", "") if url.startswith("db+") else ""
    host = host_of(url) or asked
    return "" if host.startswith("/") else host


def shared_problems(urls: list[tuple[str, str]], backend: Any) -> list[str]:
    """Return what workers on other hosts than Galaxy's cannot reach."""
    problems = [
        f"{name}: is on {host_of(url)}, which is another machine for each worker. Name the broker as the workers see it."
        for name, url in urls
        if LOOPBACK.fullmatch(host_of(url))
    ]
    name = "celery_conf.result_backend"
    if backend is None:
        problems.append(
            f"{name}: is not set, so Galaxy takes a file of its own on each host, and no result is seen elsewhere. "
            "Name a database or a Redis that all of them reach."
        )
    elif isinstance(backend, str) and (FILE_BACKENDS.match(backend) or (backend.startswith("db+") and not backend_host(backend))):
        problems.append(
            f"{name}: is a file, a socket or memory of one host, while workers run on others, so no result is seen elsewhere. "
            "Name a database or a Redis that all of them reach."
        )
    elif isinstance(backend, str) and LOOPBACK.fullmatch(backend_host(backend)):
        problems.append(
            f"{name}: is on {backend_host(backend)}, which is another machine for each worker. "
            "Name the server as the workers see it (for the default, in Galaxy's database_connection)."
        )
    return problems


def queue_problems(conf: dict[str, Any], consumed: Collection[str]) -> list[str]:
    """Return the queues that Galaxy sends to and no worker consumes."""
    name, problems = "celery_conf.task_routes", []
    default = conf.get("task_default_queue") or DEFAULT_QUEUE
    routes = conf.get("task_routes")
    targets = [("every other task", default)]
    for task, route in routes.items() if isinstance(routes, dict) else []:
        queue = route.get("queue", default) if isinstance(route, dict) else route
        if isinstance(queue, str) and not (queue == NO_QUEUE and task == "galaxy.fetch_data"):
            targets.append((task, queue))
    for task, queue in targets:
        if queue not in consumed:
            problems.append(
                f"{name}: sends {task} to {queue}, which no worker consumes ({', '.join(sorted(consumed))} are consumed), "
                f"so it would never run. Add {queue} to the queues of a class in celery_workers, to galaxy_celery_other_queues if workers "
                "that are not in this inventory consume it, or correct the route."
            )
    return problems


def refused(name: str, value: Any, threads: bool = True) -> tuple[str, str] | None:
    """Return what is so with a setting of Celery that is refused and the remedy, or nothing.

    :param threads: whether the pool is threads, or not known.
    """
    known = {**REFUSED, **(REFUSED_WITH_THREADS if threads else {})}
    if name not in known:
        return None
    wrong, found, remedy = known[name]
    # With ANY, nothing and 0 are what Celery does by itself.
    return (found, remedy.replace("%s", str(value))) if (value if wrong is ANY else value == wrong) else None


def setting_problems(conf: dict[str, Any]) -> list[str]:
    """Return the settings that do nothing here or break the stack."""
    found = {name: refused(name, value) for name, value in conf.items()}
    backend = conf.get("result_backend")
    if isinstance(backend, str) and re.match("(rpc|disabled)(:|$)", backend):
        found["result_backend"] = ("this keeps no result that another process could read", "name a database or a Redis")
    for kind in ("control", "event"):
        if conf.get(f"{kind}_queue_durable") and conf.get(f"{kind}_queue_exclusive"):
            found[f"{kind}_queue_durable"] = (
                "a queue cannot be durable and exclusive, so no worker starts",
                f"remove it, or set {kind}_queue_exclusive to false",
            )
    return [
        f"celery_conf.{name}: is {conf[name]!r}: {problem[0]}. Remedy: {problem[1]}." for name, problem in found.items() if problem
    ]


def gravity_problems(gravity: Any) -> list[str]:
    """Return the settings with which gravity runs workers or beat of its own; without any it runs both.

    :param gravity: the section of galaxy.yml; one that is empty is not used.
    """
    if not isinstance(gravity, dict) or not gravity:
        return []
    celery = gravity.get("celery")
    values = celery if isinstance(celery, dict) else {}
    said = {name: "is not set, and gravity runs workers and beat by default," for name in ("enable", "enable_beat") if name not in values}
    said.update({name: "is true," for name in ("enable", "enable_beat") if values.get(name)})
    return [
        f"gravity.celery.{name} {text} so they would run beside those of the role celery. Remedy: set it to false."
        for name, text in said.items()
    ]


def unwritable(settings: dict[str, Any], writable: Iterable[str]) -> dict[str, str]:
    """Return the directories to which tasks write and the workers may not, by their option.

    :param settings: the section galaxy of galaxy.yml.
    :param writable: directories that the workers may write to.
    """
    allowed = [posixpath.normpath(path) + "/" for path in writable]
    found = {name: settings[name] for name in WRITTEN if isinstance(settings.get(name), str) and settings[name].startswith("/")}
    return {name: path for name, path in found.items() if not (posixpath.normpath(path) + "/").startswith(tuple(allowed))}


def with_variables(problems: Iterable[str], variables: dict[str, str]) -> list[str]:
    """Return the problems with the variable before the key that it makes, the longest name of a key first."""
    named = []
    for problem in problems:
        keys = [key for key in variables if problem.startswith((key + ":", key + "."))]
        named.append(f"{variables[max(keys, key=len)]}: {problem}" if keys else problem)
    return named


def find_problems(section: dict[str, Any], consumed: Collection[str] = (), remote_workers: bool = False) -> list[str]:
    """Return all settings that are known to fail, each with its name and the remedy."""
    problems = []
    conf = section.get("celery_conf")
    given = [("amqp_internal_connection", section.get("amqp_internal_connection"))]
    if isinstance(conf, dict):
        brokers = conf.get("broker_url")
        given += [("celery_conf.broker_url", url) for url in (brokers if isinstance(brokers, list) else [brokers])]
    urls = [(name, part) for name, url in given if isinstance(url, str) for part in url.split(";")]
    for name, url in urls:
        problems += amqp_problems(name, url)
    if not isinstance(conf, dict):
        if remote_workers:
            problems += shared_problems(urls, None)
        if conf is not None:
            problems.append("celery_conf: is not a dictionary. Write 'key: value' lines below it.")
        return problems

    tls = conf.get("broker_use_ssl")
    if isinstance(tls, dict) and "cert_reqs" in tls and not is_whole_number(tls["cert_reqs"]):
        problems.append(
            "celery_conf.broker_use_ssl.cert_reqs: is not an integer, which is a TypeError in the worker. "
            "Write 2 (verify) without quotes."
        )
    if tls:
        problems += [
            f"{name}: ?ssl=1 silently overrides celery_conf.broker_use_ssl, so no name is verified. "
            "Remove ssl=1 and start the URL with amqps://."
            for name, url in urls
            if re.search(r"[?&]ssl=", url)
        ]
    routes = conf.get("task_routes")
    patterns = [str(key) for key in routes] if isinstance(routes, dict) else []
    for task in ROUTED_TASKS:
        if not any(fnmatch.fnmatchcase(task, pattern) for pattern in patterns):
            problems.append(
                f"celery_conf.task_routes: has no route for {task}. A celery_conf replaces Galaxy's default as a "
                f"whole, so repeat the route: '{task}: galaxy.external'."
            )
    problems += setting_problems(conf)
    if consumed:
        problems += queue_problems(conf, consumed)
    if remote_workers:
        problems += shared_problems(urls, conf.get("result_backend"))
    quorum = [conf.get(key) == "quorum" for key in ("task_default_queue_type", "task_create_missing_queue_type")]
    if any(quorum) and not all(quorum):
        problems.append(
            "celery_conf.task_default_queue_type: quorum queues need task_default_queue_type and "
            "task_create_missing_queue_type to be quorum; with one of them the broker refuses the other's declaration. Set both, or neither."
        )
    return problems
