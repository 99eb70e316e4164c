"""The gateway: the application over its ports, and what it says about the whole installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.assembly import Assembly, build_name
from engine.config import Settings
from engine.core.faults import Unavailable
from engine.core.ports import EVENTS
from engine.roles.protocol import GATEWAY, LOG
from engine.telemetry.metrics import BATCH_OPERATIONS
from exporters.search.enums import BATCH_STATES
from exporters.search.store import SearchStore
from gateway.app import create_app
from gateway.operations import OperationDescription
from gateway.readiness import Part
from gateway.settings import GatewaySettings

from .expressions import compile_expression
from .host import Host
from .readiness import brokers_of, parts_of


async def run_gateway(host: Host, settings: Settings) -> None:
    """Serve until the server ends."""
    log = await host.open_log()
    search = host.open_search()

    async def readiness() -> Sequence[Part]:
        try:
            await log.end(EVENTS, 1)
        except Unavailable as error:
            return parts_of(host.overview(), log.partition_count, {LOG: error.message})
        return parts_of(host.overview(), log.partition_count, {})

    gateway_settings = _gateway_settings(host, settings)
    app = create_app(
        gateway_settings,
        log=log,
        search=search,
        codec=host.assembly.codec,
        readiness=readiness,
        clock=host.clock,
        expression_compiler=compile_expression,
        operations=describe_operations(host.assembly),
        telemetry=host.telemetry.gateway(),
        brokers=lambda: brokers_of(host.overview()),
    )
    if gateway_settings.serves_api:
        host.telemetry.ask_later(BATCH_OPERATIONS, lambda: count_batch_operations(search))
    await host.serve(app, gateway_settings, host.report)
    await search.close()
    await log.close()


async def count_batch_operations(search: SearchStore) -> Mapping[str, int]:
    """How many are in each state."""
    counts = {}
    for state in BATCH_STATES:
        found = await search.search("BATCH_OPERATION", {"filter": {"state": state}, "page": {"limit": 1}})
        counts[state] = found.total
    return counts


def describe_operations(assembly: Assembly) -> Sequence[OperationDescription]:
    """The batch operations as the gateway offers them."""

    def described(name: str) -> OperationDescription:
        operation = assembly.operations[name]
        return OperationDescription(
            name=name,
            path=operation.path,
            summary=operation.help,
            entity=operation.selects.filtered,
            parameters=operation.body or operation.parameters,
            check=lambda given: operation.check(operation.read(given)),
            encode=lambda given: assembly.operation_codecs.encode(name, operation.read(given)),
        )

    return [described(name) for name in assembly.operations]


def _gateway_settings(host: Host, settings: Settings) -> GatewaySettings:
    gateway = settings.gateway
    return GatewaySettings(
        host=settings.host,
        port=settings.port,
        serves_api=GATEWAY in settings.roles,
        gateway_id=host.gateway_id,
        version=build_name(),
        in_flight_max=gateway.in_flight_max,
        awaiting_max=gateway.awaiting_max,
        request_timeout_ms=int(gateway.request_timeout.total_seconds() * 1000),
        long_poll_ms=int(gateway.long_polling_timeout.total_seconds() * 1000),
        body_size_max=gateway.body_size_max,
    )
