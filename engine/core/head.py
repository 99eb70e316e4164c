"""The machine's own tables: where the partition stands on its log, and what is due when."""

from __future__ import annotations

from msgspec import Struct

from .record import NONE
from .registry import Fact
from .settings import MachineSettings
from .state import State, Table


class Head(Struct, frozen=True, kw_only=True, array_like=True):
    """Where the partition stands after its last step. `timestamp` is in ms since 1970 (UTC)."""

    position: int = 0
    timestamp: int = 0
    chain_hash: bytes = b""
    last_key: int = 0


class Source(Struct, frozen=True, kw_only=True, array_like=True):
    """The last command of an input that has its outcome, and the SHA-256 of its bytes."""

    ordinal: int = 0
    offset: int = NONE
    generation: int = 0
    hash: bytes = b""


#: An input without a topic: what the shell found out about the topics of the others when they were restored. Its
#: commands lie nowhere; the event of each repeats all of it.
GENERATIONS = "generations"

HEAD = Table(1, "HEAD", Head)
#: (input,) -> Source
SOURCES = Table(2, "SOURCES", Source)
#: (receiver,) -> number of the last message sent to it
SENT = Table(3, "SENT", int)
#: (sender,) -> number of the last message received from it
RECEIVED = Table(4, "RECEIVED", int)
#: () -> the settings in force
SETTINGS = Table(5, "SETTINGS", MachineSettings)
#: (due time, timer name, key) -> True
DUE = Table(6, "DUE", bool)
#: (fingerprint,) -> name of the schema that is written on this log
SCHEMAS = Table(7, "SCHEMAS", str)


def set_due(state: State, due: int, timer: str, key: int) -> None:
    """For appliers: the timer fires for this key when `due` (ms since 1970 UTC) has come."""
    state.put(DUE, due, timer, key, value=True)


def clear_due(state: State, due: int, timer: str, key: int) -> None:
    state.delete(DUE, due, timer, key)


def apply_nothing(_fact: Fact, _state: State) -> None:
    """For events that only say what happened."""
