"""What is wrong in aiokafka 0.14 and no care in using it keeps away: put right in its own modules.

Rule: `repair` comes before the first client; it changes nothing for who uses aiokafka rightly, and may be called again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError
from aiokafka.producer import sender

_send = AIOKafkaConnection.send


def repair() -> None:
    """Put everything right."""
    AIOKafkaConnection.send = _send_or_close
    sender.create_task = _create_task


def _send_or_close(connection: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
    """Whoever sends over a connection that was lost just now hears that it was.

    uvloop then raises RuntimeError where asyncio raises nothing; that would end the tasks of a client, and it would
    never again learn where the partitions are.
    """
    try:
        return _send(connection, request, expect_response)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"{connection.host}:{connection.port} has hung up") from error


def _create_task(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task of a producer's sender, which asks none of them for its error after the first that has one."""
    task = asyncio.get_running_loop().create_task(coroutine)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
