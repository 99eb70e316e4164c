"""How the rules that match become one result.

Source: DMN 1.5, 8.2.8 (hit policies) and 8.2.10 (aggregation); dmn-scala where no rule matches (null, whatever the
policy, unless there is a default).
"""

from __future__ import annotations

from decimal import Decimal

from engine.bpmn.feel import EvaluationFailure, brief
from engine.bpmn.feel.arithmetic import Number, exact
from engine.bpmn.feel.calculation import add
from engine.bpmn.feel.limits import Budget
from engine.bpmn.feel.values import Data, Scope, compare, equal, identity

from . import model
from .model import DecisionTable, Output

Row = tuple[Data, ...]
"""The outputs of one matched rule, in the order of the columns."""


def combine(table: DecisionTable, rows: list[Row], scope: Scope, budget: Budget) -> Data:
    """The result of the rules that match, which are at least one, in their order. Raises EvaluationFailure."""
    match table.hit_policy:
        case model.FIRST:
            return _single(table, rows[0])
        case model.UNIQUE:
            if len(rows) > 1:
                raise EvaluationFailure(f"expected at most one rule to match (hit policy UNIQUE), got {len(rows)}")
            return _single(table, rows[0])
        case model.ANY:
            if len({identity(list(row), budget) for row in rows}) > 1:
                raise EvaluationFailure("expected rules with the same outputs to match (hit policy ANY), got others")
            return _single(table, rows[0])
        case model.PRIORITY:
            return _single(table, _sorted(table, rows, scope, budget)[0])
        case model.OUTPUT_ORDER:
            return [_single(table, row) for row in _sorted(table, rows, scope, budget)]
        case model.RULE_ORDER:
            return [_single(table, row) for row in rows]
    return _collect(table, rows, budget)


def default(table: DecisionTable, scope: Scope, budget: Budget) -> Data:
    """The result when no rule matches: the defaults of the outputs that have one, else null."""
    found = {
        output.name: output.default.compute(scope, budget) for output in table.outputs if output.default is not None
    }
    if len(table.outputs) == 1 or not found:
        return next(iter(found.values()), None)
    return found


def _single(table: DecisionTable, row: Row) -> Data:
    """The value of the only output, or a context of several."""
    if len(table.outputs) == 1:
        return row[0]
    return {output.name: value for output, value in zip(table.outputs, row, strict=True)}


def _sorted(table: DecisionTable, rows: list[Row], scope: Scope, budget: Budget) -> list[Row]:
    """By the place of each output among its output values, the first column first; unlisted values come last."""
    orders = [_priorities(output, scope, budget) for output in table.outputs]

    def rank(row: Row) -> list[int]:
        return [_place(value, order, budget) for value, order in zip(row, orders, strict=True)]

    return sorted(rows, key=rank)


def _priorities(output: Output, scope: Scope, budget: Budget) -> list[Data]:
    values = output.values.compute(scope, budget) if output.values is not None else []
    return values if isinstance(values, list) else []


def _place(value: Data, order: list[Data], budget: Budget) -> int:
    return next((place for place, listed in enumerate(order) if equal(value, listed, budget) is True), len(order))


def _collect(table: DecisionTable, rows: list[Row], budget: Budget) -> Data:
    if not table.aggregation:
        return [_single(table, row) for row in rows]
    if table.aggregation == model.COUNT:
        return len(rows)
    result = _number(rows[0][0], table.aggregation)
    for row in rows[1:]:
        number = _number(row[0], table.aggregation)
        if table.aggregation == model.SUM:
            result = _number(add(result, number, budget), table.aggregation)
        else:
            order = compare(number, result)
            smaller = order is not None and order < 0
            result = number if smaller == (table.aggregation == model.MIN) else result
    return result


def _number(value: Data, aggregation: str) -> Number:
    number = exact(value)
    if number is None or (isinstance(number, Decimal) and not number.is_finite()):
        raise EvaluationFailure(f"expected numbers to aggregate with {aggregation}, got {brief(value)}")
    return number
