"""MODIFY_PROCESS_INSTANCE: tokens of many process instances end, move and begin."""

from __future__ import annotations

import pytest

from engine.core.record import Record
from engine.operations.modify_process_instance import Activate, Body, Move, Terminate, check, read
from tests.support import models as m
from tests.support.actions import MODIFY, activate, batch
from tests.support.batches import ITEM, counts, final
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

TWO = m.model(m.process("p", m.start(), m.job("a"), m.job("b"), m.end(), m.chain("start", "a", "b", "end")))


def modify(body: Body, **fields: object) -> Record:
    return batch(MODIFY, '{"processDefinitionId": "p"}', read(body), **fields)


def populate(s: Scenario, count: int) -> list[int]:
    s.deploy(TWO)
    return [s.create("p", partition=1 + number % len(s.partitions)) for number in range(count)]


def test_all_tokens_move(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = populate(s, 6)
    s.when(modify(Body(move_instructions=(Move(source_element_id="a", target_element_id="b"),)))).accepted()
    assert counts(final(s)) == (6, 6, 0, 0, 0)
    assert {r.key for r in s.everything().all("PROCESS_INSTANCE_MODIFICATION", "MODIFIED")} == set(keys)
    assert len([*activate(s), *activate(s, partition=2)]) == 6


def test_what_cannot_be_moved_fails_with_the_reason(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 2)
    s.when(modify(Body(move_instructions=(Move(source_element_id="b", target_element_id="a"),)))).accepted()
    failed = s.everything().all(ITEM, "FAILED")
    assert [r.value.error_code for r in failed] == ["INVALID_ARGUMENT"] * 2
    assert "expected 'b' to be active" in failed[0].value.error_message
    assert len(s.everything().all("PROCESS_INSTANCE_MODIFICATION")) == 0


def test_an_instance_in_which_nothing_is_left_ends_with_its_item(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 5})
    populate(s, 3)
    s.when(modify(Body(terminate_instructions=(Terminate(element_id="a"),)))).accepted()
    assert counts(final(s)) == (3, 3, 0, 0, 0)
    assert s.is_empty()


@pytest.mark.parametrize(
    "place", [Activate(element_id="b"), Activate(after_element_id="a"), Activate(sequence_flow_id="a_b")]
)
def test_tokens_begin_before_behind_or_over_a_flow(scenario: MakeScenario, place: Activate) -> None:
    s = scenario()
    populate(s, 1)
    ends = (Terminate(element_id="a"), Terminate(element_id="unknown"))
    s.when(modify(Body(activate_instructions=(place,), terminate_instructions=ends))).has("a TERMINATED", "b ACTIVATED")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Activate(after_element_id="end"), "expected one outgoing sequence flow of 'end', got 0"),
        (Activate(after_element_id="none"), "expected one outgoing sequence flow of 'none', got no such element"),
        (Activate(sequence_flow_id="none"), "expected a sequence flow of 'p', got 'none'"),
    ],
)
def test_where_no_token_can_begin(scenario: MakeScenario, place: Activate, expected: str) -> None:
    s = scenario()
    populate(s, 1)
    moment = s.when(modify(Body(activate_instructions=(place,))))
    assert expected in moment.one(ITEM, "FAILED").value.error_message


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (Body(), "expected 1 to 1000 instructions, got 0"),
        (
            Body(move_instructions=(Move(source_element_id="", target_element_id=""),)),
            "move instruction 0: expected an element or an element instance to move",
        ),
        (
            Body(move_instructions=(Move(source_element_id="a", target_element_id="b", ancestor_scope_type="up"),)),
            "got 'up'",
        ),
        (Body(activate_instructions=(Activate(),)), "give one of them"),
        (Body(activate_instructions=(Activate(element_id="a", sequence_flow_id="f"),)), "give one of them"),
    ],
)
def test_what_makes_no_sense_is_refused(body: Body, expected: str) -> None:
    assert expected in check(read(body))[0]
