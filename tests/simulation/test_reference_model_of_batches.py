"""The reference model agrees with batch operations whose items end late, or reach many things at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from engine.batch.removal_time import Body, read
from engine.core.record import first_key
from engine.operations import correlate_message, restart_process_instance, update_job
from engine.operations.restart_process_instance import Parameters as Restart
from engine.operations.set_variables import Parameters as Variables
from engine.records import BatchOperationCreation, BatchOperationIncident, BatchOperationLifecycleManagement
from engine.records.batch_operation_chunk import ItemFacts
from engine.records.batch_options import BatchOptions
from engine.records.process_instance_creation import StartInstruction
from tests.simulation.test_reference_model import assert_agrees
from tests.support import models as m
from tests.support.actions import CANCEL, batch, complete_all, creation, manage, set_variables
from tests.support.scenario import Scenario, make
from tests.unit.batch.test_removal_times import CALCULATED
from tests.unit.batch.test_synchronous import at_once

ONE = '{"processDefinitionId": "one"}'


def created(s: Scenario) -> list[int]:
    """Batch operations, in the order of their creation."""
    return sorted({record.key for record in s.everything().all("BATCH_OPERATION_CREATION", "CREATED")})


@pytest.mark.parametrize("step_effects_max", [3, 1000])
def test_messages_that_are_given_directly(step_effects_max: int) -> None:
    s = Scenario(2, settings={"step_effects_max": step_effects_max})
    task = (m.job("task"), m.boundary_event("stop", "task", m.message("message-a")))
    beside = m.boundary_event("beside", "task", m.message("message-b"), cancelActivity="false")
    parts = (m.start(), *task, beside, m.end(), m.chain("start", "task", "end"))
    s.deploy(m.model(m.process("p", *parts)))
    for partition in (1, 2, 1):
        s.create("p", '{"key": "k"}', partition=partition)
    for name in ("b", "c", ""):
        body = correlate_message.Parameters(message_name=name, variables='{"x": 1}')
        s.when(batch("CORRELATE_MESSAGE", '{"processDefinitionId": "p"}', body))
    assert_agrees(s)


def test_deletions() -> None:
    s = Scenario(2, settings={"slice_size": 1, "step_effects_max": 2})
    s.deploy(m.one_task())
    for partition in (1, 2, 1, 1):
        s.create("one", partition=partition)
    for partition in (1, 2):
        complete_all(s, partition=partition)
    s.create("one")
    wanted = '{"processDefinitionId": "one", "state": {"$exists": true}}'
    s.search.exports = False
    s.when(batch("DELETE_PROCESS_INSTANCE", wanted))
    s.when(batch("DELETE_PROCESS_INSTANCE", wanted))
    s.search.exports = True
    s.drain()
    assert len(s.everything().all("HISTORY_DELETION", "CONFIRMED")) > 1
    assert_agrees(s)


def test_phases_pauses_incidents_and_undoing() -> None:
    s = Scenario(2, settings={"slice_size": 2, "step_effects_max": 5})
    s.deploy(m.one_task())
    keys = [s.create("one", partition=1 + number % 2) for number in range(10)]
    begin = datetime.fromtimestamp(s.now / 1000, UTC)
    window = f"{begin:%H:%M}-{begin + timedelta(minutes=2):%H:%M}"
    s.when(batch("SUSPEND_PROCESS_INSTANCE", ONE, options=BatchOptions(pause_windows=(window,))))
    suspended = created(s)[-1]
    s.advance(120_000)
    wish = BatchOperationCreation(options=BatchOptions(parent_key=suspended, undoes=True))
    s.when(make("BATCH_OPERATION_CREATION", "CREATE", wish))
    options = BatchOptions(start_at=s.now + 1_000, item_retries=1, raises_incidents=True)
    s.when(batch("CANCEL_PROCESS_INSTANCE", ONE, options=options))
    canceling = created(s)[-1]
    for key in keys[:7]:
        s.cancel(key)
    for phase in ("EXECUTION", "COMPLETION"):
        s.when(manage("SUSPEND", canceling, phase))
    s.advance(1_000)
    s.when(manage("RESUME", canceling, "EXECUTION"))
    incidents = s.everything().all("BATCH_OPERATION_INCIDENT", "CREATED")
    assert len(incidents) == 7
    value = BatchOperationIncident(batch_operation_key=canceling, resolution="FAIL")
    s.when(make("BATCH_OPERATION_INCIDENT", "RESOLVE", value, incidents[0].key))
    for resolution in ("RETRY", "FAIL"):
        wanted = BatchOperationLifecycleManagement(resolution=resolution)
        s.when(make("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "RESOLVE_INCIDENTS", wanted, canceling))
    s.when(manage("RESUME", canceling))
    assert len(created(s)) == 3
    assert_agrees(s)


@pytest.mark.parametrize("initial_variables", [False, True])
def test_restarts(*, initial_variables: bool) -> None:
    s = Scenario(2, settings={"slice_size": 2, "chunk_size": 3, "step_effects_max": 4})
    s.deploy(m.one_task())
    for partition in (1, 2, 1, 1, 1):
        s.when(creation("one", '{"x": 1}', business_id="b"), partition)
    for partition in (1, 2):
        complete_all(s, partition=partition)
    set_variables(s, s.create("one", '{"x": 1}'), '{"x": 2}')
    body = restart_process_instance.Parameters(initial_variables=initial_variables)
    s.when(batch("RESTART_PROCESS_INSTANCE", '{"state": {"$exists": true}}', body))
    behind = restart_process_instance.Parameters(start_instructions=(StartInstruction(after_element_id="start"),))
    s.when(batch("RESTART_PROCESS_INSTANCE", '{"processDefinitionId": "one", "state": {"$exists": true}}', behind))
    assert len(s.everything().all("PROCESS_INSTANCE_CREATION", "CREATED")) == 6 + 5 + 5
    assert_agrees(s, skipped=["restarts at chosen elements"])


@pytest.mark.parametrize(
    "body",
    [
        Body(cleared_removal_time=True),
        Body(calculated_removal_time=True),
        Body(absolute_removal_time="2023-11-14T22:13:25Z"),
    ],
)
def test_removal_times(body: Body) -> None:
    s = Scenario(
        2, settings={"slice_size": 2, "history_time_to_live_ms": 3_000, "due_per_tick_max": 2, "retention_ms": 9_000}
    )
    s.deploy(m.one_task())
    for partition in (1, 2, 1, 1, 1):
        s.create("one", partition=partition)
    for partition in (1, 2):
        complete_all(s, partition=partition)
    s.create("one")
    wanted = '{"processDefinitionId": "one", "state": {"$exists": true}}'
    s.when(batch("SET_REMOVAL_TIME", wanted, read(body)))
    key = s.everything().all("BATCH_OPERATION_CREATION", "CREATED")[0].key
    for time in (s.now + 20_000, -1, 1 << 62):
        value = BatchOperationLifecycleManagement(removal_time=time)
        s.when(make("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "SCHEDULE", value, key))
    s.advance(2_000)
    s.when(batch("DELETE_PROCESS_INSTANCE", wanted, excluded_keys=()))
    s.advance(4_000)
    s.advance(20_000)
    assert_agrees(s)


def test_what_is_done_at_once() -> None:
    s = Scenario(2, settings={"step_effects_max": 50})
    s.deploy(m.one_task(), m.fan("big", 40))
    keys = [s.create("one", partition=partition) for partition in (1, 2, 1, 1, 2)]
    large = s.create("big")
    s.when(at_once(CANCEL, [keys[0], large]))  # it needs several steps
    s.when(at_once(CANCEL, keys[:2]))
    s.when(at_once("SUSPEND_PROCESS_INSTANCE", [keys[0], keys[2], large]))
    s.when(at_once("RESUME_PROCESS_INSTANCE", [keys[0], keys[2]]))
    s.when(at_once(CANCEL, [keys[0], keys[2], keys[0]]))
    s.when(at_once(CANCEL, [keys[0], keys[3]]))  # the first is gone
    s.when(at_once("SET_VARIABLES", [keys[1]], Variables(variables='{"x": 1}')), 2)
    assert len(s.everything().all("BATCH_OPERATION_CREATION", "EXECUTED")) == 4
    assert_agrees(s, ["rejection EXCEEDED_LIMIT"])


def test_what_is_done_at_once_to_what_has_ended() -> None:
    s = Scenario(settings={"history_time_to_live_ms": 20_000, "retention_ms": 30_000})
    s.deploy(m.one_task())
    keys = [s.create("one") for _ in range(3)]
    definition = s.everything().one("PROCESS", "CREATED").key
    for key in keys[:2]:
        s.cancel(key)
    ended = ItemFacts(state="TERMINATED", end_time=s.now, process_definition_key=definition, variables='{"x":1}')
    facts = tuple(replace(ended, item_key=key) for key in keys)
    for given in (facts, facts[:2], facts[:1], (replace(facts[0], state="ACTIVE"), facts[1])):
        for kind, parameters in (("RESTART_PROCESS_INSTANCE", Restart()), ("SET_REMOVAL_TIME", CALCULATED)):
            s.when(at_once(kind, keys[:2], parameters, facts=given))
            s.when(at_once(kind, keys, parameters, facts=given))  # the last runs
    s.when(batch(CANCEL, "", item_keys=(keys[2],)))
    key = s.everything().one("BATCH_OPERATION_CREATION", "CREATED").key
    for one in (key, key + 1):
        s.when(at_once("SET_BATCH_REMOVAL_TIME", [one], read(Body(calculated_removal_time=True))))
    s.when(at_once("DELETE_PROCESS_INSTANCE", [*keys, s.machine().last_key + 1]))
    s.when(at_once("DELETE_PROCESS_INSTANCE", [keys[0]]))
    s.advance(20_000)
    s.advance(10_000)
    assert len(s.everything().all("BATCH_OPERATION_CREATION", "EXECUTED")) == 5
    assert_agrees(s)


@pytest.mark.parametrize("kind", ["CANCEL_PROCESS_INSTANCE", "UPDATE_JOB", "RESOLVE_INCIDENT"])
def test_keys_given_by_hand(kind: str) -> None:
    s = Scenario(2, settings={"slice_size": 2})
    s.deploy(m.one_task())
    keys = [s.create("one", partition=partition) for partition in (1, 2, 1, 1)]
    s.cancel(keys[0])
    parameters = update_job.Parameters(changed_attributes=("retries",), retries=2) if kind == "UPDATE_JOB" else None
    given = (*keys, 7, keys[1] + (1 << 40), first_key(9))
    s.when(batch(kind, "", parameters, item_keys=given, excluded_keys=(keys[2],)))
    s.when(batch(kind, '{"state": "COMPLETED"}', parameters)) if kind == "CANCEL_PROCESS_INSTANCE" else None
    assert_agrees(s)
