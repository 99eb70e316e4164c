"""FEEL, the expression language of BPMN and DMN models: compiled once, then evaluated often.

Owns: the language (DMN 1.5, chapter 10; feel-scala's behaviour, which Camunda 8 runs, where the two differ).
Rule: pure. The same text and variables, with what they know of time and chance, give the same result on every machine:
no clock, no randomness, no locale, no time zones but those of the `tzdata` package.
What is wrong or unsupported is refused by `compile_expression`; evaluation answers null, as FEEL does, or hits a
limit.
Must not: know BPMN, the log or the state; variables come in through `Scope`.

`README.md` lists what is supported and the limits.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Protocol, cast

import msgspec

from engine.bpmn.feel.compiler import Compiler
from engine.bpmn.feel.errors import EvaluationFailure, FeelError, place
from engine.bpmn.feel.functions import FUNCTION_NAMES
from engine.bpmn.feel.limits import Budget, Warned
from engine.bpmn.feel.operators import Code, constant
from engine.bpmn.feel.parser import parse, parse_tests
from engine.bpmn.feel.syntax import Name, Node, Path
from engine.bpmn.feel.values import Data, Scope, Value, brief, export, tell

__all__ = [
    "Evaluation",
    "EvaluationFailure",
    "Expression",
    "FeelError",
    "Value",
    "Variables",
    "brief",
    "compile_expression",
    "compile_property",
    "compile_tests",
]


class Variables(Protocol):
    """Where an expression reads variables; a dict is one. Called only for names that are needed, when they are.

    One that also has `now`, in milliseconds since 1970, tells `now()` and `today()` the time; of what one with `draw()`
    gives, sixteen bytes that nobody else gets, `uuid()` and `random number()` are made.
    """

    def get(self, name: str, /) -> Value:
        """The value of a variable as JSON; None if it is null or does not exist."""
        ...


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an expression, and why parts of it are null."""

    result: Value
    warnings: tuple[str, ...]
    """Each with its place; the first ones only (`WARNINGS_MAX`)."""


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
    variable: str = ""
    """The variable that it is, or a part of which it is, as in `a` and `a.b`; empty if it is anything else."""
    height: int = 1
    """Levels of syntax inside each other: what `Budget.enter` wants to know of a function's body."""

    def evaluate(self, variables: Variables) -> Value:
        """The result as JSON; null wherever FEEL has no answer.

        `now()`, `today()`, `uuid()` and `random number()` tell what the variables know of time and chance; they are
        null if these know nothing. The result may share lists and contexts with the variables: treat both as immutable.
        Raises EvaluationFailure, with the place, when a limit is exceeded or an `assert` does not hold.
        """
        return self._run(variables, Budget(variables))

    def compute(self, scope: Scope, budget: Budget) -> Data:
        """The result as FEEL has it, for who evaluates several expressions on one budget. Fails as `evaluate` does."""
        try:
            return self.code(scope, budget)
        except EvaluationFailure as failure:
            raise self._placed(failure) from None

    def explain(self, variables: Variables) -> Evaluation:
        """The same, with a warning for every place that answered null where it could not do what was asked."""
        warned: list[Warned] = []
        result = self._run(variables, Budget(variables, warned))
        warnings = [f"{tell(message, values)} {self._place(at)}" for at, message, values in warned]
        return Evaluation(result=result, warnings=tuple(dict.fromkeys(warnings)))

    def _run(self, variables: Variables, budget: Budget) -> Value:
        try:
            result = self.code(cast("Scope", variables), budget)
            return export(result, budget) if self.exports else cast("Value", result)
        except EvaluationFailure as failure:
            raise self._placed(failure) from None

    def _placed(self, failure: EvaluationFailure) -> EvaluationFailure:
        if failure.at is None:
            return failure
        return EvaluationFailure(f"{failure.message} {self._place(failure.at)}")

    def _place(self, at: int) -> str:
        # What was compiled of a property begins behind the equals sign.
        offset = at + (self.text.startswith("=") and not self.static)
        return "(line {}, column {})".format(*place(self.text, offset))


def compile_expression(
    text: str, *, names: AbstractSet[str] = frozenset(), functions: AbstractSet[str] = frozenset()
) -> Expression:
    """Compile a FEEL expression, given without the leading '='. Raises FeelError with the place of the problem.

    `names`: variables that need no backticks; `functions`: variables that are functions.
    """
    return _compile(text, parse(text, FUNCTION_NAMES | functions, names), functions)


def compile_tests(
    text: str, *, names: AbstractSet[str] = frozenset(), functions: AbstractSet[str] = frozenset()
) -> Expression:
    """Compile unary tests of a value that the scope calls `?`: true, false, or null where they cannot tell."""
    return _compile(text, parse_tests(text, FUNCTION_NAMES | functions, names), functions)


def _compile(text: str, node: Node, functions: AbstractSet[str]) -> Expression:
    compiler = Compiler(text, frozenset(functions))
    code = compiler.compile(node)
    return Expression(
        text=text,
        static=False,
        names=frozenset(compiler.names),
        code=code,
        exports=compiler.makes_data,
        variable=_variable_of(node),
        height=compiler.height,
    )


def _variable_of(node: Node) -> str:
    base = node.base if isinstance(node, Path) else node
    return base.name if isinstance(base, Name) else ""


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
