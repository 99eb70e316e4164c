"""`state`: what is in the state of the partitions, table by table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completion
from .faults import CommandFailed, UsageFault
from .options import Installed, Json, expand
from .output import print_json, print_line, print_note, print_table, shown_count

if TYPE_CHECKING:
    from engine.core.state import Table
    from replay.state_rows import Row, StateReader

    Readers = dict[int, StateReader]

#: The largest number in a key of the state.
KEY_MAX = (1 << 63) - 1


def state(
    installed: Installed,
    table: Annotated[
        str | None,
        typer.Argument(metavar="TABLE", help="Show rows of this table.", autocompletion=completion.table_names),
    ] = None,
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Rows whose key begins so: a number, or a text; repeat it for the next part of the key.",
        ),
    ] = None,
    partition: Annotated[list[int] | None, typer.Option(metavar="P", help="Of this partition; repeat it.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show at most so many rows of each partition.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the tables of the state, or the rows of one, decoded.

    The engine may run or not; nothing is changed.
    """
    from engine.assembly import Assembly

    tables = {one.name: one for one in Assembly().registry.tables}
    if table is None and key:
        raise UsageFault("expected a TABLE for --key, got none")
    if table is not None and table.upper() not in tables:
        raise UsageFault(f"expected a table of {', '.join(tables)}; got {table}")
    with _open(installed.settings().data, partition) as readers:
        if table is None:
            _show_tables(readers, list(tables.values()), as_json)
        else:
            _show_rows(readers, tables[table.upper()], [_part(text) for text in key or ()], limit, as_json)


@contextmanager
def _open(data: Path, wanted: Sequence[int] | None) -> Iterator[Readers]:
    from replay.state_rows import StateReader
    from replay.stopped_store import stored_partitions

    known = stored_partitions(data)
    if not known:
        raise CommandFailed(f"expected a data directory with a state, got {data}; name another with --data")
    unknown = sorted(set(wanted or ()) - set(known))
    if unknown:
        raise UsageFault(f"--partition: expected one of {', '.join(map(str, known))}, got {unknown[0]}")
    with ExitStack() as stack:
        yield {number: stack.enter_context(StateReader(data / "state" / str(number))) for number in wanted or known}


def _part(text: str) -> int | str:
    """A part of a key; a text that looks like a number is written in quotes."""
    if text.isascii() and text.isdecimal():
        if len(text) > len(str(KEY_MAX)) or int(text) > KEY_MAX:
            raise UsageFault(f"--key: expected a number of at most {KEY_MAX}, got {text[:40]}; put a text in quotes")
        return int(text)
    try:
        given = json.loads(text)
    except ValueError:
        return text
    return given if isinstance(given, str) else text


def _show_tables(readers: Readers, tables: Sequence[Table[object]], as_json: bool) -> None:
    if as_json:
        partitions = [
            {
                "partition": number,
                "position": reader.position(),
                "tables": {table.name: reader.count(table) for table in tables},
            }
            for number, reader in readers.items()
        ]
        print_json({"partitions": partitions})
        return
    counts = {table.name: [reader.count(table) for reader in readers.values()] for table in tables}
    print_table(
        ("TABLE", *(f"PARTITION {number}" for number in readers)),
        [
            *((name, *map(shown_count, found)) for name, found in counts.items() if any(found)),
            ("at position", *(shown_count(reader.position()) for reader in readers.values())),
        ],
    )
    empty = sum(not any(found) for found in counts.values())
    print_note(f"{empty} tables are empty")


def _show_rows(readers: Readers, table: Table[object], prefix: Sequence[int | str], limit: int, as_json: bool) -> None:
    from .log_records import to_plain

    for number, reader in readers.items():
        position = reader.position()
        rows = list(islice(reader.rows(table, prefix), limit + 1))
        documents = [_document(number, position, row, to_plain) for row in rows[:limit]]
        if as_json:
            for document in documents:
                print_json(document)
            continue
        for document in documents:
            shown_key = " ".join(map(str, document["key"])) or "-"
            value = document.get("problem") or json.dumps(document["value"], ensure_ascii=False)
            print_line(f"{number}  {shown_key}  {value}")
        more = ", and more" if len(rows) > limit else ""
        print_note(f"partition {number}: {len(documents)} rows{more} at position {shown_count(position)}")


def _document(number: int, position: int, row: Row, to_plain: Any) -> dict[str, Any]:
    place = {"partition": number, "position": position, "key": [str(part) for part in row.key]}
    if row.problem:
        return {**place, "problem": row.problem}
    return {**place, "value": to_plain("", row.value)}


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("state")(expand(state))
