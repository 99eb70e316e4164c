"""How much of what the simulation is about it runs: line coverage, measured while seeds run."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import coverage

ROOT = Path(__file__).parents[2]
#: What must be simulated: runner, recovery, pump, initializer, gateway handlers, supervisor, roles.
SUBJECTS = (
    "engine/shell/runner.py",
    "engine/shell/following.py",
    "engine/shell/history.py",
    "engine/shell/generations.py",
    "engine/shell/alignment.py",
    "engine/shell/correspondence.py",
    "engine/shell/background.py",
    "engine/shell/intake.py",
    "engine/shell/ends.py",
    "engine/shell/kafka/log.py",
    "engine/shell/kafka/feed.py",
    "engine/shell/kafka/writer.py",
    "engine/shell/kafka/client_appends.py",
    "engine/batch/initialization.py",
    "engine/roles/*.py",
    "exporters/pump.py",
    "exporters/sqlite/exporter.py",
    "exporters/opensearch/exporter.py",
    "exporters/opensearch/loading.py",
    "gateway/*.py",
    "gateway/routes/*.py",
)


@contextmanager
def covered() -> Iterator[None]:
    """Measure, and print a line for each module at the end."""
    measured = coverage.Coverage(data_file=None, include=[str(ROOT / subject) for subject in SUBJECTS])
    measured.start()
    try:
        yield
    finally:
        measured.stop()
        table = io.StringIO()
        measured.report(file=table, show_missing=True)
        sys.stdout.write(table.getvalue())
