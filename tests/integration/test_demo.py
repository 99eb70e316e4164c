"""The demo, without a terminal: twice on one directory whose name has a space."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run_retold(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What it prints; its exit code must be 0."""
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli.main", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_told(text: str) -> None:
    assert "tables are the same on 2 partitions" in text
    assert "The payment provider is up again: resolve the" in text
    assert "A storm: cancel" in text


def test_the_demo_ends_well_twice(tmp_path: Path) -> None:
    data = tmp_path / "demo data"
    for _ in range(2):
        check_told(run_retold("demo", "--count", "1000", "--data", str(data)))
