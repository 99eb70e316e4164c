"""`uuid()` and `random number()` (Camunda's additions): made of what the variables draw, of nothing else."""

from __future__ import annotations

from hashlib import sha256
from uuid import RFC_4122, UUID

import pytest

from engine.bpmn.feel import EvaluationFailure, Value, compile_expression


class Drawn(dict[str, Value]):
    """Variables that draw the given bytes, or a hash of a count."""

    def __init__(self, *given: bytes) -> None:
        super().__init__()
        self.given = list(given)
        self.count = 0

    def draw(self) -> bytes:
        self.count += 1
        return self.given.pop(0) if self.given else sha256(self.count.to_bytes(8, "big")).digest()[:16]


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        (bytes(16), "00000000-0000-4000-8000-000000000000"),
        (b"\xff" * 16, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
        (bytes(range(16)), "00010203-0405-4607-8809-0a0b0c0d0e0f"),
    ],
)
def test_a_uuid_is_what_was_drawn_with_its_version_and_variant(drawn: bytes, expected: str) -> None:
    text = compile_expression("uuid()").evaluate(Drawn(drawn))
    assert text == expected
    assert (UUID(expected).version, UUID(expected).variant) == (4, RFC_4122)


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [(bytes(16), 0.0), (b"\x80" + bytes(15), 0.5), (b"\xff" * 16, 1 - 2**-53), (bytes(8) + b"\xff" * 8, 0.0)],
)
def test_a_random_number_is_from_0_up_to_below_1(drawn: bytes, expected: float) -> None:
    assert compile_expression("random number()").evaluate(Drawn(drawn)) == expected


def test_every_call_draws_again() -> None:
    variables = Drawn()
    drawn = compile_expression("[uuid(), uuid(), for i in 1..3 return random number(), {a: uuid()}]").evaluate(
        variables
    )
    assert isinstance(drawn, list)
    assert variables.count == 6
    assert drawn[0] != drawn[1]


def test_they_are_values_as_others() -> None:
    variables = Drawn()
    text = 'string length(uuid()) = 36 and random number() < 1 and "uuid-" + uuid() != "uuid-"'
    assert compile_expression(text).evaluate(variables) is True
    assert compile_expression("floor(random number() * 6) + 1").evaluate(Drawn(b"\xff" * 16)) == 6


def test_variables_may_have_their_names() -> None:
    assert compile_expression("uuid").evaluate({"uuid": 1}) == 1
    assert compile_expression("{uuid: 2}.uuid").evaluate({}) == 2


def test_without_chance_they_are_null() -> None:
    evaluation = compile_expression("[uuid(), random number()]").explain({})
    assert evaluation.result == [None, None]
    assert [warning.split(" to have")[0] for warning in evaluation.warnings] == [
        "expected uuid()",
        "expected random number()",
    ]


def test_what_is_drawn_is_bounded() -> None:
    variables = Drawn()
    with pytest.raises(EvaluationFailure, match="steps"):
        compile_expression("for a in 1..1000, b in 1..1000 return uuid()").evaluate(variables)
    assert variables.count < 100_000
