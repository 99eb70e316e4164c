"""State: ordered tables of one partition, with overlays above a store.

Owns where a change lives until it is committed: in the current group (with a journal, so that an item or a step can be
rolled back), in the group being appended, or in the store. Rule: only appliers change state; a processor gets it as a
`View`. Values are frozen Structs; they are encoded once a group, not once a change.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import islice
from typing import Generic, Protocol, TypeVar, cast

import msgspec

from .effects import Effects
from .faults import BrokenInvariant, Reject
from .ports import Change, Store
from .record import Record
from .settings import MachineSettings

Value = TypeVar("Value")
Row = tuple[bytes, Value]

#: A text in a key longer than this, in bytes, is replaced by its SHA-256 (LMDB keys are at most 511 bytes).
KEY_TEXT_SIZE_MAX = 180

#: Up to so many keys are put in their places one by one.
FEW_KEYS = 16

_encode = msgspec.msgpack.Encoder().encode


class Table(Generic[Value]):
    """A table: its number on disk, its name, and the Struct of its values (`bool` for a pure index: always True).

    A key is made of integers (>= 0, 8 bytes big-endian, so they sort) and texts (UTF-8 and a zero byte; a long one is
    hashed, therefore a value repeats the texts of its key wherever they are read back).
    """

    __slots__ = ("decode", "name", "number", "value")

    def __init__(self, number: int, name: str, value: type[Value]) -> None:
        self.number = number
        self.name = name
        self.value = value
        self.decode: Callable[[bytes], Value] = msgspec.msgpack.Decoder(value).decode

    def __repr__(self) -> str:
        return f"Table({self.number}, {self.name})"


def pack(parts: tuple[int | str, ...]) -> bytes:
    """The bytes of a key; a table with one row has the key ()."""
    if len(parts) == 1:
        (part,) = parts
        return part.to_bytes(8, "big") if type(part) is int else _pack_text(cast(str, part))
    if len(parts) == 2:
        first, second = parts
        if type(first) is int and type(second) is int:
            return (first << 64 | second).to_bytes(16, "big")
    if not parts:
        return b"\x00"
    return b"".join([part.to_bytes(8, "big") if type(part) is int else _pack_text(cast(str, part)) for part in parts])


def _pack_text(text: str) -> bytes:
    data = text.encode().replace(b"\x00", b"\x01\xff")
    if len(data) > KEY_TEXT_SIZE_MAX:
        data = b"\x02" + sha256(data).hexdigest().encode()
    return data + b"\x00"


def key_tail(key: bytes) -> int:
    """The last part of a key that ends with an integer."""
    return int.from_bytes(key[-8:], "big")


class View(Protocol):
    """What a processor may see: everything, changing nothing. Keys it takes must appear in events of its step."""

    @property
    def partition(self) -> int: ...

    @property
    def partition_count(self) -> int: ...

    @property
    def now(self) -> int:
        """Machine time of this step, ms since 1970 (UTC)."""

    @property
    def settings(self) -> MachineSettings: ...

    @property
    def last_key(self) -> int:
        """The highest key given out here."""

    @property
    def effort(self) -> int:
        """Effects of this step so far, a large one counted as several: what bounds it."""

    def next_key(self) -> int:
        """A new key of this partition."""

    def draw(self) -> bytes:
        """Sixteen bytes that look random and never come twice, on any partition.

        A step that is decided again draws the same. Who reads the log can foretell them: they are for no secret.
        """

    def follow_up(self, name: str, key: int, data: str) -> Effects:
        """What another part of the engine wants to happen when long work on `key` is done."""

    def quarantine(self, command: Record, refusal: Reject) -> Effects:
        """What sets aside what a failed command belongs to, or what cannot go on within the limits."""

    def get(self, table: Table[Value], *key: int | str) -> Value | None: ...

    def scan(
        self, table: Table[Value], *prefix: int | str, limit: int = ..., after: bytes = ..., until: bytes | None = ...
    ) -> list[Row[Value]]: ...


class _Missing:
    """Not in this layer (a deleted row is None)."""


_MISSING = _Missing()


class _Keys:
    """The keys of one table's rows in a layer; put in order when they are asked for, as most tables never are."""

    __slots__ = ("_ordered", "fresh")

    def __init__(self) -> None:
        self._ordered: list[bytes] = []
        #: that were added since, in the order they were
        self.fresh: list[bytes] = []

    def between(self, start: bytes, stop: bytes) -> list[bytes]:
        ordered, fresh = self._ordered, self.fresh
        if len(fresh) > FEW_KEYS:
            ordered += fresh
            ordered.sort()
            fresh.clear()
        while fresh:
            insort(ordered, fresh.pop())
        return ordered[bisect_left(ordered, start) : bisect_left(ordered, stop)] if ordered else []

    def remove_last(self, key: bytes) -> None:
        """Take back the key that was added last."""
        if self.fresh:
            self.fresh.pop()
        else:
            del self._ordered[bisect_left(self._ordered, key)]


#: rows per table number: value, or None for a deleted row
_Layer = dict[int, dict[bytes, object]]


class State:
    """The tables of one partition. See the module's docstring."""

    def __init__(self, store: Store, tables: tuple[Table[object], ...]) -> None:
        self._store = store
        self.tables = tables
        self._journal: list[tuple[int, bytes, object]] = []
        self._current: _Layer = {}
        self._current_keys: dict[int, _Keys] = {}
        self._appending: _Layer = {}
        self._appending_keys: dict[int, _Keys] = {}
        #: rows of the store, or None, that were asked for since it was last written
        self._read: _Layer = {table.number: {} for table in tables}
        self._reset_current()

    def _reset_current(self) -> None:
        self._current = {table.number: {} for table in self.tables}
        self._current_keys = {table.number: _Keys() for table in self.tables}

    # reading

    def get(self, table: Table[Value], *key: int | str) -> Value | None:
        try:
            # the commonest key is packed here: a call less
            packed = key[0].to_bytes(8, "big") if len(key) == 1 and type(key[0]) is int else pack(key)
        except OverflowError:  # no row has a negative number in its key
            return None
        number = table.number
        row = self._current[number].get(packed, _MISSING)
        if row is _MISSING and self._appending:
            row = self._appending[number].get(packed, _MISSING)
        if row is _MISSING:
            row = self._read[number].get(packed, _MISSING)
        if row is _MISSING:
            data = self._store.get(number, packed)
            row = self._read[number][packed] = None if data is None else table.decode(data)
        return cast("Value | None", row)

    def scan(
        self,
        table: Table[Value],
        *prefix: int | str,
        limit: int = 1 << 62,
        after: bytes = b"",
        until: bytes | None = None,
    ) -> list[Row[Value]]:
        """Rows whose key begins with `prefix`, in key order, beyond the key `after` and up to below `until`.

        A list, so that the caller may change the table while it walks.
        """
        start = pack(prefix) if prefix else b""
        stop = _successor(start) if until is None else until
        if after:
            start = after + b"\x00"
        rows: list[Row[Value]] = []
        if limit <= 0 or start >= stop:
            return rows
        overlay = self._overlay_keys(table.number, start, stop)
        if not overlay:
            decode = table.decode
            return [(key, decode(data)) for key, data in islice(self._store.scan(table.number, start, stop), limit)]
        index, count = 0, len(overlay)
        for key, data in self._store.scan(table.number, start, stop):
            while index < count and overlay[index] < key:
                self._collect(table, overlay[index], rows)
                index += 1
            if index < count and overlay[index] == key:
                self._collect(table, key, rows)
                index += 1
            else:
                rows.append((key, table.decode(data)))
            if len(rows) >= limit:
                return rows[:limit]
        for key in overlay[index:]:
            self._collect(table, key, rows)
            if len(rows) >= limit:
                break
        return rows[:limit]

    def _collect(self, table: Table[Value], key: bytes, rows: list[Row[Value]]) -> None:
        row = self._current[table.number].get(key, _MISSING)
        if row is _MISSING:
            row = self._appending[table.number].get(key)
        if row is not None:
            rows.append((key, cast(Value, row)))

    def _overlay_keys(self, number: int, start: bytes, stop: bytes) -> list[bytes]:
        found = self._current_keys[number].between(start, stop)
        if self._appending:
            older = self._appending_keys[number].between(start, stop)
            if older:
                return sorted({*found, *older}) if found else older
        return found

    # changing: appliers and the machine only

    def put(self, table: Table[Value], *key: int | str, value: Value) -> None:
        self._change(table.number, pack(key), value)

    def delete(self, table: Table[Value], *key: int | str) -> None:
        self._change(table.number, pack(key), None)

    def put_row(self, table: Table[Value], key: bytes, value: Value) -> None:
        """Change the row of a key that `scan` gave."""
        self._change(table.number, key, value)

    def delete_row(self, table: Table[Value], key: bytes) -> None:
        """Delete the row of a key that `scan` gave."""
        self._change(table.number, key, None)

    def require(self, table: Table[Value], *key: int | str) -> Value:
        """The row that an applier relies on. Raises BrokenInvariant if it is not there."""
        row = self.get(table, *key)
        if row is None:
            raise BrokenInvariant(f"expected a row {key} in {table.name}, got none")
        return row

    def _change(self, number: int, key: bytes, value: object) -> None:
        rows = self._current[number]
        previous = rows.get(key, _MISSING)
        if previous is _MISSING:
            self._current_keys[number].fresh.append(key)
        self._journal.append((number, key, previous))
        rows[key] = value

    # overlays

    def mark(self) -> int:
        """A place to roll back to: the item or step overlay begins here."""
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Undo every change since `mark`."""
        journal = self._journal
        while len(journal) > mark:
            number, key, previous = journal.pop()
            if previous is _MISSING:
                del self._current[number][key]
                self._current_keys[number].remove_last(key)
            else:
                self._current[number][key] = previous

    def freeze(self) -> None:
        """The group is decided and is being appended: later changes go to a new group above it."""
        if self._appending:
            raise BrokenInvariant("expected one group being appended at a time, got a second one")
        self._appending, self._appending_keys = self._current, self._current_keys
        self._reset_current()
        self._journal.clear()

    def commit(self) -> None:
        """The frozen group is on the log: write it to the store."""
        self._store.write(self._frozen_changes())
        self._appending, self._appending_keys = {}, {}
        self._forget_read()

    def drop(self) -> None:
        """Forget everything that is not in the store (the append failed, or its outcome is unknown)."""
        self._appending, self._appending_keys = {}, {}
        self._forget_read()
        self._reset_current()
        self._journal.clear()

    def _forget_read(self) -> None:
        for rows in self._read.values():
            rows.clear()

    def _frozen_changes(self) -> Iterator[Change]:
        for number, rows in self._appending.items():
            for key, value in rows.items():
                yield number, key, None if value is None else _encode(value)

    def digests(self) -> dict[str, str]:
        """SHA-256 of every table, committed rows only: equal digests mean equal state."""
        return {table.name: self._digest(table) for table in self.tables}

    def _digest(self, table: Table[object]) -> str:
        digest = sha256()
        for key, data in self._store.scan(table.number, b"", b"\xff" * 16):
            digest.update(len(key).to_bytes(4, "big") + key + len(data).to_bytes(4, "big") + data)
        return digest.hexdigest()


def _successor(prefix: bytes) -> bytes:
    """The smallest bytes above every key that begins with `prefix`."""
    if prefix and prefix[-1] != 0xFF:
        return prefix[:-1] + bytes((prefix[-1] + 1,))
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else b"\xff" * 16
