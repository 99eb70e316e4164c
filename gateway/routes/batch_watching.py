"""Watching a batch operation: how far it is, what happened to it, and being told of every change."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from exporters.search.store import Document
from gateway.access import READ_BATCHES
from gateway.batch_progress import log_of, overlaps_of, progress_of
from gateway.bodies import HttpRequest
from gateway.gateway import Gateway, path_key
from gateway.problems import bad_request, not_found
from gateway.responses import json_response
from gateway.watching import ENTITY, Watch

from .queries import PREFIX
from .route import Route

PATH = "/batch-operations"
PARTS = "BATCH_OPERATION_PARTS"
ITEM = "BATCH_OPERATION_ITEM"
#: Items of a batch operation that are looked at for overlaps, and of others that are found.
OVERLAP_ITEMS_MAX = 1_000
WAIT = "wait"
#: States of those that want to run.
WAITING = ("CREATED", "ACTIVE")
#: Seconds without a change after which a stream says that it is still there.
HEARTBEAT = 15.0


async def get_batch_operation(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """One batch operation; with `wait` the answer comes when it changes or has ended, or the seconds are over."""
    key, seconds = path_key(request), _wait_of(gateway, request)
    if not seconds:
        document = await gateway.get(ENTITY, key)
    else:
        await gateway.require(*READ_BATCHES)
        async with gateway.watches.open(key) as watch:
            if not watch.is_over:
                await watch.changed(seconds, gateway.clock, gateway.requests.notices.ended)
            if watch.document is None:
                raise not_found("batch operation", key)
            document = watch.document
    return json_response({**document, "childBatchOperationKeys": await _children(gateway, key)})


async def get_progress(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """How far it is, by partition; its failures by kind."""
    key = path_key(request)
    batch = await gateway.get(ENTITY, key)
    progress = progress_of(batch, await gateway.search.report(PARTS, key))
    return json_response({**progress, "queue": await _queue(gateway, batch) if batch["state"] in WAITING else None})


async def get_log(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """What happened to it, phase by phase."""
    key = path_key(request)
    await gateway.get(ENTITY, key)
    return json_response({"items": log_of(await gateway.search.report(PARTS, key))})


async def stream_events(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Server-sent events: the batch operation now and after every change, until it has ended or the time is over."""
    key = path_key(request)
    await gateway.get(ENTITY, key)
    return ASGIStreamingResponse(iterator=_changes(gateway, key), media_type="text/event-stream", status_code=200)


async def _changes(gateway: Gateway, key: int) -> AsyncIterator[bytes]:
    end = gateway.clock.monotonic() + gateway.settings.long_poll_ms_max / 1000
    ended = gateway.requests.notices.ended
    async with gateway.watches.open(key) as watch:
        shown: Document | None = None
        while True:
            yield _event(watch, shown)
            shown = watch.document
            left = end - gateway.clock.monotonic()
            if watch.is_over or left <= 0 or ended.is_set() or watch.document is None:
                return
            await watch.changed(min(left, HEARTBEAT), gateway.clock, ended)


def _event(watch: Watch, shown: Document | None) -> bytes:
    """What has changed; a comment, which clients pass over, when nothing has."""
    if watch.document is None:
        return b"event: deleted\ndata: {}\n\n"
    if watch.document == shown:
        return b": still there\n\n"
    return b"event: batch-operation\ndata: " + msgspec.json.encode(watch.document) + b"\n\n"


async def get_overlaps(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Other batch operations that have items of the same process instances, of its first items."""
    key = path_key(request)
    await gateway.get(ENTITY, key)
    own = await gateway.find(ITEM, {"filter": {"batchOperationKey": str(key)}, "page": {"limit": OVERLAP_ITEMS_MAX}})
    instances = sorted({item["processInstanceKey"] for item in own.items if item["processInstanceKey"]})
    items: list[Document] = []
    if instances:
        wanted = {"processInstanceKey": {"$in": instances}, "batchOperationKey": {"$neq": str(key)}}
        items = (await gateway.find(ITEM, {"filter": wanted, "page": {"limit": OVERLAP_ITEMS_MAX}})).items
    return json_response({"items": overlaps_of(items), "itemsLookedAt": len(own.items)})


async def _queue(gateway: Gateway, batch: Document) -> Document:
    """Among those that want to run, in the order of their creation: they take turns, so a place is no waiting time."""
    running = {"state": {"$in": list(WAITING)}}
    before = {**running, "creationDate": {"$lte": batch["creationDate"]}}
    questions = ({"filter": wanted, "page": {"limit": 1}} for wanted in (before, running))
    position, length = [(await gateway.find(ENTITY, question)).total for question in questions]
    return {"position": position, "length": length}


async def _children(gateway: Gateway, key: int) -> list[str]:
    """Batch operations that retried what had failed in this one."""
    question = {"filter": {"parentBatchOperationKey": str(key)}, "sort": [{"field": "batchOperationKey"}]}
    return [child["batchOperationKey"] for child in (await gateway.find(ENTITY, question)).items]


def _wait_of(gateway: Gateway, request: HttpRequest) -> float:
    """Seconds to wait, 0 for none. Raises Problem 400."""
    text = request.query_params.get(WAIT)
    if text is None:
        return 0.0
    longest = gateway.settings.long_poll_ms_max / 1000
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= longest:
        raise bad_request([f"{WAIT}: expected seconds from 0 to {longest:g}, got {text[:40]!r}; correct it"])
    return seconds


ROUTES = (
    Route(
        method="GET",
        path=f"{PREFIX}{PATH}/{{key:str}}",
        summary="Get a batch operation, now or when it changes",
        handle=get_batch_operation,
        query=(WAIT,),
    ),
    Route(
        method="GET",
        path=f"{PREFIX}{PATH}/{{key:str}}/progress",
        summary="How far a batch operation is, and what failed",
        handle=get_progress,
    ),
    Route(
        method="GET",
        path=f"{PREFIX}{PATH}/{{key:str}}/log",
        summary="What happened to a batch operation",
        handle=get_log,
    ),
    Route(
        method="GET",
        path=f"{PREFIX}{PATH}/{{key:str}}/overlaps",
        summary="Which others have items of the same process instances",
        handle=get_overlaps,
    ),
    Route(
        method="GET",
        path=f"{PREFIX}{PATH}/{{key:str}}/events",
        summary="Changes of a batch operation as server-sent events",
        handle=stream_events,
    ),
)
