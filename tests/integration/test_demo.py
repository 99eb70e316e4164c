"""The demo, without a terminal, twice on one directory whose name has a space."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_demo_ends_well_twice(tmp_path: Path) -> None:
    data = tmp_path / "demo data"
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "engine.cli.main", "demo", "--count", "1000", "--data", str(data)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "tables are the same on 2 partitions" in done.stdout
        assert "The payment provider is up again: resolve the" in done.stdout
        assert "A storm: cancel" in done.stdout
