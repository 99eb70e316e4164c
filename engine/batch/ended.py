"""What events change of batch operations that have ended: known, until they are deleted, from those that never were.

Rule: while others retry, undo or commit it, it is not deleted by itself.
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.head import clear_due, set_due
from engine.core.record import NONE
from engine.core.registry import Fact
from engine.core.state import State
from engine.records import BatchOperationLifecycleManagement

from .approval import approved
from .management import RETENTION
from .plans import forget_plan
from .silence import ended_all
from .tables import BATCHES, ENDED_BATCHES, PARTITION_SILENT, PROGRESS, REPORTS, RETRIED_BY, Ended
from .webhooks import remember_webhook


def apply_final(state_name: str, fact: Fact, state: State) -> None:
    """The lead partition knows the end: all that is left is what tells it apart from one that never was."""
    value = cast(BatchOperationLifecycleManagement, fact.value)
    batch = state.require(BATCHES, fact.key)
    if batch.options.origin_key != NONE:
        _release(state, batch.options.origin_key, fact.key)
    for key, _ in state.scan(REPORTS, fact.key):
        state.delete_row(REPORTS, key)
    ended_all(state, fact.key)
    state.delete(BATCHES, fact.key)
    state.delete(PROGRESS, fact.key)
    ended = Ended(
        type=value.batch_operation_type,
        state=state_name,
        removal_time=value.removal_time,
        parameters=batch.parameters,
        end_time=fact.now,
        dry_run=batch.options.dry_run,
        undoable=batch.options.undoable,
        undoes=batch.options.undoes,
        keeps_plan=batch.options.keep_plan,
        total=value.total,
        creator=batch.creator,
        errors=len(value.errors),
        is_unsure=any(error.type == PARTITION_SILENT for error in value.errors),
        completed=value.completed,
        failed=value.failed,
    )
    state.put(ENDED_BATCHES, fact.key, value=ended)
    if ended.removal_time:
        set_due(state, ended.removal_time, RETENTION, fact.key)
    remember_webhook(fact.key, batch.options, state_name, value, fact.now, state)


def apply_scheduled(fact: Fact, state: State) -> None:
    """Another time at which it is deleted; while others retry it, it is kept anyway."""
    removal_time = cast(BatchOperationLifecycleManagement, fact.value).removal_time
    ended = state.require(ENDED_BATCHES, fact.key)
    state.put(ENDED_BATCHES, fact.key, value=structs.replace(ended, removal_time=removal_time))
    if state.scan(RETRIED_BY, fact.key, limit=1):
        return
    if ended.removal_time:
        clear_due(state, ended.removal_time, RETENTION, fact.key)
    if removal_time:
        set_due(state, removal_time, RETENTION, fact.key)


def keep_for(state: State, origin: int, key: int) -> None:
    """A batch operation that has ended is needed by this one."""
    ended = state.require(ENDED_BATCHES, origin)
    if ended.removal_time and not state.scan(RETRIED_BY, origin, limit=1):
        clear_due(state, ended.removal_time, RETENTION, origin)
    state.put(RETRIED_BY, origin, key, value=True)


def _release(state: State, origin: int, key: int) -> None:
    """It is needed no more by this one."""
    state.delete(RETRIED_BY, origin, key)
    ended = state.require(ENDED_BATCHES, origin)
    if ended.removal_time and not state.scan(RETRIED_BY, origin, limit=1):
        set_due(state, ended.removal_time, RETENTION, origin)


def apply_approved(fact: Fact, state: State) -> None:
    """Another user has approved a plan."""
    value = cast(BatchOperationLifecycleManagement, fact.value)
    state.put(ENDED_BATCHES, fact.key, value=approved(state.require(ENDED_BATCHES, fact.key), value))


def apply_deleting(fact: Fact, state: State) -> None:
    """The lead partition has forgotten it; this one does when its part is over."""
    state.put(PROGRESS, fact.key, value=structs.replace(state.require(PROGRESS, fact.key), deleting=True))


def apply_deleted(fact: Fact, state: State) -> None:
    """On the lead partition it is not known any more that there was one; the others had forgotten it."""
    forget_plan(state, fact.key)
    ended = state.get(ENDED_BATCHES, fact.key)
    if ended is None:
        return
    state.delete(ENDED_BATCHES, fact.key)
    if ended.removal_time:
        clear_due(state, ended.removal_time, RETENTION, fact.key)
