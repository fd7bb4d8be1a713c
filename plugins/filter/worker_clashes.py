# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell what is wrong between the workers of several hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: worker_clashes
short_description: Tell which workers of several hosts have one node name, and whether there is exactly one beat
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Two workers with one node name answer for each other, so that neither can be drained, and take each other's orders.
  - Two beats send every periodic task twice; without one none is sent.
options:
  _input:
    description: The Celery node names of each host.
    type: dict
    required: true
  beats:
    description: The hosts that run beat.
    type: list
    elements: str
    required: true
positional: beats
"""

EXAMPLES = r"""
- name: Check that no two workers have one name
  ansible.builtin.assert:
    that: clashes | length == 0
    fail_msg: "{{ clashes | join(' ') }}"
  vars:
    clashes: "{{ {'celery-1': ['worker-1@celery-1'], 'celery-2': ['worker-1@celery-2']} | usegalaxy_eu.celery.worker_clashes(['celery-1']) }}"
"""

RETURN = r"""
_value:
  description: The problems, one sentence for each, with the remedy.
  type: list
  elements: str
"""


def worker_clashes(nodes, beats):
    """Return what is wrong between the hosts, see DOCUMENTATION."""
    hosts = {}
    for host, names in nodes.items():
        for name in names:
            hosts.setdefault(name, []).append(host)
    problems = [
        f"The node {name} would run on {' and '.join(found)}, so that they answer for each other. Remedy: give celery_node_host"
        " of each host a value of its own."
        for name, found in sorted(hosts.items())
        if len(found) > 1
    ]
    if nodes and len(beats) != 1:
        listed = f" ({', '.join(beats)})" if beats else ""
        harm = "every periodic task is sent more than once" if beats else "no periodic task is sent"
        problems.append(
            f"{len(beats)} hosts would run beat{listed}: {harm}. Remedy: have exactly one host in the group celerybeat, or"
            " leave the group out to have the first worker."
        )
    strangers = [host for host in beats if host not in nodes]
    if nodes and len(beats) == 1 and strangers:
        problems.append(
            f"Beat would run on {strangers[0]}, which is no host of workers and gets no code of Galaxy, so it would not run at"
            " all. Remedy: put a host of the workers into the group celerybeat."
        )
    return problems


class FilterModule:
    """Filters of the collection for workers."""

    def filters(self):
        """Return the filter by its name."""
        return {"worker_clashes": worker_clashes}
