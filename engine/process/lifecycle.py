"""What each piece of work does to a process instance: the life of element instances, and how a step runs them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import structs

from engine.bpmn.model import (
    AD_HOC_SUB_PROCESS,
    AD_HOC_SUB_PROCESS_INNER_INSTANCE,
    CALL_ACTIVITY,
    EVENT_SUB_PROCESS,
    MULTI_INSTANCE_BODY,
    PROCESS,
    SUB_PROCESS,
    Element,
)
from engine.core.effects import Effects
from engine.core.record import NONE
from engine.core.state import View, key_tail

from . import work as kinds
from .ad_hoc import begin_inside
from .beginnings import read_beginnings, variables_at
from .call_commands import RETURN, call_command
from .compensations import complete_handler, finish, forget, forgets_first, subscribe, trigger
from .elements import BEHAVIORS, PASS_THROUGH
from .endings import await_end, must_wait, terminate_children
from .errors import throw
from .events.catching import happen
from .events.waits import close_waits, open_waits
from .execution import Deciding, Execution, open_execution
from .flows import end_after
from .held import release
from .joins import is_due, may_activate
from .mappings import map_inputs, map_outputs
from .message_buffer import start_next
from .multi_instances import collect, discard, next_instance
from .pauses import halt, keep
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
from .variables import merge_local, parse_document
from .work import Work, decode_work

#: Element instances that others are in.
SCOPES = (
    PROCESS,
    SUB_PROCESS,
    EVENT_SUB_PROCESS,
    AD_HOC_SUB_PROCESS,
    AD_HOC_SUB_PROCESS_INNER_INSTANCE,
    MULTI_INSTANCE_BODY,
)


def run(execution: Execution, *, at_end: Work | None = None, limit: int = NONE, stands_still: bool = False) -> Deciding:
    """Perform the work. True: nothing is left; False: the rest is paused, with `at_end` as its last piece.

    `limit`: the effort of the step at which it pauses, where it is not the first work of the step. `stands_still`: it
    is done although the instance is suspended.
    """
    view = execution.view
    pause = view.get(PAUSES, execution.instance_key)
    if pause is not None and not stands_still and execution.stack and execution.stack[-1].kind != kinds.CONTINUE:
        yield from keep(execution, pause, at_end)
        return False
    limit = view.effort + view.settings.step_effects_max if limit == NONE else limit
    while execution.stack:
        # With an instance that is gone nothing can be kept; what is left then does little.
        if view.effort + execution.spent >= limit and not execution.ended:
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
        yield from halt(execution, pause)
        return
    yield execution.continuation("CONTINUED", Pause(token=pause.token, round=pause.round, work=b""))
    execution.round = pause.round
    execution.push(*reversed(decode_work(pause.work)))
    yield from run(execution)


# activation


def start(execution: Execution, document: dict[str, str], inside: str) -> Deciding:
    """Begin the process itself with its variables: at its start event, or `inside` (see `beginnings`). As `run`."""
    yield execution.starting()
    key = execution.instance_key
    yield from merge_local(execution.view, key, document, execution.process_id)
    yield from _go_on_activating(execution, key, execution.graph.root, inside)
    return (yield from run(execution))


def _activate(execution: Execution, work: Work) -> Effects:
    element = execution.graph.elements[work.element_id]
    scope = execution.view.get(ELEMENT_INSTANCES, work.key)
    if scope is None or scope.state == TERMINATING:
        return
    if work.kind == kinds.ACTIVATE and not may_activate(execution, element, work.key):
        # Another activation took the tokens that it joins; the scope may have waited for nothing but this one.
        execution.push(Work(kinds.CHECK_SCOPE, work.key))
        return
    element = element.body or element
    key = execution.view.next_key()
    execution.emptied.discard(work.key)
    yield execution.activating(element, key, work.key)
    data = work.data
    if work.kind == kinds.START:
        yield from merge_local(
            execution.view, key, parse_document(variables_at(data, element.id)), execution.process_id
        )
        data = data if read_beginnings(data) else ""
    if work.kind == kinds.PASS:
        yield from PASS_THROUGH.activate(execution, element, key, data)
    else:
        yield from _go_on_activating(execution, key, element, data)


def _join(execution: Execution, work: Work) -> Effects:
    if is_due(execution, work):
        yield from _activate(execution, Work(kinds.ACTIVATE, work.key, work.element_id))


def _spawn(execution: Execution, work: Work) -> Effects:
    found = next_instance(execution, work.key)
    if found is None:
        return
    element, loop_counter, own = found
    key = execution.view.next_key()
    yield execution.activating(element, key, work.key, loop_counter)
    yield from merge_local(execution.view, key, own, execution.process_id)
    yield from _go_on_activating(execution, key, element, "")


def _resume_activation(execution: Execution, work: Work) -> Effects:
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is not None and row.state == ACTIVATING:
        yield from _go_on_activating(execution, work.key, execution.element_of(row), work.data)


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
    if element.inputs and not (yield from map_inputs(execution, key, element, data)):
        return
    if element.waits and not (yield from open_waits(execution, key, element, data)):
        return
    yield from BEHAVIORS[element.type].activate(execution, element, key, data)


# completion


def _complete(execution: Execution, work: Work) -> Effects:
    key = work.key
    row = execution.view.get(ELEMENT_INSTANCES, key)
    if row is None or row.state == TERMINATING:
        return
    element = execution.element_of(row)
    if row.state != COMPLETING:
        yield execution.lifecycle("ELEMENT_COMPLETING", key, row)
    if forgets_first(execution, Work(kinds.COMPLETE, key, data=work.data), row):
        return
    if (work.data or element.outputs) and not (yield from map_outputs(execution, key, row, element, work.data)):
        return
    yield from close_waits(execution, key, row)
    if row.parent_element_instance_key != NONE:
        yield call_command(execution.view, RETURN, key)
    elif element.multi_instance is not None:
        execution.push(Work(kinds.COLLECT, key))
    else:
        yield from _leave(execution, Work(kinds.LEAVE, key))


def _leave(execution: Execution, work: Work) -> Effects:
    key = work.key
    row = execution.view.get(ELEMENT_INSTANCES, key)
    if row is None or row.state != COMPLETING:
        return
    element = execution.element_of(row)
    yield from subscribe(execution, key, row, element)
    yield from end_completed(execution, key, row)
    if element.for_compensation:
        yield from complete_handler(execution, key)
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


def _check_scope(execution: Execution, work: Work) -> Effects:
    """Something has ended in a scope: complete it if it is done."""
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is None or row.state != ACTIVATED:
        return
    is_empty = _is_empty(execution, work.key, row)
    if (yield from BEHAVIORS[row.element_type].is_done(execution, work.key, row, is_empty=is_empty)):
        yield from _complete(execution, work)


def _is_empty(execution: Execution, key: int, row: ElementInstance) -> bool:
    """Whether nothing is left in a scope: no child, no token on its way, none waiting at a join."""
    scan = execution.view.scan
    waits = bool(row.holds & HOLDS_JOINS) and bool(scan(JOINS, key, limit=1))
    return not waits and not execution.has_tokens(key) and not scan(CHILDREN, key, limit=1)


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
        yield execution.terminating(key, row)
        yield from BEHAVIORS[row.element_type].terminate(execution, row)
        yield from close_waits(execution, key, row)
        yield from _end_incidents(execution, key, row)
    if row.element_type in SCOPES:
        execution.forget_tokens(key)
        discards = [Work(kinds.DISCARD, key)] if row.element_type == MULTI_INSTANCE_BODY else []
        execution.push(Work(kinds.TERMINATE_CHILDREN, key), *discards, Work(kinds.TERMINATED, key))
    elif row.element_type == CALL_ACTIVITY and _calls(execution.view, key):
        # It ends when what it called has ended: its scope is not empty yet.
        execution.emptied.discard(row.scope_key)
    else:
        yield from _end_terminated(execution, key, row)


def _calls(view: View, key: int) -> bool:
    """Whether a call activity waits for what it has called."""
    row = view.get(ELEMENT_INSTANCES, key)
    return row is not None and row.work_key != NONE


def _end_incidents(execution: Execution, key: int, row: ElementInstance) -> Effects:
    """Incidents end with their element instance."""
    if not row.holds & HOLDS_INCIDENTS:
        return
    for incident, _ in execution.view.scan(ELEMENT_INCIDENTS, key):
        yield execution.incident_gone(key_tail(incident), key, row.element_id)


def _terminated(execution: Execution, work: Work) -> Effects:
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is not None:
        yield from _end_terminated(execution, work.key, row)


def _end_terminated(execution: Execution, key: int, row: ElementInstance) -> Effects:
    if forgets_first(execution, Work(kinds.TERMINATED, key), row):
        return
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
    if pause is not None and pause.waits and not must_wait(view, decode_work(pause.work)[-1]):
        yield caller.continuation("PAUSED", structs.replace(pause, waits=False))
        yield caller.continue_later(pause.token)


# others


def _continue(execution: Execution, work: Work) -> Effects:
    """After an incident: the pause that was not taken up is taken up again."""
    pause = execution.view.get(PAUSES, work.key)
    if pause is not None:
        yield execution.continue_later(pause.token)


def _nothing(_execution: Execution, _work: Work) -> Effects:
    yield from ()


def _follow_up(execution: Execution, work: Work) -> Effects:
    yield from execution.view.follow_up(work.element_id, work.key, work.data)


_PERFORM: dict[str, Callable[[Execution, Work], Effects]] = {
    kinds.ACTIVATE: _activate,
    kinds.START: _activate,
    kinds.PASS: _activate,
    kinds.HAPPENED: happen,
    kinds.RESUME_ACTIVATION: _resume_activation,
    kinds.SPAWN: _spawn,
    kinds.COMPLETE: _complete,
    kinds.COLLECT: collect,
    kinds.DISCARD: discard,
    kinds.LEAVE: _leave,
    kinds.BEGIN_INSIDE: begin_inside,
    kinds.JOIN: _join,
    kinds.CHECK_SCOPE: _check_scope,
    kinds.END_SCOPE: _end_scope,
    kinds.TERMINATE: _terminate,
    kinds.TERMINATE_CHILDREN: terminate_children,
    kinds.TERMINATED: _terminated,
    kinds.AWAIT_END: await_end,
    kinds.THROW: throw,
    kinds.COMPENSATE: trigger,
    kinds.COMPENSATED: finish,
    kinds.FORGET_COMPENSATIONS: forget,
    kinds.MEANWHILE: _nothing,
    kinds.CONTINUE: _continue,
    kinds.RELEASE: release,
    kinds.FOLLOW_UP: _follow_up,
}
