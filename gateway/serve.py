"""Runs the gateway: uvicorn on uvloop and httptools, ended by SIGTERM or SIGINT after the open requests."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from litestar import Litestar

from .settings import GatewaySettings

#: Open connections beyond which new ones get 503.
CONNECTIONS_MAX = 10_000


class Server(uvicorn.Server):
    """A server after whose end the process goes on, so that it can close its parts and exit 0."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        """`drain` is called once when the end begins, so that nobody keeps waiting for what may come later."""
        super().__init__(config)
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End after the open requests; at once on a second SIGINT."""
        super().handle_exit(sig, frame)
        self._drain()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """As uvicorn's, but does not raise the signals again at the end."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


def create_server(app: Litestar, settings: GatewaySettings) -> Server:
    """A server of what `create_app` made; its `serve` runs it in the event loop of the main thread."""
    return Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=max(1, settings.shutdown_timeout_ms // 1000),
        ),
        drain=app.state["drain"],
    )


async def serve(app: Litestar, settings: GatewaySettings, sockets: list[socket.socket] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. `sockets` that listen already are used instead of host and port."""
    await create_server(app, settings).serve(sockets)
