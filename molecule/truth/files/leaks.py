# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search this host for words, wherever another user or a reader of logs would find them; print where they are as JSON.

Standard input is JSON: the words; the time since which a file may hold one (older ones are not read); the folders of
which every file that others may read is searched; those of which every file is, whoever may read it; what is left out;
and whether this is a host with services of its own.
"""

import json
import os
import stat
import subprocess
import sys

asked = json.load(sys.stdin)
words = asked["words"]
found = []


def holds(text):
    """Return which words a text has."""
    return any(word.encode() in text for word in words)


def said(where, *command):
    """Search what a command says."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except FileNotFoundError:
        return
    found.extend(
        [where + ": " + line.decode("utf-8", "replace")[:60] for line in done.stdout.splitlines() if holds(line)][:3]
    )


def candidates(root, everything):
    """Return the files below a folder that may hold a word; what others cannot enter is not entered."""
    for folder, folders, names in os.walk(root):
        kept = []
        for name in folders:
            path = f"{folder}/{name}"
            mode = os.lstat(path).st_mode
            if path not in asked["without"] and (everything or mode & stat.S_IXOTH):
                kept.append(name)
        folders[:] = kept
        for name in names:
            path = f"{folder}/{name}"
            try:
                at = os.lstat(path)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(at.st_mode) and at.st_ctime >= asked["since"] and (everything or at.st_mode & stat.S_IROTH):
                yield path


def search(root, everything):
    """Search files with grep, which is faster than any loop here."""
    paths = [path for path in candidates(root, everything) if path not in asked["without"]]
    pattern = os.memfd_create("words")
    os.write(pattern, "\n".join(words).encode())
    command = [
        "xargs",
        "--null",
        "--no-run-if-empty",
        "grep",
        "--files-with-matches",
        "--text",
        "--fixed-strings",
        # Of this process: every grep has to read the words anew.
        f"--file=/proc/{os.getpid()}/fd/{pattern}",
    ]
    done = subprocess.run(
        command, input="\0".join(paths).encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    found.extend("file " + line for line in done.stdout.decode("utf-8", "replace").splitlines())
    return len(paths)


count = sum(search(root, False) for root in asked["readable"]) + sum(search(root, True) for root in asked["all"])
if asked["services"]:
    said("journal", "journalctl", "--no-pager", "--all", "--quiet")
    said("unit", "systemctl", "cat", "--no-pager", "*")
    said("unit's properties", "systemctl", "show", "--no-pager", "--all", "*")
    said("manager's environment", "systemctl", "show-environment")
    listed = subprocess.run(
        ["sh", "-c", "docker ps --all --quiet 2>/dev/null || true"], stdout=subprocess.PIPE, check=True
    )
    for container in listed.stdout.decode().split():
        said("container's metadata", "docker", "inspect", container)
        said("container's log", "docker", "logs", container)
        said("container's processes", "docker", "top", container, "-eo", "pid,args")
print(json.dumps({"files": count, "found": sorted(found)}))
