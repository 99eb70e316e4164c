"""Two batch operations that touch the same process instances: what the second finds, by rule."""

from __future__ import annotations

import pytest

from engine.operations import set_variables
from engine.operations.migrate_process_instance import Parameters as Plan
from engine.operations.modify_process_instance import Body, Move
from engine.operations.modify_process_instance import read as read_modification
from engine.records.batch_options import BatchOptions
from engine.records.process_instance_migration import MappingInstruction
from tests.support.actions import CANCEL, MIGRATE, MODIFY, SUSPEND, batch
from tests.support.batches import FINAL, ITEM, MANAGEMENT, counts, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

SET = "SET_VARIABLES"
BACK = read_modification(Body(move_instructions=(Move(source_element_id="task", target_element_id="task"),)))


def plan(s: Scenario) -> Plan:
    definition = s.everything().all("PROCESS", "CREATED")[0].key
    mapping = (MappingInstruction(source_element_id="task", target_element_id="task"),)
    return Plan(target_process_definition_key=definition, mapping_instructions=mapping)


def parameters(s: Scenario, kind: str) -> object:
    return {MIGRATE: plan(s), MODIFY: BACK, SET: set_variables.Parameters(variables='{"x": 1}')}.get(kind)


@pytest.mark.parametrize("first_slice", [1, 20])
@pytest.mark.parametrize(
    ("first", "second", "outcome", "code"),
    [
        (CANCEL, CANCEL, "FAILED", "NOT_FOUND"),
        (CANCEL, MIGRATE, "FAILED", "NOT_FOUND"),
        (CANCEL, SET, "FAILED", "NOT_FOUND"),
        (SUSPEND, SUSPEND, "COMPLETED", ""),
        (SUSPEND, MIGRATE, "COMPLETED", ""),
        (SUSPEND, CANCEL, "COMPLETED", ""),
        (SUSPEND, SET, "COMPLETED", ""),
        (SET, SET, "COMPLETED", ""),
        (MIGRATE, MIGRATE, "COMPLETED", ""),
        (MODIFY, MODIFY, "COMPLETED", ""),
    ],
)
def test_the_second_goes_on_or_fails_by_rule(
    scenario: MakeScenario, first: str, second: str, outcome: str, code: str, first_slice: int
) -> None:
    """Both have found their items before either begins; the first begins a moment before the second."""
    s = scenario(2)
    populate(s, 6)
    for number, kind in enumerate((first, second)):
        options = BatchOptions(start_at=s.now + 1_000 * (number + 1), slice_size=first_slice)
        s.when(batch(kind, parameters=parameters(s, kind), options=options))  # type: ignore[arg-type]
    s.advance(1_000)
    s.advance(1_000)
    mine, theirs = sorted({record.key for record in s.everything().all("BATCH_OPERATION_CREATION", "CREATED")})
    ends = {record.key: record for record in s.everything().all(MANAGEMENT) if record.intent in FINAL}
    assert counts(ends[mine]) == (6, 6, 0, 0, 0)
    items = [r for r in s.everything().all(ITEM) if r.value.batch_operation_key == theirs]
    assert [(r.intent, r.value.error_code) for r in items] == [(outcome, code)] * 6


@pytest.mark.parametrize("rate", [0.0, 40.0])
def test_at_the_same_time_each_item_is_done_once(scenario: MakeScenario, rate: float) -> None:
    s = scenario(2)
    populate(s, 12)
    for _ in range(2):
        s.send(batch(options=BatchOptions(slice_size=1, rate=rate)))
    s.drain()
    for _ in range(20):
        s.advance(100)
    ends = [record for record in s.everything().all(MANAGEMENT) if record.intent in FINAL]
    assert sum(record.value.completed for record in ends) == 12
    assert all(record.value.completed + record.value.failed == record.value.total for record in ends)
    assert len({r.key for r in s.everything().all(ITEM, "COMPLETED")}) == 12
