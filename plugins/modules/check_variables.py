#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs on the controller."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: check_variables
short_description: Hold the variables of a host against the specification and the rules of a role
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Reads the C(meta/argument_specs.yml) of a role of this collection and holds all variables of the host against it, and then
    against the role's C(meta/rules.yml), which says what a specification cannot (ranges, variables that contradict each other).
  - Refuses names with the prefix of the role that the specification does not know and that resemble one that it knows, which it names.
    Ansible's own validation passes them in silence. A name that resembles none is the site's, such as C(rabbitmq_password_galaxy).
  - Passes over names that begin as an entry of the variable C(own_variable_prefixes) says, a list of beginnings of names that are the site's.
  - Refuses variables of older roles, which the roles' C(meta/old_variables.yml) name with what to do instead.
  - Evaluates each specified variable, so that a missing secret is reported with the hint of C(undef(hint=...)).
  - Is stricter than Ansible's own validation, which converts a value to test it but hands on the unconverted one.
    A number may be a string, because C(-e name=5) gives one; a boolean, a list or a dictionary may not,
    and a string may not be a number (C(version=4.10) would arrive as 4.1).
  - Reports all problems at once. Values are shown unless the specification says C(no_log=true), or the name
    contains one of password, secret, cookie, token, credential or key and does not end as a place (C(_path)); credentials in URLs are never shown.
  - Refuses a host on which the tasks of the role would not be root's, as far as the facts tell.
  - Runs on the controller alone and never opens a connection to the host.
notes:
  - The results of C(register) are not taken for variables of a role, whatever their name.
  - A name that starts with the longer prefix of another role of this collection (C(galaxy_sync_) against C(galaxy_))
    is left to that role.
  - The prefix of the role C(galaxy) is shared with the role C(galaxyproject.galaxy). Unknown names are refused there
    only when they start with C(galaxy_amqp_), C(galaxy_celery_), C(galaxy_database_) or C(galaxy_upload_).
options:
  role:
    description: The short name of a role of this collection, for example C(celery).
    type: str
    required: true
  entry_point:
    description:
      - The entry point whose options are validated. Names that belong to any entry point of the role are known.
    type: str
    default: main
  inventory_only:
    description:
      - Returns the problems without failing, for a report on all roles.
      - Takes nothing from the host. Where its facts were not gathered they are taken for those of Debian, and rules leave out
        what only facts can say.
    type: bool
    default: false
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Preflight | Check the variables of the role
  usegalaxy_eu.celery.check_variables:
    role: celery

- name: Check | Collect what is wrong with the variables of an inventory alone
  usegalaxy_eu.celery.check_variables:
    role: rabbitmq
    inventory_only: true
  register: __rabbitmq_check
"""

RETURN = r"""
problems:
  description: One sentence or two for each problem, without any secret. Empty when all is well.
  returned: always
  type: list
  elements: str
  sample:
    - "celery_concurency is not a variable of the role celery. Did you mean celery_concurrency?"
checked:
  description: The number of specified variables that were evaluated and validated.
  returned: always
  type: int
  sample: 24
"""
