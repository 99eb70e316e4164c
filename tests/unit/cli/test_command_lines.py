"""Lines of JSON as commands: every family and intent of a client, and all that may be wrong, told at once."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import zlib
from collections.abc import AsyncIterator, Sequence

import pytest

from engine.assembly import Assembly
from engine.cli.command_lines import AT_ONCE, NAMES, CommandLines, Wish
from engine.cli.producing import ACCEPTED, NOT_SENT, Outcome, Turns, produce
from engine.core.ports import VALUE_SIZE_MAX
from engine.core.record import NONE
from engine.records import ProcessInstanceCreation
from engine.records.intents import INTENTS

KEY = (2 << 51) + 7
NUMBERS = itertools.count(1)
LINES = CommandLines(Assembly().codec, 3, lambda: f"test/{next(NUMBERS)}", "user:ada")
CREATION = {"valueType": "PROCESS_INSTANCE_CREATION", "intent": "CREATE"}


def wish(**document: object) -> Wish:
    found, problems = LINES.read("line 1", json.dumps(document).encode())
    assert not problems
    assert found is not None
    return found


def problems(*given: bytes, **document: object) -> Sequence[str]:
    found, told = LINES.read("line 1", given[0] if given else json.dumps(document).encode())
    assert found is None
    return told


@pytest.mark.parametrize(
    ("value_type", "intent"), [(name, intent) for name, intents in INTENTS.items() for intent in intents.commands]
)
def test_every_command_of_a_client_can_be_written(value_type: str, intent: str) -> None:
    without_key = intent == "CREATE" or (value_type, intent) in (("JOB_BATCH", "ACTIVATE"), AT_ONCE)
    found = wish(valueType=value_type, intent=intent, **({} if without_key else {"key": str(KEY)}))
    assert (found.record.value_type, found.record.intent) == (value_type, intent)
    assert found.record.key == (NONE if without_key else KEY)
    first = value_type in ("DEPLOYMENT", "USER", "GROUP", "AUTHORIZATION")
    first = first or value_type in ("MESSAGE", "MESSAGE_CORRELATION")  # that of an empty correlation key
    assert found.partition == (1 if first else 0 if without_key else 2)


def test_what_is_done_at_once_goes_where_its_items_live() -> None:
    execution = {"valueType": "BATCH_OPERATION_CREATION", "intent": "EXECUTE"}
    value = {"itemKeys": [str(KEY), str(KEY + 1)]}
    assert wish(**execution, value=value, idempotencyKey="once").partition == 2
    assert wish(**execution, value=value, partition=2).partition == 2
    expected = "partition: expected 2, where the items live, or none, got 3"
    assert problems(**execution, value=value, partition=3) == [expected]
    for elsewhere in (KEY - (1 << 51), KEY + (2 << 51)):
        value = {"itemKeys": [str(KEY), str(elsewhere)]}
        (problem,) = problems(**execution, value=value)
        assert problem.startswith("value.itemKeys: expected keys of one of the partitions 1 to 3, got some of ")
    (problem,) = problems(**execution, value={"itemKeys": [str(4 << 51)]})
    assert problem == "value.itemKeys: expected keys of one of the partitions 1 to 3, got some of 4"


def test_all_that_a_line_may_have() -> None:
    value = {
        "bpmnProcessId": "p",
        "bpmnVersion": "-1",
        "processDefinitionKey": str(KEY),
        "awaitResult": False,
        "tags": ["a", "b"],
        "startInstructions": [{"elementId": "e"}],
    }
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    more = {"partition": 3, "idempotencyKey": "once", "operationReference": 5, "traceContext": trace}
    found = wish(**CREATION, value=value, **more)
    creation = found.record.value
    assert isinstance(creation, ProcessInstanceCreation)
    assert (creation.bpmn_version, creation.process_definition_key, creation.tags) == (-1, KEY, ("a", "b"))
    assert creation.start_instructions[0].element_id == "e"
    step = found.record.step
    assert (step.idempotency_key, step.operation_reference, step.trace_context) == ("once", 5, trace)
    assert found.partition == 3
    assert step.request.startswith("test/")


def test_bytes_are_base64() -> None:
    resources = [{"resourceName": "a.bpmn", "resource": base64.b64encode(b"<x/>").decode()}]
    found = wish(valueType="DEPLOYMENT", intent="CREATE", value={"resources": resources})
    assert found.record.value.resources[0].resource == b"<x/>"  # type: ignore[attr-defined]


def test_what_has_a_name_goes_where_the_gateway_sends_it() -> None:
    assert wish(**CREATION, idempotencyKey="once").partition == zlib.crc32(b"once") % 3 + 1
    assert wish(**CREATION, idempotencyKey="once", value={"businessId": "b"}).partition == zlib.crc32(b"b") % 3 + 1


def test_what_may_go_anywhere_goes_to_the_partitions_in_turn() -> None:
    wishes = [wish(**CREATION), wish(**CREATION, partition=3), *[wish(**CREATION)] * 3]
    turns = Turns(3)
    spread = [one for page in (wishes[:3], wishes[3:]) for one in turns.spread(page)]
    assert [one.partition for one in spread] == [1, 3, 2, 3, 1]


@pytest.mark.parametrize("line", [b"nope", b"[]", b"1", b'"text"', b"{", b"\xff"])
def test_what_is_no_object(line: bytes) -> None:
    (told,) = problems(line)
    assert told.startswith("expected one JSON object on the line, got")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({**CREATION, "vale": 1}, f"vale: expected one of {', '.join(NAMES)}, got another name"),
        ({}, "valueType: expected one of DEPLOYMENT, "),
        ({"valueType": "CLOCK", "intent": "TICK"}, 'got "CLOCK"'),
        ({"valueType": "DEPLOYMENT", "intent": "DISTRIBUTE"}, 'intent: expected one of CREATE, got "DISTRIBUTE"'),
        ({"valueType": "JOB", "intent": "COMPLETE"}, "key: expected the key of what JOB is about, got none"),
        ({"valueType": "JOB", "intent": "FAIL", "key": 5}, "key: expected a key of the partitions 1 to 3, got 5"),
        ({"valueType": "JOB", "intent": "FAIL", "key": "x"}, "key: expected a whole number"),
        ({"valueType": "JOB", "intent": "FAIL", "key": True}, "key: expected a whole number"),
        ({"valueType": "JOB", "intent": "FAIL", "key": KEY, "partition": 1}, "partition: expected 2, where key"),
        ({**CREATION, "partition": 4}, "partition: expected a whole number from 0 to 3, got 4"),
        ({**CREATION, "idempotencyKey": 5}, "idempotencyKey: expected a text, got 5"),
        ({**CREATION, "traceContext": "x"}, 'traceContext: expected a W3C traceparent, got "x"'),
        ({**CREATION, "value": []}, "value: expected an object, got []"),
        ({**CREATION, "value": {"variables": {"a": 1}}}, "value.variables: expected a text, got {"),
        (
            {**CREATION, "value": {"bpmnVersion": 1 << 31}},
            "value.bpmnVersion: expected a whole number from -2147483648",
        ),
        ({**CREATION, "value": {"awaitResult": 1}}, "value.awaitResult: expected true or false, got 1"),
        ({**CREATION, "value": {"tags": "a"}}, 'value.tags: expected a list, got "a"'),
        ({**CREATION, "value": {"tags": [1]}}, "value.tags[0]: expected a text, got 1"),
        (
            {**CREATION, "value": {"startInstructions": [{"element": 1}]}},
            "value.startInstructions[0].element: expected one",
        ),
        ({**CREATION, "value": {"businessId": "\ud800"}}, "expected one JSON object on the line, got"),
        ({**CREATION, "value": {"variables": "x" * VALUE_SIZE_MAX}}, f"expected a command of at most {VALUE_SIZE_MAX}"),
        (
            {"valueType": "DEPLOYMENT", "intent": "CREATE", "value": {"resources": [{"resource": "%"}]}},
            "expected base64",
        ),
    ],
)
def test_what_is_wrong_is_told(document: dict[str, object], told: str) -> None:
    found = problems(**document)
    assert len(found) == 1, found
    assert told in found[0]


def test_all_problems_of_a_line_are_told_at_once() -> None:
    value = {"bpmnProcessID": "p", "bpmnVersion": "x", "variables": {}, "tags": 1}
    found = problems(valueType="PROCESS_INSTANCE_CREATION", intent="CREAT", more=1, value=value, partition=9)
    assert len(found) == 7, found


def test_after_a_command_that_could_not_be_sent_no_more_are() -> None:
    sent: list[Wish] = []

    async def send(one: Wish) -> Outcome:
        sent.append(one)
        is_last = len(sent) > 3
        return Outcome(wish=one, outcome=NOT_SENT if is_last else ACCEPTED, reason="gone" if is_last else "")

    async def pages() -> AsyncIterator[Sequence[Wish]]:
        yield wishes
        raise AssertionError("expected nothing more to be read")

    async def run() -> list[Outcome]:
        return [found async for found in produce(send, pages())]

    wishes = [wish(**CREATION) for _ in range(2_000)]
    outcomes = asyncio.run(run())
    assert [found.wish for found in outcomes] == wishes
    assert [found.outcome for found in outcomes[:3]] == [ACCEPTED] * 3
    assert {(found.outcome, found.reason) for found in outcomes[3:]} == {(NOT_SENT, "gone")}
    assert len(sent) < 1_000


@pytest.mark.parametrize(("key", "partition"), [("k", 2), ("away", 3), ("order", 1)])
def test_a_message_goes_to_the_partition_of_its_correlation_key(key: str, partition: int) -> None:
    value = {"name": "paid", "correlationKey": key}
    assert wish(valueType="MESSAGE", intent="PUBLISH", value=value).partition == partition
