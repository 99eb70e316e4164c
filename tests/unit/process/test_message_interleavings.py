"""Messages, instances that wait, instances that end, restarts, in any order: every message is given once or kept."""

from __future__ import annotations

from random import Random

import pytest

from engine.core.record import NONE
from engine.core.state import State, key_tail
from engine.process.message_tables import (
    BUFFERED_MESSAGES,
    MESSAGE_SUBSCRIPTIONS,
    MESSAGES,
    PROCESS_MESSAGE_SUBSCRIPTIONS,
    STARTED_INSTANCES,
    MessageRow,
    MessageSubscriptionRow,
)
from engine.process.tables import ELEMENT_INSTANCES
from engine.records import Job, Message, ProcessInstance
from tests.support import models as m
from tests.support.actions import creation, message_partition
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

KEYS = ("k", "away", "z", "order")
OPERATIONS = 60


def deployed() -> bytes:
    """Catch events, boundaries of both kinds, a gateway, an event sub-process and message starts."""
    called = m.boundary_event("called", "task", m.message(), cancelActivity="false")
    ended = m.boundary_event("ended", "task", m.message("message-b"))
    handler = m.handler("handler", m.start_event("noted", m.message("message-b"), isInterrupting="false"))
    started = m.start_event("started", m.message())
    return m.model(
        m.process("once", m.start("s1"), m.catch("c1", m.message()), m.chain("s1", "c1")),
        m.process("border", m.start(), m.job("task"), called, ended, m.chain("start", "task")),
        m.process(
            "gate",
            m.start("s3"),
            m.event_gateway("which"),
            m.catch("c3", m.message()),
            m.catch("d3", m.message("message-b")),
            handler,
            m.chain("s3", "which", "c3"),
            m.flow("which", "d3"),
        ),
        m.process("begin", started, m.catch("c4", m.message("message-b")), m.chain("started", "c4")),
    )


class Story:
    """One random interleaving."""

    def __init__(self, s: Scenario, seed: int) -> None:
        self.s = s
        self.random = Random(seed)
        s.deploy(deployed())

    def tell(self) -> None:
        actions = (self.create, self.create, self.publish, self.publish, self.publish, self.cancel, self.finish)
        others = (self.step, self.step, self.step, self.step, self.step, self.crash, self.wait)
        for _ in range(OPERATIONS):
            self.random.choice(actions)()
            for _ in range(self.random.randrange(4)):
                self.random.choice(others)()
        self.s.drain()

    def create(self) -> None:
        name = self.random.choice(("once", "border", "gate"))
        partition = self.random.choice(list(self.s.partitions))
        self.s.send(creation(name, f'{{"key": "{self.random.choice(KEYS)}"}}'), partition)

    def publish(self) -> None:
        key = self.random.choice(KEYS)
        time_to_live = self.random.choice((0, 1_000, 1_000_000))
        variables = f'{{"key": "{self.random.choice(KEYS)}"}}'
        value = Message(
            name=self.random.choice("ab"), correlation_key=key, time_to_live=time_to_live, variables=variables
        )
        self.s.send(make("MESSAGE", "PUBLISH", value), message_partition(self.s, key))

    def cancel(self) -> None:
        living = [
            r.key for r in self.s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_type="PROCESS")
        ]
        if living:
            self.s.send(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), self.random.choice(living)))

    def finish(self) -> None:
        jobs = [record.key for record in self.s.everything().all("JOB", "CREATED")]
        if jobs:
            self.s.send(make("JOB", "COMPLETE", Job(), self.random.choice(jobs)))

    def step(self) -> None:
        self.s.step(self.random.choice(list(self.s.partitions)))

    def crash(self) -> None:
        self.s.crash(self.random.choice(list(self.s.partitions)))

    def wait(self) -> None:
        self.s.now += self.random.choice((1, 400))
        self.s.tick(self.random.choice(list(self.s.partitions)))


def check(s: Scenario) -> None:
    records = s.everything()
    given = [
        (record.value.message_key, record.value.bpmn_process_id)
        for family in ("PROCESS_MESSAGE_SUBSCRIPTION", "MESSAGE_START_EVENT_SUBSCRIPTION")
        for record in records.all(family, "CORRELATED")
    ]
    assert len(given) == len(set(given)), "a message was given twice to a process"
    states = [partition.state for partition in s.partitions.values()]
    here = {key_tail(key) for state in states for key, _ in state.scan(PROCESS_MESSAGE_SUBSCRIPTIONS)}
    there = {key_tail(key): row for state in states for key, row in state.scan(MESSAGE_SUBSCRIPTIONS)}
    assert here == there.keys()
    assert all(row.message_key == NONE for row in there.values()), "a message is on its way for ever"
    for state in states:
        for _, instance_key in state.scan(STARTED_INSTANCES):
            assert state.get(ELEMENT_INSTANCES, instance_key) is not None, "an instance that has ended blocks others"
        assert len(state.scan(BUFFERED_MESSAGES)) == len(state.scan(MESSAGES))
        for row_key, message in state.scan(MESSAGES):
            check_kept(s, state, key_tail(row_key), message, list(there.values()), given)


def check_kept(
    s: Scenario,
    state: State,
    key: int,
    message: MessageRow,
    waiting: list[MessageSubscriptionRow],
    given: list[tuple[int, str]],
) -> None:
    """Whoever waits for a message that is kept has had it already."""
    place = (message.name, message.correlation_key)
    fits = [row.bpmn_process_id for row in waiting if (row.message_name, row.correlation_key) == place]
    if message.name == "a" and state.get(STARTED_INSTANCES, "begin", message.correlation_key) is None:
        fits.append("begin")
    for process_id in fits:
        had = (key, process_id) in given
        assert had or message.deadline <= s.now, f"message {key} was not given to '{process_id}'\n{s.log()}"


@pytest.mark.parametrize("seed", range(30))
def test_every_message_is_given_once_or_kept(scenario: MakeScenario, seed: int) -> None:
    s = scenario(1 + seed % 3, group_size=1 + seed % 2, settings={"step_effects_max": 12} if seed % 5 == 0 else None)
    Story(s, seed).tell()
    check(s)
