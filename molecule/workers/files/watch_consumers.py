# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the broker five times a second how many consumers each queue has, until SIGTERM, and write what was the longest
time without any: watch_consumers.py galaxy.yml report.json QUEUE..."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path


def main(config, report, *queues):
    """Watch the queues."""
    import kombu
    import yaml

    url = yaml.safe_load(Path(config).read_text(encoding="utf-8"))["galaxy"]["amqp_internal_connection"]
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_args: stopped.set())
    last = dict.fromkeys(queues)
    found = {queue: {"least": None, "longest_without_seconds": 0.0} for queue in queues}
    looks = 0
    with kombu.Connection(url) as connection:
        channel = connection.default_channel
        while not stopped.wait(0.2):
            looks += 1
            for queue in queues:
                now, count = time.monotonic(), channel.queue_declare(queue, passive=True).consumer_count
                seen = found[queue]
                seen["least"] = count if seen["least"] is None else min(count, seen["least"])
                if count or last[queue] is None:
                    last[queue] = now
                seen["longest_without_seconds"] = max(seen["longest_without_seconds"], round(now - last[queue], 2))
    Path(report).write_text(json.dumps({"looks": looks, "queues": found}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
