"""What a search found, as a table with a remark how much of it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from .options import Connection
from .output import print_json, print_note, print_table, shown, shown_count

#: Title of a column -> the field of the document that it shows.
Columns = Mapping[str, str]


def print_found(
    connection: Connection,
    path: str,
    wanted: Mapping[str, Any],
    columns: Columns,
    *,
    sort: Sequence[tuple[str, str]],
    limit: int,
) -> None:
    """Search at `path` and print at most `limit` documents. Values of `wanted` that are None are no conditions."""
    from .client import Client

    given = {name: value for name, value in wanted.items() if value is not None}
    with Client(connection.url) as client:
        found = client.search(path, given, sort=sort, limit=limit)
    if connection.json:
        print_json(found.document())
        return
    print_table(tuple(columns), [[_cell(item.get(field)) for field in columns.values()] for item in found.items])
    print_note(f"{len(found.items)} of {shown_count(found.total, at_least=found.more)}")


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else shown(value)


def upper(text: str | None) -> str | None:
    """A name of the API as people may write it; an empty text is no condition."""
    return text.upper() if text else None
