"""The preview of a batch operation: nothing is created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from engine.core.ports import SelectedItem, SelectionQuery
from engine.core.record import partition_of
from exporters.search.store import SelectionGroup
from gateway.batch_preview import SAMPLES_MAX, preview_of
from gateway.bodies import HttpRequest, read_object
from gateway.gateway import Gateway
from gateway.operations import OperationDescription
from gateway.problems import bad_request
from gateway.responses import json_response
from gateway.selection import Selection

from .batch_creation import BatchOperationBody, parameters_of, select, with_parameters
from .queries import PREFIX
from .route import Route

TYPE = "batchOperationType"
KEY_MAX = (1 << 63) - 1


def preview_routes(operations: Sequence[OperationDescription]) -> tuple[Route, ...]:
    """`POST /batch-operations/preview`: the type, and the body of its creation."""
    types = {
        operation.name: (operation, with_parameters(operation, BatchOperationBody, "Body")) for operation in operations
    }

    async def preview(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        given = await read_object(request)
        name = given.pop(TYPE, None)
        if not isinstance(name, str) or name not in types:
            raise bad_request([f"{TYPE}: expected one of {', '.join(sorted(types))}; correct it"])
        operation, body_type = types[name]
        await gateway.require("BATCH", ("CREATE", operation.permission))
        body: BatchOperationBody = gateway.bodies.decode(msgspec.json.encode(given), body_type)
        problems = operation.check(parameters_of(operation, body))
        selection = await select(gateway, operation, body.selected(), problems)
        wanted = {"method": "POST", "path": f"{PREFIX}{operation.path}", "body": given}
        return json_response(await _preview(gateway, operation, selection, wanted))

    return (
        Route(
            method="POST",
            path=f"{PREFIX}/batch-operations/preview",
            summary="What a batch operation would be about",
            handle=preview,
            search=True,
        ),
    )


async def _preview(
    gateway: Gateway, operation: OperationDescription, selection: Selection, wanted: Mapping[str, Any]
) -> dict[str, Any]:
    readable = await gateway.readable(operation.entity)
    groups: list[SelectionGroup] = []
    samples: list[SelectedItem] = []
    unknown = set(selection.item_keys) - set(selection.excluded_keys)
    for partition in range(1, gateway.partition_count + 1):
        query = SelectionQuery(
            entity=operation.item_entity,
            partition=partition,
            filter=selection.filter,
            item_keys=[key for key in selection.item_keys if partition_of(key) == partition],
            excluded=selection.excluded_keys,
            states=operation.states,
            roots_only=operation.roots_only,
            process_ids=None if readable is None else tuple(sorted(readable)),
            key_max=KEY_MAX,
            limit=SAMPLES_MAX,
        )
        groups += await gateway.search.summarize(query)
        samples += await gateway.search.select(query)
        unknown -= await _known(gateway, operation, query)
    return preview_of(groups, samples, sorted(unknown), wanted)


async def _known(gateway: Gateway, operation: OperationDescription, query: SelectionQuery) -> set[int]:
    """Those of the keys given by hand that are of something."""
    if not query.item_keys:
        return set()
    given = msgspec.structs.replace(query, entity=operation.entity, filter="", limit=len(query.item_keys))
    return {item.item_key for item in await gateway.search.select(given)}
