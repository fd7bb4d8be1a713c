# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account against the directories that it shares: by numbers, as file servers know it."""

from __future__ import annotations

import grp
import os
import pwd
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _accounts as accounts

USERS = {"root": (0, 0), "galaxy": (998, 997), "objects": (1500, 1500)}
GROUPS = {"root": 0, "galaxy": 997, "www-data": 33, "objects": 1500}


@pytest.fixture
def host(monkeypatch):
    """A host with accounts and groups of its own."""
    users, groups = dict(USERS), dict(GROUPS)
    monkeypatch.setattr(pwd, "getpwnam", lambda name: SimpleNamespace(pw_uid=users[name][0], pw_gid=users[name][1]))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name={v[0]: k for k, v in users.items()}[uid]))
    monkeypatch.setattr(grp, "getgrnam", lambda name: SimpleNamespace(gr_gid=groups[name]))
    monkeypatch.setattr(grp, "getgrgid", lambda gid: SimpleNamespace(gr_name={v: k for k, v in groups.items()}[gid]))
    monkeypatch.setattr(os, "getgrouplist", lambda _name, gid: [gid])
    return SimpleNamespace(users=users, groups=groups)


def account(uid=0, gid=0):
    return accounts.Account("galaxy", "galaxy", uid, gid, "celery_galaxy_uid", "celery_galaxy_gid")


def directory(uid, gid, mode=0o40755):
    return accounts.Directory("celery_galaxy_data_dir", "/srv/galaxy/var", uid, gid, mode)


def said(one, writes=True, **given):
    wanted = account(**given)
    return accounts.directory_problem(wanted, accounts.numbers(wanted, [one]), one, lambda _path, _has: writes)


@pytest.mark.parametrize(
    "one",
    [
        directory(998, 997),
        directory(998, 997, 0o42775),
        # For nginx to read, or made by root for the group.
        directory(998, 33, 0o40750),
        directory(998, 4242, 0o42770),
        directory(0, 997, 0o42775),
        # Of another account of this host, opened to Galaxy's by a group or an access list.
        directory(1500, 1500, 0o40775),
    ],
)
def test_directories_that_sites_have_are_right(host, one):
    assert said(one) == ""


@pytest.mark.parametrize(
    "one", [directory(1450, 1450), directory(1450, 997), directory(998, 1450), directory(1450, 997, 0o42777)]
)
def test_other_numbers_are_refused_with_both(host, one):
    text = said(one)
    assert f"/srv/galaxy/var, which belongs to uid {one.uid} and gid {one.gid}, while" in text
    assert "on this host the account galaxy has uid 998 and gid 997" in text
    assert "Remedy: give the account the numbers that it has on Galaxy's host" in text


def test_one_that_cannot_be_written_is_refused_and_left(host):
    text = said(directory(0, 0, 0o40755), writes=False)
    assert "has the mode 0755" in text and "cannot write there. The directory is left as it is. Remedy: " in text


def test_a_new_account_takes_the_numbers_of_the_shared_directory(host):
    del host.users["galaxy"], host.groups["galaxy"]
    one = directory(1450, 1451)
    assert accounts.numbers(account(), [one])[:3] == (False, 1450, 1451)
    assert said(one) == ""
    # Given ones win, and are held against it.
    assert accounts.numbers(account(uid=1600), [one]).uid == 1600
    assert "belongs to uid 1450" in said(one, uid=1600)


def test_without_a_directory_the_system_chooses(host):
    del host.users["galaxy"], host.groups["galaxy"]
    assert accounts.numbers(account(), []) == (False, None, None, ())
    # A number that is somebody's is not taken.
    assert accounts.numbers(account(), [directory(1500, 1500)])[:3] == (False, None, None)


@pytest.mark.parametrize(
    ("given", "there", "words"),
    [
        ({"uid": 1450}, True, "celery_galaxy_uid is 1450, and the account galaxy has the uid 998 on this host"),
        ({"gid": 1450}, True, "celery_galaxy_gid is 1450, and the account galaxy has the gid 997 on this host"),
        ({"uid": 1500}, False, "celery_galaxy_uid is 1500, which the account objects has on this host"),
        ({"gid": 1500}, False, "celery_galaxy_gid is 1500, which the group objects has on this host"),
    ],
)
def test_numbers_that_cannot_be_given_are_refused(host, given, there, words):
    if not there:
        del host.users["galaxy"], host.groups["galaxy"]
    problems = accounts.given_problems(account(**given), accounts.numbers(account(**given), []))
    assert [words in problem and "Remedy: " in problem for problem in problems] == [True]


def test_right_numbers_are_right(host):
    assert accounts.given_problems(account(uid=998, gid=997), accounts.numbers(account(), [])) == []


def test_links_are_followed(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    found = accounts.look({"a": str(tmp_path / "link"), "b": str(tmp_path / "none"), "c": ""})
    assert [(one.variable, one.uid) for one in found] == [("a", (tmp_path / "target").stat().st_uid)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
def test_the_kernel_is_asked_as_the_account():
    # Below pytest's own directories no other account gets.
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o775)
        os.chown(path, 1450, 1451)
        wrote = [
            accounts.may_write(path, accounts.Numbers(False, uid, gid, (gid,) if gid else ()))
            for uid, gid in ((1450, 1), (1, 1451), (1, 1), (None, None))
        ]
    assert wrote == [True, True, False, False]
