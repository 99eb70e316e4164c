"""Long lists of keys: sent as keys, within their limits."""

from __future__ import annotations

import pytest

from engine.records import BatchOperationCreation
from exporters.search.filters import TERMS_MAX
from gateway.problems import Problem
from gateway.selection import FILTER_SIZE_MAX, KEYS_MAX, is_long_list, select_filter, select_keys
from tests.unit.gateway.fakes import World
from tests.unit.gateway.test_gateway_routes import created_batch, run


def test_a_list_too_long_for_a_filter_is_sent_as_keys() -> None:
    keys = [str(number) for number in range(10**18, 10**18 + TERMS_MAX + 1)]

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
    assert is_long_list({"processInstanceKey": {"$in": keys}})
    assert not is_long_list({"processInstanceKey": {"$in": keys}, "state": "ACTIVE"})
    assert not is_long_list({"processInstanceKey": {"$in": keys[:TERMS_MAX]}})
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
