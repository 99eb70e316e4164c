"""Some seeds always; thousands with `make simulate SEEDS=1000`."""

from __future__ import annotations

from multiprocessing import get_context
from typing import Any

import pytest

from engine.process import lifecycle
from tests.simulation.elsewhere import digest_under
from tests.simulation.mutants import MUTANTS, find, of_machine, of_process, of_rights, of_roles, of_runner, of_stores
from tests.simulation.mutants.planting import APPLIERS, PROCESSORS
from tests.simulation.run import simulate

SEEDS = range(1, 11)
#: Where mutants put something else.
TABLES: tuple[dict[Any, Any], ...] = (PROCESSORS, APPLIERS, lifecycle._PERFORM)


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


def test_every_bug_can_still_be_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a mutant patches is still there; nothing is planted here."""

    def look(owner: Any, name: str, _value: Any) -> None:
        assert hasattr(owner, name), f"expected {owner!r} to have {name}, got nothing to plant a bug in"

    for module in (of_machine, of_process, of_rights, of_roles, of_runner, of_stores):
        monkeypatch.setattr(module, "patch", look)
    tables = [(table, dict(table)) for table in TABLES]
    try:
        for mutant in MUTANTS:
            mutant.plant()
    finally:
        for table, before in tables:
            table.clear()
            table.update(before)
