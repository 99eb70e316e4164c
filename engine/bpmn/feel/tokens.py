"""Splits the text of an expression into tokens (DMN 1.5, 10.3.1.2).

Rule: whitespace and comments separate tokens and are dropped. A name of several words is several tokens here; only the
parser knows where such a name may stand.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from engine.bpmn.feel.errors import refuse

TokenKind = Literal["number", "string", "word", "name", "symbol", "end"]

# The whitespace of grammar rules 61 and 62; `\s` misses U+180E, U+200B and U+FEFF.
_WHITESPACE = "\\s\u180e\u200b\ufeff"
_TOKEN = re.compile(
    rf"""
    (?P<blank>   [{_WHITESPACE}]+ | //[^\n]* | /\*.*?\*/ )
  | (?P<number>  [0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)? | \.[0-9]+(?:[eE][+-]?[0-9]+)? )
  | (?P<string>  "(?:[^"\\]|\\.)*" )
  | (?P<word>    (?:[^\W\d]|\$)(?:\w|\$)* )
  | (?P<name>    `[^`]+` )
  | (?P<symbol>  \*\*|\.\.|!=|<=|>=|/(?!\*)|[-+*=<>()\[\]{{}},:.?@] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{6})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
_UNICODE_MAX = 0x10FFFF


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """One token: its text (of strings and backtick names: what they stand for) and its offset in the expression."""

    kind: TokenKind
    text: str
    at: int


def split_tokens(text: str) -> list[Token]:
    """All tokens of `text`, the last of kind `end`; raises FeelError at what is no token."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise refuse(_describe_bad_start(text, position), text, position)
        if match.lastgroup != "blank":
            tokens.append(_make_token(match))
        position = match.end()
    tokens.append(Token(kind="end", text="", at=len(text)))
    return tokens


def _make_token(match: re.Match[str]) -> Token:
    text, at = match.group(), match.start()
    match match.lastgroup:
        case "number":
            return Token(kind="number", text=text, at=at)
        case "string":
            return Token(kind="string", text=_ESCAPE.sub(_unescape, text[1:-1]), at=at)
        case "word":
            return Token(kind="word", text=text, at=at)
        case "name":
            return Token(kind="name", text=text[1:-1], at=at)
        case _:
            return Token(kind="symbol", text=text, at=at)


def _unescape(match: re.Match[str]) -> str:
    """What an escape sequence stands for. An unknown one stays as it is, so that "\\d" needs no second backslash."""
    digits = match.group(1) or match.group(2)
    if digits is None:
        return _ESCAPED.get(match.group(3), match.group())
    code = int(digits, 16)
    # A lone surrogate is no character: it could not be written as UTF-8 later.
    if code > _UNICODE_MAX or 0xD800 <= code <= 0xDFFF:
        return match.group()
    return chr(code)


def _describe_bad_start(text: str, position: int) -> str:
    if text.startswith("/*", position):
        return "expected '*/' at the end of a comment, got the end of the expression; close the comment"
    if text[position] == '"':
        return "expected '\"' at the end of a string, got the end of the expression; close the string"
    if text[position] == "`":
        return "expected '`' at the end of a name, got the end of the expression; close the name"
    return f"expected an expression, got the character {text[position]!r}; remove it"
