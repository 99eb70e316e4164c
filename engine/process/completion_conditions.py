"""Completion conditions: whether what is repeated, in a multi-instance or an ad-hoc sub-process, is over."""

from __future__ import annotations

from engine.bpmn.feel import EvaluationFailure, Expression, Variables, brief


def is_fulfilled(condition: Expression, variables: Variables) -> bool:
    """Raises EvaluationFailure, also if the condition is neither true nor false."""
    value = condition.evaluate(variables)
    if not isinstance(value, bool):
        expected = f"expected the completion condition '{condition.text}' to be true or false"
        raise EvaluationFailure(f"{expected}, got {brief(value)}")
    return value
