"""Where the embedded log lies in its data directory, and how its LMDB environment is opened.

Rule: only `storage` writes it. LMDB allows one open environment per process and path, so readers share it here.
"""

from __future__ import annotations

from pathlib import Path

import lmdb

from engine.core.faults import CorruptedLog, RetoldError, Unavailable
from engine.core.ports import TOPICS, Place
from engine.shell.embedded.batches import FORMAT

#: Processes and threads that read at the same time.
READERS_MAX = 1024

#: The database that holds the format, the partition count and the writers' epochs.
META = b"meta"
FORMAT_KEY = b"format"
PARTITION_COUNT_KEY = b"partition_count"

_shared: dict[Path, tuple[lmdb.Environment, int]] = {}


def log_directory(data_directory: Path) -> Path:
    """The log's own directory."""
    return data_directory / "log"


def socket_file(data_directory: Path) -> Path:
    """The file that holds the path of the server's socket."""
    return log_directory(data_directory) / "socket"


def database_name(place: Place) -> bytes:
    """The name of the LMDB database of a place."""
    return f"{place[0]}/{place[1]}".encode()


def places(partition_count: int) -> list[Place]:
    """All places of a log."""
    return [(topic, partition) for partition in range(1, partition_count + 1) for topic in TOPICS]


def corrupted(data_directory: Path, place: Place | None, last_good: int, reason: str) -> CorruptedLog:
    """The fault that names the place, the last good offset (-1: none) and how to go on."""
    where = "the log" if place is None else f"the log at {place[0]}/{place[1]}, last good offset {last_good},"
    return CorruptedLog(
        f"{where} is damaged: {reason}; nothing was changed; stop, restore {log_directory(data_directory)} from a "
        "backup and start again (state and projections are rebuilt from it)"
    )


def share_environment(data_directory: Path) -> lmdb.Environment:
    """The read-only environment of this process; give it back with `release_environment`.

    Raises Unavailable when there is no log, CorruptedLog when it is not one.
    """
    directory = log_directory(data_directory).resolve()
    environment, users = _shared.get(directory, (None, 0))
    if environment is None:
        if not (directory / "data.mdb").exists():
            raise Unavailable(f"expected a log in {directory}, got none; start the engine there once")
        try:
            # The map size comes from the log itself.
            environment = lmdb.open(
                str(directory), readonly=True, create=False, map_size=0, max_dbs=1 << 15, max_readers=READERS_MAX
            )
        except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError) as error:
            raise corrupted(data_directory, None, -1, str(error)) from error
        except lmdb.Error as error:
            raise Unavailable(f"expected to open the log in {directory}, got: {error}") from error
        try:
            check_cut(environment, data_directory)
        except CorruptedLog:
            environment.close()
            raise
    _shared[directory] = (environment, users + 1)
    return environment


def release_environment(data_directory: Path) -> None:
    """Give the environment back; the last user closes it."""
    directory = log_directory(data_directory).resolve()
    environment, users = _shared.pop(directory)
    if users > 1:
        _shared[directory] = (environment, users - 1)
    else:
        environment.close()


def check_cut(environment: lmdb.Environment, data_directory: Path) -> None:
    """Raise CorruptedLog when the file is shorter than the log: reading beyond its end would kill the process."""
    expected = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    actual = (log_directory(data_directory) / "data.mdb").stat().st_size
    if actual < expected:
        raise corrupted(data_directory, None, -1, f"expected a file of {expected} bytes, got {actual}")


def read_partition_count(environment: lmdb.Environment, data_directory: Path) -> int:
    """The partition count stored in a log of the format this version reads."""
    try:
        meta = environment.open_db(META, create=False)
        with environment.begin() as transaction:
            stored_format = transaction.get(FORMAT_KEY, None, meta)
            stored_count = transaction.get(PARTITION_COUNT_KEY, None, meta)
    except lmdb.Error as error:
        raise corrupted(data_directory, None, -1, f"its description cannot be read ({error})") from error
    if stored_format != b"%d" % FORMAT:
        raise RetoldError(
            f"expected a log of format {FORMAT} in {log_directory(data_directory)}, got {stored_format!r}; "
            "run the version that wrote it"
        )
    if stored_count is None or not stored_count.isdigit():
        raise corrupted(data_directory, None, -1, f"expected a partition count, got {stored_count!r}")
    return int(stored_count)
