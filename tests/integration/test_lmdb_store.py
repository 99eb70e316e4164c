"""The LMDB store over process ends, machine stops and full disks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.core.faults import StoreFull, Unavailable
from engine.shell.lmdb_store import LmdbStore


def abandon(path: Path, boot_id: str) -> None:
    """Write from a process that ends without closing."""
    code = (
        "import os, pathlib, sys; from engine.shell.lmdb_store import LmdbStore;"
        "store = LmdbStore(pathlib.Path(sys.argv[1]), boot_id=sys.argv[2]); store.write([(1, b'a', b'1')]); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path), boot_id], check=False).returncode == 9


def test_a_new_state_is_empty_and_not_kept(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    assert not store.kept
    store.close()


@pytest.mark.parametrize("boot_id", ["this run", "another run"])
def test_a_closed_state_is_kept(tmp_path: Path, boot_id: str) -> None:
    store = LmdbStore(tmp_path, boot_id="this run")
    store.write([(1, b"a", b"1")])
    store.close()
    store = LmdbStore(tmp_path, boot_id=boot_id)
    assert (store.kept, store.get(1, b"a")) == (True, b"1")
    store.close()


def test_a_state_is_kept_when_its_process_died(tmp_path: Path) -> None:
    abandon(tmp_path, "this run")
    store = LmdbStore(tmp_path, boot_id="this run")
    assert (store.kept, store.get(1, b"a")) == (True, b"1")
    store.close()


@pytest.mark.parametrize("boot_id", ["another run", ""])
def test_a_state_is_thrown_away_when_the_machine_stopped_under_it(tmp_path: Path, boot_id: str) -> None:
    abandon(tmp_path, "this run" if boot_id else "")
    store = LmdbStore(tmp_path, boot_id=boot_id)
    assert (store.kept, store.get(1, b"a")) == (False, None)
    store.close()


def test_a_state_that_was_closed_once_is_not_trusted_for_ever(tmp_path: Path) -> None:
    LmdbStore(tmp_path, boot_id="first run").close()
    abandon(tmp_path, "second run")
    store = LmdbStore(tmp_path, boot_id="third run")
    assert not store.kept
    store.close()


@pytest.mark.parametrize("size", [0, 100, 12_000])
def test_a_cut_state_is_thrown_away(tmp_path: Path, size: int) -> None:
    store = LmdbStore(tmp_path)
    store.write([(1, b"%d" % key, b"v" * 1000) for key in range(100)])
    store.close()
    with (tmp_path / "data.mdb").open("r+b") as file:
        file.truncate(size)
    store = LmdbStore(tmp_path)
    assert (store.kept, list(store.scan(1, b"", b"z"))) == (False, [])
    store.close()


def test_a_second_user_is_refused_by_name(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    with pytest.raises(Unavailable, match=r"process \d+ uses"):
        LmdbStore(tmp_path)
    store.close()
    LmdbStore(tmp_path).close()


def test_a_full_map_changes_nothing(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=1 << 18)
    store.write([(1, b"a", b"old")])
    with pytest.raises(StoreFull, match="free space or raise the map size"):
        store.write([(1, b"a", b"new"), *((2, b"%d" % key, b"v" * 1000) for key in range(1000))])
    assert (store.get(1, b"a"), list(store.scan(2, b"", b"z"))) == (b"old", [])
    store.write([(1, b"a", b"new")])
    assert store.get(1, b"a") == b"new"
    store.close()


@pytest.mark.parametrize(("kept", "opened", "is_kept"), [("a", "a", True), ("a", "b", False), ("", "a", False)])
def test_a_state_of_another_format_is_thrown_away(tmp_path: Path, kept: str, opened: str, is_kept: bool) -> None:
    store = LmdbStore(tmp_path, state_format=kept)
    store.write([(1, b"a", b"1")])
    store.close()
    store = LmdbStore(tmp_path, state_format=opened)
    assert (store.kept, store.get(1, b"a")) == (is_kept, b"1" if is_kept else None)
    store.close()
