"""What a built-in function is: its parameters, and the Python function that computes it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engine.bpmn.feel.values import Data


class Builtin(msgspec.Struct, frozen=True):
    """A built-in. `run(*arguments)` is null-safe: it gets any data and answers null where it has no answer.

    `parameters` are the names for named arguments; "n|number" are two names of one parameter, where the DMN
    specification and feel-scala differ. The last one of a `variadic` function takes a list or any number of arguments.
    """

    name: str
    parameters: tuple[str, ...]
    run: Callable[..., Data]
    required: int
    variadic: bool = False
    spends: bool = False
    """Whether its work is more than looking once at each argument: then `run` gets the budget first."""
    pattern: int | None = None
    """Which parameter is a regular expression; a literal one is checked at compile time."""

    def accepts(self, count: int) -> bool:
        """Whether it can be called with this many positional arguments."""
        return count >= self.required and (self.variadic or count <= len(self.parameters))

    def position(self, name: str) -> int | None:
        """Which parameter has this name; None if none has."""
        for position, names in enumerate(self.parameters):
            if name in names.split("|"):
                return position
        return None

    def label(self, position: int) -> str:
        """The first name of a parameter."""
        return self.parameters[position].split("|")[0]

    def signature(self) -> str:
        """How to call it, for error texts: `substring(string, start position, [length])`."""
        labels = [self.label(position) for position in range(len(self.parameters))]
        labels = [label if position < self.required else f"[{label}]" for position, label in enumerate(labels)]
        return f"{self.name}({', '.join(labels)}{', …' if self.variadic else ''})"


def builtin(
    name: str,
    parameters: str,
    run: Callable[..., Data],
    *,
    optional: int = 0,
    spends: bool = False,
    pattern: int | None = None,
) -> Builtin:
    """A built-in from its parameters as one text: "string, start position"; the last `optional` may be left out."""
    names = tuple(part.strip() for part in parameters.split(","))
    return Builtin(name, names, run, len(names) - optional, spends=spends, pattern=pattern)


def variadic(name: str, parameters: str, run: Callable[..., Data], *, spends: bool = False) -> Builtin:
    """A built-in whose last parameter takes a list, or any number of arguments, but at least one."""
    names = tuple(part.strip() for part in parameters.split(","))
    return Builtin(name, names, run, len(names), variadic=True, spends=spends)
