"""Inboxes: inputs that belong to one principal, whoever a command says it is from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.core.ports import COMMANDS, INTERNAL, Append, Entry, Message, Store, inbox_of
from engine.core.record import Record
from engine.records import Clock, Deployment, User
from engine.records.deployment import Resource
from engine.shell.claims import ClaimsSeal
from engine.shell.intake import decide
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from replay.partition import PartitionAudit
from replay.redecision import Redecision
from replay.report import FAILED
from tests.support import models as m
from tests.support.copied_log import CopiedLog
from tests.support.identities import HASH, ON, by, grant
from tests.support.partitions import digests, records_of, replayed, send, work
from tests.support.restored import creation, names_of
from tests.support.scenario import ASSEMBLY, BEGIN, CODEC, Scenario, make

SHOP, BANK = inbox_of("shop"), inbox_of("bank")
INBOXES = {SHOP: "client:shop", BANK: "user:ada"}
INPUTS = (COMMANDS, *INBOXES, INTERNAL)


class Life:
    """One partition with two inboxes, all of whose inputs have been used."""

    def __init__(self) -> None:
        self.clock = ManualClock(BEGIN)
        self.log = MemoryLog(1, self.clock, INPUTS)
        self.stores: dict[int, Store] = {1: MemoryStore()}

    async def live(self) -> None:
        resource = Resource(resource_name="one.bpmn", resource=m.one_task())
        await send(self.log, 1, by(make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,))), "user:eve"))
        await self.work()
        for number in range(4):
            await send(self.log, 1, by(creation(f"shop {number}"), "user:root"), topic=SHOP)
            await send(self.log, 1, creation(f"bank {number}"), topic=BANK)
            await send(self.log, 1, creation(f"open {number}"))
        await self.work()

    async def work(self, log: MemoryLog | None = None) -> None:
        await work(log or self.log, self.stores, self.clock, INBOXES)


def lived() -> Life:
    life = Life()
    asyncio.run(life.live())
    return life


async def failures_of(log: MemoryLog, store: Store) -> Sequence[str]:
    findings = await PartitionAudit(log, ASSEMBLY, 1, MemoryStore(), store, lambda _: None).run()
    return [failure.text for check in findings.checks if check.status == FAILED for failure in check.failures]


def claims_by_input(records: Sequence[Record]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for record in records:
        found.setdefault(record.step.source_input, set()).add(record.step.claims)
    return found


def test_what_lies_in_an_inbox_is_from_its_principal_whoever_it_names() -> None:
    records = asyncio.run(records_of(lived().log, 1))
    found = claims_by_input(records)
    assert (found[SHOP], found[BANK]) == ({"client:shop"}, {"user:ada"})
    assert found[COMMANDS] == {"user:eve", ""}
    assert sorted(names_of(records)) == sorted(f"{who} {n}" for who in ("shop", "bank", "open") for n in range(4))


def test_inputs_take_turns() -> None:
    """Nobody waits behind all that somebody else has put into an inbox."""
    life = Life()

    async def flood() -> list[str]:
        resource = Resource(resource_name="one.bpmn", resource=m.one_task())
        await send(life.log, 1, make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,))))
        await life.work()
        await send(life.log, 1, *[creation(f"flood {number}") for number in range(20)], topic=SHOP)
        await send(life.log, 1, creation("one"))
        await life.work()
        return names_of(await records_of(life.log, 1))

    assert asyncio.run(flood()).index("one") <= 2


def test_a_log_with_inboxes_is_audited_and_decided_again() -> None:
    life = lived()
    assert asyncio.run(failures_of(life.log, life.stores[1])) == []
    again = asyncio.run(Redecision(life.log, ASSEMBLY, 1, MemoryStore()).run())
    assert (again.difference, again.pending_commands) == (None, 0)
    assert digests(life.stores[1]) == digests(asyncio.run(replayed(life.log, 1)))


def test_an_audit_that_does_not_know_of_an_inbox_says_what_to_do() -> None:
    life = lived()
    life.log.inputs = (COMMANDS, SHOP, INTERNAL)
    found = asyncio.run(failures_of(life.log, life.stores[1]))
    assert any(f"got '{BANK}'; an inbox must be in kafka.inboxes" in text for text in found)


def test_commands_of_inboxes_that_were_restored_elsewhere_run_once() -> None:
    async def test() -> None:
        life = Life()
        await life.live()
        await send(life.log, 1, creation("shop late"), topic=SHOP)
        life.clock.advance(1_000)
        copy = CopiedLog.of(life.log, life.clock, lambda _, number: 3 * number + 7)
        await life.work(copy)
        names = names_of(await records_of(copy, 1, 7))
        assert len(names) == len(set(names)) == 13
        assert await failures_of(copy, life.stores[1]) == []

    asyncio.run(test())


def test_a_command_that_no_client_may_give_is_refused_in_an_inbox() -> None:
    life = lived()
    tick = CODEC.encode(make("CLOCK", "TICK", Clock(due=1)))

    async def test() -> list[str]:
        messages = [Message(value=tick), Message(value=b"garbage")]
        await life.log.append([Append(topic=SHOP, partition=1, messages=messages)])
        await life.work()
        return [record.rejection_code for record in (await records_of(life.log, 1))[-2:]]

    assert asyncio.run(test()) == ["FORBIDDEN", "UNREADABLE"]


def test_an_inbox_needs_no_signature_and_its_principal_needs_authorizations() -> None:
    s = Scenario(1, settings=ON)
    grant(s, "client:shop", "USER", "CREATE")
    wish = CODEC.encode(by(make("USER", "CREATE", User(username="ada", password_hash=HASH)), "user:root"))
    seal = ClaimsSeal("a secret that is long enough to be one")

    def outcome(inbox: str, offset: int) -> str:
        entry = Entry(offset=offset, timestamp=BEGIN, value=wish)
        decided = decide(s.machine(), CODEC, inbox, entry, claims=INBOXES[inbox], seal=seal)
        assert decided is not None
        first = decided.records[0]
        assert first.step.claims == INBOXES[inbox]
        return first.rejection_code or first.intent

    assert outcome(BANK, 0) == "FORBIDDEN"
    assert outcome(SHOP, 0) == "CREATED"
