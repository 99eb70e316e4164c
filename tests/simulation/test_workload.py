"""The workload: its clients are drawn from a seed alone, and lies are found out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random

import pytest
from msgspec import Struct

from engine.core.ports import COMMANDS
from engine.operations import OPERATIONS
from tests.simulation.model import PartitionLog
from tests.simulation.workload import Answer, Knowledge, NoAnswer, clients
from tests.simulation.workload.batch_operators import random_parameters, random_value


@pytest.mark.parametrize("name", OPERATIONS)
def test_random_parameters_are_those_of_the_operation(name: str) -> None:
    operation = OPERATIONS[name]
    names = (operation.body or operation.parameters).__struct_fields__
    fields = {"".join(part.capitalize() for part in name.split("_")) for name in names}
    for seed in range(20):
        assert {given[0].upper() + given[1:] for given in random_parameters(Random(seed), operation)} <= fields


class Nested(Struct):
    some_names: tuple[str, ...] = ()
    count: int | None = None


def test_random_values_have_the_wanted_shape() -> None:
    random = Random(1)
    values = [random_value(random, list[Nested]) for _ in range(20)]
    assert any(values)
    assert all(set(item) == {"someNames", "count"} for value in values for item in value)


class Deaf:
    """An installation that answers nothing, and notes what it was asked."""

    def __init__(self, random: Random) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self.random = random

    async def request(
        self, method: str, path: str, body: object | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        self.requests.append((method, path, repr((body, headers))))
        if self.random.random() < 0.5:
            raise NoAnswer
        return Answer(503)

    async def produce(self, partition: int, value: bytes, *, topic: str = COMMANDS, signed: bool = False) -> None:
        self.requests.append(("PRODUCE", str(partition), value.hex()))

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0

    def now(self) -> int:
        return 0


def requests_of(seed: int) -> list[tuple[str, str, str]]:
    client = Deaf(Random(seed))

    async def act() -> None:
        for one in clients(Random(seed), 150, Knowledge(), 3):
            await one(client)

    asyncio.run(act())
    return client.requests


def test_clients_are_drawn_from_the_seed_alone() -> None:
    first = requests_of(7)
    assert first == requests_of(7)
    assert first != requests_of(8)
    assert len(first) > 150


def test_what_nobody_did_is_found_out() -> None:
    knowledge = Knowledge()
    knowledge.acknowledge("jobs", "17")
    knowledge.see("incidents", {"incidentKey": "4", "state": "RESOLVED"})
    knowledge.see("variables", {"variableKey": "5", "value": "1", "isTruncated": False})
    knowledge.correlate("6", "8")
    knowledge.decide("9", "true")
    wrong = knowledge.check({1: PartitionLog(commands=[], internal=[], events=[])})
    assert [text.split()[3] for text in wrong] == ["told", "told", "shown", "shown", "shown", "shown"]
