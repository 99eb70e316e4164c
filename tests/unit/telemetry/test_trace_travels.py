"""A command's trace context is in all that follows from it, on every partition; nothing is made up on the way."""

from __future__ import annotations

import msgspec

from engine.core.ports import INTERNAL
from engine.core.record import Record, command
from engine.records import Deployment
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import batch, manage
from tests.support.batches import key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import CODEC, Scenario

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 vendor=a"
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-00"


def traced(wish: Record, context: str = GIVEN) -> Record:
    return msgspec.structs.replace(wish, step=msgspec.structs.replace(wish.step, trace_context=context))


def contexts(s: Scenario) -> dict[str, set[str]]:
    """Of all records and internal commands by family."""
    found: dict[str, set[str]] = {}
    for partition in s.partitions.values():
        internal = [CODEC.decode(entry.value) for entry in partition.inputs[INTERNAL]]
        for record in (*partition.records, *internal):
            found.setdefault(record.value_type, set()).add(record.step.trace_context)
    return found


def test_a_batch_operation_on_three_partitions_is_one_trace(scenario: MakeScenario) -> None:
    s = scenario(3)
    populate(s, 9)
    s.when(traced(batch())).accepted()
    found = contexts(s)
    families = [name for name in found if name.startswith("BATCH_OPERATION")]
    assert len(families) >= 6
    assert all(found[name] == {GIVEN} for name in families), found
    terminated = s.everything().all("PROCESS_INSTANCE", "ELEMENT_TERMINATED")
    assert {record.step.trace_context for record in terminated} == {GIVEN}


def test_a_page_that_failed_and_is_asked_for_again_stays_in_the_trace(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 2)
    s.search.failures = ["large", "later"]
    s.when(traced(batch()))
    s.advance(10_000)
    assert contexts(s)["BATCH_OPERATION_INITIALIZATION"] == {GIVEN}


def test_what_a_second_command_causes_belongs_to_its_own_trace(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 4)
    s.send(traced(batch()))
    s.step(1)
    s.when(traced(manage("SUSPEND", key_of(s)), OTHER))
    suspended = s.everything().all("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "SUSPENDED")
    assert {record.step.trace_context for record in suspended} == {OTHER}
    assert len(suspended) == 2


def test_a_deployment_is_distributed_in_its_trace(scenario: MakeScenario) -> None:
    s = scenario(3)
    resource = Resource(resource_name="one.bpmn", resource=m.one_task())
    s.when(traced(command("DEPLOYMENT", "CREATE", Deployment(resources=(resource,)))), 1).accepted()
    found = contexts(s)
    assert found["DEPLOYMENT"] == found["PROCESS"] == {GIVEN}
    assert len(s.everything().all("DEPLOYMENT", "DISTRIBUTED")) == 2
