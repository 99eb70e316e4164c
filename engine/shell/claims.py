"""Who vouches for the claims of a command: a consumer cannot see who wrote a record, so it is signed with a secret.

The gateways sign whatever they append, and so may a producer that is given the secret. What is not signed is from
nobody in particular, whoever it says it is from.
"""

from __future__ import annotations

import hmac

import msgspec

from engine.core.ports import Entry, Message

#: HMAC-SHA-256 of the value, in hexadecimal.
HEADER = "claims-signature"


class ClaimsSeal:
    """Signs commands and checks them."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def sign(self, message: Message) -> Message:
        """The message with its signature."""
        return msgspec.structs.replace(message, headers={**message.headers, HEADER: self._digest(message.value)})

    def is_on(self, entry: Entry) -> bool:
        """Whether somebody who knows the secret has written this."""
        given = entry.headers.get(HEADER, "")
        return given.isascii() and hmac.compare_digest(given, self._digest(entry.value))

    def _digest(self, value: bytes) -> str:
        return hmac.digest(self._secret, value, "sha256").hex()
