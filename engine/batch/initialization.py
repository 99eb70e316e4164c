"""Finding the items of a batch operation: pages from secondary storage become chunks on the log.

The query runs outside the machine, one page in flight per partition, round-robin over the batch operations that look
for items. What it writes back carries the cursor it started from; a stale one is rejected (design law 7). A page comes
back in parts, one after the other: commands of clients come in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import msgspec
from msgspec import Struct

from engine.core.background import Answer, Query
from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_STATE, NOT_FOUND, Reject
from engine.core.ports import REPLACED_VARIABLES, SelectedItem, SelectionQuery
from engine.core.record import NONE, Record, partition_of
from engine.core.record import command as make_command
from engine.core.state import View, key_tail
from engine.records import BatchOperationChunk, BatchOperationInitialization
from engine.records.batch_operation_chunk import BatchItem, ItemFacts

from .authorization import readable_processes
from .lifecycle import CHUNK, INITIALIZATION, step_of
from .operation import Operation
from .pacing import advance
from .supervision import supervise
from .tables import BATCHES, INITIALIZING, PROGRESS, Batch, Progress

#: Items in one chunk whatever `chunkSize` says: their keys fill a record of 4 MiB to three quarters at most.
CHUNK_ITEMS_MAX = 100_000

#: Items in one part of a page; more if `chunkSize` says so.
PART_ITEMS = 1_000

QUERY_FAILED = "QUERY_FAILED"
RESULT_BUFFER_SIZE_EXCEEDED = "RESULT_BUFFER_SIZE_EXCEEDED"


def _waits_for_parent(view: View, key: int) -> bool:
    """Whether what it retries or undoes has not ended on this partition, which was given up: items are to fail yet."""
    batch = view.get(BATCHES, key)
    return (
        batch is not None
        and batch.options.parent_key != NONE
        and view.get(PROGRESS, batch.options.parent_key) is not None
    )


class Initializer:
    """Which page to ask for next, and the command that brings its answer to the log. Only reads the state."""

    def __init__(
        self,
        operations: Mapping[str, Operation],
        decode_parameters: Callable[[str, bytes], Struct],
        part_items: int = PART_ITEMS,
    ) -> None:
        self._part_items = part_items
        self._operations = operations
        self._decode_parameters = decode_parameters
        self._last = -1

    def wanted(self, view: View, now: int) -> Query | None:
        """The next page: of the batch operation after the one served last. None: nothing to look for now."""
        keys = [key_tail(row) for row, _ in view.scan(INITIALIZING)]
        for key in [k for k in keys if k > self._last] + [k for k in keys if k <= self._last]:
            progress = view.get(PROGRESS, key)
            if progress is None or not progress.looks or progress.retry_at > now or _waits_for_parent(view, key):
                continue
            self._last = key
            return self._query(view, key, progress)
        return None

    def is_open(self, view: View, query: Query) -> bool:
        """Whether the machine still waits for the answer to this very query."""
        progress = view.get(PROGRESS, query.key)
        if progress is None or view.get(INITIALIZING, query.key) is None or not progress.looks:
            return False
        asked = (query.selection.after, query.selection.limit, query.attempts)
        return (progress.cursor, progress.page_size, progress.attempts) == asked

    def next_retry(self, view: View) -> int | None:
        """When the earliest back-off ends, ms since 1970 (UTC)."""
        rows = [view.get(PROGRESS, key_tail(row)) for row, _ in view.scan(INITIALIZING)]
        return min((p.retry_at for p in rows if p and p.retry_at and p.looks), default=None)

    def _query(self, view: View, key: int, progress: Progress) -> Query | None:
        batch = view.get(BATCHES, key)
        if batch is None:
            return None
        operation = self._operations[batch.type]
        selects = operation.selects
        selection = SelectionQuery(
            entity=selects.entity,
            partition=view.partition,
            filter=batch.filter,
            item_keys=keys_of(batch, view.partition),
            excluded=batch.excluded_keys,
            states=selects.states,
            roots_only=selects.roots_only,
            process_ids=readable_processes(batch.creator, operation, view),
            after=progress.cursor,
            key_max=batch.key_max,
            limit=progress.page_size,
            items_of=batch.options.parent_key,
            undoes=batch.options.undoes,
        )
        return Query(
            key=key,
            selection=selection,
            position=batch.position,
            attempts=progress.attempts,
            trace_context=batch.trace_context,
            variables=self._variables(operation, batch),
            part_size=max(min(view.settings.chunk_size, CHUNK_ITEMS_MAX), self._part_items),
        )

    def _variables(self, operation: Operation, batch: Batch) -> str:
        """Which values of variables are looked up with the items, if any."""
        if batch.options.undoes and operation.restore:
            return REPLACED_VARIABLES
        if operation.variables is None:
            return ""
        return operation.variables(self._decode_parameters(batch.type, batch.parameters))

    def found(self, query: Query, items: Sequence[SelectedItem], facts: Sequence[ItemFacts] = ()) -> Iterator[Answer]:
        """The page in parts. A page that is not full is the last; facts may be of its beginning only."""
        last = len(items) < query.selection.limit
        if query.variables:
            last = last and len(facts) == len(items)
            items = items[: len(facts)]
        size = query.part_size
        for start in range(0, len(items), size) or (0,):  # a page without items is a part, too
            part, more = items[start : start + size], start + size < len(items)
            cursor = query.selection.after
            value = BatchOperationChunk(
                batch_operation_key=query.key,
                items=tuple(
                    BatchItem(
                        item_key=item.item_key,
                        process_instance_key=item.process_instance_key,
                        root_process_instance_key=item.root_process_instance_key,
                    )
                    for item in part
                ),
                cursor=cursor,
                next_cursor=part[-1].item_key if part else cursor,
                last=last and not more,
                facts=tuple(facts[start : start + size]),
                more=more,
            )
            yield Answer(query=query, command=_answer(CHUNK, "CREATE", value, query))
            rest = msgspec.structs.replace(query.selection, after=value.next_cursor)
            query = msgspec.structs.replace(query, selection=rest, attempts=0)

    def too_large(self, query: Query) -> Record:
        """A part does not fit a record: ask for half of it, or give up at one item."""
        size = min(query.selection.limit, query.part_size)
        if size == 1:
            return self._fail(query, RESULT_BUFFER_SIZE_EXCEEDED, "one item does not fit a record", retryable=False)
        value = BatchOperationInitialization(
            batch_operation_key=query.key, cursor=query.selection.after, page_size=size // 2
        )
        return _answer(INITIALIZATION, "INITIALIZE", value, query)

    def failed(self, query: Query, reason: str, *, retryable: bool) -> Record:
        """The query failed."""
        return self._fail(query, QUERY_FAILED, reason, retryable=retryable)

    def _fail(self, query: Query, error_type: str, message: str, *, retryable: bool) -> Record:
        value = BatchOperationInitialization(
            batch_operation_key=query.key,
            cursor=query.selection.after,
            attempts=query.attempts,
            error_type=error_type,
            error_message=message,
            retryable=retryable,
        )
        return _answer(INITIALIZATION, "FAIL", value, query)


def keys_of(batch: Batch, partition: int) -> Sequence[int]:
    """The keys given by hand that a partition looks for: its own; the lead partition also those of none there is."""
    homes = [(key, partition_of(key)) for key in batch.item_keys]
    return [
        key
        for key, home in homes
        if home == partition or (partition == batch.lead_partition and home not in batch.partition_ids)
    ]


def _answer(value_type: str, intent: str, value: Struct, query: Query) -> Record:
    """The command of an answer; it belongs to the trace of the command that created the batch operation."""
    step = msgspec.structs.replace(step_of(query.key), trace_context=query.trace_context)
    return make_command(value_type, intent, value, key=query.key, step=step)


def find_progress(view: View, key: int, cursor: int) -> Progress:
    """The progress of a batch operation that looks for items from this cursor on. Raises Reject."""
    progress = view.get(PROGRESS, key)
    if progress is None:
        raise Reject(NOT_FOUND, f"expected a batch operation with key '{key}' that is running, got none")
    if progress.initialized or progress.abandoned or progress.finished or progress.cursor != cursor:
        raise Reject(INVALID_STATE, f"expected the cursor of batch operation '{key}', got {cursor}, which is stale")
    return progress


def create_chunks(command: Record, view: View) -> Effects:
    """BATCH_OPERATION_CHUNK CREATE: a part of a page becomes chunks of at most `chunkSize` items."""
    wish = cast(BatchOperationChunk, command.value)
    key = wish.batch_operation_key
    progress = find_progress(view, key, wish.cursor)
    size = min(view.settings.chunk_size, CHUNK_ITEMS_MAX)
    for start in range(0, len(wish.items), size):
        items = wish.items[start : start + size]
        chunk = BatchOperationChunk(
            batch_operation_key=key,
            items=items,
            next_cursor=items[-1].item_key,
            facts=wish.facts[start : start + size],
        )
        yield Event(value_type=CHUNK, intent="CREATED", key=key, value=chunk)
    if wish.more and wish.items:
        return
    total = progress.total + len(wish.items)
    value = BatchOperationInitialization(
        batch_operation_key=key, cursor=wish.next_cursor, page_size=progress.page_size, total=total
    )
    if not wish.last:
        yield Event(value_type=INITIALIZATION, intent="INITIALIZING", key=key, value=value)
        return
    yield Event(value_type=INITIALIZATION, intent="INITIALIZED", key=key, value=value)
    yield from supervise(view, key)
    yield from advance(view, key)


def change_page_size(command: Record, view: View) -> Effects:
    """BATCH_OPERATION_INITIALIZATION INITIALIZE: go on from the same cursor with smaller pages."""
    wish = cast(BatchOperationInitialization, command.value)
    progress = find_progress(view, command.key, wish.cursor)
    if not 0 < wish.page_size < progress.page_size:
        raise Reject(INVALID_STATE, f"expected a page size below {progress.page_size}, got {wish.page_size}")
    value = BatchOperationInitialization(
        batch_operation_key=command.key, cursor=progress.cursor, page_size=wish.page_size, total=progress.total
    )
    yield Event(value_type=INITIALIZATION, intent="INITIALIZING", key=command.key, value=value)


def fail(command: Record, view: View) -> Effects:
    """BATCH_OPERATION_INITIALIZATION FAIL: again after a back-off, counted on the log, or this partition has failed."""
    wish = cast(BatchOperationInitialization, command.value)
    progress = find_progress(view, command.key, wish.cursor)
    if wish.attempts != progress.attempts:
        raise Reject(INVALID_STATE, f"expected attempt {progress.attempts}, got {wish.attempts}, which is stale")
    settings = view.settings
    if not wish.retryable or wish.attempts >= settings.query_retry_max:
        value = msgspec.structs.replace(wish, total=progress.total)
        yield Event(value_type=INITIALIZATION, intent="FAILED", key=command.key, value=value)
        yield from advance(view, command.key)
        return
    delay = settings.query_retry_initial_delay_ms * settings.query_retry_backoff_factor ** min(wish.attempts, 64)
    value = BatchOperationInitialization(
        batch_operation_key=command.key,
        cursor=progress.cursor,
        page_size=progress.page_size,
        attempts=wish.attempts + 1,
        retry_at=view.now + int(min(delay, settings.query_retry_max_delay_ms)),
        error_type=wish.error_type,
        error_message=wish.error_message,
        retryable=True,
        total=progress.total,
    )
    yield Event(value_type=INITIALIZATION, intent="RETRYING", key=command.key, value=value)
