"""Claims count only when somebody who knows the secret vouches for them."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.ports import COMMANDS, Entry, Message
from engine.records import User
from engine.shell.claims import HEADER, ClaimsSeal
from engine.shell.intake import decide
from tests.support.identities import HASH, ON, by, grant
from tests.support.scenario import CODEC, Scenario, make

SEAL = ClaimsSeal("a secret that is long enough to be one")
OTHER = ClaimsSeal("another secret that is long enough, too")
WISH = by(make("USER", "CREATE", User(username="ada", password_hash=HASH)), "user:root")


def entry_of(message: Message) -> Entry:
    return Entry(offset=100, timestamp=1_800_000_000_000, value=message.value, headers=message.headers)


def outcome(entry: Entry, seal: ClaimsSeal | None) -> tuple[str, str]:
    """The claims under which a command was decided by an engine where `root` may create users, and what came of it."""
    s = Scenario(1, settings=ON)
    grant(s, "user:root", "USER", "CREATE")
    decided = decide(s.machine(), CODEC, COMMANDS, entry, seal=seal)
    assert decided is not None
    first = decided.records[0]
    return first.step.claims, first.rejection_code or first.intent


def test_what_is_signed_is_from_whom_it_says() -> None:
    signed = entry_of(SEAL.sign(Message(value=CODEC.encode(WISH), headers={"request": "gateway/1"})))
    assert signed.headers["request"] == "gateway/1"
    assert outcome(signed, SEAL) == ("user:root", "CREATED")


@pytest.mark.parametrize("header", [None, "", "ä", "00"])
def test_what_is_not_signed_is_from_nobody(header: str | None) -> None:
    headers = {} if header is None else {HEADER: header}
    assert outcome(entry_of(Message(value=CODEC.encode(WISH), headers=headers)), SEAL) == ("anonymous", "FORBIDDEN")


def test_a_signature_is_for_one_command_and_by_one_secret() -> None:
    message = Message(value=CODEC.encode(WISH))
    assert outcome(entry_of(OTHER.sign(message)), SEAL) == ("anonymous", "FORBIDDEN")
    signed = SEAL.sign(message)
    changed = CODEC.encode(by(make("USER", "CREATE", User(username="eve", password_hash=HASH)), "user:root"))
    forged = msgspec.structs.replace(signed, value=changed)
    assert outcome(entry_of(forged), SEAL) == ("anonymous", "FORBIDDEN")


def test_without_a_secret_claims_are_taken_as_they_are() -> None:
    assert outcome(entry_of(Message(value=CODEC.encode(WISH))), None) == ("user:root", "CREATED")


def test_decided_again_the_claims_are_those_of_the_log() -> None:
    s = Scenario(1, settings=ON)
    grant(s, "user:root", "USER", "CREATE")
    decided = decide(s.machine(), CODEC, COMMANDS, entry_of(Message(value=CODEC.encode(WISH))), claims="anonymous")
    assert decided is not None
    assert decided.records[0].rejection_code == "FORBIDDEN"
