# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd is told, with a socket in its place."""

from __future__ import annotations

import socket

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils.galaxy_celery import systemd


def test_each_field_is_a_line_of_one_message(listener):
    systemd.notify(READY=1, STATUS="draining,\nwaiting")
    assert listener.recv(4096) == b"READY=1\nSTATUS=draining, waiting"


def test_a_name_of_the_abstract_namespace_is_understood(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stream:
        stream.bind("\0galaxy-celery-test")
        stream.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", "@galaxy-celery-test")
        systemd.notify(WATCHDOG=1)
        assert stream.recv(4096) == b"WATCHDOG=1"


def test_nothing_is_sent_without_systemd_or_without_news(listener, monkeypatch):
    systemd.notify()
    monkeypatch.delenv("NOTIFY_SOCKET")
    systemd.notify(READY=1)
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.recv(4096)
