"""Expressions that a client wants evaluated: what the gateway needs for it, and how it stays responsive meanwhile.

Rule: the gateway knows no expression language; the composition root gives it one as an `ExpressionCompiler`. One
expression is worked on at a time, in a thread, so that requests are served while it runs; few may wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from msgspec import Struct

from .problems import Exhausted

WAITING_MAX = 16
"""Evaluations that may wait for another; each takes a second at most."""


class NoResult(Exception):
    """The expression cannot be compiled, or its evaluation was stopped; the text tells why and where."""


class Evaluation(Struct, frozen=True, kw_only=True):
    """A result as JSON, and why parts of it are null."""

    result: object
    warnings: Sequence[str]


class CompiledExpression(Protocol):
    """An expression that can be evaluated."""

    @property
    def names(self) -> frozenset[str]:
        """The variables that it may read."""

    def evaluate(self, variables: Mapping[str, object], now: int) -> Evaluation:
        """The result at a time in milliseconds since 1970. Raises NoResult."""


class ExpressionCompiler(Protocol):
    """The expression language."""

    def __call__(self, text: str) -> CompiledExpression:
        """The expression that a text is. Raises NoResult."""


class Evaluations:
    """Compiles and evaluates in a thread, one request after the other."""

    def __init__(self, compiler: ExpressionCompiler) -> None:
        self._compiler = compiler
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def evaluate(
        self, text: str, read: Callable[[frozenset[str]], Awaitable[Mapping[str, object]]], now: int
    ) -> Evaluation:
        """The result of an expression; `read` gives it the variables that it names. Raises NoResult, Exhausted."""
        async with self._one_turn():
            expression = await asyncio.to_thread(self._compiler, text)
        variables = await read(expression.names)
        async with self._one_turn():
            return await asyncio.to_thread(expression.evaluate, variables, now)

    @asynccontextmanager
    async def _one_turn(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING_MAX:
            raise Exhausted(f"expected at most {WAITING_MAX} expressions to wait for evaluation, got more; try later")
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1
