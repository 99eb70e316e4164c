"""Benchmarks one after the other: all that need no services (`make bench`), or those that are named."""

from __future__ import annotations

import subprocess
import sys

MODULES = (
    "codec",
    "log",
    "export",
    "feel",
    "search",
    "engine",
    "replay",
    "waiting",
    "snapshots",
    "installation",
    "batch",
    "small_batch",
    "telemetry",
)


def main() -> int:
    """Each in a process of its own, so that none warms the caches of the next."""
    names = sys.argv[1:] or MODULES
    failed = [name for name in names if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode]
    for name in failed:
        sys.stderr.write(f"benchmarks.{name} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
