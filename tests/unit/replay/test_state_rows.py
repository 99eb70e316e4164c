"""The rows of a stopped engine's state: all of them, decoded, and nothing changed."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from engine.core.faults import Unavailable
from engine.core.head import DUE, HEAD, SENT, SOURCES
from engine.core.record import first_key
from engine.core.state import pack
from engine.process.tables import JOBS
from engine.shell.lmdb_store import LmdbStore
from replay.state_rows import ROWS_PER_TRANSACTION, StateReader, unpack
from tests.support.batches import populate
from tests.support.scenario import Scenario


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The state of a partition with three instances."""
    store = LmdbStore(tmp_path / "1", 1 << 28)
    populate(Scenario(store=lambda _: store), 3)
    store.close()
    return tmp_path / "1"


@pytest.mark.parametrize(
    "key",
    [
        (),
        (7,),
        (first_key(64) + 5,),
        ("commands",),
        (1_700_000_000_000, "job-deadline", first_key(1) + 9),
        (first_key(2), "näme", "x\x00y"),
        (first_key(1), "a" * 180),
    ],
)
def test_a_key_is_taken_apart(key: tuple[int | str, ...]) -> None:
    assert unpack(pack(key)) == list(key)


def test_of_a_long_text_the_hash_is_known() -> None:
    text = "a" * 181
    assert unpack(pack((first_key(1), text, 3))) == [first_key(1), f"sha256:{sha256(text.encode()).hexdigest()}", 3]


def test_rows_are_decoded(path: Path) -> None:
    with StateReader(path) as reader:
        assert not reader.is_running
        (head,) = reader.rows(HEAD)
        assert head.key == []
        assert reader.position() == head.value.position > 0  # type: ignore[attr-defined]
        jobs = list(reader.rows(JOBS))
        assert reader.count(JOBS) == len(jobs) == 3
        assert [row.key for row in reader.rows(JOBS, [jobs[1].key[0]])] == [jobs[1].key]
        assert [row.key for row in reader.rows(SOURCES, ["commands"])] == [["commands"]]
        assert (reader.count(SENT), list(reader.rows(SENT))) == (0, [])


def test_more_rows_than_one_transaction_reads(tmp_path: Path) -> None:
    count = 2 * ROWS_PER_TRANSACTION + 1
    store = LmdbStore(tmp_path / "1", 1 << 28)
    store.write((DUE.number, pack((number, "timer", 1)), b"\xc3") for number in range(count))
    store.close()
    with StateReader(tmp_path / "1") as reader:
        assert [row.key[0] for row in reader.rows(DUE)] == list(range(count))
        assert reader.position() == 0


def test_bytes_that_are_no_row_are_shown(path: Path) -> None:
    store = LmdbStore(path, 1 << 28)
    store.write([(JOBS.number, pack((5,)), b"\x90")])
    store.close()
    with StateReader(path) as reader:
        (row,) = reader.rows(JOBS, [5])
        assert (row.value, row.problem.endswith(": 90")) == (None, True)


def test_nothing_is_changed_and_an_engine_may_start_afterwards(path: Path) -> None:
    before = (path / "data.mdb").read_bytes()
    with StateReader(path) as reader:
        reader.count(JOBS)
    assert (path / "data.mdb").read_bytes() == before
    LmdbStore(path, 1 << 28).close()


def test_a_state_that_the_engine_would_throw_away_is_not_shown(path: Path, tmp_path: Path) -> None:
    (path / "clean").unlink()
    (path / "boot").unlink()
    with pytest.raises(Unavailable, match="none that can be trusted"):
        StateReader(path)
    with pytest.raises(Unavailable, match=r"expected a state in .*, got none"):
        StateReader(tmp_path / "2")
