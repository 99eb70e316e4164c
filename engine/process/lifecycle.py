"""What each piece of work does to a process instance: the life of element instances, and how a step runs them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import structs

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import CALL_ACTIVITY, EVENT_SUB_PROCESS, PROCESS, SUB_PROCESS, Element
from engine.core.effects import Effects
from engine.core.record import NONE
from engine.core.state import View, key_tail, pack

from . import work as kinds
from .call_commands import RETURN, call_command
from .elements import BEHAVIORS, PASS_THROUGH
from .errors import throw
from .events.catching import happen
from .events.waits import close_waits, open_waits
from .execution import Deciding, Execution, open_execution
from .flows import end_after, may_activate
from .message_buffer import start_next
from .results import tell_result
from .tables import (
    ACTIVATED,
    ACTIVATING,
    CHILDREN,
    COMPLETING,
    ELEMENT_INCIDENTS,
    ELEMENT_INSTANCES,
    HOLDS_INCIDENTS,
    HOLDS_JOINS,
    JOINS,
    PAUSES,
    TERMINATING,
    ElementInstance,
    Pause,
)
from .variables import evaluate_mappings, merge, merge_local, parse_document
from .work import Work, decode_work, encode_work

#: Element instances that others are in.
SCOPES = (PROCESS, SUB_PROCESS, EVENT_SUB_PROCESS)

#: Children that one piece of work terminates.
CHILDREN_PER_WORK = 100


def run(execution: Execution, *, at_end: Work | None = None, limit: int = NONE) -> Deciding:
    """Perform the work. True: nothing is left; False: the rest is paused, with `at_end` as its last piece.

    `limit`: the effort of the step at which it pauses, where it is not the first work of the step.
    """
    view = execution.view
    pause = view.get(PAUSES, execution.instance_key)
    if pause is not None and execution.stack and execution.stack[-1].kind != kinds.CONTINUE:
        yield from _keep(execution, pause, at_end)
        return False
    limit = view.effort + view.settings.step_effects_max if limit == NONE else limit
    while execution.stack:
        # With an instance that is gone nothing can be kept; what is left then does little.
        if view.effort >= limit and not execution.ended:
            yield from execution.pause(at_end)
            return False
        work = execution.pop()
        yield from _PERFORM[work.kind](execution, work)
        if execution.waits:
            yield from execution.pause(at_end)
            return False
    return True


def take_up(execution: Execution, pause: Pause) -> Effects:
    """Go on where a pause left off, unless it is one too many. What is ending is not looping."""
    row = execution.view.get(ELEMENT_INSTANCES, execution.instance_key)
    ending = row is not None and row.state == TERMINATING
    if pause.round >= execution.view.settings.continuation_rounds_max and not ending:
        yield from _halt(execution, pause)
        return
    yield execution.continuation("CONTINUED", Pause(token=pause.token, round=pause.round, work=b""))
    execution.round = pause.round
    execution.push(*reversed(decode_work(pause.work)))
    yield from run(execution)


def _halt(execution: Execution, pause: Pause) -> Effects:
    """Too many steps without a wait state: the pause is kept until the incident is resolved."""
    view, key = execution.view, execution.instance_key
    yield execution.continuation("PAUSED", Pause(token=pause.token, round=0, work=pause.work))
    message = (
        f"expected a wait state, got none in {view.settings.continuation_rounds_max} steps in a row: the process may "
        "loop for ever; resolve this incident to let it go on, or cancel the instance"
    )
    yield execution.incident(key, "UNKNOWN", message, resume=Work(kinds.CONTINUE, key))


def _keep(execution: Execution, pause: Pause, at_end: Work | None) -> Effects:
    """The instance is paused already: this step's work goes on top of what is kept."""
    stack = [*([at_end] if at_end else []), *decode_work(pause.work), *execution.stack]
    yield execution.continuation("PAUSED", Pause(token=pause.token, round=pause.round, work=encode_work(stack)))
    if pause.waits:
        yield execution.continue_later(pause.token)


# activation


def start(execution: Execution, document: dict[str, str], inside: str) -> Effects:
    """Begin the process itself with its variables: at its start event, or at the elements `inside` (a JSON array)."""
    yield execution.starting()
    key = execution.instance_key
    yield from merge_local(execution.view, key, document, execution.process_id)
    yield from _go_on_activating(execution, key, execution.graph.root, inside)
    yield from run(execution)


def _activate(execution: Execution, work: Work) -> Effects:
    element = execution.graph.elements[work.element_id]
    scope = execution.view.get(ELEMENT_INSTANCES, work.key)
    if scope is None or scope.state == TERMINATING:
        return
    if work.kind == kinds.ACTIVATE and not may_activate(execution, element, work.key):
        # Another activation took the tokens that it joins; the scope may have waited for nothing but this one.
        execution.push(Work(kinds.CHECK_SCOPE, work.key))
        return
    key = execution.view.next_key()
    execution.emptied.discard(work.key)
    yield execution.activating(element, key, work.key)
    if work.kind == kinds.PASS:
        yield from PASS_THROUGH.activate(execution, element, key, work.data)
    else:
        yield from _go_on_activating(execution, key, element, work.data)


def _resume_activation(execution: Execution, work: Work) -> Effects:
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is not None and row.state == ACTIVATING:
        yield from _go_on_activating(execution, work.key, execution.graph.elements[row.element_id], work.data)


def start_at(execution: Execution, start_event_id: str, variables: str, limit: int) -> Effects:
    """Begin the process at a start event that something happened at, with the variables (JSON) that came with it.

    It pauses when the step's effort has reached `limit`.
    """
    yield execution.starting()
    if variables and not execution.graph.elements[start_event_id].outputs:
        # They will be the instance's own; what the process itself waits for may be told by them.
        document = parse_document(variables)
        yield from merge_local(execution.view, execution.instance_key, document, execution.process_id)
    data = msgspec.json.encode({start_event_id: msgspec.Raw(variables.encode() or b"{}")}).decode()
    yield from _go_on_activating(execution, execution.instance_key, execution.graph.root, data)
    yield from run(execution, limit=limit)


def _go_on_activating(execution: Execution, key: int, element: Element, data: str) -> Effects:
    if element.inputs:
        try:
            made = evaluate_mappings(execution.view, key, element.inputs)
        except EvaluationFailure as failure:
            message = f"input mapping of '{element.id}': {failure}"
            resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
            yield execution.incident(key, "IO_MAPPING_ERROR", message, resume=resume)
            return
        yield from merge_local(execution.view, key, made, execution.process_id)
    if element.waits and not (yield from open_waits(execution, key, element, data)):
        return
    yield from BEHAVIORS[element.type].activate(execution, element, key, data)


# completion


def _complete(execution: Execution, work: Work) -> Effects:
    key = work.key
    row = execution.view.get(ELEMENT_INSTANCES, key)
    if row is None or row.state == TERMINATING:
        return
    element = execution.graph.elements[row.element_id]
    if row.state != COMPLETING:
        yield execution.lifecycle("ELEMENT_COMPLETING", key, row)
    if (work.data or element.outputs) and not (yield from _output(execution, key, row, element, work.data)):
        return
    yield from close_waits(execution, key, row)
    if row.parent_element_instance_key != NONE:
        yield call_command(execution.view, RETURN, key)
        return
    yield from end_completed(execution, key, row)
    if row.scope_key != NONE:
        yield from BEHAVIORS[row.element_type].leave(execution, element, row)


def end_completed(execution: Execution, key: int, row: ElementInstance) -> Effects:
    """The element instance is done; it is COMPLETING and waits for nothing any longer."""
    yield from _end_incidents(execution, key, row)
    if row.element_type == PROCESS:
        yield from tell_result(execution, "COMPLETED")
    yield execution.lifecycle("ELEMENT_COMPLETED", key, row)
    if row.element_type == PROCESS:
        execution.ended = True
        yield from start_next(execution)


def _output(execution: Execution, key: int, row: ElementInstance, element: Element, data: str) -> Deciding:
    """Variables that leave the element: through its output mappings, or else as they are."""
    view, process_id = execution.view, execution.process_id
    outside = key if row.scope_key == NONE else row.scope_key
    document = parse_document(data)
    if not element.outputs:
        yield from merge(view, outside, document, process_id)
        return True
    yield from merge_local(view, key, document, process_id)
    try:
        made = evaluate_mappings(view, key, element.outputs, seen=outside)
    except EvaluationFailure as failure:
        message = f"output mapping of '{element.id}': {failure}"
        yield execution.incident(key, "IO_MAPPING_ERROR", message, resume=Work(kinds.COMPLETE, key))
        return False
    yield from merge(view, outside, made, process_id)
    return True


def _check_scope(execution: Execution, work: Work) -> Effects:
    """Complete a scope in which nothing is left: no child, no token on its way, none waiting at a join."""
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is None or row.state != ACTIVATED or execution.has_tokens(work.key):
        return
    scan = execution.view.scan
    waits = bool(row.holds & HOLDS_JOINS) and bool(scan(JOINS, work.key, limit=1))
    if not waits and not scan(CHILDREN, work.key, limit=1):
        yield from _complete(execution, work)


def _end_scope(execution: Execution, work: Work) -> Effects:
    """A terminate end event was reached: whatever else is in the scope ends, then the scope completes."""
    execution.forget_tokens(work.key)
    execution.push(Work(kinds.TERMINATE_CHILDREN, work.key), Work(kinds.COMPLETE, work.key))
    yield from ()


# termination


def _terminate(execution: Execution, work: Work) -> Effects:
    key = work.key
    row = execution.view.get(ELEMENT_INSTANCES, key)
    if row is None:
        return
    # One that is ending already is taken on: the pause that would have ended it may be gone.
    if row.state != TERMINATING:
        yield execution.lifecycle("ELEMENT_TERMINATING", key, row)
        yield from BEHAVIORS[row.element_type].terminate(execution, row)
        yield from close_waits(execution, key, row)
        yield from _end_incidents(execution, key, row)
    if row.element_type in SCOPES:
        execution.forget_tokens(key)
        execution.push(Work(kinds.TERMINATE_CHILDREN, key), Work(kinds.TERMINATED, key))
    elif row.element_type == CALL_ACTIVITY and row.work_key != NONE:
        # It ends when what it called has ended: its scope is not empty yet.
        execution.emptied.discard(row.scope_key)
    else:
        yield from _end_terminated(execution, key, row)


def _end_incidents(execution: Execution, key: int, row: ElementInstance) -> Effects:
    """Incidents end with their element instance."""
    if not row.holds & HOLDS_INCIDENTS:
        return
    for incident, _ in execution.view.scan(ELEMENT_INCIDENTS, key):
        yield execution.incident_gone(key_tail(incident), key, row.element_id)


def _terminate_children(execution: Execution, work: Work) -> Effects:
    yield from ()
    if work.key in execution.emptied:
        return
    after = pack((work.key, int(work.data))) if work.data else b""
    children = execution.view.scan(CHILDREN, work.key, limit=CHILDREN_PER_WORK, after=after)
    if len(children) < CHILDREN_PER_WORK:
        execution.emptied.add(work.key)
    if children:
        ending = [Work(kinds.TERMINATE, key_tail(key)) for key, _ in children]
        execution.push(*ending, Work(work.kind, work.key, data=str(ending[-1].key)))
    elif _must_wait(execution.view, work):
        execution.wait(work)


def _await_end(execution: Execution, work: Work) -> Effects:
    yield from ()
    if _must_wait(execution.view, work):
        execution.wait(work)


def _must_wait(view: View, work: Work) -> bool:
    """Whether call activities that end are still there: they wait for what they called."""
    if work.kind == kinds.AWAIT_END:
        return view.get(ELEMENT_INSTANCES, work.key) is not None
    return bool(view.scan(CHILDREN, work.key, limit=1))


def _terminated(execution: Execution, work: Work) -> Effects:
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is not None:
        yield from _end_terminated(execution, work.key, row)


def _end_terminated(execution: Execution, key: int, row: ElementInstance) -> Effects:
    if row.element_type == PROCESS:
        yield from tell_result(execution, "TERMINATED")
    yield execution.lifecycle("ELEMENT_TERMINATED", key, row)
    if row.element_type == PROCESS:
        execution.ended = True
        yield from start_next(execution)
    if row.parent_element_instance_key != NONE:
        yield from _end_call(execution.view, row.parent_element_instance_key)
    end_after(execution, row)


def _end_call(view: View, key: int) -> Effects:
    """A called instance is gone: so is the call activity that ended it, and what waited for that goes on."""
    row = view.get(ELEMENT_INSTANCES, key)
    if row is None or row.state != TERMINATING:
        return
    caller = open_execution(view, row.process_instance_key)
    yield caller.lifecycle("ELEMENT_TERMINATED", key, row)
    if end_after(caller, row):
        yield from run(caller)
        return
    pause = view.get(PAUSES, caller.instance_key)
    if pause is not None and pause.waits and not _must_wait(view, decode_work(pause.work)[-1]):
        yield caller.continuation("PAUSED", structs.replace(pause, waits=False))
        yield caller.continue_later(pause.token)


# others


def _continue(execution: Execution, work: Work) -> Effects:
    """After an incident: the pause that was not taken up is taken up again."""
    pause = execution.view.get(PAUSES, work.key)
    if pause is not None:
        yield execution.continue_later(pause.token)


def _follow_up(execution: Execution, work: Work) -> Effects:
    yield from execution.view.follow_up(work.element_id, work.key, work.data)


_PERFORM: dict[str, Callable[[Execution, Work], Effects]] = {
    kinds.ACTIVATE: _activate,
    kinds.START: _activate,
    kinds.PASS: _activate,
    kinds.HAPPENED: happen,
    kinds.RESUME_ACTIVATION: _resume_activation,
    kinds.COMPLETE: _complete,
    kinds.CHECK_SCOPE: _check_scope,
    kinds.END_SCOPE: _end_scope,
    kinds.TERMINATE: _terminate,
    kinds.TERMINATE_CHILDREN: _terminate_children,
    kinds.TERMINATED: _terminated,
    kinds.AWAIT_END: _await_end,
    kinds.THROW: throw,
    kinds.CONTINUE: _continue,
    kinds.FOLLOW_UP: _follow_up,
}
