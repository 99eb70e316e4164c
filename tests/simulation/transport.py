"""HTTP without sockets: clients call the real application in the gateway's process; answers may be lost.

Callers wait while the gateway is started again, as they do at an address that stays bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import Litestar

from tests.simulation.loop import Node
from tests.simulation.workload.client import Answer, NoAnswer
from tests.simulation.world import World

#: Seconds after which a client gives up.
CLIENT_TIMEOUT = 60.0
#: Seconds that open requests are given when the gateway is asked to end.
SHUTDOWN_SECONDS = 5.0
BOUNDARY = "simulation"


class Exchange:
    """One request and its answer on their way."""

    def __init__(self, scope: dict[str, Any], body: bytes, answer: asyncio.Future[Answer]) -> None:
        self.scope = scope
        self.body = body
        self.answer = answer
        #: Set when the client has gone away; made in the gateway's process.
        self.gone: asyncio.Event | None = None

    def fail(self, reason: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(NoAnswer(reason))


class Server:
    """The application in one gateway process, in the place of a web server."""

    def __init__(self, world: World, node: Node, app: Litestar) -> None:
        self._world = world
        self._node = node
        self._app = app
        self._open: dict[Exchange, asyncio.Task[None]] = {}
        node.at_death.append(self._break)

    async def serve(self, transport: Transport, started: Callable[[], None], stop: asyncio.Event) -> None:
        """From the application's start-up to its shutdown. `started`: from now on it takes requests."""
        told: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        said: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        lifespan = asyncio.create_task(self._app({"type": "lifespan", "state": {}}, told.get, said.put))  # type: ignore[arg-type]
        told.put_nowait({"type": "lifespan.startup"})
        up = await said.get()
        if up["type"] != "lifespan.startup.complete":
            return  # as uvicorn does: the process ends, and is started again
        self._node.at_death.append(lambda: transport.leave(self))
        transport.attend(self)
        started()
        await stop.wait()
        transport.leave(self)
        self._app.state["drain"]()
        if self._open:
            await asyncio.wait(list(self._open.values()), timeout=SHUTDOWN_SECONDS)
        for exchange, task in tuple(self._open.items()):
            task.cancel()
            self._world.node.call_soon(exchange.fail, "the gateway ended")
        told.put_nowait({"type": "lifespan.shutdown"})
        await said.get()
        await lifespan

    def take(self, exchange: Exchange) -> None:
        """A request has arrived."""
        if self._node.alive:
            self._open[exchange] = self._node.create_task(self._handle(exchange))

    def _break(self) -> None:
        for exchange in self._open:
            self._world.node.call_later(self._world.latency(), exchange.fail, "the connection broke")

    async def _handle(self, exchange: Exchange) -> None:
        gone = exchange.gone = asyncio.Event()
        parts = [{"type": "http.request", "body": exchange.body, "more_body": False}]
        status, body = 0, b""

        async def receive() -> Mapping[str, Any]:
            if parts:
                return parts.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            nonlocal status, body
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                body += message.get("body", b"")

        try:
            await self._app(exchange.scope, receive, send)  # type: ignore[arg-type]
        finally:
            self._open.pop(exchange, None)
        if self._world.strikes("answer lost"):
            self._world.node.call_later(self._world.latency(), exchange.fail, "the answer was lost")
        else:
            self._world.node.call_later(self._world.latency(), _answer, exchange, status, body)


def _answer(exchange: Exchange, status: int, body: bytes) -> None:
    if not exchange.answer.done():
        exchange.answer.set_result(decode_answer(status, body))


class Transport:
    """The address of the installation."""

    def __init__(self, world: World) -> None:
        self._world = world
        #: Who takes requests: more than one when a gateway that was taken for dead wakes up, for they share the socket.
        self._servers: list[Server] = []
        self._backlog: list[Exchange] = []

    def attend(self, server: Server) -> None:
        """From now on this server takes requests."""
        self._servers.append(server)
        backlog, self._backlog = self._backlog, []
        for exchange in backlog:
            server.take(exchange)

    def leave(self, server: Server) -> None:
        """This server takes no more, or has died. Without another one, requests wait."""
        if server in self._servers:
            self._servers.remove(server)

    async def request(
        self,
        method: str,
        path: str,
        body: object | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        address: str = "client",
    ) -> Answer:
        """Send a request and wait for the answer. `address`: from where. Raises NoAnswer."""
        content, media_type = encode_body(path, body)
        given = {"host": "simulation", "content-length": str(len(content)), **(headers or {})}
        if media_type:
            given["content-type"] = media_type
        loop = asyncio.get_running_loop()
        exchange = Exchange(_scope(method, path, given, address), content, loop.create_future())
        self._world.node.call_later(self._world.latency(), self._arrive, exchange)
        giving_up = loop.call_later(CLIENT_TIMEOUT, self._give_up, exchange)
        try:
            return await exchange.answer
        finally:
            giving_up.cancel()

    def _arrive(self, exchange: Exchange) -> None:
        if self._servers:
            self._servers[int(self._world.uniform(0, len(self._servers)))].take(exchange)
        else:
            self._backlog.append(exchange)

    def _give_up(self, exchange: Exchange) -> None:
        exchange.fail("the client waited for too long")
        if exchange in self._backlog:
            self._backlog.remove(exchange)
        if exchange.gone is not None:
            exchange.gone.set()


def encode_body(path: str, body: object | None) -> tuple[bytes, str]:
    """The bytes of a body and their media type. A deployment is given as file name -> content."""
    if body is None:
        return b"", ""
    if isinstance(body, bytes):
        return body, "application/json"
    if path.partition("?")[0] == "/v2/deployments" and isinstance(body, Mapping):
        return _multipart(body), f"multipart/form-data; boundary={BOUNDARY}"
    return msgspec.json.encode(body), "application/json"


def decode_answer(status: int, body: bytes) -> Answer:
    """What a client makes of an answer."""
    try:
        content = msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        content = body.decode(errors="replace")
    return Answer(status, content)


def _multipart(files: Mapping[str, str | bytes]) -> bytes:
    parts = b""
    for name, content in files.items():
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="resources"; filename="{name}"\r\n'
        data = content.encode() if isinstance(content, str) else content
        parts += head.encode() + b"Content-Type: text/xml\r\n\r\n" + data + b"\r\n"
    return parts + f"--{BOUNDARY}--\r\n".encode()


def _scope(method: str, path: str, headers: Mapping[str, str], address: str) -> dict[str, Any]:
    """What an ASGI server tells about a request."""
    plain, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": (address, 1),
        "server": ("simulation", 80),
        "state": {},
    }
