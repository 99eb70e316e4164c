"""The words and operators of FEEL's grammar (DMN 1.5, 10.3.1.2)."""

from __future__ import annotations

OR, AND, COMPARE, ADD, MULTIPLY, POWER, OPERAND = range(1, 8)
LEVELS = {"or": OR, "and": AND, "+": ADD, "-": ADD, "*": MULTIPLY, "/": MULTIPLY, "**": POWER} | dict.fromkeys(
    ("=", "!=", "<", "<=", ">", ">=", "between", "in", "instance"), COMPARE
)
KEYWORDS = frozenset(
    (
        *("null", "true", "false", "and", "or", "in", "between", "instance", "of"),
        *("if", "then", "else", "for", "return", "some", "every", "satisfies", "function"),
    )
)
# `instance` and `of` are names where no operator can stand.
RESERVED = KEYWORDS - {"instance", "of", "between"}
CONSTANTS = {"null": None, "true": True, "false": False}
# Of "years and months duration" and some to spare for names that are unknown.
FUNCTION_WORDS_MAX = 6
# What may be a part of a key that is written without quotes, besides words and numbers.
NAME_SYMBOLS = ("+", "-", "*", "/", ".")
# Properties of several words, which need no backticks behind a dot.
PROPERTIES = (("time", "offset"), ("start", "included"), ("end", "included"))
# Longer names first: "date and time" starts with "date". feel-scala's aliases are among them.
TYPE_NAMES = (
    "years and months duration",
    "days and time duration",
    "date and time",
    "date time",
    "date",
    "time",
    "number",
    "string",
    "boolean",
    "list",
    "context",
    "function",
    "range",
    "null",
    "Null",
    "Any",
    "day-time-duration",
    "year-month-duration",
)
