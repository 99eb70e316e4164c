"""The read-only status page: made on the server, works without scripts, refreshes itself.

Rule: everything that did not come from this file is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from engine.core.faults import RetoldError
from engine.core.ports import EVENTS

from .gateway import Gateway

UNFINISHED = {"filter": {"state": {"$in": ["CREATED", "ACTIVE", "SUSPENDED"]}}, "page": {"limit": 50}}

_PAGE = Template(files("gateway").joinpath("web/status.html").read_text("utf-8"))


async def render(gateway: Gateway) -> str:
    """The page as HTML."""
    problems = [f"{part.name}: {part.problem}" for part in await gateway.readiness() if part.problem]
    if gateway.requests.problem:
        problems.append(f"replies: {gateway.requests.problem}")
    status: Mapping[Any, Any] = {}
    batches: Sequence[Mapping[str, Any]] = ()
    try:
        status = await gateway.search.status()
        batches = (await gateway.find("BATCH_OPERATION", UNFINISHED)).items
    except RetoldError as fault:
        problems.append(f"search: {fault.message}")
    searchable = status.get("partitions", {})
    rows = [
        await _partition_row(gateway, partition, searchable.get(partition, {}))
        for partition in range(1, gateway.partition_count + 1)
    ]
    counts = status.get("counts", {})
    return _PAGE.substitute(
        title=f"{len(problems)} problems" if problems else "all parts work",
        state="down" if problems else "up",
        problems="".join(f'<p class="problem">{escape(problem)}</p>' for problem in problems),
        partitions="".join(rows),
        counts="".join(
            f"<div><dt>{escape(str(name))}</dt><dd>{_number(count)}</dd></div>" for name, count in counts.items()
        ),
        batches="".join(map(_batch_row, batches)) or '<tr><td class="text" colspan="7">none</td></tr>',
    )


async def _partition_row(gateway: Gateway, partition: int, searchable: Mapping[str, Any]) -> str:
    position = searchable.get("position")
    last = await _last_position(gateway, partition)
    behind = None if position is None or last is None else max(0, last - position)
    timestamp = searchable.get("timestamp")
    shown = "–" if not timestamp else datetime.fromtimestamp(timestamp / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    in_flight = gateway.requests.in_flight[partition]
    return _row([str(partition), _number(last), _number(position), _number(behind), shown, _number(in_flight)])


async def _last_position(gateway: Gateway, partition: int) -> int | None:
    """Position of the last outcome, None if there is none or it cannot be read."""
    try:
        end = await gateway.log.end(EVENTS, partition)
        page = await gateway.log.read(EVENTS, partition, max(0, end - 1))
        return gateway.codec.decode(page.entries[-1].value).position if page.entries else None
    except RetoldError:
        return None


def _batch_row(batch: Mapping[str, Any]) -> str:
    key = escape(str(batch["batchOperationKey"]))
    total = int(batch["operationsTotalCount"])
    completed = int(batch["operationsCompletedCount"])
    failed = int(batch["operationsFailedCount"])
    progress = (
        f'<progress max="{max(total, 1)}" value="{completed + failed}">{completed + failed} of {total}</progress>'
    )
    return _row(
        [
            f'<a href="/v2/batch-operations/{key}">{key}</a>',
            escape(str(batch["batchOperationType"])),
            escape(str(batch["state"])),
            progress,
            _number(completed),
            _number(failed),
            _number(total),
        ]
    )


def _row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "–"
