"""What every actor of the workload is: somebody with a random stream of their own, and knowledge that all share."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from random import Random
from typing import Any

from .client import Answer, Client, NoAnswer
from .knowledge import Knowledge

#: How often a request is sent again when its answer was lost or the installation was busy.
RETRIES_MAX = 3

#: Statuses that say: later.
BUSY = (503, 504)

DOCUMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"n": 0, "key": "k1"},
    {"n": 2, "kind": "work", "key": "k1", "name": "a"},
    {"n": 3, "who": "ann", "kind": "pack", "key": "k2"},
    {"n": 1, "in": {"put": 1}, "ü": "é\n", "code": "A", "key": 7.9},
    {"n": "text", "who": 7, "deep": [1, {"a": None}], "key": None},
    {"n": 3, "big": "x" * 3000, "kind": "send", "who": "bob", "key": "k1", "name": "b"},
)


#: How often somebody looks whether there is something to work with, and how many seconds lie in between.
LOOKS_MAX, LOOK_SECONDS = 10, 0.5


class Actor:
    """Acts `count` times, with pauses. Subclasses say how. `needs`: a kind of key that there should be some of."""

    needs = ""

    def __init__(self, random: Random, knowledge: Knowledge, count: int) -> None:
        self.random = random
        self.knowledge = knowledge
        self.count = count
        self.pause = random.choice([0.05, 0.3, 1.0])

    async def __call__(self, client: Client) -> None:
        for _ in range(self.count):
            await self.wait(client)
            with suppress(NoAnswer):  # whatever happened is on the log
                await self.act(client)
            await client.sleep(self.random.uniform(0, self.pause))

    async def wait(self, client: Client) -> None:
        """Until there is something to work with; sometimes, and after a while, without."""
        for _ in range(LOOKS_MAX):
            if not self.needs or self.knowledge.keys[self.needs] or self.random.random() < 0.03:
                return
            await client.sleep(LOOK_SECONDS)

    async def act(self, client: Client) -> None:
        """Do one thing."""
        raise NotImplementedError

    async def ask(self, client: Client, method: str, path: str, body: object | None = None) -> Answer:
        """A request under `/v2`; once more with the same idempotency key if its answer was lost.

        Raises NoAnswer when that happens too often.
        """
        headers: Mapping[str, str] = {}
        if self.random.random() < 0.7:
            headers = {"Idempotency-Key": f"{self.random.getrandbits(64):016x}"}
        for attempt in range(RETRIES_MAX + 1):
            try:
                answer = await client.request(method, f"/v2{path}", body, headers)
            except NoAnswer:
                if not headers or attempt == RETRIES_MAX:
                    raise
                await client.sleep(0.1)
                continue
            if answer.status not in BUSY or not headers:
                return answer
            await client.sleep(1.0)
        raise NoAnswer

    async def find(self, client: Client, entity: str, filter_: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What a search shows; it is known from now on."""
        page = {"filter": filter_, "page": {"limit": 20}}
        path = f"/v2/{entity}/search" + ("?truncateValues=false" if entity == "variables" else "")
        answer = await client.request("POST", path, page)
        if answer.status != 200:
            return []
        items: list[dict[str, Any]] = answer.body["items"]
        for item in items:
            self.knowledge.see(entity, item)
        return items

    def document(self) -> dict[str, Any]:
        return dict(self.random.choice(DOCUMENTS))
