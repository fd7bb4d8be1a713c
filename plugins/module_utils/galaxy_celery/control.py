# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A socket of each worker on its host, for whoever may read it: what the worker does, and pause and resume of it.

One line of JSON for a request, {"do": "status"}, "pause" or "resume", and one for the answer, see Watch.report. The playbooks
use it through the module celery_drain, so that they need no broker for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from typing import Any, Callable

ANSWER_SECONDS = 10.0


def path_of(directory: str, node: str) -> str:
    """Return the path of a node's socket."""
    return os.path.join(directory, node + ".sock")


def ask(directory: str, node: str, what: str) -> dict[str, Any]:
    """Ask a node of this host.

    :param what: status, pause or resume.
    :raises OSError: when it has no socket, or does not answer within 10 s.
    """
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(ANSWER_SECONDS)
        stream.connect(path_of(directory, node))
        stream.sendall(json.dumps({"do": what}).encode() + b"\n")
        with stream.makefile() as lines:
            answer: dict[str, Any] = json.loads(lines.readline() or '{"error": "no answer"}')
            return answer


def serve(directory: str, node: str, verbs: dict[str, Callable[[], dict[str, Any]]]) -> None:
    """Answer in a thread of its own for as long as the process lives.

    :param verbs: what returns the answer, by request.
    """
    path = path_of(directory, node)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # of a process that has ended
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    os.chmod(path, 0o600)
    server.listen()
    threading.Thread(target=_answer, args=(server, verbs), name="galaxy_celery.control", daemon=True).start()


def _answer(server: socket.socket, verbs: dict[str, Callable[[], dict[str, Any]]]) -> None:
    while True:
        stream, _peer = server.accept()
        with stream, contextlib.suppress(OSError, ValueError, KeyError):
            stream.settimeout(ANSWER_SECONDS)
            with stream.makefile() as lines:
                wanted = json.loads(lines.readline())["do"]
            stream.sendall(json.dumps(verbs[wanted]()).encode() + b"\n")
