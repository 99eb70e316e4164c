"""Escalations: a throw event tells whoever catches it around it, and goes on unless that interrupts it.

An escalation that nobody catches is no incident. Sources: BPMN 2.0, 10.5.6 and 13.5; Camunda 8 "Escalation events".
"""

from __future__ import annotations

from engine.bpmn.model import Escalation
from engine.core.effects import Effects, Event
from engine.core.head import apply_nothing
from engine.core.record import DEFAULT_TENANT
from engine.core.registry import Part
from engine.records import Escalation as EscalationValue

from . import work as kinds
from .call_commands import ESCALATE, call_command
from .catchers import find_catcher, find_catching_call
from .events.catching import catch
from .execution import Execution
from .work import Work

FAMILY = "ESCALATION"


def escalate(execution: Execution, key: int, thrower_id: str, code: str) -> Effects:
    """The active event `key` throws an escalation; it completes unless what catches the escalation interrupts it."""
    found = find_catcher(execution, key, Escalation, code)
    called = find_catching_call(execution, Escalation, code) if found is None else None
    _, catching = found or called or (0, None)
    value = EscalationValue(
        process_instance_key=execution.instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        escalation_code=code,
        throw_element_id=thrower_id,
        catch_element_id=catching.id if catching is not None else "",
        root_process_instance_key=execution.root_key,
        tenant_id=DEFAULT_TENANT,
    )
    intent = "ESCALATED" if catching is not None else "NOT_ESCALATED"
    yield Event(value_type=FAMILY, intent=intent, key=execution.view.next_key(), value=value)
    if catching is None or not catching.interrupting:
        execution.push(Work(kinds.COMPLETE, key))
    if called is not None:
        yield call_command(execution.view, ESCALATE, called[0], escalation_code=code)
    elif found is not None:
        yield from catch(execution, *found, "")


def escalate_from_call(execution: Execution, key: int, code: str) -> Effects:
    """The call activity `key` of this instance is told of an escalation in what it called."""
    found = find_catcher(execution, key, Escalation, code)
    if found is not None:
        yield from catch(execution, *found, "")


PART = Part(appliers={(FAMILY, "ESCALATED"): apply_nothing, (FAMILY, "NOT_ESCALATED"): apply_nothing})
