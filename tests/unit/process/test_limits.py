"""Sizes, and commands that nobody can read: a partition goes on whatever lies on its inputs."""

from __future__ import annotations

import pytest
from msgspec import structs

from engine.core.ports import COMMANDS, INTERNAL, VALUE_SIZE_MAX
from engine.core.record import EVENT, Record, Step, command
from engine.records import Job, ProcessInstance, ProcessInstanceCreation, Variable
from tests.support import models as m
from tests.support.actions import activate, activation, complete, resolve, set_variables
from tests.support.fixture import MakeScenario
from tests.support.scenario import CODEC, Scenario, make


def text(size: int, character: str = "x") -> str:
    return f'"{character * size}"'


def test_variables_of_almost_4_megabytes(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one", f'{{"a": {text(3_900_000)}}}')
    (key,) = activate(s)
    complete(s, key, f'{{"a": {text(3_900_000, "y")}}}').has("one COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("character", ["x", "ü"])
def test_an_instance_too_large_for_an_activation_gets_an_incident(scenario: MakeScenario, character: str) -> None:
    s = scenario()
    s.deploy(m.one_task())
    size = 3_000_000 // len(character.encode())
    large = s.create("one", f'{{"a": {text(size, character)}}}')
    set_variables(s, large, f'{{"b": {text(size, character)}}}').accepted()
    s.create("one", '{"a": 1}')
    moment = s.when(activation()).accepted()
    incident = moment.one("INCIDENT", "CREATED", error_type="MESSAGE_SIZE_EXCEEDED")
    assert moment.one("JOB", "ACTIVATED").value.variables == '{"a":1}'
    assert activate(s) == []
    set_variables(s, large, '{"b": 0}')
    resolve(s, incident.key).accepted()
    assert activate(s) == [incident.value.job_key]


def test_a_command_whose_records_would_be_too_large_is_refused_and_leaves_nothing(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    before = s.rows()
    overhead = len(CODEC.encode(_creation("")))
    s.when(_creation(f'{{"a": {text(VALUE_SIZE_MAX - overhead - 20)}}}')).rejected("EXCEEDED_LIMIT", "send less")
    assert len(s.partitions[1].events[-1]) < 2000
    assert {name: count for name, count in s.rows().items() if name != "SOURCES"} == {
        name: count for name, count in before.items() if name != "SOURCES"
    }


def _creation(variables: str) -> Record:
    wish = ProcessInstanceCreation(bpmn_process_id="one", variables=variables)
    return make("PROCESS_INSTANCE_CREATION", "CREATE", wish)


def test_an_expression_that_makes_a_value_too_large_is_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(
        m.straight(
            "p", m.script("t", "=a + a", "b"), m.job("j", "work", m.mapping([("=a + a", "c")])), names=["t", "j"]
        )
    )
    key = s.create("p", f'{{"a": {text(2_200_000)}}}')
    first = s.everything().accepted().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    set_variables(s, key, '{"a": "x"}')
    resolve(s, first.key).accepted().one("JOB", "CREATED")
    s.cancel(key)


def test_a_message_tells_the_kind_of_a_large_value_not_the_value(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.job("t", "=b"), names=["t"]))
    s.create("p", f'{{"b": [{text(3_000_000)}]}}')
    incident = s.everything().accepted().one("INCIDENT", "CREATED")
    assert incident.value.error_message == "expected the job type 'b' to be a string, got list"


def test_a_long_message_is_cut(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    (job,) = s.everything().all("JOB", "CREATED")
    failure = Job(retries=0, error_message="x" * 20_000)
    incident = s.when(make("JOB", "FAIL", failure, job.key)).accepted().one("INCIDENT", "CREATED")
    assert len(incident.value.error_message) == 10_000


def test_a_pause_that_grows_beyond_a_record_sets_the_instance_aside(scenario: MakeScenario) -> None:
    """Two tokens a turn: the stack grows for ever; the limit of rounds ends it before the limit of size does."""
    s = scenario(settings={"step_effects_max": 200, "continuation_rounds_max": 20})
    s.deploy(m.endless("p", m.flow("turn", "merge", name="twice")))
    key = s.create("p")
    s.everything().accepted().one("INCIDENT", "CREATED", error_type="UNKNOWN", element_id="p")
    s.cancel(key)
    assert s.is_empty()


UNREADABLE = [b"", b"x", b"\xc3\x01", b"\x00\x00\x00\x00\x07abc", b"\xc3\x01" + b"\x07" * 8 + b"rest", b"{}" * 1000]


@pytest.mark.parametrize("topic", [COMMANDS, INTERNAL])
@pytest.mark.parametrize("value", UNREADABLE)
def test_what_cannot_be_read_is_rejected_with_its_place(scenario: MakeScenario, value: bytes, topic: str) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.send_bytes(value, 1, topic)
    s.drain()
    refused = s.everything().rejection()
    assert (refused.value_type, refused.rejection_code) == ("INTAKE", "UNREADABLE")
    assert (refused.value.topic, refused.value.size) == (topic, len(value))
    s.create("one")


def test_every_cut_of_a_command_is_rejected_or_understood(scenario: MakeScenario) -> None:
    s = scenario()
    data = CODEC.encode(_creation('{"a": 1}'))
    for size in range(len(data)):
        s.send_bytes(data[:size])
    s.drain()
    assert len(s.records()) == len(data)


def test_unknown_intents(scenario: MakeScenario) -> None:
    s = scenario()
    s.when(make("JOB", "EXPLODE", Job())).rejected("INVALID_ARGUMENT", "COMPLETE")
    s.when(make("VARIABLE", "CREATED", Variable())).rejected("INVALID_ARGUMENT", "VARIABLE")


@pytest.mark.parametrize("field", ["request", "claims", "trace_context", "idempotency_key", "intent"])
@pytest.mark.parametrize("size", [100_000, VALUE_SIZE_MAX - 200])
def test_metadata_of_any_size_never_stop_a_partition(scenario: MakeScenario, field: str, size: int) -> None:
    s = scenario()
    record = make("JOB", "COMPLETE", Job())
    large = "x" * size
    if field == "intent":
        record = structs.replace(record, intent=large)
    else:
        record = structs.replace(record, step=structs.replace(record.step, **{field: large}))
    s.when(record, 1).rejected("UNREADABLE", "metadata")


def test_an_event_on_an_input_is_refused_whatever_it_claims(scenario: MakeScenario) -> None:
    """Least of all may it claim to be a message of another partition: later messages of that one would be lost."""
    s = scenario(2)
    record = command("JOB", "COMPLETED", Job(), step=Step(sender_partition=1, sender_number=99))
    s.when(structs.replace(record, record_type=EVENT), 2).rejected("INVALID_ARGUMENT", "COMMAND")
    s.when(record, 2)
    assert "RECEIVED" not in s.rows()
    s.deploy(m.one_task())
    assert s.rows()["DEFINITIONS"] == 2


def test_a_repeated_message_of_a_partition_is_taken_once(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.deploy(m.one_task())
    message = s.partitions[2].inputs[INTERNAL][0].value
    marks = s.marks()
    s.send_bytes(message, 2, INTERNAL)
    s.drain()
    assert s.since(marks).records == []


def test_the_same_idempotency_key_again_is_refused(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    wish = structs.replace(_creation(""), step=Step(idempotency_key="once"))
    s.when(wish).accepted()
    s.when(wish).rejected("ALREADY_EXISTS", "once")
    s.now += 3_600_000
    s.when(wish).accepted()


def test_the_keys_of_a_refused_command_are_given_back(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    before = s.machine().last_key
    s.when(_creation("[]")).rejected("INVALID_ARGUMENT")
    assert s.machine().last_key == before


def test_cancel_of_a_key_of_another_partition(scenario: MakeScenario) -> None:
    s: Scenario = scenario(2)
    s.deploy(m.one_task())
    key = s.create("one", partition=1)
    wish = make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key)
    s.when(wish, 2).rejected("INVALID_ARGUMENT", f"got {key}, which lives on partition 1; send it there")
