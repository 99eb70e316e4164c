"""Work that needs the world: the machine says what it wants to know, the shell asks, the answer comes as a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from engine.records.batch_operation_chunk import ItemFacts

from .ports import SelectedItem, SelectionQuery
from .record import Record
from .state import View


class Query(Struct, frozen=True, kw_only=True):
    """One page wanted. It may be asked once everything up to `position` of this partition is searchable.

    `trace_context`: of the command that the page is for; the answer belongs to the same trace. `variables`: with which
    values of variables facts of the process instances are wanted too; empty if none are. `part_size`: items that one
    command may bring, so that nobody waits for a whole page to be decided.
    """

    key: int
    selection: SelectionQuery
    position: int
    attempts: int
    trace_context: str = ""
    variables: str = ""
    part_size: int


class Answer(Struct, frozen=True, kw_only=True):
    """A command for the machine, and the query that it answers: of a page in parts, what the parts before have left."""

    query: Query
    command: Record


class Background(Protocol):
    """Decides what to ask and what the answer means. Reads the state, changes nothing."""

    def wanted(self, view: View, now: int) -> Query | None: ...

    def is_open(self, view: View, query: Query) -> bool:
        """Whether the machine still waits for the answer to this very query."""

    def next_retry(self, view: View) -> int | None: ...

    def found(self, query: Query, items: Sequence[SelectedItem], facts: Sequence[ItemFacts] = ()) -> Iterable[Answer]:
        """The page in parts; when facts are wanted, only as many items of it as there are facts."""

    def too_large(self, query: Query) -> Record: ...

    def failed(self, query: Query, reason: str, *, retryable: bool) -> Record: ...


class Confirmations(Protocol):
    """Who waits to hear that secondary storage shows what the log says, and the command that tells them."""

    def awaited(self, view: View) -> int | None:
        """The first position that somebody waits for; None: nobody waits."""

    def confirmation(self, position: int) -> Record:
        """Everything up to this position is searchable."""


class Delivery(Struct, frozen=True, kw_only=True):
    """A URL to be told something, JSON as bytes, for the time that comes after so many attempts."""

    key: int
    url: str
    body: bytes
    attempts: int


class DeliveryResult(Struct, frozen=True, kw_only=True):
    """How an attempt went: the HTTP status of the answer, or why there is none."""

    status: int = 0
    error: str = ""
    retryable: bool = True


class Deliveries(Protocol):
    """Which URLs are to be told what, and the command that says how an attempt went. Reads the state alone."""

    def wanted(self, view: View, now: int) -> Delivery | None:
        """One that is due."""

    def next_at(self, view: View) -> int | None:
        """When the next one is due, ms since 1970; None: nobody is to be told anything."""

    def is_open(self, view: View, delivery: Delivery) -> bool:
        """Whether the machine has not heard of this attempt yet."""

    def report(self, delivery: Delivery, result: DeliveryResult) -> Record: ...


class Measurements(Protocol):
    """Which measurements of clients' commands the machine wants to know. Reads the state alone."""

    def measurement(self, view: View, now: int, latency: int, commands: int) -> Record | None:
        """The command that tells the latency (ms) of so many commands, if something follows from it."""


class BatchWork(Struct, frozen=True, kw_only=True):
    """What batch operations have to do on a partition: parts by phase, items without an outcome, items a second that
    those with a rate may execute, seconds between two slices while batch operations yield to clients."""

    parts: Mapping[str, int] = {}
    pending: int = 0
    rate: float = 0.0
    yield_pause: float = 0.0
