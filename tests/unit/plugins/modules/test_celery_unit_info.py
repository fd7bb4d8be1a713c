# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""celery_unit_info: a fake `systemctl` on PATH tells of units; the processes and their root directories are real.

The root of a test's process is the root of this machine, so INSIDE points to a file of the test: what differs from a
unit with a mount namespace is the mount, and that is what the Molecule scenarios show.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from ansible_collections.usegalaxy_eu.celery.plugins.modules import celery_unit_info

ONE, TWO = "celery-galaxy-worker@1.service", "celery-galaxy-worker@2.service"

# Answers as `systemctl show --property=...` does: a block for each unit, in the order asked, an empty line between.
FAKE_SYSTEMCTL = """\
#!{python}
import json, sys
with open({answers!r}, encoding="utf-8") as stream:
    answers = json.load(stream)
with open({asked!r}, "a", encoding="utf-8") as stream:
    stream.write(json.dumps(sys.argv[1:]) + "\\n")
if "code" in answers:
    sys.stderr.write(answers["error"] + "\\n")
    sys.exit(answers["code"])
units = sys.argv[sys.argv.index("--") + 1:]
if sys.argv[1] == "list-units":
    print("\\n".join(unit + " loaded active running Celery" for unit in answers["units"]))
    print("celery-galaxy-gone@1.service not-found failed failed celery-galaxy-gone@1.service")
    sys.exit()
none = {{"MainPID": "0", "ActiveState": "inactive", "LoadState": "not-found", "UnitFileState": ""}}
blocks = ["".join(f"{{k}}={{v}}\\n" for k, v in answers["units"].get(u, none).items()) for u in units]
sys.stdout.write("\\n".join(blocks))
"""

FAKE_JOURNALCTL = """\
#!{python}
import json, sys
said = "no amqp://galaxy:hidden@mq/ for " + sys.argv[1]
print(json.dumps({{"_SYSTEMD_INVOCATION_ID": "1", "PRIORITY": "3", "MESSAGE": said}}))
"""

SHOWN = {"LoadState": "loaded", "UnitFileState": "enabled"}


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    """Place the fake on PATH. Returns a function that sets its answers, and the list of what it was asked."""
    answers, asked = tmp_path / "answers.json", tmp_path / "asked"
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(FAKE_SYSTEMCTL.format(python=sys.executable, answers=str(answers), asked=str(asked)))
    program.chmod(0o755)
    journal = program.with_name("journalctl")
    journal.write_text(FAKE_JOURNALCTL.format(python=sys.executable))
    journal.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    def say(units=None, **answer):
        shown = {
            name: {**SHOWN, "MainPID": str(pid), "ActiveState": state, **(more[0] if more else {})}
            for name, (state, pid, *more) in (units or {}).items()
        }
        answers.write_text(json.dumps({"units": shown, **answer}))

    say.asked = lambda: [json.loads(line) for line in asked.read_text().splitlines()] if asked.exists() else []
    return say


@pytest.fixture
def process():
    """A real process, for the root directory in its /proc."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child
    child.kill()
    child.communicate()


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """Write what the processes see as the description of their release."""
    path = tmp_path / "inside.json"
    monkeypatch.setattr(celery_unit_info, "INSIDE", str(path).lstrip("/"))
    return path.write_text


@pytest.fixture
def current(tmp_path):
    """Make releases and let the link `current` point to one. Returns the link's path."""

    def switch(fingerprint):
        release = tmp_path / "releases" / fingerprint
        release.mkdir(parents=True)
        (release / "release.json").write_text(json.dumps({"fingerprint": fingerprint}))
        link = tmp_path / "releases" / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(release)
        return str(link)

    return switch


def test_a_unit_on_the_current_release(run, systemctl, process, inside, current):
    systemctl({ONE: ("active", process.pid)})
    inside('{"fingerprint": "aaa"}')
    result = run(celery_unit_info, check=True, units=[ONE], current_release=current("aaa"))
    assert (result["active"], result["outdated"]) == ([ONE], [])
    assert (result["releases"], result["current"]) == ({ONE: "aaa"}, "aaa")
    assert result["changed"] is False
    ((verb, properties, *units),) = systemctl.asked()
    assert (verb, units) == ("show", ["--", ONE])
    assert properties.startswith("--property=LoadState,ActiveState,")


def test_a_unit_keeps_its_release_when_the_link_moves(run, systemctl, process, inside, current):
    systemctl({ONE: ("active", process.pid)})
    inside('{"fingerprint": "aaa"}')
    current("aaa")
    result = run(celery_unit_info, units=[ONE], current_release=current("bbb"))
    assert result["outdated"] == [ONE]
    assert (result["releases"], result["current"]) == ({ONE: "aaa"}, "bbb")


@pytest.mark.parametrize("state", ["inactive", "failed", "deactivating"])
def test_only_active_units_count(run, systemctl, process, inside, current, state):
    systemctl({ONE: (state, process.pid), TWO: ("active", process.pid)})
    inside('{"fingerprint": "aaa"}')
    result = run(celery_unit_info, units=[ONE, TWO], current_release=current("bbb"))
    assert (result["active"], result["outdated"], set(result["releases"])) == ([TWO], [TWO], {TWO})


def test_what_a_unit_said_last_is_told_of_those_that_do_not_come_up(run, systemctl, process):
    systemctl({ONE: ("activating", 0), TWO: ("active", process.pid)})
    said = f"no amqp://galaxy:********@mq/ for _SYSTEMD_UNIT={ONE}"
    assert run(celery_unit_info, units=[ONE, TWO])["errors"] == {ONE: said}


def test_a_unit_that_systemd_does_not_know_is_not_active(run, systemctl):
    systemctl()
    assert run(celery_unit_info, units=[ONE])["active"] == []


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", "null"])
def test_a_release_that_cannot_be_told_is_outdated(run, systemctl, process, inside, current, text):
    systemctl({ONE: ("active", process.pid)})
    inside(text)
    result = run(celery_unit_info, units=[ONE], current_release=current("aaa"))
    assert (result["releases"], result["outdated"]) == ({ONE: None}, [ONE])


def test_a_process_that_is_gone_is_outdated(run, systemctl, inside, current):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    systemctl({ONE: ("active", gone.pid)})
    inside('{"fingerprint": "aaa"}')
    assert run(celery_unit_info, units=[ONE], current_release=current("aaa"))["outdated"] == [ONE]


def test_without_releases_nothing_is_outdated(run, systemctl, process, inside):
    systemctl({ONE: ("active", process.pid)})
    inside('{"fingerprint": "left over"}')
    result = run(celery_unit_info, units=[ONE])
    assert (result["active"], result["outdated"], result["current"]) == ([ONE], [], None)
    assert result["releases"] == {ONE: "left over"}


def test_a_release_link_that_is_missing_outdates_what_runs_one(run, systemctl, process, inside, tmp_path):
    systemctl({ONE: ("active", process.pid)})
    inside('{"fingerprint": "aaa"}')
    result = run(celery_unit_info, units=[ONE], current_release=str(tmp_path / "none"))
    assert (result["current"], result["outdated"]) == (None, [ONE])


def test_no_unit_asks_nothing(run, systemctl):
    systemctl()
    result = run(celery_unit_info, units=[])
    assert (result["active"], result["releases"]) == ([], {})
    assert systemctl.asked() == []


def test_a_failure_of_systemctl_is_told(run, systemctl):
    systemctl(code=1, error="Failed to connect to bus")
    result = run(celery_unit_info, units=[ONE])
    assert result["failed"]
    assert "Failed to connect to bus" in result["msg"]


def started(seconds):
    """The property that says when a unit started: so many seconds from now."""
    return str(int((time.monotonic() + seconds) * 1e6))


@pytest.mark.parametrize("kind", ["FragmentPath", "DropInPaths", "EnvironmentFiles", "files"])
def test_a_file_that_was_written_after_the_start_outdates_the_unit(run, systemctl, process, tmp_path, kind):
    path = tmp_path / "file"
    path.write_text("")
    shown = dict.fromkeys(["FragmentPath", "DropInPaths"], str(path))
    shown["EnvironmentFiles"] = f"{path} (ignore_errors=no)"
    for seconds, outdated in ((-60, [ONE]), (60, [])):
        more = {"ExecMainStartTimestampMonotonic": started(seconds)}
        if kind in shown:
            more[kind] = shown[kind]
        systemctl({ONE: ("active", process.pid, more)})
        result = run(celery_unit_info, units=[ONE], files=[str(path)] if kind == "files" else [])
        assert result["outdated"] == outdated
        assert {f"{path} is newer" in why for why in result["reasons"].values()} == ({True} if outdated else set())


def test_what_systemctl_set_property_wrote_outdates_nothing(run, systemctl, process):
    path = "/run/systemd/system.control/celery-galaxy-worker@1.service.d/50-MemoryMax.conf"
    systemctl({ONE: ("active", process.pid, {"DropInPaths": path})})
    assert run(celery_unit_info, units=[ONE])["reasons"] == {}


def test_a_file_that_is_gone_outdates_the_unit(run, systemctl, process, tmp_path):
    systemctl({ONE: ("active", process.pid, {"FragmentPath": str(tmp_path / "gone")})})
    result = run(celery_unit_info, units=[ONE])
    assert result["reasons"] == {ONE: [f"{tmp_path}/gone cannot be read"]}


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("{0}/gone.env (ignore_errors=yes)", []),
        ("{0}/gone.d/*.env (ignore_errors=yes)", []),
        ("{0}/gone.env (ignore_errors=no)", ["{0}/gone.env cannot be read"]),
        ("{0}/there.env (ignore_errors=yes)", ["{0}/there.env is newer"]),
        ("{0}/the*.env (ignore_errors=no)", ["{0}/there.env is newer"]),
    ],
)
def test_an_environment_file_that_may_be_missing(run, systemctl, process, tmp_path, written, why):
    """With a dash before it (EnvironmentFile=-/path) the unit starts without it, so it outdates nothing."""
    (tmp_path / "there.env").write_text("")
    more = {"EnvironmentFiles": written.format(tmp_path), "ExecMainStartTimestampMonotonic": started(-60)}
    systemctl({ONE: ("active", process.pid, more)})
    found = run(celery_unit_info, units=[ONE])["reasons"]
    assert found == ({ONE: [text.format(tmp_path) for text in why]} if why else {})


def test_units_that_are_too_many(run, systemctl, process, tmp_path, monkeypatch):
    link = tmp_path / "x.wants" / "celery-galaxy-old@1.service"
    link.parent.mkdir()
    link.symlink_to("/nonexistent")
    monkeypatch.setattr(celery_unit_info, "ENABLED", str(tmp_path / "*.wants" / "*"))
    systemctl({ONE: ("active", process.pid), TWO: ("active", process.pid)})
    result = run(celery_unit_info, units=[ONE], patterns=["celery-galaxy-*@*.service"])
    assert result["active"] == [ONE]
    assert result["surplus"] == ["celery-galaxy-old@1.service", TWO]


def test_files_of_templates_without_a_unit(run, systemctl, tmp_path, monkeypatch):
    for name in ("celery-galaxy-worker@.service", "celery-galaxy-old@.service", "galaxy.target", "getty@.service"):
        (tmp_path / name).touch()
    monkeypatch.setattr(celery_unit_info, "TEMPLATES", str(tmp_path / "*@.*"))
    systemctl()
    result = run(celery_unit_info, units=[ONE, TWO], patterns=["celery-galaxy-*@*.service"])
    assert result["surplus_files"] == [str(tmp_path / "celery-galaxy-old@.service")]
    assert run(celery_unit_info, units=[ONE])["surplus_files"] == []


@pytest.mark.parametrize(
    ("state", "more", "found"),
    [
        ("active", {}, "settled"),
        ("active", {"UnitFileState": "disabled"}, ""),
        ("active", {"UnitFileState": "enabled-runtime"}, ""),
        ("activating", {}, ""),
        ("inactive", {}, ""),
        ("inactive", {"LoadState": "not-found", "UnitFileState": ""}, "missing"),
        ("failed", {"LoadState": "not-found", "UnitFileState": ""}, "missing"),
        # Somebody has deleted its file.
        ("active", {"LoadState": "not-found", "UnitFileState": ""}, ""),
        ("inactive", {"LoadState": "masked", "UnitFileState": "masked"}, ""),
    ],
)
def test_what_is_left_to_be_done_to_run_a_unit_or_to_remove_it(run, systemctl, process, state, more, found):
    target = "celery-galaxy.target"
    systemctl({ONE: ("active", process.pid), target: (state, 0, more)})
    result = run(celery_unit_info, units=[ONE], supporting_units=[target, ONE])
    assert result["settled"] == [ONE, target][: 2 if found == "settled" else 1]
    assert result["missing"] == ([target] if found == "missing" else [])
    assert (result["active"], set(result["pids"])) == ([ONE], {ONE})


def test_the_node_is_named_by_the_process_and_not_by_the_unit(run, systemctl):
    command = [sys.executable, "-c", "input()", "--hostname", "worker-1@old", "--queues", "celery"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        systemctl({ONE: ("active", child.pid), TWO: ("inactive", 0)})
        assert run(celery_unit_info, units=[ONE, TWO])["nodes"] == {ONE: "worker-1@old"}
        child.communicate()
    systemctl({ONE: ("active", child.pid)})
    assert run(celery_unit_info, units=[ONE])["nodes"] == {ONE: None}


@pytest.mark.parametrize(
    ("arguments", "node"),
    [
        (["worker", "-n", "worker-internal0.solo"], "celery@worker-internal0.solo"),
        (["worker", "-n", "internal@solo"], "internal@solo"),
        (["worker", "--hostname=internal@solo"], "internal@solo"),
        (["worker", "-ninternal@%h"], "internal@" + socket.gethostname()),
        (["worker", "-n", "%n@solo"], socket.gethostname().partition(".")[0] + "@solo"),
        (["worker", "--pool", "threads"], "celery@" + socket.gethostname()),
        (["beat"], None),
    ],
)
def test_the_node_of_a_unit_of_an_older_role(arguments, node, run, systemctl):
    with subprocess.Popen([sys.executable, "-c", "input()", *arguments], stdin=subprocess.PIPE) as child:
        systemctl({ONE: ("active", child.pid)})
        assert run(celery_unit_info, units=[ONE])["nodes"] == {ONE: node}
        child.communicate()


def test_a_unit_file_that_systemd_has_not_read(run, systemctl, process):
    systemctl({ONE: ("active", process.pid, {"NeedDaemonReload": "no"})})
    assert run(celery_unit_info, units=[ONE])["reload_needed"] is False
    systemctl({ONE: ("active", process.pid, {"NeedDaemonReload": "yes"})})
    assert run(celery_unit_info, units=[ONE])["reload_needed"] is True


def test_the_path_inside_is_the_one_that_the_units_bind():
    assert celery_unit_info.INSIDE == "run/galaxy-release.json"


def test_units_are_required(run):
    assert "units" in run(celery_unit_info)["msg"]


def test_a_worker_that_systemd_waits_for_may_have_tasks(run, systemctl, process):
    systemctl({ONE: ("activating", process.pid), TWO: ("activating", 0)})
    found = run(celery_unit_info, units=[ONE, TWO])
    assert (found["active"], found["pids"], list(found["nodes"])) == ([], {ONE: process.pid}, [ONE])


def test_a_worker_that_says_itself_when_it_consumes_has_none_before(run, systemctl):
    command = [sys.executable, "-c", "input()", "--hostname", "worker-1@h"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        for state, kind, node in (
            ("activating", "notify", None),
            ("activating", "exec", "worker-1@h"),
            ("active", "notify", "worker-1@h"),
        ):
            systemctl({ONE: (state, child.pid, {"Type": kind})})
            assert run(celery_unit_info, units=[ONE])["nodes"] == {ONE: node}
    finally:
        child.kill()
        child.communicate()
