# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hold an account of a host against the directories that it shares with other hosts, by their numbers.

Private to the collection.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from typing import Callable, NamedTuple

REMEDY = (
    "Remedy: give the account the numbers that it has on Galaxy's host (usermod -u and groupmod -g while nothing of it runs; "
    "{uid_variable} and {gid_variable} for one that is yet to be created), or correct the owner at the file server."
)


class Account(NamedTuple):
    """The account as the role is told of it. A uid or gid of 0 is not given."""

    user: str
    group: str
    uid: int
    gid: int
    uid_variable: str
    gid_variable: str


class Numbers(NamedTuple):
    """What the account has, or is to be created with; None where the system chooses."""

    exists: bool
    uid: int | None
    gid: int | None
    groups: tuple[int, ...]


class Directory(NamedTuple):
    """A directory that is there, links followed."""

    variable: str
    path: str
    uid: int
    gid: int
    mode: int


def user_of(uid: int) -> str:
    """The name that a uid has on this host; "" when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def group_of(gid: int) -> str:
    """The name that a gid has on this host; "" when it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def look(directories: dict[str, str]) -> list[Directory]:
    """Those of the directories that are there."""
    found = []
    for variable, path in directories.items():
        if path and os.path.isdir(path):
            info = os.stat(path)
            found.append(Directory(variable, path, info.st_uid, info.st_gid, info.st_mode))
    return found


def numbers(account: Account, directories: list[Directory]) -> Numbers:
    """What the account has here. One that is not there takes the numbers of the first directory that knows them, where they are free."""
    try:
        there = pwd.getpwnam(account.user)
        return Numbers(True, there.pw_uid, there.pw_gid, tuple(os.getgrouplist(account.user, there.pw_gid)))
    except KeyError:
        pass
    uid = account.uid or next((one.uid for one in directories if one.uid and not user_of(one.uid)), None)
    try:
        gid: int | None = grp.getgrnam(account.group).gr_gid
    except KeyError:
        gid = account.gid or next((one.gid for one in directories if one.gid and not group_of(one.gid)), None)
    return Numbers(False, uid, gid, () if gid is None else (gid,))


def given_problems(account: Account, has: Numbers) -> list[str]:
    """Where the numbers that are given differ from those that are there, or are somebody else's."""
    problems = []
    if account.uid and has.exists and has.uid != account.uid:
        problems.append(
            f"{account.uid_variable} is {account.uid}, and the account {account.user} has the uid {has.uid} on this host. An account that is there is "
            f"left as it is. Remedy: set {account.uid_variable} to {has.uid}, or change the account while nothing of it runs (usermod -u)."
        )
    if account.uid and not has.exists and user_of(account.uid):
        problems.append(
            f"{account.uid_variable} is {account.uid}, which the account {user_of(account.uid)} has on this host, so {account.user} cannot be created "
            f"with it. Remedy: give that account another number, or correct {account.uid_variable}."
        )
    if account.gid and has.gid is not None and has.gid != account.gid:
        problems.append(
            f"{account.gid_variable} is {account.gid}, and {'the account ' + account.user if has.exists else 'the group ' + account.group} has the gid "
            f"{has.gid} on this host. What is there is left as it is. Remedy: set {account.gid_variable} to {has.gid}, or change it while nothing of "
            "it runs (groupmod -g)."
        )
    if account.gid and not has.exists and group_of(account.gid) not in ("", account.group):
        problems.append(
            f"{account.gid_variable} is {account.gid}, which the group {group_of(account.gid)} has on this host, so {account.group} cannot be created "
            f"with it. Remedy: give that group another number, or correct {account.gid_variable}."
        )
    return problems


def may_write(path: str, has: Numbers) -> bool:
    """Whether the kernel lets the account make files there, with access lists and all. Asked by a child that has become the account."""
    if os.geteuid() != 0:
        return os.access(path, os.W_OK | os.X_OK)
    # An account without numbers yet will have what everybody has.
    nobody = 65534
    child = os.fork()
    if child == 0:
        answer = 1
        try:
            os.setgroups(list(has.groups))
            os.setgid(nobody if has.gid is None else has.gid)
            os.setuid(nobody if has.uid is None else has.uid)
            answer = 0 if os.access(path, os.W_OK | os.X_OK) else 1
        finally:
            os._exit(answer)
    return os.waitpid(child, 0)[1] == 0


def directory_problem(
    account: Account, has: Numbers, one: Directory, writes: Callable[[str, Numbers], bool] = may_write
) -> str:
    """Why the account and the owner of a directory do not fit; "" when they do."""
    theirs = f"{one.variable} is {one.path}, which belongs to uid {one.uid} and gid {one.gid}"
    ours = (
        f"the account {account.user} has uid {has.uid} and gid {has.gid}"
        if has.exists
        else f"the account {account.user} is not there yet"
    )
    remedy = REMEDY.format(uid_variable=account.uid_variable, gid_variable=account.gid_variable)
    # Root has prepared many a directory for a group. One of another account that this host knows may be shared on purpose.
    if one.uid not in (0, has.uid) and not user_of(one.uid):
        return f"{theirs}, while on this host {ours} (here {one.uid} is nobody's number). {remedy}"
    # With the bit setgid the account's own group does not count. A group that this host knows by another name, such as a web server's, is one.
    foreign = one.gid not in (0, has.gid, *has.groups) and group_of(one.gid) in ("", account.group)
    if foreign and not one.mode & stat.S_ISGID:
        return f"{theirs}, while on this host {ours} (here {one.gid} is not the number of {account.group}). {remedy}"
    if not writes(one.path, has):
        return (
            f"{theirs} and has the mode {stat.S_IMODE(one.mode):04o}, while on this host {ours} and cannot write there. The directory is left as it is. "
            "Remedy: let the account write there (chown, chmod or setfacl), or set the variable to another directory."
        )
    return ""
