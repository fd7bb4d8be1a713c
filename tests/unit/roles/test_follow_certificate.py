# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a service's copy of a certificate as certbot renews it, with links and directories as certbot has them."""

from __future__ import annotations

import importlib.util
import os
import stat

import pytest
from tools import role_templates
from tools.preflight_site import pair

PROGRAM = role_templates.ROLES / "common" / "files" / "follow_certificate.py"
SPEC = importlib.util.spec_from_file_location("follow_certificate", PROGRAM)
program = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(program)
GIVEN = {
    "common_follow_certificate": "/etc/letsencrypt/live/mq.example.org/fullchain.pem",
    "common_follow_key": "/etc/letsencrypt/live/mq.example.org/privkey.pem",
    "common_follow_to_certificate": "/etc/traefik/certificates/default.crt",
    "common_follow_to_key": "/etc/traefik/certificates/default.key",
    "common_follow_for": "Traefik",
    "common_follow_user": "traefik",
    "common_follow_group": "traefik",
    "common_follow_touch": "/etc/traefik/dynamic/galaxy-celery.yml",
    "common_follow_unit": "traefik-galaxy-certificate",
}


class Site:
    """A host with a certificate of certbot's, and a service that has a copy."""

    def __init__(self, folder):
        self.archive, self.live = folder / "archive", folder / "live"
        self.copy, self.touched = folder / "copy", folder / "routes.yml"
        for path in (self.archive, self.live, self.copy):
            path.mkdir()
        self.touched.write_text("routes")
        self.number = 0

    def renew(self, parts=("fullchain", "privkey")):
        """Write new files, and point the links to these parts of them, as certbot does one after the other."""
        self.number += 1
        for name, text in zip(("fullchain", "privkey"), pair()):
            (self.archive / f"{name}{self.number}.pem").write_text(text)
        for name in parts:
            (self.live / f"{name}.pem").unlink(missing_ok=True)
            (self.live / f"{name}.pem").symlink_to(f"../archive/{name}{self.number}.pem")

    def follow(self):
        words = ["--certificate", self.live / "fullchain.pem", "--key", self.live / "privkey.pem"]
        words += ["--to-certificate", self.copy / "default.crt", "--to-key", self.copy / "default.key"]
        words += ["--user", os.getuid(), "--group", os.getgid(), "--touch", self.touched, "--settle", "0"]
        return program.main([str(word) for word in words])

    def copied(self):
        return [(self.copy / name).read_text() for name in ("default.crt", "default.key")]

    def wanted(self):
        return [(self.live / f"{name}.pem").read_text() for name in ("fullchain", "privkey")]


@pytest.fixture
def site(tmp_path):
    found = Site(tmp_path)
    found.renew()
    return found


def test_a_renewed_certificate_is_copied_and_told(site):
    assert site.follow() == 0
    assert site.copied() == site.wanted()
    assert {stat.S_IMODE(path.stat().st_mode) for path in site.copy.iterdir()} == {0o600}
    os.utime(site.touched, (1, 1))
    site.renew()
    assert site.follow() == 0
    assert site.copied() == site.wanted()
    assert site.touched.stat().st_mtime > 1


def test_what_is_the_same_is_left(site):
    assert site.follow() == 0
    before = [path.stat().st_mtime_ns for path in (*sorted(site.copy.iterdir()), site.touched)]
    assert site.follow() == 0
    assert [path.stat().st_mtime_ns for path in (*sorted(site.copy.iterdir()), site.touched)] == before


def test_a_service_that_was_not_told_is_told_later(site):
    """A run that was cut off between the copy and the word."""
    assert site.follow() == 0
    os.utime(site.touched, (1, 1))
    assert site.follow() == 0
    assert site.touched.stat().st_mtime > 1


def test_a_certificate_without_its_key_is_left(site, capsys):
    assert site.follow() == 0
    before = site.copied()
    site.renew(parts=["fullchain"])
    assert site.follow() == 1
    assert "do not serve together" in capsys.readouterr().err
    assert site.copied() == before


def test_files_that_are_gone_are_named(site, capsys):
    (site.live / "privkey.pem").unlink()
    assert site.follow() == 1
    assert "privkey.pem" in capsys.readouterr().err
    assert list(site.copy.iterdir()) == []


def test_the_units():
    def unit(name):
        text = role_templates.render("common", f"etc/systemd/system/{name}.j2", {}, **GIVEN)
        return role_templates.unit_values(text)

    service = unit("certificate.service")["Service"]
    (command,) = service["ExecStart"]
    given = program_words(command)
    assert given["--certificate"] == GIVEN["common_follow_certificate"]
    assert given["--touch"] == GIVEN["common_follow_touch"]
    assert service["ReadWritePaths"] == ["/etc/traefik/certificates /etc/traefik/dynamic"]
    assert unit("certificate.path")["Path"]["PathChanged"] == ["/etc/letsencrypt/live/mq.example.org"]
    assert unit("certificate.timer")["Timer"]["OnCalendar"] == ["hourly"]


def program_words(command):
    """The options of the program in a unit's command."""
    words = command.split()[3:]
    return dict(zip(words[::2], words[1::2]))
