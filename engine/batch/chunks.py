"""Pending items of a batch operation, in rows of at most `dbChunkSize` keys. For appliers."""

from __future__ import annotations

from msgspec import structs

from engine.core.head import SETTINGS
from engine.core.settings import MachineSettings
from engine.core.state import State

from .tables import CHUNKS, ITEM_SIZE, Progress


def append_items(state: State, key: int, progress: Progress, packed: bytes) -> Progress:
    """Keep packed items behind those that are pending; gives the progress that says so."""
    size = (state.get(SETTINGS) or MachineSettings()).db_chunk_size * ITEM_SIZE
    end = progress.chunk_end
    last = state.get(CHUNKS, key, end - 1) if end > progress.chunk else None
    if last is not None and len(last) < size:
        room = size - len(last)
        state.put(CHUNKS, key, end - 1, value=last + packed[:room])
        packed = packed[room:]
    for start in range(0, len(packed), size):
        state.put(CHUNKS, key, end, value=packed[start : start + size])
        end += 1
    return structs.replace(progress, chunk_end=end)
