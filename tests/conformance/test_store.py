"""What every store promises, judged over all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.faults import BrokenInvariant
from engine.core.ports import Change, Store
from engine.shell.lmdb_store import LmdbStore
from engine.shell.memory_store import MemoryStore

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _path: MemoryStore(),
    "lmdb": lambda path: LmdbStore(path / "state", map_size=1 << 26),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = STORES[request.param](tmp_path)
    yield made
    made.close()


def test_what_was_written_is_read(store: Store) -> None:
    store.write([(1, b"a", b"1"), (2, b"a", b"2")])
    assert (store.get(1, b"a"), store.get(2, b"a"), store.get(1, b"b"), store.get(3, b"a")) == (b"1", b"2", None, None)


def test_the_last_change_of_a_key_wins(store: Store) -> None:
    store.write([(1, b"a", b"1"), (1, b"a", b"2"), (1, b"b", b"1"), (1, b"b", None), (1, b"c", None), (1, b"c", b"")])
    assert list(store.scan(1, b"", b"z")) == [(b"a", b"2"), (b"c", b"")]


def test_a_scan_is_in_key_order_from_start_to_before_stop(store: Store) -> None:
    store.write([(1, bytes([key]), b"") for key in (9, 3, 5, 200, 7)])
    assert [key for key, _ in store.scan(1, b"\x03", b"\x09")] == [b"\x03", b"\x05", b"\x07"]
    assert list(store.scan(1, b"\x06", b"\x06")) == []
    assert list(store.scan(1, b"\xf0", b"\xff")) == []
    assert list(store.scan(2, b"", b"\xff")) == []


def test_a_scan_that_was_not_finished_does_not_hinder_writes(store: Store) -> None:
    store.write([(1, b"a", b""), (1, b"b", b"")])
    scan = store.scan(1, b"", b"z")
    assert next(scan) == (b"a", b"")
    store.write([(1, b"c", b"")])
    with pytest.raises(BrokenInvariant, match="expected a scan to end"):
        next(scan)
    assert len(list(store.scan(1, b"", b"z"))) == 3


def test_changes_that_break_off_change_nothing(store: Store) -> None:
    def break_off() -> Iterator[Change]:
        yield (1, b"a", b"new")
        raise KeyError("broken off")

    store.write([(1, b"a", b"old")])
    with pytest.raises(KeyError):
        store.write(break_off())
    assert store.get(1, b"a") == b"old"


@pytest.mark.parametrize("key", [b"", b"k" * 512])
def test_an_impossible_key_changes_nothing(store: Store, key: bytes) -> None:
    store.write([(1, b"a", b"old")])
    with pytest.raises(BrokenInvariant, match="expected keys of 1 to 511 bytes"):
        store.write([(1, b"a", b"new"), (1, key, b"")])
    assert store.get(1, b"a") == b"old"
    assert list(store.scan(1, b"", b"z")) == [(b"a", b"old")]


def test_the_longest_key_is_possible(store: Store) -> None:
    store.write([(1, b"k" * 511, b"v")])
    assert store.get(1, b"k" * 511) == b"v"


def test_a_cleared_store_is_empty_and_usable(store: Store) -> None:
    store.write([(1, b"a", b"1"), (2, b"b", b"2")])
    store.clear()
    assert list(store.scan(1, b"", b"z")) == list(store.scan(2, b"", b"z")) == []
    store.write([(2, b"c", b"3")])
    assert list(store.scan(2, b"", b"z")) == [(b"c", b"3")]


KEYS = st.binary(min_size=1, max_size=3) | st.binary(min_size=500, max_size=511)
CHANGES = st.lists(st.tuples(st.integers(0, 3), KEYS, st.none() | st.binary(max_size=20)), max_size=20)


@settings(max_examples=40, deadline=None)
@given(writes=st.lists(CHANGES, max_size=6), start=KEYS, stop=KEYS)
def test_lmdb_holds_what_memory_holds(writes: list[list[Change]], start: bytes, stop: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        memory, lmdb = MemoryStore(), LmdbStore(Path(directory), map_size=1 << 26)
        for changes in writes:
            memory.write(changes)
            lmdb.write(changes)
            for table in range(5):
                assert list(memory.scan(table, b"", b"\xff" * 512)) == list(lmdb.scan(table, b"", b"\xff" * 512))
                assert list(memory.scan(table, start, stop)) == list(lmdb.scan(table, start, stop))
                assert memory.get(table, start) == lmdb.get(table, start)
        lmdb.close()
