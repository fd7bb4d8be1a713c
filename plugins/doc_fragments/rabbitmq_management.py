# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that talk to RabbitMQ's management HTTP API."""
from __future__ import annotations


class ModuleDocFragment:
    """Options that lead to the management API."""

    DOCUMENTATION = r"""
options:
  url:
    description: The address of the management API, without C(/api).
    type: str
    default: http://127.0.0.1:15672
  username:
    description: A user with the tag C(administrator).
    type: str
    required: true
  password:
    description: The password of O(username).
    type: str
    required: true
  ca_path:
    description: The file of the CA that signed the certificate of the API. The system's store by default.
    type: path
  validate_certs:
    description: Verify the certificate of the API.
    type: bool
    default: true
  timeout_seconds:
    description: How long to wait for the answer to one request, in seconds.
    type: int
    default: 30
"""
