"""The fingerprint of a Galaxy tree: what counts, what does not, and that patterns mean what rsync means by them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import (
    _release,
    _release_error,
    _release_exclude,
)

SERVER = "/srv/galaxy/server"
EXCLUDE = [".git", "node_modules", "*.sock", f"{SERVER}/database/*", f"{SERVER}/test/"]


def build_tree(root):
    server = root / SERVER.lstrip("/")
    files = {
        "lib/galaxy/version.py": 'VERSION_MAJOR = "26.1"\nVERSION_MINOR = "2"\nVERSION = VERSION_MAJOR\n',
        "lib/galaxy/app.py": "app\n",
        "lib/galaxy_app-26.1.2.dist-info/METADATA": "m\n",
        "config/galaxy.yml": "galaxy: {}\n",
        "test/test_app.py": "t\n",
        "database/files/1.dat": "data\n",
        ".git/HEAD": "ref\n",
        "client/node_modules/x/index.js": "x\n",
        ".venv/lib/python3.11/site-packages/celery-5.7.0.dist-info/METADATA": "m\n",
        ".venv/lib/python3.11/site-packages/Foo.Bar_baz-1.0.dist-info/METADATA": "m\n",
        ".venv/lib/python3.11/site-packages/celery/test/__init__.py": "kept\n",
        ".venv/pyvenv.cfg": "home = /usr/bin\nversion = 3.11.2\nexecutable = /usr/bin/python3.11\n",
        "run.sh": "#!/bin/sh\n",
    }
    for name, text in files.items():
        path = server / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (server / ".venv/bin").mkdir()
    (server / ".venv/bin/python").symlink_to("/usr/bin/python3.11")
    (server / "config/galaxy.yml").chmod(0o640)
    return server


@pytest.fixture
def server(tmp_path):
    return build_tree(tmp_path)


def info(root, **changes):
    options = {"server_dir": SERVER, "exclude": EXCLUDE, **changes}
    return _release.release_info(_release.Tree(**options), str(root))


def test_it_describes_the_release(tmp_path, server):
    found = info(tmp_path)
    assert _release.FINGERPRINT_RE.match(found["fingerprint"])
    assert found["galaxy_version"] == "26.1.2"
    assert found["packages"] == ["celery==5.7.0", "foo-bar-baz==1.0", "galaxy-app==26.1.2"]
    assert found["python"]["version"] == "3.11.2"
    assert found["python"]["interpreter"] == "/usr/bin/python3.11"
    assert found["paths"] == [SERVER]
    assert found["files"] == 9
    assert found == info(tmp_path)


def test_another_root_gives_the_same_fingerprint(tmp_path, server):
    copy = tmp_path / "copy"
    copy.mkdir()
    subprocess.run(["rsync", "-a", f"{tmp_path}/srv", f"{copy}/"], check=True)
    assert info(copy)["fingerprint"] == info(tmp_path)["fingerprint"]


CHANGES = {
    "a changed file": (lambda s: (s / "lib/galaxy/app.py").write_text("other\n"), "code"),
    "a newer file of the same size": (lambda s: os.utime(s / "lib/galaxy/app.py", ns=(1, 1)), "code"),
    "a new file": (lambda s: (s / "lib/galaxy/new.py").write_text(""), "code"),
    "a file that is gone": (lambda s: (s / "lib/galaxy/app.py").unlink(), "code"),
    "another mode": (lambda s: (s / "run.sh").chmod(0o755), "code"),
    "another mode of a directory": (lambda s: (s / "lib").chmod(0o700), "code"),
    "an empty directory": (lambda s: (s / "lib/empty").mkdir(), "code"),
    "another link": (
        lambda s: ((s / ".venv/bin/python").unlink(), (s / ".venv/bin/python").symlink_to("/x")),
        "code",
    ),
    "another configuration": (lambda s: (s / "config/galaxy.yml").write_text("galaxy: []\n"), "config"),
    "a configuration open to others": (lambda s: (s / "config/galaxy.yml").chmod(0o644), "config"),
    "a new package": (
        lambda s: (s / ".venv/lib/python3.11/site-packages/kombu-5.7.0.dist-info").mkdir(),
        "packages",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_counts(tmp_path, server, name):
    change, part = CHANGES[name]
    before = info(tmp_path)
    change(server)
    after = info(tmp_path)
    assert after["fingerprint"] != before["fingerprint"]
    assert after["parts"][part] != before["parts"][part]


IGNORED = {
    "compiled bytecode": lambda s: (
        (s / "lib/galaxy/__pycache__").mkdir(),
        (s / "lib/galaxy/__pycache__/app.cpython-311.pyc").write_bytes(b"x"),
        (s / "lib/galaxy/old.pyc").write_bytes(b"x"),
    ),
    "a data file": lambda s: (s / "database/new.dat").write_text("x"),
    "a log of git": lambda s: (s / ".git/x").write_text("x"),
    "a test": lambda s: (s / "test/new.py").write_text("x"),
    "a nested node_modules": lambda s: (s / "client/node_modules/new.js").write_text("x"),
    "a socket": lambda s: socket.socket(socket.AF_UNIX).bind(str(s / "lib/s")),
    "a configuration written again": lambda s: os.utime(s / "config/galaxy.yml", ns=(1, 1)),
    "another user's time of a directory": lambda s: os.utime(s / "lib", ns=(1, 1)),
}


@pytest.mark.parametrize("name", IGNORED)
def test_what_does_not_count(tmp_path, server, name, monkeypatch):
    before = info(tmp_path)["fingerprint"]
    IGNORED[name](server)
    assert info(tmp_path)["fingerprint"] == before


def test_a_tree_that_a_link_leads_to(tmp_path, server):
    real = tmp_path / "opt"
    shutil.move(str(server), str(real))
    server.symlink_to(real)
    assert info(tmp_path)["files"] == 9


def test_paths_outside_of_the_server(tmp_path, server):
    (tmp_path / "etc/galaxy").mkdir(parents=True)
    (tmp_path / "etc/galaxy/galaxy.yml").write_text("x")
    found = info(tmp_path, config_dir="/etc/galaxy", paths=["/etc/galaxy/", f"{SERVER}/lib"])
    assert found["paths"] == [SERVER, "/etc/galaxy"]
    assert found["files"] == 10


@pytest.mark.parametrize(
    ("text", "version", "interpreter"),
    [
        (
            "home = /opt/py/bin\nversion_info = 3.12.1.final.0\nbase-executable = /opt/py/bin/python3.12\n",
            "3.12.1",
            "/opt/py/bin/python3.12",
        ),
        ("home = /opt/py/bin\nimplementation = CPython\nversion_info = 3.13.0\n", "3.13.0", "/opt/py/bin/python3.13"),
    ],
)
def test_virtual_environments_of_other_tools(tmp_path, server, text, version, interpreter):
    (server / ".venv/pyvenv.cfg").write_text(text)
    # Where no link tells.
    (server / ".venv/bin/python").unlink()
    found = info(tmp_path)["python"]
    assert (found["version"], found["interpreter"], found["available"]) == (version, interpreter, False)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"server_dir": "srv/galaxy"}, "not an absolute path"),
        ({"server_dir": "/"}, "whole host"),
        ({"server_dir": "/srv/galaxy/../x"}, "'..'"),
        ({"server_dir": "/srv/my galaxy"}, "space"),
        ({"server_dir": "/srv/gal*"}, "space or a character"),
        ({"server_dir": "/srv/nowhere"}, "pyvenv.cfg is missing"),
        ({"venv_dir": f"{SERVER}/lib"}, "not a Python virtual environment"),
        ({"config_dir": "/srv/galaxy/nowhere"}, "not a directory"),
        ({"paths": ["/srv/galaxy/nowhere"]}, "not a directory"),
        ({"exclude": [""]}, "empty"),
        ({"exclude": [" x"]}, "white space"),
        ({"exclude": ["/"]}, "leaves out everything"),
        ({"exclude": ["*"]}, "belongs to the release"),
        ({"exclude": ["server"]}, "belongs to the release"),
        ({"exclude": ["/srv/galaxy/"]}, "belongs to the release"),
        ({"exclude": [".venv"]}, f"leaves out {SERVER}/.venv"),
        ({"exclude": ["a\\b"]}, "not supported"),
        ({"exclude": ["a/***"]}, "not supported"),
        ({"exclude": ["a[b"]}, "not closed"),
        ({"exclude": ["./a"]}, "never matches"),
        ({"exclude": ["a//b"]}, "never matches"),
    ],
)
def test_mistakes_are_named(tmp_path, server, changes, word):
    with pytest.raises(_release_error.ReleaseError, match=word.replace(".", r"\.")):
        info(tmp_path, **changes)


PATTERNS = [
    "x", "x/", "*.py", "*.p?", "[ab].py", "[!ab].py", "a/x", "/s/a", "/s/a/", "/s/a/*", "/s/*/x", "/s/**/x", "**/x",
    "a/**", "**.py", "s*/x", "b/a.py", "/a", "/x", "a*", "/s/a/x", "?x", "x/*", "/s/b/**.py", "- x", "!", "a.py/",
    "a**x", "*/x",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_leaves_out_exactly_what_rsync_leaves_out(tmp_path, pattern):
    source, copy = tmp_path / "from", tmp_path / "to"
    names = ["x", "a.py", "a/x", "a/a.py", "a/x2/a/x", "b/x/y.py", "b/c/a.py", "b/d.py", "ax", "x.pyc", "!", "- x"]
    for name in names:
        path = source / "s" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    subprocess.run(
        ["rsync", "-rR", "--no-implied-dirs", f"--filter=- {pattern}", f"{source}/./s/", f"{copy}/"], check=True
    )
    exclude = _release_exclude.Exclude([pattern])
    kept = set()
    for directory, directories, files in os.walk(source / "s"):
        inside = os.path.relpath(directory, source)
        directories[:] = [name for name in directories if not exclude.matches(f"{inside}/{name}", name, True)]
        kept |= {f"{inside}/{name}" for name in directories}
        kept |= {f"{inside}/{name}" for name in files if not exclude.matches(f"{inside}/{name}", name, False)}
    copied = {str(path.relative_to(copy)) for path in copy.rglob("*")} - {"s"}
    assert kept == copied


ROLE_DEFAULTS = Path(__file__).resolve().parents[4] / "roles/galaxy_sync/defaults/main.yml"
# Of each default pattern of the role a path that it names; what must not go with them stands in KEPT.
NAMED = {
    ".git": f"{SERVER}/lib/x/.git/HEAD",
    "node_modules": f"{SERVER}/client/node_modules/vue/index.js",
    "*.sock": f"{SERVER}/config/gunicorn.sock",
    "*~": f"{SERVER}/config/galaxy.yml.usegalaxy_eu.celery.2026-01-02@03:04:05~",
    ".cache/": f"{SERVER}/.cache/pip/wheel",
    ".mypy_cache/": f"{SERVER}/lib/.mypy_cache/3.11/x.json",
    ".pytest_cache/": f"{SERVER}/.pytest_cache/v/x",
    ".ruff_cache/": f"{SERVER}/.ruff_cache/x",
    ".tox/": f"{SERVER}/packages/app/.tox/py/x",
    f"{SERVER}/.ci/": f"{SERVER}/.ci/x.sh",
    f"{SERVER}/.circleci/": f"{SERVER}/.circleci/config.yml",
    f"{SERVER}/.github/": f"{SERVER}/.github/workflows/x.yml",
    f"{SERVER}/test/": f"{SERVER}/test/unit/x.py",
    f"{SERVER}/test-data/": f"{SERVER}/test-data/1.bed",
    f"{SERVER}/*.log": f"{SERVER}/galaxy.log",
    f"{SERVER}/*.pid": f"{SERVER}/galaxy.pid",
    f"{SERVER}/database/*": f"{SERVER}/database/files/000/1.dat",
    "/srv/galaxy/var/*": "/srv/galaxy/var/data/1.dat",
}
KEPT = [
    "lib/galaxy/test/x.py", "lib/galaxy/database/x.py", "lib/galaxy/x.log", "lib/galaxy/.cache", "lib/socket.py",
    ".venv/lib/python3.11/site-packages/celery/test/x.py", "tool-data/shared/ucsc/builds.txt", "config/galaxy.yml",
    "lib/galaxy/.gitignore",
]  # fmt: skip


def role_patterns():
    text = ROLE_DEFAULTS.read_text().replace("{{ galaxy_sync_server_dir }}", SERVER)
    text = text.replace(
        "{{ galaxy_mutable_data_dir | default((galaxy_root | default('/srv/galaxy')) ~ '/var') }}", "/srv/galaxy/var"
    )
    return yaml.safe_load(text)["galaxy_sync_exclude"]


def test_each_default_pattern_of_the_role_matches_what_it_names(tmp_path):
    assert role_patterns() == list(NAMED)
    for name in [*NAMED.values(), *[f"{SERVER}/{kept}" for kept in KEPT]]:
        path = tmp_path / "from" / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    def copied(patterns, to):
        filters = [f"--filter=- {pattern}" for pattern in patterns]
        subprocess.run(["rsync", "-rR", *filters, f"{tmp_path}/from/./srv/", f"{tmp_path}/{to}/"], check=True)
        return {f"/{path.relative_to(tmp_path / to)}" for path in (tmp_path / to).rglob("*") if path.is_file()}

    assert copied(NAMED, "all") == {f"{SERVER}/{kept}" for kept in KEPT}
    for number, (pattern, named) in enumerate(NAMED.items()):
        # Without this one pattern, exactly its file comes along.
        others = [other for other in NAMED if other != pattern]
        assert copied(others, str(number)) - {f"{SERVER}/{kept}" for kept in KEPT} == {named}


def described(server, **changes):
    """The release of a tree at its canonical path, as the source describes it."""
    return _release.release_info(_release.Tree(str(server), **changes))


@pytest.mark.parametrize(("part", "option"), [("config", "config_dir"), (".venv", "venv_dir")])
def test_a_part_that_is_a_link_out_of_the_release_is_refused(tmp_path, server, part, option):
    """The link would be copied, and what it leads to would be missed."""
    elsewhere = tmp_path / "elsewhere"
    (server / part).rename(elsewhere)
    (server / part).symlink_to(elsewhere)
    with pytest.raises(
        _release_error.ReleaseError, match=f"{option}: {server}/{part} is a link to {elsewhere}"
    ) as told:
        described(server)
    assert f"Set galaxy_{option} to {elsewhere}, or add that to galaxy_sync_extra_paths" in str(told.value)
    # What it leads to is part of the release by either way, and what changes there counts.
    for changes in ({option: str(elsewhere)}, {"paths": [str(elsewhere)]}):
        before = described(server, **changes)["fingerprint"]
        (elsewhere / "galaxy.yml").write_text(f"# {changes}\n")
        assert described(server, **changes)["fingerprint"] != before


def test_a_part_that_is_a_link_within_the_release(server):
    (server / "config").rename(server / "config-2026")
    (server / "config").symlink_to("config-2026")
    assert described(server)["files"] > 0


@pytest.mark.parametrize(
    ("links", "interpreter"),
    [
        ({"python": "/opt/python/bin/python3"}, "/opt/python/bin/python3"),
        ({"python": "python3", "python3": "/usr/bin/python3"}, "/usr/bin/python3"),
        ({"python": "../../python/bin/python3"}, f"{SERVER}/python/bin/python3"),
        # A copy, and a circle: what pyvenv.cfg says is all that is known.
        ({"python": None}, "/usr/bin/python3.11"),
        ({"python": "python3", "python3": "python"}, "/usr/bin/python3.11"),
    ],
)
def test_the_interpreter_is_the_one_that_runs(tmp_path, server, links, interpreter):
    """pyvenv.cfg names the one with which the virtual environment was made, perhaps long ago."""
    folder = server / ".venv/bin"
    (folder / "python").unlink()
    (server / "python/bin").mkdir(parents=True)
    (server / "python/bin/python3").write_text("")
    for name, target in links.items():
        (folder / name).symlink_to(target) if target else (folder / name).write_text("")
    assert info(tmp_path)["python"]["interpreter"] == interpreter
