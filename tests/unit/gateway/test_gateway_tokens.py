"""Tokens of an identity provider: only those that were issued for this installation are taken."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from engine.core.faults import Unavailable
from engine.core.principal import CLIENT, USER, Principal
from engine.core.record import first_key
from engine.shell.manual_clock import ManualClock
from gateway.directory import Directory
from gateway.guard import GuardedAccess
from gateway.passwords import Passwords
from gateway.tokens import KEYS_SECONDS, KEYS_SECONDS_MIN, KEYS_SIZE_MAX, BadToken, Tokens, TokenSettings
from tests.unit.gateway.fakes import FakeSearch, happens, world

ISSUER, AUDIENCE = "https://id.example.org", "retold"
SETTINGS = TokenSettings(issuer=ISSUER, audience=AUDIENCE, jwks_url=f"{ISSUER}/keys", client_id_claim="client_id")
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FAR = 4_000_000_000


class Provider:
    """Answers with public keys, and counts how often it was asked."""

    def __init__(self, **keys: rsa.RSAPrivateKey) -> None:
        self.keys = keys
        self.asked = 0
        self.body: bytes | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.body is not None:
            return httpx.Response(200, content=self.body)
        listed = [
            {
                **json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())),
                "kid": name,
                "use": "sig",
                "alg": "RS256",
            }
            for name, key in self.keys.items()
        ]
        return httpx.Response(200, json={"keys": listed})


def token(key: Any = KEY, kid: str = "one", algorithm: str = "RS256", **claims: Any) -> str:
    given = {"iss": ISSUER, "aud": AUDIENCE, "exp": FAR, "sub": "ada", **claims}
    given = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(given, key, algorithm=algorithm, headers={"kid": kid})


def tokens(provider: Provider, clock: ManualClock | None = None, settings: TokenSettings = SETTINGS) -> Tokens:
    return Tokens(settings, clock or ManualClock(), httpx.AsyncClient(transport=httpx.MockTransport(provider)))


def principal(given: str, provider: Provider | None = None) -> Principal:
    async def ask() -> Principal:
        checking = tokens(provider or Provider(one=KEY))
        try:
            return await checking.principal(given)
        finally:
            await checking.close()

    return asyncio.run(ask())


def test_a_token_is_a_users_or_a_clients() -> None:
    assert principal(token()) == Principal(USER, "ada")
    assert principal(token(client_id="robot")) == Principal(CLIENT, "robot")
    assert principal(token(aud=["other", AUDIENCE])) == Principal(USER, "ada")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "a.b.c",
        token(OTHER),
        token(kid="unknown"),
        token(iss="https://evil.example.org"),
        token(aud="other"),
        token(aud=None),
        token(iss=None),
        token(exp=None),
        token(exp=1_000),
        token(nbf=FAR),
        token(sub=None),
        token(sub=""),
        token(sub="n" * 257),
        token("a shared secret of 32 bytes or so", algorithm="HS256"),
        jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "exp": FAR, "sub": "ada"}, None, algorithm="none"),
        token()[:-4] + "AAAA",
    ],
)
def test_other_tokens_are_refused(given: str) -> None:
    with pytest.raises(BadToken):
        principal(given)


def test_keys_are_cached_and_asked_for_again_within_bounds() -> None:
    async def scenario() -> None:
        provider, clock = Provider(one=KEY), ManualClock()
        checking = tokens(provider, clock)
        for _ in range(3):
            await checking.principal(token())
        assert provider.asked == 1
        provider.keys["two"] = OTHER
        for _ in range(3):
            with pytest.raises(BadToken):
                await checking.principal(token(OTHER, "two"))
        assert provider.asked == 1, "unknown keys do not make it ask at once"
        await clock.sleep(KEYS_SECONDS_MIN + 1)
        assert (await checking.principal(token(OTHER, "two"))).id == "ada"
        assert provider.asked == 2
        await clock.sleep(KEYS_SECONDS + 1)
        provider.body = b"not json"
        assert (await checking.principal(token())).id == "ada", "known keys stay while there are no others"
        assert provider.asked == 3
        await checking.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"keys": []}', b" " * (KEYS_SIZE_MAX + 1)])
def test_without_keys_nobody_is_judged(body: bytes) -> None:
    provider = Provider()
    provider.body = body
    with pytest.raises(Unavailable):
        principal(token(), provider)


def test_a_token_is_a_login() -> None:
    async def scenario() -> None:
        clock, store = ManualClock(), FakeSearch()
        passwords, checking = Passwords(clock), tokens(Provider(one=KEY), clock)
        access = GuardedAccess(Directory(store, clock), passwords, checking, clock)
        rules = {("INCIDENT", "RESOLVE"): happens("RESOLVED")}
        async with world(rules, search=store, access=access, passwords=passwords) as it:
            path = f"/v2/incidents/{first_key(1) + 5}/resolution"
            for given, status in ((token(client_id="robot"), 204), (token(OTHER), 401), ("", 401)):
                answer = await it.client.post(path, headers={"Authorization": f"Bearer {given}"})
                assert answer.status_code == status
            assert answer.headers["www-authenticate"].endswith(", Bearer")
            assert [command.step.claims for _, command in it.engine.commands] == ["client:robot"]
        await checking.close()

    asyncio.run(scenario())
