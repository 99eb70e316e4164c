"""History: what has ended is deleted from secondary storage, and whoever waits for that hears when it is gone.

The machine no longer has what has ended, so it says only what must not be deleted: what still runs. DELETED is what
exporters obey; that they have is told by how far everything is searchable (`engine/shell/confirmation.py`), in a
CONFIRM. The log keeps its records.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from engine.core.effects import Effects, Event, Send
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.record import Record, partition_of
from engine.core.record import command as make_command
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, Table, View, key_tail, pack
from engine.records import HistoryDeletion

from .removal_tables import forget_removal
from .tables import ELEMENT_INSTANCES
from .work import Work, decode_work, encode_work

FAMILY = "HISTORY_DELETION"
PROCESS_INSTANCE = "PROCESS_INSTANCE"
DECISION_INSTANCE = "DECISION_INSTANCE"
RESOURCE_TYPES = (PROCESS_INSTANCE, DECISION_INSTANCE)
#: Characters.
REASON_SIZE_MAX = 4096


class Deletion(Struct, frozen=True, array_like=True):
    """What is done when what was deleted is gone from secondary storage."""

    work: bytes


#: (position of the DELETED event,), while somebody waits
DELETIONS = Table(115, "DELETIONS", Deletion)


def check_reason(reason: str) -> list[str]:
    """What is wrong with a reason."""
    if len(reason) > REASON_SIZE_MAX:
        return [f"reason: expected at most {REASON_SIZE_MAX} characters, got {len(reason)}; shorten it"]
    return []


def check_resource(wish: HistoryDeletion) -> list[str]:
    """What is wrong with what is to be deleted."""
    if wish.resource_type in RESOURCE_TYPES:
        return []
    expected = " or ".join(RESOURCE_TYPES)
    return [f"resourceType: expected {expected}, got '{wish.resource_type[:60]}'; correct it"]


def delete(command: Record, view: View) -> Effects:
    """HISTORY_DELETION DELETE."""
    wish = cast(HistoryDeletion, command.value)
    problems = [*check_reason(wish.reason), *check_resource(wish)]
    if problems:
        raise Reject(INVALID_ARGUMENT, "; ".join(problems))
    yield from delete_history(view, wish.resource_type, wish.resource_key, reason=wish.reason, answers=True)


def delete_history(
    view: View,
    resource_type: str,
    key: int,
    *,
    reason: str = "",
    at_end: Work | None = None,
    answers: bool = False,
) -> Effects:
    """Delete a process instance that has ended, or a decision evaluation; `at_end` is done when it is gone.

    Raises Reject INVALID_STATE for an instance that still runs, and NOT_FOUND for a key that was never given out here.
    """
    check_kept(view, key)
    value = HistoryDeletion(
        resource_key=key,
        resource_type=resource_type,
        reason=reason,
        work=encode_work([at_end]) if at_end is not None else b"",
    )
    yield Event(value_type=FAMILY, intent="DELETED", key=key, value=value, answers=answers)


def check_kept(view: View, key: int) -> None:
    """Nothing that runs, and nothing that never was, is in the history. Raises Reject INVALID_STATE or NOT_FOUND."""
    if partition_of(key) != view.partition or key > view.last_key:
        raise Reject(NOT_FOUND, f"expected the key of what partition {view.partition} once had, got {key}; check it")
    if view.get(ELEMENT_INSTANCES, key) is not None:
        raise Reject(INVALID_STATE, f"expected a process instance that has ended, got {key}, which runs; cancel it")


def confirm(command: Record, view: View) -> Effects:
    """HISTORY_DELETION CONFIRM: what was deleted up to a position is gone. Some at a time, in that order."""
    exported = cast(HistoryDeletion, command.value).exported_position
    rows = view.scan(DELETIONS, until=pack((exported + 1,)), limit=view.settings.step_effects_max + 1)
    if not rows:
        raise Reject(INVALID_STATE, f"expected to wait for position {exported} or an earlier one, got a stale one")
    told = rows[: view.settings.step_effects_max]
    value = HistoryDeletion(exported_position=key_tail(told[-1][0]))
    yield Event(value_type=FAMILY, intent="CONFIRMED", value=value)
    for _, deletion in told:
        for work in decode_work(deletion.work):
            yield from view.follow_up(work.element_id, work.key, work.data)
    if len(rows) > len(told):
        yield Send(partition=view.partition, command=Confirmations().confirmation(exported))


class Confirmations:
    """What the shell must know to tell this partition that what was deleted is gone. As `Confirmations` of the core."""

    def awaited(self, view: View) -> int | None:
        """The first position that somebody waits for; None: nobody waits."""
        rows = view.scan(DELETIONS, limit=1)
        return key_tail(rows[0][0]) if rows else None

    def confirmation(self, position: int) -> Record:
        """Everything up to this position is searchable."""
        return make_command(FAMILY, "CONFIRM", HistoryDeletion(exported_position=position))


# appliers


def _apply_deleted(fact: Fact, state: State) -> None:
    value = cast(HistoryDeletion, fact.value)
    forget_removal(state, value.resource_type, fact.key)
    if value.work:
        state.put(DELETIONS, fact.position, value=Deletion(value.work))


def _apply_confirmed(fact: Fact, state: State) -> None:
    position = cast(HistoryDeletion, fact.value).exported_position
    for key, _ in state.scan(DELETIONS, until=pack((position + 1,))):
        state.delete_row(DELETIONS, key)


PART = Part(
    processors={(FAMILY, "DELETE"): delete, (FAMILY, "CONFIRM"): confirm},
    appliers={(FAMILY, "DELETED"): _apply_deleted, (FAMILY, "CONFIRMED"): _apply_confirmed},
    tables=table_values(DELETIONS),
)
