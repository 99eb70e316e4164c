"""Decisions, evaluated with what they require, and the account of how each came about.

Owns the order (what is required first, each once), what a decision sees, and the bound: one budget of FEEL's steps for
all of it. Pure and deterministic. Source: DMN 1.5, chapters 6, 7, 8 and 10; dmn-scala where the specification leaves a
choice.
"""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from engine.bpmn.feel import EvaluationFailure, Expression, Value, Variables
from engine.bpmn.feel.limits import CALL_STEPS, Budget
from engine.bpmn.feel.operators import INPUT
from engine.bpmn.feel.scopes import Local
from engine.bpmn.feel.values import Data, Function, Scope, export

from .graph import evaluation_order
from .hit_policies import Row, combine, default
from .model import (
    FIRST,
    BoxedContext,
    BoxedList,
    Decision,
    DecisionRequirements,
    DecisionTable,
    FunctionDefinition,
    Invocation,
    KnowledgeModel,
    LiteralExpression,
    Logic,
    Relation,
    Rule,
)
from .types import check_type


class EvaluatedInput(Struct, frozen=True, kw_only=True):
    """What an input expression of a table was."""

    id: str
    name: str
    value: Value


class EvaluatedOutput(Struct, frozen=True, kw_only=True):
    """What an output of a matched rule was."""

    id: str
    name: str
    value: Value


class MatchedRule(Struct, frozen=True, kw_only=True):
    """A rule that matched; `index` counts from 1."""

    id: str
    index: int
    outputs: tuple[EvaluatedOutput, ...]


class EvaluatedDecision(Struct, frozen=True, kw_only=True):
    """One decision of an evaluation. One that failed has an output of null, and what it came to before."""

    decision: Decision
    output: Value
    inputs: tuple[EvaluatedInput, ...]
    rules: tuple[MatchedRule, ...]


class Evaluation(Struct, frozen=True, kw_only=True):
    """The result of a decision, and each that was evaluated for it, what is required first.

    With a `failure` (why) the last of `decisions` is the one that failed.
    """

    output: Value
    decisions: tuple[EvaluatedDecision, ...]
    failure: str = ""

    @property
    def failed_decision(self) -> str:
        """The id of the decision that failed; empty if none did."""
        return self.decisions[-1].decision.id if self.failure else ""


def evaluate(requirements: DecisionRequirements, decision_id: str, variables: Variables) -> Evaluation:
    """The decision `decision_id`, which must be one of the graph. A failure is told in the result, never raised."""
    budget = Budget(variables)
    scope = cast("Scope", variables)
    order = evaluation_order(decision_id, lambda id_: requirements.decisions[id_].decisions)
    results: dict[str, Data] = {}
    evaluated: list[EvaluatedDecision] = []
    for id_ in order:
        decision = requirements.decisions[id_]
        account = _Account(budget)
        try:
            value = _decide(requirements, decision, results, scope, account)
            output = export(value, budget)
        except EvaluationFailure as failure:
            evaluated.append(account.told(decision, None))
            message = f"decision '{decision.id}': {failure.message}"
            return Evaluation(output=None, decisions=tuple(evaluated), failure=message)
        results[id_] = value
        evaluated.append(account.told(decision, output))
    return Evaluation(output=evaluated[-1].output, decisions=tuple(evaluated))


class _Account:
    """What a decision's own table came to, written down as it goes."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.inputs: list[EvaluatedInput] = []
        self.rules: list[MatchedRule] = []

    def told(self, decision: Decision, output: Value) -> EvaluatedDecision:
        return EvaluatedDecision(decision=decision, output=output, inputs=tuple(self.inputs), rules=tuple(self.rules))


def _decide(
    requirements: DecisionRequirements,
    decision: Decision,
    results: dict[str, Data],
    variables: Scope,
    account: _Account,
) -> Data:
    """A decision sees the variables, above them the functions that it requires, above these the results."""
    names: dict[str, Data] = dict(_functions(requirements, decision.knowledge, variables, account.budget))
    for required in decision.decisions:
        names[requirements.decisions[required].result_name] = results[required]
    scope = Local(names, variables)
    table = decision.logic if isinstance(decision.logic, DecisionTable) else None
    value = _table(table, scope, account) if table else _value(decision.logic, scope, account.budget)
    check_type(value, decision.result_type, "the result")
    return value


def _functions(
    requirements: DecisionRequirements, knowledge: tuple[str, ...], variables: Scope, budget: Budget
) -> dict[str, Data]:
    """The knowledge models as functions, each once, with those that they call in their scope."""
    made: dict[str, Data] = {}
    for start in knowledge:
        for id_ in evaluation_order(start, lambda other: requirements.knowledge[other].knowledge):
            if id_ not in made:
                one = requirements.knowledge[id_]
                called = {requirements.knowledge[other].name: made[other] for other in one.knowledge}
                made[id_] = _knowledge_function(one, Local(called, variables), budget)
    return {requirements.knowledge[id_].name: made[id_] for id_ in knowledge}


def _knowledge_function(one: KnowledgeModel, scope: Scope, budget: Budget) -> Data:
    return _function(one.function, scope, budget, f"knowledge model '{one.name}'")


def _value(logic: Logic, scope: Scope, budget: Budget) -> Data:
    """The value of any expression."""
    match logic:
        case LiteralExpression():
            return logic.expression.compute(scope, budget)
        case DecisionTable():
            return _table(logic, scope, _Account(budget))
        case BoxedContext():
            entries: dict[str, Data] = {}
            inner = Local(entries, scope)
            for name, entry in logic.entries:
                entries[name] = _value(entry, inner, budget)
            return entries if logic.result is None else _value(logic.result, inner, budget)
        case BoxedList():
            return [_value(item, scope, budget) for item in logic.items]
        case Relation():
            return [
                {name: _value(cell, scope, budget) for name, cell in zip(logic.columns, row, strict=True)}
                for row in logic.rows
            ]
        case Invocation():
            return _invoke(logic, scope, budget)
        case FunctionDefinition():
            return _function(logic, scope, budget, "function")


def _invoke(invocation: Invocation, scope: Scope, budget: Budget) -> Data:
    function = invocation.function.compute(scope, budget)
    if not isinstance(function, Function):
        raise EvaluationFailure(f"expected a function to invoke, got none called '{invocation.function.text}'")
    given = {name: _value(argument, scope, budget) for name, argument in invocation.bindings}
    missing = [name for name in function.parameters if name not in given]
    unknown = [name for name in given if name not in function.parameters]
    if missing or unknown:
        wanted = ", ".join(function.parameters)
        raise EvaluationFailure(f"expected the arguments ({wanted}) for '{invocation.function.text}', got others")
    return function.invoke([given[name] for name in function.parameters])


def _function(definition: FunctionDefinition, scope: Scope, budget: Budget, what: str) -> Function:
    names = tuple(name for name, _ in definition.parameters)

    def invoke(arguments: list[Data]) -> Data:
        budget.spend(CALL_STEPS)
        for (name, type_ref), argument in zip(definition.parameters, arguments, strict=True):
            check_type(argument, type_ref, f"the argument '{name}' of the {what}")
        budget.enter(definition.height)
        value = _value(definition.body, Local(dict(zip(names, arguments, strict=True)), scope), budget)
        budget.leave(definition.height)
        return value

    return Function(parameters=names, invoke=invoke)


# tables


def _table(table: DecisionTable, scope: Scope, account: _Account) -> Data:
    """The result of a table, written down in the account."""
    budget = account.budget
    inputs: list[Scope] = []
    for column in table.inputs:
        value = _cell(f"input '{column.name}'", column.expression, scope, budget)
        account.inputs.append(EvaluatedInput(id=column.id, name=column.name, value=export(value, budget)))
        inputs.append(Local({INPUT: value}, scope))
    rows: list[Row] = []
    for index, rule in enumerate(table.rules, start=1):
        budget.spend(1 + len(rule.tests))
        if _matches(rule, index, inputs, budget):
            row = tuple(
                _cell(f"rule {index}, output {column}", output, scope, budget)
                for column, output in enumerate(rule.outputs, start=1)
            )
            rows.append(row)
            account.rules.append(_matched(table, rule, index, row, budget))
            if table.hit_policy == FIRST:
                break
    return combine(table, rows, scope, budget) if rows else default(table, scope, budget)


def _matches(rule: Rule, index: int, inputs: list[Scope], budget: Budget) -> bool:
    """Whether every test is true; null is not."""
    for column, (test, scope) in enumerate(zip(rule.tests, inputs, strict=True), start=1):
        if test is not None and _cell(f"rule {index}, input {column}", test, scope, budget) is not True:
            return False
    return True


def _cell(what: str, expression: Expression, scope: Scope, budget: Budget) -> Data:
    try:
        return expression.compute(scope, budget)
    except EvaluationFailure as failure:
        raise EvaluationFailure(f"{what}: {failure.message}") from None


def _matched(table: DecisionTable, rule: Rule, index: int, row: Row, budget: Budget) -> MatchedRule:
    outputs = tuple(
        EvaluatedOutput(id=column.id, name=column.label or column.name, value=export(value, budget))
        for column, value in zip(table.outputs, row, strict=True)
    )
    return MatchedRule(id=rule.id, index=index, outputs=outputs)
