"""A place in the tokens of an expression, and how the parser moves it."""

from __future__ import annotations

from engine.bpmn.feel.errors import FeelError, refuse
from engine.bpmn.feel.tokens import Token, split_tokens


class Cursor:
    """The tokens of one expression and the index of the current one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = split_tokens(text)
        self.index = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def peek(self, distance: int) -> Token:
        return self.tokens[min(self.index + distance, len(self.tokens) - 1)]

    def advance(self) -> Token:
        token = self.tokens[self.index]
        if token.kind != "end":
            self.index += 1
        return token

    def at(self, *texts: str) -> bool:
        """Whether the current token is one of these symbols or words."""
        return self.token.kind in ("symbol", "word") and self.token.text in texts

    def accept(self, text: str) -> bool:
        if not self.at(text):
            return False
        self.index += 1
        return True

    def expect(self, *texts: str) -> Token:
        if not self.at(*texts):
            raise self.unexpected(" or ".join(f"'{text}'" for text in texts))
        return self.advance()

    def unexpected(self, wanted: str) -> FeelError:
        token = self.token
        found = "the end of the expression" if token.kind == "end" else f"'{token.text}'"
        return refuse(f"expected {wanted}, got {found}; correct the expression there", self.text, token.at)
