"""Types of batch operations that are applied at once: to all of a short list in one step, or to none of it.

Those about what has ended are in `test_synchronous_history`.
"""

from __future__ import annotations

import pytest
from msgspec import Struct

from engine.core.record import Record
from engine.operations.correlate_message import Parameters as Correlation
from engine.operations.migrate_process_instance import Parameters as Plan
from engine.operations.modify_process_instance import Parameters as Modification
from engine.operations.set_variables import Parameters as Variables
from engine.operations.update_job import Parameters as JobChange
from engine.process.elements.job_task import JobTask
from engine.records import BatchOperationCreation
from engine.records.process_instance_migration import MappingInstruction
from engine.records.process_instance_modification import MoveInstruction
from tests.support import models as m
from tests.support.actions import (
    CANCEL,
    CORRELATE,
    MIGRATE,
    MODIFY,
    RESOLVE,
    RESUME,
    SET_VARIABLES,
    UPDATE_JOBS,
    activate,
    fail,
    suspend,
)
from tests.support.batches import populate
from tests.support.fixture import MakeScenario
from tests.support.identities import by, grant
from tests.support.scenario import ASSEMBLY, Scenario, make
from tests.unit.batch.test_batch_rights import populated

CREATION = "BATCH_OPERATION_CREATION"


def at_once(kind: str, keys: list[int], parameters: Struct | None = None, **fields: object) -> Record:
    """The command that does this to all of the keys, or to none."""
    operation = ASSEMBLY.operations.get(kind)
    encoded = ASSEMBLY.operation_codecs.encode(kind, parameters or operation.parameters()) if operation else b""
    value = BatchOperationCreation(batch_operation_type=kind, item_keys=tuple(keys), parameters=encoded, **fields)  # type: ignore[arg-type]
    return make(CREATION, "EXECUTE", value, request="gateway/9")


def targets(s: Scenario, kind: str) -> tuple[list[int], Struct | None]:
    """Two targets of a type, and parameters for them."""
    keys = populate(s, 2)
    if kind in (RESOLVE, UPDATE_JOBS):
        jobs = activate(s)
        if kind == UPDATE_JOBS:
            return jobs, JobChange(changed_attributes=("retries",), retries=5)
        for job in jobs:
            fail(s, job)
        return [record.key for record in s.everything().all("INCIDENT", "CREATED")], None
    if kind == RESUME:
        for key in keys:
            suspend(s, key)
    if kind == MIGRATE:
        target = s.deploy(m.one_task("other")).one("PROCESS", "CREATED").key
        instruction = MappingInstruction(source_element_id="task", target_element_id="task")
        return keys, Plan(target_process_definition_key=target, mapping_instructions=(instruction,))
    if kind == MODIFY:
        move = MoveInstruction(source_element_id="task", target_element_id="task", ancestor_scope_type="sourceParent")
        return keys, Modification(move_instructions=(move,))
    given = {SET_VARIABLES: Variables(variables='{"x":1}'), CORRELATE: Correlation(message_name="a")}
    return keys, given.get(kind)


KINDS = sorted(kind for kind, operation in ASSEMBLY.operations.items() if operation.selects.only_running)


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_is_applied_to_a_list_in_one_step(scenario: MakeScenario, kind: str) -> None:
    s = scenario()
    keys, parameters = targets(s, kind)
    done = s.when(at_once(kind, keys, parameters)).accepted().one(CREATION, "EXECUTED")
    assert (done.value.batch_operation_type, done.value.item_keys) == (kind, tuple(keys))
    step = [record for record in s.records() if record.step == done.step]
    assert step[-1] == done
    assert kind == CORRELATE or {record.key for record in step} >= set(keys)
    s.everything().none(CREATION, "CREATED")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_happens_when_one_item_fails(scenario: MakeScenario, kind: str) -> None:
    s = scenario()
    keys, parameters = targets(s, kind)
    rows, unknown = s.rows(), s.machine().last_key + 1_000
    expected = f"got 1 that fail, so nothing was done. {unknown}: expected a"
    s.when(at_once(kind, [*keys, unknown], parameters)).rejected("NOT_FOUND", expected)
    assert s.rows() == rows
    s.when(at_once(kind, keys, parameters)).accepted()


def test_all_failures_are_told_up_to_a_number(scenario: MakeScenario) -> None:
    s = scenario()
    gone = [s.machine().last_key + 1_000 + number for number in range(12)]
    (told,) = [r for r in s.when(at_once(CANCEL, gone)).records if r.rejection_code]
    assert told.rejection_reason.count("expected a process instance") == 10
    assert told.rejection_reason.endswith("; and 2 more")


def test_what_needs_a_batch_operation_is_refused(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"synchronous_items_max": 2})
    keys = populate(s, 6)
    here = keys[::2]
    s.when(at_once(CANCEL, here)).rejected("EXCEEDED_LIMIT", "at most 2 keys to do this at once, got 3; create a batch")
    s.when(at_once(CANCEL, keys[:2]), 1).rejected("INVALID_ARGUMENT", "keys of partition 1 alone")
    s.when(at_once(CANCEL, [])).rejected("INVALID_ARGUMENT", "expected keys and no filter")
    s.when(at_once(CANCEL, here[:1], filter='{"a": 1}')).rejected("INVALID_ARGUMENT", "expected keys and no filter")
    s.when(at_once("NONSENSE", here[:1])).rejected("INVALID_ARGUMENT", "expected a batch operation type of")
    s.when(at_once(SET_VARIABLES, here[:1])).rejected("INVALID_ARGUMENT", "variables: ")
    s.when(at_once(CANCEL, [here[0], here[0], here[1]])).accepted()


def test_what_takes_several_steps_is_refused(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 100})
    s.deploy(m.fan("big", 300))
    large, small = s.create("big"), populate(s, 1)[0]
    rows = s.rows()
    s.when(at_once(CANCEL, [small, large])).rejected("EXCEEDED_LIMIT", f"{large}: expected what ends in the same step")
    assert s.rows() == rows


@pytest.mark.parametrize(("kind", "what"), [(CANCEL, "a process instance"), (RESOLVE, "an incident")])
def test_what_is_not_there_is_named(scenario: MakeScenario, kind: str, what: str) -> None:
    s = scenario()
    unknown = s.machine().last_key + 1_000
    s.when(at_once(kind, [unknown], None)).rejected("NOT_FOUND", f"expected {what} that is there, got none")


def test_what_is_no_target_of_the_type_is_not_found(scenario: MakeScenario) -> None:
    """A key of a task in a process instance is none of a process instance, although it has variables of its own."""
    s = scenario()
    populate(s, 1)
    task = next(r.key for r in s.records() if r.intent == "ELEMENT_ACTIVATED" and r.value.element_id == "task")
    s.when(at_once(SET_VARIABLES, [task], Variables(variables='{"x":1}'))).rejected("NOT_FOUND")


def test_an_item_that_makes_the_engine_fail_leaves_nothing(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario()
    keys = populate(s, 3)
    terminates = JobTask.terminate

    def broken(self, execution, row):  # type: ignore[no-untyped-def]
        yield from terminates(self, execution, row)
        if execution.instance_key == keys[1]:
            raise RuntimeError

    monkeypatch.setattr(JobTask, "terminate", broken)
    s.when(at_once(CANCEL, keys)).rejected("PROCESSING_ERROR", f"{keys[1]}: ")
    monkeypatch.undo()
    s.everything().none("INCIDENT", "CREATED")
    s.when(at_once(CANCEL, keys)).accepted()
    assert s.is_empty()


def test_both_levels_of_rights_are_needed(scenario: MakeScenario) -> None:
    s, keys = populated(scenario, 1)  # two of process `one`, two of process `two`
    s.when(by(at_once(CANCEL, keys[:2]), "user:ada")).rejected("FORBIDDEN", "on BATCH")
    grant(s, "user:ada", "BATCH", "CREATE")
    grant(s, "user:ada", "PROCESS_DEFINITION", "CANCEL_PROCESS_INSTANCE", resource_id="one")
    s.when(by(at_once(CANCEL, keys), "user:ada")).rejected(
        "FORBIDDEN", f"got 2 that fail, so nothing was done. {keys[2]}"
    )
    done = s.when(by(at_once(CANCEL, keys[:2]), "user:ada")).accepted().one(CREATION, "EXECUTED")
    assert (done.value.actor_type, done.value.actor_id) == ("USER", "ada")
