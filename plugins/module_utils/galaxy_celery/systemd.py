# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Speak sd_notify: https://www.freedesktop.org/software/systemd/man/sd_notify.html."""

from __future__ import annotations

import os
import socket
import sys

INFO, NOTICE, WARNING, ERROR = 6, 5, 4, 3


def say(text: str, level: int = INFO) -> None:
    """Write a line for the journal, which takes the number as its priority."""
    # Not sys.stdout: Celery puts a logger in its place.
    if sys.__stdout__ is not None:
        sys.__stdout__.write(f"<{level}>{text}\n")
        sys.__stdout__.flush()


def notify(**fields: object) -> None:
    """Send fields such as READY=1 or STATUS=text to systemd; do nothing where it does not listen."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path or not fields:
        return
    # One line each; a name with @ is one of the abstract namespace.
    message = "\n".join(f"{name}={' '.join(str(value).split())}" for name, value in fields.items())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stream:
        stream.sendto(message.encode(), "\0" + path[1:] if path[0] == "@" else path)
