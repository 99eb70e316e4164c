"""What a DMN file is refused for: everything at once, each with element id, type and line."""

from __future__ import annotations

import pytest

from engine.bpmn.model import ModelRefused
from engine.dmn.expressions import TEXTS_MAX
from engine.dmn.logic import LOGIC_DEPTH_MAX
from engine.dmn.parse import parse
from tests.support.decisions import decision, evaluated, knowledge, literal, model, table, text

OK = decision("ok", literal("1"))


def problems(resource: bytes) -> list[str]:
    with pytest.raises(ModelRefused) as refused:
        parse(resource, "test.dmn")
    return [f"{p.element_type} '{p.element_id}' (line {p.line}): {p.message}" for p in refused.value.problems]


# The element, and what is said about it.
CASES = [
    (
        decision("d", literal("1 +")),
        "a literal expression to be FEEL, got an error at line 1, column 4 of '1 +'",
    ),
    (decision("d", literal("")), "expected a literal expression to be FEEL, got nothing"),
    (decision("d", literal("unknown(1)")), "expected the name of a function, got 'unknown'"),
    (decision("d", table(["x"], ["y"], [("< ", "1")])), "expected input entry 1 of rule 1 to be FEEL, got an error"),
    (decision("d", table(["x"], ["y"], [("1 2", "1")])), "expected an operator, ',' or the end of the tests, got '2'"),
    (decision("d", table(["x"], ["y"], [("-", "1 +")])), "expected output entry 1 of rule 1 to be FEEL, got an error"),
    (decision("d", table([""], ["y"], [("-", "1")])), "expected the input 'in1' to be FEEL, got nothing"),
    (decision("d", table(["x"], ["y"], [("-",)])), "expected 1 output entries in rule 1, got 0"),
    (decision("d", table(["x"], [], [])), "expected at least one output in a decision table, got none"),
    (decision("d", table(["x"], ["y", "y"], [])), "expected the names of outputs to be unique, got 'y' twice"),
    (decision("d", table(["x"], ["y", ""], [])), "expected each of several outputs to have a name, got none"),
    (
        decision("d", table(["x"], ["y"], [], policy="BEST")),
        "expected a hit policy (ANY, COLLECT, FIRST,",
    ),
    (decision("d", table(["x"], ["y"], [], policy="COLLECT/AVG")), "expected an aggregation (COUNT, MAX, MIN, SUM)"),
    (
        decision("d", table(["x"], ["y", "z"], [], policy="COLLECT/SUM")),
        "one output to aggregate with SUM, got 2",
    ),
    (
        decision("d", table(["x"], ["y"], [], policy="PRIORITY")),
        "output values of 'y', by which PRIORITY sorts",
    ),
    (decision("d", ""), "expected one expression as the logic of a decision, got none"),
    (decision("d", literal("1") + literal("2")), "expected one expression as the logic of a decision, got 2"),
    (decision("d", "<conditional/>"), "expected no boxed conditional, which cannot be executed yet"),
    (decision("d", "<for/>"), "expected no boxed iterator (for), which cannot be executed yet"),
    (decision("d", "<filter/>"), "expected no boxed filter, which cannot be executed yet"),
    (decision("d", "<strange/>" + literal("1")), "expected a known element, got strange"),
    (decision("d", text("literalExpression", "x", 'expressionLanguage="juel"')), "got the expression language 'juel'"),
    (decision("d", literal("1"), requires=["nobody"]), "expected the id of a decision of this file, got 'nobody'"),
    (decision("d", literal("1"), requires=["ok"]).replace('"#ok"', '"ns#ok"'), "expected a decision of this file, got"),
    (decision("d", literal("1"), knows=["nobody"]), "expected the id of a business knowledge model of this file"),
    (decision("d", literal("d"), requires=["d"]), "expected no cycle of requirements, got d -> d"),
    (decision("", literal("1")), "expected an id, got none; set it"),
    (decision("ok", literal("1")), "expected ids to be unique, got one that is taken on line 2"),
    (knowledge("k", {"": "number"}, literal("1")), "expected a name of its own for each parameter"),
    (knowledge("k", {}, ""), "expected one expression as the body of a function, got none"),
    (
        knowledge("k", {}, literal("1")).replace("<encapsulatedLogic", '<encapsulatedLogic kind="Java"'),
        "expected a function in FEEL, got one in Java",
    ),
    (knowledge("k", {}, literal("k()"), knows=["k"]), "expected no cycle of requirements, got k -> k"),
    (
        '<import namespace="other" importType="x"/>',
        "expected no import, got one of 'other', which cannot be",
    ),
    ("<strange/>", "expected a known element, got strange"),
    (
        decision("d", f'<relation><column name="a"/><row>{literal("1")}{literal("2")}</row></relation>'),
        "expected 1 cells in each row of a relation, got 2",
    ),
    (decision("d", "<invocation/>"), "expected the name of a function in an invocation"),
    (
        decision(
            "d",
            f"<context><contextEntry>{literal('1')}</contextEntry><contextEntry>{literal('1')}</contextEntry></context>",
        ),
        "expected a name for each entry of a context but the last",
    ),
]


@pytest.mark.parametrize(("element", "message"), CASES)
def test_refusal(element: str, message: str) -> None:
    found = problems(model(OK, element))
    assert any(message in problem and "(line 3)" in problem for problem in found), found


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        model(decision("a", literal("1 +")), decision("b", table(["x"], ["y"], [("<", "+")])), decision("c", ""))
    )
    assert [problem.split(":")[0] for problem in found] == [
        "DECISION 'a' (line 2)",
        "DECISION 'b' (line 3)",
        "DECISION 'b' (line 3)",
        "DECISION 'c' (line 4)",
    ]


def test_a_cycle_of_several() -> None:
    ring = [decision(f"d{n}", literal("1"), requires=[f"d{(n + 1) % 3}"]) for n in range(3)]
    (found,) = problems(model(*ring))
    assert "got d0 -> d1 -> d2 -> d0; remove one of them" in found


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (b"nothing", "expected well-formed XML, got a syntax error"),
        (b"<!DOCTYPE x><definitions/>", "expected no document type"),
        (b"<definitions/>", "expected a DMN file (1.1 to 1.5), whose root is definitions, got 'definitions' of ''"),
        (model(), "expected at least one decision, got none"),
        (model(OK).replace(b'id="drg"', b""), "expected the definitions to have an id, got none"),
    ],
)
def test_files_that_are_no_models(resource: bytes, message: str) -> None:
    assert any(message in problem for problem in problems(resource))


def test_what_has_no_effect_is_read_over() -> None:
    ignored = "".join(
        f'<{name} id="{name}"/>' for name in ("itemDefinition", "inputData", "knowledgeSource", "decisionService")
    )
    inside = "<description/><question/><authorityRequirement/>" + literal("1")
    assert parse(model(ignored, OK, decision("d", inside)), "test.dmn").decisions.keys() == {"ok", "d"}


# Bounds.


def nested(levels: int) -> str:
    return "<list>" * levels + literal("1") + "</list>" * levels


def test_depth_of_boxed_expressions() -> None:
    parse(model(decision("d", nested(LOGIC_DEPTH_MAX - 1))), "test.dmn")
    (found,) = problems(model(decision("d", nested(LOGIC_DEPTH_MAX))))
    assert f"expected at most {LOGIC_DEPTH_MAX} levels of expressions, got more" in found


def test_different_expressions_of_a_file() -> None:
    rules = [(*(f"{number}{column}" for column in range(10)), "1") for number in range(TEXTS_MAX // 10)]
    found = problems(model(decision("d", table(["x"] * 10, ["y"], rules))))
    assert f"expected at most {TEXTS_MAX} different expressions in a file, got more" in found[0]


def test_steps_of_an_evaluation_are_bounded_over_all_decisions() -> None:
    work = literal("count(for i in 1..90000 return i + 1)")
    chain = [decision(f"d{n}", work, requires=[f"d{n + 1}"]) for n in range(9)]
    resource = model(*chain, decision("d9", work))
    assert evaluated(resource, {}, "d9").failure == ""
    assert "expected an evaluation of at most" in evaluated(resource, {}, "d0").failure


def test_knowledge_models_cannot_recur_through_values() -> None:
    apply = knowledge("apply", {"f": "", "n": "number"}, literal("f(f, n)"))
    evaluation = evaluated(model(apply, decision("d", literal("apply(apply, 1)"), knows=["apply"])), {})
    assert "levels deep, got more; do not call recursively" in evaluation.failure
