"""How far everything is searchable, and how much there is."""

from __future__ import annotations

from exporters.opensearch import mappings
from exporters.search.store import Document

from .indices import Indices
from .places import of_kind
from .queries import EVERYTHING

#: Name of a count -> the kind that is counted by its states.
BY_STATE = {"process_instances": mappings.PROCESS_INSTANCE, "incidents": mappings.INCIDENT}
#: Name of a count -> the kind of which all that were ever made are counted.
EVER_MADE = {"jobs.CREATED": mappings.JOB, "user_tasks.CREATED": mappings.USER_TASK}


async def status_of(indices: Indices) -> Document:
    """`partitions` and `counts` as `SearchStore.status` has them."""
    await indices.refresh(mappings.POSITIONS)
    positions = await indices.all_of(
        mappings.POSITIONS, EVERYTHING, ["partition_id", "position", "timestamp"], ("partition_id",)
    )
    kinds = {**BY_STATE, **EVER_MADE}
    states = {"states": {"terms": {"field": "state"}}}
    body = {
        "size": 0,
        "track_total_hits": False,
        "aggs": {name: {"filter": of_kind(kind), "aggs": states} for name, kind in kinds.items()},
    }
    counted = (await indices.search(mappings.INSTANCES, body)).aggregations
    counts = {name: counted[name]["doc_count"] for name in EVER_MADE if counted[name]["doc_count"]}
    for name in BY_STATE:
        counts |= {f"{name}.{state['key']}": state["doc_count"] for state in counted[name]["states"]["buckets"]}
    set_aside = await indices.count(mappings.REJECTED, {"term": {"taken_position": 0}})
    if set_aside:
        counts["documents.REJECTED"] = set_aside
    return {
        "partitions": {
            one["partition_id"]: {"position": one["position"], "timestamp": one["timestamp"]} for one in positions
        },
        "counts": {**counts, "process_definitions": await indices.count(mappings.DEFINITIONS)},
    }
