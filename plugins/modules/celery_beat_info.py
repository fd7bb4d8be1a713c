#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_beat_info
short_description: Read the schedule file of Celery beat
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Reads a copy of the file of beat's C(PersistentScheduler), and returns what beat has sent and when.
  - It executes nothing from the file. Its loader for the pickled objects accepts only dates and plain values.
  - Beat writes the file every three minutes, unless Celery's C(beat_sync_every) is set; 1 means after each task.
  - A new entry has the time of its creation as C(last_run_at), so only its count shows that it has been sent.
options:
  path:
    description:
      - Path of the schedule file on the target, as given to beat with C(-s), without a suffix of the dbm library.
    type: path
    required: true
  wait_seconds:
    description: >-
      Seconds to wait until at least one entry has been sent since the file's creation. 0 reads the file once.
    type: int
    default: 0
  require_fired:
    description: Fail if no entry has been sent by then.
    type: bool
    default: false
  max_late_seconds:
    description:
      - Fail if an entry with an interval is late by more than this, or if its last run is in the future by more than
        this. Then beat hangs, or its clock was changed. 0 turns the check off.
      - Beat checks its schedule every 20 s with the role C(celery), and every 300 s by default.
    type: int
    default: 0
requirements:
  - A Python whose dbm library can read the file. The Python of Galaxy's venv, which wrote it, always can.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
"""

EXAMPLES = r"""
- name: Check that beat has sent a task
  usegalaxy_eu.celery.celery_beat_info:
    path: /var/lib/celery-galaxy/beat-schedule
    wait_seconds: 30
    require_fired: true
    max_late_seconds: 120
  vars:
    ansible_python_interpreter: /srv/galaxy-releases/current/srv/galaxy/server/.venv/bin/python
"""

RETURN = r"""
fired:
  description: Whether at least one entry has been sent since the file's creation.
  returned: always
  type: bool
entries:
  description: The entries of the schedule, by name.
  returned: always
  type: dict
  contains:
    task:
      description: Name of the task that is sent.
      type: str
    fired:
      description: Whether the entry has been sent since the file's creation.
      type: bool
    total_run_count:
      description: How often the entry has been sent since the file's creation.
      type: int
    last_run_at:
      description: When it was sent last, in ISO 8601. Null if it has not been sent yet.
      type: str
    seconds_ago:
      description: Seconds since then, by this host's clock. Null if it has not been sent yet.
      type: int
    interval_seconds:
      description: Seconds between two sends. Null for an entry that has no interval, such as a crontab.
      type: int
    late_seconds:
      description: Seconds since it was due. Below 0 it is due later. Null for an entry that has no interval.
      type: int
  sample:
    prune_kombu_sqla_transport:
      task: galaxy.prune_kombu_sqla_transport
      fired: true
      total_run_count: 4
      last_run_at: '2026-03-01T10:00:03+00:00'
      seconds_ago: 12
      interval_seconds: 900
      late_seconds: -888
celery_version:
  description: Version of Celery that wrote the file.
  returned: always
  type: str
"""

import datetime
import dbm
import io
import os
import pickle
import shutil
import tempfile
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

try:
    from zoneinfo import ZoneInfo
except ImportError:  # a Python without it has no file that names zones so
    ZoneInfo = None  # type: ignore[assignment,misc]

# The names under which dbm libraries store one database, as celery.beat.PersistentScheduler lists them, and SQLite's log, in which that of
# Python 3.13 leaves what beat has written.
SUFFIXES = ("", ".db", ".dat", ".bak", ".dir", "-wal")
UTC = datetime.timezone.utc


# Task, last_run_at, total_run_count, and the seconds of its interval.
Entry = tuple[Any, Any, int, "float | None"]


class BeatFileError(Exception):
    """A failure whose text is meant for the operator."""


class _Stub:
    """Stands for an object of any other class: keeps what it was made from, does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __call__(self, *_args: object, **_kwargs: object) -> _Stub:
        return self


def _zone(key: str, *_args: object) -> datetime.tzinfo:
    """Return a time zone by its name. ZoneInfo refuses names that lead out of the zones' folders."""
    try:
        return ZoneInfo(key)
    except Exception:  # noqa: BLE001 an unknown zone must not hide the counts
        return UTC


class _Loader(pickle.Unpickler):
    """Unpickler that can make dates and stubs only, so that a file which another user wrote runs no code here."""

    KNOWN = {
        ("datetime", "datetime"): datetime.datetime,
        ("datetime", "timedelta"): datetime.timedelta,
        ("datetime", "timezone"): datetime.timezone,
        # A ZoneInfo is pickled as getattr(ZoneInfo, "_unpickle")(key, True), or by the qualified name.
        ("builtins", "getattr"): lambda found, name: _zone if (found, name) == (_zone, "_unpickle") else _Stub,
        ("zoneinfo", "ZoneInfo"): _zone,
        ("zoneinfo", "ZoneInfo._unpickle"): _zone,
        ("pytz", "_UTC"): lambda: UTC,
        ("celery.utils.time", "LocalTimezone"): lambda *_args: UTC,
    }

    def find_class(self, module: str, name: str) -> Any:
        return self.KNOWN.get((module, name), _Stub)


def _copy(path: str, folder: str) -> str:
    """Copy the database, under its names, to a folder of ours: opening it in place would take beat's lock."""
    found = [path + suffix for suffix in SUFFIXES if os.path.isfile(path + suffix)]
    if not found:
        raise BeatFileError(
            f"path {path} does not exist. Give the file of beat's option -s, and check that beat has started."
        )
    for name in found:
        shutil.copyfile(name, os.path.join(folder, os.path.basename(name)))
    return os.path.join(folder, os.path.basename(path))


def read_schedule(path: str) -> tuple[Any, dict[str, Entry]]:
    """Return (version, entries) of a schedule file, each entry as (task, last_run_at, total_run_count, seconds).

    The seconds are those of its interval; None without one.

    :param path: path without a suffix of the dbm library.
    :raises BeatFileError: naming the path and the remedy.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            # For reading alone newer Pythons (3.13, 3.14) leave SQLite's log out.
            with dbm.open(_copy(path, folder), "w") as store:
                raw = {key: store[key] for key in (b"entries", b"__version__") if key in store}
            values = {key: _Loader(io.BytesIO(value)).load() for key, value in raw.items()}
        except BeatFileError:
            raise
        except PermissionError as exc:
            raise BeatFileError(
                f"path {path} cannot be read: {exc.strerror}. Run the task as root or as Galaxy's user."
            ) from exc
        except Exception as exc:  # a damaged file raises any of a dozen kinds
            raise BeatFileError(
                f"path {path} is no schedule file that this Python can read ({type(exc).__name__}: {exc}). Set"
                " ansible_python_interpreter to Galaxy's venv, or correct the path."
            ) from exc
    entries = values.get(b"entries")
    if not isinstance(entries, dict):
        raise BeatFileError(f"path {path} holds no schedule of beat. Give the file of beat's option -s.")
    result = {}
    for name, entry in entries.items():
        # ScheduleEntry.__reduce__: name, task, last_run_at, total_run_count, schedule, args, kwargs, options
        if not isinstance(entry, _Stub) or len(entry.args) < 4 or not isinstance(entry.args[3], int):
            raise BeatFileError(f"path {path} has an entry {name!r} of an unknown form. Report the version of Celery.")
        given = getattr(entry.args[4], "args", ()) if len(entry.args) > 4 else ()
        interval = given[0].total_seconds() if given and isinstance(given[0], datetime.timedelta) else None
        result[str(name)] = (*entry.args[1:4], interval)
    return values.get(b"__version__"), result


def _wait(path: str, seconds: float) -> tuple[Any, dict[str, Entry]]:
    """Read the file, again and again until an entry has been sent or the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        late = time.monotonic() >= deadline
        try:
            version, entries = read_schedule(path)
            if late or any(count for _task, _last, count, _interval in entries.values()):
                return version, entries
        except BeatFileError:
            # Beat may not have made the file yet, or be writing it while it is copied.
            if late:
                raise
        time.sleep(max(0.05, min(1, deadline - time.monotonic())))


def _describe(task: object, last: Any, count: int, interval: float | None) -> dict[str, Any]:
    ago = None
    if isinstance(last, datetime.datetime):
        last = last if last.tzinfo else last.replace(tzinfo=UTC)
        ago = round((datetime.datetime.now(UTC) - last).total_seconds())
    # One that has not been sent is due an interval after it was made.
    late = None if interval is None or ago is None else round(ago - interval)
    if not count:
        last = ago = None
    return {
        "task": str(task),
        "fired": bool(count),
        "total_run_count": count,
        "last_run_at": last.isoformat() if last else None,
        "seconds_ago": ago,
        "interval_seconds": None if interval is None else round(interval),
        "late_seconds": late,
    }


def _wrong(name: str, entry: dict[str, Any], most: int) -> str | None:
    """Return what is wrong with when an entry was sent last, or nothing."""
    interval, late = entry["interval_seconds"], entry["late_seconds"]
    if late is not None and late > most:
        return f"{name} is sent each {interval} s, and is late by {late} s"
    if late is not None and -late - interval > most:
        return f"{name} was sent in the future, by {-late - interval} s"
    return None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "wait_seconds": {"type": "int", "default": 0},
            "require_fired": {"type": "bool", "default": False},
            "max_late_seconds": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    params = module.params
    for name in ("wait_seconds", "max_late_seconds"):
        if params[name] < 0:
            module.fail_json(msg=f"{name} is {params[name]}. Give 0 or more.")
    try:
        version, found = _wait(params["path"], params["wait_seconds"])
    except BeatFileError as exc:
        module.fail_json(msg=str(exc), fired=False, entries={}, celery_version=None)
    entries = {name: _describe(*found[name]) for name in sorted(found)}
    fired = any(entry["fired"] for entry in entries.values())
    result = {"fired": fired, "entries": entries, "celery_version": version}
    if params["require_fired"] and not fired:
        module.fail_json(
            msg=f"none of the {len(entries)} entries in {params['path']} has been sent within"
            f" {params['wait_seconds']} s. Check that beat runs and reaches the broker, raise wait_seconds above the"
            " shortest interval, and set beat_sync_every: 1 in celery_conf so that the file is written at once.",
            **result,
        )
    most = params["max_late_seconds"]
    wrong = [text for name, entry in entries.items() if most and (text := _wrong(name, entry, most))]
    if wrong:
        module.fail_json(
            msg=f"beat does not send what is due: {'; '.join(wrong)}. Beat stands still, cannot reach the broker, or its"
            " clock has jumped. See systemctl status and the journal of its unit, compare the clock of its host (date),"
            " then run systemctl restart for the unit.",
            **result,
        )
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
