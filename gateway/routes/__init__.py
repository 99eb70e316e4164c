"""One file a resource; each gives its routes as values."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.operations import OperationDescription
from gateway.settings import GatewaySettings

from . import (
    ad_hoc_sub_processes,
    authentication,
    authorizations,
    batch_operations,
    batch_watching,
    cluster,
    decisions,
    deletions,
    element_instances,
    expressions,
    forms,
    groups,
    incidents,
    jobs,
    messages,
    migrations,
    modification,
    observation,
    process_definitions,
    process_instance_creation,
    process_instances,
    related,
    removal_times,
    resources,
    restarts,
    signals,
    statistics,
    user_tasks,
    users,
    variables,
)
from .batch_creation import creation_routes
from .batch_execution import execution_routes
from .batch_previews import preview_routes
from .deployments import deployment_routes
from .route import Route


def all_routes(settings: GatewaySettings, operations: Sequence[OperationDescription]) -> tuple[Route, ...]:
    """Every route of the gateway."""
    if not settings.serves_api:
        return observation.PLAIN_ROUTES
    return (
        *observation.ROUTES,
        *cluster.ROUTES,
        *deployment_routes(settings),
        *process_definitions.ROUTES,
        *process_instance_creation.ROUTES,
        *process_instances.ROUTES,
        *modification.ROUTES,
        *deletions.ROUTES,
        *removal_times.ROUTES,
        *restarts.ROUTES,
        *migrations.ROUTES,
        *creation_routes(operations),
        *execution_routes(operations),
        *preview_routes(operations),
        *element_instances.ROUTES,
        *ad_hoc_sub_processes.ROUTES,
        *variables.ROUTES,
        *expressions.ROUTES,
        *decisions.ROUTES,
        *forms.ROUTES,
        *jobs.ROUTES,
        *messages.ROUTES,
        *signals.ROUTES,
        *incidents.ROUTES,
        *user_tasks.ROUTES,
        *batch_operations.ROUTES,
        *batch_watching.ROUTES,
        *related.ROUTES,
        *resources.ROUTES,
        *statistics.ROUTES,
        *authentication.ROUTES,
        *users.ROUTES,
        *groups.ROUTES,
        *authorizations.ROUTES,
    )
