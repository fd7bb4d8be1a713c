# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that edits galaxy.yml in place, run as a whole on real files."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.usegalaxy_eu.celery.plugins.modules import galaxy_config as module

MARK = "s3cret-mark"
URL = f"amqps://galaxy:{MARK}@mq.example.org:5671/galaxy?heartbeat=30"
ROUTES = {"galaxy.fetch_data": "galaxy.external", "galaxy.set_job_metadata": "galaxy.external"}
CONF = {
    "result_backend": f"db+postgresql://galaxy:{MARK}@db/results",
    "task_routes": ROUTES,
    "broker_use_ssl": {"cert_reqs": 2, "server_hostname": None},
}

FILE = """\
# Written by hand.
gravity:
  gunicorn:   {bind: 'localhost:8080'}

galaxy:
  # the title
  brand:   'usegalaxy'   # keep me
  enabled: yes  # YAML 1.1
  mode: 0640
  conf:  # about conf
    a: 1   # inner
    list:
    - x
    - y   # last

  # about text
  text: |
    one
    two

  flow: {a: 1}   # flow
  empty:
  quoted: "a b"
  # the end

uwsgi: ~
"""


@pytest.fixture
def config(tmp_path):
    """Return a galaxy.yml with an unusual mode."""
    path = tmp_path / "galaxy.yml"
    path.write_text(FILE)
    path.chmod(0o640)
    return path


@pytest.fixture
def run(capsys, config):
    """Return a function that runs the module and returns its result."""

    def call(settings, check=False, **args):
        arguments = {"path": str(config), "settings": settings, **args}
        arguments |= {"_ansible_diff": True, "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        output = capsys.readouterr().out
        if args.get("state") != "fragment":
            assert MARK not in output
        return json.loads(output)

    return call


def section(path):
    """Return the section as Galaxy's reader sees it."""
    return yaml.safe_load(path.read_text())["galaxy"]


EDITS = [
    ({"brand": "new"}, "  brand: 'new'   # keep me\n"),
    ({"brand": "it's"}, "  brand: 'it''s'   # keep me\n"),
    ({"brand": None}, "  brand: null   # keep me\n"),
    ({"brand": {"x": [1]}}, "  brand:   # keep me\n    x:\n    - 1\n  enabled"),
    ({"enabled": False}, "  enabled: false  # YAML 1.1\n"),
    ({"enabled": "yes"}, "  enabled: 'yes'  # YAML 1.1\n"),
    ({"mode": "0640"}, "  mode: '0640'\n"),
    ({"conf": {"b": {"c": 1}}}, "  conf:  # about conf\n    b:\n      c: 1   # last\n\n  # about text\n"),
    ({"conf": 5}, "  conf: 5  # about conf   # last\n"),
    ({"text": "short"}, "  text: short\n\n  flow:"),
    ({"flow": [1, 2]}, "  flow:   # flow\n  - 1\n  - 2\n  empty:\n"),
    ({"empty": "x"}, "  empty: x\n"),
    ({"quoted": 'say "x" \\ y'}, '  quoted: "say \\"x\\" \\\\ y"\n'),
    ({"quoted": "two\nlines"}, '  quoted: "two\\nlines"\n'),
    ({"n": 1, "é": "ü"}, "  quoted: \"a b\"\n  'n': 1\n  é: ü\n  # the end\n"),
]


@pytest.mark.parametrize(("settings", "expected"), EDITS)
def test_only_the_lines_of_the_key_change(run, config, settings, expected):
    before = section(config)
    result = run(settings)
    assert result["changed_keys"] == list(settings)
    assert expected in config.read_text()
    assert section(config) == {**before, **settings}
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    inside = (*settings, "inner", "list", "- ", "two", "one")
    kept = [line for line in FILE.splitlines() if not any(text in line for text in inside)]
    assert all(line in config.read_text() for line in kept)
    assert run(settings)["changed"] is False


def test_equal_values_leave_the_file_alone(run, config):
    before = config.stat()
    result = run({"brand": "usegalaxy", "enabled": True, "mode": 0o640, "conf": {"list": ["x", "y"], "a": 1}})
    assert result["changed"] is False
    assert result["changed_keys"] == []
    assert (config.stat().st_ino, config.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("settings", [{"enabled": 1}, {"mode": 416.0}, {"conf": {"list": ["x"], "a": 1}}])
def test_equal_is_strict(run, settings):
    assert run(settings, check=True)["changed"] is True


def test_the_letter_y_is_a_string_for_galaxy(run):
    assert run({"conf": {"list": ["x", True], "a": 1}}, check=True)["changed"] is True


def test_check_mode_changes_nothing(run, config):
    result = run({"brand": "new"}, check=True, copies_kept=3)
    assert result["changed"] is True
    assert "backup_file" not in result
    assert config.read_text() == FILE


def test_a_copy_is_as_closed_as_the_file(run, config):
    result = run({"brand": "new"}, copies_kept=3)
    backup = Path(result["backup_file"])
    assert backup.read_text() == FILE
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640


def test_old_copies_go_and_those_of_others_stay(run, config, monkeypatch):
    """They hold passwords that were changed for a reason."""
    others = [config.with_name(config.name + end) for end in (".4242.2020-01-02@03:04:05~", ".bak", "~")]
    for path in others:
        path.write_text("theirs")
    made = []
    for number in range(5):
        monkeypatch.setattr(module.time, "strftime", lambda _form, second=number: f"2026-01-02@03:04:0{second}")
        made.append(Path(run({"brand": f"new {number}"}, copies_kept=3)["backup_file"]))
    assert [path.exists() for path in made] == [False, False, True, True, True]
    run({"brand": "last"}, check=True)
    assert made[4].exists()
    run({"brand": "last"})
    assert not any(path.exists() for path in made)
    assert all(path.exists() for path in others)


def test_symbolic_link_is_followed(run, config, tmp_path):
    link = tmp_path / "link.yml"
    link.symlink_to(config)
    assert run({"brand": "new"}, path=str(link))["path"] == str(config)
    assert link.is_symlink()
    assert section(config)["brand"] == "new"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("galaxy:\n", "galaxy:\n  a: 1\n"),
        ("galaxy:", "galaxy:\n  a: 1"),
        ("galaxy: # empty\nx: 1\n", "galaxy: # empty\n  a: 1\nx: 1\n"),
        ("galaxy: null\n", "galaxy:\n  a: 1\n"),
        ("galaxy: {}  # c\n", "galaxy:  # c\n  a: 1\n"),
        ("galaxy:\n    b: 2", "galaxy:\n    b: 2\n    a: 1"),
        ("galaxy:\n  b: [1,\n      2] # c\n", "galaxy:\n  b: [1,\n      2] # c\n  a: 1\n"),
        ("---\n'galaxy':\n  'a': 2\n...\n", "---\n'galaxy':\n  a: 1\n...\n"),
        ("galaxy:\r\n  b: 2\r\n", "galaxy:\r\n  b: 2\r\n  a: 1\r\n"),
        ("galaxy:\n  a: &x 2\n", "galaxy:\n  a: 1\n"),
        ("base: &b {a: 2}\ngalaxy:\n  <<: *b\n", "base: &b {a: 2}\ngalaxy:\n  <<: *b\n  a: 1\n"),
    ],
)
def test_shapes_of_files(run, config, text, expected):
    config.write_bytes(text.encode())
    assert run({"a": 1})["changed"] is True
    assert config.read_bytes().decode() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("galaxy:\n  a: [1\nb: 2\n", "is not valid YAML in line 3"),
        (f"galaxy:\n  a: {MARK}\n  a: {MARK}\n", "has the key a twice in one place, again in line 3"),
        ("galaxy:\n  a: !vault x\n", "is not valid YAML in line 2"),
        ("a: 1\n---\nb: 1\n", "is not valid YAML in line 2"),
        ("galaxy:\n  a: \x01\n", "is not valid YAML"),
        ("", "has no section galaxy: add the line 'galaxy:'"),
        ("- galaxy\n", "has no section galaxy"),
        ("other: 1\n", "has no section galaxy"),
        ("galaxy: text\n", "is not a dictionary"),
        ("galaxy: {b: 1}\n", "is in braces"),
        ("galaxy:\n  a: &x 2\n  b: *x\n", "cannot be edited safely, and was left as it is"),
    ],
)
def test_files_that_are_refused(run, config, text, message):
    config.write_text(text)
    result = run({"a": 1})
    assert result["failed"] is True
    assert message in result["msg"]
    assert config.read_text() == text


def test_not_text(run, config):
    config.write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in run({"a": 1})["msg"]


@pytest.mark.parametrize(("name", "message"), [("none.yml", "does not exist"), ("", "is not a file")])
def test_no_file(run, tmp_path, name, message):
    assert message in run({"a": 1}, path=str(tmp_path / name))["msg"]


def test_unreadable(run, config, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "open", refuse, raising=False)
    assert "cannot be read: Permission denied" in run({"a": 1})["msg"]


def test_full_disk(run, config, monkeypatch):
    def refuse(**kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.tempfile, "mkstemp", refuse)
    assert "No space left on device" in run({"a": 1})["msg"]
    assert config.read_text() == FILE


def test_missing_library(run, monkeypatch):
    monkeypatch.setattr(module, "RUAMEL_ERROR", "trace")
    assert "ruamel.yaml" in run({"a": 1})["msg"]


def test_path_is_required(run):
    assert run({"a": 1}, path=None)["msg"] == "path is empty: name the galaxy.yml to edit."


def test_diff_shows_the_changed_keys_without_secrets(run, config):
    old = f"amqp://a:old-{MARK}@h//"
    config.write_text(f"galaxy:\n  id_secret: {MARK}\n  amqp_internal_connection: {old}\n  brand: x\n")
    settings = {"amqp_internal_connection": URL, "celery_conf": CONF, "brand": "true"}
    diff = run(settings)["diff"]
    assert diff["before"] == "galaxy:\n  amqp_internal_connection: '******** (old)'\n  brand: x\n"
    assert "amqp_internal_connection: '******** (new)'" in diff["after"]
    assert "result_backend: db+postgresql://galaxy:******** (new)@db/results" in diff["after"]
    assert "brand: 'true'" in diff["after"]
    assert "id_secret" not in str(diff)
    assert section(config)["celery_conf"] == CONF


def test_fragment(run, config):
    settings = {"amqp_internal_connection": URL, "celery_conf": CONF}
    result = run(settings, state="fragment", path=None)
    assert result["changed"] is False
    assert yaml.safe_load(result["fragment"]) == {"galaxy": settings}
    assert list(yaml.safe_load(result["fragment"])["galaxy"]["celery_conf"]) == list(CONF)
    # Here it is asked for; nowhere else, the invocation included, which older versions of ansible-core add.
    assert MARK not in str({key: value for key, value in result.items() if key != "fragment"})
    assert config.read_text() == FILE


@pytest.mark.parametrize(
    "settings",
    [
        {"amqp_internal_connection": URL, "celery_conf": CONF},
        {"amqp_internal_connection": "amqp://u:p%40%2F%23@h:5671//v?heartbeat=30&ssl=1"},
        {"amqp_internal_connection": "sqlalchemy+sqlite:///./x.sqlite?isolation_level=IMMEDIATE"},
        {"amqp_internal_connection": None},
        {"celery_conf": None},
        {"celery_conf": {"task_routes": {"galaxy.*": "galaxy.external"}}},
        {"celery_conf": {"task_routes": ROUTES, "broker_use_ssl": True}},
        {"celery_conf": {"task_routes": ROUTES, "broker_url": [URL, URL]}},
    ],
)
def test_settings_that_work(run, settings):
    assert run(settings)["changed"] is True


@pytest.mark.parametrize(
    ("settings", "messages"),
    [
        ({"celery_conf": {**CONF, "broker_use_ssl": {"cert_reqs": "2"}}}, ["cert_reqs: is not an integer"]),
        ({"celery_conf": {**CONF, "broker_use_ssl": {"cert_reqs": True}}}, ["cert_reqs: is not an integer"]),
        (
            {"amqp_internal_connection": f"pyamqp://u:{MARK}@h:5671/v?x=1&ssl=1", "celery_conf": CONF},
            ["amqp_internal_connection: ?ssl=1 silently overrides"],
        ),
        (
            {"celery_conf": {**CONF, "broker_url": f"amqp://u:{MARK}@h/v?ssl=1"}},
            ["celery_conf.broker_url: ?ssl=1 silently overrides"],
        ),
        ({"amqp_internal_connection": f"amqp://u:a@{MARK}@h/v"}, ["raw @, #, / or ?"]),
        ({"amqp_internal_connection": f"amqp://u:a/{MARK}@h/v"}, ["raw @, #, / or ?"]),
        ({"amqp_internal_connection": f"amqp://u:a#{MARK}@h/v"}, ["raw @, #, / or ?"]),
        ({"amqp_internal_connection": f"amqp://u:a?{MARK}@h/v"}, ["raw @, #, / or ?"]),
        ({"amqp_internal_connection": f"amqp://u:a%{MARK}@h/v"}, ["a raw % or a space"]),
        ({"amqp_internal_connection": f"amqp://u:a {MARK}@h/v"}, ["a raw % or a space"]),
        ({"amqp_internal_connection": f"amqps://u:{MARK}@h/v?ssl_cert_reqs=2"}, ["ssl_... in the URL"]),
        ({"celery_conf": "text"}, ["celery_conf: is not a dictionary"]),
        ({"celery_conf": {}}, ["no route for galaxy.fetch_data", "no route for galaxy.set_job_metadata"]),
        ({"celery_conf": {"task_routes": ["x"]}}, ["no route for galaxy.fetch_data"]),
        (
            {
                "amqp_internal_connection": f"amqp://u:a@{MARK}@h/v?ssl=1",
                "celery_conf": {"broker_use_ssl": {"cert_reqs": "2"}},
            },
            ["raw @", "cert_reqs", "?ssl=1", "galaxy.fetch_data"],
        ),
    ],
)
def test_settings_that_are_known_to_fail(run, config, settings, messages):
    for arguments in ({}, {"state": "fragment"}):
        result = run(settings, **arguments)
        assert result["failed"] is True
        assert all(message in result["msg"] for message in messages)
        assert MARK not in result["msg"]
    assert config.read_text() == FILE


def test_what_stands_in_the_file_counts(run, config):
    config.write_text(f"galaxy:\n  amqp_internal_connection: amqp://u:{MARK}@h/v?ssl=1\n")
    assert "?ssl=1 silently overrides" in run({"celery_conf": CONF})["msg"]
    assert run({"brand": "x"})["changed"] is True


def test_fragment_with_placeholders(run):
    settings = {"amqp_internal_connection": URL, "celery_conf": {**CONF, "redis_password": MARK, "hosts": [URL]}}
    result = run(
        state="fragment",
        settings=settings,
        placeholders={"amqp_internal_connection": "<one>", "celery_conf.result_backend": "<two>"},
    )
    assert MARK not in json.dumps(result)
    found = yaml.safe_load(result["fragment"])["galaxy"]
    assert found["amqp_internal_connection"] == URL.replace(MARK, "<one>")
    assert found["celery_conf"]["result_backend"] == CONF["result_backend"].replace(MARK, "<two>")
    assert found["celery_conf"]["redis_password"] == "********"
    assert found["celery_conf"]["hosts"] == [URL.replace(MARK, "********")]
    assert found["celery_conf"]["broker_use_ssl"] == CONF["broker_use_ssl"]


HEADS = {
    "the mark of the beginning": "---\n",
    "a directive": "%YAML 1.1\n---\n",
    "a directive of another version": "# by hand\n\n%YAML 1.2\n--- # galaxy.yml\n",
    "a tag": "%TAG ! tag:example.org,2026:\n---\n",
    "the mark of the byte order": "\ufeff---\n",
}


@pytest.mark.parametrize("head", HEADS)
def test_a_file_with_a_head_is_read_as_galaxy_reads_it(run, config, head):
    """Galaxy's reader takes each of them for YAML 1.1."""
    config.write_text(HEADS[head] + FILE)
    assert section(config)["enabled"] is True and section(config)["mode"] == 0o640
    assert run({"enabled": True, "mode": 0o640})["changed"] is False
    assert run({"brand": "new", "more": "yes"})["changed_keys"] == ["brand", "more"]
    text = config.read_text()
    assert text.startswith(HEADS[head] + "# Written by hand.")
    assert section(config)["brand"] == "new" and section(config)["more"] == "yes"


@pytest.mark.parametrize("text", ["%YAML 1.1\ngalaxy: {}\n", "---\ngalaxy: {}\n---\nb: 1\n"])
def test_a_head_that_is_none(run, config, text):
    config.write_text(text)
    result = run({"a": 1})
    assert "is not valid YAML" in result["msg"]
    assert config.read_text() == text


def test_mixed_line_ends_stay_as_they_are(run, config):
    lines = FILE.splitlines()
    mixed = "".join(line + ("\r\n" if number % 3 else "\n") for number, line in enumerate(lines))
    config.write_bytes(mixed.encode())
    run({"conf": {"b": 1}, "brand": "new", "added": {"x": [1, 2]}})
    after = config.read_bytes().decode()
    kept = [line for line in mixed.splitlines(keepends=True) if line in after.splitlines(keepends=True)]
    gone = [line for line in mixed.splitlines(keepends=True) if line not in after.splitlines(keepends=True)]
    assert [line.strip() for line in gone] == [
        "brand:   'usegalaxy'   # keep me",
        "a: 1   # inner",
        "list:",
        "- x",
        "- y   # last",
    ]
    assert len(kept) == len(lines) - len(gone)
    assert section(config)["added"] == {"x": [1, 2]}


@pytest.mark.parametrize("text", ["galaxy:\r\n  a: 1", "galaxy:\n  a: 1", "galaxy:\r\n  a: 1\r\n"])
def test_a_file_without_a_last_line_end(run, config, text):
    config.write_bytes(text.encode())
    run({"b": 2})
    end = "\r\n" if "\r" in text else "\n"
    assert config.read_bytes().decode() == text.removesuffix(end) + f"{end}  b: 2" + (end if text.endswith(end) else "")


@pytest.mark.parametrize("password", ["galaxy", "config", "tmp", "yml", "brand", "s3"])
def test_a_password_that_is_a_word_is_not_torn_out_of_paths(run, tmp_path, config, password):
    """Where it is hidden in a path, the path betrays it."""
    url = f"amqps://galaxy:{password}@mq.example.org:5671/galaxy"
    config.write_text(f"galaxy:\n  amqp_internal_connection: {url}\n  brand: a\n")
    result = run({"amqp_internal_connection": url + "?heartbeat=30", "brand": "b"})
    assert result["path"] == str(config)
    assert result["changed_keys"] == ["amqp_internal_connection", "brand"]
    assert f":{password}@" not in json.dumps(result)
    assert "amqp_internal_connection: '******** (new)'" in result["diff"]["after"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("text", [FILE, FILE.removesuffix("\n"), "galaxy:\n  brand: x\n", "galaxy:\n  brand: x"])
def test_what_was_added_goes_byte_for_byte(run, config, text, end):
    settings = {"amqp_internal_connection": URL, "enable_celery_tasks": True, "celery_conf": CONF}
    config.write_text(text.replace("\n", end), newline="")
    before = config.read_bytes()
    assert run(settings, copies_kept=2)["changed_keys"] == list(settings)
    placed = config.read_bytes()
    told = run(settings, check=True, state="absent")
    assert config.read_bytes() == placed
    done = run(settings, state="absent")
    assert (done["changed_keys"], done["kept_keys"]) == (list(settings), [])
    assert {key: told[key] for key in ("changed", "changed_keys", "diff")} == {
        key: done[key] for key in ("changed", "changed_keys", "diff")
    }
    assert config.read_bytes() == before
    assert list(config.parent.iterdir()) == [config]
    assert run(settings, state="absent")["changed"] is False


def test_what_has_another_value_is_the_sites(run, config):
    run({"enable_celery_tasks": True, "celery_conf": CONF}, copies_kept=2)
    done = run({"enable_celery_tasks": True, "celery_conf": {**CONF, "task_routes": {}}}, state="absent")
    assert (done["changed_keys"], done["kept_keys"]) == (["enable_celery_tasks"], ["celery_conf"])
    assert section(config)["celery_conf"] == CONF
    # The copies may help to find out whose it is.
    assert len(list(config.parent.iterdir())) == 2


@pytest.mark.parametrize("key", ["brand", "enabled", "conf", "text", "flow", "empty", "quoted"])
def test_each_shape_of_a_key_goes_with_its_own_lines_alone(run, config, key):
    value = section(config)[key]
    assert run({key: value}, state="absent")["changed_keys"] == [key]
    rest = section(config)
    assert key not in rest and len(rest) == len(yaml.safe_load(FILE)["galaxy"]) - 1
    kept = [line for line in FILE.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in config.read_text().splitlines() if line.lstrip().startswith("#")] == kept


def test_a_section_in_braces_is_refused(run, config):
    config.write_text("galaxy: {enabled: true}\n")
    assert "is in braces" in run({"enabled": True}, state="absent")["msg"]
