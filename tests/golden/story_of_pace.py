"""The part of the golden story in which batch operations keep a pace, try items again, and are deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.operations.modify_process_instance import Body, Move, read
from engine.operations.set_variables import Parameters
from engine.records import (
    BatchOperationCreation,
    BatchOperationIncident,
    BatchOperationLifecycleManagement,
    CommandLatency,
)
from engine.records.batch_options import BatchOptions
from tests.support import models as m
from tests.support.actions import CANCEL, MODIFY, SET_VARIABLES, SUSPEND, batch, manage, set_variables
from tests.support.batches import CREATION, undo, update
from tests.support.scenario import Scenario, make

CREATED = ("PROCESS_INSTANCE_CREATION", "CREATED")
INCIDENT = "BATCH_OPERATION_INCIDENT"
HELD = '{"processDefinitionId": "held"}'
#: What never can be done: nothing waits at the end.
NOWHERE = read(Body(move_instructions=(Move(source_element_id="end", target_element_id="task"),)))
WHICH = '{"processDefinitionId": "slow"}'


def keep_a_pace(s: Scenario) -> None:
    """A rate that is divided and changed; items that fail are tried again; what has ended is deleted."""
    s.deploy(m.one_task("slow"))
    for number in range(8):
        s.create("slow", partition=1 + number % 2)
    options = BatchOptions(item_retries=1, retry_backoff=1_000)
    s.when(batch(MODIFY, WHICH, NOWHERE, options=options), 1)
    s.advance(1_000)
    created = s.when(batch(CANCEL, WHICH, options=BatchOptions(rate=1.0, slice_size=1)), 2)
    key = created.all("BATCH_OPERATION_CREATION", "CREATED")[0].key
    s.advance(3_000)
    s.when(update(key, rate=100.0))
    for _ in range(20):
        s.advance(1_000)
    s.when(manage("DELETE", key))


def hold_and_pause(s: Scenario) -> None:
    """Phases are held, a window of pause passes, items wait for somebody, and what was suspended goes on again."""
    s.deploy(m.one_task("held"))
    for number in range(4):
        s.create("held", partition=1 + number % 2)
    begin = datetime.fromtimestamp(s.now / 1000, UTC)
    window = f"{begin:%H:%M}-{begin + timedelta(minutes=1):%H:%M}"
    s.when(batch(SUSPEND, HELD, options=BatchOptions(pause_windows=(window,))), 2)
    suspended = latest(s)
    s.advance(60_000)
    undo(s, suspended, 2)
    undo_variables(s)
    s.when(batch(MODIFY, HELD, NOWHERE, options=BatchOptions(raises_incidents=True)), 2)
    key = latest(s)
    s.when(manage("SUSPEND", key, "COMPLETION"), 2)
    incident = s.everything().all(INCIDENT, "CREATED")[-1].key
    s.when(make(INCIDENT, "RESOLVE", BatchOperationIncident(batch_operation_key=key, resolution="RETRY"), incident), 2)
    wanted = BatchOperationLifecycleManagement(resolution="FAIL")
    s.when(make("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "RESOLVE_INCIDENTS", wanted, key), 2)
    s.when(manage("RESUME", key), 2)


def yield_to_clients(s: Scenario) -> None:
    """Clients' commands take too long for a while."""
    for _ in range(4):
        s.create("held", partition=2)
    options = BatchOptions(start_suspended=True, slice_size=1)
    s.when(batch(CANCEL, HELD, options=options), 2)
    key = latest(s)
    for latency, after in ((250, 0), (180, s.now)):
        value = CommandLatency(latency=latency, commands=40, after=after)
        s.when_internal(make("COMMAND_LATENCY", "MEASURE", value), 2)
    s.when(manage("RESUME", key), 2)
    for latency in (20, 20):
        value = CommandLatency(latency=latency, commands=40, after=measured_at(s))
        s.when_internal(make("COMMAND_LATENCY", "MEASURE", value), 2)
        s.advance(1_000)


def fall_silent(s: Scenario) -> None:
    """A partition does not answer for long, then for too long; what it did not do is retried."""
    for number in range(4):
        s.create("slow", partition=1 + number % 2)
    s.when(batch(CANCEL, WHICH, options=BatchOptions(rate=0.002, slice_size=1)), 2)
    key = latest(s)
    s.advance(300_000)
    s.stopped = {1}
    for _ in range(12):
        s.advance(100_000)
    s.when(make(CREATION, "CREATE", BatchOperationCreation(options=BatchOptions(parent_key=key))), 2)
    s.stopped = set()
    s.drain()


def forget_while_silent(s: Scenario) -> None:
    """A batch operation is deleted while a partition that was given up has not heard of that."""
    for number in range(4):
        s.create("slow", partition=1 + number % 2)
    s.when(batch(CANCEL, WHICH, options=BatchOptions(rate=0.002, slice_size=1)), 2)
    key = latest(s)
    s.stopped = {1}
    for _ in range(12):
        s.advance(100_000)
    s.when(manage("CANCEL", key), 2)
    s.advance(1_000)
    s.when(manage("DELETE", key), 2)
    s.stopped = set()
    s.drain()


def measured_at(s: Scenario) -> int:
    return [record.step.timestamp for record in s.records(2) if record.intent == "MEASURED"][-1]


def undo_variables(s: Scenario) -> None:
    """Values are replaced and put back, but for an instance that had none, and one that kept too much."""
    keys = [record.key for record in s.records(2) if (record.value_type, record.intent) == CREATED]
    set_variables(s, keys[-1], f'{{"region": "south", "text": "{"x" * 20_000}"}}')
    set_variables(s, keys[-2], '{"region": "south"}')
    for text in ('{"text": "short"}', '{"region": "north"}'):
        wish = Parameters(variables=text)
        s.when(batch(SET_VARIABLES, HELD, wish, options=BatchOptions(undoable=True)), 2)
        undo(s, latest(s), 2)


def latest(s: Scenario) -> int:
    """The batch operation that was created last."""
    return max(record.key for record in s.records(2) if (record.value_type, record.intent) == (CREATION, "CREATED"))
