"""How a part of a batch operation finds its items, page by page.

Source: docs/batch-operations.md, "How it runs".
"""

from __future__ import annotations

from typing import cast

from engine.batch.operation import Selects
from engine.core.faults import INVALID_STATE, NOT_FOUND
from engine.core.principal import Principal
from engine.core.record import NONE, Record, partition_of
from engine.records import BatchOperationChunk, BatchOperationCreation, BatchOperationInitialization

from . import pace
from .incidents import Incidents
from .part import Part
from .registry import Known
from .rights import Reading
from .selection import NO_END, Selection, keys_here
from .world import Refused, World

INITIALIZATION = "BATCH_OPERATION_INITIALIZATION"


class Finding(Incidents):
    """Those of a partition that look for items."""

    def __init__(self, world: World, known: Known) -> None:
        super().__init__(world)
        self.known = known
        #: batch operation -> its items that have failed here
        self.failed: dict[int, list[int]] = {}
        #: batch operation -> its items that are COMPLETED and were changed, as the log says
        self.changed: dict[int, list[int]] = {}

    def select(self, wish: BatchOperationCreation, selects: Selects, creator: Principal) -> Selection:
        selection = Selection(
            selects.entity,
            wish.filter,
            keys_here(wish, self.world.partition),
            wish.excluded_keys,
            selects.states,
            wish.key_max,
            roots_only=selects.roots_only,
            is_fixed=wish.options.origin_key != NONE,
            reading=Reading(creator, selects.entity),
        )
        selection.reading.look(self.world.rights, is_enabled=self.world.settings.authorization_enabled)
        if selection.is_fixed:
            chosen = self.changed if wish.options.undoes else self.failed
            selection.candidates = {item: [True, True] for item in chosen.get(wish.options.parent_key, ())}
        selection.take_given(self.world)
        selection.look(self.world, list(self.world.instances.values()))
        return selection

    def look(self, touched: set[int]) -> None:
        """After a step: who of those that it touched matches now?"""
        instances = [self.world.instances[key] for key in touched if key in self.world.instances]
        for part in self.parts.values():
            if not part.initialized and not part.abandoned:
                part.selection.look(self.world, instances)

    def looking(self, key: int, cursor: int) -> Part:
        """The part that looks for items from this cursor on. Raises Refused."""
        part = self.parts.get(key)
        if part is None:
            raise Refused(NOT_FOUND)
        if part.initialized or part.abandoned or part.finished or part.cursor != cursor:
            raise Refused(INVALID_STATE)
        return part

    def find_items(self, world: World, command: Record) -> None:
        page = cast(BatchOperationChunk, command.value)
        part = self.looking(page.batch_operation_key, page.cursor)
        found = [item.item_key for item in page.items]
        if part.selection.problem:
            world.skip(part.selection.problem)
        elif wrong := part.selection.check(world, found, page.cursor, NO_END if page.last else page.next_cursor):
            world.differ(f"batch operation {part.key}: {'; '.join(wrong)}")
        if any(partition_of(key) != world.partition and key not in part.selection.given for key in found):
            world.differ(f"batch operation {part.key} has items of another partition")
        for first in range(0, len(page.items), size := world.settings.chunk_size):
            world.expect("BATCH_OPERATION_CHUNK", "CREATED", part.key, items=page.items[first : first + size])
        if self.known.operations[part.type].selects.is_of_instances:
            known = [item.item_key for item in page.items if item.process_instance_key != NONE]
            part.unknown |= set(found) - set(known)
            if wrong := part.selection.unreadable(world, known):
                world.differ(f"batch operation {part.key}: {'; '.join(wrong)}")
        part.pending += found
        part.facts |= {facts.item_key: facts for facts in page.facts}
        part.total += len(found)
        part.cursor, part.attempts = page.next_cursor, 0
        if page.more:
            return
        part.initialized = page.last
        self.expect_progress(part, "INITIALIZED" if page.last else "INITIALIZING")
        if page.last:
            pace.wait(world, part)
            pace.supervise(world, part)
            self.advance(part)

    def expect_progress(self, part: Part, intent: str, **changed: int) -> None:
        told = {"cursor": part.cursor, "page_size": part.page_size, "attempts": part.attempts, "total": part.total}
        self.world.expect(INITIALIZATION, intent, part.key, **{**told, **changed})

    def change_page_size(self, _world: World, command: Record) -> None:
        wish = cast(BatchOperationInitialization, command.value)
        part = self.looking(command.key, wish.cursor)
        if not 0 < wish.page_size < part.page_size:
            raise Refused(INVALID_STATE)
        part.page_size, part.attempts = wish.page_size, 0
        self.expect_progress(part, "INITIALIZING")

    def fail_initialization(self, world: World, command: Record) -> None:
        wish = cast(BatchOperationInitialization, command.value)
        part = self.looking(command.key, wish.cursor)
        if wish.attempts != part.attempts:
            raise Refused(INVALID_STATE)
        if wish.retryable and part.attempts < world.settings.query_retry_max:
            part.attempts += 1
            self.expect_progress(part, "RETRYING")
            return
        part.broken = True
        part.token += 1
        self.expect_progress(part, "FAILED", page_size=wish.page_size)
        pace.wait(world, part)
        self.advance(part)
