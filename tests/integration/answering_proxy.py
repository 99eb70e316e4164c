"""A real HTTP server before a node, which answers itself now and then, as overloaded nodes and proxies do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

#: Path and body of a request -> the status to answer with, or None to let it through.
Judge = Callable[[str, bytes], int | None]


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
        async with self._session.request(request.method, url, data=body, headers=headers) as answer:
            content = await answer.read()
            return web.Response(status=answer.status, body=content, content_type="application/json")
