"""Some seeds always; thousands with `make simulate SEEDS=1000`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.run import simulate

ROOT = Path(__file__).parents[2]
#: Enough to meet every fault of the table.
SEEDS = range(1, 16)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_everything_finishes(seed: int) -> None:
    result = simulate(seed)
    assert not result.report, result.report


def test_without_faults_all_is_well_too() -> None:
    result = simulate(0, with_faults=False)
    assert not result.report, result.report


def print_digest() -> None:
    """For the test below: everything that is on the log, with its places and stamps."""
    sys.stdout.write(" ".join(simulate(seed).digest for seed in SEEDS[:3]))


def test_a_seed_gives_the_same_bytes_in_any_process() -> None:
    program = "from tests.simulation.test_simulation import print_digest; print_digest()"
    told = set()
    for hash_seed in ("0", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        ended = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        told.add(ended.stdout)
    assert len(told) == 1
