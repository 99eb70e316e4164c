"""The real `Node`: bulk requests bounded in bytes, halved when they are refused as too large; reads by address.

Rule: an index that is gone is never made by writing to it. Writes go through an alias of its own that every index gets
when it is created, and are refused where that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from engine.core.faults import Unavailable

from .client import OpensearchClient, Refused, error_of, passing_fault
from .node import ALREADY, REJECTED, WRITTEN, Address, IndexMissing, Outcome, Stored, Write

#: Documents of one request to read some.
READS_MAX = 2_000
#: Bytes of the name of the alias for writing, beyond the index's.
WRITING = "-write"
NOT_FOUND = 404
CONFLICT = 409
TOO_LARGE = 413
INDEX_MISSING = "index_not_found_exception"
PRESENT = "resource_already_exists_exception"
#: What the answer to a bulk request is reduced to.
BULK_ANSWER = "errors,items.*.status,items.*.error"


class BulkItem(Struct):
    """What became of one document."""

    status: int
    error: dict[str, Any] | None = None


class BulkAnswer(Struct):
    """What became of all; `items` is read only if there are errors."""

    errors: bool
    items: msgspec.Raw


class Got(Struct):
    """A document that was asked for by its address."""

    found: bool = False
    source: msgspec.Raw = msgspec.field(name="_source", default=msgspec.Raw(b""))
    seq_no: int = msgspec.field(name="_seq_no", default=-1)
    primary_term: int = msgspec.field(name="_primary_term", default=-1)
    error: dict[str, Any] | None = None


class GotMany(Struct):
    """Documents that were asked for by their addresses."""

    docs: list[Got]


class Hit(Struct):
    """A document that was found."""

    source: msgspec.Raw = msgspec.field(name="_source")
    sort: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""))


class Hits(Struct):
    hits: list[Hit]


class Found(Struct):
    """The answer to a search."""

    hits: Hits


class Aliases(Struct):
    aliases: dict[str, Any]


class OpensearchNode:
    """The Node over one client, which it closes."""

    def __init__(self, client: OpensearchClient) -> None:
        self._client = client
        self._bulk_size_max = client.connection.bulk_size_max

    async def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """As `Node.write`."""
        outcomes: list[Outcome] = []
        for bulk in bulks(writes, self._bulk_size_max):
            outcomes += await self._write(bulk)
        return outcomes

    async def _write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """One request; two halves of it if it is too large, down to one document."""
        index = writes[0].address.index
        try:
            answer = await self._client.read(
                BulkAnswer,
                "POST",
                f"/{index}{WRITING}/_bulk",
                bulk_body(index, writes),
                require_alias=True,
                filter_path=BULK_ANSWER,
            )
        except Refused as refused:
            if refused.status != TOO_LARGE:
                raise
            if len(writes) == 1:
                return [Outcome(REJECTED, refused.message)]
            middle = len(writes) // 2
            return [*await self._write(writes[:middle]), *await self._write(writes[middle:])]
        if not answer.errors:
            return [Outcome(WRITTEN)] * len(writes)
        items = msgspec.json.decode(answer.items, type=list[dict[str, BulkItem]])
        return [outcome_of(next(iter(item.values()))) for item in items]

    async def read(self, addresses: Sequence[Address]) -> Sequence[bytes | None]:
        """As `Node.read`."""
        found: list[bytes | None] = []
        for start in range(0, len(addresses), READS_MAX):
            wanted = [
                {
                    "_index": address.index,
                    "_id": address.id,
                    **({"routing": address.routing} if address.routing else {}),
                }
                for address in addresses[start : start + READS_MAX]
            ]
            answer = await self._ask(GotMany, "POST", "/_mget", {"docs": wanted})
            for got in answer.docs:
                if got.error is not None:
                    raise _fault_of_read(got.error)
                found.append(bytes(got.source) if got.found else None)
        return found

    async def find(
        self,
        index: str,
        fields: Mapping[str, Sequence[int | str]],
        order: Sequence[str] = ("key",),
        only: Sequence[str] = (),
        limit: int = 0,
    ) -> Sequence[bytes]:
        """As `Node.find`."""
        query = {"bool": {"filter": [{"terms": {name: list(values)}} for name, values in fields.items()]}}
        sort = [{name: "asc"} for name in order]
        body: dict[str, Any] = {"query": query, "sort": sort, "size": READS_MAX, "track_total_hits": False}
        if only:
            body["_source"] = list(only)
        found: list[bytes] = []
        while True:
            answer = await self._ask(Found, "POST", f"/{index}/_search", body, filter_path="hits.hits")
            found += [bytes(hit.source) for hit in answer.hits.hits]
            if len(answer.hits.hits) < READS_MAX or 0 < limit <= len(found):
                return found[:limit] if limit else found
            body["search_after"] = answer.hits.hits[-1].sort

    async def refresh(self, indices: Sequence[str]) -> None:
        """As `Node.refresh`."""
        await self._ask(dict, "POST", f"/{','.join(indices)}/_refresh")

    async def read_one(self, address: Address) -> Stored | None:
        """As `Node.read_one`."""
        try:
            got = await self._ask(Got, "GET", f"/{address.index}/_doc/{address.id}")
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise
        return Stored(bytes(got.source), f"{got.seq_no}:{got.primary_term}")

    async def replace(self, address: Address, source: bytes, token: str) -> str | None:
        """As `Node.replace`."""
        number, _, term = token.partition(":")
        known = {"if_seq_no": number, "if_primary_term": term} if token else {"op_type": "create"}
        path = f"/{address.index}{WRITING}/_doc/{address.id}"
        try:
            got = await self._ask(Got, "PUT", path, msgspec.Raw(source), require_alias=True, **known)
        except Refused as refused:
            if refused.status == CONFLICT:
                return None
            raise
        return f"{got.seq_no}:{got.primary_term}"

    async def all_of(self, index: str) -> Sequence[bytes]:
        """As `Node.all_of`."""
        await self.refresh([index])
        answer = await self._ask(Found, "POST", f"/{index}/_search", {"size": 10_000}, filter_path="hits.hits")
        return [bytes(hit.source) for hit in answer.hits.hits]

    async def indices(self, prefix: str) -> Mapping[str, Sequence[str]]:
        """As `Node.indices`."""
        found = await self._ask(dict[str, Aliases], "GET", f"/{prefix}*/_alias")
        return {
            index: [alias for alias in entry.aliases if alias != f"{index}{WRITING}"] for index, entry in found.items()
        }

    async def create(self, index: str, body: Mapping[str, Any]) -> None:
        """As `Node.create`."""
        try:
            await self._ask(dict, "PUT", f"/{index}", {**body, "aliases": {f"{index}{WRITING}": {}}})
        except Refused as refused:
            if refused.kind != PRESENT:
                raise

    async def move_aliases(self, aliases: Mapping[str, str]) -> None:
        """As `Node.move_aliases`."""
        actions: list[dict[str, Any]] = [
            {"add": {"index": index, "alias": alias}} for alias, index in sorted(aliases.items())
        ]
        for alias, index in aliases.items():
            held = await self._holders(alias)
            actions += [{"remove": {"index": other, "alias": alias}} for other in held if other != index]
        await self._ask(dict, "POST", "/_aliases", {"actions": actions})

    async def _holders(self, alias: str) -> Sequence[str]:
        try:
            return sorted(await self._ask(dict[str, Aliases], "GET", f"/_alias/{alias}"))
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return ()
            raise

    async def block(self, index: str, *, blocked: bool) -> None:
        """As `Node.block`."""
        await self._ask(dict, "PUT", f"/{index}/_settings", {"index.blocks.write": blocked})

    async def delete(self, indices: Sequence[str]) -> None:
        """As `Node.delete`."""
        for index in indices:
            await self._ask(dict, "DELETE", f"/{index}", ignore_unavailable=True)

    async def close(self) -> None:
        """As `Node.close`."""
        await self._client.close()

    async def _ask(
        self, shape: Any, method: str, path: str, body: object = None, **parameters: str | int | bool
    ) -> Any:
        try:
            return await self._client.read(shape, method, path, body, **parameters)
        except Refused as refused:
            if refused.kind == INDEX_MISSING:
                raise IndexMissing(refused.message) from refused
            raise


def bulks(writes: Sequence[Write], size_max: int) -> Iterator[Sequence[Write]]:
    """The writes in portions of at most so many bytes of documents; one that is larger goes alone."""
    start, size = 0, 0
    for end, write in enumerate(writes):
        if size and size + len(write.source) > size_max:
            yield writes[start:end]
            start, size = end, 0
        size += len(write.source)
    if start < len(writes):
        yield writes[start:]


def bulk_body(index: str, writes: Sequence[Write]) -> bytes:
    """The lines of a bulk request whose path names the alias for writing of this index."""
    lines: list[bytes] = []
    for write in writes:
        address = write.address
        where = f'"_id":"{address.id}"'
        if address.index != index:
            where += f',"_index":"{address.index}{WRITING}"'
        if address.routing:
            where += f',"routing":"{address.routing}"'
        if write.version:
            lines.append(f'{{"index":{{{where},"version":{write.version},"version_type":"external"}}}}'.encode())
        else:
            lines.append(f'{{"create":{{{where}}}}}'.encode())
        lines.append(write.source)
    lines.append(b"")
    return b"\n".join(lines)


def outcome_of(item: BulkItem) -> Outcome:
    """What the status of a document means. Raises Unavailable for what may pass, and IndexMissing."""
    if item.error is None:
        return Outcome(WRITTEN)
    if item.status == CONFLICT:
        return Outcome(ALREADY)
    kind, reason = error_of({"error": item.error})
    text = f"{item.status} {kind}: {reason}"
    if kind == INDEX_MISSING:
        raise IndexMissing(text)
    passing = passing_fault(item.status, kind, f"expected OpenSearch to take a document, got {text}")
    if passing is not None:
        raise passing
    return Outcome(REJECTED, text)


def _wanted(address: Address) -> dict[str, str]:
    wanted = {"_index": address.index, "_id": address.id}
    return {**wanted, "routing": address.routing} if address.routing else wanted


def _fault_of_read(error: Mapping[str, Any]) -> Exception:
    kind, reason = error_of({"error": error})
    text = f"expected OpenSearch to give a document, got {kind}: {reason}"
    return IndexMissing(text) if kind == INDEX_MISSING else Unavailable(text)
