"""What galaxy.yml points to and a release does not hold."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils import _release
from ansible_collections.usegalaxy_eu.celery.plugins.modules import galaxy_config_paths_info as module

SCHEMA = {
    "vault_config_file": {"type": "str", "path_resolves_to": "config_dir"},
    "tool_config_file": {"type": "any", "path_resolves_to": "config_dir"},
    "shed_tool_config_file": {"type": "str", "path_resolves_to": "managed_config_dir"},
    "file_path": {"type": "str", "path_resolves_to": "data_dir"},
    "tool_data_path": {"type": "str"},
    "brand": {"type": "str"},
}


@pytest.fixture
def galaxy(tmp_path):
    server = tmp_path / "server"
    for name in ("config/tool_conf.xml", "tool-data/x.loc", "database/files/1.dat", ".venv/pyvenv.cfg"):
        path = server / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    schema = server / module.SCHEMA
    schema.parent.mkdir(parents=True)
    schema.write_text(yaml.safe_dump({"mapping": {"galaxy": {"mapping": SCHEMA}}}))
    for name in ("etc/vault.yml", "etc/tools.xml", "etc/loc/y.loc", "data/1.dat"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return server


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"vault_config_file": "vault.yml", "tool_config_file": "tool_conf.xml"}, []),
        ({"vault_config_file": "{etc}/vault.yml"}, [("vault_config_file", "{etc}/vault.yml")]),
        ({"vault_config_file": "../../etc/vault.yml"}, [("vault_config_file", "{etc}/vault.yml")]),
        ({"vault_config_file": "{etc}/nowhere.yml"}, []),
        ({"tool_config_file": "tool_conf.xml, {etc}/tools.xml"}, [("tool_config_file", "{etc}/tools.xml")]),
        ({"tool_config_file": ["{etc}/tools.xml"]}, []),
        ({"shed_tool_config_file": "../etc/tools.xml"}, []),
        ({"shed_tool_config_file": "{etc}/tools.xml"}, [("shed_tool_config_file", "{etc}/tools.xml")]),
        ({"file_path": "{etc}/../data", "brand": "{etc}/vault.yml", "unknown": "{etc}/vault.yml"}, []),
        ({"tool_data_path": "tool-data"}, []),
        ({"tool_data_path": "{etc}/loc"}, [("tool_data_path", "{etc}/loc")]),
        ({"tool_data_path": "database/files"}, [("tool_data_path", "{server}/database/files")]),
    ],
)
def test_what_a_worker_would_miss(galaxy, settings, expected):
    names = {"etc": galaxy.parent / "etc", "server": galaxy}
    settings = {key: value.format(**names) if isinstance(value, str) else value for key, value in settings.items()}
    tree = _release.Tree(str(galaxy), exclude=[f"{galaxy}/database/*"])
    found = [
        (option, module.missed(path, tree))
        for option, path in module.named_paths(settings, SCHEMA, tree)
        if module.os.path.exists(path) and module.missed(path, tree)
    ]
    assert found == [(option, path.format(**names)) for option, path in expected]


def test_a_link_out_of_the_release(galaxy):
    tree = _release.Tree(str(galaxy))
    link = galaxy / "config/vault.yml"
    link.symlink_to("tool_conf.xml")
    assert module.missed(str(link), tree) is None
    link.unlink()
    link.symlink_to(galaxy.parent / "etc/vault.yml")
    assert module.missed(str(link), tree) == str(galaxy.parent / "etc/vault.yml")
    assert module.missed(str(link), _release.Tree(str(galaxy), paths=[str(galaxy.parent / "etc")])) is None


def test_a_release_that_is_a_link_itself(galaxy):
    link = galaxy.parent / "link"
    link.symlink_to(galaxy)
    assert module.missed(str(link / "config/tool_conf.xml"), _release.Tree(str(link))) is None


def test_it_stands_in_a_further_directory(galaxy):
    tree = _release.Tree(str(galaxy), paths=[str(galaxy.parent / "etc")])
    assert module.missed(str(galaxy.parent / "etc/vault.yml"), tree) is None
    assert module.missed(str(galaxy.parent / "etcetera/vault.yml"), tree) == str(galaxy.parent / "etcetera/vault.yml")


def test_galaxy_yml_itself_may_be_a_link_out_of_the_release(galaxy, capsys):
    elsewhere = galaxy.parent / "etc/galaxy.yml"
    elsewhere.write_text("galaxy: {}\n")
    (galaxy / "config/galaxy.yml").symlink_to(elsewhere)
    arguments = {"server_dir": str(galaxy), "config_file": str(galaxy / "config/galaxy.yml")}
    for further, found in (([], [{"option": "config_file", "path": str(elsewhere)}]), ([str(elsewhere.parent)], [])):
        with patch_module_args({**arguments, "paths": further}), pytest.raises(SystemExit):
            module.main()
        assert json.loads(capsys.readouterr().out)["outside"] == found
