"""Creation of batch operations: one route for each description, and the one for a single process instance."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, cast

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Meta, Struct, structs
from msgspec.structs import FieldInfo

from engine.core.record import NONE, partition_of
from engine.records import BatchOperationCreation
from engine.records.batch_options import (
    ITEM_RETRIES_MAX,
    LABEL_LENGTH_MAX,
    LABELS_MAX,
    NAME_LENGTH_MAX,
    PAUSE_WINDOW,
    PAUSE_WINDOWS_MAX,
    RATE_MAX,
    REASON_LENGTH_MAX,
    RETRY_BACKOFF_MS_MAX,
    SLICE_SIZE_MAX,
    WEBHOOK_LENGTH_MAX,
    BatchOptions,
)
from engine.shell.webhook_rules import WebhookSettings
from gateway.bodies import Body, HttpRequest, Wanted
from gateway.fields import DEPTH_MAX, DateTime, Key, OperationReference, PositiveCount, is_too_deep
from gateway.gateway import Gateway, path_key
from gateway.operations import RESOLVE_INCIDENT, OperationDescription
from gateway.problems import bad_request
from gateway.responses import json_response
from gateway.selection import KEY_PROPERTIES, KEYS_MAX, Selection, is_list_of_keys, select_filter, select_keys

from .queries import PREFIX
from .route import Route

#: Keys that `exclude` may have; a longer list belongs into a filter of keys alone.
EXCLUDED_MAX = 10_000
Label = Annotated[str, Meta(min_length=1, max_length=LABEL_LENGTH_MAX)]
#: Times of day in which it pauses, such as `08:00-18:00 Europe/Berlin`.
PauseWindow = Annotated[str, Meta(pattern=f"^{PAUSE_WINDOW}$", examples=["08:00-18:00 Europe/Berlin"])]
PauseWindows = Annotated[list[PauseWindow], Meta(max_length=PAUSE_WINDOWS_MAX)]
#: Items per second, 0 for as fast as it goes.
Rate = Annotated[float, Meta(ge=0, le=RATE_MAX)]
#: 0 for the setting.
SliceSize = Annotated[int, Meta(ge=0, le=SLICE_SIZE_MAX)]


class MaxFailures(Body, frozen=True, kw_only=True):
    """At how many failed items a batch operation suspends itself: a number of them, a share of all items, or both."""

    at_least_one_of = ("count", "share")
    count: PositiveCount | None = None
    share: Annotated[float, Meta(gt=0, le=1)] | None = None


class RetryPolicy(Body, frozen=True, kw_only=True):
    """How often an item that failed is tried again, the pause before that, in ms, and whether it waits then."""

    retries: Annotated[int, Meta(ge=0, le=ITEM_RETRIES_MAX)]
    backoff: Annotated[int, Meta(ge=0, le=RETRY_BACKOFF_MS_MAX)] = 0
    then_incident: bool = False


class BatchOptionsBody(Body, frozen=True, kw_only=True):
    """How a batch operation runs: what Camunda 8 does not have, so every property may be left out."""

    name: Annotated[str, Meta(max_length=NAME_LENGTH_MAX)] = ""
    labels: Annotated[list[Label], Meta(max_length=LABELS_MAX)] | None = None
    reason: Annotated[str, Meta(max_length=REASON_LENGTH_MAX)] = ""
    start_suspended: bool = False
    start_at: DateTime | None = None
    rate: Rate = 0.0
    slice_size: SliceSize = 0
    pause_windows: PauseWindows | None = None
    max_failures: MaxFailures | None = None
    retry_policy: RetryPolicy | None = None
    webhook: Annotated[str, Meta(max_length=WEBHOOK_LENGTH_MAX)] = ""
    undoable: bool = False

    def options(
        self, webhooks: WebhookSettings, parent_key: int = NONE, plan_key: int = NONE, *, undoes: bool = False
    ) -> BatchOptions:
        """The same as the log has it. Raises Problem 400 for a webhook that is not allowed."""
        if self.webhook and (problem := webhooks.problem(self.webhook)):
            raise bad_request([f"webhook: {problem}"])
        failures, retries = self.max_failures or MaxFailures(share=1), self.retry_policy
        return BatchOptions(
            name=self.name,
            labels=tuple(self.labels or ()),
            reason=self.reason,
            start_suspended=self.start_suspended,
            start_at=_milliseconds(self.start_at) if self.start_at else 0,
            rate=float(self.rate),
            slice_size=self.slice_size,
            failures_max=failures.count or 0,
            failure_share_max=float(failures.share or 0) if self.max_failures else 0.0,
            item_retries=retries.retries if retries else 0,
            retry_backoff=retries.backoff if retries else 0,
            pause_windows=tuple(self.pause_windows or ()),
            raises_incidents=bool(retries and retries.then_incident),
            parent_key=parent_key,
            undoes=undoes,
            webhook=self.webhook,
            undoable=self.undoable,
            plan_key=plan_key,
        )


class Selected(Struct, frozen=True, kw_only=True):
    """What is chosen: the matches of a filter, if there is one, and these keys, without the excluded ones."""

    filter: Mapping[str, Any] | None = None
    ids: Sequence[int] = ()
    exclude: Sequence[int] = ()


class TriableBody(BatchOptionsBody, frozen=True, kw_only=True):
    """The same of what can be tried first, and kept as a plan."""

    dry_run: bool = False
    keep_plan: bool = False

    def options(
        self, webhooks: WebhookSettings, parent_key: int = NONE, plan_key: int = NONE, *, undoes: bool = False
    ) -> BatchOptions:
        """The same as the log has it. Raises Problem 400 for a webhook that is not allowed."""
        wished = BatchOptionsBody.options(self, webhooks, parent_key, plan_key, undoes=undoes)
        return structs.replace(wished, dry_run=self.dry_run, keep_plan=self.keep_plan)


class SingleBody(TriableBody, frozen=True, kw_only=True):
    """Of what is about one process instance: a reference to follow it through the log, too."""

    operation_reference: OperationReference | None = None


class BatchOperationBody(TriableBody, frozen=True, kw_only=True):
    """What every creation has: which process instances or jobs, and a reference to follow it through the log."""

    filter: dict[str, Any] | None = None
    ids: Annotated[list[Key], Meta(min_length=1, max_length=KEYS_MAX)] | None = None
    exclude: Annotated[list[Key], Meta(max_length=EXCLUDED_MAX)] | None = None
    operation_reference: OperationReference | None = None

    def selected(self) -> Selected:
        """What it is about."""
        return Selected(filter=self.filter, ids=tuple(self.ids or ()), exclude=tuple(self.exclude or ()))


def _milliseconds(text: str) -> int:
    return math.floor(datetime.fromisoformat(text).timestamp() * 1000)


def creation_routes(operations: Sequence[OperationDescription]) -> tuple[Route, ...]:
    """`POST {path}` of each operation."""
    routes = [_creation_route(operation) for operation in operations]
    routes += [_single_route(operation) for operation in operations if operation.name == RESOLVE_INCIDENT.name]
    return tuple(routes)


async def create_batch_operation(
    gateway: Gateway,
    request: HttpRequest,
    operation: OperationDescription,
    selected: Selected,
    parameters: Struct,
    operation_reference: int | None = None,
    options: BatchOptions = BatchOptions(),  # noqa: B008 (frozen)
    partition: int = 0,
) -> ASGIResponse:
    """Create a batch operation over what is selected; answered before any item is known.

    `partition` leads it; 0 for any.
    """
    selection = await select(gateway, operation, selected, operation.check(parameters))
    creation = BatchOperationCreation(
        batch_operation_type=operation.name,
        filter=selection.filter,
        item_keys=selection.item_keys,
        excluded_keys=selection.excluded_keys,
        parameters=operation.encode(parameters),
        options=options,
    )
    record = await gateway.create(
        request,
        "BATCH_OPERATION_CREATION",
        "CREATE",
        creation,
        partition=partition,
        operation_reference=operation_reference,
    )
    return json_response({"batchOperationKey": str(record.key), "batchOperationType": operation.name})


async def select(
    gateway: Gateway, operation: OperationDescription, selected: Selected, problems: Sequence[str]
) -> Selection:
    """What is selected, once neither the filter nor the parameters (`problems`) are wrong. Raises Problem 400."""
    wanted, key_property = selected.filter, KEY_PROPERTIES[operation.entity]
    if wanted is not None and is_list_of_keys(wanted, key_property):
        if problems:
            raise bad_request(problems)
        # half a second for the longest: others go on
        return await asyncio.to_thread(select_keys, wanted, key_property, selected.ids, selected.exclude)
    if wanted is not None or not selected.ids:
        problems = [*_filter_problems(gateway, operation, wanted or {}), *problems]
    if problems:
        raise bad_request(problems)
    return select_filter(wanted, key_property, selected.ids, selected.exclude)


def _filter_problems(gateway: Gateway, operation: OperationDescription, wanted: Mapping[str, Any]) -> Sequence[str]:
    if not wanted:
        meant = operation.entity.lower().replace("_", " ") + "s"
        return [f"filter: expected at least one condition, got an empty filter; say which {meant} are meant"]
    if is_too_deep(wanted):
        return [f"filter: expected at most {DEPTH_MAX} levels of nesting, got more; flatten it"]
    problems = gateway.search.check_filter(operation.entity, wanted)
    return problems or operation.contradictions(msgspec.json.encode(wanted).decode())


def with_parameters(operation: OperationDescription, base: type[Wanted], suffix: str) -> type[Wanted]:
    """The body that has, besides what is in the base, the parameters of an operation."""
    fields = msgspec.structs.fields(operation.parameters)
    return cast(
        type[Wanted],
        msgspec.defstruct(
            f"{operation.name.title().replace('_', '')}{suffix}",
            [(field.name, field.type, _default(field)) for field in fields],
            bases=(base,),
            frozen=True,
            kw_only=True,
        ),
    )


def parameters_of(operation: OperationDescription, body: Body) -> Struct:
    """The parameters in such a body, as the log keeps them."""
    fields = msgspec.structs.fields(operation.parameters)
    return operation.read(operation.parameters(**{field.name: getattr(body, field.name) for field in fields}))


def _creation_route(operation: OperationDescription) -> Route:
    body_type = with_parameters(operation, BatchOperationBody, "Body")

    async def create(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        body = await gateway.bodies.read(request, body_type)
        return await create_batch_operation(
            gateway,
            request,
            operation,
            body.selected(),
            parameters_of(operation, body),
            body.operation_reference,
            body.options(gateway.settings.webhooks),
        )

    return Route(
        method="POST", path=f"{PREFIX}{operation.path}", summary=operation.summary, handle=create, body=body_type
    )


def _default(field: FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return field.default


def _single_route(operation: OperationDescription) -> Route:
    async def resolve(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        key = path_key(request)
        body = await gateway.bodies.read(request, SingleBody)
        await gateway.get("PROCESS_INSTANCE", key)
        return await create_batch_operation(
            gateway,
            request,
            operation,
            Selected(ids=(key,)),
            operation.parameters(),
            body.operation_reference,
            body.options(gateway.settings.webhooks),
            partition_of(key),  # which knows how many incidents there are
        )

    return Route(
        method="POST",
        path=f"{PREFIX}/process-instances/{{key:str}}/incident-resolution",
        summary="Resolve the incidents of a process instance",
        handle=resolve,
        body=SingleBody,
    )
