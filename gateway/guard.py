"""Access while authorization is on: every caller says who he is, by a password or by a token.

Rule: an answer does not tell what was wrong, neither by its text nor by its time. Passwords and tokens are in no error
and in no log.
"""

from __future__ import annotations

import binascii
import math
from base64 import b64decode

from engine.core import faults
from engine.core.ports import Clock
from engine.core.principal import USER, Principal
from engine.shell.passwords import PASSWORD_LENGTH_MAX

from .access import Person, Resources
from .bodies import HttpRequest
from .directory import Directory
from .passwords import Passwords
from .problems import Problem
from .throttle import Throttle
from .tokens import BadToken, Tokens

#: Of a header; longer ones are no login.
HEADER_LENGTH_MAX = 16_384
#: What tokens count as in the table of failures: what is in a wrong one is not to be believed.
BEARER = "bearer"


class GuardedAccess:
    """An Access over a directory. Without `tokens` there are passwords alone."""

    is_guarded = True

    def __init__(self, directory: Directory, passwords: Passwords, tokens: Tokens | None, clock: Clock) -> None:
        self._directory = directory
        self._passwords = passwords
        self._tokens = tokens
        self._throttle = Throttle(clock)

    async def authenticate(self, request: HttpRequest) -> Principal:
        """As `Access.authenticate`."""
        header = _authorization(request)
        scheme, _, rest = header.partition(" ")
        client = request.scope["client"]
        address = client[0] if client else ""
        if scheme.lower() == "basic":
            return await self._by_password(rest.strip(), address)
        if scheme.lower() == "bearer" and self._tokens is not None:
            return await self._by_token(self._tokens, rest.strip(), address)
        raise self._unauthorized("expected to know who asks, got a request without a login")

    async def resources(self, principal: Principal, resource_type: str, permissions: tuple[str, ...]) -> Resources:
        """As `Access.resources`."""
        return await self._directory.resources(principal, resource_type, permissions)

    async def person(self, principal: Principal) -> Person:
        """As `Access.person`."""
        return await self._directory.person(principal)

    async def _by_password(self, encoded: str, address: str) -> Principal:
        try:
            username, colon, password = b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            username = colon = password = ""
        self._let_wait(address, username)
        if colon and username and len(password) <= PASSWORD_LENGTH_MAX:
            known = await self._directory.password_hash(username)
            if await self._passwords.is_right(known, password):
                self._throttle.succeeded(address, username)
                return Principal(USER, username)
        self._throttle.failed(address, username)
        raise self._unauthorized("expected a known user and his password, got others")

    async def _by_token(self, tokens: Tokens, token: str, address: str) -> Principal:
        self._let_wait(address, BEARER)
        try:
            return await tokens.principal(token)
        except BadToken:
            self._throttle.failed(address, BEARER)
            raise self._unauthorized("expected a valid token of the identity provider, got another") from None

    def _let_wait(self, address: str, name: str) -> None:
        seconds = self._throttle.wait_seconds(address, name)
        if seconds:
            text = "expected fewer failed logins, got too many; wait and try again"
            raise Problem(429, text, headers={"Retry-After": str(math.ceil(seconds))})

    def _unauthorized(self, text: str) -> Problem:
        schemes = 'Basic realm="retold", charset="UTF-8"' + (", Bearer" if self._tokens is not None else "")
        detail = f"{text}; send them in the Authorization header"
        return Problem(401, detail, title=faults.UNAUTHORIZED, headers={"WWW-Authenticate": schemes})


def _authorization(request: HttpRequest) -> str:
    """The header; empty if there is none, more than one, or one that is too long to be a login."""
    found = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if len(found) != 1 or len(found[0]) > HEADER_LENGTH_MAX:
        return ""
    return found[0].decode("latin-1")
