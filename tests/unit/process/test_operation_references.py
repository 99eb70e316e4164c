"""The reference that a user gave is on every record of the operation, also on those of later steps."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.record import Record
from engine.records import Incident, Job, ProcessInstance, VariableDocument
from tests.support import models as m
from tests.support.actions import activate, batch, creation, fail
from tests.support.batches import populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import make

REFERENCE = 4711


def referring(record: Record) -> Record:
    return msgspec.structs.replace(record, step=msgspec.structs.replace(record.step, operation_reference=REFERENCE))


def test_the_creation_and_the_cancellation_over_many_steps(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 8})
    s.deploy(m.fan("fan", 20))
    created = s.when(referring(creation("fan")))
    key = created.one("PROCESS_INSTANCE_CREATION").key
    canceled = s.when(referring(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key)))
    for moment in (created, canceled):
        assert moment.all("PROCESS_INSTANCE_CONTINUATION", "PAUSED")
        assert {record.step.operation_reference for record in moment.records} == {REFERENCE}
    assert s.create("fan")
    assert s.records()[-1].step.operation_reference == -1


@pytest.mark.parametrize("refused", [True, False])
def test_every_command_that_takes_one(scenario: MakeScenario, refused: bool) -> None:
    s = scenario()
    s.deploy(m.one_task())
    instance = s.create("one")
    (key,) = activate(s)
    fail(s, key)
    incident = s.everything().one("INCIDENT", "CREATED").key
    wishes = [
        make("JOB", "UPDATE", Job(retries=1, changed_attributes=("retries",)), key),
        make("INCIDENT", "RESOLVE", Incident(), incident),
        make("VARIABLE_DOCUMENT", "UPDATE", VariableDocument(scope_key=instance, variables='{"a": 1}'), instance),
        make("JOB", "COMPLETE", Job(), key),
    ]
    if refused:
        wishes = [msgspec.structs.replace(wish, key=instance + 999, value=type(wish.value)()) for wish in wishes]
    for wish in wishes:
        moment = s.when(referring(wish))
        assert any(record.record_type == "REJECTION" for record in moment.records) is refused
        assert {record.step.operation_reference for record in moment.records} == {REFERENCE}


def test_the_creation_of_a_batch_operation_on_every_partition(scenario: MakeScenario) -> None:
    s = scenario(3)
    populate(s, 9)
    created = s.when(referring(batch())).all("BATCH_OPERATION_CREATION", "CREATED")
    assert [record.step.operation_reference for record in created] == [REFERENCE] * 3
