# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the checkout importable as ansible_collections.usegalaxy_eu.celery, for Python and for Ansible's templates."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

ROOT = Path(__file__).resolve().parents[2]
# Kept in a name, so that the directory lives as long as the test run.
_TREE = tempfile.TemporaryDirectory(prefix="collections-")
_NAMESPACE = Path(_TREE.name, "ansible_collections", "usegalaxy_eu")
_NAMESPACE.mkdir(parents=True)
(_NAMESPACE / "celery").symlink_to(ROOT, target_is_directory=True)
_AnsibleCollectionFinder(paths=[_TREE.name])._install()
