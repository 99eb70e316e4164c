"""Documents kept between exports, so that few must be read again: bounded in bytes, the oldest go first.

Rule: what an export takes it puts back when everything is stored; after a failure it does not, and it is read again.
"""

from __future__ import annotations

from .documents import InstanceDocument


class DocumentCache:
    """Documents by key. The size of one is that of its JSON, in bytes; in memory it is about as large."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._size = 0
        self._entries: dict[int, tuple[InstanceDocument, int]] = {}

    def take(self, key: int) -> tuple[InstanceDocument, int] | None:
        """The document and its size, which is not here any more."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= entry[1]
        return entry

    def put(self, document: InstanceDocument, size: int) -> None:
        """Keep it, if there is any sense in it."""
        if document.is_over or size > self._size_max:
            return
        self.take(document.key)
        self._entries[document.key] = (document, size)
        self._size += size
        while self._size > self._size_max:
            self.take(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._size = 0
