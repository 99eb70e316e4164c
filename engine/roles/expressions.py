"""The expression language of the models, as the gateway wants it."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_bytes
from typing import cast

from engine.bpmn.feel import EvaluationFailure, Expression, FeelError, Value, compile_property
from gateway.evaluation import Evaluation, NoResult


class PresentVariables(dict[str, Value]):
    """Variables, the time that `now()` tells, and the chance that `uuid()` is made of: nothing of it is on the log."""

    def __init__(self, variables: Mapping[str, Value], now: int) -> None:
        super().__init__(variables)
        self.now = now

    def draw(self) -> bytes:
        return token_bytes(16)


class FeelExpression:
    """A compiled expression of FEEL."""

    def __init__(self, expression: Expression) -> None:
        self._expression = expression

    @property
    def names(self) -> frozenset[str]:
        return self._expression.names

    def evaluate(self, variables: Mapping[str, object], now: int) -> Evaluation:
        """The result, with warnings. Raises NoResult."""
        try:
            found = self._expression.explain(PresentVariables(cast("Mapping[str, Value]", variables), now))
        except EvaluationFailure as failure:
            raise NoResult(str(failure)) from None
        return Evaluation(result=found.result, warnings=found.warnings)


def compile_expression(text: str) -> FeelExpression:
    """FEEL behind a leading "=", else a static text, as in a model. Raises NoResult."""
    try:
        return FeelExpression(compile_property(text))
    except FeelError as error:
        raise NoResult(str(error)) from None
