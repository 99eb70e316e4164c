"""Every bound on FEEL expressions, and the budget that enforces those of evaluation.

Rule: the work of one evaluation is bounded whatever the expression and the data are. Work is counted in steps: one
for each syntax node evaluated in a loop, each item a built-in looks at, each 64 characters of text made. A million
steps take one to four seconds, and memory stays in proportion.
"""

from __future__ import annotations

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

STEP_CHARACTERS = 64
"""Characters of text that cost one step."""
STEP_REFERENCES = 8
"""Items of a list that can be copied unseen for one step."""
TRANSCENDENTAL_STEPS = 100
"""What a logarithm, an exponential or a power costs: to 34 digits they take that long."""


class Budget:
    """What one evaluation may still spend. One object per evaluation, passed to every closure."""

    __slots__ = ("depth", "steps")

    def __init__(self) -> None:
        self.steps = STEPS_MAX
        self.depth = 0

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
