"""What a built-in function is: its parameters, and the Python function that computes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from engine.bpmn.feel.values import Data


class Signature(msgspec.Struct, frozen=True):
    """One way to call a built-in.

    `parameters` are the names for named arguments; "n|number" are two names of one parameter, where the DMN
    specification and feel-scala differ. The last one of a variadic function takes a list or any number of arguments.
    """

    parameters: tuple[str, ...]
    required: int
    variadic: bool = False

    def accepts(self, count: int) -> bool:
        """Whether it can be called with this many positional arguments."""
        return count >= self.required and (self.variadic or count <= len(self.parameters))

    def position(self, name: str) -> int | None:
        """Which parameter has this name; None if none has."""
        for position, names in enumerate(self.parameters):
            if name in names.split("|"):
                return position
        return None

    def positions(self, names: Sequence[str]) -> list[int] | None:
        """Which parameters these are; None if one is none, is named twice, or a required one is missing."""
        found = [position for name in names if (position := self.position(name)) is not None]
        complete = len(found) == len(names) == len(set(found)) and set(range(self.required)) <= set(found)
        return found if complete else None

    def text(self) -> str:
        """The parameters, for error texts: `string, start position, [length]`."""
        labels = [names.split("|")[0] for names in self.parameters]
        labels = [label if position < self.required else f"[{label}]" for position, label in enumerate(labels)]
        return f"{', '.join(labels)}{', …' if self.variadic else ''}"


class Builtin(msgspec.Struct, frozen=True):
    """A built-in. `run(*arguments)` is null-safe: it gets any data and answers null where it has no answer."""

    name: str
    signatures: tuple[Signature, ...]
    run: Callable[..., Data]
    spends: bool = False
    """Whether it needs the budget: its work is more than looking once at each argument, or it asks for the time."""
    pattern: int | None = None
    """Which parameter is a regular expression; a literal one is checked at compile time."""
    steps: int = 2
    """What a call costs, and each item of a list and each part of a text that it looks at."""
    quiet: bool = False
    """Whether null is a proper argument and answer of it, so that neither is worth a warning."""

    def accepts(self, count: int) -> bool:
        """Whether it can be called with this many positional arguments."""
        return any(signature.accepts(count) for signature in self.signatures)

    def positions(self, names: Sequence[str]) -> list[int] | None:
        """Which parameters the names of arguments are; of several ways to call it one that has them in this order."""
        ways = [way for signature in self.signatures if (way := signature.positions(names)) is not None]
        return next((way for way in ways if way == sorted(way)), ways[0] if ways else None)

    def signature(self) -> str:
        """How to call it, for error texts: `substring(string, start position, [length])`."""
        return " or ".join(f"{self.name}({signature.text()})" for signature in self.signatures)


def builtin(
    name: str,
    parameters: str,
    run: Callable[..., Data],
    *,
    spends: bool = False,
    pattern: int | None = None,
    steps: int = 2,
    quiet: bool = False,
) -> Builtin:
    """A built-in from its parameters as one text: "string, start position, [length]"; ways to call it after ";"."""
    signatures = tuple(_signature(way) for way in parameters.split(";"))
    return Builtin(name, signatures, run, spends, pattern, steps, quiet)


def variadic(
    name: str, parameters: str, run: Callable[..., Data], *, spends: bool = False, steps: int = 2, quiet: bool = False
) -> Builtin:
    """A built-in whose last parameter takes a list, or any number of arguments, but at least one."""
    signature = _signature(parameters)
    signatures = (Signature(signature.parameters, signature.required, True),)
    return Builtin(name, signatures, run, spends, steps=steps, quiet=quiet)


def _signature(text: str) -> Signature:
    names = [part.strip() for part in text.split(",") if part.strip()]
    required = sum(not name.startswith("[") for name in names)
    return Signature(tuple(name.strip("[]") for name in names), required)
