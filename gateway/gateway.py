"""What every route works with: commands to the log, questions to secondary storage, who asks, and what he may see.

Rule: a route decides what to ask and how to show it; where it goes, who asks and what may go wrong is handled here.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from engine.core.ports import Clock, Log
from engine.core.record import NONE, Record, Step, command, partition_of, partition_of_name
from exporters.search.filters import entity_named
from exporters.search.resources import RESOURCES
from exporters.search.store import SearchResult, SearchStore, Within

from .access import CALLER, READS, Access, Resources
from .awaiting import Completion
from .bodies import Bodies, HttpRequest
from .evaluation import Evaluations
from .fields import parse_key
from .migration_plans import MigrationPlans
from .operations import OperationDescription
from .passwords import Passwords
from .problems import Problem, bad_request, forbidden, lives_nowhere, not_found
from .readiness import Broker, Brokers, Readiness
from .replies import Codec, Requests
from .settings import GatewaySettings
from .telemetry import RequestTrace, Telemetry, Untraced
from .watching import Watches

IDEMPOTENCY_KEY_LENGTH_MAX = 128
#: What a command is about, where its family has another name.
TARGETS = {
    "AD_HOC_SUB_PROCESS_INSTRUCTION": "ad-hoc sub-process",
    "BATCH_OPERATION_LIFECYCLE_MANAGEMENT": "batch operation",
    "BATCH_OPERATION_INCIDENT": "incident",
    "PROCESS_INSTANCE_BUSINESS_ID": "process instance",
    "PROCESS_INSTANCE_MODIFICATION": "process instance",
    "VARIABLE_DOCUMENT": "process instance or an element instance",
}
#: The partition that decides about users, groups and authorizations.
IDENTITY_PARTITION = 1
#: Where a request keeps its trace.
TRACE = "retold_trace"


class Gateway:
    """The parts of one gateway process."""

    def __init__(
        self,
        *,
        settings: GatewaySettings,
        log: Log,
        search: SearchStore,
        codec: Codec,
        requests: Requests,
        readiness: Readiness,
        brokers: Brokers | None,
        clock: Clock,
        evaluations: Evaluations,
        migration_plans: MigrationPlans,
        access: Access,
        passwords: Passwords,
        operations: Sequence[OperationDescription],
        telemetry: Telemetry,
    ) -> None:
        self.settings = settings
        self.log = log
        self.search = search
        self.codec = codec
        self.requests = requests
        self.readiness = readiness
        self.brokers = brokers or (lambda: [Broker(leads=range(1, log.partition_count + 1))])
        self.clock = clock
        self.evaluations = evaluations
        self.migration_plans = migration_plans
        self.operations = operations
        self.partition_count = log.partition_count
        self.bodies = Bodies(settings.variables_size_max)
        self.watches = Watches(search, clock)
        self.telemetry = telemetry
        self.active_requests = 0
        self.access = access
        self.passwords = passwords
        self._rotation = itertools.cycle(range(1, self.partition_count + 1))

    def next_partition(self) -> int:
        """Partitions in turn, for what may live anywhere."""
        return next(self._rotation)

    def _partition_for(self, name: str) -> int:
        """In turn, but what has a name must find the partition that knows it."""
        return partition_of_name(name, self.partition_count) if name else self.next_partition()

    async def readable(self, entity: str) -> Resources:
        """Ids of the resources whose rows the caller may see, None for all."""
        resource_type, permissions = READS[entity]
        return await self.access.resources(CALLER.get(), resource_type, permissions)

    async def require(self, resource_type: str, permissions: tuple[str, ...]) -> None:
        """Raises Reject FORBIDDEN unless the caller has one of these permissions for all resources of the type."""
        if await self.access.resources(CALLER.get(), resource_type, permissions) is not None:
            raise forbidden(resource_type, permissions)

    async def create(
        self,
        request: HttpRequest,
        value_type: str,
        intent: str,
        value: Struct,
        *,
        partition: int = 0,
        place: str = "",
        operation_reference: int | None = None,
        wait_ms: int | None = None,
    ) -> Record:
        """Send a command that makes something new, and give the last record of its answer.

        It goes to `partition`, or to the one of the name `place` or of its idempotency key, or to one in turn. With
        `wait_ms`, the answer may come as late as that after the beginning.
        """
        step = self.step(request, operation_reference)
        partition = partition or self._partition_for(place or step.idempotency_key)
        record, trace = command(value_type, intent, value, step=step), trace_of(request)
        if wait_ms is not None:
            completion = Completion(self.requests, self.clock, partition, record)
            return (await completion.wait(request, wait_ms, trace))[-1]
        records = await self.requests.send(partition, record, trace=trace)
        return records[-1]

    async def change(
        self,
        request: HttpRequest,
        key: int,
        value_type: str,
        intent: str,
        value: Struct,
        *,
        urgent: bool = False,
        operation_reference: int | None = None,
    ) -> Record:
        """Send a command about the thing with this key, to where it lives; its last record."""
        partition = partition_of(key)
        if not 1 <= partition <= self.partition_count:
            raise lives_nowhere(TARGETS.get(value_type, value_type.replace("_", " ").lower()), key)
        step = self.step(request, operation_reference)
        records = await self.requests.send(
            partition, command(value_type, intent, value, key=key, step=step), urgent=urgent, trace=trace_of(request)
        )
        return records[-1]

    def step(self, request: HttpRequest, operation_reference: int | None = None) -> Step:
        """What a command says about where it comes from. Raises Problem 400 for a bad Idempotency-Key."""
        idempotency_key = ""
        for name, value in request.scope["headers"]:
            if name == b"idempotency-key":
                idempotency_key = value.decode("latin-1")
        if len(idempotency_key) > IDEMPOTENCY_KEY_LENGTH_MAX:
            expected = f"Idempotency-Key: expected at most {IDEMPOTENCY_KEY_LENGTH_MAX} characters"
            raise bad_request([f"{expected}, got {len(idempotency_key)}; shorten it"])
        return Step(
            request=self.requests.new_request(),
            claims=CALLER.get().claims,
            idempotency_key=idempotency_key,
            operation_reference=NONE if operation_reference is None else operation_reference,
        )

    async def find(self, entity: str, question: Mapping[str, Any], within: Within | None = None) -> SearchResult:
        """A page of documents, of those that the caller may see. Raises BadRequest."""
        readable = await self.readable(entity)
        if readable is not None and (not readable or entity not in RESOURCES):
            return SearchResult(items=[], total=0)
        return await self.search.search(entity, question, within, readable)

    async def get(self, entity: str, key: int) -> dict[str, Any]:
        """One document. Raises Problem 404, or Reject FORBIDDEN, without a look at it if the caller may see none."""
        readable = await self.readable(entity)
        if readable is not None and not readable:
            raise forbidden(*READS[entity])
        document = await self.search.get(entity, key)
        if document is None:
            raise not_found(entity.replace("_", " ").lower(), key)
        if readable is not None and not await self._is_readable(entity, key, readable):
            raise forbidden(*READS[entity])
        return document

    async def check_readable(self, entity: str, key: int) -> None:
        """Before what belongs to a document is shown: that the caller may see it. Raises as `get`."""
        if self.access.is_guarded:
            await self.get(entity, key)

    async def _is_readable(self, entity: str, key: int, readable: Collection[str]) -> bool:
        if entity not in RESOURCES:
            return False
        name = entity_named(entity).fields[0].name
        return bool((await self.search.search(entity, {"filter": {name: str(key)}}, None, readable)).items)


def trace_of(request: HttpRequest) -> RequestTrace:
    """The trace that the request belongs to."""
    trace: RequestTrace = request.scope["state"].get(TRACE) or Untraced()
    return trace


def path_key(request: HttpRequest, name: str = "key") -> int:
    """The key in the path. Raises Problem 400."""
    try:
        return parse_key(request.path_params[name])
    except ValueError as error:
        raise Problem(400, f"key in the path: {error}", problems=[f"key in the path: {error}"]) from None
