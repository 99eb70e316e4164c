"""Searching the SQLite file from any process: read-only connections in a few threads, each query bounded in time."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from engine.core.faults import BadRequest, Unavailable
from engine.core.ports import REPLACED_VARIABLES, Clock, SelectedItem, SelectionQuery
from engine.records.batch_operation_chunk import ItemFacts
from exporters.search.documents import DocumentReader, shown_row
from exporters.search.filters import check_filter, entity_named, parse_filter, selection_conditions
from exporters.search.instances import INSTANCES_OF_DEFINITION
from exporters.search.reports import ELEMENT_FIELDS, REPORTS, element_statistics_query
from exporters.search.requests import Request, encode_cursor, parse_request
from exporters.search.sqlite import (
    COLLECTED_MAX,
    Plan,
    Query,
    count_query,
    get_query,
    page_query,
    plan_of,
)
from exporters.search.sqlite_selections import selection_query, summary_query
from exporters.search.store import TOTAL_MAX, Document, SearchResult, SelectionGroup, Within
from exporters.search.values import INTEGER_MAX

from .database import file_identity, is_unavailable, open_reader
from .facts import read_facts, read_replaced

#: Queries at the same time; more wait.
THREADS_MAX = 4
SECONDS_MAX = 30.0
#: Instructions of SQLite's machine between two looks at the time: about a millisecond.
INSTRUCTIONS_PER_CHECK = 20_000
#: Looks at how far a count is: after so many it ends, with a total that is a lower bound.
COUNTING_CHECKS_MAX = 25

Result = TypeVar("Result")


class SqliteSearch:
    """The SearchStore over `folder/search.db`."""

    def __init__(
        self, folder: Path, clock: Clock, *, seconds_max: float = SECONDS_MAX, collected_max: int = COLLECTED_MAX
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._seconds_max = seconds_max
        self._collected_max = collected_max
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="search")
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._closed = False

    async def search(
        self,
        entity: str,
        request: Mapping[str, object],
        within: Within | None = None,
        readable: Collection[str] | None = None,
    ) -> SearchResult:
        """As `SearchStore.search`."""
        parsed = parse_request(entity_named(entity), request, within, readable)
        return await self._run(lambda connection: _search(connection, parsed, self._collected_max))

    async def get(self, entity: str, key: int) -> Document | None:
        """As `SearchStore.get`. Raises BadRequest for items: their keys are not their own."""
        found = entity_named(entity)
        if len(found.identity) != 1:
            raise BadRequest(f"expected an entity with a key of its own, got {entity}; search it")
        reader = DocumentReader(found, truncate_values=False)
        query = get_query(found.source, found.identity[0], reader.columns, _stored_key(key))
        rows = await self._run(lambda connection: _rows(connection, query))
        return reader.read(rows[0]) if rows else None

    async def definition_xml(self, key: int) -> bytes | None:
        """As `SearchStore.definition_xml`."""
        return await self._resource("definitions", key)

    async def decision_requirements_xml(self, key: int) -> bytes | None:
        """As `SearchStore.decision_requirements_xml`."""
        return await self._resource("decision_requirements", key)

    async def start_form_id(self, key: int) -> str | None:
        """As `SearchStore.start_form_id`."""
        query = Query("SELECT start_form_id FROM definitions WHERE key = ?", [_stored_key(key)])
        rows = await self._run(lambda connection: _rows(connection, query))
        return rows[0][0] if rows else None

    async def _resource(self, table: str, key: int) -> bytes | None:
        query = Query(f"SELECT resource FROM {table} WHERE key = ?", [_stored_key(key)])
        rows = await self._run(lambda connection: _rows(connection, query))
        return bytes(rows[0][0]) if rows else None

    async def report(self, name: str, key: int) -> list[Document]:
        """As `SearchStore.report`."""
        report = REPORTS[name]
        rows = await self._run(
            lambda connection: connection.execute(report.query, {"key": _stored_key(key)}).fetchall()
        )
        return [shown_row(report.fields, row) for row in rows]

    async def element_statistics(self, definition_key: int, given: Mapping[str, object]) -> list[Document]:
        """As `SearchStore.element_statistics`."""
        conditions = parse_filter(INSTANCES_OF_DEFINITION, given)
        if not conditions:
            return await self.report("ELEMENTS_OF_DEFINITION", definition_key)
        query = element_statistics_query(definition_key, conditions)
        rows = await self._run(lambda connection: _rows(connection, query))
        return [shown_row(ELEMENT_FIELDS, row) for row in rows]

    def check_filter(self, entity: str, given: Mapping[str, object]) -> list[str]:
        """As `SearchStore.check_filter`."""
        return check_filter(entity, given)

    async def status(self) -> Document:
        """As `SearchStore.status`."""
        return await self._run(_status)

    async def watermark(self, partition: int) -> int:
        """As `Search.watermark`: what is committed is searchable."""
        query = Query("SELECT position FROM positions WHERE partition_id = ?", [partition])
        rows = await self._run(lambda connection: _rows(connection, query))
        return int(rows[0][0]) if rows else 0

    async def select(self, query: SelectionQuery) -> Sequence[SelectedItem]:
        """As `Search.select`."""
        selection = selection_query(query, selection_conditions(query))
        rows = await self._run(lambda connection: _rows(connection, selection))
        return [
            SelectedItem(item_key=item, process_instance_key=instance, root_process_instance_key=root)
            for item, instance, root in rows
        ]

    async def facts(
        self, entity: str, keys: Sequence[int], variables: str, size_max: int, items_of: int = -1
    ) -> Sequence[ItemFacts]:
        """As `Search.facts`."""
        if variables == REPLACED_VARIABLES:
            return await self._run(lambda connection: read_replaced(connection, items_of, keys, size_max))
        return await self._run(lambda connection: read_facts(connection, entity, keys, variables, size_max))

    async def summarize(self, query: SelectionQuery) -> list[SelectionGroup]:
        """As `SearchStore.summarize`."""
        summary = summary_query(query, selection_conditions(query))
        rows = await self._run(lambda connection: _rows(connection, summary))
        return [
            SelectionGroup(
                process_definition_key=definition,
                process_definition_id=process,
                version=version,
                state=state,
                has_incident=bool(incident),
                count=count,
            )
            for definition, process, version, state, incident, count in rows
        ]

    async def close(self) -> None:
        """As `SearchStore.close`. Waits for running queries, which are bounded in time."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        for connection in self._open:
            connection.close()
        self._open.clear()

    async def _run(self, ask: Callable[[sqlite3.Connection], Result]) -> Result:
        if self._closed:
            raise Unavailable("expected an open search, got a closed one")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, ask)

    def _ask(self, ask: Callable[[sqlite3.Connection], Result]) -> Result:
        """In a thread: one question, on the thread's connection, within its time."""
        connection = self._connection()
        deadline = self._clock.monotonic() + self._seconds_max
        connection.set_progress_handler(lambda: self._clock.monotonic() > deadline, INSTRUCTIONS_PER_CHECK)
        try:
            # one transaction: what is counted and what is listed agree
            connection.execute("BEGIN")
            return ask(connection)
        except sqlite3.OperationalError as fault:
            if not is_unavailable(fault):
                raise
            if self._clock.monotonic() > deadline:
                text = f"expected a query of at most {self._seconds_max:g} s, got a longer one; narrow the filter"
                raise Unavailable(text) from fault
            raise Unavailable(f"expected an answer of {self._folder}: {fault}; try again") from fault
        finally:
            if connection.in_transaction:
                connection.rollback()

    def _connection(self) -> sqlite3.Connection:
        """The thread's connection to the file that is there now: one that was deleted and made anew is another one."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        file = file_identity(self._folder)
        if connection is not None and file == self._local.file:
            return connection
        if connection is not None:
            self._local.connection = None
            self._open.remove(connection)
            connection.close()
        connection = open_reader(self._folder)
        self._local.connection, self._local.file = connection, file
        self._open.append(connection)
        return connection


def _stored_key(key: int) -> int | None:
    """None, which is equal to nothing, for a number that does not fit 64 bits."""
    return key if abs(key) <= INTEGER_MAX else None


def _rows(connection: sqlite3.Connection, query: Query) -> list[tuple[Any, ...]]:
    return connection.execute(query.text, query.parameters).fetchall()


def _search(connection: sqlite3.Connection, request: Request, collected_max: int) -> SearchResult:
    plan = plan_of(request, lambda query: _rows(connection, query), collected_max)
    reader = DocumentReader(request.entity, truncate_values=request.truncate_values)
    rows = _rows(connection, page_query(request, reader.columns, plan))
    if request.paging.before is not None:
        rows.reverse()
    total, is_whole = _total(connection, request, plan, len(rows))
    width = len(reader.columns)
    return SearchResult(
        items=[reader.read(row) for row in rows],
        total=min(total, TOTAL_MAX),
        has_more_total=total > TOTAL_MAX or not is_whole,
        start_cursor=encode_cursor(request, rows[0][width:]) if rows else None,
        end_cursor=encode_cursor(request, rows[-1][width:]) if rows else None,
    )


def _total(connection: sqlite3.Connection, request: Request, plan: Plan, found: int) -> tuple[int, bool]:
    """How many rows match, and whether that is all of them. A page that is not full says it; else they are counted,
    for a bounded number of steps of SQLite's machine: the same number however busy this computer is."""
    paging = request.paging
    is_last = found < paging.limit and (found > 0 or paging.start == 0)
    if is_last and paging.after is None and paging.before is None:
        return paging.start + found, True
    checks = itertools.count()
    connection.set_progress_handler(lambda: next(checks) >= COUNTING_CHECKS_MAX, INSTRUCTIONS_PER_CHECK)
    query = count_query(request, plan)
    total = 0
    try:
        for _ in connection.execute(query.text, query.parameters):
            total += 1
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return total, False
    return total, True


def _status(connection: sqlite3.Connection) -> Document:
    positions = connection.execute("SELECT partition_id, position, timestamp FROM positions")
    counts = connection.execute("SELECT name, sum(value) FROM counts GROUP BY name")
    definitions: int = connection.execute("SELECT count(*) FROM definitions").fetchone()[0]
    return {
        "partitions": {partition: {"position": at, "timestamp": timestamp} for partition, at, timestamp in positions},
        "counts": {**dict(counts.fetchall()), "process_definitions": definitions},
    }
