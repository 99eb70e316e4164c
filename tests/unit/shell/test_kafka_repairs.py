"""What is put right in aiokafka: each of these fails without it."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.producer import sender
from aiokafka.protocol.admin import ApiVersionRequest

from engine.shell.kafka.repairs import repair


def test_who_sends_over_a_connection_that_was_lost_hears_of_it() -> None:
    repair()

    async def run() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connection = AIOKafkaConnection("127.0.0.1", port)
        connection._reader, connection._writer = await asyncio.open_connection("127.0.0.1", port)
        connection._read_task = asyncio.create_task(asyncio.sleep(0))
        connection._writer.transport.abort()
        await connection._writer.wait_closed()
        with pytest.raises(KafkaConnectionError, match="has hung up"):
            connection.send(ApiVersionRequest())
        assert not connection.connected()
        server.close()
        await server.wait_closed()

    uvloop.run(run())


def test_the_errors_of_all_tasks_of_a_sender_are_taken() -> None:
    repair()
    printed: list[dict[str, Any]] = []

    async def fail() -> None:
        raise KafkaConnectionError("one of several")

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: printed.append(context))
        await asyncio.wait([sender.create_task(fail())])
        gc.collect()

    asyncio.run(run())
    assert printed == []
