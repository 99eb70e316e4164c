"""Those who look before they leap: they have plans made, approve those of others, commit them, and want to be told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.operations import OPERATIONS

from .batch_operators import BatchOperator, random_options, random_parameters
from .client import Client
from .people import PROCESS_IDS

#: Mostly about what can be foreseen for each instance by itself.
FORESEEABLE = ("CANCEL_PROCESS_INSTANCE", "SUSPEND_PROCESS_INSTANCE", "RESUME_PROCESS_INSTANCE")
#: Where the installation may tell that something has ended, and where it may not.
HOST = "receiver.example"
URLS = (f"https://{HOST}/ended", f"https://{HOST}/other", "https://elsewhere.example/ended", "")


class Planner(BatchOperator):
    """Plans that are made, approved, committed, changed or forgotten; webhooks at whatever ends."""

    urls: Sequence[str] = URLS

    async def act(self, client: Client) -> None:
        chance = self.random.random()
        if chance < 0.35:
            await self.plan(client)
        elif chance < 0.55:
            plan = self.knowledge.pick(self.random, "plans")
            await self.ask(client, "POST", f"/batch-operations/{plan}/approval", {})
            await self.commit(client, plan)
        elif chance < 0.75:
            await self.commit(client, self.knowledge.pick(self.random, "plans"))
        elif chance < 0.8:
            await self.manage(client, self.knowledge.pick(self.random, "plans"))
        else:
            await self.create(client, random_options(self.random, client.now()))

    async def plan(self, client: Client) -> None:
        """One is made; mostly it is committed a little later, by somebody."""
        options: dict[str, Any] = {"dryRun": self.random.random() < 0.95, "keepPlan": True}
        plan = await self.create(client, options)
        if plan and self.random.random() < 0.8:
            self.knowledge.acknowledge("plans", plan)
            await client.sleep(self.random.choice([0.1, 0.5, 2.0]))
            await self.commit(client, plan)

    async def create(self, client: Client, options: dict[str, Any]) -> str:
        """A batch operation over a few instances, or many; gives its key, or nothing."""
        name = self.random.choice(FORESEEABLE if self.random.random() < 0.7 else sorted(OPERATIONS))
        operation = OPERATIONS[name]
        parameters = random_parameters(self.random, operation)
        if "migrationPlan" in parameters:
            parameters["migrationPlan"] = await self.migration_plan(client)
        body = {"filter": self.selection(operation.selects.filtered), **parameters, **options}
        if self.urls:
            body["webhook"] = self.random.choice(self.urls)
        answer = await self.ask(client, "POST", operation.path, body)
        if answer.status != 200:
            return ""
        key = str(answer.body["batchOperationKey"])
        self.knowledge.acknowledge("batch-operations", key)
        return key

    async def commit(self, client: Client, plan: str) -> None:
        """As it is, or with a pace of its own; sometimes held, so that there is time for changes."""
        options = random_options(self.random, client.now()) if self.random.random() < 0.4 else {}
        if self.random.random() < 0.9:
            options.pop("retryPolicy", None)
        answer = await self.ask(client, "POST", f"/batch-operations/{plan}/commit", options)
        if answer.status != 200:
            return
        key = str(answer.body["batchOperationKey"])
        self.knowledge.acknowledge("batch-operations", key)
        for _ in range(self.random.choice([0, 0, 1, 3])):
            await client.sleep(self.random.choice([0, 0.02, 0.5]))
            await self.manage(client, key)


class Delegate(Planner):
    """Has batch operations done to whole processes, slowly, while it is decided anew what they may do."""

    urls = ()

    async def act(self, client: Client) -> None:
        options: dict[str, Any] = {"rate": self.random.choice([0, 3, 20])}
        if self.random.random() < 0.3:
            options |= {"retryPolicy": {"retries": 1, "backoff": 300}}
        await self.create(client, options)

    def selection(self, entity: str) -> dict[str, Any]:
        """All that there is, or all of a process; sometimes by keys."""
        names = {"PROCESS_INSTANCE": "processDefinitionId", "JOB": "processDefinitionId"}
        if entity not in names or self.random.random() < 0.2:
            return super().selection(entity)
        return {names[entity]: self.random.choice([*PROCESS_IDS, {"$in": list(PROCESS_IDS)}])}
