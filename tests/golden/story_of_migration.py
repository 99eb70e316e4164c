"""The part of the golden story in which process instances go on with another definition."""

from __future__ import annotations

from engine.operations.migrate_process_instance import Parameters
from engine.records import Signal
from engine.records.process_instance_migration import MappingInstruction
from tests.support import models as m
from tests.support.actions import MIGRATE, activate, batch, complete, fail, migrate, publish
from tests.support.scenario import Scenario, make

JOINING = {"before": ("met", "first_met"), "after": ("joined", "first_came")}


def moving(process_id: str, name: str) -> bytes:
    """Everything that can wait, side by side: a job with three events at its border, a user task, a token."""
    gateway, flow = JOINING[name]
    parts = (
        m.start(),
        m.job("booked", "booked"),
        m.undo_job(f"undo_{name}", "booked", "undo"),
        m.parallel("fork"),
        m.job(f"work_{name}", "moving"),
        m.boundary_event(f"late_{name}", f"work_{name}", m.timer("PT1H"), cancelActivity="false"),
        m.boundary_event(f"asked_{name}", f"work_{name}", m.message(), cancelActivity="false"),
        m.boundary_event(f"told_{name}", f"work_{name}", m.signal(), cancelActivity="false"),
        m.element("userTask", f"look_{name}", extensions=["<zeebe:userTask />"]),
        m.job("first", "first"),
        m.parallel(gateway),
        m.end(),
    )
    flows = (
        m.chain("start", "booked", "fork", f"work_{name}", gateway, "end"),
        m.chain("fork", f"look_{name}", gateway),
        m.chain("fork", "first"),
        m.flow("first", gateway, name=flow),
    )
    return m.model(m.process(process_id, *parts, *flows))


def change_definitions(s: Scenario) -> None:
    """One instance with all that can be alive in it, and many by a batch operation, of which one is refused."""
    s.deploy(moving("moving", "before"))
    keys = [s.create("moving", '{"key": "moving"}', partition=partition) for partition in (1, 2, 1)]
    for partition in s.partitions:
        for job_type in ("booked", "first"):
            for job in activate(s, job_type, partition=partition):
                complete(s, job).accepted()
    incident = activate(s, "moving", partition=1, limit=1)[0]
    fail(s, incident).accepted()
    target = s.deploy(moving("moved", "after")).all("PROCESS", "CREATED")[0].key
    same = ("work", "late", "asked", "told", "look")
    mapping = [(f"{name}_before", f"{name}_after") for name in same]
    mapping += [("booked_undone", "booked_undone"), *zip(JOINING["before"], JOINING["after"], strict=True)]
    migrate(s, keys[0], target, *mapping[:4]).rejected("INVALID_STATE")
    migrate(s, keys[0], target, *mapping).accepted()
    instructions = tuple(MappingInstruction(source_element_id=a, target_element_id=b) for a, b in mapping)
    plan = Parameters(target_process_definition_key=target, mapping_instructions=instructions, variables='{"by": 1}')
    s.when(batch(MIGRATE, '{"processDefinitionId": "moving"}', plan), 2)
    publish(s, correlation_key="moving").accepted()
    s.when(make("SIGNAL", "BROADCAST", Signal(signal_name="a")), 1).accepted()
    for key in keys:
        s.cancel(key).accepted()
