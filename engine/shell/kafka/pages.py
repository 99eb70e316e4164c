"""Pages out of batches: what was fetched and not read yet, and the page that is being filled from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType

from engine.core.ports import Entry, Page
from engine.shell.kafka.clients import Fetched, KafkaBatch, KafkaRecord

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class PageBuilder:
    """Collects entries from `next_offset` on until about `size_max` bytes of values are in."""

    def __init__(self, offset: int, size_max: int, headed_only: bool) -> None:
        self.next_offset = offset
        self.entries: list[Entry] = []
        self.is_full = False
        self._size_left = size_max
        self._headed_only = headed_only

    def build(self) -> Page:
        return Page(entries=self.entries, next_offset=self.next_offset)

    def take(self, records: Iterator[KafkaRecord]) -> KafkaRecord | None:
        """Take records until the page is full; gives the first that found no room."""
        entries, headed_only, size_left = self.entries, self._headed_only, self._size_left
        for record in records:
            offset = record.offset
            if offset < self.next_offset:
                continue
            headers = record.headers
            if headers or not headed_only:
                value = record.value or b""
                size_left -= len(value)
                if size_left < 0 and entries:
                    self.is_full = True
                    return record
                named = _text(headers) if headers else _NO_HEADERS
                entries.append(Entry(offset=offset, timestamp=record.timestamp, value=value, headers=named))
            self.next_offset = offset + 1
        self._size_left = size_left
        return None


class Buffer:
    """Fetches that were not read yet; `start` is the offset that is read next, `size` is in bytes."""

    def __init__(self) -> None:
        self.start = -1
        self.size = 0
        self._fetches: deque[Fetched] = deque()
        self._records: Iterator[KafkaRecord] = iter(())

    @property
    def holds_any(self) -> bool:
        return bool(self._fetches)

    def clear(self, start: int) -> None:
        """Forget everything; the next read begins at this offset."""
        self.start, self.size = start, 0
        self._fetches.clear()

    def add(self, fetched: Fetched) -> None:
        """Keep what was fetched behind the rest."""
        if not self._fetches:
            self._records = _records_of(fetched.batches)
        self._fetches.append(fetched)
        self.size += fetched.size

    def move_to(self, page: PageBuilder) -> None:
        """Move records into the page until it is full or nothing is left."""
        while self._fetches and not page.is_full:
            left = page.take(self._records)
            if left is not None:
                self._records = chain((left,), self._records)
                break
            fetched = self._fetches.popleft()
            self.size -= fetched.size
            page.next_offset = max(page.next_offset, fetched.next_offset)
            if self._fetches:
                self._records = _records_of(self._fetches[0].batches)
        self.start = page.next_offset


def _records_of(batches: Sequence[KafkaBatch]) -> Iterator[KafkaRecord]:
    return chain.from_iterable(batches)


def _text(headers: Sequence[tuple[str, bytes | None]]) -> Mapping[str, str]:
    """Anybody may produce headers: what is no text is made readable rather than refused."""
    return {name: (value or b"").decode(errors="replace") for name, value in headers}
