"""Runs regular expressions in time linear in the length of the text.

Rule: no pattern can make an evaluation slow. Python's `re` backtracks without bound, so it only tests single places
here; choices and repetitions are instructions of a small machine that never visits the same instruction at the same
place twice (the method of RE2's bit-state matcher), and each such visit is paid from the budget.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import msgspec

from engine.bpmn.feel.limits import PATTERN_INSTRUCTIONS_MAX, Budget
from engine.bpmn.feel.pattern_syntax import (
    Choice,
    Group,
    Part,
    PatternError,
    Repeat,
    Sequence,
    Test,
    UnsupportedPattern,
    parse_pattern,
)

Groups = tuple[int, ...]
"""Start and end of the match, then of each group; -1 where a group took no part."""

_REPLACEMENT = re.compile(r"([^$\\]+)|\$([0-9])|\\(.)", re.DOTALL)

PROGRAMS_MAX = 256
"""Compiled patterns that are kept, so that a pattern in a loop is compiled once."""

VISIT_STEPS = 4
"""What a visit costs: the machine takes about as long for it as a closure for four steps."""

TEST, SPLIT, JUMP, SAVE, MATCH = range(5)
FLAGS = {"i": re.IGNORECASE, "s": re.DOTALL, "m": re.MULTILINE, "x": re.NOFLAG}


class Instruction(msgspec.Struct):
    """One instruction. SPLIT goes on at `target`, if that fails at `other`; JUMP at `target`; SAVE stores a place."""

    operation: int
    target: int = 0
    other: int = 0
    test: Callable[[str, int], re.Match[str] | None] | None = None


class Program(msgspec.Struct, frozen=True):
    """A compiled pattern."""

    instructions: tuple[Instruction, ...]
    groups: int


@lru_cache(maxsize=PROGRAMS_MAX)
def compile_pattern(pattern: str, flags: str) -> Program:
    """The program of a pattern; unknown flags are ignored, as by feel-scala. Raises PatternError."""
    part, groups = parse_pattern(pattern, verbose="x" in flags)
    mode = re.ASCII
    for flag, value in FLAGS.items():
        mode |= value if flag in flags else re.NOFLAG
    builder = _Builder(mode)
    builder.emit_group(0, part)
    builder.emit(MATCH)
    return Program(tuple(builder.instructions), groups)


class _Builder:
    def __init__(self, mode: re.RegexFlag) -> None:
        self.mode = mode
        self.instructions: list[Instruction] = []

    def emit(self, operation: int, target: int = 0) -> Instruction:
        if len(self.instructions) >= PATTERN_INSTRUCTIONS_MAX:
            raise UnsupportedPattern(
                f"expected a pattern of at most {PATTERN_INSTRUCTIONS_MAX} instructions, got more; repeat less"
            )
        instruction = Instruction(operation, target)
        self.instructions.append(instruction)
        return instruction

    def emit_part(self, part: Part) -> None:
        match part:
            case Test(source):
                try:
                    self.emit(TEST).test = re.compile(source, self.mode).match
                except re.error as error:
                    raise PatternError(f"expected a regular expression, got '{source}' ({error}); fix it") from error
            case Sequence(parts):
                for inner in parts:
                    self.emit_part(inner)
            case Choice(options):
                self.emit_choice(options)
            case Group(number, body):
                self.emit_group(number, body)
            case Repeat():
                self.emit_repeat(part)

    def emit_group(self, number: int, body: Part) -> None:
        self.emit(SAVE, 2 * number)
        self.emit_part(body)
        self.emit(SAVE, 2 * number + 1)

    def emit_choice(self, options: tuple[Part, ...]) -> None:
        jumps: list[Instruction] = []
        for option in options[:-1]:
            split = self.emit(SPLIT, len(self.instructions) + 1)
            self.emit_part(option)
            jumps.append(self.emit(JUMP))
            split.other = len(self.instructions)
        self.emit_part(options[-1])
        for jump in jumps:
            jump.target = len(self.instructions)

    def emit_repeat(self, part: Repeat) -> None:
        for _ in range(part.least):
            self.emit_part(part.body)
        exits: list[Instruction] = []
        start = len(self.instructions)
        for _ in range(1 if part.most is None else part.most - part.least):
            exits.append(self.emit(SPLIT, len(self.instructions) + 1))
            self.emit_part(part.body)
        if part.most is None:
            self.emit(JUMP, start)
        for split in exits:
            split.other = len(self.instructions)
            if not part.greedy:
                split.target, split.other = split.other, split.target


def find(program: Program, text: str, start: int, budget: Budget) -> Groups | None:
    """The first match at or after `start`; of several there, the one Java and Python prefer."""
    visited: set[int] = set()
    for position in range(start, len(text) + 1):
        budget.spend(VISIT_STEPS)
        groups = _match(program, text, position, visited, budget)
        if groups is not None:
            return groups
    return None


def _match(program: Program, text: str, position: int, visited: set[int], budget: Budget) -> Groups | None:
    """The match that starts at `position`. `visited` holds the choices that are known to fail."""
    instructions, width = program.instructions, len(text) + 1
    pending: list[tuple[int, int, Groups]] = [(0, position, (-1,) * (2 * program.groups + 2))]
    while pending:
        pointer, place, groups = pending.pop()
        while True:
            instruction = instructions[pointer]
            operation = instruction.operation
            pointer += 1
            if operation == TEST:
                found = instruction.test(text, place) if instruction.test else None
                if found is None:
                    break
                place = found.end()
            elif operation == SPLIT:
                state = pointer * width + place
                if state in visited:
                    break
                visited.add(state)
                budget.spend(VISIT_STEPS)
                pending.append((instruction.other, place, groups))
                pointer = instruction.target
            elif operation == JUMP:
                pointer = instruction.target
            elif operation == SAVE:
                slot = instruction.target
                groups = (*groups[:slot], place, *groups[slot + 1 :])
            else:
                return groups
    return None


def find_all(program: Program, text: str, budget: Budget) -> Iterator[Groups]:
    """All matches from left to right, none overlapping another."""
    start = 0
    while start <= len(text):
        groups = find(program, text, start, budget)
        if groups is None:
            return
        yield groups
        start = groups[1] if groups[1] > groups[0] else groups[1] + 1


def parse_replacement(replacement: str, groups: int) -> list[str | int] | None:
    """The parts of a replacement: texts and numbers of groups (`$1`); a backslash takes the next character as it is.

    None if it is malformed, or names a group that the pattern does not have.
    """
    parts: list[str | int] = []
    position = 0
    for match in _REPLACEMENT.finditer(replacement):
        if match.start() != position or int(match[2] or 0) > groups:
            return None
        position = match.end()
        parts.append(int(match[2]) if match[2] else match[3] or match[1])
    return parts if position == len(replacement) else None


def expand(parts: list[str | int], text: str, groups: Groups) -> str:
    """What replaces a match; a group that took no part is empty."""
    texts = (
        part if isinstance(part, str) else text[max(0, groups[2 * part]) : max(0, groups[2 * part + 1])]
        for part in parts
    )
    return "".join(texts)
