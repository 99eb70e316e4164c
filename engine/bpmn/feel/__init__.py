"""FEEL, the expression language of BPMN and DMN models: compiled once, then evaluated often.

Owns: the language (DMN 1.5, chapter 10; feel-scala's behaviour, which Camunda 8 runs, where the two differ).
Rule: pure. The same text and the same variables give the same result on every machine: no clock, no randomness, no
locale.
What is wrong or unsupported is refused by `compile_expression`; evaluation answers null, as FEEL does, or hits a
limit.
Must not: know BPMN, the log or the state; variables come in through `Scope`.

`README.md` lists what is supported and the limits.
"""

from __future__ import annotations

from typing import Protocol, cast

import msgspec

from engine.bpmn.feel.compiler import Compiler
from engine.bpmn.feel.errors import EvaluationFailure, FeelError
from engine.bpmn.feel.functions import FUNCTION_NAMES
from engine.bpmn.feel.limits import Budget
from engine.bpmn.feel.operators import Code, constant
from engine.bpmn.feel.parser import parse
from engine.bpmn.feel.values import Scope, Value, export

__all__ = [
    "EvaluationFailure",
    "Expression",
    "FeelError",
    "Value",
    "Variables",
    "compile_expression",
    "compile_property",
]


class Variables(Protocol):
    """Where an expression reads variables; a dict is one. Called only for names that are needed, when they are."""

    def get(self, name: str, /) -> Value:
        """The value of a variable as JSON; None if it is null or does not exist."""
        ...


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled expression."""

    text: str
    """What was compiled; of a property with the leading '='."""
    static: bool
    """Whether it is a fixed string, with no FEEL in it."""
    names: frozenset[str]
    """The variables it may read. Inside a filter these include names that may turn out to be fields of the items."""
    code: Code
    exports: bool
    """Whether the result may hold decimals, ranges or functions, which must be converted to JSON."""

    def evaluate(self, scope: Variables) -> Value:
        """The result as JSON; null wherever FEEL has no answer. Raises EvaluationFailure when a limit is exceeded.

        The result may share lists and contexts with the variables: treat both as immutable.
        """
        budget = Budget()
        result = self.code(cast("Scope", scope), budget)
        return export(result, budget) if self.exports else cast("Value", result)


def compile_expression(text: str) -> Expression:
    """Compile a FEEL expression, given without the leading '='. Raises FeelError with the place of the problem."""
    compiler = Compiler(text)
    code = compiler.compile(parse(text, FUNCTION_NAMES))
    return Expression(text=text, static=False, names=frozenset(compiler.names), code=code, exports=compiler.makes_data)


def compile_property(text: str) -> Expression:
    """Compile a property of a Camunda model: FEEL after a leading '=', otherwise the text itself. Raises FeelError."""
    if not text.startswith("="):
        return Expression(text=text, static=True, names=frozenset(), code=constant(text), exports=False)
    try:
        expression = compile_expression(text[1:])
    except FeelError as error:
        column = error.column + (error.line == 1)
        raise FeelError(error.message, text, error.line, column) from None
    return msgspec.structs.replace(expression, text=text)
