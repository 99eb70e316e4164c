"""The tables of multi-instance activities, and what the life of element instances changes in them.

A list of 100,000 items is kept in chunks and its outputs one by one, so that what an item costs does not depend on how
many there are. Chunks are gone once they are used up.
"""

from __future__ import annotations

from msgspec import Struct, structs

from engine.core.state import State, Table


class MultiInstanceRow(Struct, frozen=True, kw_only=True, array_like=True):
    """How far the body of a multi-instance activity has got; it is there once the body knows its items."""

    total: int
    #: the round of pauses that came next when it began
    round: int
    begun: int = 0
    completed: int = 0
    terminated: int = 0
    #: items before the chunk that the next item is in
    chunk: int = 0
    #: characters of all outputs, JSON text
    output_size: int = 0

    @property
    def ended(self) -> int:
        return self.completed + self.terminated


class Items(Struct, frozen=True, array_like=True):
    """Some items of an input collection, JSON text each."""

    values: tuple[str, ...]


#: (body's element instance key,)
MULTI_INSTANCES = Table(75, "MULTI_INSTANCES", MultiInstanceRow)
#: (body's element instance key, number of items before these)
MULTI_INSTANCE_ITEMS = Table(76, "MULTI_INSTANCE_ITEMS", Items)
#: (body's element instance key, loop counter) -> JSON text
MULTI_INSTANCE_OUTPUTS = Table(77, "MULTI_INSTANCE_OUTPUTS", str)


def mark_begun(state: State, body_key: int, loop_counter: int) -> None:
    """For appliers: the instance with this number has begun inside the body."""
    row = state.require(MULTI_INSTANCES, body_key)
    end = row.chunk + len(state.require(MULTI_INSTANCE_ITEMS, body_key, row.chunk).values)
    if loop_counter == end:
        state.delete(MULTI_INSTANCE_ITEMS, body_key, row.chunk)
        row = structs.replace(row, chunk=end)
    state.put(MULTI_INSTANCES, body_key, value=structs.replace(row, begun=loop_counter))


def mark_completed(state: State, body_key: int) -> None:
    """For appliers: an instance inside the body has completed."""
    row = state.require(MULTI_INSTANCES, body_key)
    state.put(MULTI_INSTANCES, body_key, value=structs.replace(row, completed=row.completed + 1))


def mark_terminated(state: State, body_key: int) -> None:
    """For appliers: an instance inside the body has been terminated."""
    row = state.require(MULTI_INSTANCES, body_key)
    state.put(MULTI_INSTANCES, body_key, value=structs.replace(row, terminated=row.terminated + 1))


def delete_body(state: State, body_key: int) -> None:
    """For appliers: the body has ended. Its outputs are discarded before, for they are many."""
    row = state.get(MULTI_INSTANCES, body_key)
    if row is None:
        return
    state.delete(MULTI_INSTANCES, body_key)
    items = state.get(MULTI_INSTANCE_ITEMS, body_key, row.chunk)
    while items is not None:
        state.delete(MULTI_INSTANCE_ITEMS, body_key, row.chunk)
        row = structs.replace(row, chunk=row.chunk + len(items.values))
        items = state.get(MULTI_INSTANCE_ITEMS, body_key, row.chunk)
