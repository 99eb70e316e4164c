"""A partition that cannot take a deployment over answers the client, who would otherwise wait for it for ever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.core.faults import EXCEEDED_LIMIT, Reject
from engine.core.ports import VALUE_SIZE_MAX
from engine.core.record import Record
from engine.core.state import View
from engine.records import Deployment
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import creation
from tests.support.fixture import MakeScenario
from tests.support.scenario import ASSEMBLY, make


def deployment(data: bytes) -> Record:
    value = Deployment(resources=(Resource(resource_name="one.bpmn", resource=data),))
    return make("DEPLOYMENT", "CREATE", value, request="gateway/1")


def refuse(_command: Record, _view: View) -> Iterator[None]:
    raise Reject(EXCEEDED_LIMIT, "planted")
    yield


def test_a_refusal_of_another_partition_is_the_answer(scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ASSEMBLY.registry.processors, ("DEPLOYMENT", "DISTRIBUTE"), refuse)  # type: ignore[misc]
    s = scenario(2)
    s.when(deployment(m.one_task()), 1).rejected("EXCEEDED_LIMIT", "planted")
    answers = [headers for p in s.partitions.values() for headers in p.headers if "request" in headers]
    assert answers == [{"request": "gateway/1", "final": "1"}]


def test_after_a_refusal_a_changed_file_reaches_every_partition(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit that docs/production.md tells: the same file again is taken for deployed, though one lacks it."""
    s = scenario(2)
    with monkeypatch.context() as refusing:
        refusing.setitem(ASSEMBLY.registry.processors, ("DEPLOYMENT", "DISTRIBUTE"), refuse)  # type: ignore[misc]
        s.when(deployment(m.one_task()), 1).rejected("EXCEEDED_LIMIT", "planted")
    s.when(deployment(m.one_task()), 1).accepted()
    s.when(creation("one"), 2).rejected("NOT_FOUND", "'one'")
    s.when(deployment(m.one_task() + b"<!-- -->"), 1).accepted()
    assert s.when(creation("one"), 2).one("PROCESS_INSTANCE_CREATION", "CREATED").value.bpmn_version == 2


def test_a_deployment_is_answered_once(scenario: MakeScenario) -> None:
    s = scenario(3)
    s.when(deployment(m.one_task()), 1).accepted()
    answers = [headers for p in s.partitions.values() for headers in p.headers if "request" in headers]
    assert answers == [{"request": "gateway/1", "final": "1"}]


@pytest.mark.parametrize("room", range(0, 6_000, 250))
def test_what_one_partition_takes_every_partition_takes(scenario: MakeScenario, room: int) -> None:
    """At every size near the limit: all of them hold it, or none."""
    s = scenario(2)
    padding = b"<!-- " + b"x" * (VALUE_SIZE_MAX - len(m.one_task()) - 20 - room) + b" -->"
    s.send(deployment(m.one_task() + padding), 1)
    s.partitions[2].machine.build = "a-build-with-a-long-name-" * 8
    s.drain()
    assert s.rows().get("DEFINITIONS", 0) in (0, 2)
    assert "PENDING_DEPLOYMENTS" not in s.rows()
