# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that all modules with a connection to the broker share."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the connection to the broker."""

    DOCUMENTATION = r"""
options:
  galaxy_config_file:
    description:
      - Path of Galaxy's C(galaxy.yml) on the target. The broker is C(broker_url) of its C(celery_conf), else
        C(amqp_internal_connection); the other settings of C(celery_conf) count too. So the task has no secret.
      - Settings that Galaxy takes from its environment (C(GALAXY_CONFIG_OVERRIDE_*)) are not seen.
      - Exactly one of O(galaxy_config_file) and O(broker_url) is required.
    type: path
  broker_url:
    description:
      - URL of the broker, several separated by semicolons. The filter P(usegalaxy_eu.celery.amqp_url#filter) makes
        one.
    type: str
  result_backend:
    description: URL of Celery's result backend. The default is C(result_backend) of C(celery_conf).
    type: str
  broker_use_ssl:
    description:
      - Celery's TLS settings, with C(cert_reqs) as an integer. The default is C(broker_use_ssl) of C(celery_conf).
      - As a dictionary it counts even if the URL says C(ssl=1), which Celery itself would prefer.
    type: dict
  ca_file:
    description:
      - Path of a PEM file with the CA of the broker's certificate, on the target. With it the certificate and the
        host name are verified. It does not switch TLS on. The default is the system's store, or the file that
        E(SSL_CERT_FILE) names.
    type: path
requirements:
  - celery >= 5.3, in the interpreter that runs the module. Galaxy's venv has it.
  - PyYAML, for O(galaxy_config_file).
notes:
  - Set C(ansible_python_interpreter) on the task to the Python of Galaxy's venv.
  - Passwords of the connection are masked in errors and never returned.
"""
