# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address that the kernel would choose towards a host."""

from __future__ import annotations

import socket


class SourceAddressError(Exception):
    """There is none; the text says why."""


def source_address(host: str, port: int) -> str:
    """Return the address that the kernel would choose towards a host. A connected UDP socket sends nothing."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError) as exc:
        raise SourceAddressError(f"{host} cannot be resolved here: {getattr(exc, 'strerror', None) or exc}.") from None
    reason = ""
    for family, kind, protocol, _name, address in found:
        with socket.socket(family, kind, protocol) as way:
            try:
                way.connect(address)
            except OSError as exc:
                reason = exc.strerror or str(exc)
                continue
            # A link's own address has a zone, which no other host knows.
            own: str = way.getsockname()[0]
            return own.partition("%")[0]
    raise SourceAddressError(f"There is no route to {host} ({', '.join(str(entry[4][0]) for entry in found)}) from here: {reason}.")
