"""A client of the workload over real HTTP: it turns to another machine when one takes no connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

import httpx

from engine.core.faults import LogFull, Unavailable
from engine.core.ports import COMMANDS, Append, Log, Message
from engine.shell.clock import SystemClock
from tests.simulation.clients import WatchedClient
from tests.simulation.transport import CLIENT_TIMEOUT, decode_answer, encode_body
from tests.simulation.workload.client import Answer, NoAnswer

#: Seconds between two attempts when nobody takes connections.
CONNECT_SECONDS = 0.2


class RealClient(WatchedClient):
    """`urls` gives those of the machines that should run."""

    def __init__(
        self, number: int, http: httpx.AsyncClient, urls: Callable[[], Sequence[str]], log: Log, chosen: Random
    ) -> None:
        super().__init__(number)
        self._http = http
        self._urls = urls
        self._log = log
        self._chosen = chosen

    async def send(self, method: str, path: str, body: object | None, headers: Mapping[str, str]) -> Answer:
        """As `WatchedClient.send`: what was not sent is sent elsewhere, what was sent is not sent again."""
        content, media_type = encode_body(path, body)
        given = {**headers, "content-type": media_type} if media_type else headers
        try:
            async with asyncio.timeout(CLIENT_TIMEOUT):
                while True:
                    url = self._chosen.choice(self._urls() or [""])
                    try:
                        answer = await self._http.request(method, url + path, content=content, headers=given)
                    except (httpx.ConnectError, httpx.UnsupportedProtocol):
                        await asyncio.sleep(CONNECT_SECONDS)
                        continue
                    return decode_answer(answer.status_code, answer.content)
        except (httpx.TransportError, TimeoutError) as error:
            raise NoAnswer(repr(error)) from None

    def now(self) -> int:
        """As `Client.now`."""
        return SystemClock().now()

    async def produce(self, partition: int, value: bytes, *, topic: str = COMMANDS, signed: bool = False) -> None:
        """As `Client.produce`."""
        try:
            await self._log.append([Append(topic=topic, partition=partition, messages=[Message(value=value)])])
        except (LogFull, Unavailable) as error:
            raise NoAnswer(error.message) from None
