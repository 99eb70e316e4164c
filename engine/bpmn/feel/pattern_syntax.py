"""Parses regular expressions into a tree (DMN 1.5, 10.3.4.3: XPath's; feel-scala: Java's).

Supported is what both share and what can be matched in linear time: characters, classes, anchors, groups,
alternatives and greedy or reluctant repetitions. Backreferences, look-around, possessive quantifiers, inline flags,
`\\p{…}` and operations on classes are refused. `\\d`, `\\w` and `\\s` are ASCII, as in Java.
"""

from __future__ import annotations

import re

import msgspec

from engine.bpmn.feel.limits import NESTING_DEPTH_MAX, PATTERN_INSTRUCTIONS_MAX, PATTERN_LENGTH_MAX


class PatternError(Exception):
    """The text is no regular expression."""


class UnsupportedPattern(PatternError):
    """The text is a regular expression that this engine does not run: a construct it lacks, or a limit."""


class Test(msgspec.Struct, frozen=True):
    """One character, or a place such as `^`; `source` is the same in Python's notation, without any repetition."""

    source: str


class Sequence(msgspec.Struct, frozen=True):
    parts: tuple[Part, ...]


class Choice(msgspec.Struct, frozen=True):
    options: tuple[Part, ...]


class Group(msgspec.Struct, frozen=True):
    """A group that captures; numbers start at 1."""

    number: int
    body: Part


class Repeat(msgspec.Struct, frozen=True):
    """`body{least,most}`; `most` None is any number of times."""

    body: Part
    least: int
    most: int | None
    greedy: bool


Part = Test | Sequence | Choice | Group | Repeat

_COUNTED = re.compile(r"\{([0-9]{1,9})(?:(,)([0-9]{1,9})?)?\}")
_CLASS_LETTERS = frozenset("dDwWsS")
_PLACE_LETTERS = {"b": r"\b", "B": r"\B", "A": r"\A", "z": r"\Z", "Z": r"(?=\n?\Z)"}
_CONTROL_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
_HEX_LENGTHS = {"x": 2, "u": 4}


def parse_pattern(pattern: str, *, verbose: bool) -> tuple[Part, int]:
    """The tree of a pattern and the number of its groups. `verbose` drops whitespace and comments (flag x)."""
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise UnsupportedPattern(
            f"expected a pattern of at most {PATTERN_LENGTH_MAX} characters, got {len(pattern)}; shorten it"
        )
    parser = _Parser(pattern, verbose)
    part = parser.choice()
    if parser.peek():
        raise PatternError(f"expected the end of the pattern, got '{parser.peek()}'; escape it")
    return part, parser.groups


class _Parser:
    def __init__(self, pattern: str, verbose: bool) -> None:
        self.pattern = pattern
        self.verbose = verbose
        self.index = 0
        self.depth = 0
        self.groups = 0

    def peek(self) -> str:
        """The next character; empty at the end."""
        while self.verbose and self.pattern[self.index : self.index + 1].isspace():
            self.index += 1
        if self.verbose and self.pattern.startswith("#", self.index):
            end = self.pattern.find("\n", self.index)
            self.index = len(self.pattern) if end < 0 else end + 1
            return self.peek()
        return self.pattern[self.index : self.index + 1]

    def take(self) -> str:
        character = self.pattern[self.index : self.index + 1]
        if not character:
            raise PatternError("expected more of the pattern, got its end; complete it")
        self.index += 1
        return character

    def choice(self) -> Part:
        self.depth += 1
        if self.depth > NESTING_DEPTH_MAX:
            raise UnsupportedPattern(f"expected at most {NESTING_DEPTH_MAX} groups inside each other; use fewer")
        options = [self.sequence()]
        while self.peek() == "|":
            self.index += 1
            options.append(self.sequence())
        self.depth -= 1
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Part:
        parts: list[Part] = []
        while self.peek() not in ("", "|", ")"):
            part = self.repeated(self.atom())
            last = parts[-1] if parts else None
            if isinstance(part, Test) and isinstance(last, Test):
                parts[-1] = Test(last.source + part.source)
            else:
                parts.append(part)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def repeated(self, part: Part) -> Part:
        least, most = self.quantifier()
        if least < 0:
            return part
        greedy = self.peek() != "?"
        if not greedy:
            self.index += 1
        if self.peek() == "+":
            raise UnsupportedPattern("expected no possessive quantifier, got one; leave out the second '+'")
        if self.quantifier()[0] >= 0:
            raise PatternError("expected one quantifier, got several; put the first into a group")
        if max(least, most or 0) > PATTERN_INSTRUCTIONS_MAX:
            raise UnsupportedPattern(f"expected at most {PATTERN_INSTRUCTIONS_MAX} repetitions; use '*' or '+'")
        return Repeat(part, least, most, greedy)

    def quantifier(self) -> tuple[int, int | None]:
        """The bounds of the quantifier that follows, which is consumed; (-1, None) if none does."""
        character = self.peek()
        if character and character in "*+?":
            self.index += 1
            return (1, None) if character == "+" else (0, None if character == "*" else 1)
        if character != "{":
            return -1, None
        match = _COUNTED.match(self.pattern, self.index)
        if match is None:
            raise PatternError("expected a quantifier such as {2,5}, got something else after '{'; escape the brace")
        self.index = match.end()
        least = int(match[1])
        most = least if match[2] is None else int(match[3]) if match[3] else None
        if most is not None and most < least:
            raise PatternError(f"expected a quantifier from low to high, got {match[0]}; swap its bounds")
        return least, most

    def atom(self) -> Part:
        character = self.take()
        match character:
            case "(":
                return self.group()
            case "[":
                return Test(self.character_class())
            case "\\":
                return Test(self.escape())
            case "." | "^" | "$":
                return Test(character)
            case "*" | "+" | "?" | "{":
                raise PatternError(f"expected something to repeat before '{character}'; escape it")
        return Test(re.escape(character))

    def group(self) -> Part:
        number = 0
        if self.pattern.startswith("?:", self.index):
            self.index += 2
        elif self.pattern.startswith("?", self.index):
            raise UnsupportedPattern("expected a plain group, got one that starts with '(?'; use '(' or '(?:'")
        else:
            self.groups += 1
            number = self.groups
        body = self.choice()
        if self.peek() != ")":
            raise PatternError("expected ')' at the end of a group, got the end of the pattern; close it")
        self.index += 1
        # A sequence of its own, so that what stands before does not grow into a body that is repeated.
        return Group(number, body) if number else Sequence((body,))

    def escape(self) -> str:
        """What follows a backslash, outside a class."""
        letter = self.pattern[self.index : self.index + 1]
        if letter in _PLACE_LETTERS:
            self.index += 1
            return _PLACE_LETTERS[letter]
        return self.class_escape()

    def class_escape(self) -> str:
        """What follows a backslash and stands for one character, inside or outside a class."""
        letter = self.take()
        if letter in _CLASS_LETTERS:
            return "\\" + letter
        if letter in _CONTROL_LETTERS:
            return re.escape(_CONTROL_LETTERS[letter])
        if letter in _HEX_LENGTHS:
            digits = self.pattern[self.index : self.index + _HEX_LENGTHS[letter]]
            if len(digits) < _HEX_LENGTHS[letter] or not re.fullmatch("[0-9A-Fa-f]+", digits):
                raise PatternError(f"expected {_HEX_LENGTHS[letter]} hexadecimal digits after '\\{letter}'; add them")
            self.index += len(digits)
            return re.escape(chr(int(digits, 16)))
        if letter.isalnum():
            raise UnsupportedPattern(f"expected a supported escape, got '\\{letter}'; use a class or a group instead")
        return re.escape(letter)

    def character_class(self) -> str:
        negated = self.pattern.startswith("^", self.index)
        self.index += negated
        items: list[str] = []
        while True:
            character = self.take()
            if character == "]" and items:
                return f"[{'^' if negated else ''}{''.join(items)}]"
            if character == "[" or (character == "&" and self.pattern.startswith("&", self.index)):
                raise UnsupportedPattern("expected a plain class, got one inside it or '&&'; escape '[' and '&'")
            items.append(self.class_item(character))

    def class_item(self, character: str) -> str:
        low = self.class_escape() if character == "\\" else re.escape(character)
        dash_follows = self.pattern.startswith("-", self.index) and not self.pattern.startswith("-]", self.index)
        if not dash_follows or (low[-1:] in _CLASS_LETTERS and low.startswith("\\")):
            # Escaped, because Python reads some doubled characters as operators.
            return low
        self.index += 1
        character = self.take()
        high = self.class_escape() if character == "\\" else re.escape(character)
        if (len(high) == 2 and high[1] in _CLASS_LETTERS) or _character(low) > _character(high):
            raise PatternError(f"expected a range of characters from low to high, got '{low}-{high}'; swap its ends")
        return f"{low}-{high}"


def _character(escaped: str) -> str:
    """The character that `re.escape` wrote."""
    return escaped[-1]
