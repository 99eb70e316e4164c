"""Request bodies: what is read, and that everything wrong is told at once."""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec
import pytest

from engine.process.business_ids import BUSINESS_ID_LENGTH_MAX
from engine.process.creation import TAG, TAGS_MAX, TERMINATE_PROCESS_INSTANCE
from engine.process.elements.task_attributes import PRIORITY_MAX
from gateway.bodies import Bodies, Body
from gateway.fields import DEPTH_MAX, BusinessId, Document, Identity, Priority, Tag, Tags
from gateway.problems import Problem
from gateway.routes.batch_creation import BatchOptionsBody, PauseWindow
from gateway.routes.jobs import JobActivationBody, JobCompletionBody, JobUpdateBody
from gateway.routes.process_instance_creation import ProcessInstanceCreationBody, RuntimeInstructionBody
from gateway.routes.users import Password, UserBody

BODIES = Bodies(document_size_max=1000)


def problems_of(raw: bytes | dict[str, object], wanted: type[Body]) -> list[str]:
    encoded = raw if isinstance(raw, bytes) else msgspec.json.encode(raw)
    with pytest.raises(Problem) as caught:
        BODIES.decode(encoded, wanted)
    assert caught.value.status == 400
    assert caught.value.detail == "; ".join(caught.value.problems)
    return list(caught.value.problems)


def test_all_problems_of_a_body_are_told_at_once() -> None:
    given: dict[str, object] = {
        "processDefinitionId": 5,
        "processDefinitionKey": "abc",
        "processDefinitionVersion": "1",
        "variables": [1],
        "tenantId": "other",
        "tags": ["9nine", "ok", "a b"],
        "startInstructions": [{"elementId": "a"}, {"elementId": ""}, {"element": "a"}],
        "runtimeInstructions": [{"type": "OTHER", "afterElementId": "a"}],
        "requestTimeout": -1,
        "nonsense": True,
    }
    told = problems_of(given, ProcessInstanceCreationBody)
    begins = [problem.split(":")[0] for problem in told]
    assert begins == [
        "nonsense",
        "processDefinitionId",
        "processDefinitionKey",
        "processDefinitionVersion",
        "variables",
        "tenantId",
        "tags[0]",
        "tags[2]",
        "startInstructions[1].elementId",
        "startInstructions[2].element",
        "startInstructions[2].elementId",
        "runtimeInstructions[0].type",
        "requestTimeout",
        "body",
    ]
    assert all("expected" in problem and "; " in problem for problem in told)


def test_missing_and_nested_properties_are_named_with_their_path() -> None:
    assert [problem.split(":")[0] for problem in problems_of({"type": ""}, JobActivationBody)] == [
        "timeout",
        "maxJobsToActivate",
        "type",
    ]
    assert problems_of({"changeset": {}}, JobUpdateBody) == [
        "changeset: expected at least one of retries, timeout, priority, got none; give one"
    ]
    told = problems_of({"changeset": {"retries": 0, "speed": 1}, "operationReference": 0}, JobUpdateBody)
    assert [problem.split(":")[0] for problem in told] == [
        "changeset.speed",
        "changeset.retries",
        "operationReference",
    ]


@pytest.mark.parametrize("raw", [b'{"a', b"[1]", b'"text"', b"nan", b"\xff", b"[" * 100_000, b'{"type":"\\ud800"}'])
def test_what_is_no_json_object_is_one_problem(raw: bytes) -> None:
    assert len(problems_of(raw, JobActivationBody)) == 1


@pytest.mark.parametrize(
    "key", ["", "abc", "-1", "1.5", "9223372036854775808", "00000000000000000000", "١", 12, None, {}]
)
def test_a_key_is_a_64_bit_number_in_a_string(key: object) -> None:
    (told, *_) = problems_of({"processDefinitionKey": key}, ProcessInstanceCreationBody)
    assert told.startswith(("processDefinitionKey: expected a key", "body: expected exactly one"))


def test_variables_are_kept_as_compact_json() -> None:
    raw = (
        b'{"processDefinitionId":"p","variables":{ "big": 123456789012345678901234567890, "f": 1.0, "\xc3\xa4": null }}'
    )
    body = BODIES.decode(raw, ProcessInstanceCreationBody)
    assert body.variables == Document('{"big":123456789012345678901234567890,"f":1.0,"ä":null}')


def test_variables_have_a_size_and_a_depth() -> None:
    def creation(variables: object) -> dict[str, object]:
        return {"processDefinitionId": "p", "variables": variables}

    def nested(levels: int) -> object:
        return {"a": nested(levels - 1)} if levels > 1 else {}

    BODIES.decode(msgspec.json.encode(creation({"a": "x" * 990})), ProcessInstanceCreationBody)
    assert problems_of(creation({"a": "x" * 1000}), ProcessInstanceCreationBody) == [
        "variables: expected at most 1000 bytes of JSON, got 1008; keep large data elsewhere and refer to it"
    ]
    BODIES.decode(msgspec.json.encode(creation(nested(DEPTH_MAX))), ProcessInstanceCreationBody)
    assert "levels of nesting" in problems_of(creation(nested(DEPTH_MAX + 1)), ProcessInstanceCreationBody)[0]


@pytest.mark.parametrize("value", [None, False, [], "", {}])
def test_an_unsupported_property_that_says_nothing_is_no_problem(value: object) -> None:
    BODIES.decode(msgspec.json.encode({"jobLeaseToken": value}), JobCompletionBody)


def test_limits_are_those_of_the_engine() -> None:
    def meta(annotated: Any) -> msgspec.Meta:
        found: msgspec.Meta = get_args(annotated)[1]
        return found

    assert (meta(Tag).pattern, meta(Tags).max_length) == (f"^{TAG.pattern}$", TAGS_MAX)
    assert meta(BusinessId).max_length == BUSINESS_ID_LENGTH_MAX
    assert (meta(Priority).ge, meta(Priority).le) == (0, PRIORITY_MAX)
    runtime = {field.name: field.type for field in msgspec.structs.fields(RuntimeInstructionBody)}
    assert get_args(runtime["type"]) == (TERMINATE_PROCESS_INSTANCE,)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rate": -1}, "rate: expected 'number' >= 0.0, got -1; correct it"),
        ({"labels": "x"}, "labels: expected 'array', got 'string'; correct it"),
        ({"labels": ["x"] * 21}, "labels: expected 'array' of length <= 20, got one of length 21; correct it"),
        (
            {"pauseWindows": ["8-18"]},
            "pauseWindows[0]: expected 'string' such as '08:00-18:00 Europe/Berlin', got \"8-18\"; correct it",
        ),
        ({"maxFailures": {"share": 9}}, "maxFailures.share: expected 'number' <= 1.0, got 9; correct it"),
    ],
)
def test_a_problem_says_what_was_got_and_what_would_do(given: dict[str, object], expected: str) -> None:
    assert problems_of(given, BatchOptionsBody) == [expected]


def test_a_problem_shows_no_password() -> None:
    (told,) = problems_of({"username": "ada", "password": "   "}, UserBody)
    assert told == "password: expected 'string' such as 'a long sentence', got another; correct it"


def test_every_text_with_a_pattern_has_an_example() -> None:
    for wanted in (Identity, Tag, Password, PauseWindow):
        metas = [meta for meta in wanted.__metadata__ if meta.pattern]
        assert all(re.search(meta.pattern, meta.examples[0]) for meta in metas)
        assert metas
