"""What every search store knows of process instances, for who starts them anew, and how one finds the new one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.core.ports import INITIAL_VARIABLES, LAST_VARIABLES, NO_VARIABLES, REPLACED_VARIABLES
from engine.core.record import first_key
from engine.operations.set_variables import Parameters
from engine.records import DecisionEvaluation, Deployment, ProcessInstance
from engine.records.batch_operation_chunk import ItemFacts
from engine.records.batch_options import BatchOptions
from engine.records.deployment import Resource
from exporters.search.facts import VARIABLES_SIZE_MAX
from tests.conformance.conftest import OpenStore
from tests.support import models as m
from tests.support.actions import SET_VARIABLES, batch, creation, set_variables
from tests.support.decisions import decision, literal, model
from tests.support.projections import export_records
from tests.support.scenario import Scenario, make

UNKNOWN = first_key(1) + 1_000_000
CREATED = ("PROCESS_INSTANCE_CREATION", "CREATED")


def told() -> tuple[Scenario, list[int], list[int]]:
    """Two instances that ended, with variables that changed at once and later, and the one that restarts the first.

    Gives how many records there were before a variable changed, and the keys.
    """
    s = Scenario()
    s.deploy(m.one_task())
    first = s.when(creation("one", '{"x":1,"name":"Zoë"}', business_id="B-1", tags=("a", "b"))).one(*CREATED).key
    second = s.create("one")
    mark = len(s.records())
    set_variables(s, first, '{"x":2}')
    set_variables(s, first, '{"x":3,"late":[1]}')
    set_variables(s, second, '{"late":"yes"}')
    s.cancel(first)
    s.cancel(second)
    third = s.when(creation("one", restarted_process_instance_key=first)).one(*CREATED).key
    return s, [mark], [first, second, third]


def asked(
    open_store: OpenStore, folder: Path, keys: Sequence[int], variables: str, size_max: int = 1 << 20, *, split: bool
) -> list[ItemFacts]:
    """`split`: what changed variables is exported in a transaction of its own."""
    s, (mark,), _ = told()
    records = s.records()

    async def ask() -> list[ItemFacts]:
        async with open_store(folder) as (exporter, search):
            for part in (records[:mark], records[mark:]) if split else (records,):
                await export_records(exporter, part)
            return list(await search.facts("PROCESS_INSTANCE", keys, variables, size_max))

    return asyncio.run(ask())


def test_facts_have_the_last_or_the_initial_variables(open_store: OpenStore, tmp_path: Path) -> None:
    first, second, _ = told()[2]
    for number, split in enumerate((True, False)):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = asked(open_store, folder, [second, first, UNKNOWN], LAST_VARIABLES, split=split)
        assert [facts.item_key for facts in found] == [second, first, UNKNOWN]
        assert [facts.state for facts in found] == ["TERMINATED", "TERMINATED", ""]
        assert (found[1].business_id, found[1].tags) == ("B-1", ("a", "b"))
        values = [msgspec.json.decode(facts.variables or "{}") for facts in found]
        assert values == [{"late": "yes"}, {"late": [1], "name": "Zoë", "x": 3}, {}]
        begun = asked(open_store, folder, [first, second], INITIAL_VARIABLES, split=split)
        assert [msgspec.json.decode(facts.variables) for facts in begun] == [{"name": "Zoë", "x": 1}, {}]


def test_facts_tell_when_it_ended(open_store: OpenStore, tmp_path: Path) -> None:
    s, _, (first, _, third) = told()
    evaluation = evaluated(s)

    async def ask() -> None:
        async with open_store(tmp_path) as (exporter, search):
            await export_records(exporter, s.records())
            ends = [facts.end_time for facts in await search.facts("PROCESS_INSTANCE", [first, third], NO_VARIABLES, 0)]
            assert ends == [s.now, 0]
            found = await search.facts("DECISION_INSTANCE", [UNKNOWN, evaluation], NO_VARIABLES, 0)
            assert [(facts.item_key, facts.state, facts.end_time) for facts in found] == [
                (UNKNOWN, "", 0),
                (evaluation, "EVALUATED", s.now),
            ]

    asyncio.run(ask())


def evaluated(s: Scenario) -> int:
    """The key of an evaluation."""
    file = Resource(resource_name="d.dmn", resource=model(decision("d", literal("1"))))
    s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=(file,))), 1)
    wish = DecisionEvaluation(decision_id="d")
    return s.when(make("DECISION_EVALUATION", "EVALUATE", wish), 1).one("DECISION_EVALUATION", "EVALUATED").key


def test_facts_are_of_as_many_as_fit(open_store: OpenStore, tmp_path: Path) -> None:
    first, second, _ = told()[2]
    for size_max, expected in ((0, [first]), (1 << 20, [first, second])):
        folder = tmp_path / str(size_max)
        folder.mkdir()
        found = asked(open_store, folder, [first, second], LAST_VARIABLES, size_max, split=False)
        assert [facts.item_key for facts in found] == expected


def test_variables_that_are_too_large_are_told_by_their_size(open_store: OpenStore, tmp_path: Path) -> None:
    s = Scenario()
    s.deploy(m.one_task())
    text = "x" * (VARIABLES_SIZE_MAX - 10)
    large, fitting = (s.when(creation("one", f'{{"{name}":"{text}"}}')).one(*CREATED).key for name in ("long" * 3, "s"))

    async def ask() -> None:
        async with open_store(tmp_path) as (exporter, search):
            await export_records(exporter, s.records())
            found = await search.facts("PROCESS_INSTANCE", [large, fitting], LAST_VARIABLES, 1 << 30)
            sizes = [(len(facts.variables), facts.variables_size - VARIABLES_SIZE_MAX) for facts in found]
            assert sizes == [(0, 4), (len(text) + 8, -7)]

    asyncio.run(ask())


def test_who_restarts_an_instance_is_found(open_store: OpenStore, tmp_path: Path) -> None:
    s, _, (first, _, third) = told()

    async def ask() -> None:
        async with open_store(tmp_path) as (exporter, search):
            await export_records(exporter, s.records())
            found = await search.search("PROCESS_INSTANCE", {"filter": {"restartedProcessInstanceKey": str(first)}})
            assert [one["processInstanceKey"] for one in found.items] == [str(third)]
            assert found.items[0]["restartedProcessInstanceKey"] == str(first)
            old = await search.get("PROCESS_INSTANCE", first)
            assert old is not None
            assert old["restartedProcessInstanceKey"] is None

    asyncio.run(ask())


def test_what_was_detached_has_no_parent_any_more(open_store: OpenStore, tmp_path: Path) -> None:
    s = Scenario()
    s.deploy(m.one_task())
    s.deploy(m.straight("top", m.call("inside", "one"), names=["inside"]))
    top = s.create("top")
    s.when(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(process_instance_key=top, skip_subprocesses=True), top))
    called = s.everything().one("PROCESS_INSTANCE", "DETACHED").key

    async def ask() -> None:
        async with open_store(tmp_path) as (exporter, search):
            for part in (s.records()[:-5], s.records()):
                await export_records(exporter, part)
            found = await search.get("PROCESS_INSTANCE", called)
            assert found is not None
            assert (found["parentProcessInstanceKey"], found["parentElementInstanceKey"]) == (None, None)
            assert found["rootProcessInstanceKey"] == str(called)
            roots = {"filter": {"parentProcessInstanceKey": {"$exists": False}, "state": "ACTIVE"}}
            assert [one["processInstanceKey"] for one in (await search.search("PROCESS_INSTANCE", roots)).items] == [
                str(called)
            ]

    asyncio.run(ask())


def test_facts_of_items_are_what_these_replaced(open_store: OpenStore, tmp_path: Path) -> None:
    s = Scenario(settings={"undo_size_max": 20})
    s.deploy(m.one_task())
    small, large, same = (s.create("one", variables) for variables in ('{"x":1}', f'{{"x":"{"y" * 20}"}}', '{"x":2}'))
    wish = {"parameters": Parameters(variables='{"x":2}'), "options": BatchOptions(undoable=True)}
    other, batch_key = (
        s.when(batch(SET_VARIABLES, **fields)).one("BATCH_OPERATION_CREATION", "CREATED").key
        for fields in ({"filter_text": "", "item_keys": (same,), **wish}, wish)
    )

    async def ask() -> list[list[ItemFacts]]:
        async with open_store(tmp_path) as (exporter, search):
            await export_records(exporter, s.records())
            keys = [large, small, same, UNKNOWN]
            return [
                list(await search.facts("PROCESS_INSTANCE", keys, REPLACED_VARIABLES, size_max, of))
                for size_max, of in ((1 << 20, batch_key), (1, batch_key), (1 << 20, other))
            ]

    found, first, nothing = asyncio.run(ask())
    assert found == [
        ItemFacts(item_key=large, variables_size=-1),
        ItemFacts(item_key=small, variables='{"x":[1]}', variables_size=9),
        ItemFacts(item_key=same),
        ItemFacts(item_key=UNKNOWN),
    ]
    assert first == found[:1]
    assert nothing == [ItemFacts(item_key=key) for key in (large, small, same, UNKNOWN)]
