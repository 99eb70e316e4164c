"""What the random clients hold in their hands: requests to the gateway, and a producer of their own.

Each request carries a trace id, by which its outcome is found on the log: what was acknowledged must be there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from engine.core.faults import PROCESSING_ERROR, LogFull, Unavailable
from engine.core.ports import COMMANDS, Append, Message
from tests.simulation.authorization import header_of
from tests.simulation.failing import Bugs
from tests.simulation.installation import Installation
from tests.simulation.model.showing import Shown, shown_by
from tests.simulation.watch import LogWatch, expect
from tests.simulation.workload.client import Answer, NoAnswer
from tests.simulation.world import BEGIN_MS

CLIENT = "clients"
#: Paths of requests that ask and change nothing.
QUESTIONS = ("/search", "/statistics", "/evaluation", "/plan/")


def is_expected(answer: Answer) -> bool:
    """Whether an answer from 500 on says that the installation is busy, or that a decision failed that was made to."""
    return answer.status in (503, 504) or (Bugs.share > 0 and answer.body["title"] == PROCESSING_ERROR)


class WatchedClient:
    """One client that remembers what it was told. Subclasses say how a request travels."""

    def __init__(self, number: int) -> None:
        self.answers: dict[int, int] = {}
        self.silent = 0
        self._number = number
        self._count = 0
        #: trace id -> the request, and an answer that says that it has happened, or that nothing has
        self._acknowledged: dict[str, str] = {}
        self._refused: dict[str, str] = {}

    async def send(self, method: str, path: str, body: object | None, headers: Mapping[str, str]) -> Answer:
        """Ask once. Raises NoAnswer."""
        raise NotImplementedError

    async def request(
        self, method: str, path: str, body: object | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """As `Client.request`."""
        self._count += 1
        trace = f"{self._number:016x}{self._count:016x}"
        sent = {**(headers or {}), "traceparent": f"00-{trace}-{self._count:016x}-{self._count % 2:02x}"}
        try:
            answer = await self.send(method, path, body, sent)
        except NoAnswer:
            self.silent += 1
            raise
        self.answers[answer.status] = self.answers.get(answer.status, 0) + 1
        expect(answer.status < 500 or is_expected(answer), f"{method} {path} was answered with {answer}", CLIENT)
        if answer.status < 300 and method != "GET" and not any(word in path for word in QUESTIONS):
            self.acknowledge(trace, f"{method} {path} was acknowledged with {answer}")
        if answer.status == 503:
            self._refused[trace] = f"{method} {path}"
        return answer

    def acknowledge(self, trace: str, text: str) -> None:
        """An answer said that what was asked for has happened."""
        self._acknowledged[trace] = text

    def lies(self, watch: LogWatch) -> list[str]:
        """Requests whose answer said that something has happened, or that nothing has, and the log says otherwise."""
        outcomes = {trace: watch.outcomes.get(trace, []) for trace in self._acknowledged}
        return [
            *(
                f"{text}; its outcomes are {outcomes[trace]}"
                for trace, text in self._acknowledged.items()
                if True not in outcomes[trace]
            ),
            *(
                f"{request} was answered with 503, and happened"
                for trace, request in self._refused.items()
                if trace in watch.changed
            ),
        ]

    async def sleep(self, seconds: float) -> None:
        """As `Client.sleep`."""
        await asyncio.sleep(seconds)


class SimulatedClient(WatchedClient):
    """A client in the simulation: what it is told must be so at that instant."""

    def __init__(self, installation: Installation, watch: LogWatch, number: int, login: str = "") -> None:
        """`login`: the user who asks, where one must say who one is."""
        super().__init__(number)
        self._installation = installation
        self._watch = watch
        self._login, self._user = header_of(login) if login else {}, login
        #: What searches showed to whoever it logs in as.
        self.shown: set[Shown] = set()

    async def send(self, method: str, path: str, body: object | None, headers: Mapping[str, str]) -> Answer:
        """As `WatchedClient.send`."""
        sent, address = {**headers, **self._login}, f"client-{self._number}"
        answer = await self._installation.transport.request(method, path, body, sent, address=address)
        if self._user and path.partition("?")[0].endswith("/search") and answer.status == 200:
            self.shown |= shown_by(self._user, path, answer.body["items"])
        return answer

    def now(self) -> int:
        """As `Client.now`."""
        return BEGIN_MS + int(asyncio.get_running_loop().time() * 1000)

    def acknowledge(self, trace: str, text: str) -> None:
        """As `WatchedClient.acknowledge`."""
        super().acknowledge(trace, text)
        outcomes = self._watch.outcomes.get(trace, [])
        expect(True in outcomes, f"{text}; its outcomes are {outcomes}", CLIENT)

    async def produce(self, partition: int, value: bytes, *, topic: str = COMMANDS, signed: bool = False) -> None:
        """As `Client.produce`."""
        world, access = self._installation.world, self._installation.drawn.access
        await asyncio.sleep(world.latency())
        message = Message(value=value)
        if signed and access is not None and access.seal is not None:
            message = access.seal.sign(message)
        try:
            self._installation.append([Append(topic=topic, partition=partition, messages=[message])])
        except (LogFull, Unavailable) as error:
            raise NoAnswer(error.message) from None
        if world.strikes("answer lost"):
            raise NoAnswer("the answer was lost")
