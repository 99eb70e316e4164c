"""What has ended, changed at once: the gateway looks up what the engine forgets, and what the caller may not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from msgspec import structs

from engine.core.faults import EXCEEDED_LIMIT, FORBIDDEN
from engine.core.ports import INITIAL_VARIABLES, NO_VARIABLES
from engine.core.principal import Principal
from engine.core.record import Record, first_key
from engine.records.batch_operation_chunk import ItemFacts
from engine.roles.gateway import describe_operations
from exporters.search.store import SearchResult
from gateway.access import OpenAccess, Resources
from tests.support.scenario import ASSEMBLY
from tests.unit.gateway.fakes import FakeSearch, World, event
from tests.unit.gateway.test_gateway_routes import run

KEYS = [first_key(2) + number for number in (7, 9)]
RESTART = "/v2/process-instances/restart/execution"
DELETE = "/v2/process-instances/deletion/execution"
DELETE_DECISIONS = "/v2/decision-instances/deletion/execution"
REMOVAL_TIME = "/v2/process-instances/removal-time/execution"
EXECUTE = ("BATCH_OPERATION_CREATION", "EXECUTE")


class HistorySearch(FakeSearch):
    """Knows what has ended of these keys, and shows those that are `seen`; its facts may be too large to be all."""

    def __init__(
        self, known: Sequence[int], *, seen: Sequence[int] = (), told_max: int = 1_000, variables: str = ""
    ) -> None:
        super().__init__()
        self.variables = variables
        self.known, self.seen, self.told_max = known, seen, told_max
        self.asked: list[tuple[str, str]] = []

    async def facts(self, entity: str, keys: Sequence[int], variables: str, size_max: int) -> Sequence[ItemFacts]:
        self.asked.append((entity, variables))
        known = ItemFacts(state="COMPLETED", end_time=5, variables=self.variables)
        facts = [structs.replace(known, item_key=key) if key in self.known else ItemFacts(item_key=key) for key in keys]
        return facts[: self.told_max]

    async def search(self, entity: str, request: Mapping[str, Any], *_: Any) -> SearchResult:
        wanted = request["filter"]["processInstanceKey"]["$in"]
        items: list[dict[str, Any]] = [{"processInstanceKey": key} for key in wanted if int(key) in self.seen]
        return SearchResult(items=items, total=len(items))


class LimitedAccess(OpenAccess):
    """Callers may read what belongs to these resources."""

    is_guarded = True

    def __init__(self, *names: str) -> None:
        self.names = names

    async def resources(self, principal: Principal, resource_type: str, permissions: tuple[str, ...]) -> Resources:
        return frozenset(self.names)


def executed(wish: Record, _partition: int) -> list[Record]:
    return [event(wish, "EXECUTED")]


def do(path: str, search: HistorySearch, *, keys: Sequence[int] = KEYS, body: Any = None, **options: Any) -> Any:
    """The answer to doing it to these keys, and what reached the log of it."""
    found: list[Any] = []

    async def scenario(it: World) -> None:
        response = await it.client.post(path, json={"keys": [str(key) for key in keys], **(body or {})})
        found.extend((response, [wish.value for _, wish in it.engine.commands]))

    run(scenario, {EXECUTE: executed}, search=search, operations=describe_operations(ASSEMBLY), **options)
    return found


def test_what_is_started_anew_goes_to_the_log_with_what_is_known_of_it() -> None:
    search = HistorySearch(KEYS)
    response, (wish,) = do(RESTART, search, keys=[*KEYS, KEYS[0]], body={"initialVariables": True})
    assert (response.status_code, response.json()["operationsCompletedCount"]) == (200, 2)
    assert ([one.item_key for one in wish.facts], list(wish.item_keys)) == (KEYS, KEYS)
    assert search.asked == [("PROCESS_INSTANCE", INITIAL_VARIABLES)]


def test_when_it_ended_is_told_where_the_removal_time_follows_from_it() -> None:
    _, (wish,) = do(REMOVAL_TIME, HistorySearch(KEYS), body={"calculatedRemovalTime": True})
    assert [one.end_time for one in wish.facts] == [5, 5]


@pytest.mark.parametrize(
    ("path", "entity", "body"),
    [
        (DELETE, "PROCESS_INSTANCE", {}),
        (DELETE_DECISIONS, "DECISION_INSTANCE", {}),
        (REMOVAL_TIME, "PROCESS_INSTANCE", {"clearedRemovalTime": True}),
    ],
)
def test_what_needs_no_facts_is_looked_for_all_the_same(path: str, entity: str, body: Any) -> None:
    search = HistorySearch(KEYS)
    response, (wish,) = do(path, search, body=body)
    assert (response.status_code, wish.facts) == (200, ())
    assert search.asked == [(entity, NO_VARIABLES)]


@pytest.mark.parametrize("path", [RESTART, DELETE, DELETE_DECISIONS])
def test_what_is_not_there_is_told_to_the_engine(path: str) -> None:
    """It refuses it, unless it knows that the same request was answered before."""
    missing = first_key(2) + 100
    _, (wish,) = do(path, HistorySearch(KEYS), keys=[KEYS[0], missing])
    assert [one.item_key for one in wish.facts if not one.state] == [missing]
    assert [one.item_key for one in wish.facts if one.state] == ([KEYS[0]] if path == RESTART else [])


def test_variables_that_fit_no_command_are_refused() -> None:
    response, sent = do(RESTART, HistorySearch(KEYS, told_max=1))
    assert (response.status_code, response.json()["title"], sent) == (400, EXCEEDED_LIMIT, [])
    assert "create a batch operation (/process-instances/restart)" in response.json()["detail"]


def test_what_fits_no_record_is_refused_by_the_same_name() -> None:
    response, sent = do(RESTART, HistorySearch(KEYS, variables="\u6f22" * 1_400_000))
    assert (response.status_code, response.json()["title"], sent) == (400, EXCEEDED_LIMIT, [])
    assert "name fewer, or create a batch operation" in response.json()["detail"]


def test_what_the_caller_may_not_read_is_not_there_for_him() -> None:
    some = LimitedAccess("order")
    _, (wish,) = do(RESTART, HistorySearch(KEYS, seen=KEYS[:1]), access=some)
    assert [(one.item_key, one.state, one.end_time) for one in wish.facts] == [
        (KEYS[0], "COMPLETED", 5),
        (KEYS[1], "", 0),
    ]


@pytest.mark.parametrize(
    ("path", "access"), [(RESTART, LimitedAccess()), (DELETE_DECISIONS, LimitedAccess("some-decision"))]
)
def test_who_may_read_none_or_not_all_evaluations_is_refused_before_a_look(path: str, access: LimitedAccess) -> None:
    search = HistorySearch(KEYS)
    response, sent = do(path, search, access=access)
    assert (response.status_code, response.json()["title"], sent, search.asked) == (403, FORBIDDEN, [], [])
