"""Work that needs the world: the machine says what it wants to know, the shell asks, the answer comes as a command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from .ports import SelectedItem, SelectionQuery
from .record import Record
from .state import View


class Query(Struct, frozen=True, kw_only=True):
    """One page wanted. It may be asked once everything up to `position` of this partition is searchable.

    `trace_context`: of the command that the page is for; the answer belongs to the same trace.
    """

    key: int
    selection: SelectionQuery
    position: int
    attempts: int
    trace_context: str = ""


class Background(Protocol):
    """Decides what to ask and what the answer means. Reads the state, changes nothing."""

    def wanted(self, view: View, now: int) -> Query | None: ...

    def is_open(self, view: View, query: Query) -> bool:
        """Whether the machine still waits for the answer to this very query."""

    def next_retry(self, view: View) -> int | None: ...

    def found(self, query: Query, items: Sequence[SelectedItem]) -> Record: ...

    def too_large(self, query: Query) -> Record: ...

    def failed(self, query: Query, reason: str, *, retryable: bool) -> Record: ...
