# usegalaxy_eu.celery, role common: what is changed here is lost at its next run.
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a service its own copy of a certificate and key that another program on the host renews, such as certbot."""

from __future__ import annotations

import argparse
import os
import shutil
import ssl
import sys
import tempfile
import time
from pathlib import Path

SETTLE_SECONDS = 60  # for the other program to have written both files


def pair_problem(certificate: Path, key: Path) -> str | None:
    """Return why these two files cannot serve together, or None. A key with a passphrase cannot."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        return f"{certificate} and {key} do not serve together: {error}"
    return None


def settled_problem(certificate: Path, key: Path, seconds: float) -> str | None:
    """Return the problem of the two files that is still there after some time."""
    deadline = time.monotonic() + seconds
    while (problem := pair_problem(certificate, key)) and time.monotonic() < deadline:
        time.sleep(1)
    return problem


def replace(target: Path, content: bytes, user: str, group: str) -> bool:
    """Bring a file to this content for one user alone, and say whether it changed."""
    if target.is_file() and target.read_bytes() == content:
        return False
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # of mode 0600
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
        shutil.chown(name, int(user) if user.isdigit() else user, int(group) if group.isdigit() else group)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return True


def main(arguments: list[str]) -> int:
    """Copy both files where they differ, then touch the file that makes the service read them."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("certificate", "key", "to-certificate", "to-key"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--touch", type=Path)
    parser.add_argument("--settle", type=float, default=SETTLE_SECONDS)
    given = parser.parse_args(arguments)
    problem = settled_problem(given.certificate, given.key, given.settle)
    if problem:
        print(problem, file=sys.stderr)
        return 1
    # The key first: a service that starts in between finds an old certificate, and is told once more below.
    changed = [
        replace(target, source.read_bytes(), given.user, given.group)
        for source, target in ((given.key, given.to_key), (given.certificate, given.to_certificate))
    ]
    # Also after a run that was cut off before it.
    told = given.touch
    if told and told.exists() and (any(changed) or told.stat().st_mtime_ns < given.to_certificate.stat().st_mtime_ns):
        os.utime(told)
    print(f"{given.to_certificate}: {'renewed' if any(changed) else 'as it was'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
