"""Tokens of an identity provider (OpenID Connect): signature, issuer, audience and times are checked; keys are cached.

Rule: only asymmetric algorithms, so that nobody who knows the public keys can sign. The provider is asked for its keys
when they are old, or when a token names one that is not known, and never more often than `KEYS_SECONDS_MIN` allows.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import jwt
import msgspec
from msgspec import Struct

from engine.core.faults import RetoldError, Unavailable
from engine.core.ports import Clock
from engine.core.principal import CLIENT, USER, Principal

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
#: How far clocks may differ.
LEEWAY_SECONDS = 30
#: Keys are asked for again after this time; when a token names an unknown one, after the shorter one.
KEYS_SECONDS = 300.0
KEYS_SECONDS_MIN = 10.0
KEYS_SIZE_MAX = 1 << 20
KEYS_MAX = 100
REQUEST_SECONDS = 5.0
NAME_LENGTH_MAX = 256

logger = logging.getLogger("retold.gateway")


class BadToken(RetoldError):
    """The token is not one that was issued for this installation, or is out of its time."""


class TokenSettings(Struct, frozen=True, kw_only=True):
    """Whose tokens are taken. `client_id_claim`: a token with it is a client's, whatever else it has; "" for none."""

    issuer: str
    audience: str
    jwks_url: str
    username_claim: str = "sub"
    client_id_claim: str = ""


class Tokens:
    """Checks tokens; asks the identity provider for its public keys."""

    def __init__(self, settings: TokenSettings, clock: Clock, http: httpx.AsyncClient | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._http = http or httpx.AsyncClient(timeout=REQUEST_SECONDS, follow_redirects=False)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def principal(self, token: str) -> Principal:
        """Who a token is about. Raises BadToken, or Unavailable while there are no keys to check it with."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise BadToken from None
        if header.get("alg") not in ALGORITHMS:
            raise BadToken
        key = await self._key(str(header.get("kid", "")))
        settings = self._settings
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise BadToken from None
        return self._principal_of(claims)

    async def close(self) -> None:
        """Ask nobody any more."""
        await self._http.aclose()

    def _principal_of(self, claims: dict[str, Any]) -> Principal:
        for kind, claim in ((CLIENT, self._settings.client_id_claim), (USER, self._settings.username_claim)):
            name = claims.get(claim) if claim else None
            if isinstance(name, str) and 0 < len(name) <= NAME_LENGTH_MAX:
                return Principal(kind, name)
        raise BadToken

    async def _key(self, name: str) -> jwt.PyJWK:
        """The key with this id. Raises BadToken for an unknown one."""
        async with self._asking:
            age = self._clock.monotonic() - self._asked_at
            if age > KEYS_SECONDS or (name not in self._keys and age > KEYS_SECONDS_MIN):
                await self._ask()
        if not self._keys:
            raise Unavailable("expected the keys of the identity provider, got none; try again later")
        key = self._keys.get(name)
        if key is None and not name and len(self._keys) == 1:
            (key,) = self._keys.values()
        if key is None:
            raise BadToken
        return key

    async def _ask(self) -> None:
        """Fetch the keys; those that are known stay while there are no others."""
        self._asked_at = self._clock.monotonic()
        try:
            self._keys = _keys_of(await self._fetch())
        except (httpx.HTTPError, httpx.InvalidURL, jwt.PyJWTError, msgspec.MsgspecError, ValueError) as error:
            url = self._settings.jwks_url
            logger.error("expected the keys of the identity provider at %s, got %s", url, type(error).__name__)

    async def _fetch(self) -> bytes:
        data = b""
        async with self._http.stream("GET", self._settings.jwks_url) as response:
            response.raise_for_status()
            async for part in response.aiter_bytes():
                data += part
                if len(data) > KEYS_SIZE_MAX:
                    raise ValueError(f"more than {KEYS_SIZE_MAX} bytes")
        return data


def _keys_of(data: bytes) -> dict[str, jwt.PyJWK]:
    """The keys of a JWK set by their ids, without those for other purposes. Raises what cannot be read."""
    listed = jwt.PyJWKSet.from_dict(msgspec.json.decode(data, type=dict[str, Any])).keys
    if len(listed) > KEYS_MAX:
        raise ValueError(f"more than {KEYS_MAX} keys")
    return {str(key.key_id or ""): key for key in listed if key.public_key_use in (None, "sig")}
