# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talk to Galaxy's API as one of its users.

Private to the collection. The key goes to the host of the URL alone: no redirect is followed, and no proxy is used unless
it is asked for.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
from typing import Any
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.urls import ConnectionError as UrlsConnectionError
from ansible.module_utils.urls import SSLValidationError, open_url

# Of an answer that is no JSON this much is shown.
SHOWN = 200
# What a proxy answers for a Galaxy that does not run.
AWAY = (502, 503, 504)


class GalaxyApiError(Exception):
    """A failure whose text is meant for the operator: it names what was asked, the answer and the remedy."""


class GalaxyApi:
    """One Galaxy, with the key of one user.

    :param url: address of Galaxy as its users know it, with a path if it has one.
    :param key: API key of the user.
    :param use_proxy: whether to take the HTTP proxy that the environment names.
    :param ca_file: PEM file that the certificate is verified against; None for the system's store.
    :param seconds: bound for each request.
    """

    def __init__(
        self, url: str, key: str, use_proxy: bool = False, ca_file: str | None = None, seconds: int = 30
    ) -> None:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable or parts.query or parts.fragment or parts.username is not None:
            raise GalaxyApiError(
                "galaxy_url is not an address of Galaxy. Give http:// or https://, the host, and the path if Galaxy"
                " has one; no user, password or query."
            )
        self.url = url.rstrip("/")
        self._key = key
        self._use_proxy = use_proxy
        self._ca_file = ca_file
        self._seconds = seconds

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **query: str) -> Any:
        """Return what Galaxy answers, read as JSON.

        :param path: below the address, for example C(/api/version).
        :param body: is sent as JSON.
        :raises GalaxyApiError: with Galaxy's own message where there is one.
        """
        text = self.read(method, path, body, **query)
        try:
            return json.loads(text)
        except ValueError:
            raise GalaxyApiError(
                f"{self.url}{path} answers, but not as Galaxy does: {text[:SHOWN]!r}. Set galaxy_url to the address of"
                " Galaxy, with its path if it has one."
            ) from None

    def read(self, method: str, path: str, body: dict[str, Any] | None = None, **query: str) -> str:
        """Return what Galaxy answers, as text. See call()."""
        asked = f"{method} {self.url}{path}"
        headers = {"x-api-key": self._key, "Accept": "application/json, text/plain"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = open_url(
                f"{self.url}{path}" + (f"?{urlencode(query)}" if query else ""),
                method=method,
                data=None if body is None else json.dumps(body),
                headers=headers,
                timeout=self._seconds,
                use_proxy=self._use_proxy,
                ca_path=self._ca_file,
                follow_redirects="none",
                use_netrc=False,
            )
            text: str = answer.read().decode("utf-8", errors="replace")
            return text
        except urllib.error.HTTPError as exc:
            raise GalaxyApiError(self._refusal(asked, exc)) from None
        except (OSError, http.client.HTTPException, UrlsConnectionError, SSLValidationError) as exc:
            raise GalaxyApiError(f"{asked}: {self._reason(exc)}") from None

    def _refusal(self, asked: str, error: urllib.error.HTTPError) -> str:
        """Return what an answer other than success means."""
        if 300 <= error.code < 400:
            return (
                f"{asked} is answered with a redirect to {error.headers.get('Location')}, and a key is sent to no other"
                " address. Set galaxy_url to the address that answers itself."
            )
        said = self._said(error)
        if error.code in (401, 403):
            return (
                f"{asked} is refused with {error.code}: {said}. Give a valid key of a user who may log in (in Galaxy:"
                " User, Preferences, Manage API Key)."
            )
        if error.code in AWAY:
            return f"{asked} is answered with {error.code}: the proxy runs and Galaxy behind it does not. Start Galaxy."
        if error.code == 404:
            return (
                f"{asked} is answered with 404: {said}. Set galaxy_url to the address of Galaxy, with its path if it"
                " has one."
            )
        return f"{asked} is answered with {error.code}: {said}. Galaxy's log has the traceback."

    @staticmethod
    def _said(error: urllib.error.HTTPError) -> str:
        """Return Galaxy's own words, or the beginning of what came instead."""
        text = error.read().decode("utf-8", errors="replace")
        try:
            return str(json.loads(text)["err_msg"]).rstrip(".")
        except (ValueError, KeyError, TypeError):
            return repr(text[:SHOWN])

    @staticmethod
    def _reason(exc: Exception) -> str:
        """Return why there was no answer, with the remedy."""
        cause = getattr(exc, "reason", None)
        cause = cause if isinstance(cause, Exception) else exc
        if isinstance(cause, (ssl.SSLCertVerificationError, SSLValidationError)):
            words = getattr(cause, "verify_message", "") or str(cause)
            return (
                f"TLS verification failed: {words}. Use a name that Galaxy's certificate carries, and have its CA in the"
                " system's store or in ca_file."
            )
        if isinstance(cause, TimeoutError):
            return "there was no answer in time. Check that Galaxy runs and is not overloaded, and the firewall."
        return (
            f"there is no answer ({cause or type(cause).__name__}). Check that Galaxy runs, and that galaxy_url is its"
            " address as seen from this host."
        )
