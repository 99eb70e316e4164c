"""A real HTTP server before a node, which answers itself now and then, as overloaded nodes and proxies do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
from aiohttp import web

#: Path and body of a request -> the status to answer with, or None to let it through.
Judge = Callable[[str, bytes], int | None]
#: Seconds to start and to end in.
SECONDS_MAX = 30.0


class AnsweringProxy:
    """Forwards to `target` what `judge` lets through; `answered` counts what it did not, by status."""

    def __init__(self, target: str) -> None:
        self.judge: Judge = lambda _, __: None
        self.answered: dict[int, int] = {}
        self.address = ""
        self._target = target

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[AnsweringProxy]:
        """Serve as long as the block lasts."""
        application = web.Application(client_max_size=1 << 30)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application)
        await runner.setup()
        async with aiohttp.ClientSession() as self._session:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            self.address = f"http://{host}:{port}"
            try:
                yield self
            finally:
                await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        status = self.judge(request.path, body)
        if status is not None:
            self.answered[status] = self.answered.get(status, 0) + 1
            return web.Response(status=status, text="not now")
        url = f"{self._target}{request.path_qs}"
        headers = {"content-type": request.headers.get("content-type", "application/json")}
        try:
            async with self._session.request(request.method, url, data=body, headers=headers) as answer:
                content = await answer.read()
                return web.Response(status=answer.status, body=content, content_type="application/json")
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=str(error))


@contextmanager
def serving(target: str) -> Iterator[AnsweringProxy]:
    """A proxy in a thread of its own, for a test that has no event loop."""
    proxy, loop = AnsweringProxy(target), asyncio.new_event_loop()
    is_ready, shall_end = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with proxy.serving():
            is_ready.set()
            await shall_end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert is_ready.wait(SECONDS_MAX), f"expected a proxy within {SECONDS_MAX:g} s"
        yield proxy
    finally:
        loop.call_soon_threadsafe(shall_end.set)
        thread.join(SECONDS_MAX)
        assert not thread.is_alive(), f"expected the proxy to end within {SECONDS_MAX:g} s"
        loop.close()
