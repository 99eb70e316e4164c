"""A command that is sent again with its idempotency key is processed once."""

from __future__ import annotations

import msgspec

from engine.core.idempotency import IDEMPOTENCY, IDEMPOTENCY_EXPIRIES
from engine.core.record import Record, Step, command
from engine.core.settings import MachineSettings
from engine.records import ProcessInstanceCreation
from tests.support import models as m
from tests.support.fixture import MakeScenario

HOUR_MS = MachineSettings().idempotency_timeout_ms


def creation(name: str, process_id: str = "one") -> Record:
    value = ProcessInstanceCreation(bpmn_process_id=process_id)
    return command("PROCESS_INSTANCE_CREATION", "CREATE", value, step=Step(idempotency_key=name))


def test_the_second_command_names_the_outcome_of_the_first(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    first = s.when(creation("order-17")).one("PROCESS_INSTANCE_CREATION", "CREATED")
    again = s.when(creation("order-17"))
    again.rejected("ALREADY_EXISTS", f"position {first.position} of partition 1, key {first.key}")
    again.none("PROCESS_INSTANCE_CREATION", "CREATED")
    s.when(creation("order-18")).accepted()


def test_a_rejected_command_may_be_sent_again(scenario: MakeScenario) -> None:
    s = scenario()
    s.when(creation("order-17")).rejected("NOT_FOUND")
    s.deploy(m.one_task())
    s.when(creation("order-17")).accepted()


def test_a_key_is_forgotten_after_its_time(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.when(creation("order-17")).accepted()
    s.advance(HOUR_MS - 1)
    s.when(creation("order-17")).rejected("ALREADY_EXISTS")
    s.advance(1)
    s.when(creation("order-17")).accepted()
    s.when(creation("order-17")).rejected("ALREADY_EXISTS")


def test_forgotten_keys_take_no_room(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    for number in range(6):
        s.when(creation(f"order-{number}")).accepted()
    s.advance(HOUR_MS)
    for number in range(2):
        s.when(creation(f"later-{number}")).accepted()
    machine = s.machine()
    kept = [row.idempotency_key for _, row in machine.scan(IDEMPOTENCY)]
    assert kept == ["later-0", "later-1"]
    assert len(machine.scan(IDEMPOTENCY_EXPIRIES)) == 2


def test_a_long_key_is_kept_whole(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.when(creation("k" * 400)).accepted()
    s.when(creation("k" * 401)).accepted()
    s.when(creation("k" * 400)).rejected("ALREADY_EXISTS")
    assert msgspec.structs.asdict(s.machine().scan(IDEMPOTENCY)[0][1])["idempotency_key"].startswith("kkk")
