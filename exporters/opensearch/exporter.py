"""The OpenSearch projection: documents merged in memory, stored whole under the position as their version.

Rule: what is stored stays stored. A failure forgets what was merged; the same records are then exported again, and what
the node has already it refuses as old. The position of a partition is written last, after everything up to it can be
searched, and only over the position that this exporter wrote or read.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from engine.core.faults import BrokenInvariant, Unavailable
from engine.core.ports import Clock
from engine.core.record import EVENT, Record
from exporters.contract import ExportedPosition, ProjectionLost

from . import aside, batches, decisions, deletions, identities, messages, migrations, projection, user_tasks
from .batch_deletions import bury_items
from .cache import DocumentCache
from .documents import PositionDocument, RejectedDocument
from .indices import IndexSet, Shape, look, prepare, read_positions, take_over
from .loading import Loader
from .mappings import FIELDS, POSITIONS
from .node import REJECTED as IS_REJECTED
from .node import Address, IndexMissing, Node, Write
from .projection import Rules
from .refresher import Refresher
from .workspace import Change, Workspace

LOG = logging.getLogger(__name__)

RULES: Rules = {
    **projection.RULES,
    **user_tasks.RULES,
    **batches.RULES,
    **decisions.RULES,
    **messages.RULES,
    **deletions.RULES,
    **migrations.RULES,
    **identities.RULES,
}

#: Bytes of the documents that are kept in memory between exports, as JSON.
CACHE_SIZE_MAX = 64 * 1024 * 1024
#: Seconds between two looks for indices that somebody made to have everything exported again.
LOOK_SECONDS = 10.0
#: Longest time from one refresh to the next, in seconds, while documents are written.
PAUSE_SECONDS_MAX = 0.5
#: What must be searchable before a position is written.
SEARCHED = tuple(index for index in FIELDS if index != POSITIONS)


class OpensearchExporter:
    """The Exporter of the indices behind `PREFIX-*`. Several may run, each with partitions of its own.

    `name` tells it from all others that ever ran. `export_items_on_creation`: false stores no item until it has an
    outcome; counts are exact in both modes. `pause_seconds_max`: see `Refresher`.
    """

    def __init__(
        self,
        node: Node,
        shape: Shape,
        clock: Clock,
        *,
        name: str,
        export_items_on_creation: bool = True,
        pause_seconds_max: float = PAUSE_SECONDS_MAX,
    ) -> None:
        self._node = node
        self._clock = clock
        self._look_due = 0.0
        self._refresher = Refresher(node, clock, pause_seconds_max)
        self._shape = shape
        self._name = name
        self._items_on_creation = export_items_on_creation
        self._set: IndexSet | None = None
        self._serves = False
        self._positions: dict[int, ExportedPosition] = {}
        self._tokens: dict[int, str] = {}
        self._loader = Loader(node, DocumentCache(CACHE_SIZE_MAX))
        self._set_aside_counts: Counter[int] = Counter()

    async def open(self) -> None:
        """As `Exporter.open`."""
        try:
            chosen, serves = await prepare(self._node, self._shape)
            self._set, self._serves = chosen, serves or await take_over(self._node, chosen)
            stored = read_positions(await self._node.all_of(self._set.name(POSITIONS)))
        except IndexMissing as fault:
            raise Unavailable(f"{fault.message}: deleted just now; it is made again") from fault
        self._tokens.clear()
        self._loader.clear()
        self._positions = {partition: _exported(document) for partition, document in stored.items()}

    def positions(self) -> Mapping[int, ExportedPosition]:
        """As `Exporter.positions`."""
        return self._positions

    def set_aside(self) -> Mapping[int, int]:
        """As `Exporter.set_aside`; they are in `PREFIX-rejected`, with the reason."""
        return self._set_aside_counts

    async def export(self, partition: int, records: Sequence[Record], next_offset: int) -> None:
        """As `Exporter.export`. Raises BrokenInvariant if the first new record is not the next one."""
        if self._set is None:
            raise Unavailable("expected an open exporter, got a closed one; open it")
        try:
            await self._check_stored(self._set, partition)
            end = self._end(partition, records, next_offset)
            if end is not None:
                position = self._position(partition)
                await self._export(self._set, [record for record in records if record.position > position], end)
                await self._look_around(self._set)
        except IndexMissing as fault:
            raise ProjectionLost(fault.message) from fault

    def _end(self, partition: int, records: Sequence[Record], next_offset: int) -> PositionDocument | None:
        """The position after these records; None if none of them is new."""
        position = self._position(partition)
        first = next((record for record in records if record.position > position), None)
        if first is None:
            return None
        if first.position != position + 1:
            raise BrokenInvariant(f"partition {partition}: expected position {position + 1}, got {first.position}")
        last = records[-1]
        return PositionDocument(
            partition_id=partition,
            position=last.position,
            next_offset=next_offset,
            timestamp=last.step.timestamp,
            exporter=self._name,
        )

    def _position(self, partition: int) -> int:
        return self._positions.get(partition, ExportedPosition()).position

    async def close(self) -> None:
        """As `Exporter.close`; it may be opened again."""
        self._set = None
        await self._node.close()

    async def _export(self, chosen: IndexSet, records: Sequence[Record], end: PositionDocument) -> None:
        workspace = Workspace(end.partition_id, items_on_creation=self._items_on_creation)
        known = [
            (rule, record)
            for record in records
            # a refused command may have the name of an event: it says what somebody wished, not what happened
            if record.record_type == EVENT and (rule := RULES.get((record.value_type, record.intent))) is not None
        ]
        await self._loader.load(chosen, workspace, known)
        for rule, record in known:
            rule.apply(workspace, record, record.value)
        changes = list(workspace.changes())
        await self._store(chosen, workspace, changes, end)
        await bury_items(self._node, chosen, end.partition_id, [record for _, record in known])
        await self._write_position(chosen, end)
        self._loader.keep(workspace)

    async def _store(
        self, chosen: IndexSet, workspace: Workspace, changes: Sequence[Change], end: PositionDocument
    ) -> None:
        """Store all documents and make them searchable; what the node does not take is set aside."""
        if not changes and not workspace.lost:
            return
        names = {kind: chosen.name(kind) for kind in SEARCHED}
        writes = [
            Write(Address(names[change.index], change.id, change.routing), change.position, change.source)
            for change in changes
        ]
        outcomes = await self._node.write(writes)
        rejected = {
            change.place: aside.rejected(change, outcome.reason, end)
            for change, outcome in zip(changes, outcomes, strict=True)
            if outcome.kind == IS_REJECTED
        }
        if rejected:
            self._set_aside_counts[end.partition_id] += len(rejected)
            count, first = len(rejected), ":".join(next(iter(rejected)))
            LOG.error("partition %d: documents not taken: %d; the first is %s", end.partition_id, count, first)
        taken = {
            change.place: msgspec.structs.replace(earlier, taken_position=change.position)
            for change in changes
            if change.place not in rejected and (earlier := workspace.asides.get(change.place)) and earlier.is_whole
        }
        lost = {place: workspace.asides[place] for place in workspace.lost}
        buried = {(document.index, document.id): document for document in workspace.asides_buried()}
        if known := {**rejected, **taken, **lost, **buried}:
            await self._set_aside(chosen, list(known.values()))
        for place in [*rejected, *workspace.asides]:
            workspace.forget(place)
        await self._refresher.refresh([chosen.name(kind) for kind in SEARCHED])

    async def _set_aside(self, chosen: IndexSet, documents: Sequence[RejectedDocument]) -> None:
        """Keep what is known of documents beside the index, where a person finds it."""
        outcomes = await self._node.write([aside.write_of(chosen, document) for document in documents])
        too_large = [
            aside.write_of(chosen, aside.cut(document))
            for document, outcome in zip(documents, outcomes, strict=True)
            if outcome.kind == IS_REJECTED
        ]
        for outcome in await self._node.write(too_large) if too_large else ():
            if outcome.kind == IS_REJECTED:
                raise BrokenInvariant(f"expected to set a document aside, got: {outcome.reason}")

    async def _check_stored(self, chosen: IndexSet, partition: int) -> None:
        """Know the position that is stored before something is written above it.

        An exporter that was taken for dead, and woke up, finds another one's. Raises Unavailable after a look at it:
        what is to be exported then begins there.
        """
        if partition in self._tokens:
            return
        stored = await self._node.read_one(_address(chosen, partition))
        if stored is None:
            if partition in self._positions:
                raise IndexMissing(f"expected the position of partition {partition}, got none; it was deleted")
            self._tokens[partition] = ""
            return
        document = msgspec.json.decode(stored.source, type=PositionDocument)
        self._tokens[partition] = stored.token
        known = self._position(partition)
        self._positions[partition] = _exported(document)
        if document.position != known and document.exporter != self._name:
            # What is kept here is without what that one has exported.
            self._loader.clear()
            expected = f"expected partition {partition} at position {known}, got {document.position}"
            raise Unavailable(f"{expected}: exporter {document.exporter} writes {chosen.prefix}-* too; end one of them")

    async def _write_position(self, chosen: IndexSet, end: PositionDocument) -> None:
        """Compare and set; without an answer, what is stored is looked at before the next attempt."""
        token = self._tokens.pop(end.partition_id)
        address = _address(chosen, end.partition_id)
        new = await self._node.replace(address, msgspec.json.encode(end), token)
        if new is None:
            await self._check_stored(chosen, end.partition_id)
            raise Unavailable(f"expected to write the position of partition {end.partition_id}, got another's")
        self._tokens[end.partition_id] = new
        self._positions[end.partition_id] = _exported(end)

    async def _look_around(self, chosen: IndexSet) -> None:
        """Let the set that is written serve as soon as it may; notice now and then that a newer one is wanted."""
        if not self._serves:
            self._serves = await take_over(self._node, chosen)
        if self._clock.monotonic() < self._look_due:
            return
        self._look_due = self._clock.monotonic() + LOOK_SECONDS
        newest = (await look(self._node, chosen.prefix)).newest(chosen.version)
        if newest != chosen:
            raise ProjectionLost(f"expected to write {chosen.name(POSITIONS)}, got another that is to be filled")


def _address(chosen: IndexSet, partition: int) -> Address:
    return Address(chosen.name(POSITIONS), str(partition))


def _exported(document: PositionDocument) -> ExportedPosition:
    return ExportedPosition(position=document.position, offset=document.next_offset)
