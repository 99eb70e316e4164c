"""Texts of a model as expressions, each compiled once.

Owns when a text must be FEEL (a leading "="), and what a text that is not must look like. FEEL itself is in `feel`.
Sources: Camunda 8 "Expressions", "Variables: input/output variable mappings".
"""

from __future__ import annotations

import re

from .feel import Expression, FeelError, compile_expression, compile_property
from .report import Report, quote
from .xml_tree import Node

#: Characters of FEEL in one file, equal texts counted once: what bounds the time that compiling it takes.
FEEL_LENGTH_MAX = 1024 * 1024

_PATH = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*(?:\.[a-zA-Z_][a-zA-Z0-9_]*)*", re.ASCII)

#: Words that FEEL would not read as a variable.
_RESERVED_WORDS = frozenset(
    {"null", "true", "false", "function", "if", "then", "else", "for", "between", "instance", "of"}
)


class Expressions:
    """Compiles the texts of one model; equal texts share one expression. Problems go to the report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._static: dict[str, Expression] = {}
        self._compiled: dict[str, Expression | FeelError] = {}
        self._feel_length = 0

    def static(self, text: str) -> Expression:
        """A text that stands for itself; it must not begin with "="."""
        if text not in self._static:
            self._static[text] = compile_property(text)
        return self._static[text]

    def property(self, owner: Node, at: Node, what: str, text: str) -> Expression | None:
        """FEEL with a leading "=", otherwise a static text. None and a problem if it cannot be compiled."""
        return self.feel(owner, at, what, text) if text.startswith("=") else self.static(text)

    def feel(self, owner: Node, at: Node, what: str, text: str) -> Expression | None:
        """A text that must be FEEL, with its "=". None and a problem otherwise."""
        stripped = text.strip()
        if not stripped.startswith("="):
            got = f"the static text '{quote(stripped)}'" if stripped else "nothing"
            self._report.refuse(owner, f"expected {what} to be FEEL, got {got}; begin it with '='", at=at)
            return None
        compiled = self._compiled.get(stripped)
        if compiled is None:
            compiled = self._compiled[stripped] = self._compile(stripped[1:])
        if isinstance(compiled, FeelError):
            where = f"line {compiled.line}, column {compiled.column} of '{quote(stripped)}'"
            message = f"expected {what} to be FEEL, got an error at {where}: {compiled.message}"
            self._report.refuse(owner, message, at=at)
            return None
        return compiled

    def path(self, owner: Node, at: Node, what: str, text: str) -> tuple[str, ...]:
        """The names of a path such as `order.total`; empty, and a problem, if it is none."""
        if _PATH.fullmatch(text) and text not in _RESERVED_WORDS:
            return tuple(text.split("."))
        wanted = "a name, or names joined by '.', of letters, digits and '_', and not a word of FEEL"
        self._report.refuse(owner, f"expected {what} to be {wanted}, got '{quote(text)}'; rename it", at=at)
        return ()

    def _compile(self, text: str) -> Expression | FeelError:
        self._feel_length += len(text)
        if self._feel_length > FEEL_LENGTH_MAX:
            message = f"expected at most {FEEL_LENGTH_MAX} characters of FEEL in a file, got more; split the model"
            return FeelError(message, text, 1, 1)
        try:
            return compile_expression(text)
        except FeelError as error:
            # the place is given in the text as it was written, with the leading "="
            return FeelError(error.message, text, error.line, error.column + (error.line == 1))
