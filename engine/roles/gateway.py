"""The gateway: the application over its ports, and what it says about the whole installation."""

from __future__ import annotations

from collections.abc import Sequence

from engine.assembly import Assembly, build_name
from engine.config import Settings
from engine.core.faults import Unavailable
from engine.core.ports import EVENTS, Clock
from engine.roles.protocol import GATEWAY, LOG
from engine.telemetry.metrics import BATCH_OPERATIONS
from engine.telemetry.registry import Point
from exporters.search.enums import BATCH_STATES
from exporters.search.store import SearchStore
from gateway.access import Access, OpenAccess
from gateway.app import create_app
from gateway.directory import Directory
from gateway.guard import GuardedAccess
from gateway.operations import OperationDescription
from gateway.passwords import Passwords
from gateway.readiness import Part
from gateway.settings import GatewaySettings
from gateway.tokens import Tokens, TokenSettings

from .expressions import compile_expression
from .host import Host
from .migration_plans import Planner
from .readiness import brokers_of, parts_of


async def run_gateway(host: Host, settings: Settings) -> None:
    """Serve until the server ends."""
    log = await host.open_log()
    search = host.telemetry.search(host.open_search(), host.clock)

    async def readiness() -> Sequence[Part]:
        try:
            await log.end(EVENTS, 1)
        except Unavailable as error:
            return parts_of(host.overview(), log.partition_count, {LOG: error.message})
        return parts_of(host.overview(), log.partition_count, {})

    gateway_settings = _gateway_settings(host, settings)
    passwords = Passwords(host.clock, host.hasher())
    tokens = _tokens(settings, host.clock)
    access: Access = OpenAccess()
    if settings.authorization.enabled:
        access = GuardedAccess(Directory(search, host.clock), passwords, tokens, host.clock)
    app = create_app(
        gateway_settings,
        log=log,
        search=search,
        codec=host.assembly.codec,
        readiness=readiness,
        clock=host.clock,
        expression_compiler=compile_expression,
        migration_planner=Planner(),
        operations=describe_operations(host.assembly),
        access=access,
        passwords=passwords,
        seal=settings.authorization.seal(),
        telemetry=host.telemetry.gateway(),
        brokers=lambda: brokers_of(host.overview()),
    )
    if gateway_settings.serves_api:
        host.telemetry.ask_later(BATCH_OPERATIONS, lambda: count_batch_operations(search))
    await host.serve(app, gateway_settings, host.report)
    if tokens is not None:
        await tokens.close()
    await search.close()
    await log.close()


def _tokens(settings: Settings, clock: Clock) -> Tokens | None:
    oidc = settings.authorization.oidc
    if not settings.authorization.enabled or not oidc.issuer:
        return None
    wanted = TokenSettings(
        issuer=oidc.issuer,
        audience=oidc.audience,
        jwks_url=oidc.jwks_url,
        username_claim=oidc.username_claim,
        client_id_claim=oidc.client_id_claim,
    )
    return Tokens(wanted, clock)


async def count_batch_operations(search: SearchStore) -> Sequence[Point]:
    """How many are in each state."""
    counts: list[Point] = []
    for state in BATCH_STATES:
        found = await search.search("BATCH_OPERATION", {"filter": {"state": state}, "page": {"limit": 1}})
        counts.append(((state,), found.total))
    return counts


def describe_operations(assembly: Assembly) -> Sequence[OperationDescription]:
    """The batch operations as the gateway offers them."""

    def described(name: str) -> OperationDescription:
        operation = assembly.operations[name]
        return OperationDescription(
            name=name,
            path=operation.path,
            summary=operation.help,
            permission=assembly.permission_to_create(name),
            entity=operation.selects.filtered,
            item_entity=operation.selects.entity,
            states=operation.selects.states,
            roots_only=operation.selects.roots_only,
            only_running=operation.selects.only_running,
            parameters=operation.body or operation.parameters,
            read=operation.read,
            check=operation.check,
            encode=lambda parameters: assembly.operation_codecs.encode(name, parameters),
            facts=operation.facts_of,
            contradictions=operation.contradictions,
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
        webhooks=settings.webhook.wanted(),
    )
