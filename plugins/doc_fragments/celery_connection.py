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
      - Path of Galaxy's C(galaxy.yml) on the target. The module connects to the broker in C(broker_url) of its
        C(celery_conf), or else in C(amqp_internal_connection), and uses the other settings of C(celery_conf). So the
        task contains no secret.
      - The module does not read settings from Galaxy's environment (C(GALAXY_CONFIG_OVERRIDE_*)).
      - Exactly one of O(galaxy_config_file) and O(broker_url) is required.
    type: path
  broker_url:
    description:
      - URL of the broker, or several separated by semicolons. The filter P(usegalaxy_eu.celery.amqp_url#filter)
        builds one.
    type: str
  result_backend:
    description: URL of Celery's result backend. The default is C(result_backend) of C(celery_conf).
    type: str
  broker_use_ssl:
    description:
      - Celery's TLS settings, with C(cert_reqs) as an integer. The default is C(broker_use_ssl) of C(celery_conf).
      - A dictionary is used even if the URL has C(ssl=1). Celery itself would use the URL's setting.
    type: dict
  ca_file:
    description:
      - Path of a PEM file with the CA of the broker's certificate, on the target. With it the certificate and the
        host name are verified. It does not turn on TLS. The default is the system's store, or the file in
        E(SSL_CERT_FILE).
    type: path
requirements:
  - celery >= 5.3, in the interpreter that runs the module. Galaxy's venv has it.
  - PyYAML, for O(galaxy_config_file).
notes:
  - Set C(ansible_python_interpreter) on the task to the Python of Galaxy's venv.
  - Passwords of the connection are masked in errors and never returned.
"""
