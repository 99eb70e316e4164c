"""Some seeds always; thousands with `make simulate SEEDS=1000`."""

from __future__ import annotations

from multiprocessing import get_context

import pytest

from tests.simulation.elsewhere import digest_under
from tests.simulation.mutants import find
from tests.simulation.run import simulate

SEEDS = range(1, 11)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_everything_finishes(seed: int) -> None:
    result = simulate(seed)
    assert not result.report, result.report


def test_without_faults_all_is_well_too() -> None:
    result = simulate(0, with_faults=False)
    assert not result.report, result.report


def test_tracing_changes_nothing_that_happens() -> None:
    traced, untraced = simulate(8, is_traced=True), simulate(8, is_traced=False)
    assert not traced.report, traced.report
    assert traced.story == untraced.story
    assert traced.spans > 0
    assert untraced.spans == 0


def test_a_seed_gives_the_same_bytes_in_any_process() -> None:
    assert digest_under(0, 3) == digest_under(4711, 3) == simulate(3).digest


@pytest.mark.parametrize("name", ["commit before append", "acknowledged before the append"])
def test_planted_bugs_are_found(name: str) -> None:
    """Those that show at once; `python -m tests.simulation --mutants` looks for all of them."""
    with get_context("spawn").Pool(1) as pool:
        found = pool.apply(find, (name, 5))
    assert found.seed, found
