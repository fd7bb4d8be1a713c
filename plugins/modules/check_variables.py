#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name, which runs on the controller."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: check_variables
short_description: Check the variables of a host with the specification and the rules of a role
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Checks all variables of the host with the C(meta/argument_specs.yml) of a role of this collection. Then checks
    them with the role's C(meta/rules.yml), which has the checks that a specification cannot express (ranges,
    variables that contradict each other).
  - Refuses unknown names with the prefix of the role that resemble a known one, and names that one. Ansible's own
    validation silently accepts them. A name that resembles none is regarded as yours, such as
    C(rabbitmq_password_galaxy).
  - Ignores names that begin with an entry of the variable C(own_variable_prefixes), a list of prefixes of your own
    names.
  - Refuses variables of older roles, which the roles' C(meta/old_variables.yml) list, and says what to do instead.
  - Evaluates each specified variable, and reports a missing secret with the hint of C(undef(hint=...)).
  - Is stricter than Ansible's own validation, which converts a value for its check, but passes on the original one.
    A number may be a string, because C(-e name=5) gives one; a boolean, a list or a dictionary may not,
    and a string may not be a number (C(version=4.10) would arrive as 4.1).
  - Reports all problems at once. Values are shown unless the specification says C(no_log=true), or the name
    contains one of password, secret, cookie, token, credential or key and does not end like a path (C(_path)).
    Credentials in URLs are never shown.
  - Refuses a host on which the tasks of the role would not run as root, as far as the facts show.
  - Runs only on the controller, and never connects to the host.
notes:
  - Results of C(register) do not count as variables of a role, regardless of their name.
  - A name that starts with the longer prefix of another role of this collection (C(galaxy_sync_) against C(galaxy_))
    belongs to that role.
  - The prefix of the role C(galaxy) is shared with the role C(galaxyproject.galaxy). Unknown names are refused there
    only when they start with C(galaxy_amqp_), C(galaxy_celery_), C(galaxy_database_) or C(galaxy_upload_).
options:
  role:
    description: The short name of a role of this collection, for example C(celery).
    type: str
    required: true
  entry_point:
    description:
      - The entry point whose options are checked. Names of all entry points of the role are known.
    type: str
    default: main
  inventory_only:
    description:
      - Returns the problems without failing, for a report on all roles.
      - Uses nothing from the host. If its facts were not gathered, the module assumes those of Debian, and skips
        rules that need facts.
    type: bool
    default: false
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Changes nothing, and works in the same way in check mode.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Preflight | Check the variables of the role
  usegalaxy_eu.celery.check_variables:
    role: celery

- name: Check | Collect the problems of the variables in the inventory
  usegalaxy_eu.celery.check_variables:
    role: rabbitmq
    inventory_only: true
  register: __rabbitmq_check
"""

RETURN = r"""
problems:
  description: One sentence or two for each problem, without any secret. Empty if there is none.
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
