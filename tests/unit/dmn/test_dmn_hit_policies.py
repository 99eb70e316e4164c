"""Hit policies and aggregation. DMN 1.5, 8.2.8 to 8.2.10."""

from __future__ import annotations

import pytest

from engine.bpmn.feel import Value
from tests.support.decisions import decision, evaluated, matched, model, result, table

SIZES = [("> 0", '"small"', "1"), ("> 10", '"medium"', "2"), ("> 100", '"large"', "3")]
VALUES = {"size": '"large", "medium", "small"'}


def sizes(policy: str, *outputs: str) -> bytes:
    """Rules that overlap, with the outputs `size` and `fee` or one of them."""
    names = outputs or ("size",)
    columns = {"size": 1, "fee": 2}
    rules = [(rule[0], *(rule[columns[name]] for name in names)) for rule in SIZES]
    values = {**VALUES, "fee": "3, 2, 1"}
    return model(decision("d", table(["x"], names, rules, policy=policy, values=values)))


@pytest.mark.parametrize(
    ("policy", "x", "expected"),
    [
        ("UNIQUE", 5, "small"),
        ("", 5, "small"),
        ("UNIQUE", 0, None),
        ("FIRST", 500, "small"),
        ("FIRST", 0, None),
        ("PRIORITY", 500, "large"),
        ("PRIORITY", 50, "medium"),
        ("PRIORITY", 0, None),
        ("COLLECT", 500, ["small", "medium", "large"]),
        ("COLLECT", 5, ["small"]),
        ("COLLECT", 0, None),
        ("RULE ORDER", 500, ["small", "medium", "large"]),
        ("RULE ORDER", 0, None),
        ("OUTPUT ORDER", 500, ["large", "medium", "small"]),
        ("OUTPUT ORDER", 50, ["medium", "small"]),
    ],
)
def test_hit_policy(policy: str, x: int, expected: Value) -> None:
    assert result(sizes(policy), {"x": x}) == expected


@pytest.mark.parametrize(
    ("aggregation", "x", "expected"),
    [
        ("SUM", 500, 6),
        ("SUM", 5, 1),
        ("MIN", 500, 1),
        ("MAX", 500, 3),
        ("COUNT", 500, 3),
        ("COUNT", 50, 2),
        # without a match there is nothing to aggregate
        ("SUM", 0, None),
        ("COUNT", 0, None),
    ],
)
def test_aggregation(aggregation: str, x: int, expected: Value) -> None:
    assert result(sizes(f"COLLECT/{aggregation}", "fee"), {"x": x}) == expected


def test_sums_are_decimal() -> None:
    rules = [("-", "0.1"), ("-", "0.2"), ("-", "-1")]
    resource = model(decision("d", table(["x"], ["y"], rules, policy="COLLECT/SUM")))
    assert result(resource, {}) == -0.7


def test_counting_takes_any_outputs() -> None:
    assert result(sizes("COLLECT/COUNT"), {"x": 500}) == 3


def test_sums_need_numbers() -> None:
    evaluation = evaluated(sizes("COLLECT/SUM"), {"x": 500})
    assert evaluation.failure == "decision 'd': expected numbers to aggregate with SUM, got string \"small\""


def test_unique_refuses_two_rules_and_tells_both() -> None:
    evaluation = evaluated(sizes("UNIQUE"), {"x": 50})
    assert evaluation.failure == "decision 'd': expected at most one rule to match (hit policy UNIQUE), got 2"
    assert evaluation.failed_decision == "d"
    assert [rule.index for rule in evaluation.decisions[-1].rules] == [1, 2]


@pytest.mark.parametrize(("other", "fails"), [('"a"', False), ('"b"', True)])
def test_any_wants_the_same_outputs(other: str, fails: bool) -> None:
    rules = [("> 0", '"a"', "1"), ("> 1", other, "1.0")]
    evaluation = evaluated(model(decision("d", table(["x"], ["y", "z"], rules, policy="ANY"))), {"x": 2})
    if fails:
        assert "(hit policy ANY), got others" in evaluation.failure
    else:
        assert evaluation.output == {"y": "a", "z": 1}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("FIRST", {"size": "small", "fee": 1}),
        ("PRIORITY", {"size": "large", "fee": 3}),
        ("RULE ORDER", [{"size": "small", "fee": 1}, {"size": "medium", "fee": 2}, {"size": "large", "fee": 3}]),
        ("OUTPUT ORDER", [{"size": "large", "fee": 3}, {"size": "medium", "fee": 2}, {"size": "small", "fee": 1}]),
        ("COLLECT", [{"size": "small", "fee": 1}, {"size": "medium", "fee": 2}, {"size": "large", "fee": 3}]),
    ],
)
def test_several_outputs_are_a_context(policy: str, expected: Value) -> None:
    assert result(sizes(policy, "size", "fee"), {"x": 500}) == expected


def test_priority_goes_by_the_first_column_first() -> None:
    rules = [("-", '"b"', "1"), ("-", '"a"', "2"), ("-", '"a"', "3"), ("-", '"unlisted"', "3")]
    values = {"y": '"a", "b"', "z": "3, 2, 1"}
    resource = model(decision("d", table(["x"], ["y", "z"], rules, policy="OUTPUT ORDER", values=values)))
    answer = result(resource, {})
    assert isinstance(answer, list)
    assert answer == [{"y": "a", "z": 3}, {"y": "a", "z": 2}, {"y": "b", "z": 1}, {"y": "unlisted", "z": 3}]


def test_first_looks_no_further() -> None:
    endless = "count(for i in 1..100000 return for j in 1..100000 return i)"
    rules = [("-", "1"), (f"{endless} > ?", "2")]
    assert result(model(decision("d", table(["x"], ["y"], rules, policy="FIRST"))), {"x": 1}) == 1


@pytest.mark.parametrize(
    ("outputs", "defaults", "expected"),
    [
        (["y"], {"y": '"none"'}, "none"),
        (["y", "z"], {"y": '"none"', "z": "0"}, {"y": "none", "z": 0}),
        (["y", "z"], {"y": '"none"'}, {"y": "none"}),
        (["y"], {"y": "x + 1"}, 6),
        (["y"], {}, None),
    ],
)
def test_default_outputs_when_no_rule_matches(outputs: list[str], defaults: dict[str, str], expected: Value) -> None:
    """8.2.11: a default output entry."""
    rules = [("> 10", *("1" for _ in outputs))]
    resource = model(decision("d", table(["x"], outputs, rules, defaults=defaults)))
    assert result(resource, {"x": 5}) == expected
    assert matched(resource, {"x": 5}) == []
