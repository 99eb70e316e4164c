"""The closures of functions: built-in ones, those an expression makes, and how they are called."""

from __future__ import annotations

from engine.bpmn.feel.builtin import Builtin
from engine.bpmn.feel.errors import EvaluationFailure
from engine.bpmn.feel.limits import CALL_STEPS, STEP_CHARACTERS, Budget
from engine.bpmn.feel.operators import Code
from engine.bpmn.feel.scopes import Local
from engine.bpmn.feel.syntax import TypeName
from engine.bpmn.feel.type_names import conforms
from engine.bpmn.feel.values import Data, Function, Scope


def function_literal(
    parameters: tuple[str, ...], types: tuple[TypeName | None, ...], body: Code, weight: int, height: int, at: int
) -> Code:
    """A function: null if an argument is not of the type that its parameter names."""
    typed = [(position, wanted) for position, wanted in enumerate(types) if wanted is not None]

    def run(scope: Scope, budget: Budget) -> Data:
        def invoke(arguments: list[Data]) -> Data:
            budget.spend(weight + CALL_STEPS)
            for position, wanted in typed:
                given = arguments[position]
                if given is not None and not conforms(given, wanted, budget):
                    budget.warn(at, f"expected a {wanted.name}, got {{}} for '{parameters[position]}'", given)
                    return None
            budget.enter(height)
            value = body(Local(dict(zip(parameters, arguments, strict=True)), scope), budget)
            budget.leave(height)
            return value

        return Function(parameters=parameters, invoke=invoke)

    return run


def invocation(function: Code, arguments: tuple[Code, ...], names: tuple[str, ...], at: int) -> Code:
    """Call the function that a closure gives; null if it gives none, or one that takes other arguments.

    `names` are those of the arguments; empty for positional ones. One that is left out is null.
    """

    def run(scope: Scope, budget: Budget) -> Data:
        called = function(scope, budget)
        if not isinstance(called, Function):
            budget.warn(at, "expected a function to call, got {}", called)
            return None
        given = [argument(scope, budget) for argument in arguments]
        values = _by_name(called, names, given) if names else given
        if values is None or len(values) != len(called.parameters):
            budget.warn(at, f"expected the arguments ({', '.join(called.parameters)}), got others")
            return None
        try:
            return called.invoke(values)
        except EvaluationFailure as failure:
            failure.locate(at)
            raise

    return run


def _by_name(called: Function, names: tuple[str, ...], given: list[Data]) -> list[Data] | None:
    arguments = dict(zip(names, given, strict=True))
    if not arguments.keys() <= set(called.parameters):
        return None
    return [arguments.get(name) for name in called.parameters]


def call_builtin(builtin: Builtin, arguments: tuple[Code, ...], at: int) -> Code:
    """Call a built-in, after spending what it may look at: its lists and strings."""
    function, spends, steps, quiet = builtin.run, builtin.spends, builtin.steps, builtin.quiet

    def run(scope: Scope, budget: Budget) -> Data:
        values = [argument(scope, budget) for argument in arguments]
        try:
            for value in values:
                if isinstance(value, list | dict):
                    budget.spend(steps * len(value))
                elif isinstance(value, str):
                    budget.spend(steps * len(value) // STEP_CHARACTERS)
            budget.spend(steps)
            result = function(budget, *values) if spends else function(*values)
        except EvaluationFailure as failure:
            failure.locate(at)
            raise
        if result is None and not quiet:
            budget.warn(at, f"expected {builtin.signature()} to have an answer, got none for ({{}})", tuple(values))
        return result

    return run
