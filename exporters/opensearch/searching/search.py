"""The SearchStore over OpenSearch: what is asked becomes requests to the node, bounded in documents and in time."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import TypeVar

from engine.core.faults import BadRequest, Unavailable
from engine.core.ports import REPLACED_VARIABLES, SearchRefused, SelectedItem, SelectionQuery
from engine.records.batch_operation_chunk import ItemFacts
from exporters.opensearch import mappings
from exporters.opensearch.client import OpensearchClient, OpensearchConnection
from exporters.search.filters import check_filter, entity_named, parse_filter, selection_conditions
from exporters.search.instances import INSTANCES_OF_DEFINITION
from exporters.search.requests import Request, encode_cursor, parse_request
from exporters.search.store import TOTAL_MAX, Document, SearchResult, SelectionGroup, Within
from exporters.search.values import INTEGER_MAX

from .conditions import Translation
from .facts import read_facts, read_replaced
from .indices import Indices
from .made_entities import MadeEntities
from .neighbourhood import Neighbourhood
from .pages import read_page
from .places import PLACES, place_of
from .queries import EVERYTHING, NOTHING, Query, all_of, term
from .reports import Reports
from .rows import Rows
from .selections import select_items, summarize_items
from .status import status_of

#: Keys in one clause of a query, unless the settings say it.
KEYS_MAX = 1_000
#: Requests that one question may take together, in longest waits for one answer.
PATIENCE = 2

Result = TypeVar("Result")


class OpensearchSearch:
    """The SearchStore over the indices of one prefix. `keys_max`: most keys in one clause of a query."""

    def __init__(self, connection: OpensearchConnection, *, keys_max: int = KEYS_MAX) -> None:
        self._client = OpensearchClient(connection)
        self._seconds_max = PATIENCE * connection.request_seconds
        self._indices = Indices(self._client)
        self._translation = Translation(self._indices, keys_max)
        self._neighbourhood = Neighbourhood(self._indices)
        self._made = MadeEntities(self._indices, self._translation)
        self._reports = Reports(self._indices, self._translation, self._neighbourhood)
        self._closed = False

    async def search(
        self,
        entity: str,
        request: Mapping[str, object],
        within: Within | None = None,
        readable: Collection[str] | None = None,
    ) -> SearchResult:
        """As `SearchStore.search`."""
        parsed = parse_request(entity_named(entity), request, within, readable)
        return await self._ask(self._search(parsed) if entity in PLACES else self._made.search(parsed))

    async def get(self, entity: str, key: int) -> Document | None:
        """As `SearchStore.get`. Raises BadRequest for items: their keys are not their own."""
        found = entity_named(entity)
        if len(found.identity) != 1:
            raise BadRequest(f"expected an entity with a key of its own, got {entity}; search it")
        if abs(key) > INTEGER_MAX:
            return None
        if entity not in PLACES:
            name = found.fields[0].name
            result = await self.search(entity, {"filter": {name: str(key)}})
            return result.items[0] if result.items else None
        rows = Rows(self._indices, found, truncate_values=False)
        place = place_of(found)
        documents = await self._ask(self._documents(place.index, all_of(place.rows, term("key", key)), rows))
        return documents[0] if documents else None

    async def definition_xml(self, key: int) -> bytes | None:
        """As `SearchStore.definition_xml`."""
        return await self._resource(mappings.DEFINITIONS, key)

    async def decision_requirements_xml(self, key: int) -> bytes | None:
        """As `SearchStore.decision_requirements_xml`."""
        return await self._resource(mappings.DECISION_REQUIREMENTS, key)

    async def start_form_id(self, key: int) -> str | None:
        """As `SearchStore.start_form_id`."""
        source = await self._ask(self._indices.first(mappings.DEFINITIONS, _with_key(key), ["start_form_id"]))
        return source.get("start_form_id") if source else None

    async def _resource(self, index: str, key: int) -> bytes | None:
        source = await self._ask(self._indices.first(index, _with_key(key), ["resource"]))
        return b64decode(source["resource"]) if source else None

    async def report(self, name: str, key: int) -> list[Document]:
        """As `SearchStore.report`."""
        return [] if abs(key) > INTEGER_MAX else await self._ask(self._reports.rows(name, key))

    async def element_statistics(self, definition_key: int, given: Mapping[str, object]) -> list[Document]:
        """As `SearchStore.element_statistics`."""
        conditions = parse_filter(INSTANCES_OF_DEFINITION, given)
        if not conditions:
            return await self.report("ELEMENTS_OF_DEFINITION", definition_key)
        if abs(definition_key) > INTEGER_MAX:
            return []
        return await self._ask(self._reports.elements_of(definition_key, conditions))

    def check_filter(self, entity: str, given: Mapping[str, object]) -> list[str]:
        """As `SearchStore.check_filter`."""
        return check_filter(entity, given)

    async def status(self) -> Document:
        """As `SearchStore.status`."""
        return await self._ask(status_of(self._indices))

    async def watermark(self, partition: int) -> int:
        """As `Search.watermark`: a position is written when all before it is searchable."""
        source = await self._ask(self._indices.document(mappings.POSITIONS, str(partition)))
        return int(source["position"]) if source else 0

    async def select(self, query: SelectionQuery) -> Sequence[SelectedItem]:
        """As `Search.select`."""
        conditions = selection_conditions(query)
        try:
            return await self._ask(select_items(self._indices, self._translation, query, conditions))
        except BadRequest as fault:
            raise SearchRefused(fault.message) from fault

    async def facts(
        self, entity: str, keys: Sequence[int], variables: str, size_max: int, items_of: int = -1
    ) -> Sequence[ItemFacts]:
        """As `Search.facts`."""
        if variables == REPLACED_VARIABLES:
            return await self._ask(read_replaced(self._indices, items_of, keys, size_max))
        return await self._ask(read_facts(self._indices, entity, keys, variables, size_max))

    async def summarize(self, query: SelectionQuery) -> list[SelectionGroup]:
        """As `SearchStore.summarize`."""
        conditions = selection_conditions(query)
        try:
            return await self._ask(summarize_items(self._indices, self._translation, query, conditions))
        except BadRequest as fault:
            raise SearchRefused(fault.message) from fault

    async def close(self) -> None:
        """As `SearchStore.close`."""
        self._closed = True
        await self._client.close()

    async def _search(self, request: Request) -> SearchResult:
        place = place_of(request.entity)
        conditions = await self._translation.query_of(request.conditions)
        within = request.within
        around = EVERYTHING if within is None else await self._neighbourhood.query_of(request.entity.name, within)
        rows = Rows(self._indices, request.entity, truncate_values=request.truncate_values)
        page = await read_page(self._indices, request, all_of(place.rows, around, conditions), rows.paths)
        return SearchResult(
            items=await rows.documents([hit.source for hit in page.hits]),
            total=min(page.total, TOTAL_MAX),
            has_more_total=page.total > TOTAL_MAX,
            start_cursor=encode_cursor(request, page.values[0]) if page.values else None,
            end_cursor=encode_cursor(request, page.values[-1]) if page.values else None,
        )

    async def _documents(self, index: str, query: Query, rows: Rows) -> list[Document]:
        source = await self._indices.first(index, query, rows.paths)
        return await rows.documents([source] if source else [])

    async def _ask(self, question: Awaitable[Result]) -> Result:
        """One question, within its time."""
        try:
            async with asyncio.timeout(self._seconds_max):
                return await question
        except TimeoutError as fault:
            text = f"expected a search of at most {self._seconds_max:g} s, got a longer one; narrow the filter"
            raise Unavailable(text) from fault


def _with_key(key: int) -> Query:
    return term("key", key) if abs(key) <= INTEGER_MAX else NOTHING
