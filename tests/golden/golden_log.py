"""A golden log in its folder: what lay on all topics, and the digests of the state that it gives.

`log.jsonl`: an entry a line, place after place, in the order of offsets: where, what it is (for the eye), the log's
stamp, headers, and the bytes in base64. `digests.json`: partition -> table -> digest of its rows.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Entry, Page
from engine.core.record import Record
from engine.core.state import State
from engine.shell.codec import Codec, Undecodable
from engine.shell.memory_store import MemoryStore
from replay.difference import describe
from replay.ports import Assembled
from replay.redecision import PartitionRerun, Redecision
from tests.support.scenario import Scenario

LOG = "log.jsonl"
DIGESTS = "digests.json"

#: partition -> table -> digest
Digests = dict[str, dict[str, str]]


class Line(Struct, frozen=True, kw_only=True):
    """A line of the file. `place` is topic/partition; `record` says what the bytes are."""

    place: str
    record: str
    timestamp: int
    headers: dict[str, str]
    value: str


class GoldenLog:
    """The places of a log in memory, as an auditor reads them."""

    def __init__(self, places: dict[str, list[Entry]]) -> None:
        self.places = places
        self.partition_count = sum(place.startswith(EVENTS) for place in places)
        self.inputs = sorted({place.partition("/")[0] for place in places} - {EVENTS})

    async def read(self, topic: str, partition: int, offset: int, *, size_max: int = 0) -> Page:
        """As `Log.read`: offsets are the entries' numbers."""
        entries = self.places[f"{topic}/{partition}"][offset:]
        return Page(entries=entries, next_offset=offset + len(entries))

    def records(self, codec: Codec) -> Iterator[Record]:
        """All outcomes."""
        for number in range(1, self.partition_count + 1):
            for entry in self.places[f"{EVENTS}/{number}"]:
                yield codec.decode(entry.value)

    def digests(self, assembly: Assembled) -> Digests:
        """Of the state that appliers make of it; tables without rows are left out: a new table changes nothing."""
        found: Digests = {}
        for number in range(1, self.partition_count + 1):
            state, machine = assembly.machine(MemoryStore(), number, self.partition_count)
            entries = self.places[f"{EVENTS}/{number}"]
            records = [assembly.codec.decode(entry.value) for entry in entries]
            start = 0
            while start < len(entries):
                stop = start + records[start].step.step_count
                machine.replay(records[start:stop], [entry.value for entry in entries[start:stop]])
                start = stop
            state.freeze()
            state.commit()
            found[str(number)] = digests_of(state)
        return found

    def rerun(self, assembly: Assembled) -> list[PartitionRerun]:
        """Every command decided again by this build."""
        numbers = range(1, self.partition_count + 1)
        return [asyncio.run(Redecision(self, assembly, number, MemoryStore()).run()) for number in numbers]


def digests_of(state: State) -> dict[str, str]:
    """Table -> digest of its rows by field name, without fields at their default: a new field changes nothing."""
    found = {}
    for table in state.tables:
        rows = [[key.hex(), _plain(row)] for key, row in state.scan(table)]
        if rows:
            found[table.name] = sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
    return found


def _plain(value: object) -> object:
    if isinstance(value, Struct):
        fields = msgspec.structs.fields(value)
        given = {field.name: getattr(value, field.name) for field in fields}
        return {field.name: _plain(given[field.name]) for field in fields if given[field.name] != field.default}
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value.hex() if isinstance(value, bytes) else value


def record(story: Scenario) -> GoldenLog:
    """What a story has put on the log."""
    places: dict[str, list[Entry]] = {}
    for number, partition in story.partitions.items():
        for topic in (COMMANDS, INTERNAL):
            places[f"{topic}/{number}"] = partition.inputs[topic]
        written = zip(partition.events, partition.headers, partition.records, strict=True)
        places[f"{EVENTS}/{number}"] = [
            Entry(offset=offset, timestamp=record.step.timestamp, value=value, headers=headers)
            for offset, (value, headers, record) in enumerate(written)
        ]
    return GoldenLog(places)


def lines_of(log: GoldenLog, codec: Codec) -> list[str]:
    return [
        msgspec.json.encode(
            Line(
                place=place,
                record=_describe(entry.value, codec),
                timestamp=entry.timestamp,
                headers=dict(entry.headers),
                value=base64.b64encode(entry.value).decode(),
            )
        ).decode()
        for place, entries in log.places.items()
        for entry in entries
    ]


def _describe(value: bytes, codec: Codec) -> str:
    try:
        return describe(codec.decode(value))
    except Undecodable:
        return "unreadable"


def write(folder: Path, log: GoldenLog, assembly: Assembled) -> None:
    """Both files of a golden log."""
    folder.mkdir(exist_ok=True)
    (folder / LOG).write_text("\n".join(lines_of(log, assembly.codec)) + "\n")
    (folder / DIGESTS).write_text(json.dumps(log.digests(assembly), indent=2, sort_keys=True) + "\n")


def read(folder: Path) -> GoldenLog:
    places: dict[str, list[Entry]] = {}
    for text in (folder / LOG).read_text().splitlines():
        line = msgspec.json.decode(text, type=Line)
        entries = places.setdefault(line.place, [])
        value = base64.b64decode(line.value)
        entries.append(Entry(offset=len(entries), timestamp=line.timestamp, value=value, headers=line.headers))
    return GoldenLog(places)


def read_digests(folder: Path) -> Digests:
    return msgspec.json.decode((folder / DIGESTS).read_bytes(), type=Digests)
