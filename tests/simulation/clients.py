"""What the random clients hold in their hands: requests to the gateway, and a producer of their own.

Each request carries a trace id, by which its outcome is found on the log: what was acknowledged must be there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from engine.core.faults import PROCESSING_ERROR, LogFull, Unavailable
from engine.core.ports import COMMANDS, Append, Message
from tests.simulation.failing import Bugs
from tests.simulation.installation import Installation
from tests.simulation.watch import LogWatch, expect
from tests.simulation.workload.client import Answer, NoAnswer

CLIENT = "clients"
#: Paths of requests that ask and change nothing.
QUESTIONS = ("/search", "/statistics", "/evaluation")


def is_expected(answer: Answer) -> bool:
    """Whether an answer from 500 on says that the installation is busy, or that a decision failed that was made to."""
    return answer.status in (503, 504) or (Bugs.share > 0 and answer.body["title"] == PROCESSING_ERROR)


class SimulatedClient:
    """One client. `request` raises NoAnswer."""

    def __init__(self, installation: Installation, watch: LogWatch, number: int) -> None:
        self.answers: dict[int, int] = {}
        self.silent = 0
        self._installation = installation
        self._watch = watch
        self._number = number
        self._count = 0
        #: trace id -> the request, and an answer that says that nothing has happened
        self._refused: dict[str, str] = {}

    async def request(
        self, method: str, path: str, body: object | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """As `Client.request`."""
        self._count += 1
        trace = f"{self._number:016x}{self._count:016x}"
        sent = {**(headers or {}), "traceparent": f"00-{trace}-{self._count:016x}-{self._count % 2:02x}"}
        try:
            answer = await self._installation.transport.request(method, path, body, sent)
        except NoAnswer:
            self.silent += 1
            raise
        self.answers[answer.status] = self.answers.get(answer.status, 0) + 1
        expect(answer.status < 500 or is_expected(answer), f"{method} {path} was answered with {answer}", CLIENT)
        if answer.status < 300 and method != "GET" and not any(word in path for word in QUESTIONS):
            outcomes = self._watch.outcomes.get(trace, [])
            expect(
                True in outcomes, f"{method} {path} was acknowledged with {answer}; its outcomes are {outcomes}", CLIENT
            )
        if answer.status == 503:
            self._refused[trace] = f"{method} {path}"
        return answer

    def lies(self) -> list[str]:
        """Requests whose answer said that nothing was appended, although something came of them."""
        return [
            f"{request} was answered with 503, and happened"
            for trace, request in self._refused.items()
            if trace in self._watch.changed
        ]

    async def produce(self, partition: int, value: bytes) -> None:
        """As `Client.produce`."""
        world = self._installation.world
        await asyncio.sleep(world.latency())
        try:
            self._installation.append([Append(topic=COMMANDS, partition=partition, messages=[Message(value=value)])])
        except (LogFull, Unavailable) as error:
            raise NoAnswer(error.message) from None
        if world.strikes("answer lost"):
            raise NoAnswer("the answer was lost")

    async def sleep(self, seconds: float) -> None:
        """As `Client.sleep`."""
        await asyncio.sleep(seconds)
