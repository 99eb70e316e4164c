"""How what is inside a scope ends, some element instances at a time, and what waits until all of it is gone."""

from __future__ import annotations

from engine.core.effects import Effects
from engine.core.state import View, key_tail, pack

from . import work as kinds
from .execution import Execution
from .tables import CHILDREN, ELEMENT_INSTANCES
from .work import Work

#: Children that one piece of work terminates.
CHILDREN_PER_WORK = 100


def terminate_children(execution: Execution, work: Work) -> Effects:
    """Work TERMINATE_CHILDREN."""
    yield from ()
    if work.key in execution.emptied:
        return
    last, _, round_ = work.data.partition(" ")
    after = pack((work.key, int(last))) if last else b""
    # However many pauses it takes to end what is in a scope, that is no endless loop.
    began = int(round_) if round_ else execution.round + 1
    execution.round = min(execution.round, began)
    children = execution.view.scan(CHILDREN, work.key, limit=CHILDREN_PER_WORK, after=after)
    if len(children) < CHILDREN_PER_WORK:
        execution.emptied.add(work.key)
    if children:
        ending = [Work(kinds.TERMINATE, key_tail(key)) for key, _ in children]
        execution.push(*ending, Work(work.kind, work.key, data=f"{ending[-1].key} {began}"))
    elif must_wait(execution.view, work):
        execution.wait(work)


def await_end(execution: Execution, work: Work) -> Effects:
    """Work AWAIT_END."""
    yield from ()
    if must_wait(execution.view, work):
        execution.wait(work)


def must_wait(view: View, work: Work) -> bool:
    """Whether call activities that end are still there: they wait for what they called."""
    if work.kind == kinds.AWAIT_END:
        return view.get(ELEMENT_INSTANCES, work.key) is not None
    return bool(view.scan(CHILDREN, work.key, limit=1))
