"""Built-in functions that convert, and those on values of any type (DMN 1.5, 10.3.4.1 and 10.3.4.2)."""

from __future__ import annotations

import re
from typing import cast

import msgspec

from engine.bpmn.feel.arithmetic import parse_number
from engine.bpmn.feel.builtin import Builtin, builtin
from engine.bpmn.feel.errors import EvaluationFailure
from engine.bpmn.feel.limits import JSON_CHARACTERS, Budget
from engine.bpmn.feel.temporal import DateTime, Time
from engine.bpmn.feel.values import Data, describe, equal, export, type_of

# What Java's BigDecimal reads, which feel-scala uses.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")


def string(budget: Budget, value: Data) -> Data:
    return value if value is None or isinstance(value, str) else describe(value, budget)


def number(text: Data, grouping: Data = None, point: Data = None) -> Data:
    """The number a string denotes, without its grouping separators; null if it denotes none."""
    if not isinstance(text, str) or grouping not in (None, " ", ",", ".") or point not in (None, ",", "."):
        return None
    if isinstance(grouping, str):
        if grouping == point:
            return None
        text = text.replace(grouping, "")
    if isinstance(point, str):
        text = text.replace(point, ".")
    return parse_number(text) if _NUMBER.fullmatch(text) else None


def to_json(budget: Budget, value: Data) -> Data:
    """The JSON text that the value would be as a variable."""
    text = msgspec.json.encode(export(value, budget)).decode()
    budget.string(len(text))
    return text


def from_json(budget: Budget, text: Data) -> Data:
    """The value that a JSON text stands for; null if it is none."""
    if not isinstance(text, str):
        return None
    budget.spend(len(text) // JSON_CHARACTERS)
    try:
        return cast("Data", msgspec.json.decode(text))
    except (msgspec.MsgspecError, RecursionError):
        return None


def is_same(budget: Budget, first: Data, second: Data) -> Data:
    """Whether two values are the same, their types and the way a time tells its zone included (DMN 1.5, 10.3.4.10)."""
    if type_of(first) != type_of(second):
        return False
    if isinstance(first, Time | DateTime):
        return first == second
    return equal(first, second, budget) is True


def logical_not(negand: Data) -> Data:
    return not negand if isinstance(negand, bool) else None


def is_defined(value: Data) -> Data:
    """False for null, which a missing variable is."""
    return value is not None


def get_or_else(value: Data, default: Data) -> Data:
    return default if value is None else value


def assert_that(value: Data, condition: Data, cause: Data = None) -> Data:
    """The value if the condition is true; else the evaluation ends. Raises EvaluationFailure."""
    if condition is not True:
        raise EvaluationFailure(cause if isinstance(cause, str) else "expected the condition of assert to be true")
    return value


def from_ai(value: Data, *_about: Data) -> Data:
    """The value. The other arguments tell a connector about it, who reads them in the model."""
    return value


CONVERSION_FUNCTIONS: tuple[Builtin, ...] = (
    builtin("string", "from", string, spends=True, quiet=True),
    builtin("number", "from, [grouping separator], [decimal separator]", number),
    builtin("to json", "value", to_json, spends=True, quiet=True),
    builtin("from json", "json", from_json, spends=True),
    builtin("is", "value1, value2", is_same, spends=True, quiet=True),
    builtin("not", "negand", logical_not, quiet=True),
    builtin("is defined", "value", is_defined, quiet=True),
    builtin("get or else", "value, default", get_or_else, quiet=True),
    builtin("assert", "value, condition, [cause]", assert_that),
    builtin("fromAi", "value, [description], [type], [schema], [options]", from_ai, quiet=True),
)
