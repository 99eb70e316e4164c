"""The workload: random people, workers and programs that use an installation, all of it drawn from one seed.

They know nothing of the installation but what `client` says. What they were told is in a `Knowledge`, which is held
against the log in the end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from random import Random

from .actor import Actor
from .administrators import CLAIMS, Administrator
from .batch_operators import BatchOperator
from .client import Answer, Client, NoAnswer
from .knowledge import Knowledge
from .others import Producer, Reader
from .people import Deployer, Operator, Person, Starter, Worker
from .planners import Delegate, Planner
from .senders import Broadcaster, Decider, Sender

__all__ = [
    "Administrator",
    "Answer",
    "Client",
    "Knowledge",
    "NoAnswer",
    "administrators",
    "clients",
    "planners",
    "strangers",
]


def clients(
    random: Random, size: int, knowledge: Knowledge, partition_count: int = 1
) -> list[Callable[[Client], Awaitable[None]]]:
    """The clients of one run; each is called with its own connection and ends by itself. `size`: commands, about."""

    def several(kind: type[Actor], most: int, share: float) -> list[Actor]:
        """Up to `most` of a kind, who do their share of the commands together."""
        number = random.randint(1, most)
        count = max(round(size * share / number), 1)
        return [kind(Random(random.random()), knowledge, count) for _ in range(number)]

    producer = Producer(Random(random.random()), knowledge, max(size // 20, 1), partition_count=partition_count)
    first = Deployer(Random(random.random()), knowledge, random.randint(2, 4))
    first.pause = random.choice([0.2, 3.0])
    return [
        first,
        *several(Starter, 3, 0.12),
        *several(Worker, 4, 0.16),
        *several(Person, 2, 0.1),
        *several(Operator, 2, 0.12),
        *several(BatchOperator, 2, 0.08),
        *several(Reader, 2, 0.08),
        *several(Sender, 3, 0.12),
        *several(Broadcaster, 2, 0.05),
        *several(Decider, 1, 0.04),
        producer,
    ]


def administrators(random: Random, size: int, knowledge: Knowledge, partition_count: int) -> list[Actor]:
    """Those who are there with authorization alone; the first one is an Administrator."""
    number = random.randint(1, 2)
    count = max(round(size * 0.15 / number), 2)
    found: list[Actor] = [Administrator(Random(random.random()), knowledge, count) for _ in range(number)]
    claims = Producer(
        Random(random.random()), knowledge, max(size // 15, 2), partition_count=partition_count, claims=CLAIMS
    )
    delegates = [Delegate(Random(random.random()), knowledge, max(size // 12, 4)) for _ in range(2)]
    starter = Starter(Random(random.random()), knowledge, max(size // 12, 4))
    return [*found, claims, *delegates, starter]


def planners(random: Random, size: int, knowledge: Knowledge) -> list[Actor]:
    """Those who make plans, where there are any."""
    return [Planner(Random(random.random()), knowledge, max(size // 12, 2)) for _ in range(random.randint(1, 3))]


def strangers(
    random: Random, size: int, knowledge: Knowledge, partition_count: int, inboxes: Sequence[str]
) -> list[Actor]:
    """Programs that have inboxes, where there are any, and lie about who they are."""
    more = {"partition_count": partition_count, "claims": CLAIMS, "topics": inboxes}
    return [Producer(Random(random.random()), knowledge, max(size // 8, 3), **more)]
