"""CORRELATE_MESSAGE: every subscription of the instances gets it, whatever its correlation key; none is no failure."""

from __future__ import annotations

import pytest

from engine.core.record import Record, partition_of
from engine.operations.correlate_message import Body, Parameters, check, read
from engine.process.events.message import TEXT_SIZE_MAX
from engine.process.variables import VARIABLE_SIZE_MAX
from tests.support import models as m
from tests.support.actions import batch, publish
from tests.support.batches import ITEM, counts, final
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario

ALL = '{"processDefinitionId": "p"}'
HERE = "PROCESS_MESSAGE_SUBSCRIPTION"
KEY = '{"key": "k"}'


def correlation(name: str = "", variables: str = "") -> Record:
    return batch("CORRELATE_MESSAGE", ALL, Parameters(message_name=name, variables=variables))


def deployed(scenario: MakeScenario, *parts: str, partitions: int = 1, **settings: object) -> Scenario:
    s = scenario(partitions, settings=settings)
    s.deploy(m.model(m.process("p", *parts)))
    return s


def two_catches() -> tuple[str, ...]:
    """A job with one boundary event that interrupts and one that does not, of different messages."""
    return (
        m.start(),
        m.job("task"),
        m.boundary_event("stop", "task", m.message("message-a")),
        m.boundary_event("beside", "task", m.message("message-b"), cancelActivity="false"),
        m.end(),
        m.chain("start", "task", "end"),
    )


def delivered(moment: Moment) -> list[tuple[str, str]]:
    return [(r.value.message_name, r.value.element_id) for r in moment.all(HERE, "CORRELATED")]


def test_each_instance_gets_it_whatever_its_correlation_key(scenario: MakeScenario) -> None:
    s = deployed(scenario, m.start(), m.receive("wait"), m.chain("start", "wait"), partitions=3)
    keys = [s.create("p", f'{{"key": "{index}"}}', partition=index % 3 + 1) for index in range(5)]
    moment = s.when(correlation("a", '{"x": 1}')).accepted()
    assert counts(final(s)) == (5, 5, 0, 0, 0)
    events = moment.all(HERE, "CORRELATED")
    assert {r.value.process_instance_key for r in events} == set(keys)
    assert all(r.value.direct and partition_of(r.value.message_key) == r.step.partition_id for r in events)
    assert {r.value.value for r in moment.all("VARIABLE", name="x")} == {"1"}
    assert len(moment.all("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="p")) == 5
    moment.none("MESSAGE")
    assert s.is_empty()


def test_only_what_has_the_name_gets_it_and_without_a_name_everything(scenario: MakeScenario) -> None:
    s = deployed(scenario, *two_catches())
    s.create("p", KEY)
    assert delivered(s.when(correlation("b"))) == [("b", "beside")]
    assert delivered(s.when(correlation("c"))) == []
    assert delivered(s.when(correlation())) == [("a", "stop")], "which ends what would wait for the other one"
    assert [r.intent for r in s.everything().all(ITEM)] == ["COMPLETED"] * 3
    assert s.is_empty()


def test_what_an_earlier_one_closes_gets_none(scenario: MakeScenario) -> None:
    gateway = m.element("eventBasedGateway", "which")
    first, second = m.catch("first", m.message("message-a")), m.catch("second", m.message("message-b"))
    chains = (m.chain("start", "which", "first"), m.chain("which", "second"))
    s = deployed(scenario, m.start(), gateway, first, second, *chains)
    s.create("p", KEY)
    assert len(delivered(s.when(correlation()).accepted())) == 1
    assert s.is_empty()


def test_who_does_not_wait_is_no_failure(scenario: MakeScenario) -> None:
    s = deployed(scenario, m.start(), m.job("task"), m.chain("start", "task"))
    s.create("p")
    s.when(correlation("a")).accepted().none(HERE)
    assert counts(final(s)) == (1, 1, 0, 0, 0)


def test_who_is_gone_is_skipped(scenario: MakeScenario) -> None:
    s = deployed(scenario, m.start(), m.job("task"), m.chain("start", "task"))
    key = s.create("p")
    s.send(correlation("a"))
    while not s.everything().all("BATCH_OPERATION_CHUNK", "CREATED"):
        s.one()
    s.cancel(key)
    assert counts(final(s)) == (1, 0, 0, 1, 0)


def test_a_published_message_still_finds_what_was_not_closed(scenario: MakeScenario) -> None:
    s = deployed(scenario, *two_catches())
    s.create("p", KEY)
    s.when(correlation("b"))
    assert delivered(publish(s, "b").accepted()) == [("b", "beside")]
    assert delivered(publish(s, "a").accepted()) == [("a", "stop")]
    assert s.is_empty()


def test_a_message_that_was_on_its_way_goes_to_another_one(scenario: MakeScenario) -> None:
    """It meets a subscription that is closed, and comes back."""
    s = deployed(scenario, m.start(), m.receive("wait"), m.chain("start", "wait"), partitions=2)
    first = s.create("p", '{"key": "k"}', partition=1)
    second = s.create("p", '{"key": "k"}', partition=2)
    publish(s, "a", "k", time_to_live=60_000)
    one = s.everything().one(HERE, "CORRELATED").value.process_instance_key
    s.when(correlation("a"))
    told = {r.value.process_instance_key for r in s.everything().all(HERE, "CORRELATED")}
    assert told == {first, second}
    assert one in told
    s.advance(60_000)
    assert s.is_empty()


def test_instances_that_pause_get_it_too(scenario: MakeScenario) -> None:
    s = deployed(scenario, *two_catches(), step_effects_max=3, slice_size=2)
    for _ in range(3):
        s.create("p", KEY)
    s.when(correlation()).accepted()
    assert counts(final(s)) == (3, 3, 0, 0, 0)
    assert s.is_empty()


def test_an_instance_that_waits_for_too_many_fails(scenario: MakeScenario) -> None:
    s = deployed(scenario, *two_catches(), step_effects_max=1)
    s.create("p", KEY)
    s.when(correlation())
    failed = s.everything().one(ITEM, "FAILED").value
    assert (failed.error_code, "at most 1 messages" in failed.error_message) == ("EXCEEDED_LIMIT", True)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (Parameters(message_name="x" * (TEXT_SIZE_MAX + 1)), f"messageName: expected at most {TEXT_SIZE_MAX} bytes"),
        (Parameters(variables="[1]"), "variables: expected the variables to be a JSON object"),
        (Parameters(variables=f'{{"x":"{"y" * VARIABLE_SIZE_MAX}"}}'), "variables: expected at most"),
    ],
    ids=["long name", "no object", "too large"],
)
def test_what_cannot_be_given_is_refused(parameters: Parameters, expected: str) -> None:
    (problem,) = check(parameters)
    assert problem.startswith(expected)


def test_what_clients_give_becomes_texts() -> None:
    assert read(Body()) == Parameters()
    assert read(Body(message_name="a", variables={"x": [1]})) == Parameters(message_name="a", variables='{"x":[1]}')
    assert check(Parameters()) == []
