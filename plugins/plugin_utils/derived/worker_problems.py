# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell what is wrong with the worker classes of a host."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._galaxy_settings import refused, unwritable

# Options of `celery worker` (5.3 to 5.7) by what they are for; whether one takes a value.
OPTIONS = {
    "hostname": (("-n", "--hostname"), True),
    "detach": (("-D", "--detach"), False),
    "statedb": (("-S", "--statedb"), True),
    "loglevel": (("-l", "--loglevel"), True),
    "optimization": (("-O", "--optimization"), True),
    "prefetch_multiplier": (("--prefetch-multiplier",), True),
    "disable_prefetch": (("--disable-prefetch",), False),
    "concurrency": (("-c", "--concurrency"), True),
    "pool": (("-P", "--pool"), True),
    "task_events": (("-E", "--task-events", "--events"), False),
    "time_limit": (("--time-limit",), True),
    "soft_time_limit": (("--soft-time-limit",), True),
    "max_tasks_per_child": (("--max-tasks-per-child",), True),
    "pool_start_method": (("--pool-start-method",), True),
    "max_memory_per_child": (("--max-memory-per-child",), True),
    "purge": (("--purge", "--discard"), False),
    "queues": (("-Q", "--queues"), True),
    "exclude_queues": (("-X", "--exclude-queues"), True),
    "include": (("-I", "--include"), True),
    "without_gossip": (("--without-gossip",), False),
    "without_mingle": (("--without-mingle",), False),
    "without_heartbeat": (("--without-heartbeat",), False),
    "heartbeat_interval": (("--heartbeat-interval",), True),
    "autoscale": (("--autoscale",), True),
    "beat": (("-B", "--beat"), False),
    "schedule_filename": (("-s", "--schedule-filename", "--schedule"), True),
    "scheduler": (("--scheduler",), True),
    "logfile": (("-f", "--logfile"), True),
    "pidfile": (("--pidfile",), True),
    "uid": (("--uid",), True),
    "gid": (("--gid",), True),
    "umask": (("--umask",), True),
    "executable": (("--executable",), True),
    "workdir": (("--workdir",), True),
}
# What the role calls its other units.
RESERVED = ("beat",)
NAMES = {name: option for option, (names, _value) in OPTIONS.items() for name in names}
# What the unit says already, with the remedy: the key of the class, or the variable, that is for it.
OWN = {
    "hostname": "use the key name, or celery_node_host",
    "loglevel": "use the key log_level",
    "prefetch_multiplier": "use the key prefetch",
    "concurrency": "use the key concurrency",
    "pool": "use the key pool",
    "queues": "use the key queues",
    "exclude_queues": "use the key queues",
    "task_events": "remove it; the unit always has it",
    "without_gossip": "remove it; the unit always has it",
    "uid": "use celery_galaxy_user",
    "gid": "use celery_galaxy_group",
    "workdir": "use celery_galaxy_server_dir",
}
HARMFUL = {
    "beat": "starts a beat in every instance, and each sends every periodic task. Remedy: remove it; beat has a unit of its own",
    "detach": "takes the worker away from systemd, which then takes it for ended. Remedy: remove it",
    "purge": "deletes every waiting task at each start. Remedy: remove it; celery purge does it once",
}
# The pool of threads takes these and does nothing with them, or fails at the first change of its size.
IGNORED = {
    "time_limit": "time limits",
    "soft_time_limit": "soft time limits",
    "max_tasks_per_child": "max_tasks_per_child",
    "max_memory_per_child": "max_memory_per_child",
    "autoscale": "autoscale",
    "pool_start_method": "the way in which processes start",
}
POOL_SIZE = "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_POOL_SIZE"
MAX_OVERFLOW = "GALAXY_CONFIG_OVERRIDE_DATABASE_ENGINE_OPTION_MAX_OVERFLOW"
# What Galaxy 26.1 needs after its first task, in MiB (measured).
LEAST_MEMORY_MB = 500
# Celery's own worker_prefetch_multiplier.
PREFETCH = 4
# As Celery reads them.
BOOLEANS = {**dict.fromkeys(("0", "false", "no", "off"), False), **dict.fromkeys(("1", "true", "yes", "on"), True)}
# What the units set themselves, and what takes a worker to another broker or configuration than Galaxy's, with the variable that is for it.
OWN_VARIABLES = {
    "CELERY_BROKER_URL": "galaxy_amqp_host",
    "CELERY_CONFIG_MODULE": "galaxy_celery_conf",
    "CELERY_CUSTOM_WORKER_POOL": "pool in celery_workers",
    "CELERY_LOADER": "galaxy_celery_conf",
    "CELERY_RESULT_BACKEND": "galaxy_celery_result_backend",
    "GALAXY_CONFIG_FILE": "celery_galaxy_config_file",
    "GALAXY_CONFIG_OVERRIDE_AMQP_INTERNAL_CONNECTION": "galaxy_amqp_host",
    "GALAXY_CONFIG_OVERRIDE_CELERY_CONF": "galaxy_celery_conf",
    "GALAXY_CONFIG_OVERRIDE_ENABLE_CELERY_TASKS": "galaxy_celery_enabled",
    "GALAXY_ROOT_DIR": "celery_galaxy_server_dir",
    "PYTHONPATH": "celery_galaxy_server_dir",
    "TMPDIR": "celery_tmp_dir",
    "VIRTUAL_ENV": "celery_galaxy_venv_dir",
    "XDG_CACHE_HOME": "",
}
# Of systemd, and of the collection's own part of a worker.
OWN_PREFIXES = ("GALAXY_CELERY_", "LISTEN_", "NOTIFY_", "WATCHDOG_")
SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN)$", re.IGNORECASE)
SECRET_URL = re.compile(r"://[^/\s:@]*:[^@\s]+@")


def number(value: object, what: str) -> int:
    """Return a whole number that may be quoted.

    :raises AnsibleFilterError: naming the key.
    """
    try:
        return int(str(value))
    except ValueError as error:
        raise AnsibleFilterError(f"{what} is {value!r}. Remedy: give a whole number.") from error


def arguments_of(text: str) -> tuple[dict[str, tuple[str, str]], list[str], list[str]]:
    """Return (options by name with their value, what is no option at all, the settings behind "--") of a command line.

    A short option may have its value glued to it, a long one behind "=".
    """
    options, unknown = {}, []
    words = shlex.split(text)
    while words:
        word = words.pop(0)
        if word == "--":
            break
        name, _equals, value = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
        if not word.startswith("-") or name not in NAMES:
            unknown.append(word)
            continue
        takes = OPTIONS[NAMES[name]][1]
        if takes and not value and words:
            value = words.pop(0)
        options[NAMES[name]] = (name, value)
    return options, unknown, words


class Check:
    """The checks of one class."""

    def __init__(self, entry: dict[str, Any], about: dict[str, Any]) -> None:
        self.entry, self.about = entry, about
        self.name = entry.get("name", "")
        self.problems: list[str] = []
        self.warnings: list[str] = []
        where = f"celery_workers: {self.name}."
        self.concurrency = number(entry.get("concurrency", 1), where + "concurrency")
        self.instances = number(entry.get("instances", 1), where + "instances")
        self.prefetch = number(entry.get("prefetch", PREFETCH), where + "prefetch")
        self.high = number(entry.get("memory_high_mb", 0), where + "memory_high_mb")
        self.max = number(entry.get("memory_max_mb", 0), where + "memory_max_mb")
        self.threads = entry.get("pool", "threads") == "threads"
        self.queues = [str(queue) for queue in entry.get("queues", [])]
        self.environment = {**about["environment"], **(entry.get("environment") or {})}
        self.options: dict[str, tuple[str, str]] = {}

    def problem(self, text: str) -> None:
        """Note what cannot work."""
        self.problems.append(f"celery_workers: the class {self.name} {text}{'' if text.endswith('?') else '.'}")

    def warning(self, text: str) -> None:
        """Note what is doubtful."""
        self.warnings.append(f"celery_workers: the class {self.name} {text}.")

    def run(self) -> Check:
        """Apply all rules."""
        self.numbers()
        self.consumes()
        self.arguments()
        self.variables()
        self.database()
        self.memory()
        self.time()
        return self

    def numbers(self) -> None:
        """A unit needs a name that systemd, Celery and the shell take alike, and something to do."""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            self.problems.append(
                f"celery_workers: the name {self.name!r} cannot be that of a unit. Remedy: small letters, digits and"
                " underscores, a letter first."
            )
        if self.name in RESERVED:
            self.problem(
                f"would have units beside celery-...-{self.name}.service, which is another one. Remedy: another name"
            )
        for key, value, least in (
            ("concurrency", self.concurrency, 1),
            ("instances", self.instances, 1),
            ("prefetch", self.prefetch, 0),
            ("memory_high_mb", self.high, 0),
            ("memory_max_mb", self.max, 0),
        ):
            if value < least:
                self.problem(f"has {key} {value}. Remedy: give at least {least}")

    def consumes(self) -> None:
        """Queues that can be, once each, with a pool that can serve them."""
        if not self.queues:
            self.problem("consumes no queue. Remedy: name at least one in queues")
        for queue in self.queues:
            if not re.fullmatch(r"[^\s,%\"'\\]+", queue):
                self.problem(
                    f"consumes {queue!r}, which is no name of one queue. Remedy: one queue an entry, without spaces"
                )
        if len(set(self.queues)) < len(self.queues):
            self.problem("names a queue twice. Remedy: each of them once")
        # Galaxy's external tasks start processes of their own, which prefork's daemonic children may not.
        if not self.threads and "galaxy.external" in self.queues:
            self.problem(
                f"consumes galaxy.external with the pool {self.entry['pool']}, where every task fails. Remedy: pool: threads"
            )
        for queue in self.queues:
            if self.about["routed_queues"] and queue not in self.about["routed_queues"]:
                self.warning(
                    f"consumes {queue}, and no task is routed there. Remedy: route one in galaxy_celery_task_routes, or leave"
                    " the queue out, unless something else sends to it"
                )

    def arguments(self) -> None:
        """extra_arguments must be arguments of Celery, and must not override the unit's own."""
        try:
            self.options, unknown, settings = arguments_of(" ".join(self.entry.get("extra_arguments") or []))
        except ValueError as error:
            self.problem(f"has extra_arguments that cannot be read ({error}). Remedy: close the quote")
            return
        for word in unknown:
            near = difflib.get_close_matches(word.partition("=")[0], NAMES, n=1, cutoff=0.7)
            remedy = f"Did you mean {near[0]}?" if near else "Remedy: see celery worker --help"
            self.problem(f"has {word!r} in extra_arguments, which is no option of celery worker. {remedy}")
        for option, (name, _value) in self.options.items():
            if option in OWN:
                self.problem(f"has {name} in extra_arguments. Remedy: {OWN[option]}")
            elif option in HARMFUL:
                self.problem(f"has {name} in extra_arguments, which {HARMFUL[option]}")
            elif option in IGNORED and self.threads:
                self.problem(
                    f"has {name} in extra_arguments, and the pool threads ignores {IGNORED[option]}. Remedy: remove it, or"
                    " have another class with pool: prefork for tasks that need it"
                )

        # worker.pool=x is the setting worker_pool of celery_conf.
        for word in settings:
            name, _equals, value = word.partition("=")
            if problem := refused(name.replace(".", "_", 1), BOOLEANS.get(value.lower(), value), self.threads):
                self.problem(f"has {word} in extra_arguments: {problem[0]}. Remedy: {problem[1]}")

    def variables(self) -> None:
        """Environment variables of this class alone."""
        for text in variable_problems(self.entry.get("environment") or {}):
            self.problem(text)

    def database(self) -> None:
        """A thread that gets no connection within 30 s fails. The unit makes the pool as large as the concurrency."""
        if not self.threads:
            return
        size = number(self.environment.get(POOL_SIZE, self.concurrency), POOL_SIZE)
        overflow = number(self.environment.get(MAX_OVERFLOW, self.about["max_overflow"]), MAX_OVERFLOW)
        # For SQLAlchemy a size of 0 is a pool without limit, and so is a negative overflow.
        if size > 0 and overflow >= 0 and size + overflow < self.concurrency:
            self.problem(
                f"runs {self.concurrency} tasks at a time, and its environment leaves them {size + overflow} connections to"
                f" the database ({POOL_SIZE} and {MAX_OVERFLOW}), so that tasks fail. Remedy: remove the variable; the"
                " unit has a pool as large as the concurrency"
            )

    def memory(self) -> None:
        """A limit must leave Galaxy what it needs, and slow it down before it kills it."""
        for key, value in (("memory_high_mb", self.high), ("memory_max_mb", self.max)):
            if 0 < value < LEAST_MEMORY_MB:
                self.problem(
                    f"has {key} {value}, and Galaxy needs {LEAST_MEMORY_MB} MB after its first task. Remedy: give it more, or"
                    " 0 for no limit"
                )
        if self.max and self.high > self.max:
            self.problem(f"has memory_high_mb {self.high} above memory_max_mb {self.max}. Remedy: give it less")

    def time(self) -> None:
        """A message waits unacknowledged until the tasks before it are done, and one of galaxy_celery_late_tasks until it is."""
        timeout, seconds = self.about["consumer_timeout_seconds"], self.about["task_seconds"]
        for option in ("time_limit", "soft_time_limit"):
            if not self.threads and option in self.options:
                value = self.options[option][1]
                seconds = int(float(value)) if re.fullmatch(r"\d+(\.\d+)?", value) else seconds
                break
        if not timeout or not seconds:
            return
        # Each free place has so many messages before it, and then runs it; with 0 there is no bound.
        waits = seconds * (self.prefetch + 1)
        if self.prefetch == 0 or waits > timeout:
            waited = "without a bound" if self.prefetch == 0 else f"for up to {waits} s"
            self.warning(
                f"has prefetch {self.prefetch}: with tasks of {seconds} s a message is unacknowledged {waited}, and after"
                f" {timeout} s (rabbitmq_consumer_timeout_seconds) the broker closes its channel. Remedy: prefetch: 1, or a"
                " longer consumer_timeout"
            )


def variable_problems(environment: dict[str, Any]) -> list[str]:
    """Return what is wrong with environment variables: systemd must take them, and everybody may read them."""
    problems = []
    for name, value in environment.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(name)):
            problems.append(f"has the environment variable {name!r}. Remedy: letters, digits and underscores")
        elif "\n" in str(value):
            problems.append(f"has a line break in the environment variable {name}. Remedy: give it one line")
        elif SECRET_NAME.search(str(name)) or SECRET_URL.search(str(value)):
            problems.append(
                f"has a secret in the environment variable {name}, and everybody can read units. Remedy: put it into"
                " celery_secret_environment"
            )
    return problems


def reserved_problems(variable: str, environment: Iterable[str]) -> list[str]:
    """Return which environment variables the units need for themselves. The values are not shown."""
    problems = []
    for name in environment:
        if name in OWN_VARIABLES or str(name).startswith(OWN_PREFIXES):
            other = OWN_VARIABLES.get(name)
            remedy = f"remove it, and use {other}" if other else "remove it"
            problems.append(f"{variable}.{name} is a variable that the units need for themselves. Remedy: {remedy}.")
    return problems


def path_problems(about: dict[str, Any]) -> list[str]:
    """Return the directories of Galaxy's that tasks write to and the units may not."""
    if not about["writable_dirs"]:
        return []
    found = unwritable(about["galaxy_settings"], about["writable_dirs"])
    return [
        "galaxy_config.galaxy has " + ", ".join(f"{name}: {path}" for name, path in found.items())
        + f", and the workers may write to {', '.join(about['writable_dirs'])} only, so tasks fail with 'Read-only file system'. Remedy: add the"
        " directories to celery_writable_dirs, or set galaxy_mutable_data_dir (celery_galaxy_data_dir) to the one that holds them."
    ] if found else []


def memory_problems(checks: list[Check], about: dict[str, Any]) -> list[str]:
    """Return the problem of limits that add up to more than there is."""
    limits = {check.name: max(0, check.instances) * (check.max or check.high) for check in checks}
    parts = {name: limit for name, limit in limits.items() if limit}
    if about["beat_memory_max_mb"]:
        parts["beat"] = about["beat_memory_max_mb"]
    total, there = sum(parts.values()), about["host_memory_mb"]
    if not there or total <= there:
        return []
    listed = ", ".join(f"{name} {value}" for name, value in parts.items())
    return [
        f"celery_workers: the memory limits add up to {total} MB ({listed}), and the host has {there} MB. Remedy: lower"
        " memory_max_mb or instances."
    ]


def worker_problems(
    classes: Iterable[dict[str, Any]],
    environment: dict[str, Any] | None = None,
    max_overflow: int | str = 10,
    host_memory_mb: int | str = 0,
    beat_memory_max_mb: int | str = 0,
    routed_queues: list[str] | None = None,
    task_seconds: int | str = 0,
    consumer_timeout_seconds: int | str = 0,
    secret_environment: dict[str, Any] | None = None,
    galaxy_settings: dict[str, Any] | None = None,
    writable_dirs: Iterable[str] = (),
) -> dict[str, list[str]]:
    """Return what is wrong and what is doubtful, see DOCUMENTATION.

    :raises AnsibleFilterError: when a number is none.
    """
    about: dict[str, Any] = {
        "environment": environment or {},
        "max_overflow": number(max_overflow, "max_overflow"),
        "host_memory_mb": number(host_memory_mb, "host_memory_mb"),
        "beat_memory_max_mb": number(beat_memory_max_mb, "beat_memory_max_mb"),
        "routed_queues": routed_queues or [],
        "task_seconds": number(task_seconds, "task_seconds"),
        "consumer_timeout_seconds": number(consumer_timeout_seconds, "consumer_timeout_seconds"),
        "galaxy_settings": galaxy_settings or {},
        "writable_dirs": list(writable_dirs),
    }
    checks = [Check(entry, about).run() for entry in classes]
    problems = [text for check in checks for text in check.problems]
    names = [check.name for check in checks]
    problems += [
        f"celery_workers: the class {name} is there twice, so two workers would have one node name. Remedy: give each a name"
        " of its own."
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    problems += memory_problems(checks, about)
    problems += [f"celery_environment: it {text}." for text in variable_problems(about["environment"])]
    problems += reserved_problems("celery_environment", about["environment"])
    problems += reserved_problems("celery_secret_environment", secret_environment or {})
    for check in checks:
        problems += reserved_problems(f"celery_workers: {check.name}: environment", check.entry.get("environment") or {})
    problems += path_problems(about)
    return {"problems": problems, "warnings": [text for check in checks for text in check.warnings]}
