"""What the SQLite projection makes of events."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.faults import BrokenInvariant, Unavailable
from engine.core.record import REJECTION
from exporters.contract import ExportedPosition
from exporters.facts import date_given, java_hash
from exporters.sqlite import SqliteExporter
from exporters.sqlite.database import FILE_NAME
from tests.unit.exporters.stories import DEFINITION, START, Story, World, date

Scenario = Callable[[World], Awaitable[None]]


def run(folder: Path, scenario: Scenario, **settings: Any) -> None:
    async def play() -> None:
        async with World(folder, **settings) as world:
            await scenario(world)

    asyncio.run(play())


def dump(folder: Path) -> list[str]:
    with sqlite3.connect(folder / FILE_NAME) as connection:
        lines = sorted(connection.iterdump())
    connection.close()
    return lines


def long_story() -> Story:
    """Something of everything."""
    story = Story()
    story.define()
    instances = [story.start() for _ in range(4)]
    value = story.variable(instances[0][0], "a", 1)
    story.step(("VARIABLE", "UPDATED", value, {"value": "2"}))
    instance, task, job = instances[1]
    fields = story.job(instance, task)
    story.step(("JOB", "ACTIVATED", job, {**fields, "worker": "w", "deadline": START + 9000}))
    story.step(("JOB", "FAILED", job, {**fields, "retries": 0, "error_message": "no", "deadline": -1}))
    incident = story.incident(instance, task, job=job)
    batch = story.key()
    story.create_batch(batch)
    story.find_items(batch, [instances[2][0], instance])
    story.end(*instances[2])
    story.finish_item(batch, instances[2][0])
    story.step(("INCIDENT", "RESOLVED", incident, {}))
    story.finish_item(batch, instance, "FAILED", error_code="INVALID_STATE", error_message="not now")
    story.finish_batch(batch, "COMPLETED", total=2, completed=1, failed=1)
    story.end(*instances[3], "COMPLETED")
    return story


@given(cuts=st.sets(st.integers(0, 20)), again=st.booleans())
@settings(max_examples=20, deadline=None)
def test_how_steps_are_grouped_into_transactions_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, cuts: set[int], again: bool
) -> None:
    story = long_story()
    one, many = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("many")

    async def at_once(world: World) -> None:
        await world.export(story)

    async def in_parts(world: World) -> None:
        records: list[Any] = []
        for number, step in enumerate(story.steps):
            records += step
            if number in cuts or number == len(story.steps) - 1:
                await world.exporter.export(1, records, records[-1].position)
                records = records if again else []

    run(one, at_once)
    run(many, in_parts)
    assert dump(one) == dump(many)


def test_an_instance_lives_and_ends(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        story = Story()
        story.define(name="Order")
        instance, task, job = story.start(tags=("vip",), business_id="o-1")
        await world.export(story)
        document = await world.document("PROCESS_INSTANCE", instance)
        assert document == {
            "processInstanceKey": str(instance),
            "processDefinitionId": "order",
            "processDefinitionName": "Order",
            "processDefinitionVersion": 1,
            "processDefinitionVersionTag": None,
            "processDefinitionKey": str(DEFINITION),
            "parentProcessInstanceKey": None,
            "parentElementInstanceKey": None,
            "rootProcessInstanceKey": str(instance),
            "startDate": date(1),
            "endDate": None,
            "suspendedDate": None,
            "state": "ACTIVE",
            "hasIncident": False,
            "tenantId": "<default>",
            "tags": ["vip"],
            "businessId": "o-1",
            "restartedProcessInstanceKey": None,
        }
        assert (await world.document("ELEMENT_INSTANCE", task))["elementName"] == "Pay it"
        story.end(instance, task, job)
        await world.export(story)
        document = await world.document("PROCESS_INSTANCE", instance)
        assert (document["state"], document["endDate"]) == ("TERMINATED", date(2))
        document = await world.document("ELEMENT_INSTANCE", task)
        assert (document["state"], document["endDate"]) == ("TERMINATED", date(2))
        document = await world.document("JOB", job)
        assert (document["state"], document["endTime"]) == ("CANCELED", date(2))
        status = await world.search.status()
        assert status["partitions"] == {1: {"position": story.position, "timestamp": START + 2000}}
        assert status["counts"]["process_instances.ACTIVE"] == 0
        assert status["counts"]["process_instances.TERMINATED"] == 1

    run(tmp_path, scenario)


def test_incidents_show_while_they_are_open(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        story = Story()
        story.define()
        instance, task, _ = story.start()
        incident = story.incident(instance, task)
        await world.export(story)
        assert (await world.document("PROCESS_INSTANCE", instance))["hasIncident"] is True
        element = await world.document("ELEMENT_INSTANCE", task)
        assert (element["hasIncident"], element["incidentKey"]) == (True, str(incident))
        story.step(("INCIDENT", "RESOLVED", incident, {}))
        await world.export(story)
        assert (await world.document("PROCESS_INSTANCE", instance))["hasIncident"] is False
        element = await world.document("ELEMENT_INSTANCE", task)
        assert (element["hasIncident"], element["incidentKey"]) == (False, None)
        assert (await world.document("INCIDENT", incident))["state"] == "RESOLVED"

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("intent", "fields", "expected"),
    [
        ("ACTIVATED", {"worker": "w", "deadline": START}, {"state": "CREATED", "worker": "w", "deadline": date(0)}),
        ("COMPLETED", {}, {"state": "COMPLETED", "endTime": date(2)}),
        ("CANCELED", {"retries": 0}, {"state": "CANCELED", "endTime": date(2), "retries": 3}),
        (
            "FAILED",
            {"retries": 1, "error_message": "no", "deadline": -1},
            {"state": "FAILED", "retries": 1, "errorMessage": "no", "deadline": None, "hasFailedWithRetriesLeft": True},
        ),
        ("FAILED", {"retries": 0, "deadline": -1}, {"errorMessage": None, "hasFailedWithRetriesLeft": False}),
        (
            "ERROR_THROWN",
            {"error_code": "E", "error_message": "no"},
            {"state": "ERROR_THROWN", "errorCode": "E", "errorMessage": "no", "endTime": date(2)},
        ),
        ("TIMED_OUT", {}, {"state": "TIMED_OUT", "deadline": None, "endTime": None}),
        ("RECURRED_AFTER_BACKOFF", {}, {"state": "CREATED", "deadline": None}),
        (
            "UPDATED",
            {"changed_attributes": ("retries",), "retries": 9, "deadline": 5},
            {"state": "RETRIES_UPDATED", "retries": 9, "deadline": None},
        ),
        (
            "UPDATED",
            {"changed_attributes": ("timeout",), "retries": 9, "deadline": START},
            {"state": "TIMEOUT_UPDATED", "retries": 3, "deadline": date(0)},
        ),
        (
            "UPDATED",
            {"changed_attributes": ("priority",), "retries": 9, "priority": -5},
            {"state": "PRIORITY_UPDATED", "retries": 3, "priority": -5},
        ),
    ],
)
def test_jobs_change(tmp_path: Path, intent: str, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    async def scenario(world: World) -> None:
        story = Story()
        story.define()
        instance, task, job = story.start()
        story.step(("JOB", intent, job, {**story.job(instance, task), **fields}))
        await world.export(story)
        document = await world.document("JOB", job)
        assert {name: document[name] for name in expected} == expected
        assert (document["customHeaders"], document["creationTime"]) == ({"a": "b"}, date(1))
        assert document["lastUpdateTime"] == date(2)

    run(tmp_path, scenario)


def test_user_tasks_are_shown(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        story = Story()
        story.define()
        instance, _, _ = story.start(tags=("vip",))
        key = story.key()
        people = {"assignee": "ada", "candidate_groups": ("g",), "due_date": "2026-01-01T01:00:00+01:00"}
        value = {"element_id": "task", "priority": 50, "follow_up_date": "soon", **people, **story.owned(instance)}
        story.step(("USER_TASK", "CREATED", key, value))
        await world.export(story)
        document = await world.document("USER_TASK", key)
        assert (document["state"], document["assignee"], document["candidateGroups"]) == ("CREATED", "ada", ["g"])
        assert (document["dueDate"], document["followUpDate"], document["tags"]) == (date(0), None, ["vip"])
        assert await world.found("USER_TASK", "userTaskKey", filter={"candidateGroup": "g"}) == [str(key)]
        assert await world.found("USER_TASK", "userTaskKey", filter={"candidateGroup": {"$neq": "g"}}) == []
        story.step(("USER_TASK", "COMPLETED", key, value))
        await world.export(story)
        assert (await world.document("USER_TASK", key))["completionDate"] == story.now()

    run(tmp_path, scenario)


def test_a_definition_of_two_partitions_is_one(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        first, second = Story(1), Story(2)
        first.define()
        second.define()
        await world.export(first, second)
        assert await world.found("PROCESS_DEFINITION", "processDefinitionKey") == [str(DEFINITION)]
        assert await world.search.definition_xml(DEFINITION) == b"<bpmn/>"
        assert await world.search.definition_xml(1) is None

    run(tmp_path, scenario)


def test_what_was_exported_is_ignored_and_a_gap_is_refused(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        story = long_story()
        await world.export(story)
        before = dump(tmp_path)
        await world.export(story)
        assert dump(tmp_path) == before
        story.start()
        story.start()
        with pytest.raises(BrokenInvariant, match=f"expected position {story.position - 7}"):
            await world.exporter.export(1, story.steps[-1], 1)
        assert world.exporter.positions() == {
            1: ExportedPosition(position=story.position - 8, offset=story.position - 8)
        }

    run(tmp_path, scenario)


def test_rejections_change_nothing(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        story = Story()
        commands = (
            ("JOB", "COMPLETE", 5, {}),
            ("INTAKE", "READ", -1, {}),
            ("JOB", "CREATED", 5, {"type": "an event?"}),
        )
        records = story.step(*commands)
        story.steps[0] = [msgspec.structs.replace(record, record_type=REJECTION) for record in records]
        await world.export(story)
        assert await world.search.watermark(1) == 3
        assert (await world.search.status())["counts"] == {"process_definitions": 0}

    run(tmp_path, scenario)


def test_a_failed_transaction_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        story = long_story()
        other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
        other.execute("ALTER TABLE batch_items RENAME TO elsewhere")
        before = dump(tmp_path)
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await world.export(story)
        assert dump(tmp_path) == before
        other.execute("ALTER TABLE elsewhere RENAME TO batch_items")
        other.close()
        await world.export(story)
        assert await world.search.watermark(1) == story.position

    async def undisturbed(world: World) -> None:
        await world.export(long_story())

    run(tmp_path, scenario)
    run(tmp_path / "undisturbed", undisturbed)
    assert [line for line in dump(tmp_path) if line.startswith("INSERT")] == [
        line for line in dump(tmp_path / "undisturbed") if line.startswith("INSERT")
    ]


def test_a_locked_file_is_unavailable(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="database is locked"):
            await world.export(long_story())
        other.execute("ROLLBACK")
        other.close()
        await world.export(long_story())

    run(tmp_path, scenario)


def test_positions_survive_a_restart_and_another_version_starts_from_zero(tmp_path: Path) -> None:
    story = long_story()

    async def scenario(world: World) -> None:
        await world.export(story)

    async def reopened() -> object:
        exporter = SqliteExporter(tmp_path)
        await exporter.open()
        await exporter.close()
        return exporter.positions()

    run(tmp_path, scenario)
    assert asyncio.run(reopened()) == {1: ExportedPosition(position=story.position, offset=story.position)}
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    assert asyncio.run(reopened()) == {}
    run(tmp_path, scenario)
    run(tmp_path / "other", scenario)
    assert dump(tmp_path) == dump(tmp_path / "other")


def test_a_search_before_the_exporter_is_unavailable_and_works_afterwards(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(tmp_path)
        with pytest.raises(Unavailable, match="is the exporter running"):
            await world.search.search("JOB", {})
        async with world:
            assert (await world.search.search("JOB", {})).total == 0
        with pytest.raises(Unavailable, match="expected an open search"):
            await world.search.search("JOB", {})
        with pytest.raises(Unavailable, match="expected an open exporter"):
            await world.export(long_story())

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("a", 97), ("hello", 99162322), ("😀", 1772899), ("ü", 252)],
)
def test_error_hashes_are_those_of_java(text: str, expected: int) -> None:
    assert java_hash(text) == expected


def test_large_hashes_are_negative() -> None:
    assert java_hash("polygenelubricants") == -(1 << 31)


def test_dates_of_models_are_read_or_left_out() -> None:
    assert date_given("2026-01-01T00:00:00Z") == START
    assert date_given("2026-01-01T00:00:00") == START
    assert date_given("") is None
    assert date_given("tomorrow") is None
