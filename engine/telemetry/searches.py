"""How long the queries of secondary storage take, failed ones too."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from engine.core.ports import Clock, SelectedItem, SelectionQuery
from engine.records.batch_operation_chunk import ItemFacts
from exporters.search.store import Document, SearchResult, SearchStore, SelectionGroup, Within

from .metrics import SEARCH_DURATION
from .registry import Registry


class MeasuredSearch:
    """The `SearchStore` in front of another one."""

    def __init__(self, search: SearchStore, clock: Clock, registry: Registry, process: str) -> None:
        self._search = search
        self._clock = clock
        self._registry = registry
        self._process = process

    @contextmanager
    def _timed(self, query: str, entity: str = "") -> Iterator[None]:
        began = self._clock.monotonic()
        try:
            yield
        finally:
            elapsed = self._clock.monotonic() - began
            self._registry.observe(SEARCH_DURATION, (self._process, query, entity), [elapsed])

    async def watermark(self, partition: int) -> int:
        """As `Search.watermark`; it is asked all the time, and not measured."""
        return await self._search.watermark(partition)

    async def select(self, query: SelectionQuery) -> Sequence[SelectedItem]:
        """As `Search.select`."""
        with self._timed("select", query.entity):
            return await self._search.select(query)

    async def facts(
        self, entity: str, keys: Sequence[int], variables: str, size_max: int, items_of: int = -1
    ) -> Sequence[ItemFacts]:
        """As `Search.facts`."""
        with self._timed("facts", entity):
            return await self._search.facts(entity, keys, variables, size_max, items_of)

    async def summarize(self, query: SelectionQuery) -> list[SelectionGroup]:
        """As `SearchStore.summarize`."""
        with self._timed("summarize", query.entity):
            return await self._search.summarize(query)

    async def search(
        self,
        entity: str,
        request: Mapping[str, object],
        within: Within | None = None,
        readable: Collection[str] | None = None,
    ) -> SearchResult:
        """As `SearchStore.search`."""
        with self._timed("search", entity):
            return await self._search.search(entity, request, within, readable)

    async def get(self, entity: str, key: int) -> Document | None:
        """As `SearchStore.get`."""
        with self._timed("get", entity):
            return await self._search.get(entity, key)

    async def definition_xml(self, key: int) -> bytes | None:
        """As `SearchStore.definition_xml`."""
        with self._timed("definition_xml"):
            return await self._search.definition_xml(key)

    async def decision_requirements_xml(self, key: int) -> bytes | None:
        """As `SearchStore.decision_requirements_xml`."""
        with self._timed("decision_requirements_xml"):
            return await self._search.decision_requirements_xml(key)

    async def start_form_id(self, key: int) -> str | None:
        """As `SearchStore.start_form_id`."""
        with self._timed("start_form_id"):
            return await self._search.start_form_id(key)

    async def report(self, name: str, key: int) -> list[Document]:
        """As `SearchStore.report`."""
        with self._timed(name):
            return await self._search.report(name, key)

    async def element_statistics(self, definition_key: int, given: Mapping[str, object]) -> list[Document]:
        """As `SearchStore.element_statistics`."""
        with self._timed("element_statistics"):
            return await self._search.element_statistics(definition_key, given)

    def check_filter(self, entity: str, given: Mapping[str, object]) -> list[str]:
        """As `SearchStore.check_filter`."""
        return self._search.check_filter(entity, given)

    async def status(self) -> Document:
        """As `SearchStore.status`."""
        with self._timed("status"):
            return await self._search.status()

    async def close(self) -> None:
        """As `SearchStore.close`."""
        await self._search.close()
