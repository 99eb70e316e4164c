"""The two ways a FEEL expression can fail: refused when it is compiled, stopped by a limit when it is evaluated.

There is no third way. FEEL answers a type error, a missing variable and a division by zero with null (DMN 1.5,
10.3.2.13.1), so evaluation raises nothing else.
"""

from __future__ import annotations


class FeelError(Exception):
    """The expression was refused at compile time: a syntax error, or a feature this subset does not have."""

    def __init__(self, message: str, text: str, line: int, column: int) -> None:
        """`line` and `column` count from 1 and point into `text`."""
        super().__init__(f"{message} (line {line}, column {column})")
        self.message = message
        self.text = text
        self.line = line
        self.column = column


def refuse(message: str, text: str, offset: int) -> FeelError:
    """The error for the place `offset` characters into `text`."""
    before = text[:offset]
    return FeelError(message, text, before.count("\n") + 1, offset - before.rfind("\n"))


class EvaluationFailure(Exception):
    """A limit of `limits.py` was exceeded; nothing else makes evaluation fail."""
