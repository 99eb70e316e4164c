"""Statistics: rows of groups of documents, see `exporters/search/statistics.py`.

Counts are exact, but of different workers and of instances that wait for messages: of more than WORKERS_EXACT_MAX they
are an estimate of the node. A group
whose process instances are counted asks for these by the join, so each counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporters.opensearch import mappings
from exporters.search.filters import Compare, Conditions
from exporters.search.statistics import JOB_TYPE, WINDOW

from .conditions import Translation
from .evaluation import all_hold
from .indices import Indices
from .made import Row
from .places import ACTIVE, ACTIVE_INCIDENTS, PROCESS_INSTANCES, SUSPENDED, of_kind
from .queries import EVERYTHING, Query, all_of, any_of, term, terms

WORKERS_EXACT_MAX = INSTANCES_EXACT_MAX = 40_000
JOBS = of_kind(mappings.JOB)
FAILED = terms("state", ("FAILED", "ERROR_THROWN"))

#: The process instances that the incidents of a group belong to, each once.
INSTANCES = {"instances": {"parent": {"type": mappings.INCIDENT}}}
WORKERS = {
    "workers": {
        "filter": {"bool": {"must_not": term("worker", "")}},
        "aggs": {"different": {"cardinality": {"field": "worker", "precision_threshold": WORKERS_EXACT_MAX}}},
    }
}
METRICS = {
    "created": {"max": {"field": "creation_time"}},
    "completed": {"filter": term("state", "COMPLETED"), "aggs": {"at": {"max": {"field": "end_time"}}}},
    "failed": {"filter": FAILED, "aggs": {"at": {"max": {"field": "last_update_time"}}}},
}

Group = Mapping[str, Any]


def field(path: str, **options: Any) -> dict[str, Any]:
    """Groups by the values of a field."""
    return {"terms": {"field": path, **options}}


class Statistics:
    """Makes the rows of each kind of statistics, of what matches conditions."""

    def __init__(self, indices: Indices, translation: Translation) -> None:
        self._indices = indices
        self._translation = translation

    async def instances_by_process(self, _: Conditions) -> list[Row]:
        """PROCESS_INSTANCES_BY_PROCESS."""
        counts = await self._active_instances(EVERYTHING)
        rows: dict[str, dict[str, Any]] = {}
        for definition in await self._definitions(EVERYTHING):
            active, broken = counts.get(definition["key"], (0, 0))
            row = rows.setdefault(definition["process_id"], {"versions": 0, "newest": 0, "active": 0, "broken": 0})
            row["versions"] += 1
            row["active"] += active
            row["broken"] += broken
            if definition["version"] > row["newest"]:
                row["newest"], row["name"] = definition["version"], definition.get("name")
        return [
            {
                "processDefinitionId": process_id,
                "latestProcessDefinitionName": row["name"],
                "hasMultipleVersions": row["versions"] > 1,
                "activeInstancesWithoutIncidentCount": row["active"] - row["broken"],
                "activeInstancesWithIncidentCount": row["broken"],
            }
            for process_id, row in rows.items()
            if row["active"] > 0
        ]

    async def instances_by_version(self, conditions: Conditions) -> list[Row]:
        """PROCESS_INSTANCES_BY_VERSION."""
        query = await self._translation.query_of(conditions)
        counts = await self._active_instances(query)
        return [
            {
                "processDefinitionId": definition["process_id"],
                "processDefinitionKey": definition["key"],
                "processDefinitionName": definition.get("name"),
                "processDefinitionVersion": definition["version"],
                "activeInstancesWithIncidentCount": counts[definition["key"]][1],
                "activeInstancesWithoutIncidentCount": counts[definition["key"]][0] - counts[definition["key"]][1],
            }
            for definition in await self._definitions(query)
            if definition["key"] in counts
        ]

    async def instances_by_error(self, _: Conditions) -> list[Row]:
        """PROCESS_INSTANCES_BY_ERROR."""
        first = {"top_hits": {"size": 1, "sort": ["error_message_start"], "_source": ["error_message"]}}
        groups = await self._groups(ACTIVE_INCIDENTS, {"hash": field("error_hash")}, {"first": first, **INSTANCES})
        return [
            {
                "errorHashCode": group["key"]["hash"],
                "errorMessage": group["first"]["hits"]["hits"][0]["_source"]["error_message"],
                "activeInstancesWithErrorCount": group["instances"]["doc_count"],
            }
            for group in groups
        ]

    async def instances_by_definition(self, conditions: Conditions) -> list[Row]:
        """PROCESS_INSTANCES_BY_DEFINITION."""
        query = all_of(ACTIVE_INCIDENTS, await self._translation.query_of(conditions))
        groups = await self._groups(query, {"key": field("definition_key")}, INSTANCES)
        counts = {group["key"]["key"]: group["instances"]["doc_count"] for group in groups}
        return [
            {
                "processDefinitionId": definition["process_id"],
                "processDefinitionKey": definition["key"],
                "processDefinitionName": definition.get("name") or definition["process_id"],
                "processDefinitionVersion": definition["version"],
                "activeInstancesWithErrorCount": counts[definition["key"]],
            }
            for definition in await self._definitions(self._translation.keys("key", list(counts)))
        ]

    async def jobs_in_all(self, conditions: Conditions) -> list[Row]:
        """JOBS_IN_ALL: one row, whether there are jobs or not."""
        body = {"query": await self._jobs(conditions), "size": 0, "aggs": METRICS, "track_total_hits": True}
        answer = await self._indices.search(mappings.INSTANCES, body)
        return [{"one": 1, **_metrics({**answer.aggregations, "doc_count": answer.hits.total.value})}]

    async def jobs_by_type(self, conditions: Conditions) -> list[Row]:
        """JOBS_BY_TYPE."""
        groups = await self._groups(await self._jobs(conditions), {"type": field("type")}, {**METRICS, **WORKERS})
        return [{"jobType": group["key"]["type"], "workers": _workers(group), **_metrics(group)} for group in groups]

    async def jobs_by_worker(self, conditions: Conditions) -> list[Row]:
        """JOBS_BY_WORKER."""
        groups = await self._groups(await self._jobs(conditions), {"worker": field("worker")}, METRICS)
        return [
            {"worker": group["key"]["worker"], **_metrics(group)} for group in groups if group["key"]["worker"] != ""
        ]

    async def jobs_by_time(self, conditions: Conditions, resolution_ms: int) -> list[Row]:
        """JOBS_BY_TIME."""
        times = {"histogram": {"field": "creation_time", "interval": resolution_ms}}
        groups = await self._groups(await self._jobs(conditions), {"time": times}, METRICS)
        return [{"time": int(group["key"]["time"]), **_metrics(group)} for group in groups]

    async def jobs_by_error(self, conditions: Conditions) -> list[Row]:
        """JOBS_BY_ERROR: messages of which the indexed beginning is the same are one."""
        of_jobs = tuple(one for one in conditions if isinstance(one, Compare) and one.field in (*WINDOW, JOB_TYPE))
        of_errors = [one for one in conditions if isinstance(one, Compare) and one not in of_jobs]
        by = {
            "code": field("error_code", missing_bucket=True),
            "message": field("error_message_start", missing_bucket=True),
        }
        groups = await self._groups(all_of(FAILED, await self._jobs(of_jobs)), by, WORKERS)
        rows = [
            {
                "errorCode": group["key"]["code"] or "",
                "errorMessage": group["key"]["message"] or "",
                "workers": _workers(group),
            }
            for group in groups
        ]
        return [row for row in rows if all_hold(of_errors, row)]

    async def subscriptions_by_definition(self, conditions: Conditions) -> list[Row]:
        """MESSAGE_SUBSCRIPTIONS_BY_DEFINITION."""
        query = all_of(term("state", "CREATED"), await self._translation.query_of(conditions))
        instances = {"cardinality": {"field": "process_instance_key", "precision_threshold": INSTANCES_EXACT_MAX}}
        by = {"id": field("process_id"), "key": field("definition_key")}
        groups = self._indices.groups(mappings.MESSAGE_SUBSCRIPTIONS, query, by, {"instances": instances})
        return [
            {
                "processDefinitionId": group["key"]["id"],
                "processDefinitionKey": group["key"]["key"],
                "processInstancesWithActiveSubscriptions": group["instances"]["value"],
                "activeSubscriptions": group["doc_count"],
            }
            for group in await groups
        ]

    async def variable_names(self, definition_key: int, conditions: Conditions) -> list[Row]:
        """VARIABLE_NAME: of all variables that instances of a definition have had."""
        matching = await self._translation.query_of(conditions)
        query = all_of(of_kind(mappings.VARIABLE), term("definition_key", definition_key), matching)
        return [{"name": group["key"]["name"]} for group in await self._groups(query, {"name": field("name")})]

    async def _active_instances(self, query: Query) -> dict[int, tuple[int, int]]:
        """Definition -> active instances, and how many of these have an open incident."""
        broken = {"broken": {"filter": term("has_incident", True)}}
        active = all_of(PROCESS_INSTANCES, any_of(ACTIVE, SUSPENDED), query)
        groups = await self._groups(active, {"key": field("definition_key")}, broken)
        return {group["key"]["key"]: (group["doc_count"], group["broken"]["doc_count"]) for group in groups}

    async def _definitions(self, query: Query) -> list[dict[str, Any]]:
        paths = ["key", "process_id", "version", "name"]
        return await self._indices.all_of(mappings.DEFINITIONS, query, paths)

    async def _jobs(self, conditions: Conditions) -> Query:
        return all_of(JOBS, await self._translation.query_of(conditions))

    async def _groups(
        self, query: Query, by: Mapping[str, Any], aggregations: Mapping[str, Any] | None = None
    ) -> list[Group]:
        return [*await self._indices.groups(mappings.INSTANCES, query, by, aggregations)]


def _metrics(group: Group) -> dict[str, Any]:
    """Count and time of the last change of what is created, completed, failed."""

    def metric(name: str) -> list[Any]:
        return [group[name]["doc_count"], _whole(group[name]["at"]["value"])]

    created = [group["doc_count"], _whole(group["created"]["value"])]
    return {"created": created, "completed": metric("completed"), "failed": metric("failed")}


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _workers(group: Group) -> int:
    count: int = group["workers"]["different"]["value"]
    return count
