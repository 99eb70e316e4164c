"""Decisions, what they require, boxed expressions. DMN 1.5, chapters 6 and 7, 10.2 and 10.4."""

from __future__ import annotations

import pytest

from engine.bpmn.feel import Value
from engine.dmn.names import DMN
from engine.dmn.parse import parse
from tests.support.decisions import DMN_1_3, decision, evaluated, knowledge, literal, model, result, table, text


@pytest.mark.parametrize("namespace", DMN)
def test_versions_of_dmn(namespace: str) -> None:
    assert result(model(decision("d", literal("x + 1")), namespace=namespace), {"x": 1}) == 2


@pytest.mark.parametrize(
    "language", ["feel", "FEEL", "https://www.omg.org/spec/DMN/20191111/FEEL/", "http://www.omg.org/spec/FEEL/20140401"]
)
def test_names_of_feel(language: str) -> None:
    logic = text("literalExpression", "1 + 1", f'expressionLanguage="{language}"')
    resource = model(decision("d", logic), attributes=f'expressionLanguage="{language}"')
    assert result(resource, {}) == 2


# A literal expression and what it gives (7.3.1, 10.3).
LITERALS: list[tuple[str, Value]] = [
    ('"a" + "b"', "ab"),
    ("x * 2", 8),
    ("missing", None),
    ('date("2026-02-28") + @"P1D"', "2026-03-01"),
    ("{a: 1, b: a + x}", {"a": 1, "b": 5}),
    ("for i in 1..3 return i * x", [4, 8, 12]),
    ("function(a) a", None),
]


@pytest.mark.parametrize(("expression", "expected"), LITERALS)
def test_literal_expression(expression: str, expected: Value) -> None:
    assert result(model(decision("d", literal(expression))), {"x": 4}) == expected


GRADES = table(["x"], ["y"], [("> 3", "1"), ("<= 3", "2")])

# Boxed expressions (10.2.1).
BOXED: list[tuple[str, Value]] = [
    (
        f'<context><contextEntry><variable name="a"/>{literal("1")}</contextEntry>'
        f'<contextEntry><variable name="b"/>{literal("a + x")}</contextEntry></context>',
        {"a": 1, "b": 5},
    ),
    (
        f'<context><contextEntry><variable name="a"/>{literal("1")}</contextEntry>'
        f"<contextEntry>{literal('a + x')}</contextEntry></context>",
        5,
    ),
    (f"<list>{literal('1')}{literal('x')}</list>", [1, 4]),
    (
        '<relation><column name="a"/><column name="b"/>'
        f"<row>{literal('1')}{literal('x')}</row><row>{literal('2')}{literal('null')}</row></relation>",
        [{"a": 1, "b": 4}, {"a": 2, "b": None}],
    ),
    (
        f'<context><contextEntry><variable name="double"/><functionDefinition><formalParameter name="n"/>'
        f"{literal('2 * n')}</functionDefinition></contextEntry><contextEntry>{literal('double(x)')}</contextEntry>"
        "</context>",
        8,
    ),
    (
        f'<context><contextEntry><variable name="t"/>{GRADES}</contextEntry>'
        f"<contextEntry>{literal('t + 10')}</contextEntry></context>",
        11,
    ),
    ("<list/>", []),
]


@pytest.mark.parametrize(("logic", "expected"), BOXED)
def test_boxed_expression(logic: str, expected: Value) -> None:
    assert result(model(decision("d", logic)), {"x": 4}) == expected


def test_kinds_of_decisions() -> None:
    logics = {
        "DECISION_TABLE": table(["1"], ["y"], [("-", "1")]),
        "LITERAL_EXPRESSION": literal("1"),
        "CONTEXT": f'<context><contextEntry><variable name="a"/>{literal("1")}</contextEntry></context>',
        "LIST": "<list/>",
        "RELATION": '<relation><column name="a"/></relation>',
        "INVOCATION": f"<invocation>{literal('f')}</invocation>",
    }
    found = parse(model(*(decision(kind, logic) for kind, logic in logics.items())), "test.dmn")
    assert {id_: one.type for id_, one in found.decisions.items()} == {kind: kind for kind in logics}


# Knowledge models as functions (6.3.7, 10.4).


def test_knowledge_models_are_called_from_feel() -> None:
    double = knowledge("double", {"n": "number"}, literal("2 * n"))
    assert result(model(double, decision("d", literal("double(x) + double(n: 1)"), knows=["double"])), {"x": 4}) == 10


def test_knowledge_models_call_others_and_hold_tables() -> None:
    grade = knowledge("grade", {"n": "number"}, table(["n"], ["g"], [("> 3", '"high"'), ("<= 3", '"low"')]))
    tell = knowledge("tell", {"n": "number"}, literal('"it is " + grade(n)'), knows=["grade"])
    assert result(model(grade, tell, decision("d", literal("tell(x)"), knows=["tell"])), {"x": 4}) == "it is high"


def test_invocation_binds_parameters_by_name() -> None:
    between = knowledge("subtract", {"a": "number", "b": "number"}, literal("a - b"))
    bindings = "".join(
        f'<binding><parameter name="{name}"/>{literal(value)}</binding>' for name, value in {"b": "1", "a": "x"}.items()
    )
    logic = f"<invocation>{literal('subtract')}{bindings}</invocation>"
    assert result(model(between, decision("d", logic, knows=["subtract"])), {"x": 4}) == 3


def test_names_of_several_words_need_no_backticks() -> None:
    """Of input data, parameters, knowledge models and variables (10.3.1.5)."""
    payment = knowledge(
        "Monthly Payment", {"the loan": "number", "term in years": "number"}, literal("the loan / (12 * term in years)")
    )
    resource = model(
        payment,
        '<inputData id="i1" name="Loan"><variable name="loan amount"/></inputData>',
        decision(
            "d", literal("Monthly Payment(loan amount, 10) + the rest.a"), requires=["r"], knows=["Monthly Payment"]
        ),
        decision("r", literal("{a: loan amount}"), variable='name="the rest"'),
    )
    assert result(resource, {"loan amount": 1200}) == 1210
    call = f"<invocation>{literal('Monthly Payment')}" + "".join(
        f'<binding><parameter name="{name}"/>{literal(value)}</binding>'
        for name, value in {"the loan": "240", "term in years": "1"}.items()
    )
    assert result(model(payment, decision("d", f"{call}</invocation>", knows=["Monthly Payment"])), {}) == 20


@pytest.mark.parametrize(
    ("bindings", "failure"),
    [
        ({"a": "1"}, "expected the arguments (a, b) for 'subtract', got others"),
        ({"a": "1", "b": "2", "c": "3"}, "expected the arguments (a, b) for 'subtract', got others"),
        ({"a": '"text"', "b": "2"}, "expected the argument 'a' of the knowledge model 'subtract' to be a number, got"),
    ],
)
def test_wrong_arguments_of_an_invocation(bindings: dict[str, str], failure: str) -> None:
    called = knowledge("subtract", {"a": "number", "b": "number"}, literal("a - b"))
    bound = "".join(f'<binding><parameter name="{n}"/>{literal(v)}</binding>' for n, v in bindings.items())
    logic = f"<invocation>{literal('subtract')}{bound}</invocation>"
    assert failure in evaluated(model(called, decision("d", logic, knows=["subtract"])), {}).failure


def test_what_is_invoked_must_be_a_function() -> None:
    evaluation = evaluated(model(decision("d", f"<invocation>{literal('x')}</invocation>")), {"x": 1})
    assert evaluation.failure == "decision 'd': expected a function to invoke, got none called 'x'"


# Requirements (6.3).


def test_required_decisions_are_seen_by_the_name_of_their_variable_or_their_id() -> None:
    resource = model(
        decision("d", literal("`the sum` + b + the sum"), requires=["a", "b"]),
        decision("a", literal("x + 1"), variable='name="the sum" typeRef="number"'),
        decision("b", table(["x"], ["y"], [("> 1", "10")])),
    )
    evaluation = evaluated(resource, {"x": 4, "b": "hidden by the result"})
    assert evaluation.output == 20
    assert [(one.decision.id, one.output) for one in evaluation.decisions] == [("a", 5), ("b", 10), ("d", 20)]


def test_only_what_is_required_directly_is_seen() -> None:
    resource = model(
        decision("d", literal("[a, b]"), requires=["a"]),
        decision("a", literal("b"), requires=["b"]),
        decision("b", literal('"from b"')),
    )
    assert result(resource, {}) == ["from b", None]


def test_what_two_decisions_require_is_evaluated_once() -> None:
    resource = model(
        decision("d", literal("a + b"), requires=["a", "b"]),
        decision("a", literal("base"), requires=["base"]),
        decision("b", literal("base"), requires=["base"]),
        decision("base", literal("1")),
        decision("other", literal("1")),
    )
    assert [one.decision.id for one in evaluated(resource, {}).decisions] == ["base", "a", "b", "d"]


def test_results_keep_their_feel_types_on_the_way() -> None:
    resource = model(decision("d", literal('a + @"P1D"'), requires=["a"]), decision("a", literal('@"2026-01-01"')))
    assert result(resource, {}) == "2026-01-02"


def test_a_failure_ends_the_evaluation_and_names_its_decision() -> None:
    resource = model(
        decision("d", literal("a"), requires=["a", "ok"]),
        decision("ok", literal("1")),
        decision("a", table(["x"], ["y"], [("-", "1"), ("> 0", "2")])),
    )
    evaluation = evaluated(resource, {"x": 1})
    assert evaluation.failed_decision == "a"
    assert [one.decision.id for one in evaluation.decisions] == ["a"]
    assert evaluation.decisions[0].inputs[0].value == 1


def test_a_chain_of_requirements_may_be_long() -> None:
    links = [decision(f"d{n}", literal(f"d{n + 1} + 1"), requires=[f"d{n + 1}"]) for n in range(5_000)]
    resource = model(*links, decision("d5000", literal("0")))
    assert result(resource, {}, "d0") == 5_000


# Types (7.3.2: typeRef of a decision's variable).


@pytest.mark.parametrize(
    ("type_ref", "expression", "fails"),
    [
        ("number", "1", False),
        ("number", '"1"', True),
        ("string", '"1"', False),
        ("string", "1", True),
        ("feel:boolean", "true", False),
        ("boolean", "1", True),
        ("date", '@"2026-01-01"', False),
        ("date", '"2026-01-01"', True),
        ("dateTime", '@"2026-01-01T10:00:00Z"', False),
        ("time", '@"10:00:00"', False),
        ("dayTimeDuration", '@"P1D"', False),
        ("yearMonthDuration", '@"P1D"', True),
        ("number", "null", False),
        ("Any", '"x"', False),
        ("tMine", '"x"', False),
    ],
)
def test_type_of_a_result(type_ref: str, expression: str, fails: bool) -> None:
    variable = f'name="v" typeRef="{type_ref}"'
    evaluation = evaluated(model(decision("d", literal(expression), variable=variable)), {})
    assert bool(evaluation.failure) is fails
    assert not fails or evaluation.failure.startswith("decision 'd': expected the result to be a ")


# The account of an evaluation.


def test_inputs_and_matched_rules_are_told() -> None:
    rules = [("> 1", "-", '"a"', "x"), ("-", '"k"', '"b"', "")]
    resource = model(decision("d", table(["x", "upper case(k)"], ["y", "z"], rules, policy="COLLECT")))
    (one,) = evaluated(resource, {"x": 2, "k": "k"}).decisions
    assert [(i.id, i.name, i.value) for i in one.inputs] == [("in1", "x", 2), ("in2", "upper case(k)", "K")]
    (rule,) = one.rules
    assert (rule.id, rule.index) == ("rule1", 1)
    assert [(o.id, o.name, o.value) for o in rule.outputs] == [("out1", "y", "a"), ("out2", "z", 2)]


def test_labels_name_inputs_and_outputs() -> None:
    resource = model(decision("d", table(["x"], ["y"], [("-", "1")])))
    labelled = resource.replace(b'<input id="in1"', b'<input id="in1" label="The X"')
    labelled = labelled.replace(b'<output id="out1"', b'<output id="out1" label="The Y"')
    (one,) = evaluated(labelled, {"x": 2}).decisions
    assert (one.inputs[0].name, one.rules[0].outputs[0].name) == ("The X", "The Y")


def test_what_the_file_says_of_itself() -> None:
    tagged = decision("d", literal("1")).replace(
        "<literal", '<extensionElements><zeebe:versionTag value="v1"/></extensionElements><literal', 1
    )
    found = parse(model(tagged), "test.dmn")
    assert (found.id, found.name, found.namespace) == ("drg", "Graph", "ns")
    one = found.decisions["d"]
    assert (one.name, one.version_tag, one.result_name, one.type) == ("Decision d", "v1", "d", "LITERAL_EXPRESSION")
    assert DMN[DMN_1_3] == "1.3"
