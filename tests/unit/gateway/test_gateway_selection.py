"""Keys given by hand: sent as keys, within their limits, alone or next to a filter."""

from __future__ import annotations

import pytest

from engine.records import BatchOperationCreation
from gateway.problems import Problem
from gateway.selection import FILTER_SIZE_MAX, KEYS_MAX, is_list_of_keys, select_filter, select_keys
from tests.unit.gateway.fakes import World
from tests.unit.gateway.test_gateway_routes import created_batch, run


def test_a_filter_of_nothing_but_keys_is_sent_as_keys() -> None:
    keys = [str(number) for number in range(10**18, 10**18 + 3)]

    async def scenario(it: World) -> None:
        body = {"filter": {"processInstanceKey": {"$in": [*keys, keys[0]], "$notIn": ["5"]}}}
        response = await it.client.post("/v2/process-instances/cancellation", json=body)
        assert response.status_code == 200
        ((_, wish),) = it.engine.commands
        value = wish.value
        assert isinstance(value, BatchOperationCreation)
        assert (value.filter, len(value.item_keys), value.excluded_keys) == ("", len(keys), (5,))

    run(scenario, {("BATCH_OPERATION_CREATION", "CREATE"): created_batch})


def test_long_lists_have_limits_too() -> None:
    keys = [str(number) for number in range(10**18, 10**18 + KEYS_MAX + 1)]
    with pytest.raises(Problem, match=f"at most {KEYS_MAX} keys"):
        select_keys({"processInstanceKey": {"$in": keys}})
    with pytest.raises(Problem) as caught:
        select_keys({"processInstanceKey": {"$in": ["x", "1", 2], "$notIn": "3"}})
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "filter.processInstanceKey.$in[0]",
        "filter.processInstanceKey.$in[2]",
        "filter.processInstanceKey.$notIn",
    ]
    with pytest.raises(Problem, match="split it"):
        select_filter({"processDefinitionId": "x" * FILTER_SIZE_MAX})


@pytest.mark.parametrize(
    ("filter_given", "is_list"),
    [
        ({"processInstanceKey": "1"}, True),
        ({"processInstanceKey": {"$eq": "1"}}, True),
        ({"processInstanceKey": {"$in": ["1"]}}, True),
        ({"processInstanceKey": {"$in": ["1"], "$notIn": ["2"]}}, True),
        ({"processInstanceKey": {"$in": []}}, False),
        ({"processInstanceKey": {"$notIn": ["2"]}}, False),
        ({"processInstanceKey": {"$in": ["1"]}, "state": "ACTIVE"}, False),
    ],
)
def test_which_filters_are_lists_of_keys(filter_given: dict[str, object], is_list: bool) -> None:
    assert is_list_of_keys(filter_given) is is_list


def test_a_filter_and_keys_are_united_and_the_excluded_taken_away() -> None:
    async def scenario(it: World) -> None:
        body = {"filter": {"processDefinitionId": "order"}, "ids": ["7", "6", "7"], "exclude": ["9"]}
        assert (await it.client.post("/v2/process-instances/cancellation", json=body)).status_code == 200
        assert (await it.client.post("/v2/process-instances/cancellation", json={"ids": ["8"]})).status_code == 200
        first, second = (wish.value for _, wish in it.engine.commands)
        assert (first.filter, first.item_keys, first.excluded_keys) == ('{"processDefinitionId":"order"}', (6, 7), (9,))
        assert (second.filter, second.item_keys) == ("", (8,))
        assert (await it.client.post("/v2/process-instances/cancellation", json={"exclude": ["8"]})).status_code == 400

    run(scenario, {("BATCH_OPERATION_CREATION", "CREATE"): created_batch})
