"""The two ways a FEEL expression can fail: refused when it is compiled, stopped when it is evaluated.

There is no third way. FEEL answers a type error, a missing variable and a division by zero with null (DMN 1.5,
10.3.2.13.1) and a warning, so evaluation is stopped by a limit or by `assert` only.
"""

from __future__ import annotations

EXCERPT_LENGTH_MAX = 72
"""Characters of a line of the expression that an error shows."""


class FeelError(Exception):
    """The expression was refused at compile time: a syntax error, or a feature that there is not."""

    def __init__(self, message: str, text: str, line: int, column: int) -> None:
        """`line` and `column` count from 1 and point into `text`."""
        super().__init__(f"{message} (line {line}, column {column})\n{excerpt(text, line, column)}")
        self.message = message
        self.text = text
        self.line = line
        self.column = column


class EvaluationFailure(Exception):
    """A limit of `limits.py` was exceeded, or an `assert` does not hold; nothing else makes evaluation fail."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.at: int | None = None
        """The offset of the innermost construct that was evaluated, once it is known."""

    def locate(self, at: int) -> None:
        """Tell where it happened; the first to tell, which is the innermost, is right."""
        if self.at is None:
            self.at = at


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of the character at `offset`."""
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def refuse(message: str, text: str, offset: int) -> FeelError:
    """The error for the place `offset` characters into `text`."""
    return FeelError(message, text, *place(text, offset))


def excerpt(text: str, line: int, column: int) -> str:
    """The line of the expression, or the part of it around the column, with a caret below the character."""
    shown = text.split("\n")[line - 1].replace("\t", " ").replace("\r", " ")
    start = max(0, column - 1 - EXCERPT_LENGTH_MAX // 2) if len(shown) > EXCERPT_LENGTH_MAX else 0
    return f"{shown[start : start + EXCERPT_LENGTH_MAX]}\n{' ' * (column - 1 - start)}^"
