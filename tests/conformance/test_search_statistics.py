"""What every search store counts, judged against the documents that it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.record import first_key
from exporters.facts import java_hash
from exporters.search import SearchStore
from exporters.search.store import Within
from tests.conformance.conftest import OpenStore
from tests.conformance.search_model import MESSAGES, Instance, Json, Told, holds, matches, tell, worlds
from tests.conformance.test_search import (
    all_of,
    generated,
    plain_filters,
    play,
    related_filters,
    some_of,
)
from tests.unit.exporters.stories import DEFINITION, date

DEFINITIONS = range(DEFINITION, DEFINITION + 3)
ELEMENT_PROPERTIES = {
    "elementId": "elementId",
    "elementInstanceState": "state",
    "hasElementInstanceIncident": "hasIncident",
}


def by_element(elements: Sequence[Json]) -> list[Json]:
    """What the statistics of these element instances are."""
    found: dict[str, Counter[str]] = {}
    for element in elements:
        state = {"ACTIVE": "active", "COMPLETED": "completed", "TERMINATED": "canceled"}[element["state"]]
        if element["type"] == "MULTI_INSTANCE_BODY" and not (state == "active" and element["hasIncident"]):
            continue
        counter = found.setdefault(element["elementId"], Counter())
        counter["incidents" if state == "active" and element["hasIncident"] else state] += 1
    states = ("active", "canceled", "incidents", "completed")
    return [
        {"elementId": name, **{state: counter[state] for state in states}} for name, counter in sorted(found.items())
    ]


def chosen(element: Json, filters: Json) -> bool:
    """Conditions on elements also choose among them; `$exists` asks only whether there is one."""
    for name, shown in ELEMENT_PROPERTIES.items():
        condition = filters.get(name, {})
        if isinstance(condition, dict):
            condition = {operator: term for operator, term in condition.items() if operator != "$exists"}
        if name in filters and condition != {} and not holds(element[shown], condition):
            return False
    return True


@given(told=worlds.filter(lambda told: bool(told.instances)), data=st.data())
@generated
def test_elements_are_counted_by_state(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told, data: st.DataObject
) -> None:
    by_key: dict[str, Instance] = {instance.key: instance for instance in told.instances}

    async def scenario(search: SearchStore) -> None:
        instances = await all_of(search, "PROCESS_INSTANCE", {})
        elements = await all_of(search, "ELEMENT_INSTANCE", {})
        for instance in instances:
            key = instance["processInstanceKey"]
            mine = [element for element in elements if element["processInstanceKey"] == key]
            assert await search.report("ELEMENTS", int(key)) == by_element(mine)
        properties = plain_filters("PROCESS_INSTANCE", instances) | related_filters()
        properties = {name: one for name, one in properties.items() if not name.startswith("processDefinition")}
        for definition in DEFINITIONS:
            filters = data.draw(some_of(properties))
            here = [one for one in instances if one["processDefinitionKey"] == str(definition)]
            keys = {
                one["processInstanceKey"] for one in here if matches(one, by_key[one["processInstanceKey"]], filters)
            }
            mine = [one for one in elements if one["processInstanceKey"] in keys and chosen(one, filters)]
            assert await search.element_statistics(definition, filters) == by_element(mine), filters
            assert await search.element_statistics(definition, {}) == by_element(
                [one for one in elements if one["processDefinitionKey"] == str(definition)]
            )

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


@given(told=worlds)
@generated
def test_process_instances_are_counted(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told
) -> None:
    async def scenario(search: SearchStore) -> None:
        running = {"filter": {"state": {"$in": ["ACTIVE", "SUSPENDED"]}}}
        instances = await all_of(search, "PROCESS_INSTANCE", running)
        incidents = await all_of(search, "INCIDENT", {"filter": {"state": "ACTIVE"}})

        def counted(name: str) -> dict[str, tuple[int, int]]:
            """Active instances without and with an incident."""
            found: dict[str, list[bool]] = {}
            for instance in instances:
                found.setdefault(instance[name], []).append(instance["hasIncident"])
            return {key: (broken.count(False), broken.count(True)) for key, broken in found.items()}

        shown = ("activeInstancesWithoutIncidentCount", "activeInstancesWithIncidentCount")
        rows = await all_of(search, "PROCESS_INSTANCES_BY_PROCESS", {})
        assert {row["processDefinitionId"]: tuple(row[name] for name in shown) for row in rows} == counted(
            "processDefinitionId"
        )
        for process_id in ("order", "Order", "a*b"):
            wanted = {"filter": {"processDefinitionId": process_id}}
            rows = await all_of(search, "PROCESS_INSTANCES_BY_VERSION", wanted)
            mine = [one for one in instances if one["processDefinitionId"] == process_id]
            keys = {one["processDefinitionKey"] for one in mine}
            assert {row["processDefinitionKey"]: tuple(row[name] for name in shown) for row in rows} == {
                key: value for key, value in counted("processDefinitionKey").items() if key in keys
            }
        by_error: dict[str, set[str]] = {}
        for incident in incidents:
            by_error.setdefault(incident["errorMessage"], set()).add(incident["processInstanceKey"])
        order = [{"field": "activeInstancesWithErrorCount", "order": "DESC"}]
        rows = await all_of(search, "PROCESS_INSTANCES_BY_ERROR", {"sort": order})
        counts = [row["activeInstancesWithErrorCount"] for row in rows]
        assert counts == sorted(counts, reverse=True)
        assert {row["errorMessage"]: row["activeInstancesWithErrorCount"] for row in rows} == {
            message: len(keys) for message, keys in by_error.items()
        }
        for message in MESSAGES:
            wanted_hash: Json = {"filter": {"errorHashCode": java_hash(message)}}
            rows = await all_of(search, "PROCESS_INSTANCES_BY_DEFINITION", wanted_hash)
            found = {
                definition: {
                    one["processInstanceKey"]
                    for one in incidents
                    if one["errorMessage"] == message and one["processDefinitionKey"] == str(definition)
                }
                for definition in DEFINITIONS
            }
            assert {row["processDefinitionKey"]: row["activeInstancesWithErrorCount"] for row in rows} == {
                str(definition): len(keys) for definition, keys in found.items() if keys
            }

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


@given(told=worlds, begin=st.integers(0, 20), size=st.integers(1, 40))
@generated
def test_jobs_are_counted(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told, begin: int, size: int
) -> None:
    window = {"from": date(begin), "to": date(begin + size)}

    async def scenario(search: SearchStore) -> None:
        jobs = await all_of(search, "JOB", {})
        jobs = [job for job in jobs if window["from"] <= job["creationTime"] < window["to"]]

        def metric(found: Sequence[Json], at: str, *states: str) -> Json:
            mine = [job[at] for job in found if not states or job["state"] in states]
            return {"count": len(mine), "lastUpdatedAt": max(mine, default=None)}

        def metrics(found: Sequence[Json]) -> Json:
            return {
                "created": metric(found, "creationTime"),
                "completed": metric(found, "endTime", "COMPLETED"),
                "failed": metric(found, "lastUpdateTime", "FAILED", "ERROR_THROWN"),
            }

        assert await all_of(search, "JOBS_IN_ALL", {"filter": window}) == [metrics(jobs)]
        by_type = await all_of(search, "JOBS_BY_TYPE", {"filter": window})
        assert by_type == ([{"jobType": "pay", **metrics(jobs), "workers": 0}] if jobs else [])
        of_type: dict[str, Any] = {"filter": {**window, "jobType": "pay"}}
        found = await search.search("JOBS_BY_TIME", of_type, Within("RESOLUTION", 5_000))
        times = sorted({date(int(job["creationTime"][17:19]) // 5 * 5 + int(job["creationTime"][14:16]) * 60)
                        for job in jobs})  # fmt: skip
        assert [item["time"] for item in found.items] == times
        assert sum(item["created"]["count"] for item in found.items) == len(jobs)
        assert await all_of(search, "JOBS_BY_WORKER", of_type) == []
        failed = any(job["state"] == "FAILED" for job in jobs)
        errors = [{"errorCode": "", "errorMessage": "", "workers": 0}] if failed else []
        assert await all_of(search, "JOBS_BY_ERROR", of_type) == errors

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


@given(told=worlds)
@generated
def test_what_belongs_to_something(open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told) -> None:
    async def scenario(search: SearchStore) -> None:
        incidents = await all_of(search, "INCIDENT", {})
        for instance in told.instances:
            below = {one.key for one in told.instances if instance.key in (one.key, one.parent)}
            below |= {one.key for one in told.instances if one.parent in below}
            found = await search.search("INCIDENT", {}, Within("PROCESS_INSTANCE", int(instance.key)))
            assert found.items == [one for one in incidents if one["processInstanceKey"] in below]
            for element in instance.elements:
                found = await search.search("INCIDENT", {}, Within("ELEMENT_INSTANCE", int(element["key"])))
                assert found.items == [one for one in incidents if one["elementInstanceKey"] == element["key"]]
            callers = await search.report("CALL_HIERARCHY", int(instance.key))
            assert [one["processInstanceKey"] for one in callers] == (
                [instance.parent, instance.key] if instance.parent else []
            )
        for definition in DEFINITIONS:
            found = await search.search("VARIABLE_NAME", {}, Within("PROCESS_DEFINITION", definition))
            names = {name for one in told.instances if one.definition == definition for name, _ in one.variables}
            assert found.items == [{"name": name} for name in sorted(names)]

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


def test_totals_are_counted_up_to_a_limit(open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory) -> None:
    told = tell([])
    story = told.stories[0]
    key = first_key(1) + 1_000
    value = {"process_instance_key": key, "element_id": "task", "element_type": "SERVICE_TASK"}
    events = [("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", key + number, value) for number in range(10_001)]
    story.step(*events[:10_000])

    async def exact(search: SearchStore) -> None:
        found = await search.search("ELEMENT_INSTANCE", {"page": {"limit": 1}})
        assert (found.total, found.has_more_total) == (10_000, False)

    async def capped(search: SearchStore) -> None:
        found = await search.search("ELEMENT_INSTANCE", {"page": {"limit": 1, "from": 10_000}})
        assert (found.total, found.has_more_total, len(found.items)) == (10_000, True, 1)
        beyond = await search.search("ELEMENT_INSTANCE", {"page": {"limit": 10, "from": 1_000_000}})
        assert (beyond.items, beyond.total) == ([], 10_000)
        # by cursors there is no limit
        keys: list[str] = []
        page: Json = {"limit": 4_000}
        while found.items:
            found = await search.search("ELEMENT_INSTANCE", {"page": page})
            keys += [item["elementInstanceKey"] for item in found.items]
            page = {"limit": 4_000, "after": found.end_cursor}
        assert keys == [str(key + number) for number in range(10_001)]

    play(open_store, tmp_path_factory.mktemp("exact"), told, exact)
    story.step(*events[10_000:])
    play(open_store, tmp_path_factory.mktemp("capped"), told, capped)


def test_those_that_wait_for_messages_are_counted(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def scenario(search: SearchStore) -> None:
        waiting = {"messageSubscriptionState": "CREATED"}
        documents = await all_of(search, "MESSAGE_SUBSCRIPTION", {"filter": waiting})
        for wanted in ({}, {"messageName": "paid"}, {"messageSubscriptionType": "PROCESS_EVENT"}, {"elementId": "no"}):
            rows = await all_of(search, "MESSAGE_SUBSCRIPTIONS_BY_DEFINITION", {"filter": wanted})
            mine = [one for one in documents if all(one[name] == value for name, value in wanted.items())]
            keys = [one["processDefinitionKey"] for one in mine]
            instances = {one["processInstanceKey"] for one in mine if one["processInstanceKey"]}
            assert {row["processDefinitionKey"]: row["activeSubscriptions"] for row in rows} == Counter(keys)
            assert sum(row["processInstancesWithActiveSubscriptions"] for row in rows) == len(instances)

    play(open_store, tmp_path_factory.mktemp("search"), tell([]), scenario)
