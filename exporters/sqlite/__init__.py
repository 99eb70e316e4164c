"""Secondary storage in one SQLite file: the exporter writes it; gateways and initializers, other processes, read it."""

from __future__ import annotations

from .exporter import SqliteExporter
from .search import SqliteSearch

__all__ = ["SqliteExporter", "SqliteSearch"]
