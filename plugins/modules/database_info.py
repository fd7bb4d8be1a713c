#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: database_info
short_description: Log in to Galaxy's database as Galaxy does and tell as whom
version_added: 1.0.0
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Opens one connection from this host with a SQLAlchemy URL, asks who it is, and closes it.
options:
  url:
    description: Galaxy's C(database_connection). It is never shown.
    type: str
    required: true
  timeout_seconds:
    description: Seconds to wait for the connection.
    type: int
    default: 10
requirements:
  - SQLAlchemy and psycopg2, in the interpreter that runs the module. Galaxy's venv has them.
notes:
  - Set C(ansible_python_interpreter) on the task to the Python of Galaxy's venv.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed when in diff mode.
    support: none
"""

EXAMPLES = r"""
- name: Prove that this host reaches Galaxy's database
  usegalaxy_eu.celery.database_info:
    url: "postgresql://galaxy:{{ galaxy_database_password }}@db.example.org:5432/galaxy"
  vars:
    ansible_python_interpreter: /srv/galaxy/server/.venv/bin/python
"""

RETURN = r"""
user:
  description: The role that rights and new objects belong to (C(current_user)).
  returned: success
  type: str
  sample: galaxy
login:
  description: The role that logged in (C(session_user)).
  returned: success
  type: str
  sample: galaxy_rotation
database:
  description: The database.
  returned: success
  type: str
  sample: galaxy
version:
  description: Version of the server.
  returned: success
  type: str
  sample: "15.14"
client_address:
  description: The address that this host has for the server. Null on a socket.
  returned: success
  type: str
  sample: 192.0.2.11
tls:
  description: Version of TLS. Null for a connection without TLS.
  returned: success
  type: str
  sample: TLSv1.3
"""

import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    import sqlalchemy

    SQLALCHEMY_ERROR = None
except ImportError:
    SQLALCHEMY_ERROR = traceback.format_exc()

WHO = """
SELECT current_user AS "user", session_user AS login, current_database() AS database,
       current_setting('server_version') AS version, host(inet_client_addr()) AS client_address,
       (SELECT s.version FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid() AND s.ssl) AS tls
"""


def ask(url, seconds):
    """Log in and return what the server says, as a dictionary.

    :param url: a SQLAlchemy URL of PostgreSQL.
    :param seconds: bound for the connection.
    """
    engine = sqlalchemy.create_engine(url, connect_args={"connect_timeout": seconds}, poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        return dict(connection.execute(sqlalchemy.text(WHO)).mappings().one())


def main():
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True, "no_log": True},
            "timeout_seconds": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    seconds = module.params["timeout_seconds"]
    if seconds < 1:
        module.fail_json(msg=f"timeout_seconds is {seconds}. Give at least 1.")
    if SQLALCHEMY_ERROR:
        module.fail_json(msg=missing_required_lib("SQLAlchemy"), exception=SQLALCHEMY_ERROR)
    try:
        url = sqlalchemy.engine.make_url(module.params["url"])
    except sqlalchemy.exc.ArgumentError:
        # The library's own text shows the URL.
        module.fail_json(msg="url is no SQLAlchemy URL. Remedy: write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE.")
    if url.password:
        module.no_log_values.add(url.password)
    try:
        found = ask(url, seconds)
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        module.fail_json(msg=f"The login to {url.render_as_string(hide_password=True)} failed: {reason}")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
