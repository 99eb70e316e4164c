"""The evaluation of expressions over HTTP: what is read, what is refused, and that it blocks nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import pytest

from engine.core.record import first_key
from exporters.search.store import SearchResult, Within
from gateway.evaluation import WAITING_MAX, Evaluation, Evaluations
from gateway.problems import Exhausted
from tests.unit.gateway.fakes import FakeSearch, world

PATH = "/v2/expression/evaluation"
INSTANCE = first_key(1) + 5


class ScopedSearch(FakeSearch):
    """Finds the variables that are asked for by name."""

    async def search(
        self,
        entity: str,
        request: Mapping[str, Any],
        within: Within | None = None,
        readable: Collection[str] | None = None,
    ) -> SearchResult:
        assert (entity, within) == ("VARIABLE", Within("SCOPE", INSTANCE))
        wanted = request["filter"]["name"]["$in"]
        values = {"amount": "150", "status": '"open"'}
        items = [{"name": name, "value": values[name]} for name in wanted if name in values]
        return SearchResult(items=items, total=len(items))


async def evaluate(body: dict[str, Any], search: FakeSearch | None = None) -> tuple[int, Any]:
    async with world(search=search) as gateway:
        response = await gateway.client.post(PATH, json=body)
        return response.status_code, response.json()


def test_the_result_and_its_warnings() -> None:
    status, answer = asyncio.run(evaluate({"expression": "=a.b", "variables": {"a": {"c": 1}}}))
    assert status == 200
    message = "expected an entry or property of context, got none called 'b' (line 1, column 3)"
    assert answer == {"expression": "=a.b", "result": None, "warnings": [{"message": message}], "referencedSecrets": []}


def test_the_time_is_that_of_the_gateway() -> None:
    status, answer = asyncio.run(evaluate({"expression": '=now() > @"2020-01-01T00:00:00Z" and today() = date(now())'}))
    assert (status, answer["result"], answer["warnings"]) == (200, True, [])


def test_chance_is_that_of_the_gateway() -> None:
    status, answer = asyncio.run(evaluate({"expression": "=[uuid(), uuid(), random number()]"}))
    first, second, number = answer["result"]
    assert (status, answer["warnings"]) == (200, [])
    assert UUID(first).version == UUID(second).version == 4
    assert first != second
    assert 0 <= number < 1


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "expression: expected a value, got none"),
        ({"expression": ""}, "expression: "),
        ({"expression": "=("}, "expression: expected an expression, got the end of the expression"),
        ({"expression": "=1", "scopeKey": 5}, "scopeKey: "),
        ({"expression": "=1", "variables": []}, "variables: "),
        ({"expression": "=1", "tenantId": "other"}, "tenantId: "),
        ({"expression": "=1", "unknown": 1}, "unknown: "),
        ({"expression": "=for a in 1..1000, b in 1..1000, c in 1..9 return a"}, "at most 1000000 steps"),
    ],
)
def test_what_is_refused(body: dict[str, Any], detail: str) -> None:
    status, problem = asyncio.run(evaluate(body))
    assert status == 400
    assert detail in problem["detail"]


def test_variables_of_a_scope_are_hidden_by_those_of_the_request() -> None:
    search = ScopedSearch({"PROCESS_INSTANCE": {INSTANCE: {}}})
    body = {"expression": "=[amount, status, nobody]", "scopeKey": str(INSTANCE), "variables": {"amount": 1}}
    assert asyncio.run(evaluate(body, search))[1]["result"] == [1, "open", None]


def test_a_scope_that_is_not_known() -> None:
    status, problem = asyncio.run(evaluate({"expression": "=1", "scopeKey": str(INSTANCE)}))
    assert (status, problem["title"]) == (404, "NOT_FOUND")


def test_a_scope_may_be_asked_for_so_many_names_only() -> None:
    expression = "=[" + ", ".join(f"a{number}" for number in range(101)) + "]"
    search = ScopedSearch({"ELEMENT_INSTANCE": {INSTANCE: {}}})
    status, problem = asyncio.run(evaluate({"expression": expression, "scopeKey": str(INSTANCE)}, search))
    assert status == 400
    assert "at most 100 variables" in problem["detail"]


def test_few_wait_and_the_others_are_told() -> None:
    class Nothing:
        names: frozenset[str] = frozenset()

        def evaluate(self, variables: Mapping[str, object], now: int) -> Evaluation:
            return Evaluation(result=now, warnings=())

    async def read(names: frozenset[str]) -> Mapping[str, object]:
        return {}

    async def scenario() -> list[Any]:
        evaluations = Evaluations(lambda _text: Nothing())
        calls = [evaluations.evaluate("", read, number) for number in range(WAITING_MAX + 1)]
        return await asyncio.gather(*calls, return_exceptions=True)

    *answers, last = asyncio.run(scenario())
    assert [answer.result for answer in answers] == list(range(WAITING_MAX))
    assert isinstance(last, Exhausted)
