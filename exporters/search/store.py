"""What a secondary storage answers: the contract between gateways, initializers and every implementation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from msgspec import Struct

from engine.core.ports import Search, SelectionQuery

#: A JSON object as the API gives it: camelCase, keys as strings, dates as RFC 3339 in UTC with milliseconds.
Document = dict[str, Any]

#: Totals are counted up to this number, as in Camunda 8.
TOTAL_MAX = 10_000


class SearchResult(Struct, frozen=True, kw_only=True):
    """One page. `total` is exact unless `has_more_total` says that it is a lower bound; cursors are opaque."""

    items: list[Document]
    total: int
    has_more_total: bool = False
    start_cursor: str | None = None
    end_cursor: str | None = None


class SelectionGroup(Struct, frozen=True, kw_only=True):
    """How many items of a selection are of the same process definition, if any, in the same state, with an incident.

    `state` is None of evaluations: their decisions may have different ones.
    """

    process_definition_key: int | None
    process_definition_id: str | None
    version: int | None
    state: str | None
    has_incident: bool
    count: int


class Within(Struct, frozen=True):
    """What a search is narrowed to by its place in the API: one of the names in `Entity.within`, and a key."""

    name: str
    key: int


class SearchStore(Search, Protocol):
    """Searches of the API and of initializers. Every call may raise Unavailable; none blocks the event loop."""

    async def search(
        self,
        entity: str,
        request: Mapping[str, object],
        within: Within | None = None,
        readable: Collection[str] | None = None,
    ) -> SearchResult:
        """`request`: the decoded body, {filter?, sort?, page?}. Raises BadRequest that lists all problems.

        `readable`: ids of the only resources whose rows may be found (see `resources`); None for all.
        """

    async def get(self, entity: str, key: int) -> Document | None:
        """One document, None if there is none (yet)."""

    async def definition_xml(self, key: int) -> bytes | None:
        """The BPMN file of a process definition, byte for byte."""

    async def decision_requirements_xml(self, key: int) -> bytes | None:
        """The DMN file of decision requirements, byte for byte."""

    async def start_form_id(self, key: int) -> str | None:
        """The id of the form at the start of a process definition; None if it has none."""

    async def report(self, name: str, key: int) -> list[Document]:
        """All rows of one of `reports.REPORTS` about the thing with this key."""

    async def element_statistics(self, definition_key: int, given: Mapping[str, object]) -> list[Document]:
        """Element instances of a definition by element and state, of the process instances that match a filter.

        Raises BadRequest that lists all problems of the filter.
        """

    async def summarize(self, query: SelectionQuery) -> list[SelectionGroup]:
        """All that `select` would give, whatever its limit, as numbers. Raises SearchRefused."""

    def check_filter(self, entity: str, given: Mapping[str, object]) -> list[str]:
        """The problems of a filter alone; empty if it may be used."""

    async def status(self) -> Document:
        """`partitions`: {partition: {position, timestamp}} of what is searchable; `counts`: {name: number}."""

    async def close(self) -> None:
        """Release everything."""
