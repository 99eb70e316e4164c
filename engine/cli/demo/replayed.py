"""The proof at the end of the demo: the state, deleted and replayed from the log, is the same, table by table."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from engine.cli.faults import CommandFailed
from engine.cli.output import print_line, print_table

#: Characters of a digest that are shown.
SHOWN = 12

#: That of a table without rows.
EMPTY = sha256().hexdigest()

#: Partition -> table -> digest of all its rows.
Digests = Mapping[int, Mapping[str, str]]


def digests_of(data: Path) -> Digests:
    """The digests of a stopped engine's state."""
    from replay.verify import state_digests

    return state_digests(data)


def delete_state(data: Path) -> None:
    """Delete the state; the log keeps everything."""
    shutil.rmtree(data / "state")


def compare(before: Digests, after: Digests) -> None:
    """Show both digests of every table that has rows. Raises CommandFailed when one differs."""
    names = list(dict.fromkeys(table for tables in before.values() for table in tables))
    different = [
        f"{table} of partition {partition}"
        for partition, tables in before.items()
        for table, digest in tables.items()
        if after.get(partition, {}).get(table) != digest
    ]
    rows = [
        (
            table,
            *(_comparison(before[partition].get(table), after.get(partition, {}).get(table)) for partition in before),
        )
        for table in names
        if any(digests.get(table) != EMPTY for tables in (before, after) for digests in tables.values())
    ]
    print_table(("TABLE", *(f"PARTITION {partition}: STORED, REPLAYED" for partition in before)), rows)
    if different:
        raise CommandFailed(f"expected the replayed state to be the same, got another in {', '.join(different)}")
    empty = f", {len(names) - len(rows)} of them empty" if len(rows) < len(names) else ""
    print_line(f"All {len(names)} tables are the same on {len(before)} partitions{empty}.")


def _comparison(stored: str | None, replayed: str | None) -> str:
    sign = "=" if stored == replayed else "≠"
    return f"{(stored or 'missing')[:SHOWN]} {sign} {(replayed or 'missing')[:SHOWN]}"
