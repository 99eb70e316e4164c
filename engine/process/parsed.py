"""Parsed files kept in memory. What a file holds is a pure function of its bytes, so this is no state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Content = TypeVar("Content")


class ParsedFiles(Generic[Content]):
    """What files hold, by the SHA-256 of their bytes; the oldest is given up first."""

    def __init__(self, parse: Callable[[bytes, str], Content], count_max: int) -> None:
        self._parse = parse
        self._count_max = count_max
        self._found: dict[bytes, Content] = {}

    def get(self, checksum: bytes) -> Content | None:
        """What is kept of a file."""
        return self._found.get(checksum)

    def read(self, checksum: bytes, resource: bytes, resource_name: str) -> Content:
        """What is kept of a file, or parse it. Raises what `parse` raises."""
        found = self._found.get(checksum)
        if found is None:
            found = self._parse(resource, resource_name)
            if len(self._found) >= self._count_max:
                del self._found[next(iter(self._found))]
            self._found[checksum] = found
        return found
