"""An OpenSearch node in a temporary file: where an audit lets the exporter write what it makes of the log.

Rule: it keeps what the exporter's port asks for and searches nothing else. No refreshing, no shards, no refusals.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from exporters.opensearch.node import ALREADY, WRITTEN, Address, Outcome, Stored, Write

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE documents (
    index_name TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, source BLOB NOT NULL,
    PRIMARY KEY (index_name, id)
) WITHOUT ROWID;
"""


def field(name: str) -> str:
    """A field of a document. A join field is a word, or an object that names itself and its parent."""
    return f"coalesce(json_extract(source, '$.{name}.name'), json_extract(source, '$.{name}'))"


#: What is deleted is found by its owner: one look at all documents for each export would be too many.
OWNED = f"CREATE INDEX documents_owner ON documents (index_name, {field('process_instance_key')})"
#: So are the items of batch operations.
OF_BATCH = (
    f"CREATE INDEX documents_batch ON documents (index_name, {field('batch_operation_key')})"
    f" WHERE {field('batch_operation_key')} IS NOT NULL"
)
READ = "SELECT source, version FROM documents WHERE index_name = ? AND id = ?"
STORE = "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)"


class ScratchNode:
    """The `Node` port over one file, which must not exist."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.executescript(SCHEMA)
        self._connection.execute(OWNED)
        self._connection.execute(OF_BATCH)
        self._indices: dict[str, list[str]] = {}

    def take(self, index: str, name: str) -> bytes | None:
        """The JSON of a document, which is not there any more then."""
        source, _ = self._row(index, name)
        self._connection.execute("DELETE FROM documents WHERE index_name = ? AND id = ?", [index, name])
        return source

    def sources(self, index: str) -> Iterator[tuple[str, bytes]]:
        """Ids and JSON of all documents of an index, by id."""
        rows = self._connection.execute("SELECT id, source FROM documents WHERE index_name = ? ORDER BY id", [index])
        yield from rows

    async def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """As `Node.write`."""
        self._connection.execute("BEGIN")
        outcomes = [self._write(write) for write in writes]
        self._connection.execute("COMMIT")
        return outcomes

    def _write(self, write: Write) -> Outcome:
        address = write.address
        source, version = self._row(address.index, address.id)
        if source is not None and version >= write.version:
            return Outcome(ALREADY)
        self._connection.execute(STORE, [address.index, address.id, write.version, write.source])
        return Outcome(WRITTEN)

    async def read(self, addresses: Sequence[Address]) -> Sequence[bytes | None]:
        """As `Node.read`."""
        return [self._row(address.index, address.id)[0] for address in addresses]

    async def find(
        self,
        index: str,
        fields: Mapping[str, Sequence[int | str]],
        order: Sequence[str] = ("key",),  # noqa: ARG002
        only: Sequence[str] = (),  # noqa: ARG002
        limit: int = 0,
    ) -> Sequence[bytes]:
        """As `Node.find`; documents are given whole, in any order."""
        wanted = " AND ".join(f"{field(name)} IN ({', '.join('?' * len(values))})" for name, values in fields.items())
        values = [value for given in fields.values() for value in given]
        query = f"SELECT source FROM documents WHERE index_name = ? AND {wanted} LIMIT ?"
        return [source for (source,) in self._connection.execute(query, [index, *values, limit or -1])]

    async def refresh(self, indices: Sequence[str]) -> None:
        """As `Node.refresh`."""

    async def read_one(self, address: Address) -> Stored | None:
        """As `Node.read_one`."""
        source, version = self._row(address.index, address.id)
        return None if source is None else Stored(source, str(version))

    async def replace(self, address: Address, source: bytes, token: str) -> str | None:
        """As `Node.replace`."""
        stored, version = self._row(address.index, address.id)
        if token != ("" if stored is None else str(version)):
            return None
        self._connection.execute(STORE, [address.index, address.id, version + 1, source])
        return str(version + 1)

    async def all_of(self, index: str) -> Sequence[bytes]:
        """As `Node.all_of`."""
        return [source for _, source in self.sources(index)]

    async def indices(self, prefix: str) -> Mapping[str, Sequence[str]]:
        """As `Node.indices`."""
        return {name: aliases for name, aliases in self._indices.items() if name.startswith(prefix)}

    async def create(self, index: str, body: Mapping[str, Any]) -> None:  # noqa: ARG002
        """As `Node.create`."""
        self._indices.setdefault(index, [])

    async def move_aliases(self, aliases: Mapping[str, str]) -> None:
        """As `Node.move_aliases`."""
        for held in self._indices.values():
            held[:] = [alias for alias in held if alias not in aliases]
        for alias, index in aliases.items():
            self._indices[index].append(alias)

    async def block(self, index: str, *, blocked: bool) -> None:
        """As `Node.block`."""

    async def delete(self, indices: Sequence[str]) -> None:
        """As `Node.delete`."""
        for index in indices:
            self._indices.pop(index, None)
            self._connection.execute("DELETE FROM documents WHERE index_name = ?", [index])

    async def close(self) -> None:
        """As `Node.close`; what was written stays."""

    def release(self) -> None:
        """Close the file."""
        self._connection.close()

    def _row(self, index: str, name: str) -> tuple[bytes | None, int]:
        row = self._connection.execute(READ, [index, name]).fetchone()
        return row or (None, 0)
