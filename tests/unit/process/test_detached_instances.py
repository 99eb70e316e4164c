"""Cancelling what has called others without them: the called ones go on, as roots."""

from __future__ import annotations

import pytest

from engine.core.record import NONE
from engine.operations.cancel_process_instance import Parameters
from engine.process.tables import ELEMENT_INSTANCES
from engine.records import Job, ProcessInstance
from tests.support import models as m
from tests.support.actions import CANCEL, activate, batch, complete, complete_all, resolve
from tests.support.batches import counts, final
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario, make

FAMILY = "PROCESS_INSTANCE"
ENDS = ("ELEMENT_COMPLETED", "ELEMENT_TERMINATED")


def cancel_alone(s: Scenario, key: int) -> Moment:
    value = ProcessInstance(process_instance_key=key, skip_subprocesses=True)
    return s.when(make(FAMILY, "CANCEL", value, key, request="gateway/1"))


def called_by(s: Scenario, caller: int) -> int:
    """The one instance that another one has called."""
    rows = ((key, row) for key, row in instances(s).items() if row.parent_process_instance_key == caller)
    ((key, _),) = rows
    return key


def instances(s: Scenario) -> dict[int, ProcessInstance]:
    """Process instances as the log tells of their beginning."""
    begun = s.everything().all(FAMILY, "ELEMENT_ACTIVATING")
    return {r.key: r.value for r in begun if r.value.element_type == "PROCESS"}


@pytest.fixture
def calling(scenario: MakeScenario) -> Scenario:
    """top calls middle, which calls one after a job."""
    s = scenario()
    s.deploy(m.one_task())
    s.deploy(m.straight("middle", m.job("first", "first"), m.call("below", "one"), names=["first", "below"]))
    s.deploy(m.straight("top", m.call("inside", "middle"), m.job("after", "after"), names=["inside", "after"]))
    return s


def test_a_called_instance_goes_on_as_a_root(calling: Scenario) -> None:
    s = calling
    top = s.create("top")
    middle = called_by(s, top)
    moment = cancel_alone(s, top).accepted()
    told = moment.one(FAMILY, "DETACHED")
    assert (told.key, told.value.root_process_instance_key) == (middle, middle)
    assert [r.key for r in moment.all(FAMILY, "ELEMENT_TERMINATED") if r.value.element_type == "PROCESS"] == [top]
    row = s.partitions[1].state.get(ELEMENT_INSTANCES, middle)
    assert row is not None
    assert (row.parent_process_instance_key, row.parent_element_instance_key, row.depth) == (NONE, NONE, 0)
    complete_all(s, "first")
    complete_all(s, "work")
    ended = s.everything().all(FAMILY, "ELEMENT_COMPLETED")
    assert middle in [r.key for r in ended]
    assert s.is_empty()


def test_what_was_detached_is_canceled_by_itself(calling: Scenario) -> None:
    s = calling
    top = s.create("top")
    middle = called_by(s, top)
    s.when(make(FAMILY, "CANCEL", ProcessInstance(process_instance_key=middle), middle)).rejected("INVALID_STATE")
    cancel_alone(s, top).accepted()
    s.cancel(middle)
    assert s.is_empty()


def test_calls_below_what_was_detached_still_begin_and_return(calling: Scenario) -> None:
    """Those further below know an older root; it is gone, or ending."""
    s = calling
    s.deploy(m.straight("above", m.call("over", "top"), names=["over"]))
    above = s.create("above")
    cancel_alone(s, above).accepted()
    complete_all(s, "first")
    assert len(instances(s)) == 4
    for job_type in ("work", "after"):
        complete_all(s, job_type)
    assert s.is_empty()


def test_a_tree_below_what_was_detached_stops_growing_when_that_is_canceled(calling: Scenario) -> None:
    s = calling
    s.deploy(m.straight("above", m.call("over", "top"), names=["over"]))
    above = s.create("above")
    top = called_by(s, above)
    cancel_alone(s, above).accepted()
    (job,) = activate(s, "first")
    s.send(make(FAMILY, "CANCEL", ProcessInstance(process_instance_key=top), top))
    complete(s, job)
    assert s.is_empty()


def test_what_is_on_its_way_back_completes(calling: Scenario) -> None:
    """All is done in the called instance, and then its caller is canceled, before it is told."""
    s = calling
    top = s.create("top")
    middle = called_by(s, top)
    complete_all(s, "first")
    (job,) = activate(s)
    s.send(make("JOB", "COMPLETE", Job(), job))
    s.send(make(FAMILY, "CANCEL", ProcessInstance(process_instance_key=top, skip_subprocesses=True), top))
    s.drain()
    assert s.is_empty()
    ended = {r.key: r.intent for r in s.everything().all(FAMILY) if r.intent in ENDS}
    assert ended[middle] == "ELEMENT_COMPLETED"


def throw_and_cancel(s: Scenario, canceled: int, *, skip: bool) -> None:
    """An error is on its way to its caller when that, or somebody above it, is canceled."""
    (job,) = activate(s)
    s.group_size = 2  # both are decided before what the first one sends is read
    s.send(make("JOB", "THROW_ERROR", Job(error_code="A", variables='{"why": 1}'), job))
    s.send(make(FAMILY, "CANCEL", ProcessInstance(process_instance_key=canceled, skip_subprocesses=skip), canceled))
    s.drain()


@pytest.fixture
def catching(scenario: MakeScenario) -> Scenario:
    """outer calls middle, which calls one; outer catches the errors of what it calls."""
    s = scenario()
    s.deploy(m.one_task())
    s.deploy(m.straight("middle", m.call("below", "one"), names=["below"]))
    caught = m.boundary("caught", "call") + m.end("saved") + m.flow("caught", "saved")
    s.deploy(m.model(m.process("outer", m.start(), m.call("call", "middle"), m.flow("start", "call"), caught)))
    return s


def test_an_error_on_its_way_to_who_ends_is_an_incident_where_it_was_thrown(catching: Scenario) -> None:
    s = catching
    outer = s.create("outer")
    middle = called_by(s, outer)
    one = called_by(s, middle)
    throw_and_cancel(s, outer, skip=True)
    incident = s.everything().one("INCIDENT", "CREATED")
    assert (incident.value.error_type, incident.value.process_instance_key) == ("UNHANDLED_ERROR_EVENT", one)
    assert incident.value.element_id == "task"
    resolve(s, incident.key).accepted()
    complete_all(s)
    ended = {r.key: r.intent for r in s.everything().all(FAMILY) if r.intent in ENDS}
    assert {key: ended[key] for key in (outer, middle, one)} == {
        outer: "ELEMENT_TERMINATED",
        middle: "ELEMENT_COMPLETED",
        one: "ELEMENT_COMPLETED",
    }
    assert s.is_empty()


def test_an_error_on_its_way_to_who_goes_on_is_caught(catching: Scenario) -> None:
    """It is somebody further above who ends."""
    s = catching
    any_error = m.boundary("any", "call") + m.end("ended") + m.flow("any", "ended")
    s.deploy(m.model(m.process("above", m.start(), m.call("call", "outer"), m.flow("start", "call"), any_error)))
    above = s.create("above")
    throw_and_cancel(s, above, skip=True)
    s.everything().none("INCIDENT", "CREATED")
    assert [r.value.element_id for r in s.everything().all(FAMILY, "ELEMENT_COMPLETED")][-1] == "outer"
    assert s.is_empty()


def test_an_error_on_its_way_ends_with_those_that_are_canceled_with_their_caller(catching: Scenario) -> None:
    s = catching
    outer = s.create("outer")
    throw_and_cancel(s, outer, skip=False)
    s.everything().none("INCIDENT", "CREATED")
    assert s.is_empty()


@pytest.mark.parametrize("step_effects_max", [1, 3, 1_000])
@pytest.mark.parametrize("skip", [True, False])
def test_many_calls_are_detached_over_several_steps(
    scenario: MakeScenario, step_effects_max: int, *, skip: bool
) -> None:
    s = scenario(settings={"step_effects_max": step_effects_max})
    s.deploy(m.one_task())
    s.deploy(m.straight("many", m.multi(m.call("each", "one")), names=["each"]))
    s.create("many", '{"items": [1, 2, 3, 4, 5]}')
    s.when(batch(CANCEL, '{"processDefinitionId": "many"}', Parameters(skip_subprocesses=skip)))
    assert counts(final(s)) == (1, 1, 0, 0, 0)
    assert len(s.everything().all(FAMILY, "DETACHED")) == (5 if skip else 0)
    assert s.is_empty() is not skip
    complete_all(s)
    assert s.is_empty()
