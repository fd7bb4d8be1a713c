# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A long copy that an operator can watch."""

from __future__ import annotations

import os
import re
import select
import subprocess
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

PROGRESS_SECONDS = 10


class Progress:
    """Runs rsync with its output in a file that an operator can read meanwhile, and logs where it stands."""

    def __init__(self, module: AnsibleModule, path: str, release: str) -> None:
        self.module = module
        self.path = path
        self.release = release

    def __enter__(self) -> Progress:
        self.handle = open(self.path, "w+", encoding="utf-8", errors="replace")
        return self

    def __exit__(self, *unused: object) -> None:
        self.handle.close()
        os.unlink(self.path)

    def follow(self, command: list[str], lock: int) -> tuple[int, str]:
        """Return rsync's exit code and its standard error."""
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
            # It is watched while it runs, and holds the lock too: module.run_command can do neither.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                command,
                stdin=subprocess.DEVNULL,
                stdout=self.handle,
                stderr=errors,
                env={**os.environ, "LC_ALL": "C", "LANGUAGE": "C"},
                pass_fds=(lock,),
            )
            # Popen.wait looks every 50 ms only when it has a time limit.
            ended = os.pidfd_open(process.pid)
            try:
                while not select.select([ended], [], [], PROGRESS_SECONDS)[0]:
                    self.module.log(f"copying release {self.release}: {last_progress(self.output())}")
            finally:
                os.close(ended)
            rc = process.wait()
            errors.seek(0)
            return rc, errors.read()

    def output(self) -> str:
        # Not through the handle that rsync writes with: its position is shared.
        with open(self.path, encoding="utf-8", errors="replace") as handle:
            return handle.read()


def last_progress(output: str) -> str:
    """The latest state that rsync has written: bytes, percent of what it knows of so far, speed, time."""
    states = [line.strip() for line in re.split(r"[\r\n]", output) if "%" in line]
    return states[-1] if states else "comparing files"
