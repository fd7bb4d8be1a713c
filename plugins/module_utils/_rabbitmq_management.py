# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small client of RabbitMQ's management HTTP API."""
from __future__ import annotations

import json
import socket
import ssl
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote

from ansible.module_utils.urls import Request, SSLValidationError, make_context

# What the API says of a wrong name or password: RabbitMQ 3, RabbitMQ 4. To a user without the tag both say more.
WRONG_LOGIN = ("login failed", "not_authorized")

# The options of a module that say where the API is and who asks; see the documentation fragment of the same name.
CONNECTION = {
    "url": {"type": "str", "default": "http://127.0.0.1:15672"},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "timeout_seconds": {"type": "int", "default": 30},
}


class ManagementError(Exception):
    """A sentence for the operator that holds no secret."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code  # the HTTP status, when there was an answer


def path_of(*parts: str) -> str:
    """Return a path below /api with percent-encoded names: a vhost may be '/', 'a/b' or 'é'."""
    return "/api/" + "/".join(quote(part, safe="") for part in parts)


def words(reason: Any) -> str:
    """Return the broker's reason as text: Erlang hands over some strings as lists of numbers."""
    if isinstance(reason, list):
        if reason and all(isinstance(item, int) and 32 <= item < 0x110000 for item in reason):
            return "".join(chr(item) for item in reason)
        return ": ".join(words(item) for item in reason)
    return " ".join(str(reason).split())


class Management:
    """Talks to the API of one broker as one user."""

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        ca_path: str | None = None,
        validate_certs: bool = True,
        timeout_seconds: int = 30,
    ) -> None:
        self.url = url.rstrip("/")
        self.username = username
        self.password = password
        self.timeout_seconds = timeout_seconds
        # Made once: loading the system's CAs costs more than a request.
        if self.url.lower().startswith("https:"):
            try:
                context = make_context(cafile=ca_path, validate_certs=validate_certs)
            except (OSError, ValueError) as error:
                raise ManagementError(f"ca_path {ca_path} cannot be read as certificates: {error}") from None
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.request = Request(
            context=context,
            timeout=timeout_seconds,
            force_basic_auth=True,
            follow_redirects="no",  # the password goes nowhere else
            use_proxy=False,  # the API is local or private; a proxy would see the password
            http_agent="usegalaxy_eu.celery",
        )

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the decoded answer, or None when it has no body."""
        what = f"{method} {self.url}{path}"
        try:
            answer = self.request.open(
                method,
                self.url + path,
                data=None if body is None else json.dumps(body).encode(),
                # The resources of limits refuse a PUT that accepts only JSON with 406.
                headers={"Content-Type": "application/json", "Accept": "*/*"},
                url_username=self.username,
                url_password=self.password,
            )
            text = answer.read()
        except HTTPError as error:
            raise ManagementError(self.explain(what, error), error.code) from None
        except (URLError, HTTPException, OSError, ValueError, SSLValidationError) as error:
            raise ManagementError(f"{what}: {self.explain_silence(error)}") from None
        if not text:
            return None
        try:
            return json.loads(text)
        except ValueError:
            raise ManagementError(f"{what}: the answer is not JSON. Is this RabbitMQ's management API?") from None

    def explain_silence(self, error: Exception) -> str:
        """Put an error without an answer into words."""
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, (ssl.SSLCertVerificationError, SSLValidationError)):
            return "the certificate does not verify. Give the CA's file as ca_path, or correct the host name."
        if isinstance(reason, socket.timeout):
            return f"no answer within {self.timeout_seconds} seconds. Is the broker blocked or overloaded?"
        return f"{reason}. Is the broker running, with the management plugin enabled, at this address?"

    def explain(self, what: str, error: HTTPError) -> str:
        """Put an HTTP error into words."""
        try:
            reason = words(json.loads(error.read())["reason"])
        except (ValueError, KeyError, TypeError, OSError):
            reason = str(error.reason)
        if error.code == 401 and reason.lower() in WRONG_LOGIN:
            return (
                f"{what}: {reason}. The username ({self.username}) or password of the administrator is wrong: "
                "give those that the broker was started with."
            )
        if error.code in (401, 403):
            return f"{what}: {reason}. The user {self.username} needs the tag 'administrator'."
        return f"{what}: the broker refused with {error.code}: {reason}"
