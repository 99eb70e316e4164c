"""Every bound on FEEL expressions, and the budget that enforces those of evaluation.

Rule: the work of one evaluation is bounded whatever the expression and the data are. Work is counted in steps: one
for each syntax node evaluated in a loop, each item a built-in looks at, each 64 characters of text made; what takes
longer counts more. A million steps take a second at most (`benchmarks/feel.py` measures it), and memory stays in
proportion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from engine.bpmn.feel.errors import EvaluationFailure

TEXT_LENGTH_MAX = 32_768
"""Characters of an expression."""
NESTING_DEPTH_MAX = 64
"""Levels of syntax inside each other. Chains such as `a + b + c`, `a and b and c`, `a.b.c` are one level."""
STEPS_MAX = 1_000_000
"""Steps of one evaluation."""
RANGE_LENGTH_MAX = 100_000
"""Numbers in one range of `for`, `some` and `every`."""
STRING_LENGTH_MAX = 4 * 1024 * 1024
"""Characters of a string that an expression makes."""
VALUE_DEPTH_MAX = 100
"""Lists and contexts inside each other, where a value is compared, converted or copied."""
PATTERN_LENGTH_MAX = 1_000
"""Characters of a regular expression."""
PATTERN_INSTRUCTIONS_MAX = 5_000
"""Instructions a regular expression may be compiled to (a counted repetition multiplies what it repeats)."""

WARNINGS_MAX = 100
"""Warnings that one evaluation keeps: the first."""

Warned: TypeAlias = tuple[int, str, tuple[object, ...]]
"""A warning: the offset in the expression, the text, and the values that it names."""

STEP_CHARACTERS = 64
"""Characters of text that cost one step."""
JSON_CHARACTERS = 8
"""Characters of JSON that cost one step to read."""
STEP_REFERENCES = 8
"""Items of a list that can be copied unseen for one step."""
CALL_STEPS = 2
"""What calling a function of the expression costs besides its body."""
DECIMAL_STEPS = 2
"""What an operation on decimals costs besides."""
TEMPORAL_STEPS = 10
"""What an operation on dates, times or durations costs besides."""
DRAW_STEPS = 10
"""What drawing bytes costs."""
TRANSCENDENTAL_STEPS = 100
"""What a logarithm, an exponential or a power costs: to 34 digits they take that long."""


class Budget:
    """What one evaluation may still spend, and what it knows and says. One object per evaluation, given to closures."""

    __slots__ = ("_source", "_warnings", "depth", "steps")

    def __init__(self, source: object = None, warnings: list[Warned] | None = None) -> None:
        """`source` may have `now` and `draw()`, as `Variables`; warnings are kept only if there is a list for them."""
        self.steps = STEPS_MAX
        self.depth = 0
        self._source = source
        self._warnings = warnings

    @property
    def now(self) -> int | None:
        """The time of the evaluation, in milliseconds since 1970; None if it has none."""
        now: int | None = getattr(self._source, "now", None)  # an `isinstance` of a protocol takes longer than a step
        return now

    def draw(self) -> bytes | None:
        """Sixteen bytes that look random; None if the evaluation has none."""
        draw: Callable[[], bytes] | None = getattr(self._source, "draw", None)
        return None if draw is None else draw()

    def warn(self, at: int, message: str, *values: object) -> None:
        """Say why the answer is null: the offset in the expression, and a text with `{}` for the type of each value."""
        if self._warnings is not None and len(self._warnings) < WARNINGS_MAX:
            self._warnings.append((at, message, values))

    def silence(self) -> list[Warned] | None:
        """Keep no more warnings; gives what `listen` wants back."""
        warnings, self._warnings = self._warnings, None
        return warnings

    def listen(self, warnings: list[Warned] | None) -> None:
        """Keep warnings again."""
        self._warnings = warnings

    def spend(self, steps: int) -> None:
        """Count work; raises EvaluationFailure when nothing is left."""
        self.steps -= steps
        if self.steps < 0:
            raise EvaluationFailure(
                f"expected an evaluation of at most {STEPS_MAX} steps, got more; iterate over fewer items"
            )

    def enter(self, height: int) -> None:
        """Count the levels of a function's body before it runs, so that recursion ends before Python's own does."""
        self.depth += height
        if self.depth > NESTING_DEPTH_MAX:
            raise EvaluationFailure(
                f"expected function calls at most {NESTING_DEPTH_MAX} levels deep, got more; do not call recursively"
            )

    def leave(self, height: int) -> None:
        """Undo `enter`."""
        self.depth -= height

    def string(self, length: int) -> None:
        """Count a string of `length` characters before it is made."""
        if length > STRING_LENGTH_MAX:
            raise EvaluationFailure(
                f"expected strings of at most {STRING_LENGTH_MAX} characters, got {length}; build smaller ones"
            )
        self.spend(length // STEP_CHARACTERS)


def check_value_depth(depth: int) -> None:
    """Refuse to walk deeper into a value than VALUE_DEPTH_MAX."""
    if depth > VALUE_DEPTH_MAX:
        raise EvaluationFailure(
            f"expected values nested at most {VALUE_DEPTH_MAX} levels deep, got more; pass a part of the value"
        )
