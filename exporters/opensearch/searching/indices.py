"""Questions to the indices of one installation: pages of hits, walks over all of them, groups, single documents.

Rule: every request is bounded, in documents and in time; an answer of which a part is missing is no answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from engine.core.faults import BadRequest, Unavailable
from exporters.opensearch.client import OpensearchClient, Refused
from exporters.opensearch.mappings import alias_of

from .queries import EVERYTHING, Query

#: Documents of one answer: more are refused by an index as it is by default (`index.max_result_window`).
WINDOW_MAX = 10_000
#: Documents that are looked at to answer one question.
ALL_MAX = 1_000_000
#: Groups of one answer.
GROUPS_MAX = 1_000

Source = dict[str, Any]


class Hit(Struct, frozen=True):
    """A document that was found: what was asked for of it, and what it is ordered by."""

    source: Source = msgspec.field(name="_source", default_factory=dict)
    fields: dict[str, list[Any]] = {}
    sort: tuple[Any, ...] = ()


class Total(Struct, frozen=True):
    """How many match, as far as they were counted."""

    value: int = 0


class Hits(Struct, frozen=True):
    """A page."""

    total: Total = Total()
    hits: list[Hit] = []


class Answer(Struct, frozen=True):
    """Of a search."""

    hits: Hits = Hits()
    aggregations: dict[str, Any] = {}
    timed_out: bool = False


class Found(Struct, frozen=True):
    """A document asked for by its id."""

    source: Source | None = msgspec.field(name="_source", default=None)


class Indices:
    """The indices of one prefix, by the names that `mappings` gives them."""

    def __init__(self, client: OpensearchClient) -> None:
        self._client = client

    async def search(self, index: str, body: Mapping[str, Any]) -> Answer:
        """One answer. Raises Unavailable, and BadRequest for what the node refuses."""
        timeout = f"{round(self._client.connection.request_seconds * 1000)}ms"
        path = f"/{self._alias(index)}/_search"
        try:
            # as a part of the body: as a parameter the client's library would take it for its own
            found = await self._client.read(
                Answer, "POST", path, {**body, "timeout": timeout}, allow_partial_search_results=False
            )
        except Refused as fault:
            raise _fault_of(fault) from fault
        if found.timed_out:
            raise Unavailable(f"{path}: expected an answer within {timeout}, got a part of it; narrow the filter")
        return found

    async def walk(
        self, index: str, query: Query, paths: Sequence[str], order: Sequence[str] = ("key",)
    ) -> AsyncIterator[list[Source]]:
        """All documents that match, page by page in ascending order of fields that tell them apart."""
        body: dict[str, Any] = {
            "query": query,
            "size": WINDOW_MAX,
            "sort": list(order),
            "_source": list(paths),
            "track_total_hits": False,
        }
        while True:
            hits = (await self.search(index, body)).hits.hits
            if hits:
                yield [hit.source for hit in hits]
            if len(hits) < WINDOW_MAX:
                return
            body["search_after"] = hits[-1].sort

    async def all_of(
        self,
        index: str,
        query: Query,
        paths: Sequence[str],
        order: Sequence[str] = ("key",),
        size_max: int = ALL_MAX,
    ) -> list[Source]:
        """All documents that match. Raises BadRequest when there are more than `size_max`."""
        found: list[Source] = []
        async for page in self.walk(index, query, paths, order):
            found += page
            if len(found) > size_max:
                raise BadRequest(f"expected at most {size_max} documents to look at, got more; narrow the filter")
        return found

    async def first(self, index: str, query: Query, paths: Sequence[str] | bool = True) -> Source | None:
        """A document that matches, if there is one."""
        body = {"query": query, "size": 1, "_source": paths, "track_total_hits": False}
        hits = (await self.search(index, body)).hits.hits
        return hits[0].source if hits else None

    async def groups(
        self, index: str, query: Query, by: Mapping[str, Any], aggregations: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """All groups of documents that match, in the order of what they have in common: {"key": {name: value},
        "doc_count": n, and the aggregations}. `by`: name -> a source of a composite aggregation."""
        composite: dict[str, Any] = {"size": GROUPS_MAX, "sources": [{name: source} for name, source in by.items()]}
        body = {
            "query": query,
            "size": 0,
            "aggs": {"groups": {"composite": composite, "aggs": dict(aggregations or {})}},
        }
        found: list[dict[str, Any]] = []
        while True:
            groups = (await self.search(index, body)).aggregations["groups"]
            found += groups["buckets"]
            if len(groups["buckets"]) < GROUPS_MAX:
                return found
            composite["after"] = groups["after_key"]

    async def count(self, index: str, query: Query = EVERYTHING) -> int:
        """How many match, exactly."""
        return (await self.search(index, {"query": query, "size": 0, "track_total_hits": True})).hits.total.value

    async def refresh(self, index: str) -> None:
        """Make what is stored searchable; for small indices that others do not refresh as often."""
        try:
            await self._client.request("POST", f"/{self._alias(index)}/_refresh")
        except Refused as fault:
            raise _fault_of(fault) from fault

    def _alias(self, index: str) -> str:
        return alias_of(self._client.connection.index_prefix, index)

    async def document(self, index: str, identity: str) -> Source | None:
        """The newest state of a document, searchable or not; None if it or its index is not there."""
        path = f"/{self._alias(index)}/_doc/{identity}"
        try:
            return (await self._client.read(Found, "GET", path)).source
        except Refused as fault:
            if fault.status == 404:
                return None
            raise _fault_of(fault) from fault


def _fault_of(fault: Refused) -> BadRequest | Unavailable:
    if fault.status == 404:
        return Unavailable(f"{fault.message}; is the exporter running?")
    return BadRequest(f"expected a filter that OpenSearch can answer: {fault.message}")
