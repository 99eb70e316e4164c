"""Types as `instance of` and parameters of functions name them (DMN 1.5, 10.3.2.15 and grammar rule 52 onwards)."""

from __future__ import annotations

from engine.bpmn.feel.limits import Budget
from engine.bpmn.feel.syntax import TypeName
from engine.bpmn.feel.values import Data, Function, Range, type_of

#: Other names of the same type, which feel-scala knows.
ALIASES = {
    "date time": "date and time",
    "day-time-duration": "days and time duration",
    "year-month-duration": "years and months duration",
    "Null": "null",
}


def conforms(value: Data, wanted: TypeName, budget: Budget) -> bool:
    """Whether a value is of a type. Null is of the type null only, as in feel-scala."""
    budget.spend(2)
    if wanted.name == "Any":
        return value is not None
    if type_of(value) != wanted.name:
        return False
    match value:
        case list() if wanted.items:
            return all(conforms(item, wanted.items[0], budget) for item in value)
        case dict():
            return all(name in value and conforms(value[name], inner, budget) for name, inner in wanted.entries)
        case Range() if wanted.items:
            return conforms(value.start, wanted.items[0], budget) and conforms(value.end, wanted.items[0], budget)
        case Function() if wanted.result is not None:
            return len(value.parameters) == len(wanted.items)
    return True
