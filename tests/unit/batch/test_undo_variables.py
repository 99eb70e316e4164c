"""A batch operation that puts back the values of variables that another one replaced."""

from __future__ import annotations

import pytest

from engine.operations.set_variables import Parameters
from engine.records import BatchOperationCreation
from engine.records.batch_options import BatchOptions
from tests.support import models as m
from tests.support.actions import CANCEL, SET_VARIABLES, SUSPEND, batch, set_variables
from tests.support.batches import CREATION, FINAL, ITEM, MANAGEMENT, counts, key_of, populate, undo
from tests.support.fixture import MakeScenario
from tests.support.identities import by, grant
from tests.support.scenario import Scenario, make
from tests.unit.batch.test_seams import switch_on


def change(s: Scenario, variables: str, *, undoable: bool = True) -> int:
    """Sets variables at all instances; gives the key of the batch operation."""
    options = BatchOptions(undoable=undoable)
    s.when(batch(SET_VARIABLES, parameters=Parameters(variables=variables), options=options)).accepted()
    return s.everything().all(CREATION, "CREATED")[-1].key


def values(s: Scenario, name: str) -> dict[int, str]:
    """Instance -> the last value of a variable."""
    told = [record.value for record in s.everything().all("VARIABLE")]
    return {value.scope_key: value.value for value in told if value.name == name}


def last(s: Scenario) -> tuple[object, ...]:
    record = [r for r in s.everything().all(MANAGEMENT) if r.intent in FINAL][-1]
    return (record.intent, *counts(record))


def with_value(s: Scenario, count: int) -> list[int]:
    """Instances with a variable n of their own."""
    keys = populate(s, count)
    for number, key in enumerate(keys):
        set_variables(s, key, f'{{"n": {number}, "same": "x"}}')
    return keys


def test_the_values_that_were_replaced_are_put_back(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = with_value(s, 5)
    key = change(s, '{"n": {"a": [9, null]}, "same": "x"}')
    assert set(values(s, "n").values()) == {'{"a":[9,null]}'}
    replaced = {item.key: item.value.replaced for item in s.everything().all(ITEM, "COMPLETED")}
    assert replaced == {key: f'{{"n":[{number}]}}' for number, key in enumerate(keys)}
    assert {item.value.replaced_size for item in s.everything().all(ITEM)} == {len('{"n":[0]}')}
    undo(s, key, name="back").accepted()
    created = s.everything().all(CREATION, "CREATED")[-1].value
    assert (created.batch_operation_type, created.options.parent_key) == (SET_VARIABLES, key)
    assert last(s) == ("COMPLETED", 5, 5, 0, 0, 0)
    assert values(s, "n") == {key: str(number) for number, key in enumerate(keys)}


def test_what_was_changed_since_stays_and_fails(scenario: MakeScenario) -> None:
    s = scenario()
    first, second, gone, back = with_value(s, 4)
    key = change(s, '{"n": 9}')
    set_variables(s, first, '{"n": 10}')
    set_variables(s, back, '{"n": 3}')
    s.cancel(gone)
    undo(s, key)
    assert last(s) == ("COMPLETED", 4, 2, 2, 0, 0)
    assert values(s, "n") == {first: "10", second: "1", gone: "9", back: "3"}
    failed = {item.key: item.value for item in s.everything().all(ITEM, "FAILED")}
    assert {key: value.error_code for key, value in failed.items()} == {first: "INVALID_STATE", gone: "NOT_FOUND"}
    assert "expected variable 'n' to be as the batch operation left it" in failed[first].error_message
    unchanged = [item.key for item in s.everything().all(ITEM, "COMPLETED") if item.value.unchanged]
    assert unchanged == [back]


def test_an_undo_can_be_repeated_and_puts_back_what_it_could_not_before(scenario: MakeScenario) -> None:
    s = scenario()
    first, second = with_value(s, 2)
    key = change(s, '{"n": 9}')
    set_variables(s, first, '{"n": 10}')
    undo(s, key)
    set_variables(s, first, '{"n": 9}')
    undo(s, key)
    assert last(s) == ("COMPLETED", 2, 2, 0, 0, 0)
    assert values(s, "n") == {first: "0", second: "1"}


def test_variables_that_were_not_there_cannot_be_removed(scenario: MakeScenario) -> None:
    s = scenario()
    (key,) = with_value(s, 1)
    batch_key = change(s, '{"n": 9, "new": 1}')
    assert s.everything().one(ITEM, "COMPLETED").value.replaced == '{"n":[0],"new":[]}'
    undo(s, batch_key)
    assert last(s) == ("FAILED", 1, 0, 1, 0, 0)
    assert "variables cannot be removed" in s.everything().one(ITEM, "FAILED").value.error_message
    assert values(s, "n") == {key: "9"}


@pytest.mark.parametrize(("size_max", "kept"), [(9, True), (8, False), (0, False)])
def test_what_is_too_large_to_be_kept_cannot_be_put_back(scenario: MakeScenario, size_max: int, kept: bool) -> None:
    s = scenario(settings={"undo_size_max": size_max})
    with_value(s, 1)
    key = change(s, '{"n": 9}')
    value = s.everything().one(ITEM, "COMPLETED").value
    assert (bool(value.replaced), value.replaced_size) == (kept, 9 if kept else -1)
    undo(s, key)
    assert last(s)[0] == ("COMPLETED" if kept else "FAILED")
    if not kept:
        failed = s.everything().one(ITEM, "FAILED").value
        assert failed.error_code == "EXCEEDED_LIMIT"
        assert "got more than batchOperation.undoSizeMax; set the values by hand" in failed.error_message


def test_nothing_is_kept_unless_it_is_wished(scenario: MakeScenario) -> None:
    s = scenario()
    with_value(s, 1)
    key = change(s, '{"n": 9}', undoable=False)
    assert s.everything().one(ITEM, "COMPLETED").value.replaced == ""
    undo(s, key).rejected("INVALID_STATE", "expected a batch operation that was created with 'undoable'")


def test_an_undo_is_neither_retried_nor_undone(scenario: MakeScenario) -> None:
    s = scenario()
    (first,) = with_value(s, 1)
    key = change(s, '{"n": 9}')
    undo(s, key, undoable=True).rejected("INVALID_ARGUMENT", "(SET_VARIABLES), got an undo; leave it out")
    set_variables(s, first, '{"n": 10}')
    undo(s, key)
    second = s.everything().all(CREATION, "CREATED")[-1].key
    undo(s, second).rejected("INVALID_STATE", "undo the first one again: what is back already stays")
    undo(s, second, undoes=False).rejected("INVALID_STATE", "undo the first one again")


@pytest.mark.parametrize("kind", [CANCEL, SUSPEND])
def test_only_types_that_replace_something_keep_it(scenario: MakeScenario, kind: str) -> None:
    s = scenario()
    wrong = batch(kind, options=BatchOptions(undoable=True))
    s.when(wrong).rejected(
        "INVALID_ARGUMENT", f"undoable: expected a type whose items say what they replace (SET_VARIABLES), got {kind}"
    )


def test_a_dry_run_keeps_nothing(scenario: MakeScenario) -> None:
    s = scenario()
    with_value(s, 1)
    wish = batch(
        SET_VARIABLES, parameters=Parameters(variables='{"n": 9}'), options=BatchOptions(undoable=True, dry_run=True)
    )
    s.when(wish).accepted()
    assert s.everything().one(ITEM, "COMPLETED").value.replaced == ""
    undo(s, key_of(s)).rejected("INVALID_STATE", "that was no dry run")


def test_an_undo_is_tried_and_has_no_plan(scenario: MakeScenario) -> None:
    """What the items replaced is looked up with them; a plan would find them without it."""
    s = scenario()
    (first,) = with_value(s, 1)
    key = change(s, '{"n": 9}')
    undo(s, key, dry_run=True)
    told = s.everything().all(ITEM, "COMPLETED")[-1].value
    assert told.prediction == "VARIABLE UPDATED: 1; VARIABLE_DOCUMENT UPDATED: 1"
    assert values(s, "n") == {first: "9"}
    undo(s, key, dry_run=True, keep_plan=True).rejected("INVALID_ARGUMENT", "got an undo of values; make a dry run")
    undo(s, key)
    assert values(s, "n") == {first: "0"}


def test_pages_of_facts_may_be_short(scenario: MakeScenario) -> None:
    s = scenario()
    keys = with_value(s, 7)
    key = change(s, '{"n": 90}')
    s.search.facts_max = 2
    undo(s, key)
    assert last(s) == ("COMPLETED", 7, 7, 0, 0, 0)
    assert values(s, "n") == {key: str(number) for number, key in enumerate(keys)}


def test_an_undo_needs_the_rights_of_what_it_changes(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task("one"))
    s.deploy(m.one_task("two"))
    mine, others = s.create("one"), s.create("two")
    for key in (mine, others):
        set_variables(s, key, '{"n": 1}')
    wanted = batch(
        SET_VARIABLES,
        filter_text="",
        item_keys=(mine, others),
        parameters=Parameters(variables='{"n": 9}'),
        options=BatchOptions(undoable=True),
    )
    changed = s.when(wanted, 1).all(CREATION, "CREATED")[0].key
    grant(s, "user:ada", "BATCH", "CREATE")
    grant(s, "user:ada", "PROCESS_DEFINITION", "READ_PROCESS_INSTANCE")
    grant(s, "user:ada", "PROCESS_DEFINITION", "UPDATE_PROCESS_INSTANCE", resource_id="one")
    switch_on(s)
    wish = BatchOperationCreation(options=BatchOptions(parent_key=changed, undoes=True))
    moment = s.when(by(make(CREATION, "CREATE", wish), "user:ada"))
    assert [item.key for item in moment.all(ITEM, "COMPLETED")] == [mine]
    refused = moment.one(ITEM, "FAILED")
    assert (refused.key, refused.value.error_code) == (others, "FORBIDDEN")
