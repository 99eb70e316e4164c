"""What a search refuses, and that it says everything that is wrong at once."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.core.faults import BadRequest, Unavailable
from engine.core.ports import SearchRefused, SelectionQuery
from engine.shell.manual_clock import ManualClock
from exporters.search.entities import ENTITIES
from exporters.search.fields import DATE
from exporters.search.filters import CONDITIONS_MAX, TERMS_MAX, check_filter
from exporters.search.requests import encode_cursor, parse_request
from exporters.search.values import date_operand, date_text, operand
from exporters.sqlite import SqliteSearch
from exporters.sqlite.database import FILE_NAME
from tests.unit.exporters.stories import START, World

INSTANCE = "PROCESS_INSTANCE"


@pytest.mark.parametrize(
    ("entity", "given", "expected"),
    [
        (INSTANCE, {"stat": "ACTIVE"}, "filter.stat: expected a property out of processInstanceKey, "),
        (
            INSTANCE,
            {"state": "GONE"},
            'filter.state: expected one of ACTIVE, COMPLETED, SUSPENDED, TERMINATED, got "GONE"',
        ),
        (INSTANCE, {"state": {"$gt": "ACTIVE"}}, "filter.state: expected an operator out of $eq, "),
        (INSTANCE, {"state": {}}, "filter.state: expected at least one operator out of $eq, "),
        (INSTANCE, {"state": ["ACTIVE"]}, 'got ["ACTIVE"]'),
        (
            INSTANCE,
            {"processInstanceKey": 12},
            "filter.processInstanceKey: expected a key (a string of digits), got 12",
        ),
        (INSTANCE, {"processInstanceKey": "-12"}, "expected a key"),
        (INSTANCE, {"processInstanceKey": "٣"}, "expected a key"),
        (INSTANCE, {"processInstanceKey": str(1 << 63)}, "expected a key"),
        (INSTANCE, {"processInstanceKey": {"$in": ["1", 2, "x"]}}, "filter.processInstanceKey.$in[1]: expected a key"),
        (INSTANCE, {"processInstanceKey": {"$in": "1"}}, 'filter.processInstanceKey.$in: expected a list, got "1"'),
        (INSTANCE, {"processInstanceKey": {"$like": "1*"}}, "got $like"),
        (
            INSTANCE,
            {"endDate": None},
            'filter.endDate: expected a value or an object of operators, got null; use {"$exists"',
        ),
        (INSTANCE, {"endDate": {"$exists": "no"}}, 'filter.endDate.$exists: expected true or false, got "no"'),
        (INSTANCE, {"startDate": "2026-01-01"}, "filter.startDate: expected a date-time of RFC 3339"),
        (INSTANCE, {"startDate": "2026-02-30T00:00:00Z"}, "expected a date-time of RFC 3339"),
        (INSTANCE, {"startDate": "2026-01-01T00:00:00"}, "expected a date-time of RFC 3339"),
        (INSTANCE, {"processDefinitionVersion": "1"}, 'expected an integer of 64 bits, got "1"'),
        (INSTANCE, {"processDefinitionVersion": True}, "expected an integer of 64 bits, got true"),
        (INSTANCE, {"processDefinitionVersion": 1.5}, "expected an integer of 64 bits, got 1.5"),
        (INSTANCE, {"processDefinitionVersion": 1 << 64}, "expected an integer of 64 bits"),
        (INSTANCE, {"hasIncident": "yes"}, 'filter.hasIncident: expected true or false, got "yes"'),
        (INSTANCE, {"hasIncident": {"$eq": True}}, "filter.hasIncident: expected true or false, got {"),
        (INSTANCE, {"hasRetriesLeft": 1}, "filter.hasRetriesLeft: expected true or false, got 1"),
        (INSTANCE, {"tags": "a"}, 'filter.tags: expected a list, got "a"'),
        (INSTANCE, {"tags": []}, "filter.tags: expected at least one of the tags, got []; it would match everything"),
        (INSTANCE, {"variables": []}, "filter.variables: expected at least one of the variables, got []"),
        (INSTANCE, {"tags": [1]}, "filter.tags[0]: expected a string, got 1"),
        (INSTANCE, {"variables": {"name": "a"}}, "filter.variables: expected a list"),
        (INSTANCE, {"variables": [{"name": "a"}]}, "filter.variables[0].value: expected a value, got none"),
        (INSTANCE, {"variables": [{"name": "a", "value": 1}]}, "filter.variables[0].value: expected a string, got 1"),
        (INSTANCE, {"variables": [{"name": "a", "value": "1", "x": 1}]}, "expected name or value, got x"),
        (INSTANCE, {"$or": []}, "filter.$or: expected at least one of the alternatives, got []"),
        (INSTANCE, {"$or": [{}]}, "filter.$or[0]: expected at least one property, got {}"),
        (INSTANCE, {"$or": [{"$or": []}]}, "filter.$or[0].$or: expected no $or inside of $or"),
        (INSTANCE, {"$or": [{"state": "X"}]}, "filter.$or[0].state: expected one of"),
        (INSTANCE, {"$or": [7]}, "filter.$or[0]: expected an object, got 7"),
        (INSTANCE, {"$or": [{"state": "ACTIVE"}] * 101}, "filter.$or: expected at most 100 alternatives, got 101"),
        (INSTANCE, {"batchOperationId": "1", "batchOperationKey": "1"}, "expected either batchOperationId or batchOp"),
        (INSTANCE, {"processInstanceKey": {"$in": ["1"] * (TERMS_MAX + 1)}}, f"expected at most {TERMS_MAX} terms"),
        (INSTANCE, {"tenantId": {"$like": "*" * 20_000}}, "expected at most 10000 characters, got 20000"),
        ("JOB", {"$or": [{"state": "FAILED"}]}, "expected a property of JOB, got $or"),
        ("JOB", {"processInstance": {}}, "filter.processInstance: expected at least one property, got {}"),
        ("JOB", {"processInstance": "1"}, "filter.processInstance: expected an object, got"),
        ("JOB", {"processInstance": {"type": "x"}}, "filter.processInstance.type: expected a property out of"),
        ("JOB", {"processInstance": {"$or": [{}]}}, "filter.processInstance.$or[0]: expected at least one property"),
        ("BATCH_OPERATION", {"labels": "night"}, 'filter.labels: expected a list, got "night"'),
        ("BATCH_OPERATION", {"startAt": "2026-01-01T00:00:00Z"}, "filter.startAt: expected a property out of"),
        ("VARIABLE", {"isTruncated": "true"}, "expected true or false"),
        ("VARIABLE", {"name": "\ud800"}, "filter.name: expected Unicode text, got '\\ud800'"),
        ("VARIABLE", {"name": {"$like": "\ud800"}}, "filter.name.$like: expected Unicode text"),
    ],
)
def test_filters_that_are_refused(entity: str, given: dict[str, Any], expected: str) -> None:
    problems = check_filter(entity, given)
    assert any(expected in problem for problem in problems), problems


def test_all_problems_at_once() -> None:
    with pytest.raises(BadRequest) as refused:
        parse_request(
            ENTITIES["JOB"],
            {
                "filter": {"stat": 1, "jobKey": 2},
                "sort": [{"field": "nothing"}, {"field": "state", "order": "UP", "x": 1}],
                "page": {"limit": 10_001, "from": -1, "size": 3},
                "filters": {},
            },
        )
    places = [problem.split(":")[0] for problem in refused.value.message.split("; ")]
    assert places == [
        "filters",
        "filter.stat",
        "filter.jobKey",
        "sort[0].field",
        "sort[1].x",
        "sort[1].order",
        "page.size",
        "page.limit",
        "page.from",
    ]


def test_too_many_conditions_are_refused_once() -> None:
    tags = {"tags": ["a"] * 100}
    problems = check_filter(INSTANCE, {"$or": [tags] * 100})
    assert problems == [f"filter: expected at most {CONDITIONS_MAX} conditions, got more"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"page": []}, "page: expected an object, got []"),
        ({"page": {"from": 1, "after": "x"}}, "page: expected one of from, after and before, got from and after"),
        ({"page": {"after": "x"}}, "page.after: expected a cursor of an earlier page"),
        ({"page": {"after": "ä"}}, "page.after: expected a cursor of an earlier page"),
        ({"page": {"before": 1}}, "page.before: expected a cursor of an earlier page, got 1"),
        ({"page": {"limit": True}}, "page.limit: expected an integer from 0 to 10000, got true"),
        ({"sort": {}}, "sort: expected a list of at most 20, got {}"),
        ({"sort": [1]}, "sort[0]: expected an object, got 1"),
        ({"sort": [{"order": "ASC"}]}, "sort[0].field: expected one of"),
        ({"truncateValues": True}, "truncateValues: expected a property out of filter, sort, page"),
        ({"filter": []}, "filter: expected an object, got []"),
    ],
)
def test_requests_that_are_refused(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_request(ENTITIES["JOB"], given)
    assert expected in refused.value.message


def test_a_cursor_belongs_to_its_order() -> None:
    by_type = parse_request(ENTITIES["JOB"], {"sort": [{"field": "type"}]})
    cursor = encode_cursor(by_type, ("pay", 7))
    again = parse_request(ENTITIES["JOB"], {"sort": [{"field": "type"}], "page": {"after": cursor}})
    assert again.paging.after == ("pay", 7)
    for other in ([{"field": "type", "order": "DESC"}], [{"field": "worker"}], []):
        with pytest.raises(BadRequest, match="same search with the same sort"):
            parse_request(ENTITIES["JOB"], {"sort": other, "page": {"after": cursor}})
    forged = encode_cursor(by_type, ("pay", 1 << 63))
    with pytest.raises(BadRequest, match="a cursor of an earlier page"):
        parse_request(ENTITIES["JOB"], {"sort": [{"field": "type"}], "page": {"after": forged}})


def test_a_cursor_is_base64_as_the_api_says_whatever_text_is_in_it() -> None:
    request = parse_request(ENTITIES["JOB"], {"sort": [{"field": "type"}]})
    texts = [chr(first) + chr(second) * 3 for first in (32, 60, 255) for second in range(32, 500)]
    for text in texts:
        cursor = encode_cursor(request, (text, 7))
        assert re.fullmatch("[A-Za-z0-9+/]*={0,2}", cursor)
        again = parse_request(ENTITIES["JOB"], {"sort": [{"field": "type"}], "page": {"before": cursor}})
        assert again.paging.before == (text, 7)


def test_an_unknown_entity_is_refused() -> None:
    with pytest.raises(BadRequest, match=r"expected an entity out of PROCESS_DEFINITION, .*, got NOTHING"):
        check_filter("NOTHING", {})


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2026-01-01T00:00:00Z", START),
        ("2026-01-01T00:00:00.1Z", START + 100),
        ("2026-01-01T00:00:00.123456Z", START + 123.456),
        ("2026-01-01t02:30:00.000+02:30", START),
        ("2025-12-31T19:00:00-05:00", START),
    ],
)
def test_dates_are_read_with_their_zone(text: str, milliseconds: float) -> None:
    assert date_operand(text) == milliseconds
    assert operand(DATE, (), text) == milliseconds


def test_dates_are_shown_in_utc_with_milliseconds() -> None:
    assert date_text(START) == "2026-01-01T00:00:00.000Z"
    assert date_text(START + 5) == "2026-01-01T00:00:00.005Z"
    assert date_text(-1) == "1969-12-31T23:59:59.999Z"


class Hurried(ManualClock):
    """A clock on which a minute passes between two looks."""

    def monotonic(self) -> float:
        self.advance(60)
        return super().monotonic()


def test_a_query_that_takes_too_long_is_unavailable(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with World(tmp_path) as world:
            other = sqlite3.connect(tmp_path / FILE_NAME)
            numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) SELECT i FROM n"
            other.execute(f"INSERT INTO counts SELECT i, 'x', 1 FROM ({numbers})")
            other.commit()
            other.close()
            assert (await world.search.status())["counts"]["x"] == 20_000
            hurried = SqliteSearch(tmp_path, Hurried())
            with pytest.raises(Unavailable, match="expected a query of at most 30 s, got a longer one"):
                await hurried.status()
            await hurried.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("entity", "text", "expected"),
    [
        (INSTANCE, "{", "expected the JSON of a filter of PROCESS_INSTANCE"),
        (INSTANCE, '{"stat":1}', "filter.stat: expected a property"),
        ("JOB", '{"stat":1}', "filter.stat: expected a property"),
        (
            "USER_TASK",
            "{}",
            "expected items out of PROCESS_INSTANCE, INCIDENT, JOB, DECISION_INSTANCE, BATCH_OPERATION, got",
        ),
    ],
)
def test_selections_that_can_never_succeed_are_refused(tmp_path: Path, entity: str, text: str, expected: str) -> None:
    async def scenario() -> None:
        async with World(tmp_path) as world:
            with pytest.raises(SearchRefused) as refused:
                await world.search.select(
                    SelectionQuery(entity=entity, partition=1, filter=text, key_max=1 << 62, limit=1)
                )
            assert expected in str(refused.value)

    asyncio.run(scenario())
