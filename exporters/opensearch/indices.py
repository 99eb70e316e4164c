"""Sets of indices: which one serves, which one is written, and when the aliases move from one to the other.

A set is one index of each kind, `PREFIX-instances-v1-000001` and so on: of one SCHEMA_VERSION, and numbered. Searches
know the aliases `PREFIX-instances` …, which name the set that serves. Exporters write the newest set of their version.
If that is not the one that serves, they fill it from the log; whoever finds that it has caught up with every position
of the old one moves the aliases, all at once, and deletes the old set.

Rule: of a set the index of positions is made last, so a set with one is complete, or was damaged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from engine.core.faults import Unavailable

from .documents import PositionDocument
from .mappings import FIELDS, POSITIONS, SCHEMA_VERSION, alias_of, index_body
from .node import Node

#: The order in which the indices of a set are made.
KINDS = (*(kind for kind in FIELDS if kind != POSITIONS), POSITIONS)


class Shape(Struct, frozen=True, kw_only=True):
    """How indices are created, and of which version."""

    prefix: str
    shards: int = 1
    replicas: int = 0
    version: int = SCHEMA_VERSION


class IndexSet(Struct, frozen=True, order=True):
    """The names of the indices of a set. Sets are in the order in which they were made."""

    generation: int
    version: int
    prefix: str

    def name(self, kind: str) -> str:
        """The index of this kind."""
        return f"{self.prefix}-{kind}-v{self.version}-{self.generation:06}"

    @property
    def names(self) -> tuple[str, ...]:
        """All indices."""
        return tuple(self.name(kind) for kind in KINDS)


class Sets(Struct, frozen=True):
    """What is there. `serving`: the set that the aliases name; `damaged`: sets of which an index is missing."""

    whole: tuple[IndexSet, ...]
    serving: IndexSet | None
    damaged: tuple[IndexSet, ...]

    def newest(self, version: int) -> IndexSet | None:
        """The newest set of this version."""
        return max((one for one in self.whole if one.version == version), default=None)

    def next(self, shape: Shape) -> IndexSet:
        """The set to be made after all that are there."""
        last = max((one.generation for one in (*self.whole, *self.damaged)), default=0)
        return IndexSet(last + 1, shape.version, shape.prefix)


async def look(node: Node, prefix: str) -> Sets:
    """The sets that are there now."""
    found = await node.indices(f"{prefix}-")
    form = re.compile(rf"{re.escape(prefix)}-(?:{'|'.join(KINDS)})-v(\d+)-(\d+)")
    matches = (form.fullmatch(name) for name in found)
    every = sorted({IndexSet(int(match[2]), int(match[1]), prefix) for match in matches if match})
    made = [one for one in every if one.name(POSITIONS) in found]
    whole = tuple(one for one in made if all(name in found for name in one.names))
    serving = [one for one in whole if alias_of(prefix, POSITIONS) in found[one.name(POSITIONS)]]
    return Sets(whole, max(serving, default=None), tuple(one for one in made if one not in whole))


async def prepare(node: Node, shape: Shape) -> tuple[IndexSet, bool]:
    """The set to write, made if there is none, and whether it serves.

    Raises Unavailable, also if a newer version of this program serves already.
    """
    sets = await look(node, shape.prefix)
    serving = sets.serving
    if serving is not None and serving.version > shape.version:
        expected = f"expected indices of version {shape.version} or older behind {shape.prefix}-*"
        raise Unavailable(f"{expected}, got version {serving.version}; end this exporter, which is an older one")
    chosen = sets.newest(shape.version) or await make(node, shape, sets.next(shape))
    if serving is None:
        await serve(node, chosen)
        serving = chosen
    return chosen, serving == chosen


async def make(node: Node, shape: Shape, wanted: IndexSet) -> IndexSet:
    """Create the indices of a set."""
    for kind in KINDS:
        await node.create(wanted.name(kind), index_body(kind, shards=shape.shards, replicas=shape.replicas))
    return wanted


async def begin_again(node: Node, shape: Shape) -> IndexSet:
    """Make a new set, which exporters find and fill from the log while the one that serves goes on serving."""
    return await make(node, shape, (await look(node, shape.prefix)).next(shape))


async def serve(node: Node, chosen: IndexSet) -> None:
    """Let the aliases name this set, and delete all that are older."""
    await node.move_aliases({alias_of(chosen.prefix, kind): chosen.name(kind) for kind in KINDS})
    sets = await look(node, chosen.prefix)
    older = [name for one in (*sets.whole, *sets.damaged) if one < chosen for name in one.names]
    if older:
        await node.delete(older)


async def take_over(node: Node, chosen: IndexSet) -> bool:
    """Let this set serve if it has caught up with the one that does. True: it serves now.

    Meanwhile the positions of the old one stand still, so that nobody sees a position go back.
    """
    sets = await look(node, chosen.prefix)
    if sets.serving == chosen:
        return True
    if sets.serving is not None:
        old = sets.serving.name(POSITIONS)
        if not await _has_caught_up(node, chosen, old):
            return False
        await node.block(old, blocked=True)
        if not await _has_caught_up(node, chosen, old):
            await node.block(old, blocked=False)
            return False
    await serve(node, chosen)
    return True


async def _has_caught_up(node: Node, chosen: IndexSet, old: str) -> bool:
    new = read_positions(await node.all_of(chosen.name(POSITIONS)))
    return all(
        partition in new and new[partition].position >= document.position
        for partition, document in read_positions(await node.all_of(old)).items()
    )


def read_positions(sources: Sequence[bytes]) -> Mapping[int, PositionDocument]:
    """The positions by partition."""
    documents = [msgspec.json.decode(source, type=PositionDocument) for source in sources]
    return {document.partition_id: document for document in documents}
