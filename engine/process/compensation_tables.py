"""The tables of compensation: what can be undone, and what is being. Appliers write them, processors read them."""

from __future__ import annotations

from msgspec import Struct

from engine.core.record import NONE
from engine.core.state import Table


class CompensationRow(Struct, frozen=True, kw_only=True, array_like=True):
    """An activity that has completed and can be undone; the last three are unset until an event triggers that."""

    activity_id: str
    #: its element instance, which is gone; of a sub-process, the owner of what can be undone in it
    activity_key: int
    #: the scope that it was in
    scope_key: int
    #: the activity that undoes it; empty for a sub-process that is undone by undoing what is in it
    handler_id: str
    throw_id: str = ""
    throw_key: int = NONE
    handler_key: int = NONE


class Handled(Struct, frozen=True, kw_only=True, array_like=True):
    """What a running compensation activity undoes: a key of COMPENSATIONS."""

    throw_key: int
    subscription_key: int


#: (owner, subscription key); the owner is the scope that the activity was in, or, once triggered, the event that waits
COMPENSATIONS = Table(90, "COMPENSATIONS", CompensationRow)
#: (owner, activity id, subscription key) -> True, of what is not triggered
COMPENSATIONS_OF = Table(92, "COMPENSATIONS_OF", bool)
#: (element instance key of a running compensation activity,)
COMPENSATION_HANDLERS = Table(91, "COMPENSATION_HANDLERS", Handled)
