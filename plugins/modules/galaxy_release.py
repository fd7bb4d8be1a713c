#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: galaxy_release
short_description: Copy a release of Galaxy to this host and switch to it atomically
version_added: 0.1.0
description:
  - Keeps releases of Galaxy (code, virtual environment, configuration) side by side, each a directory named by its
    fingerprint. Unchanged files are hard links. The link C(current) points to the release in use.
  - The module copies a release, computes its fingerprint again, compares it with the wanted one, and only then
    switches the link. If a copy fails or is interrupted, C(current) does not change, and the next run resumes.
  - It transfers only files that are neither in the current release nor in the release that was removed last, which is
    kept as C(.spare) for this purpose.
  - It restarts nothing.
author:
  - usegalaxy.eu (@usegalaxy-eu)
extends_documentation_fragment:
  - usegalaxy_eu.celery.release
options:
  state:
    description:
      - V(present) copies the release if it is missing, and switches C(current) to it.
      - V(current) only switches C(current) to an existing release (rollback).
    type: str
    choices: [present, current]
    default: present
  fingerprint:
    description:
      - The wanted release, as RV(usegalaxy_eu.celery.galaxy_release_listing#module:fingerprint) of the source.
      - Required with O(state=present). With O(state=current) the default is the previous release.
    type: str
  info:
    description:
      - The result of M(usegalaxy_eu.celery.galaxy_release_listing) at the source. It is stored in C(release.json).
    type: dict
    default: {}
  source:
    description:
      - Source of the canonical paths. Either C(user@host:), or a local directory that contains them. C(/) is this
        host itself. Required with O(state=present).
    type: str
  listing:
    description:
      - Path of the listing on the host of the source, as RV(usegalaxy_eu.celery.galaxy_release_listing#module:listing).
      - Required with O(state=present). It is only read for a copy.
    type: path
  rsh:
    description: The ssh command for a remote source, with its options, as in rsync's C(--rsh).
    type: str
    default: ssh
  activate:
    description:
      - With V(false) a new release is only copied. It is not switched to and does not count for O(keep), so that you
        can test it first.
    type: bool
    default: true
  releases_dir:
    description:
      - Directory of the releases, with mode 0750, because at the source a parent directory may protect the files from
        other users.
    type: path
    default: /srv/galaxy-releases
  owner:
    description:
      - Name of the user of Galaxy. Files of this user at the source belong to it here, all others to root, so that no
        file belongs to an unrelated user with the same uid.
      - Without it, owners are not set.
    type: str
  group:
    description:
      - Name of the group that all files of a release, and O(releases_dir), belong to. Without it, groups are not set.
    type: str
  keep:
    description:
      - Number of releases to keep, including the current one. The previous one is removed last.
      - The current release, those in O(protect), and those that a process has mounted always stay.
    type: int
    default: 3
  recheck:
    description:
      - Compute the fingerprint of the existing release, and copy it again if somebody has changed it.
      - Without it the module does not read an existing release.
    type: bool
    default: false
  protect:
    description: Fingerprints of releases that are never removed.
    type: list
    elements: str
    default: []
  lock_timeout_seconds:
    description: Seconds to wait for another run on the same directory.
    type: int
    default: 300
  io_timeout_seconds:
    description: Seconds without data from the source after which a copy fails.
    type: int
    default: 120
attributes:
  check_mode:
    description: Reports whether a release would be copied, switched or removed, without contacting the source.
    support: full
  diff_mode:
    description: Shows the change of C(current).
    support: full
requirements:
  - rsync 3.1.3 or newer on both hosts
notes:
  - While a copy runs, its progress is in C(.progress) in O(releases_dir), and every 10 s in this host's system log.
seealso:
  - module: usegalaxy_eu.celery.galaxy_release_listing
  - module: usegalaxy_eu.celery.galaxy_release_info
"""

EXAMPLES = r"""
- name: List the Galaxy on its own host
  usegalaxy_eu.celery.galaxy_release_listing:
    listing_dir: /var/cache/galaxy-sync
    group: galaxy
  delegate_to: galaxy
  run_once: true
  register: source

- name: Copy the same release to this host
  usegalaxy_eu.celery.galaxy_release:
    fingerprint: "{{ source.fingerprint }}"
    info: "{{ source }}"
    source: "galaxy@galaxy.example.org:"
    listing: "{{ source.listing }}"
    # The role stores the source's host key under this name.
    rsh: >-
      ssh -i /etc/galaxy-sync/id_ed25519 -o BatchMode=yes -o UserKnownHostsFile=/etc/galaxy-sync/known_hosts
      -o HostKeyAlias=galaxy-sync-source
    owner: galaxy
    group: galaxy

- name: Return to the previous release
  usegalaxy_eu.celery.galaxy_release:
    state: current
"""

RETURN = r"""
release:
  description: Fingerprint of the current release (in check mode, of the one that would be).
  returned: success
  type: str
  sample: 5f2c8a90b7e41d36
previous:
  description: Fingerprint of the release that was current before this run; empty when there was none.
  returned: success
  type: str
path:
  description: Directory of the release.
  returned: success
  type: str
  sample: /srv/galaxy-releases/5f2c8a90b7e41d36
synced:
  description: Whether a copy was made.
  returned: success
  type: bool
switched:
  description: Whether C(current) was switched.
  returned: success
  type: bool
pruned:
  description: Releases that were removed.
  returned: success
  type: list
  elements: str
kept:
  description: Existing releases after the run, the newest first.
  returned: success
  type: list
  elements: str
stats:
  description: Figures of the copy. All zero without a copy.
  returned: success
  type: dict
  contains:
    files:
      description: Transferred files. The others were linked to an older release.
      type: int
    bytes:
      description: Their size in bytes.
      type: int
    seconds:
      description: Duration of copy and check, measured on this host.
      type: float
"""

import os
import re
import shutil
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release import (
    FINGERPRINT_RE,
    TREE_ARGUMENTS,
    Tree,
    check_releases_dir,
    release_info,
)
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_copy import Copy
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._release_error import ReleaseError
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._releases import (
    CURRENT,
    DIRECTORY_MODE,
    LOCK,
    PREVIOUS,
    Lock,
    Releases,
    mounted_releases,
)


def prunable(releases: Releases, params: dict[str, Any], names: list[str], current: str, previous: str) -> list[str]:
    """Which releases go, given those that are there, the newest first."""
    order = [name for name in (current, previous) if name in names]
    order += [name for name in names if name not in order]
    surplus = [name for name in order[params["keep"] :] if name not in params["protect"] and name != current]
    if not surplus:
        return []
    used = mounted_releases(surplus)
    return [name for name in surplus if name not in used]


def check_parameters(params: dict[str, Any]) -> None:
    wanted = params["fingerprint"]
    if params["keep"] < 1:
        raise ReleaseError(f"keep: {params['keep']} is below 1: the current release always stays")
    for option in ("lock_timeout_seconds", "io_timeout_seconds"):
        if params[option] < 0:
            raise ReleaseError(f"{option}: {params[option]} is below 0")
    if wanted and not FINGERPRINT_RE.match(wanted):
        raise ReleaseError(f"fingerprint: '{wanted}' is not a fingerprint (16 hexadecimal digits)")
    if not os.path.isabs(params["releases_dir"]):
        raise ReleaseError("releases_dir: '{}' is not an absolute path".format(params["releases_dir"]))
    for option in ("owner", "group"):
        if params[option] and not re.match(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$", params[option]):
            raise ReleaseError(f"{option}: '{params[option]}' is not a name")


def damaged(params: dict[str, Any], releases: Releases, tree: Tree, name: str) -> bool:
    if not params["recheck"]:
        return False
    try:
        return release_info(tree, releases.place(name))["fingerprint"] != name
    except (ReleaseError, OSError):
        return True


def ensure(module: AnsibleModule, releases: Releases, tree: Tree, lock: Lock | None = None) -> dict[str, Any]:
    params = module.params
    names = releases.names()
    current = releases.link(CURRENT)
    previous = releases.link(PREVIOUS)
    wanted = params["fingerprint"]
    if params["state"] == "current":
        wanted = wanted or previous
        if not wanted:
            raise ReleaseError(f"There is no previous release below {releases.path} to go back to")
        if wanted not in names:
            raise ReleaseError(
                "fingerprint: there is no release '{}' below {}; there are: {}".format(
                    wanted, releases.path, ", ".join(names) or "none"
                )
            )
        synced = False
    else:
        synced = wanted not in names or damaged(params, releases, tree, wanted)
    held = wanted != current and not params["activate"]
    switched = wanted != current and not held
    kept = [wanted] + [name for name in names if name != wanted] if synced else names
    pruned = [] if held else prunable(releases, params, kept, wanted, current if switched else previous)
    # An interrupted copy of another release, or a removal that was cut off.
    leftovers = [] if synced else releases.leftovers()
    result = {
        "changed": bool(synced or switched or pruned or leftovers or releases.open_to_others(params["group"])),
        "release": wanted,
        "previous": current,
        "path": releases.place(wanted),
        "synced": synced,
        "switched": switched,
        "pruned": pruned,
        "kept": [name for name in kept if name not in pruned],
        "stats": {"files": 0, "bytes": 0, "seconds": 0.0},
        "diff": {
            "before": "current: {}\n".format(current or "none"),
            "after": "current: {}\n".format((current or "none") if held else wanted),
        },
    }
    if module.check_mode or not result["changed"]:
        return result
    releases.close_to_others(params["group"])
    # Without the lock nothing is copied: that is check mode.
    if synced and lock is not None:
        copy = Copy(module, releases, tree, lock)
        copy.run()
        result["stats"] = copy.stats
    if switched:
        if current in names:
            releases.point(PREVIOUS, current)
        releases.point(CURRENT, wanted)
    # The newest comes last: it is the spare tree of the next copy.
    for name in reversed(pruned):
        releases.retire(name)
    for name in releases.leftovers():
        shutil.rmtree(releases.place(name))
    if releases.link(PREVIOUS) in pruned:
        os.unlink(releases.place(PREVIOUS))
    return result


def run(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    check_parameters(params)
    tree = Tree.from_params(params)
    releases = Releases(params["releases_dir"].rstrip("/"))
    check_releases_dir(tree, releases.path)
    if module.check_mode:
        return ensure(module, releases, tree)
    if params["state"] == "present":
        if not os.path.isdir(releases.path):
            os.makedirs(releases.path, DIRECTORY_MODE)
    elif not os.path.isdir(releases.path):
        raise ReleaseError(f"releases_dir: {releases.path} is not there: no release has been synced to this host yet")
    with Lock(releases.place(LOCK), params["lock_timeout_seconds"]) as lock:
        return ensure(module, releases, tree, lock)


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            TREE_ARGUMENTS,
            state={"type": "str", "choices": ["present", "current"], "default": "present"},
            fingerprint={"type": "str"},
            info={"type": "dict", "default": {}},
            source={"type": "str"},
            listing={"type": "path"},
            rsh={"type": "str", "default": "ssh"},
            releases_dir={"type": "path", "default": "/srv/galaxy-releases"},
            owner={"type": "str"},
            group={"type": "str"},
            keep={"type": "int", "default": 3},
            recheck={"type": "bool", "default": False},
            protect={"type": "list", "elements": "str", "default": []},
            activate={"type": "bool", "default": True},
            lock_timeout_seconds={"type": "int", "default": 300},
            io_timeout_seconds={"type": "int", "default": 120},
        ),
        required_if=[("state", "present", ("fingerprint", "source", "listing"))],
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except ReleaseError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"This host refused an operation: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
