"""Timers: cycles, FEEL, timers that start processes, and how they get along with everything else."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.state import State
from tests.support import models as m
from tests.support.actions import CANCEL, activate, batch, complete, resolve
from tests.support.fixture import MakeScenario
from tests.support.scenario import BEGIN, Scenario

CYCLE = "timeCycle"
DATE = "timeDate"


def deployed(scenario: MakeScenario, *parts: str, partitions: int = 1, **settings: int) -> Scenario:
    s = scenario(partitions, settings=settings)
    s.deploy(m.model(m.process("p", *parts)))
    return s


def reminded(text: str) -> tuple[str, ...]:
    """A job with a reminder beside."""
    late = m.boundary_event("late", "task", m.timer(text, CYCLE), cancelActivity="false")
    return m.start(), m.job("task"), late, m.end(), m.chain("start", "task", "end")


def waiting(text: str, kind: str) -> tuple[str, ...]:
    return m.start(), m.catch("wait", m.timer(text, kind)), m.end(), m.chain("start", "wait", "end")


def starting(text: str, kind: str = CYCLE) -> tuple[str, ...]:
    return m.start_event("tick", m.timer(text, kind)), m.job("task"), m.end(), m.chain("tick", "task", "end")


# cycles


def test_a_cycle_is_due_as_often_as_it_says(scenario: MakeScenario) -> None:
    s = deployed(scenario, *reminded("R3/PT10S"))
    s.create("p")
    for left in (2, 1):
        moment = s.advance(10_000).has("TIMER TRIGGERED", "TIMER CREATED", "late COMPLETED")
        assert moment.one("TIMER", "CREATED").value.repetitions == left
    s.advance(10_000).has("TIMER TRIGGERED", "late COMPLETED").none("TIMER", "CREATED")
    assert s.due_count() == 0
    assert not s.advance(1_000_000).records


def test_the_next_time_follows_the_last_one_not_the_clock(scenario: MakeScenario) -> None:
    s = deployed(scenario, *reminded("R/PT10S"))
    s.create("p")
    following = s.advance(13_000).one("TIMER", "CREATED").value
    assert (following.due_date, following.repetitions) == (BEGIN + 20_000, -1)
    late = s.advance(60_000).one("TIMER", "CREATED").value
    assert late.due_date == BEGIN + 13_000 + 60_000 + 10_000


def test_a_cycle_ends_with_its_host(scenario: MakeScenario) -> None:
    s = deployed(scenario, *reminded("R/PT10S"))
    s.create("p")
    s.advance(10_000).has("late COMPLETED")
    (job,) = activate(s)
    complete(s, job).has("TIMER CANCELED", "task COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_cycle_of_an_event_sub_process_begins_it_again(scenario: MakeScenario) -> None:
    begun = m.start_event("begun", m.timer("R2/PT10S", CYCLE), isInterrupting="false")
    handler = m.handler("handler", begun, m.job("note", "note"), m.chain("begun", "note"))
    s = deployed(scenario, m.start(), m.job("task"), handler, m.chain("start", "task"))
    s.create("p")
    for _ in range(2):
        s.advance(10_000).has("TIMER TRIGGERED", "handler ACTIVATED", "note ACTIVATED")
    assert s.due_count() == 0
    for job in (*activate(s), *activate(s, "note")):
        complete(s, job).accepted()
    assert s.is_empty()


def test_a_boundary_event_on_a_sub_process_ends_what_is_inside(scenario: MakeScenario) -> None:
    inner = m.sub_process("sub", m.start("begin"), m.job("task"), m.chain("begin", "task"))
    late = m.boundary_event("late", "sub", m.timer("PT10S"))
    s = deployed(scenario, m.start(), inner, late, m.end("over"), m.chain("start", "sub"), m.chain("late", "over"))
    s.create("p")
    s.advance(10_000).has("TIMER TRIGGERED", "task TERMINATED", "sub TERMINATED", "over COMPLETED", "p COMPLETED")
    assert s.is_empty()


# what FEEL gives


@pytest.mark.parametrize(
    ("text", "kind", "after"),
    [
        ('=duration("PT10S")', "timeDuration", 10_000),
        ('="PT" + string(n) + "S"', "timeDuration", 3_000),
        ('=now() + duration("PT5S")', DATE, 5_000),
        ('=string(now() + duration("PT5S"))', DATE, 5_000),
        ('=date and time("2001-01-01T00:00:00Z")', DATE, 0),
        ("2001-01-01T00:00:00+01:00", DATE, 0),
        ('=-duration("PT5S")', "timeDuration", 0),
    ],
)
def test_what_an_expression_gives(scenario: MakeScenario, text: str, kind: str, after: int) -> None:
    s = deployed(scenario, *waiting(text, kind))
    s.create("p", '{"n": 3}')
    if after:
        assert not s.advance(after - 1).records
    s.advance(min(after, 1)).has("TIMER TRIGGERED", "wait COMPLETED", "p COMPLETED")


def test_months_are_those_of_the_calendar(scenario: MakeScenario) -> None:
    s = deployed(scenario, *waiting('=duration("P1M")', "timeDuration"))
    s.create("p")
    days = 30  # from 14 November 2023
    assert s.everything().one("TIMER", "CREATED").value.due_date == BEGIN + days * 86_400_000


@pytest.mark.parametrize("text", ["=n", "=missing", "=1 + 2", '="tomorrow"'])
def test_what_is_no_duration_is_an_incident_that_can_be_resolved(scenario: MakeScenario, text: str) -> None:
    s = deployed(scenario, *waiting(text, "timeDuration"))
    s.create("p", '{"n": 3}')
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR", element_id="wait")
    assert s.due_count() == 0
    assert resolve(s, incident.key).one("INCIDENT", "CREATED").key != incident.key


# starting processes


def test_a_timer_starts_instances(scenario: MakeScenario) -> None:
    s = deployed(scenario, *starting("R2/PT10S"))
    for _ in range(2):
        moment = s.advance(10_000)
        moment.has("TIMER TRIGGERED", "p ACTIVATED", "tick COMPLETED", "task ACTIVATED")
        fired = moment.one("TIMER", "TRIGGERED").value
        assert fired.process_instance_key == moment.one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="p").key
    assert s.due_count() == 0


def test_timers_start_instances_on_the_deployment_partition_only(scenario: MakeScenario) -> None:
    s = deployed(scenario, *starting("R/PT10S"), partitions=3)
    assert s.due_count() == 1
    (created,) = s.advance(10_000).all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="p")
    assert created.step.partition_id == 1


def test_a_new_version_takes_the_place_of_the_old_one(scenario: MakeScenario) -> None:
    s = deployed(scenario, *starting("R/PT10S"), partitions=2)
    moment = s.deploy(m.model(m.process("p", *starting("R/PT7S"))))
    canceled, created = moment.one("TIMER", "CANCELED").value, moment.one("TIMER", "CREATED").value
    assert canceled.process_definition_key != created.process_definition_key
    (instance,) = s.advance(10_000).all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="p")
    assert instance.value.bpmn_version == 2
    s.deploy(m.model(m.process("p", m.start(), m.end(), m.chain("start", "end")))).one("TIMER", "CANCELED")
    assert s.due_count() == 0


def test_the_same_file_again_changes_nothing(scenario: MakeScenario) -> None:
    s = deployed(scenario, *starting("R/PT10S"))
    s.deploy(m.model(m.process("p", *starting("R/PT10S")))).none("TIMER")
    assert s.due_count() == 1


def test_several_start_events_each_start_instances(scenario: MakeScenario) -> None:
    often = m.start_event("often", m.timer("R/PT10S", CYCLE))
    once = m.start_event("once", m.timer('=now() + duration("PT25S")', DATE))
    ends = (m.end("a"), m.end("b"), m.end("c"), m.chain("start", "a"), m.chain("often", "b"), m.chain("once", "c"))
    s = deployed(scenario, m.start(), often, once, *ends)
    s.create("p")
    s.advance(10_000).has("often COMPLETED", "b COMPLETED", "p COMPLETED")
    s.advance(10_000).has("often COMPLETED")
    assert "often COMPLETED" not in s.advance(5_000).has("once COMPLETED", "c COMPLETED").flow()
    assert s.due_count() == 1


def test_what_cannot_be_evaluated_at_deployment_is_refused(scenario: MakeScenario) -> None:
    s = scenario()
    resources = [m.model(m.process("p", *starting("=later", DATE))), m.model(m.process("q", *starting('="R9"')))]
    with pytest.raises(AssertionError) as caught:
        s.deploy(*resources)
    for text in ("'tick' of 'p': expected a date", "'tick' of 'q': expected a cycle"):
        assert text in str(caught.value)
    assert not s.rows().get("TIMERS")


def test_a_process_that_only_a_timer_starts_is_not_created(scenario: MakeScenario) -> None:
    s = deployed(scenario, *starting("R/PT10S"))
    with pytest.raises(AssertionError) as caught:
        s.create("p")
    assert "none start event" in str(caught.value)


# with everything else


def test_cancel_takes_the_timers_away(scenario: MakeScenario) -> None:
    s = deployed(scenario, *reminded("R/PT10S"))
    key = s.create("p")
    s.cancel(key).has("TIMER CANCELED", "task TERMINATED")
    s.create("p")
    s.when(batch(CANCEL, '{"processDefinitionId": "p"}')).has("TIMER CANCELED", "task TERMINATED")
    assert s.due_count() == 1  # when the batch operation is deleted


def test_times_of_a_cycle_do_not_pile_up_while_the_instance_pauses(scenario: MakeScenario) -> None:
    """It loops for ever, and an incident keeps it until somebody looks."""
    begun = m.start_event("begun", m.timer("R/PT10S", CYCLE), isInterrupting="false")
    handler = m.handler("handler", begun, m.job("note", "note"), m.chain("begun", "note"))
    flows = (m.chain("start", "merge", "turn"), m.flow("turn", "merge"))
    s = deployed(
        scenario, m.start(), m.exclusive("merge"), m.task("turn"), *flows, handler,
        step_effects_max=20, continuation_rounds_max=2,
    )  # fmt: skip
    key = s.create("p")
    for _ in range(5):
        s.advance(10_000).one("TIMER", "TRIGGERED")
    kept = [r.value.work for r in s.everything().all("PROCESS_INSTANCE_CONTINUATION", "PAUSED")]
    assert kept[-1].count(b"HAPPENED") == 1
    s.cancel(key).has("TIMER CANCELED", "p TERMINATED")
    assert s.is_empty()


def test_events_of_a_pause_happen_in_their_order(scenario: MakeScenario) -> None:
    beside = m.start_event("beside", m.timer("PT5S"), isInterrupting="false")
    instead = m.start_event("instead", m.timer("PT10S"))
    handlers = m.handler("note", beside, m.job("noted"), m.chain("beside", "noted"))
    handlers += m.handler("stop", instead, m.end("stopped"), m.chain("instead", "stopped"))
    loop = (m.start(), m.exclusive("merge"), m.task("turn"), m.chain("start", "merge", "turn"), m.flow("turn", "merge"))
    s = deployed(scenario, *loop, handlers, step_effects_max=20, continuation_rounds_max=2)
    s.create("p")
    assert len(s.advance(5_000).all("TIMER", "TRIGGERED")) == 1
    assert len(s.advance(5_000).all("TIMER", "TRIGGERED")) == 1
    moment = resolve(s, s.everything().one("INCIDENT", "CREATED").key)
    moment.has("note ACTIVATING", "note TERMINATED", "stopped COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_of_events_that_exclude_each_other_the_first_one_of_a_pause_happens(scenario: MakeScenario) -> None:
    loop = (m.exclusive("merge"), m.task("turn"), m.chain("fork", "merge", "turn"), m.flow("turn", "merge"))
    gate = (m.event_gateway("gate"), m.catch("soon", m.timer("PT5S")), m.catch("later", m.timer("PT10S")))
    flows = (m.flow("start", "fork"), m.chain("fork", "gate", "soon", "end"), m.chain("gate", "later", "end"))
    s = deployed(
        scenario,
        m.start(),
        m.parallel("fork"),
        *gate,
        m.end(),
        *flows,
        *loop,
        step_effects_max=20,
        continuation_rounds_max=2,
    )
    s.create("p")
    s.advance(5_000)
    s.advance(5_000)
    moment = resolve(s, s.everything().one("INCIDENT", "CREATED").key)
    assert "soon COMPLETED" in moment.flow()
    assert "later COMPLETED" not in moment.flow()


def test_a_timer_that_makes_the_engine_fail_is_told_of_in_its_instance(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = deployed(scenario, *waiting("PT10S", "timeDuration"))
    s.create("p")

    def failing(*_: Any) -> Any:
        raise RuntimeError("planted")

    monkeypatch.setattr("engine.process.timers.repeat", failing)
    moment = s.advance(10_000)
    moment.one("CLOCK", "TIMER_DROPPED")
    incident = moment.one("INCIDENT", "CREATED", element_id="wait", job_key=-1)
    monkeypatch.undo()
    resolve(s, incident.key).has("wait COMPLETED", "p COMPLETED")
    assert s.is_empty()


# many of them


def test_many_timers_due_at_once_let_commands_through(scenario: MakeScenario) -> None:
    """Each tick handles a bounded number; what was sent meanwhile comes between the ticks."""
    count, per_tick = 300, 20
    s = scenario(settings={"due_per_tick_max": per_tick})
    s.deploy(m.model(m.process("p", *waiting("PT10S", "timeDuration"))), m.one_task("one"))
    for _ in range(count):
        s.create("p")
    s.now += 10_000
    ticks = 0
    while s.tick(1):
        ticks += 1
        before = s.due_count()
        s.create("one")
        assert before - per_tick <= s.due_count() < before
    assert ticks == count // per_tick
    assert len(s.everything().all("TIMER", "TRIGGERED")) == count


def test_timers_that_wait_are_not_looked_at(scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a tick reads of the table of due times are the rows that are due, and none of those that wait."""
    read: list[int] = []
    scan = State.scan

    def counting(self: State, table: Any, *prefix: Any, **named: Any) -> Any:
        rows = scan(self, table, *prefix, **named)
        if table.name not in ("DUE", "TIMERS", "TIMERS_OF"):
            return rows
        read.append(len(rows))
        return rows

    monkeypatch.setattr(State, "scan", counting)
    s = deployed(scenario, *waiting("=after", "timeDuration"), due_per_tick_max=5)
    for _ in range(200):
        s.create("p", '{"after": "PT1H"}')
    for _ in range(3):
        s.create("p", '{"after": "PT10S"}')
    read.clear()
    assert len(s.advance(10_000).all("TIMER", "TRIGGERED")) == 3
    assert max(read) == 3
    assert s.due_count() == 200
