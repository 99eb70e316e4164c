"""All built-in functions by name, and the names that are refused with a reason."""

from __future__ import annotations

from engine.bpmn.feel.builtin import Builtin
from engine.bpmn.feel.context_functions import CONTEXT_FUNCTIONS
from engine.bpmn.feel.list_functions import LIST_FUNCTIONS
from engine.bpmn.feel.number_functions import NUMBER_FUNCTIONS
from engine.bpmn.feel.text_functions import TEXT_FUNCTIONS

BUILTINS: dict[str, Builtin] = {
    function.name: function for function in (*TEXT_FUNCTIONS, *NUMBER_FUNCTIONS, *LIST_FUNCTIONS, *CONTEXT_FUNCTIONS)
}
"""Every function an expression may call, by its FEEL name."""

_CLOCK = "an expression has no clock; pass the time as a variable"
_RANDOM = "an expression must give the same result when the log is replayed; pass a value made outside as a variable"
_TEMPORAL = "dates, times and durations are not supported; pass them as ISO 8601 strings"
_RANGE = "functions on ranges are not supported; use 'in' or comparisons"

UNSUPPORTED: dict[str, str] = (
    dict.fromkeys(("now", "today"), _CLOCK)
    | dict.fromkeys(("random number", "uuid"), _RANDOM)
    | dict.fromkeys(
        (
            "date",
            "time",
            "date and time",
            "duration",
            "years and months duration",
            "day of week",
            "day of year",
            "week of year",
            "month of year",
            "last day of month",
        ),
        _TEMPORAL,
    )
    | dict.fromkeys(
        (
            "before",
            "after",
            "meets",
            "met by",
            "overlaps",
            "overlaps before",
            "overlaps after",
            "finishes",
            "finished by",
            "includes",
            "during",
            "starts",
            "started by",
            "coincides",
        ),
        _RANGE,
    )
)
"""Functions that FEEL or Camunda has and this subset has not: name to reason."""

FUNCTION_NAMES = frozenset(BUILTINS) | frozenset(UNSUPPORTED)
