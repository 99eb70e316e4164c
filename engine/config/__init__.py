"""Configuration: every setting with its default, from a YAML file and from `RETOLD_…` in the environment.

The environment wins over the file, the command line over both. A new group of settings is one file here, and its line
in `settings.py`.
"""

from __future__ import annotations

from .loading import load
from .sections import CHUNK_SIZE_DISCOURAGED
from .settings import Settings
from .snapshots import SnapshotSettings
from .table import environment_names, settings_table, template

__all__ = [
    "CHUNK_SIZE_DISCOURAGED",
    "Settings",
    "SnapshotSettings",
    "environment_names",
    "load",
    "settings_table",
    "template",
]
