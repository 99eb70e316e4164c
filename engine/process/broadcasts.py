"""How a signal sets out: the record of it, and a command to every partition to give it to who waits there."""

from __future__ import annotations

from engine.core.effects import Effects, Event, Send
from engine.core.record import DEFAULT_TENANT, command
from engine.core.state import View
from engine.records import Signal

FAMILY = "SIGNAL"
TRIGGER = "TRIGGER"


def broadcast(view: View, name: str, variables: str, *, answers: bool = False) -> Effects:
    """Tell all partitions of a signal; `variables`: a JSON object, or empty.

    The signal's key says which partition it came from: processes that it starts are started there.
    """
    value = Signal(signal_name=name, variables=variables, tenant_id=DEFAULT_TENANT)
    key = view.next_key()
    yield Event(value_type=FAMILY, intent="BROADCASTED", key=key, value=value, answers=answers)
    for partition in range(1, view.partition_count + 1):
        yield Send(partition=partition, command=command(FAMILY, TRIGGER, value, key=key))
