"""State in the memory of one process: for tests and simulations.

Rule: it promises exactly what the LMDB store promises (`tests/conformance/test_store.py` judges both).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from engine.core.faults import BrokenInvariant
from engine.core.ports import Change

#: No key may be longer, in bytes: LMDB's limit holds for every store.
KEY_SIZE_MAX = 511


class MemoryStore:
    """The Store port in memory."""

    def __init__(self) -> None:
        self._values: dict[int, dict[bytes, bytes]] = {}
        self._keys: dict[int, list[bytes]] = {}
        self._generation = 0

    def get(self, table: int, key: bytes) -> bytes | None:
        """As `Store.get`."""
        values = self._values.get(table)
        return None if values is None else values.get(key)

    def scan(self, table: int, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As `Store.scan`; going on after a write raises BrokenInvariant."""
        keys = self._keys.get(table, [])
        values = self._values.get(table, {})
        generation = self._generation
        for index in range(bisect_left(keys, start), bisect_left(keys, stop)):
            if generation != self._generation:
                raise BrokenInvariant("expected a scan to end before the next write, got a write in between")
            yield keys[index], values[keys[index]]

    def write(self, changes: Iterable[Change]) -> None:
        """As `Store.write`."""
        changes = list(changes)
        for _, key, _ in changes:
            if not 1 <= len(key) <= KEY_SIZE_MAX:
                raise BrokenInvariant(
                    f"expected keys of 1 to {KEY_SIZE_MAX} bytes, got {len(key)}; hash the long parts of the key"
                )
        self._generation += 1
        for table, key, value in changes:
            values = self._values.setdefault(table, {})
            keys = self._keys.setdefault(table, [])
            if value is not None:
                if key not in values:
                    insort(keys, key)
                values[key] = value
            elif key in values:
                del values[key]
                del keys[bisect_left(keys, key)]

    def copy(self) -> MemoryStore:
        """What is in it now, on its own."""
        copy = MemoryStore()
        for table, values in self._values.items():
            copy._values[table] = dict(values)
            copy._keys[table] = list(self._keys[table])
        return copy

    def clear(self) -> None:
        """As `Store.clear`."""
        self._generation += 1
        self._values.clear()
        self._keys.clear()

    def close(self) -> None:
        """As `Store.close`: nothing is kept."""
        self.clear()
