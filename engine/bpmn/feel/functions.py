"""All built-in functions by name."""

from __future__ import annotations

from engine.bpmn.feel.builtin import Builtin
from engine.bpmn.feel.chance_functions import CHANCE_FUNCTIONS
from engine.bpmn.feel.context_functions import CONTEXT_FUNCTIONS
from engine.bpmn.feel.conversion_functions import CONVERSION_FUNCTIONS
from engine.bpmn.feel.list_functions import LIST_FUNCTIONS
from engine.bpmn.feel.number_functions import NUMBER_FUNCTIONS
from engine.bpmn.feel.range_functions import RANGE_FUNCTIONS
from engine.bpmn.feel.temporal_functions import TEMPORAL_FUNCTIONS
from engine.bpmn.feel.text_functions import TEXT_FUNCTIONS

BUILTINS: dict[str, Builtin] = {
    function.name: function
    for function in (
        *CONVERSION_FUNCTIONS,
        *TEXT_FUNCTIONS,
        *NUMBER_FUNCTIONS,
        *LIST_FUNCTIONS,
        *CONTEXT_FUNCTIONS,
        *TEMPORAL_FUNCTIONS,
        *RANGE_FUNCTIONS,
        *CHANCE_FUNCTIONS,
    )
}
"""Every function an expression may call, by its FEEL name."""

FUNCTION_NAMES = frozenset(BUILTINS)
