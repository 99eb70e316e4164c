"""The replayed state next to the stored one, table by table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from engine.core.ports import Store
from engine.core.state import State

from .report import FAILURES_MAX, Check, shown
from .rows import differences

#: Above every key.
KEY_END = b"\xff" * 512


def compare(
    check: Check, replayed: State, replayed_store: Store, stored: State, stored_store: Store, where: int
) -> None:
    """Compare all tables; `where` is the partition. Both states are committed."""
    expected, got = replayed.digests(), stored.digests()
    for table in replayed.tables:
        if expected[table.name] == got[table.name]:
            check.count("tables")
            continue
        found = differences(rows(replayed_store, table.number), rows(stored_store, table.number))
        for key, row, other in islice(found, FAILURES_MAX):
            text = f"table {table.name}, key {_key(key)}: expected {_row(row)}, got {_row(other)}"
            check.fail(text, where)


def rows(store: Store, table: int) -> Iterator[tuple[bytes, bytes]]:
    """All rows of a table."""
    return store.scan(table, b"", KEY_END)


def _key(key: bytes) -> str:
    """Integers if it is made of integers alone, else the bytes."""
    if len(key) % 8:
        return shown(key)
    return "/".join(str(int.from_bytes(key[start : start + 8], "big")) for start in range(0, len(key), 8))


def _row(data: bytes | None) -> str:
    if data is None:
        return "no row"
    try:
        return shown(msgspec.msgpack.decode(data))
    except msgspec.DecodeError:
        return f"bytes that are no row: {shown(data)}"
