# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Send one task that fails (`fail`), or one that a worker holds for an hour (`later`).

task_stream.py lies beside it.
"""

import sys

from task_stream import KWARGS, TASK, Client, settings

client = Client(settings("/srv/galaxy/server/config/galaxy.yml"))
wanted = {
    "fail": {"kwargs": {"no_such_argument": 1}},
    "later": {"kwargs": KWARGS, "countdown": 3600},
}[sys.argv[1]]
client.app.send_task(TASK, queue="galaxy.internal", **wanted)
client.close()
