"""The log depends on the commands alone, whatever the order in which a process sees its hashes.

The same commands are decided in processes with different hash seeds; each prints the chain of every partition, which
covers every byte on the log: of the golden story, and of random commands.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.golden.story import tell
from tests.property.test_machine import Engine
from tests.support.scenario import Scenario

ROOT = Path(__file__).parents[2]
SEEDS = ("0", "1", "4711", "random")
#: Runs with random commands, the same in every process.
RUNS = 12


def chains(scenario: Scenario) -> str:
    return " ".join(scenario.machine(number).head.chain_hash.hex() for number in scenario.partitions)


class Printing(Engine):
    """A run that says what it put on the log."""

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "s"):
            sys.stdout.write(f"random {chains(self.s)}\n")


def print_chains() -> None:
    """What each process does."""
    sys.stdout.write(f"story {chains(tell())}\n")
    run_state_machine_as_test(
        Printing,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_log_does_not_depend_on_the_order_of_hashes() -> None:
    program = "from tests.property.test_hash_seeds import print_chains; print_chains()"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in SEEDS
    ]
    outputs = [process.communicate()[0].splitlines() for process in processes]
    assert all(process.returncode == 0 for process in processes)
    assert len(outputs[0]) > RUNS
    for seed, output in zip(SEEDS, outputs, strict=True):
        for number, (line, first) in enumerate(zip(output, outputs[0], strict=True)):
            assert line == first, f"run {number}: PYTHONHASHSEED={seed} gives another log than {SEEDS[0]}"
