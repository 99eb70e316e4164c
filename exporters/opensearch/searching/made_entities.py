"""Which rows a searched entity has that no index holds, and what tells them apart."""

from __future__ import annotations

from exporters.search.requests import Request
from exporters.search.store import SearchResult

from .batches import batch_operations
from .conditions import Translation
from .indices import Indices
from .made import Row, made_page
from .statistics import Statistics

#: Entity -> names of what tells its rows apart.
IDENTITIES: dict[str, tuple[str, ...]] = {
    "BATCH_OPERATION": ("batchOperationKey",),
    "PROCESS_INSTANCES_BY_PROCESS": ("processDefinitionId",),
    "PROCESS_INSTANCES_BY_VERSION": ("processDefinitionKey",),
    "PROCESS_INSTANCES_BY_ERROR": ("errorHashCode",),
    "PROCESS_INSTANCES_BY_DEFINITION": ("processDefinitionKey",),
    "JOBS_IN_ALL": ("one",),
    "JOBS_BY_TYPE": ("jobType",),
    "JOBS_BY_WORKER": ("worker",),
    "JOBS_BY_TIME": ("time",),
    "JOBS_BY_ERROR": ("errorCode", "errorMessage"),
    "MESSAGE_SUBSCRIPTIONS_BY_DEFINITION": ("processDefinitionKey",),
    "VARIABLE_NAME": ("name",),
}


class MadeEntities:
    """Searches entities whose rows are made. Of those without an identity here nothing exists yet."""

    def __init__(self, indices: Indices, translation: Translation) -> None:
        self._indices = indices
        self._translation = translation
        self._statistics = Statistics(indices, translation)

    async def search(self, request: Request) -> SearchResult:
        """The page of a request."""
        identity = IDENTITIES.get(request.entity.name)
        return made_page(request, await self._rows(request) if identity else [], identity or ())

    async def _rows(self, request: Request) -> list[Row]:
        name, conditions, within = request.entity.name, request.conditions, request.within
        statistics = self._statistics
        if name == "BATCH_OPERATION":
            return await batch_operations(self._indices, self._translation, conditions)
        if name == "VARIABLE_NAME":
            assert within is not None
            return await statistics.variable_names(within.key, conditions)
        if name == "JOBS_BY_TIME":
            assert within is not None
            return await statistics.jobs_by_time(conditions, within.key)
        made = {
            "PROCESS_INSTANCES_BY_PROCESS": statistics.instances_by_process,
            "PROCESS_INSTANCES_BY_VERSION": statistics.instances_by_version,
            "PROCESS_INSTANCES_BY_ERROR": statistics.instances_by_error,
            "PROCESS_INSTANCES_BY_DEFINITION": statistics.instances_by_definition,
            "JOBS_IN_ALL": statistics.jobs_in_all,
            "JOBS_BY_TYPE": statistics.jobs_by_type,
            "JOBS_BY_WORKER": statistics.jobs_by_worker,
            "JOBS_BY_ERROR": statistics.jobs_by_error,
            "MESSAGE_SUBSCRIPTIONS_BY_DEFINITION": statistics.subscriptions_by_definition,
        }
        return await made[name](conditions)
