"""What the gateway talks to, small and honest: an engine that answers commands by rules, and documents in a dict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, cast

import httpx
import msgspec
from litestar import Litestar

from engine.core.faults import BadRequest
from engine.core.ports import COMMANDS, EVENTS, Append, Clock, Message, SelectedItem, SelectionQuery
from engine.core.record import EVENT, REJECTION, Record, first_key, partition_of
from engine.records import FAMILIES
from engine.records.batch_operation_chunk import ItemFacts
from engine.roles.expressions import compile_expression
from engine.roles.migration_plans import Planner
from engine.shell.clock import SystemClock
from engine.shell.codec import Codec
from engine.shell.memory_log import MemoryLog
from engine.telemetry.telemetry import Telemetry
from exporters.search.store import SearchResult, SelectionGroup, Within
from gateway.app import create_app
from gateway.readiness import Part
from gateway.settings import GatewaySettings

CODEC = Codec(FAMILIES)

#: What a rule gives: the records of the answer, in order; an empty list answers nothing.
Rule = Callable[[Record, int], list[Record]]


def event(command: Record, intent: str, **changes: Any) -> Record:
    """An event that answers a command with its own value, changed in some fields."""
    key = changes.pop("key", command.key)
    return msgspec.structs.replace(
        command, record_type=EVENT, intent=intent, key=key, value=msgspec.structs.replace(command.value, **changes)
    )


def rejection(command: Record, code: str, reason: str) -> Record:
    return msgspec.structs.replace(command, record_type=REJECTION, rejection_code=code, rejection_reason=reason)


class FakeEngine:
    """Answers each command by the rule of its value type and intent; keeps all commands it saw."""

    def __init__(self, log: MemoryLog, rules: Mapping[tuple[str, str], Rule]) -> None:
        self.log = log
        self.rules = dict(rules)
        self.commands: list[tuple[int, Record]] = []

    async def run(self, partition: int) -> None:
        offset = 0
        while True:
            await self.log.wait({(COMMANDS, partition): offset})
            page = await self.log.read(COMMANDS, partition, offset)
            offset = page.next_offset
            messages: list[Message] = []
            for entry in page.entries:
                command = CODEC.decode(entry.value)
                self.commands.append((partition, command))
                rule = self.rules.get((command.value_type, command.intent))
                messages += answer(command, rule(command, partition) if rule else [])
            if messages:
                await self.log.append([Append(topic=EVENTS, partition=partition, messages=messages)])

    async def offer(self, job_type: str, partition: int = 1) -> None:
        """A record on `events` that says there are jobs of a type."""
        message = Message(value=b"not decoded", headers={"job-type": job_type})
        await self.log.append([Append(topic=EVENTS, partition=partition, messages=[message])])


def answer(command: Record, records: Sequence[Record]) -> list[Message]:
    """The messages on `events`, headed as the engine heads them."""
    headers = {"request": command.step.request}
    messages = [Message(value=CODEC.encode(record), headers=headers) for record in records]
    if messages:
        messages[-1] = msgspec.structs.replace(messages[-1], headers={**headers, "final": "1"})
    return messages


class FakeSearch:
    """Documents by entity and key. Refuses filters with the property `unknown`, and notes every question."""

    def __init__(self, documents: Mapping[str, Mapping[int, dict[str, Any]]] | None = None) -> None:
        self.documents = documents or {}
        self.questions: list[tuple[str, Mapping[str, Any]]] = []
        self.within: list[Within | None] = []
        self.groups: dict[int, list[SelectionGroup]] = {}
        self.selections: list[SelectionQuery] = []

    async def search(
        self,
        entity: str,
        request: Mapping[str, Any],
        within: Within | None = None,
        readable: Collection[str] | None = None,
    ) -> SearchResult:
        self.questions.append((entity, request))
        self.within.append(within)
        unknown = sorted(set(request) - {"filter", "sort", "page", "truncateValues"})
        if unknown:
            raise BadRequest(f"expected filter, sort or page, got {unknown}; leave the rest out")
        items = [dict(item) for item in self.documents.get(entity, {}).values()]
        return SearchResult(items=items, total=len(items))

    async def get(self, entity: str, key: int) -> dict[str, Any] | None:
        return self.documents.get(entity, {}).get(key)

    async def start_form_id(self, key: int) -> str | None:
        return self.documents.get("PROCESS_DEFINITION", {}).get(key, {}).get("startFormId")

    async def decision_requirements_xml(self, key: int) -> bytes | None:
        return b"<definitions/>" if key in self.documents.get("DECISION_REQUIREMENTS", {}) else None

    async def definition_xml(self, key: int) -> bytes | None:
        definition = self.documents.get("PROCESS_DEFINITION", {}).get(key)
        return definition.get("xml", b"<definitions/>") if definition is not None else None

    async def report(self, name: str, key: int) -> list[dict[str, Any]]:
        self.questions.append((name, {"key": key}))
        return [{"name": name}]

    async def element_statistics(self, definition_key: int, given: Mapping[str, object]) -> list[dict[str, Any]]:
        self.questions.append(("ELEMENT_STATISTICS", given))
        return []

    async def summarize(self, query: SelectionQuery) -> list[SelectionGroup]:
        self.selections.append(query)
        return self.groups.get(query.partition, [])

    def check_filter(self, entity: str, given: Mapping[str, object]) -> list[str]:
        return [f"filter.{name}: expected a known property of {entity}, got {name}; remove it" for name in given
                if name.startswith("unknown")]  # fmt: skip

    async def status(self) -> dict[str, Any]:
        return {
            "partitions": {1: {"position": 7, "timestamp": 1_767_225_600_000}},
            "counts": {"<b>instances</b>": 3},
        }

    async def watermark(self, partition: int) -> int:
        return 0

    async def facts(self, entity: str, keys: Sequence[int], variables: str, size_max: int) -> Sequence[ItemFacts]:
        return [ItemFacts(item_key=key) for key in keys]

    async def select(self, query: SelectionQuery) -> list[SelectedItem]:
        known = self.documents.get("PROCESS_INSTANCE", {})
        found = [key for key in sorted(known) if partition_of(key) == query.partition]
        found = [key for key in found if query.filter or key in query.item_keys]
        return [SelectedItem(item_key=key, process_instance_key=key, root_process_instance_key=key) for key in found]

    async def close(self) -> None:
        return None


def created_instance(command: Record, partition: int) -> list[Record]:
    key = first_key(partition) + 5
    return [event(command, "CREATED", key=key, process_instance_key=key, process_definition_key=first_key(1) + 1,
                  bpmn_process_id="order", bpmn_version=2, variables="")]  # fmt: skip


def happens(intent: str) -> Rule:
    """A rule: the command's own value, as an event."""
    return lambda command, _: [event(command, intent)]


def refuses(code: str, reason: str = "expected this, got that; do so") -> Rule:
    return lambda command, _: [rejection(command, code, reason)]


class World:
    """One gateway with its fakes and an HTTP client."""

    def __init__(self, app: Litestar, engine: FakeEngine, search: FakeSearch, client: httpx.AsyncClient) -> None:
        self.app = app
        self.engine = engine
        self.search = search
        self.client = client


@asynccontextmanager
async def world(
    rules: Mapping[tuple[str, str], Rule] | None = None,
    *,
    partition_count: int = 2,
    settings: GatewaySettings | None = None,
    search: FakeSearch | None = None,
    parts: Sequence[Part] = (),
    clock: Clock | None = None,
    start: bool = True,
    **options: Any,
) -> AsyncIterator[World]:
    """A gateway in this event loop, running unless `start` is left to a server."""
    clock = clock or SystemClock()
    log = MemoryLog(partition_count, clock)
    engine = FakeEngine(log, rules or {})
    search = search or FakeSearch()

    async def readiness() -> Sequence[Part]:
        return parts

    options = {
        "telemetry": Telemetry().gateway(),
        "expression_compiler": compile_expression,
        "migration_planner": Planner(),
        **options,
    }
    app = create_app(
        settings or GatewaySettings(), log=log, search=search, codec=CODEC, readiness=readiness, clock=clock, **options
    )
    running = [asyncio.create_task(engine.run(partition)) for partition in range(1, partition_count + 1)]
    try:
        transport = httpx.ASGITransport(app=cast(Any, app))
        async with (
            app.lifespan() if start else nullcontext(),
            httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
        ):
            yield World(app, engine, search, client)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
