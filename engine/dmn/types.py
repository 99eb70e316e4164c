"""The type that a decision promises, or a parameter wants, against the value that there is.

Rule, as dmn-scala has it: null is of every type, and a type that is not one of FEEL's own is not checked.
"""

from __future__ import annotations

from engine.bpmn.feel import EvaluationFailure, brief
from engine.bpmn.feel.values import Data, type_of

#: typeRef of a model -> the FEEL type that it names.
TYPES = {
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "time": "time",
    "date": "date",
    "dateTime": "date and time",
    "date and time": "date and time",
    "dayTimeDuration": "days and time duration",
    "days and time duration": "days and time duration",
    "yearMonthDuration": "years and months duration",
    "years and months duration": "years and months duration",
}
_PREFIX = "feel:"


def check_type(value: Data, type_ref: str, what: str) -> None:
    """Raises EvaluationFailure if the value is of another type than `type_ref` names."""
    wanted = TYPES.get(type_ref.removeprefix(_PREFIX))
    if wanted is not None and value is not None and type_of(value) != wanted:
        raise EvaluationFailure(f"expected {what} to be a {wanted}, got {brief(value)}; correct it or its type")
