"""A seed in a new process: what it leaves on the log must not depend on the process that runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def digest_under(hash_seed: int, seed: int, mutant: str = "") -> str:
    """The digest of everything on the log, from a process with this PYTHONHASHSEED, and with this mutant if any."""
    program = f"from tests.simulation.elsewhere import print_digest; print_digest({seed}, {mutant!r})"
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return ended.stdout


def print_digest(seed: int, mutant: str) -> None:
    """For `digest_under`."""
    from tests.simulation.mutants import plant
    from tests.simulation.run import simulate

    if mutant:
        plant(mutant)
    sys.stdout.write(simulate(seed).digest)
