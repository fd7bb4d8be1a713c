# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many connections to the database the workers may keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Of results a process keeps up to so many connections, and one more for its locks; see results.py and late.py in
# plugins/module_utils/galaxy_celery.
RESULTS = 5
LOCKS = 1


def connection_budget(hosts: Sequence[Mapping[str, Any]], pool_size: int, max_overflow: int, results: bool) -> dict[str, Any]:
    """Return the sums for the processes of all hosts.

    A thread holds one connection of its process's pool at a time, and stores its results over another one.

    :param pool_size: of a process that says none itself.
    :param max_overflow: likewise.
    :param results: whether results are stored in the database too.
    """
    processes = [process for host in hosts for process in host.get("processes") or []]
    held, pools = [], []
    for process in processes:
        threads = int(process["threads"])
        size, overflow = int(process.get("pool_size", pool_size)), int(process.get("max_overflow", max_overflow))
        # Such a pool has no limit.
        held.append(threads if size == 0 or overflow < 0 else min(threads, size + overflow))
        pools.append(f"{size}{' (set by its unit)' if 'pool_size' in process else ''} + {overflow}")
    threads_of = [int(process["threads"]) for process in processes]
    stored = sum(min(threads, RESULTS) + LOCKS for threads in threads_of) if results else 0
    return {
        "processes": len(processes),
        "threads": sum(threads_of),
        "pooled": sum(held),
        "results": stored,
        "kept": sum(held) + stored,
        "pools": list(dict.fromkeys(pools)),
    }
