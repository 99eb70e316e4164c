"""Webhooks over HTTP: who may be told, what is sent, and that nobody is forgotten when something fails."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial

import pytest

from engine.core.background import Delivery, DeliveryResult
from engine.core.faults import AppendUnknown, Unavailable
from engine.core.ports import INTERNAL, Store
from engine.records.batch_options import BatchOptions
from engine.shell.log_time import LogTime
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from engine.shell.webhook_rules import WebhookSettings
from engine.shell.webhook_sender import WebhookSender
from engine.shell.webhooks import Deliver, WebhookDriver
from tests.support import models as m
from tests.support.actions import batch
from tests.support.scenario import ASSEMBLY, BEGIN, CODEC, Scenario
from tests.support.troubled_log import TroubledLog

LOCAL = (ipaddress.ip_network("127.0.0.0/8"),)
SECRET = b"nobody knows"


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://a.example/x", True),
        ("http://A.example", True),
        ("https://a.example:443", True),
        ("https://a.example:8443", False),
        ("https://b.example:8443", True),
        ("https://b.example", False),
        ("https://c.a.example", False),
        ("https://a.example.evil", False),
        ("https://a.example:99999", False),
    ],
)
def test_hosts_are_allowed_by_name(url: str, is_allowed: bool) -> None:
    settings = WebhookSettings(hosts=("a.example", "B.example:8443"))
    assert (settings.problem(url) == "") is is_allowed
    assert WebhookSettings().problem(url)


@pytest.mark.parametrize("url", ["ftp://a.example", "a.example", "//a.example/x"])
def test_a_scheme_that_is_none_of_the_web_is_the_problem_itself(url: str) -> None:
    told = WebhookSettings(hosts=("a.example",)).problem(url)
    assert told == f"expected a URL that begins with http:// or https://, got '{url}'; correct it"


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "::", "ff02::1"),
    ],
)
def test_private_addresses_are_reached_only_in_listed_networks(address: str) -> None:
    assert not WebhookSettings(networks=(ipaddress.ip_network("192.0.2.0/24"),)).may_reach(address)
    assert WebhookSettings(networks=(ipaddress.ip_network(address),)).may_reach(address) or ":ffff:" in address
    assert WebhookSettings().may_reach("1.1.1.1")
    assert WebhookSettings().may_reach("2606:4700::1111")


class Receiver:
    """An HTTP server that keeps what it is told and answers as it is told."""

    def __init__(self, answer: str = "HTTP/1.1 204 No Content\r\n\r\n") -> None:
        self.heard: list[bytes] = []
        self._answer = answer

    async def serve(self, then: Callable[[int], Coroutine[None, None, DeliveryResult]]) -> DeliveryResult:
        server = await asyncio.start_server(self._hear, "127.0.0.1", 0)
        async with server:
            return await then(server.sockets[0].getsockname()[1])

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-l")]
        self.heard.append(head + await reader.readexactly(length))
        writer.write(self._answer.encode())
        await writer.drain()
        writer.close()


def tell(receiver: Receiver, *addresses: str, secret: bytes = b"", networks: bool = True) -> DeliveryResult:
    """Tell http://hook.example at the receiver's port, a name that has these addresses."""

    async def resolve(host: str, _: int) -> Sequence[str]:
        assert host == "hook.example"
        return addresses

    async def then(port: int) -> DeliveryResult:
        settings = WebhookSettings(hosts=(f"hook.example:{port}",), networks=LOCAL if networks else (), secret=secret)
        delivery = Delivery(key=7, url=f"http://hook.example:{port}/a?b=c", body=b'{"x":1}', attempts=2)
        return await WebhookSender(settings, ManualClock(BEGIN), resolve)(delivery)

    return asyncio.run(receiver.serve(then))


def test_the_body_is_posted_with_its_signature() -> None:
    receiver = Receiver()
    assert tell(receiver, "127.0.0.1", secret=SECRET) == DeliveryResult(status=204)
    (heard,) = receiver.heard
    head, _, body = heard.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert (first, body) == ("POST /a?b=c HTTP/1.1", b'{"x":1}')
    assert headers["host"].startswith("hook.example:")
    assert (headers["content-type"], headers["retold-delivery"]) == ("application/json", "7-3")
    signed = f"{headers['retold-timestamp']}.".encode() + body
    assert headers["retold-timestamp"] == str(BEGIN // 1000)
    assert headers["retold-signature"] == f"sha256={hmac.new(SECRET, signed, hashlib.sha256).hexdigest()}"


def test_without_a_secret_nothing_is_signed() -> None:
    receiver = Receiver()
    tell(receiver, "127.0.0.1")
    assert b"retold-signature" not in receiver.heard[0]


def test_a_redirect_is_not_followed() -> None:
    receiver = Receiver("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/secret\r\nContent-Length: 0\r\n\r\n")
    result = tell(receiver, "127.0.0.1")
    assert (result.status, result.retryable, len(receiver.heard)) == (302, True, 1)
    assert "expected an answer from 200 to 299, got 302" in result.error


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("1.1.1.1", "127.0.0.1"), ()])
def test_a_name_with_a_private_address_is_not_told(addresses: tuple[str, ...]) -> None:
    receiver = Receiver()
    result = tell(receiver, *addresses, networks=False)
    assert "expected public addresses of hook.example" in result.error
    assert receiver.heard == []


def test_who_is_not_allowed_is_not_told_and_not_tried_again() -> None:
    async def run() -> DeliveryResult:
        delivery = Delivery(key=1, url="http://other.example/", body=b"{}", attempts=0)
        return await WebhookSender(WebhookSettings(hosts=("hook.example",)), ManualClock(BEGIN))(delivery)

    result = asyncio.run(run())
    assert not result.retryable
    assert "webhook.allowedHosts" in result.error


def test_an_answer_that_is_none_is_a_failure_that_may_pass() -> None:
    result = tell(Receiver("nonsense\r\n\r\n"), "127.0.0.1")
    assert (result.status, result.retryable) == (0, True)
    assert "RemoteProtocolError" in result.error


def driver_of(
    s: Scenario, log: MemoryLog, deliver: Deliver, clock: ManualClock, store: Callable[[], Store] | None = None
) -> WebhookDriver:
    """`store`: what is on the log already, if that is not all."""
    return WebhookDriver(
        log=log,
        codec=CODEC,
        machine=s.machine(),
        deliveries=ASSEMBLY.deliveries(),
        deliver=deliver,
        clock=clock,
        time=LogTime(clock),
        committed_view=lambda: ASSEMBLY.machine(store() if store else s.partitions[1].store, 1, 1)[1],
    )


async def told(s: Scenario, log: MemoryLog, results: list[DeliveryResult]) -> list[int]:
    """The attempts that were made until nobody is to be told any more; the last result is given again and again."""
    attempts: list[int] = []

    async def deliver(delivery: Delivery) -> DeliveryResult:
        attempts.append(delivery.attempts)
        return results.pop(0) if len(results) > 1 else results[0]

    clock, deliveries = ManualClock(s.now), ASSEMBLY.deliveries()
    driver = driver_of(s, log, deliver, clock)
    running, offset = asyncio.create_task(driver.run()), 0
    while deliveries.next_at(s.machine()) is not None:
        await asyncio.sleep(0)
        s.now = clock.now()
        page = await log.read(INTERNAL, 1, offset)
        for entry in page.entries:
            s.send_bytes(entry.value, 1, INTERNAL)
            s.drain()
            driver.committed()
        offset = page.next_offset
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return attempts


def one_webhook() -> Scenario:
    s = Scenario()
    s.deploy(m.one_task())
    s.create("one")
    s.when(batch(options=BatchOptions(webhook="http://hook.example")), 1)
    return s


def test_a_failure_is_followed_by_another_attempt() -> None:
    s = one_webhook()
    results = [DeliveryResult(status=503), DeliveryResult(error="away"), DeliveryResult(status=200)]
    assert asyncio.run(told(s, TroubledLog(), results)) == [0, 1, 2]
    assert len(s.everything().all("BATCH_OPERATION_WEBHOOK", "WEBHOOK_DELIVERED")) == 1


def test_a_report_that_is_lost_has_it_told_once_more() -> None:
    s = one_webhook()
    run = partial(told, s, TroubledLog(Unavailable, AppendUnknown), [DeliveryResult(status=200)])
    attempts = asyncio.run(run())
    assert len(attempts) >= 2
    assert set(attempts) == {0}
    assert len(s.everything().all("BATCH_OPERATION_WEBHOOK", "WEBHOOK_DELIVERED")) == 1


def test_nobody_is_told_of_an_end_that_is_not_on_the_log() -> None:
    s, told_keys = one_webhook(), []
    stores: list[Store] = [MemoryStore()]

    async def deliver(delivery: Delivery) -> DeliveryResult:
        told_keys.append(delivery.key)
        return DeliveryResult(status=200)

    async def run() -> None:
        driver = driver_of(s, TroubledLog(), deliver, ManualClock(s.now), lambda: stores[-1])
        running = asyncio.create_task(driver.run())
        for _ in range(5):
            await asyncio.sleep(0)
        assert told_keys == []
        stores.append(s.partitions[1].store)
        driver.committed()
        for _ in range(5):
            await asyncio.sleep(0)
        running.cancel()

    asyncio.run(run())
    assert len(told_keys) == 1
