# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What database_info says when it cannot log in; the scenario rotation shows it on a real PostgreSQL."""

from __future__ import annotations

import socket

import pytest

pytest.importorskip("sqlalchemy", reason="it stands in the pinned requirements of the tests")
from ansible_collections.usegalaxy_eu.celery.plugins.modules import database_info
