# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is found of a Galaxy on a host: on fake hosts, which are directory trees in the shape of three real layouts."""

from __future__ import annotations

import json

import pytest
import yaml
from tools.galaxy_layouts import LAYOUTS, PASSWORD, code, older, training, tree, whole

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _galaxy_settings
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _galaxy_site as site


def parse(text):
    """As the module does it."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError("a mistake") from error


@pytest.fixture(params=sorted(LAYOUTS))
def each(request, tmp_path):
    """A fake host of each layout."""
    return tree(tmp_path, LAYOUTS[request.param][0]())


def values(root, **more):
    """What was found, without where."""
    return {name: entry["value"] for name, entry in site.look(str(root), parse, **more)["found"].items()}


def test_a_galaxy_with_gravity(tmp_path):
    found = values(tree(tmp_path, whole()))
    assert found == {
        "config_file": "/srv/galaxy/server/config/galaxy.yml",
        "config_dir": "/srv/galaxy/server/config",
        "server_dir": "/srv/galaxy/server",
        "root": "/srv/galaxy",
        "venv_dir": "/srv/galaxy/server/.venv",
        "data_dir": "/srv/galaxy/var",
        "data_shared": {"type": "nfs4", "source": "nas:/galaxy", "mount": "/srv/galaxy/var"},
        "user": "galaxy",
        "version": "26.1",
        "python": "3.11.2",
        "process_manager": "gravity",
        "services": ["galaxy.target"],
        "gravity_celery": False,
        "database": {"host": "db.example.org", "port": 5432, "name": "galaxy", "user": "galaxy"},
        "database_here": False,
        "broker": {"host": "mq.example.org", "port": 5671, "vhost": "main", "user": "galaxy", "tls": True},
        "result_backend": "db+postgresql",
        "url": "https://galaxy.example.org",
        "writable_dirs": ["/data/objects"],
    }


@pytest.mark.parametrize("option", sorted(set(_galaxy_settings.WRITTEN) - {"data_dir"}))
def test_what_check_wants_writable_is_found(tmp_path, option):
    files = whole()
    files["/srv/galaxy/server/config/galaxy.yml"]["galaxy"][option] = "/data/other"
    found = values(tree(tmp_path, {**files, "/data/other/": ""}))
    assert "/data/other" in found["writable_dirs"]
    assert "/data/other" not in found.get("extra_paths", [])


def test_the_layout_of_the_training(tmp_path):
    result = site.look(str(tree(tmp_path, training())), parse)
    found = {name: entry["value"] for name, entry in result["found"].items()}
    assert found["server_dir"] == "/srv/galaxy/server"
    assert found["venv_dir"] == "/srv/galaxy/venv"
    assert found["config_dir"] == "/srv/galaxy/config"
    assert found["data_dir"] == "/data/galaxy"
    assert found["database"]["host"] == "/var/run/postgresql"
    assert found["writable_dirs"] == ["/data/store-1"]
    assert found["extra_paths"] == ["/srv/tools"]
    assert found["web_server"] == "nginx"
    # gravity's default is to run Celery.
    assert found["gravity_celery"] is True
    assert found["managed_by_ansible"] is True
    assert found["database_here"] is True
    assert "data_shared" not in found
    assert any("socket" in note for note in result["notes"])


def test_the_layout_of_the_older_roles(tmp_path):
    found = values(tree(tmp_path, older()))
    assert found["config_file"] == "/opt/galaxy/config/galaxy.yml"
    assert found["venv_dir"] == "/opt/galaxy/venv"
    assert found["data_dir"] == "/opt/galaxy/server/database"
    assert found["older_units"] == ["flower.service", "galaxy-celery-internal@.service"]
    assert found["process_manager"] == "systemd"
    assert found["services"] == ["galaxy-zergling@.service"]
    assert found["user"] == "galaxy"
    assert found["database"] == {"host": "10.0.0.5", "port": 5432, "name": "main", "user": "gx"}
    assert found["rabbitmq"] is True


def test_each_value_has_an_origin_and_no_password_leaves(each):
    result = site.look(str(each), parse)
    assert all(entry["origin"] for entry in result["found"].values())
    assert PASSWORD not in json.dumps(result)


def test_a_process_names_the_configuration(tmp_path):
    files = {
        **code("/apps/gx/code"),
        "/apps/gx/code/config/galaxy.yml": {"galaxy": {}},
        "/proc/17/cmdline": "/apps/gx/code/.venv/bin/gunicorn\0galaxy.webapps.galaxy.fast_factory:factory()\0",
        "/proc/17/environ": "HOME=/\0GALAXY_CONFIG_FILE=/apps/gx/code/config/galaxy.yml\0",
    }
    root = tree(tmp_path, files)
    assert values(root)["config_file"] == "/apps/gx/code/config/galaxy.yml"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "No galaxy.yml was found"),
        (
            {"/srv/galaxy/config/galaxy.yml": "", "/opt/galaxy/config/galaxy.yml": ""},
            "There are several files galaxy.yml",
        ),
        ({"/srv/galaxy/config/galaxy.yml": "galaxy: [}"}, "cannot be read as YAML"),
        ({"/srv/galaxy/config/galaxy.yml": "server: {}"}, "has no section galaxy"),
        ({"/srv/galaxy/config/galaxy.yml": "galaxy: {}"}, "was not found near"),
    ],
)
def test_what_cannot_be_described_is_said_with_the_remedy(tmp_path, files, words):
    with pytest.raises(site.SiteError, match=words) as error:
        site.look(str(tree(tmp_path, files)), parse)
    assert "Remedy:" in str(error.value)


def test_a_configuration_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(site.SiteError, match=r"/srv/other.yml does not exist \(given by you\)"):
        values(tree(tmp_path, whole()), config_file="/srv/other.yml")


def test_sqlite_is_told(tmp_path):
    root = tree(tmp_path, {**code("/srv/galaxy/server"), "/srv/galaxy/server/config/galaxy.yml": {"galaxy": {}}})
    assert any("is sqlite, not postgresql" in note for note in site.look(str(root), parse)["notes"])


def test_an_object_store_in_yaml():
    disk = {"type": "disk", "files_dir": "/data/a", "extra_dirs": [{"type": "temp", "path": "/data/a/tmp"}]}
    bucket = {"type": "aws_s3", "cache": {"path": "/data/cache"}, "auth": {"secret_key": PASSWORD}}
    store = {"type": "distributed", "backends": [disk, bucket]}
    assert list(site.store_dirs(store)) == ["/data/a", "/data/a/tmp", "/data/cache"]
