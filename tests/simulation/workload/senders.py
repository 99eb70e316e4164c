"""Those who send messages and signals, and those who ask for decisions."""

from __future__ import annotations

from typing import Any

from .actor import Actor
from .client import Client
from .tasks import DECISION_ID

NAMES = ("a", "b", "start", "a", "b", "none")
#: As `actor.DOCUMENTS` has them, and one that nobody waits with.
CORRELATION_KEYS = ("k1", "k2", "7", "k1", "k2", "nobody", "")
MESSAGE_IDS = ("id-1", "id-2")
SIGNALS = ("a", "a", "start", "none")


class Sender(Actor):
    """Publishes messages, kept or not, with ids or without, and asks who gets them."""

    needs = "definitions"

    async def act(self, client: Client) -> None:
        for _ in range(self.random.choice([1, 1, 2, 5])):
            body: dict[str, Any] = {"name": self.random.choice(NAMES), "variables": self.document()}
            body["correlationKey"] = self.random.choice(CORRELATION_KEYS)
            if self.random.random() < 0.25:
                await self.correlate(client, body)
            else:
                await self.publish(client, body)

    async def publish(self, client: Client, body: dict[str, Any]) -> None:
        body["timeToLive"] = self.random.choice([0, 0, 500, 5_000, 60_000])
        if self.random.random() < 0.3:
            body["messageId"] = self.random.choice(MESSAGE_IDS)
        answer = await self.ask(client, "POST", "/messages/publication", body)
        if answer.status == 200:
            self.knowledge.acknowledge("messages", answer.body["messageKey"])

    async def correlate(self, client: Client, body: dict[str, Any]) -> None:
        answer = await self.ask(client, "POST", "/messages/correlation", body)
        if answer.status == 200:
            self.knowledge.correlate(answer.body["messageKey"], answer.body["processInstanceKey"])


class Broadcaster(Actor):
    """Broadcasts signals."""

    needs = "definitions"

    async def act(self, client: Client) -> None:
        body = {"signalName": self.random.choice(SIGNALS), "variables": self.document()}
        answer = await self.ask(client, "POST", "/signals/broadcast", body)
        if answer.status == 200:
            self.knowledge.acknowledge("signals", answer.body["signalKey"])


class Decider(Actor):
    """Has decisions evaluated."""

    needs = "decisions"

    async def act(self, client: Client) -> None:
        body: dict[str, Any] = {"variables": self.document()}
        if self.random.random() < 0.5:
            body["decisionDefinitionId"] = self.random.choice([DECISION_ID, "base", "none"])
        else:
            body["decisionDefinitionKey"] = self.knowledge.pick(self.random, "decisions")
        answer = await self.ask(client, "POST", "/decision-definitions/evaluation", body)
        if answer.status == 200:
            self.knowledge.decide(answer.body["decisionEvaluationKey"], answer.body["output"])
