"""Calls: an instance of another process begins, returns, ends or fails for the call activity that waits for it.

Rule: what touches both instances happens in one step, so that neither is ever ahead of the other.
Sources: Camunda 8 "Call activities"; Zeebe's incidents and its limit of depth.
"""

from __future__ import annotations

from typing import cast

from engine.bpmn.feel import EvaluationFailure, brief
from engine.bpmn.model import CalledProcess
from engine.core.effects import Effects
from engine.core.faults import INVALID_STATE, NOT_FOUND, Reject
from engine.core.record import NONE, Record
from engine.core.registry import Part
from engine.core.state import View
from engine.records import ProcessInstanceCall

from . import work as kinds
from .business_ids import BUSINESS_ID_LENGTH_MAX
from .call_commands import BEGIN, ESCALATE, FAMILY, RETURN, TERMINATE, THROW_ERROR
from .definitions import find_definition, find_deployed, find_tagged, find_version
from .escalations import escalate_from_call
from .execution import Execution, open_execution
from .instances import terminate_instance
from .lifecycle import end_completed, run, start
from .tables import ACTIVATING, COMPLETING, ELEMENT_INSTANCES, PAUSES, TERMINATING, ElementInstance, Instance
from .variables import Scope, local_variables, merge, merge_local, scopes_of
from .work import Work


def begin(command: Record, view: View) -> Effects:
    """BEGIN: find the process, start an instance of it, and give it the variables; or an incident."""
    key = command.key
    row = view.get(ELEMENT_INSTANCES, key)
    if row is None or row.state != ACTIVATING:
        raise Reject(NOT_FOUND, f"expected the call activity {key} to wait for its call, got none; it has ended")
    root = _root_of(view, row)
    if root is None or root.state == TERMINATING:
        # A tree that branches ends, because from here on it grows no more.
        raise Reject(INVALID_STATE, f"expected the tree of the call activity {key} to be active, but it is canceled")
    caller = open_execution(view, row.process_instance_key)
    called = caller.graph.elements[row.element_id].called
    assert called is not None
    try:
        business_id = _business_id(caller, key, called)
        definition_key = _find(caller, key, called)
    except EvaluationFailure as failure:
        problem = "EXTRACT_VALUE_ERROR", str(failure)
    except Reject as refusal:
        problem = "CALLED_ELEMENT_ERROR", refusal.reason
    else:
        yield from _start(caller, key, row, definition_key, Instance(business_id=business_id))
        return
    yield caller.incident(key, *problem, resume=Work(kinds.RESUME_ACTIVATION, key))


def _root_of(view: View, row: ElementInstance) -> ElementInstance | None:
    """The root of the tree that an element instance is in; the one that it knows may be one no longer (DETACHED)."""
    instance = view.get(ELEMENT_INSTANCES, row.process_instance_key)
    known = view.get(ELEMENT_INSTANCES, row.root_process_instance_key)
    if known is not None and known.state != TERMINATING:
        return known
    while instance is not None and instance.parent_process_instance_key != NONE:
        instance = view.get(ELEMENT_INSTANCES, instance.parent_process_instance_key)
    return instance


def _find(caller: Execution, key: int, called: CalledProcess) -> int:
    """The key of the definition to start. Raises EvaluationFailure, or Reject if there is none that can be started."""
    view, scope, binding = caller.view, Scope(caller.view, key), called.binding
    process_id = called.process_id.evaluate(scope)
    if not isinstance(process_id, str) or not process_id:
        expected = f"expected the id of the called process '{called.process_id.text}' to be a string"
        raise EvaluationFailure(f"{expected}, got {brief(process_id)}")
    if binding.type == "deployment":
        found = find_deployed(view, process_id, caller.definition.deployment_key)
    elif binding.version_tag is not None:
        tag = binding.version_tag.evaluate(scope)
        if not isinstance(tag, str):
            raise EvaluationFailure(f"expected the version tag to be a string, got {brief(tag)}")
        found = find_tagged(view, process_id, tag)
    else:
        found = find_version(view, process_id, -1)
    if not find_definition(view, found)[1].root.start:
        expected = f"expected process '{process_id}' to have a none start event, got none"
        raise Reject(INVALID_STATE, f"{expected}; deploy a version that has one, and resolve the incident")
    _check_depth(caller)
    return found


def _business_id(caller: Execution, key: int, called: CalledProcess) -> str:
    """The business id of the called instance. Raises EvaluationFailure."""
    if called.business_id is None:
        return caller.instance.business_id
    value = called.business_id.evaluate(Scope(caller.view, key))
    if not isinstance(value, str) or len(value) > BUSINESS_ID_LENGTH_MAX:
        expected = f"expected the business id of the called instance to be at most {BUSINESS_ID_LENGTH_MAX} characters"
        raise EvaluationFailure(f"{expected}, got {brief(value)}")
    return value


def _check_depth(caller: Execution) -> None:
    """Raises Reject when one more call is one too many: calls may go in a circle."""
    row = caller.view.get(ELEMENT_INSTANCES, caller.instance_key)
    depth_max = caller.view.settings.call_depth_max
    if row is not None and row.depth + 1 >= depth_max:
        raise Reject(
            INVALID_STATE,
            f"expected at most {depth_max} process instances that call each other, got one more: they may do so for "
            f"ever; cancel the root instance {caller.root_key}, or raise the setting and resolve the incident",
        )


def _start(caller: Execution, key: int, row: ElementInstance, definition_key: int, instance: Instance) -> Effects:
    view, called = caller.view, caller.graph.elements[row.element_id].called
    assert called is not None
    found = find_definition(view, definition_key)
    by = (caller.instance_key, key)
    execution = Execution(view, view.next_key(), definition_key, found, caller.root_key, caller=by)
    execution.instance = instance
    document: dict[str, str] = {}
    for scope, _ in reversed(list(scopes_of(view, key))):
        if called.gets_all_variables or scope == key:
            document.update(local_variables(view, scope))
    yield caller.lifecycle("ELEMENT_ACTIVATED", key, row)
    yield from start(execution, document, "")


def give_back(command: Record, view: View) -> Effects:
    """RETURN: the called instance completes and gives its variables, the call activity completes and goes on."""
    key = command.key
    row = view.get(ELEMENT_INSTANCES, key)
    if row is not None and row.state == COMPLETING and row.parent_element_instance_key == NONE:
        yield from _complete_detached(view, key)
        return
    call = view.get(ELEMENT_INSTANCES, row.parent_element_instance_key) if row is not None else None
    if row is None or call is None or row.state != COMPLETING or call.state == TERMINATING:
        raise Reject(INVALID_STATE, f"expected the called instance {key} to complete its call, but the call is ending")
    caller = open_execution(view, call.process_instance_key)
    call_key = row.parent_element_instance_key
    element = caller.graph.elements[call.element_id]
    assert element.called is not None
    if element.outputs:
        yield from merge_local(view, call_key, local_variables(view, key), caller.process_id)
    elif element.called.gives_all_variables:
        yield from merge(view, call_key, local_variables(view, key), caller.process_id)
    execution = open_execution(view, key)
    pause = view.get(PAUSES, key)
    if pause is not None:  # nothing is left in the instance, so there is nothing to be done there
        yield execution.continuation("CONTINUED", pause)
    yield from end_completed(execution, key, row)
    caller.push(Work(kinds.COMPLETE, call_key))
    yield from run(caller)


def _complete_detached(view: View, key: int) -> Effects:
    """It was on its way back when its call activity was gone: nobody waits for its variables."""
    execution = open_execution(view, key)
    pause = view.get(PAUSES, key)
    if pause is not None:
        yield execution.continuation("CONTINUED", pause)
    execution.push(Work(kinds.LEAVE, key))
    yield from run(execution)


def terminate(command: Record, view: View) -> Effects:
    """TERMINATE: the called instance ends, and then its call activity."""
    yield from terminate_instance(open_execution(view, command.key))


def throw_error(command: Record, view: View) -> Effects:
    """THROW_ERROR: what the called instance does not catch is thrown at its call activity."""
    thrown = cast(ProcessInstanceCall, command.value)
    row = view.get(ELEMENT_INSTANCES, command.key)
    if row is not None and row.state != TERMINATING:
        caller = open_execution(view, row.process_instance_key)
        caller.push(Work(kinds.THROW, command.key, thrown.error_code, thrown.variables))
        yield from run(caller)
        return
    thrower = view.get(ELEMENT_INSTANCES, thrown.thrown_by)
    if thrower is None or thrower.state == TERMINATING or _is_below(view, thrower, command.key):
        raise Reject(NOT_FOUND, f"expected the call activity {command.key} to be active, but it is ending")
    # It was detached while the error was on its way: nobody is left above who catches it, so it has an incident.
    execution = open_execution(view, thrower.process_instance_key)
    execution.push(Work(kinds.THROW, thrown.thrown_by, thrown.error_code, thrown.variables))
    yield from run(execution)


def _is_below(view: View, row: ElementInstance, call_key: int) -> bool:
    """Whether an element instance, which is in a called instance, ends with this call activity."""
    instance = view.get(ELEMENT_INSTANCES, row.process_instance_key)
    while instance is not None and instance.state != TERMINATING:
        if instance.parent_element_instance_key == call_key:
            return True
        if instance.parent_element_instance_key == NONE:
            return False
        instance = view.get(ELEMENT_INSTANCES, instance.parent_process_instance_key)
    return True


def escalate(command: Record, view: View) -> Effects:
    """ESCALATE: what the called instance escalates is caught at its call activity, or around that."""
    row = view.get(ELEMENT_INSTANCES, command.key)
    if row is None or row.state == TERMINATING:
        raise Reject(NOT_FOUND, f"expected the call activity {command.key} to be active, but it is ending")
    caller = open_execution(view, row.process_instance_key)
    yield from escalate_from_call(caller, command.key, cast(ProcessInstanceCall, command.value).escalation_code)
    yield from run(caller)


PART = Part(
    processors={
        (FAMILY, BEGIN): begin,
        (FAMILY, RETURN): give_back,
        (FAMILY, TERMINATE): terminate,
        (FAMILY, THROW_ERROR): throw_error,
        (FAMILY, ESCALATE): escalate,
    }
)
