"""The tables of signals: who waits for them on this partition. Appliers write them, processors read them."""

from __future__ import annotations

from msgspec import Struct

from engine.core.state import Table


class SignalSubscriptionRow(Struct, frozen=True, kw_only=True, array_like=True):
    """Who waits for a signal: an element instance, or a start event of a process (then both instance keys are NONE)."""

    process_instance_key: int
    element_instance_key: int
    process_definition_key: int
    bpmn_process_id: str
    #: the element that catches it
    element_id: str


#: (signal name, subscription key)
SIGNAL_SUBSCRIPTIONS = Table(64, "SIGNAL_SUBSCRIPTIONS", SignalSubscriptionRow)
#: (key of the element instance, or of the process definition, that waits; subscription key) -> signal name
SIGNALS_OF = Table(65, "SIGNALS_OF", str)
