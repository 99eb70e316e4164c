"""Requests and their answers: matching, sharing of appends, limits, time-outs, faults of the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from engine.core.faults import AppendUnknown, CorruptedLog, LogFull, RecordTooLarge, Reject, RetoldError, Unavailable
from engine.core.ports import COMMANDS, EVENTS, VALUE_SIZE_MAX, Append, Message, Page
from engine.core.record import Record, Step, command
from engine.records import Incident, Job
from engine.shell.clock import SystemClock
from engine.shell.memory_log import MemoryLog
from gateway.problems import Exhausted, OutcomeUnknown
from gateway.replies import Requests
from gateway.settings import GatewaySettings
from tests.unit.gateway.fakes import CODEC, FakeEngine, Rule, event, happens, refuses


class Gate:
    """A clock that stands still until it is told to pass."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._moved = asyncio.Condition()

    def now(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        until = self._passed + seconds
        async with self._moved:
            await self._moved.wait_for(lambda: self._passed >= until)

    async def advance(self, seconds: float) -> None:
        async with self._moved:
            self._passed += seconds
            self._moved.notify_all()


class CountingLog(MemoryLog):
    """A log whose appends to commands can be held, fail, and are counted by their size."""

    def __init__(self, partition_count: int) -> None:
        super().__init__(partition_count, SystemClock())
        self.sizes: list[int] = []
        self.fault: RetoldError | None = None
        self.read_faults: list[RetoldError] = []
        self.open = asyncio.Event()
        self.open.set()

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        if appends[0].topic == COMMANDS:
            self.sizes.append(len(appends[0].messages))
            await self.open.wait()
            if self.fault:
                raise self.fault
        return await super().append(appends)

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        if topic == EVENTS and self.read_faults:
            raise self.read_faults.pop()
        return await super().read(topic, partition, offset, size_max=size_max, headed_only=headed_only)


class Rig:
    def __init__(self, log: CountingLog, requests: Requests, engine: FakeEngine, clock: Gate) -> None:
        self.log = log
        self.requests = requests
        self.engine = engine
        self.clock = clock

    def send(self, *, partition: int = 1, urgent: bool = False) -> asyncio.Task[Sequence[Record]]:
        return asyncio.ensure_future(self.requests.send(partition, self.command(), urgent=urgent))

    def command(self, error_message: str = "") -> Record:
        step = Step(request=self.requests.new_request())
        return command("INCIDENT", "RESOLVE", Incident(error_message=error_message), key=9, step=step)


@asynccontextmanager
async def rig(rule: Rule | None = None, settings: GatewaySettings | None = None) -> AsyncIterator[Rig]:
    log = CountingLog(2)
    clock = Gate()
    requests = Requests(log, CODEC, clock, settings or GatewaySettings(), "me")
    engine = FakeEngine(log, {("INCIDENT", "RESOLVE"): rule} if rule else {})
    running = [asyncio.create_task(engine.run(partition)) for partition in (1, 2)]
    await requests.start()
    try:
        yield Rig(log, requests, engine, clock)
    finally:
        log.open.set()
        await requests.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):  # a failing test ends; no test waits for it
            await scenario()

    asyncio.run(bounded())


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_an_answer_of_several_records_comes_back_whole() -> None:
    async def scenario() -> None:
        async with rig(lambda wish, _: [event(wish, "ONE"), event(wish, "TWO")]) as it:
            first, second = it.send(), it.send(partition=2)
            assert [record.intent for record in await first] == ["ONE", "TWO"]
            assert [record.intent for record in await second] == ["ONE", "TWO"]
            assert {record.step.request for _, record in it.engine.commands} == {"me/1", "me/2"}
            assert it.requests.in_flight == {1: 0, 2: 0}

    run(scenario)


def test_a_rejection_is_raised() -> None:
    async def scenario() -> None:
        async with rig(refuses("INVALID_STATE", "expected it open, got it closed; open it")) as it:
            with pytest.raises(Reject) as caught:
                await it.send()
            assert (caught.value.code, caught.value.reason) == (
                "INVALID_STATE",
                "expected it open, got it closed; open it",
            )

    run(scenario)


def test_answers_of_other_gateways_are_ignored() -> None:
    async def scenario() -> None:
        async with rig(happens("RESOLVED")) as it:
            headers = {"request": "you/1", "final": "1"}
            await it.log.append([Append(topic=EVENTS, partition=1, messages=[Message(value=b"?", headers=headers)])])
            assert [record.intent for record in await it.send()] == ["RESOLVED"]

    run(scenario)


def test_what_waits_while_an_append_is_made_goes_together() -> None:
    async def scenario() -> None:
        async with rig(happens("RESOLVED")) as it:
            it.log.open.clear()
            first = it.send()
            await turns()
            others = [it.send() for _ in range(99)]
            await turns()
            assert it.log.sizes == [1]
            it.log.open.set()
            await asyncio.gather(first, *others)
            assert it.log.sizes == [1, 99]

    run(scenario)


def test_beyond_the_limit_requests_are_refused_and_urgent_ones_last() -> None:
    async def scenario() -> None:
        async with rig(settings=GatewaySettings(in_flight_max=4, in_flight_headroom=0.25)) as it:
            waiting = [it.send() for _ in range(4)]
            await turns()
            with pytest.raises(Exhausted):
                await it.send()
            waiting.append(it.send(urgent=True))
            await turns()
            with pytest.raises(Exhausted):
                await it.send(urgent=True)
            other = it.send(partition=2)  # each partition has its own limit
            await turns()
            assert it.requests.in_flight == {1: 5, 2: 1}
            for task in (*waiting, other):
                task.cancel()
            await asyncio.gather(*waiting, other, return_exceptions=True)
            assert it.requests.in_flight == {1: 0, 2: 0}

    run(scenario)


def test_without_an_answer_in_time_the_outcome_is_unknown() -> None:
    async def scenario() -> None:
        async with rig(settings=GatewaySettings(request_timeout_ms=1000)) as it:
            early = it.send()
            await turns()
            await it.clock.advance(0.6)
            late = it.send()
            await turns()
            await it.clock.advance(0.6)
            with pytest.raises(OutcomeUnknown, match="may still be carried out"):
                await early
            assert not late.done()
            await it.clock.advance(0.6)
            with pytest.raises(OutcomeUnknown):
                await late
            assert it.requests.in_flight == {1: 0, 2: 0}

    run(scenario)


@pytest.mark.parametrize("fault", [Unavailable("no disk"), LogFull("no room")])
def test_a_failed_append_refuses_all_that_went_with_it(fault: RetoldError) -> None:
    async def scenario() -> None:
        async with rig(happens("RESOLVED")) as it:
            it.log.fault = fault
            found = await asyncio.gather(it.send(), it.send(), return_exceptions=True)
            assert [type(one) for one in found] == [type(fault)] * 2
            it.log.fault = None
            assert [record.intent for record in await it.send()] == ["RESOLVED"]

    run(scenario)


def test_an_append_of_unknown_outcome_waits_for_the_answer() -> None:
    async def scenario() -> None:
        async with rig(settings=GatewaySettings(request_timeout_ms=1000)) as it:
            it.log.fault = AppendUnknown()
            request = it.send()
            await turns()
            assert not request.done()
            await it.clock.advance(1.1)
            with pytest.raises(OutcomeUnknown):
                await request

    run(scenario)


def test_a_command_that_fits_no_record_is_refused_before_the_log() -> None:
    async def scenario() -> None:
        async with rig() as it:
            with pytest.raises(RecordTooLarge):
                await it.requests.send(1, it.command("x" * VALUE_SIZE_MAX))
            assert it.log.sizes == []

    run(scenario)


def test_reading_goes_on_after_a_passing_fault() -> None:
    async def scenario() -> None:
        async with rig(happens("RESOLVED")) as it:
            it.log.read_faults = [Unavailable("for a moment")]
            request = it.send()
            await turns(50)
            assert not request.done()
            await it.clock.advance(1)
            assert [record.intent for record in await request] == ["RESOLVED"]

    run(scenario)


def test_a_damaged_log_ends_all_requests_with_the_reason() -> None:
    async def scenario() -> None:
        async with rig(happens("RESOLVED")) as it:
            it.log.read_faults = [CorruptedLog("events/1 is damaged at 5")]
            with pytest.raises(OutcomeUnknown, match="damaged at 5"):
                await it.send()
            assert it.requests.problem == "events/1 is damaged at 5"
            with pytest.raises(Unavailable, match="damaged at 5"):
                await it.send()

    run(scenario)


def test_closing_ends_those_who_wait() -> None:
    async def scenario() -> None:
        async with rig() as it:
            request = it.send()
            await turns()
            await it.requests.close()
            with pytest.raises(OutcomeUnknown):
                await request

    run(scenario)


def test_records_of_a_job_type_are_told_without_being_decoded() -> None:
    async def scenario() -> None:
        async with rig() as it:
            listener = it.requests.notices.listen("pay")
            await it.engine.offer("other", 1)
            await it.engine.offer("pay", 2)
            await listener.wait()
            assert listener.take() == {2}

    run(scenario)


def test_jobs_of_an_answer_are_decoded_in_order() -> None:
    def three(wish: Record, _: int) -> list[Record]:
        return [
            event(command("JOB", "ACTIVATE", Job(type=name), key=number, step=wish.step), "ACTIVATED")
            for number, name in enumerate("abc")
        ]

    async def scenario() -> None:
        async with rig(three) as it:
            assert [record.key for record in await it.send()] == [0, 1, 2]

    run(scenario)
