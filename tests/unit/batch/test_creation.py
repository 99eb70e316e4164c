"""Batch operations: what is refused, what is selected, and the answer."""

from __future__ import annotations

import pytest
from msgspec import structs

from tests.support.actions import CANCEL, batch
from tests.support.batches import ITEM, counts, final, key_of, populate
from tests.support.fixture import MakeScenario


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "x", '{"a"', "[" * 9999])
def test_an_empty_selection_is_refused(scenario: MakeScenario, text: str) -> None:
    s = scenario()
    s.when(batch(CANCEL, text)).rejected("INVALID_ARGUMENT", "filter")
    assert s.is_empty()


def test_unknown_types_and_bad_parameters_are_refused(scenario: MakeScenario) -> None:
    s = scenario()
    s.when(batch("EXPLODE")).rejected(
        "INVALID_ARGUMENT", "expected a batch operation type of CANCEL_PROCESS_INSTANCE, "
    )
    good = batch()
    s.when(structs.replace(good, value=structs.replace(good.value, parameters=b"x")))
    assert s.records()[-1].rejection_code == "INVALID_ARGUMENT"


def test_a_batch_operation_over_three_partitions(scenario: MakeScenario) -> None:
    s = scenario(3)
    populate(s, 9)
    mark = len(s.partitions[2].headers)
    s.when(batch(), 2).accepted()
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 9, 9, 0, 0, 0)
    assert final(s).step.partition_id == 2
    assert s.partitions[2].headers[mark] == {"request": "gateway/7", "final": "1"}
    created = s.everything().all("BATCH_OPERATION_CREATION", "CREATED")
    assert {r.key for r in created} == {key_of(s)}
    assert [r.value.lead_partition for r in created] == [2, 2, 2]
    assert s.is_empty()


def test_zero_matches_end_at_once_and_visibly(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.when(batch())
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 0, 0, 0, 0, 0)
    assert s.is_empty()


def test_keys_alone_united_with_a_filter_and_minus_exclusions(scenario: MakeScenario) -> None:
    s = scenario(3)
    keys = populate(s, 6)
    s.when(batch(CANCEL, "", item_keys=(keys[0],))).accepted()
    assert [r.key for r in s.everything().all(ITEM)] == [keys[0]]
    assert s.is_empty() is False
    s.when(batch(CANCEL, '{"processDefinitionId": "other"}', item_keys=(keys[1], keys[2])))
    s.when(batch(excluded_keys=(keys[3],)))
    assert {r.key for r in s.everything().all(ITEM)} == {*keys} - {keys[3]}
    s.cancel(keys[3])
    assert s.is_empty()


def test_nothing_born_later_is_selected(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 2)
    s.send(batch())
    s.step(1)
    late = populate(s, 1)
    s.drain()
    assert late[0] not in {r.key for r in s.everything().all(ITEM)}
    assert counts(final(s))[0] == 2
    s.cancel(late[0])
