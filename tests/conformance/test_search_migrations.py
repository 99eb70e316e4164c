"""What every search store finds of instances that migrated: at the definition that they have, and at their elements."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from engine.core.ports import SelectionQuery
from exporters.search import SearchStore
from exporters.search.store import Within
from tests.conformance.conftest import OpenStore
from tests.support.migrated import Migrated
from tests.support.projections import export_records


def played(open_store: OpenStore, folder: Path) -> dict[str, Any]:
    """What is asked about an instance that migrated and one that did not, and the answers."""
    told = Migrated()

    async def ask() -> dict[str, Any]:
        async with open_store(folder) as (exporter, search):
            await export_records(exporter, told.scenario.records())
            return await answers(search, told)

    return asyncio.run(ask())


async def answers(search: SearchStore, told: Migrated) -> dict[str, Any]:
    async def find(entity: str, shown: str, **wanted: object) -> list[Any]:
        found = await search.search(entity, {"filter": wanted})
        return sorted(one[shown] for one in found.items)

    async def names(definition: int) -> list[str]:
        found = await search.search("VARIABLE_NAME", {}, Within("PROCESS_DEFINITION", definition))
        return sorted(one["name"] for one in found.items)

    async def elements(definition: int, **wanted: object) -> dict[str, Any]:
        found = await search.element_statistics(definition, wanted)
        return {one["elementId"]: (one["active"], one["incidents"], one["completed"]) for one in found}

    async def select(entity: str, **wanted: str) -> list[int]:
        text = "{" + ",".join(f'"{name}":"{value}"' for name, value in wanted.items()) + "}"
        query = SelectionQuery(entity=entity, partition=1, filter=text, key_max=1 << 62, limit=10, states=())
        return [item.item_key for item in await search.select(query)]

    at_target, at_source = {"processDefinitionKey": str(told.target)}, {"processDefinitionKey": str(told.source)}
    return {
        "told": told,
        "instances": [await find("PROCESS_INSTANCE", "processInstanceKey", **one) for one in (at_source, at_target)],
        "process": await find("PROCESS_INSTANCE", "processInstanceKey", processDefinitionId="q"),
        "elements": [
            await find("ELEMENT_INSTANCE", "elementId", **one, state="ACTIVE") for one in (at_source, at_target)
        ],
        "jobs": await find("JOB", "elementId", **at_target),
        "failed": await find("JOB", "jobKey", **at_target, state="FAILED"),
        "incidents": await find("INCIDENT", "elementId", **at_target),
        "tasks": await find("USER_TASK", "elementId", **at_target),
        "names": [await names(told.source), await names(told.target)],
        "counts": [await elements(told.source), await elements(told.target)],
        "chosen": await elements(told.target, hasIncident=True),
        "waits": await find("MESSAGE_SUBSCRIPTION", "elementId", messageSubscriptionState="MIGRATED"),
        "selected": await select("PROCESS_INSTANCE", **at_target),
        "of incidents": await select("INCIDENT", **at_target),
        "of jobs": await select("JOB", **at_target),
    }


def test_what_migrated_is_found_where_it_is(open_store: OpenStore, tmp_path: Path) -> None:
    found = played(open_store, tmp_path)
    told = found["told"]
    assert found["instances"] == [[str(told.other)], [str(told.instance)]]
    assert found["process"] == [str(told.instance)]
    assert found["elements"] == [["a", "b"], ["c", "d"]]
    assert (found["jobs"], found["incidents"], found["tasks"]) == (["c"], ["c"], ["d"])
    assert found["failed"] == [str(told.job)]
    assert found["names"] == [["key", "number", "result"]] * 2
    assert found["waits"] == ["y"]
    assert found["selected"] == [told.instance]
    assert len(found["of incidents"]) == 1
    assert found["of jobs"] == [told.job]


def test_elements_are_counted_where_they_are_or_were(open_store: OpenStore, tmp_path: Path) -> None:
    at_source, at_target = played(open_store, tmp_path)["counts"]
    assert (at_source["a"], at_source["b"], at_source["done"]) == ((1, 0, 0), (1, 0, 0), (0, 0, 2))
    assert at_target == {"c": (0, 1, 0), "d": (1, 0, 0)}
    assert played(open_store, tmp_path)["chosen"] == at_target
