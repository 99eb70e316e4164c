"""One file a resource; each gives its routes as values."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.operations import OperationDescription
from gateway.settings import GatewaySettings

from . import (
    ad_hoc_sub_processes,
    batch_operations,
    cluster,
    decisions,
    element_instances,
    expressions,
    forms,
    incidents,
    jobs,
    messages,
    observation,
    process_definitions,
    process_instance_creation,
    process_instances,
    related,
    resources,
    signals,
    statistics,
    user_tasks,
    variables,
)
from .batch_creation import creation_routes
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
        *creation_routes(operations),
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
        *related.ROUTES,
        *resources.ROUTES,
        *statistics.ROUTES,
    )
