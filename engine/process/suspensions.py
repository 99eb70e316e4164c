"""Process instances that are suspended: nothing in them goes on until they are resumed.

A suspended instance is one whose pause is suspended: whatever work comes meanwhile (a called instance has ended, an
incident is resolved) is kept in the pause. What would come from outside is held where it is met, not looked for: a job
that a worker asks for, a timer that is due, a message that arrives. So a suspension is one small step, however large
the instance, and a resumption releases what was held, some at a time. Called instances are not suspended with it.
Sources: Camunda 8.10 "Process instance suspension"; Camunda 7, suspension of process instances. Unlike in Camunda 8,
incidents can be resolved meanwhile; what follows from it happens at the resumption.
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects
from engine.core.faults import INVALID_STATE, Reject
from engine.core.record import Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import ProcessInstance

from . import work as kinds
from .execution import open_execution
from .lifecycle import run
from .tables import ELEMENT_INSTANCES, HELD, PAUSES, TERMINATING, Pause, is_suspended
from .work import Work, encode_work

#: The work of a pause that keeps nothing.
_NO_WORK = encode_work([])


def suspend(command: Record, view: View) -> Effects:
    """PROCESS_INSTANCE SUSPEND."""
    if is_suspended(view, command.key):
        raise Reject(INVALID_STATE, f"expected an active process instance, but {command.key} is suspended already")
    yield from suspend_instance(view, command.key, answers=True)


def resume(command: Record, view: View) -> Effects:
    """PROCESS_INSTANCE RESUME: accepted with the first record; what was held is released over several steps."""
    open_execution(view, command.key)
    if not is_suspended(view, command.key):
        raise Reject(INVALID_STATE, f"expected a suspended process instance, but {command.key} is not suspended")
    yield from resume_instance(view, command.key, answers=True)


def suspend_instance(view: View, key: int, *, answers: bool = False) -> Effects:
    """Let a process instance stand still; nothing happens to one that does. Raises NOT_FOUND or INVALID_STATE."""
    execution = open_execution(view, key, answers=answers)
    row = view.get(ELEMENT_INSTANCES, key)
    if row is None or row.state == TERMINATING:
        raise Reject(INVALID_STATE, f"expected process instance {key} to be active, got one that is being canceled")
    pause = view.get(PAUSES, key)
    if pause is not None and pause.suspended:
        return
    if pause is None:
        yield execution.continuation("PAUSED", Pause(token=view.next_key(), round=0, work=_NO_WORK))
    yield execution.lifecycle("SUSPENDED", key, row)


def resume_instance(view: View, key: int, *, answers: bool = False) -> Effects:
    """Let a process instance go on; nothing happens to one that does. Raises NOT_FOUND.

    What was held is released in this step and, if that is much, in later ones.
    """
    execution = open_execution(view, key, answers=answers)
    pause = view.get(PAUSES, key)
    if pause is None or not pause.suspended:
        return
    yield execution.lifecycle("RESUMED", key)
    execution.push(Work(kinds.RELEASE, key))
    if pause.work == _NO_WORK:
        yield execution.continuation("CONTINUED", pause)
    elif not pause.waits:
        yield execution.continue_later(pause.token)
    yield from run(execution)


# appliers


def _set_suspended(fact: Fact, state: State, *, suspended: bool) -> None:
    key = cast(ProcessInstance, fact.value).process_instance_key
    state.put(PAUSES, key, value=structs.replace(state.require(PAUSES, key), suspended=suspended))


def _apply_suspended(fact: Fact, state: State) -> None:
    _set_suspended(fact, state, suspended=True)


def _apply_resumed(fact: Fact, state: State) -> None:
    _set_suspended(fact, state, suspended=False)


PART = Part(
    processors={("PROCESS_INSTANCE", "SUSPEND"): suspend, ("PROCESS_INSTANCE", "RESUME"): resume},
    appliers={
        ("PROCESS_INSTANCE", "SUSPENDED"): _apply_suspended,
        ("PROCESS_INSTANCE", "RESUMED"): _apply_resumed,
    },
    tables=table_values(HELD),
)
