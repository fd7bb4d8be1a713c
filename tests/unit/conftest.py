"""Make the checkout importable as ansible_collections.usegalaxy_eu.celery, wherever it stands."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Kept in a name, so that the directory lives as long as the test run.
_TREE = tempfile.TemporaryDirectory(prefix="collections-")
_NAMESPACE = Path(_TREE.name, "ansible_collections", "usegalaxy_eu")
_NAMESPACE.mkdir(parents=True)
(_NAMESPACE / "celery").symlink_to(ROOT, target_is_directory=True)
sys.path.insert(0, _TREE.name)
