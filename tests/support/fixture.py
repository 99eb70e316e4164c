"""The `scenario` fixture: makes scenarios, and checks each of them when the test has passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .scenario import Scenario

MakeScenario = Callable[..., Scenario]


@pytest.fixture
def scenario() -> Iterator[MakeScenario]:
    made: list[Scenario] = []

    def make_scenario(*arguments: Any, **named: Any) -> Scenario:
        made.append(Scenario(*arguments, **named))
        return made[-1]

    yield make_scenario
    for one in made:
        one.check()
