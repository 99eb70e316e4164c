"""What the exporter asks of OpenSearch: a port. The real one is `opensearch_node`; the simulation has its own.

Rule: every call is idempotent, whole or Unavailable, and names indices as they are, never an alias that may move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from engine.core.faults import RetoldError

#: Outcomes of a write. ALREADY: this version, or a later one, or (without a version) the document is there.
WRITTEN = "WRITTEN"
ALREADY = "ALREADY"
REJECTED = "REJECTED"


class IndexMissing(RetoldError):
    """An index is not there."""


class Address(Struct, frozen=True):
    """Where a document lies. `routing`: what decides its shard, if not its id."""

    index: str
    id: str
    routing: str = ""


class Write(Struct, frozen=True):
    """A document to be stored if the node has no such version of it; `version` 0: if it has none at all."""

    address: Address
    version: int
    source: bytes


class Outcome(Struct, frozen=True):
    """What became of a write. `reason`: why the document is REJECTED, and would be again."""

    kind: str
    reason: str = ""


class Stored(Struct, frozen=True):
    """A document read, as JSON, and the token that stands for this state of it."""

    source: bytes
    token: str


class Node(Protocol):
    """An OpenSearch installation. Every call may raise Unavailable: then anything between nothing and all was done."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Store these documents, in any order; one outcome each. Raises IndexMissing."""

    async def read(self, addresses: Sequence[Address]) -> Sequence[bytes | None]:
        """The JSON of these documents as they are, refreshed or not; None: there is none. Raises IndexMissing."""

    async def find(
        self,
        index: str,
        fields: Mapping[str, Sequence[int | str]],
        order: Sequence[str] = ("key",),
        only: Sequence[str] = (),
        limit: int = 0,
    ) -> Sequence[bytes]:
        """The JSON of all searchable documents in which each field has one of its values. Raises IndexMissing.

        `order`: fields that all of them have, no two the same; `only`: the fields that are wanted, if not all; `limit`:
        how many of them at most, 0 for all.
        """

    async def refresh(self, indices: Sequence[str]) -> None:
        """Make everything that was written before searchable. Raises IndexMissing."""

    async def read_one(self, address: Address) -> Stored | None:
        """A document as it is, refreshed or not. Raises IndexMissing."""

    async def replace(self, address: Address, source: bytes, token: str) -> str | None:
        """Store a document if it is still the one of this token ("": if there is none); gives the new token.

        None: it is another one by now; nothing was stored. Raises IndexMissing.
        """

    async def all_of(self, index: str) -> Sequence[bytes]:
        """The JSON of all documents of a small index, refreshed or not. Raises IndexMissing."""

    async def indices(self, prefix: str) -> Mapping[str, Sequence[str]]:
        """All indices whose names begin so, and the aliases of each."""

    async def create(self, index: str, body: Mapping[str, Any]) -> None:
        """Create an index unless it is there."""

    async def move_aliases(self, aliases: Mapping[str, str]) -> None:
        """Let each alias name this index and no other, all at once. Raises IndexMissing."""

    async def block(self, index: str, *, blocked: bool) -> None:
        """Refuse writes of an index (they are Unavailable then), or take them again. Raises IndexMissing."""

    async def delete(self, indices: Sequence[str]) -> None:
        """Delete these indices; what is not there is ignored."""

    async def close(self) -> None:
        """Release everything; the next call takes it again."""
