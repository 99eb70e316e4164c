"""Built-in functions on strings (DMN 1.5, 10.3.4.3, and Camunda's additions).

Positions count characters (code points) from 1; negative ones count from the end. Regular expressions: `patterns.py`.
"""

from __future__ import annotations

import base64
import binascii

from engine.bpmn.feel import patterns
from engine.bpmn.feel.arithmetic import whole
from engine.bpmn.feel.builtin import builtin
from engine.bpmn.feel.errors import EvaluationFailure
from engine.bpmn.feel.limits import Budget
from engine.bpmn.feel.pattern_syntax import PatternError, UnsupportedPattern
from engine.bpmn.feel.values import Data

# Java's trim: everything up to the space.
_TRIMMED = "".join(map(chr, range(0x21)))


def substring(string: Data, start: Data, length: Data = None) -> Data:
    """Null outside the string, as the specification's domains say; a length beyond the end is cut."""
    position = whole(start)
    if not isinstance(string, str) or position is None or position == 0 or abs(position) > len(string):
        return None
    index = position - 1 if position > 0 else len(string) + position
    if length is None:
        return string[index:]
    count = whole(length)
    return None if count is None or count < 0 else string[index : index + count]


def string_length(string: Data) -> Data:
    return len(string) if isinstance(string, str) else None


def upper_case(string: Data) -> Data:
    return string.upper() if isinstance(string, str) else None


def lower_case(string: Data) -> Data:
    return string.lower() if isinstance(string, str) else None


def substring_before(string: Data, match: Data) -> Data:
    if not isinstance(string, str) or not isinstance(match, str):
        return None
    return string[: max(0, string.find(match))]


def substring_after(string: Data, match: Data) -> Data:
    if not isinstance(string, str) or not isinstance(match, str):
        return None
    index = string.find(match)
    return string[index + len(match) :] if index >= 0 else ""


def contains(string: Data, match: Data) -> Data:
    return match in string if isinstance(string, str) and isinstance(match, str) else None


def starts_with(string: Data, match: Data) -> Data:
    return string.startswith(match) if isinstance(string, str) and isinstance(match, str) else None


def ends_with(string: Data, match: Data) -> Data:
    return string.endswith(match) if isinstance(string, str) and isinstance(match, str) else None


def trim(string: Data) -> Data:
    return string.strip(_TRIMMED) if isinstance(string, str) else None


def is_blank(string: Data) -> Data:
    return not string.strip() if isinstance(string, str) else None


def matches(budget: Budget, string: Data, pattern: Data, flags: Data = None) -> Data:
    """Whether the pattern is found anywhere in the string."""
    program = _program(pattern, flags)
    if not isinstance(string, str) or program is None:
        return None
    return patterns.find(program, string, 0, budget) is not None


def replace(budget: Budget, string: Data, pattern: Data, replacement: Data, flags: Data = None) -> Data:
    """Every match replaced; `$1` in the replacement is a group, `\\` takes the next character as it is."""
    program = _program(pattern, flags)
    if not isinstance(string, str) or not isinstance(replacement, str) or program is None:
        return None
    template = patterns.parse_replacement(replacement, program.groups)
    if template is None:
        return None
    parts: list[str] = []
    end = 0
    for groups in patterns.find_all(program, string, budget):
        expanded = patterns.expand(template, string, groups)
        budget.string(len(expanded))
        parts += (string[end : groups[0]], expanded)
        end = groups[1]
    budget.string(sum(map(len, parts)))
    return "".join(parts) + string[end:]


def split(budget: Budget, string: Data, delimiter: Data) -> Data:
    """The parts between the matches of the delimiter, a regular expression; empty parts are kept."""
    program = _program(delimiter, None)
    if not isinstance(string, str) or program is None:
        return None
    parts: list[Data] = []
    end = 0
    for groups in patterns.find_all(program, string, budget):
        if groups[1] == 0 or groups[0] == groups[1] == len(string):
            continue  # An empty match at either end delimits nothing.
        parts.append(string[end : groups[0]])
        end = groups[1]
    return [*parts, string[end:]]


def extract(budget: Budget, string: Data, pattern: Data) -> Data:
    """All matches of the pattern."""
    program = _program(pattern, None)
    if not isinstance(string, str) or program is None:
        return None
    return [string[groups[0] : groups[1]] for groups in patterns.find_all(program, string, budget)]


def _program(pattern: Data, flags: Data) -> patterns.Program | None:
    if not isinstance(pattern, str) or not (flags is None or isinstance(flags, str)):
        return None
    try:
        return patterns.compile_pattern(pattern, flags or "")
    except UnsupportedPattern as error:
        raise EvaluationFailure(str(error)) from error
    except PatternError:
        return None


def string_join(
    budget: Budget, strings: Data, delimiter: Data = None, prefix: Data = None, suffix: Data = None
) -> Data:
    """Nulls in the list are left out; anything else that is no string makes the result null."""
    around = ["" if part is None else part for part in (delimiter, prefix, suffix)]
    if not isinstance(strings, list):
        return None
    parts = [part for part in strings if part is not None]
    texts = [part for part in parts if isinstance(part, str)]
    fixed = [part for part in around if isinstance(part, str)]
    if len(texts) < len(parts) or len(fixed) < len(around):
        return None
    separator, start, end = fixed
    budget.string(sum(map(len, texts)) + len(separator) * len(texts) + len(start) + len(end))
    return start + separator.join(texts) + end


def to_base64(budget: Budget, value: Data) -> Data:
    """The Base64 of the string's UTF-8."""
    if not isinstance(value, str):
        return None
    budget.string(2 * len(value))
    return base64.b64encode(value.encode()).decode()


def from_base64(budget: Budget, value: Data) -> Data:
    """The string that Base64 of UTF-8 stands for; null if it is none."""
    if not isinstance(value, str):
        return None
    budget.string(len(value))
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


TEXT_FUNCTIONS = (
    builtin("substring", "string, start position, [length]", substring),
    builtin("string length", "string", string_length),
    builtin("upper case", "string", upper_case),
    builtin("lower case", "string", lower_case),
    builtin("substring before", "string, match", substring_before),
    builtin("substring after", "string, match", substring_after),
    builtin("contains", "string, match", contains),
    builtin("starts with", "string, match", starts_with),
    builtin("ends with", "string, match", ends_with),
    builtin("trim", "string", trim),
    builtin("is blank", "string", is_blank),
    builtin("matches", "input, pattern, [flags]", matches, pattern=1, spends=True),
    builtin("replace", "input, pattern, replacement, [flags]", replace, pattern=1, spends=True),
    builtin("split", "string, delimiter", split, pattern=1, spends=True),
    builtin("extract", "input, pattern", extract, pattern=1, spends=True),
    builtin("string join", "list, [delimiter], [prefix], [suffix]", string_join, spends=True),
    builtin("to base64", "value", to_base64, spends=True),
    builtin("from base64", "value", from_base64, spends=True),
)
