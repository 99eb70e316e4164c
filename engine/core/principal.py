"""Who a command is from: the claims of its step, which the gateway or the intake has verified."""

from __future__ import annotations

from msgspec import Struct

USER = "USER"
CLIENT = "CLIENT"
ANONYMOUS = "ANONYMOUS"

#: Claims of who has not said who he is.
ANONYMOUS_CLAIMS = "anonymous"


class Principal(Struct, frozen=True):
    """A user by name, a client by id, or nobody in particular (type ANONYMOUS, no id)."""

    type: str = ANONYMOUS
    id: str = ""

    @property
    def claims(self) -> str:
        """As they are in a step: `user:NAME`, `client:ID` or `anonymous`."""
        return f"{self.type.lower()}:{self.id}" if self.id else ANONYMOUS_CLAIMS


NOBODY = Principal()


def principal_of(claims: str) -> Principal:
    """Who has these claims. Whatever names no user and no client is from nobody in particular."""
    kind, _, name = claims.partition(":")
    kind = kind.upper()
    return Principal(kind, name) if name and kind in (USER, CLIENT) else NOBODY
