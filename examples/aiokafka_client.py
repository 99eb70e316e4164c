"""A producer of commands and a reader of their answers: aiokafka and fastavro, nothing of Retold.

python examples/aiokafka_client.py start order-process '{"orderId": "A", "total": 250}'
python examples/aiokafka_client.py cancel 2251799813685251
python examples/aiokafka_client.py events
"""

from __future__ import annotations

import argparse
import asyncio
import random
import uuid
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from records import Steps, decode, describe, encode_command, kafka_partition_of

#: Seconds to wait for an answer.
PATIENCE = 30


class Client:
    """`async with Client(servers, prefix) as client: await client.start(...)`."""

    def __init__(self, servers: str, prefix: str) -> None:
        self.commands, self.events = f"{prefix}.commands", f"{prefix}.events"
        self.producer = AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True, acks="all")
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=servers,
            isolation_level="read_committed",  # without it, steps would be seen that never happened
            enable_auto_commit=False,
        )
        self.partitions: list[TopicPartition] = []

    async def __aenter__(self) -> Client:
        """Read from now on: whoever begins to read after sending may miss the answer."""
        await self.producer.start()
        await self.consumer.start()
        known = await self.producer.partitions_for(self.events)
        self.partitions = [TopicPartition(self.events, number) for number in sorted(known)]
        self.consumer.assign(self.partitions)
        await self.consumer.seek_to_end()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.consumer.stop()
        await self.producer.stop()

    async def start(self, process_id: str, variables: str) -> dict[str, Any]:
        """Start a process instance, on any partition; gives what became of it."""
        partition = random.randrange(len(self.partitions))
        fields = {"bpmnProcessId": process_id, "bpmnVersion": -1, "variables": variables}
        return await self.ask(partition, "PROCESS_INSTANCE_CREATION", "CREATE", **fields)

    async def cancel(self, key: int) -> dict[str, Any]:
        """End a process instance, on the partition where it lives."""
        return await self.ask(kafka_partition_of(key), "PROCESS_INSTANCE", "CANCEL", key=key)

    async def ask(self, partition: int, family: str, intent: str, **fields: Any) -> dict[str, Any]:
        """Send a command; gives the last record of its answer."""
        request = f"example/{uuid.uuid4()}"
        command = encode_command(family, intent, request=request, idempotencyKey=request, **fields)
        headers = [("request", request.encode())]
        await self.producer.send_and_wait(self.commands, command, partition=partition, headers=headers)
        return await asyncio.wait_for(self.answer(request), PATIENCE)

    async def answer(self, request: str) -> dict[str, Any]:
        """All records of the answer carry the request in a header, the last one `final` as well."""
        async for message in self.consumer:
            headers = dict(message.headers)
            if headers.get("request") == request.encode():
                family, record = decode(message.value)
                print(describe(family, record))
                if "final" in headers:
                    return record
        raise RuntimeError("the consumer has ended")

    async def read_events(self) -> None:
        """Print every step from the beginning of the log on, and go on with new ones."""
        await self.consumer.seek_to_beginning()
        steps = Steps()
        async for message in self.consumer:
            for family, record in steps.add(*decode(message.value)):
                print(describe(family, record), flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", default="127.0.0.1:9092", help="brokers, host:port,host:port")
    parser.add_argument("--prefix", default="retold", help="of the topics")
    wishes = parser.add_subparsers(dest="wish", required=True)
    start = wishes.add_parser("start", help="start a process instance")
    start.add_argument("process_id")
    start.add_argument("variables", nargs="?", default="{}")
    wishes.add_parser("cancel", help="end a process instance").add_argument("key", type=int)
    wishes.add_parser("events", help="print all that happened and happens")
    given = parser.parse_args()
    async with Client(given.servers, given.prefix) as client:
        if given.wish == "start":
            await client.start(given.process_id, given.variables)
        elif given.wish == "cancel":
            await client.cancel(given.key)
        else:
            await client.read_events()


if __name__ == "__main__":
    asyncio.run(main())
