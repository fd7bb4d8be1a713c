# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name the units and the Celery nodes of worker classes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: worker_instances
short_description: Name the unit and the Celery node of each instance of worker classes
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Makes one entry for each instance of each class of C(celery_workers), in their order.
options:
  _input:
    description: The classes, each with C(name) and, if there are several, the number of C(instances).
    type: list
    elements: dict
    required: true
  host:
    description: What stands after the C(@) of the node names.
    type: str
    required: true
  name:
    description: What the names of the units begin with, such as V(celery-galaxy) of the role C(celery)'s instance V(galaxy).
    type: str
    default: celery-galaxy
positional: host, name
"""

EXAMPLES = r"""
- name: Show the nodes of this host
  ansible.builtin.debug:
    msg: "{{ celery_workers | usegalaxy_eu.celery.worker_instances('celery-1') | map(attribute='node') }}"
  # [internal-1@celery-1, internal-2@celery-1, external-1@celery-1]
  vars:
    celery_workers:
      - {name: internal, instances: 2}
      - {name: external, instances: 1}
"""

RETURN = r"""
_value:
  description: The instances.
  type: list
  elements: dict
  sample:
    - {class: worker, number: 1, unit: celery-galaxy-worker@1.service, node: worker-1@celery-1}
"""

from ansible.errors import AnsibleFilterError


def worker_instances(classes, host, name="celery-galaxy"):
    """Return an entry for each instance of each class."""
    instances = []
    for position, entry in enumerate(classes):
        try:
            kind, count = entry["name"], int(entry.get("instances", 1))
        except (KeyError, TypeError, ValueError) as error:
            raise AnsibleFilterError(
                f"worker_instances: entry {position} of the classes needs a name and a number of instances: {error}"
            ) from error
        instances += [
            {
                "class": kind,
                "number": number,
                "unit": f"{name}-{kind}@{number}.service",
                "node": f"{kind}-{number}@{host}",
            }
            for number in range(1, count + 1)
        ]
    return instances


class FilterModule:
    """The filter for Ansible."""

    def filters(self):
        """Return the filter by its name."""
        return {"worker_instances": worker_instances}
