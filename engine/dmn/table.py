"""A `decisionTable` as rules: its columns, its cells, its hit policy.

Owns what makes a table incomplete or contradictory. Source: DMN 1.5, chapter 8.
"""

from __future__ import annotations

from msgspec import Struct

from engine.bpmn.feel import Expression
from engine.bpmn.report import Report, quote
from engine.bpmn.xml_tree import Node

from . import model
from .expressions import NOTHING, Texts
from .model import DecisionTable, Input, Output, Rule
from .names import AGGREGATIONS, HIT_POLICIES, SORTING

#: Characters of an expression that names an input without a label, as in Zeebe.
INPUT_NAME_LENGTH_MAX = 30

#: Children of a table, of its columns and rules that have no effect on an evaluation.
_TABLE_CHILDREN = frozenset({"input", "output", "rule", "annotation", "description", "extensionElements"})


class Place(Struct, frozen=True, kw_only=True):
    """Where logic is read: the decision or knowledge model, what it may call, and how deep inside."""

    owner: Node
    functions: frozenset[str]
    depth: int = 0


def read_table(node: Node, place: Place, texts: Texts, report: Report) -> DecisionTable:
    """The table of a `decisionTable`. Usable only if the report stays empty."""
    owner, namespace = place.owner, node.namespace
    for child in node.children_in(namespace):
        if child.name not in _TABLE_CHILDREN:
            report.refuse(owner, f"expected no {quote(child.name)} in a decision table; remove it", at=child)
    hit_policy = node.get("hitPolicy") or model.UNIQUE
    if hit_policy not in HIT_POLICIES:
        wanted = ", ".join(sorted(HIT_POLICIES))
        report.refuse(owner, f"expected a hit policy ({wanted}), got '{quote(hit_policy)}'; correct it", at=node)
    inputs = [child for child in node.children_in(namespace) if child.name == "input"]
    outputs = [child for child in node.children_in(namespace) if child.name == "output"]
    rules = [child for child in node.children_in(namespace) if child.name == "rule"]
    _check_outputs(node, outputs, place, report)
    return DecisionTable(
        hit_policy=hit_policy,
        aggregation=_aggregation(node, hit_policy, outputs, place, report),
        inputs=tuple(_read_input(child, place, texts, report) for child in inputs),
        outputs=tuple(_read_output(child, hit_policy, place, texts, report) for child in outputs),
        rules=tuple(
            _read_rule(child, number, len(inputs), len(outputs), place, texts, report)
            for number, child in enumerate(rules, start=1)
        ),
    )


def _check_outputs(table: Node, outputs: list[Node], place: Place, report: Report) -> None:
    if not outputs:
        report.refuse(place.owner, "expected at least one output in a decision table, got none; add one", at=table)
    names = [output.get("name") for output in outputs]
    for output in outputs if len(outputs) > 1 else ():
        name = output.get("name")
        if not name:
            report.refuse(place.owner, "expected each of several outputs to have a name, got none; set it", at=output)
        elif names.count(name) > 1:
            message = f"expected the names of outputs to be unique, got '{quote(name)}' twice; rename one"
            report.refuse(place.owner, message, at=output)


def _aggregation(table: Node, hit_policy: str, outputs: list[Node], place: Place, report: Report) -> str:
    aggregation = table.get("aggregation")
    if not aggregation or hit_policy != model.COLLECT:
        return ""
    if aggregation not in AGGREGATIONS:
        wanted = ", ".join(sorted(AGGREGATIONS))
        report.refuse(place.owner, f"expected an aggregation ({wanted}), got '{quote(aggregation)}'; correct it")
    if len(outputs) > 1:
        message = f"expected one output to aggregate with {quote(aggregation)}, got {len(outputs)}; remove the others"
        report.refuse(place.owner, message, at=table)
    return aggregation


def _read_input(node: Node, place: Place, texts: Texts, report: Report) -> Input:
    label = node.get("label")
    expression = node.child(node.namespace, "inputExpression")
    if expression is None:
        message = f"expected an expression for the input '{quote(label or node.get('id'))}', got none; write one"
        report.refuse(place.owner, message, at=node)
        return Input(id=node.get("id"), name=label, expression=NOTHING)
    what = f"the input '{quote(label or node.get('id'))}'"
    return Input(
        id=node.get("id"),
        name=label or texts.text_of(expression)[:INPUT_NAME_LENGTH_MAX],
        expression=texts.expression(place.owner, expression, what, place.functions),
    )


def _read_output(node: Node, hit_policy: str, place: Place, texts: Texts, report: Report) -> Output:
    name = node.get("name") or node.get("label") or node.get("id")
    values: Expression | None = None
    if hit_policy in SORTING:
        listed = node.child(node.namespace, "outputValues")
        text = texts.text_of(listed) if listed is not None else ""
        if listed is None or not text:
            message = f"expected output values of '{quote(name)}', by which {hit_policy} sorts, got none; list them"
            report.refuse(place.owner, message, at=node)
        else:
            what = f"the output values of '{quote(name)}'"
            values = texts.compile(place.owner, listed, what, f"[{text}]", place.functions)
    entry = node.child(node.namespace, "defaultOutputEntry")
    default = None
    if entry is not None and texts.text_of(entry):
        default = texts.expression(place.owner, entry, f"the default of '{quote(name)}'", place.functions)
    return Output(id=node.get("id"), name=node.get("name"), label=node.get("label"), values=values, default=default)


def _read_rule(
    node: Node, number: int, input_count: int, output_count: int, place: Place, texts: Texts, report: Report
) -> Rule:
    tests = [child for child in node.children_in(node.namespace) if child.name == "inputEntry"]
    outputs = [child for child in node.children_in(node.namespace) if child.name == "outputEntry"]
    for entries, wanted, kind in ((tests, input_count, "input"), (outputs, output_count, "output")):
        if len(entries) != wanted:
            message = f"expected {wanted} {kind} entries in rule {number}, got {len(entries)}; add or remove some"
            report.refuse(place.owner, message, at=node)
    return Rule(
        id=node.get("id"),
        tests=tuple(
            texts.tests(place.owner, entry, f"input entry {column} of rule {number}", place.functions)
            for column, entry in enumerate(tests, start=1)
        ),
        outputs=tuple(
            texts.optional(place.owner, entry, f"output entry {column} of rule {number}", place.functions)
            for column, entry in enumerate(outputs, start=1)
        ),
    )
