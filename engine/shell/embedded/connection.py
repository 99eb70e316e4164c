"""One connection of a client to the log's server.

Rule: when it breaks, an append under way ends as AppendUnknown, anything else as Unavailable; nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import cast

from engine.core.faults import AppendUnknown, RetoldError, Unavailable
from engine.shell.embedded.wire import (
    FAULTS,
    Answer,
    AppendRequest,
    FrameBuffer,
    Moved,
    Refusal,
    Request,
    Welcome,
    decode_reply,
    encode_frame,
)


class ClientConnection(asyncio.Protocol):
    """Sends requests and hands out their answers; `moved` is called with each push."""

    def __init__(self, moved: Callable[[Moved], None]) -> None:
        loop = asyncio.get_running_loop()
        self.welcome: asyncio.Future[Welcome] = loop.create_future()
        self.lost = asyncio.Event()
        self._moved = moved
        self._frames = FrameBuffer()
        self._pending: dict[int, tuple[bool, asyncio.Future[list[int]]]] = {}
        self._numbers = itertools.count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have all of its methods without being derived from it.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        for frame in self._frames.add(data):
            reply = decode_reply(frame)
            if isinstance(reply, Moved):
                self._moved(reply)
            elif isinstance(reply, Welcome):
                if not self.welcome.done():
                    self.welcome.set_result(reply)
            else:
                self._answer(reply)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        for is_append, answer in self._pending.values():
            if not answer.done():
                answer.set_exception(AppendUnknown() if is_append else Unavailable("the log's server went away; retry"))
        self._pending.clear()
        if not self.welcome.done():
            self.welcome.set_exception(Unavailable("the log's server went away; retry"))
        self.lost.set()

    async def ask(self, make: Callable[[int], Request]) -> list[int]:
        """Send the request made with a new number and wait for its results. Raises what the server refuses with."""
        if self._transport.is_closing():
            raise Unavailable("the log's server is going away; retry")
        number = next(self._numbers)
        request = make(number)
        frame = encode_frame(request)
        answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._pending[number] = (isinstance(request, AppendRequest), answer)
        self._transport.write(frame)
        return await answer

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def _answer(self, reply: Answer | Refusal) -> None:
        _, answer = self._pending.pop(reply.number)
        if answer.done():
            return
        if isinstance(reply, Answer):
            answer.set_result(reply.results)
        else:
            answer.set_exception(FAULTS.get(reply.fault, RetoldError)(reply.text))
