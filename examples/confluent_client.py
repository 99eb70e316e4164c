"""A producer of commands and a reader of their answers: confluent-kafka and fastavro, nothing of Retold.

python examples/confluent_client.py start order-process '{"orderId": "A", "total": 250}'
python examples/confluent_client.py cancel 2251799813685251
python examples/confluent_client.py events
"""

from __future__ import annotations

import argparse
import random
import time
import uuid
from collections.abc import Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition
from records import Steps, decode, describe, encode_command, kafka_partition_of

#: Seconds to wait for an answer.
PATIENCE = 30.0


class Client:
    """Call `close` in the end."""

    def __init__(self, servers: str, prefix: str) -> None:
        self.commands, self.events = f"{prefix}.commands", f"{prefix}.events"
        self.producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "acks": "all"})
        self.consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": f"example-{uuid.uuid4()}",  # wanted by the library; nothing is committed to it
                "isolation.level": "read_committed",  # without it, steps would be seen that never happened
                "enable.auto.commit": False,
            }
        )
        found = self.consumer.list_topics(self.events, PATIENCE).topics[self.events].partitions
        self.partitions = sorted(found)
        self.read_from_now_on()

    def close(self) -> None:
        self.consumer.close()
        self.producer.flush(PATIENCE)

    def read_from_now_on(self) -> None:
        """Whoever begins to read after sending may miss the answer."""
        places = []
        for number in self.partitions:
            _, end = self.consumer.get_watermark_offsets(TopicPartition(self.events, number), timeout=PATIENCE)
            places.append(TopicPartition(self.events, number, end))
        self.consumer.assign(places)

    def start(self, process_id: str, variables: str) -> dict[str, Any]:
        """Start a process instance, on any partition; gives what became of it."""
        fields = {"bpmnProcessId": process_id, "bpmnVersion": -1, "variables": variables}
        return self.ask(random.choice(self.partitions), "PROCESS_INSTANCE_CREATION", "CREATE", **fields)

    def cancel(self, key: int) -> dict[str, Any]:
        """End a process instance, on the partition where it lives."""
        return self.ask(kafka_partition_of(key), "PROCESS_INSTANCE", "CANCEL", key=key)

    def ask(self, partition: int, family: str, intent: str, **fields: Any) -> dict[str, Any]:
        """Send a command; gives the last record of its answer."""
        request = f"example/{uuid.uuid4()}"
        command = encode_command(family, intent, request=request, idempotencyKey=request, **fields)
        headers: Any = {"request": request.encode()}
        self.producer.produce(self.commands, command, partition=partition, headers=headers, on_delivery=_check)
        self.producer.flush(PATIENCE)
        return self.answer(request)

    def answer(self, request: str) -> dict[str, Any]:
        """All records of the answer carry the request in a header, the last one `final` as well."""
        for message in self.messages(PATIENCE):
            headers = dict(message.headers() or ())
            if headers.get("request") == request.encode():
                family, record = decode(message.value() or b"")
                print(describe(family, record))
                if "final" in headers:
                    return record
        raise TimeoutError("no answer in time: look for the effect of the command before sending it again")

    def read_events(self) -> None:
        """Print every step from the beginning of the log on, and go on with new ones."""
        self.consumer.assign([TopicPartition(self.events, number, OFFSET_BEGINNING) for number in self.partitions])
        steps = Steps()
        for message in self.messages(float("inf")):
            for family, record in steps.add(*decode(message.value() or b"")):
                print(describe(family, record), flush=True)

    def messages(self, seconds: float) -> Iterator[Message]:
        """What comes within this time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = self.consumer.poll(0.2)
            if message is None:
                continue
            if message.error() is not None:
                raise KafkaException(message.error())
            yield message


def _check(error: Any, _: Message) -> None:
    if error is not None:
        raise KafkaException(error)


def main() -> None:
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
    client = Client(given.servers, given.prefix)
    try:
        if given.wish == "start":
            client.start(given.process_id, given.variables)
        elif given.wish == "cancel":
            client.cancel(given.key)
        else:
            client.read_events()
    finally:
        client.close()


if __name__ == "__main__":
    main()
