# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fake hosts with a Galaxy: directory trees in the shape of three real layouts. Nothing of Galaxy runs in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PASSWORD = "t0p-s3cret-mark"
GRAVITY_UNIT = """;
; This file is maintained by Gravity - CHANGES WILL BE OVERWRITTEN
;
[Service]
User=galaxy
WorkingDirectory=/srv/galaxy/server
ExecStart={venv}/bin/galaxyctl --config-file {config} exec _default_ gunicorn
"""
OLDER_UNIT = """[Service]
User=galaxy
Environment=VIRTUAL_ENV=/opt/galaxy/venv
ExecStart=/opt/galaxy/venv/bin/celery --app galaxy.celery worker
"""


def tree(root: Path, files: dict[str, str | dict[str, Any]], prefix: str = "") -> Path:
    """Lay files below a root; what they name may have a prefix. A path with a slash at its end is a directory."""
    for path, content in files.items():
        place = root / path.lstrip("/")
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        for top in ("/srv/", "/data/", "/opt/"):
            text = (
                text.replace(f" {top}", f" {prefix}{top}")
                .replace(f'"{top}', f'"{prefix}{top}')
                .replace(f",{top}", f",{prefix}{top}")
            )
        place.write_text(text, encoding="utf-8")
    return root


def code(server: str) -> dict[str, str]:
    """The parts of Galaxy's code that tell that it is there."""
    return {f"{server}/run.sh": "", f"{server}/lib/galaxy/version.py": 'VERSION_MAJOR = "26.1"\nVERSION_MINOR = "2"\n'}


def whole() -> dict[str, str | dict[str, Any]]:
    """All below one directory, gravity under systemd, the database on another host."""
    galaxy = {
        "database_connection": f"postgresql://galaxy:{PASSWORD}@db.example.org:5432/galaxy?sslmode=require",
        "data_dir": "/srv/galaxy/var",
        "file_path": "/data/objects",
        "amqp_internal_connection": f"amqps://galaxy:{PASSWORD}@mq.example.org:5671/main?heartbeat=30",
        "celery_conf": {"result_backend": f"db+postgresql://galaxy:{PASSWORD}@db.example.org/galaxy_celery"},
        "galaxy_infrastructure_url": "https://galaxy.example.org",
    }
    gravity = {
        "process_manager": "systemd",
        "galaxy_root": "/srv/galaxy/server",
        "galaxy_user": "galaxy",
        "virtualenv": "/srv/galaxy/server/.venv",
        "celery": {"enable": False, "enable_beat": False},
    }
    config = "/srv/galaxy/server/config/galaxy.yml"
    return {
        **code("/srv/galaxy/server"),
        config: {"gravity": gravity, "galaxy": galaxy},
        "/srv/galaxy/server/.venv/pyvenv.cfg": "home = /usr/bin\nversion = 3.11.2\n",
        "/etc/systemd/system/galaxy-gunicorn.service": GRAVITY_UNIT.format(
            venv="/srv/galaxy/server/.venv", config=config
        ),
        "/etc/systemd/system/galaxy.target": "[Unit]\n",
        "/proc/mounts": "/dev/vda1 / ext4 rw 0 0\nnas:/galaxy /srv/galaxy/var nfs4 rw 0 0\n",
        "/srv/galaxy/var/": "",
        "/data/objects/": "",
    }


def training() -> dict[str, str | dict[str, Any]]:
    """The Galaxy training: code, configuration and environment side by side, a socket, nginx, gravity's own Celery."""
    galaxy = {
        "database_connection": "postgresql:///galaxy?host=/var/run/postgresql",
        "data_dir": "/data/galaxy",
        "file_path": "/data/galaxy/datasets",
        "object_store_config_file": "object_store_conf.xml",
        "tool_data_table_config_path": "/cvmfs/data.galaxyproject.org/location.xml,/srv/galaxy/config/tables.xml",
        "welcome_file": "/srv/tools/welcome.html",
    }
    config = "/srv/galaxy/config/galaxy.yml"
    dirs = '<files_dir path="/data/store-1"/>\n<extra_dir type="temp" path="/data/store-1/tmp"/>'
    store = f'<object_store type="disk">\n{dirs}\n</object_store>'
    head = "##\n## This file is managed by Ansible.  ALL CHANGES WILL BE OVERWRITTEN.\n##\n"
    gravity = {"galaxy_root": "/srv/galaxy/server", "galaxy_user": "galaxy"}
    return {
        **code("/srv/galaxy/server"),
        config: head + yaml.safe_dump({"gravity": gravity, "galaxy": galaxy}),
        "/srv/galaxy/config/object_store_conf.xml": store,
        "/srv/galaxy/venv/pyvenv.cfg": "version = 3.12.3\n",
        "/srv/tools/welcome.html": "",
        "/etc/systemd/system/galaxy-gunicorn.service": GRAVITY_UNIT.format(venv="/srv/galaxy/venv", config=config),
        "/etc/nginx/nginx.conf": "",
        "/etc/postgresql/15/main/pg_hba.conf": "",
        "/proc/mounts": "/dev/vda1 / ext4 rw 0 0\n",
        "/data/galaxy/": "",
    }


def older() -> dict[str, str | dict[str, Any]]:
    """The older roles: units of usegalaxy_eu.galaxy_systemd, a broker in Docker, no gravity."""
    galaxy = {
        "database_connection": f"postgresql+psycopg2://gx:{PASSWORD}@10.0.0.5/main",
        "job_working_directory": "jobs",
    }
    own = "[Service]\nUser=other\nEnvironment=PYTHONPATH=/usr/local/lib/celery-galaxy\n"
    return {
        **code("/opt/galaxy/server"),
        "/opt/galaxy/config/galaxy.yml": {"galaxy": galaxy},
        "/opt/galaxy/venv/pyvenv.cfg": "version = 3.11.2\n",
        "/etc/systemd/system/galaxy-celery-internal@.service": OLDER_UNIT,
        "/etc/systemd/system/galaxy-zergling@.service": OLDER_UNIT.replace(
            "celery --app galaxy.celery worker", "gunicorn"
        ),
        "/etc/systemd/system/flower.service": "[Service]\nUser=flower\n",
        "/etc/systemd/system/celery-galaxy-worker@.service": own,
        "/opt/rabbitmq/rabbitmq.conf": "",
    }


# Each layout, and where its galaxy.yml is.
LAYOUTS = {
    "whole": (whole, "/srv/galaxy/server/config/galaxy.yml"),
    "training": (training, "/srv/galaxy/config/galaxy.yml"),
    "older": (older, "/opt/galaxy/config/galaxy.yml"),
}
