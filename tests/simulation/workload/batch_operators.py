"""Those who do something to many instances at once: every operation that there is, none of them by name."""

from __future__ import annotations

import asyncio
import types
import typing
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from engine.batch.operation import Operation
from engine.operations import OPERATIONS

from .actor import Actor
from .client import Client
from .people import PROCESS_IDS
from .tasks import JOB_TYPES

MANAGEMENT = ("suspension", "resumption", "cancellation")


class BatchOperator(Actor):
    """Creates batch operations over random selections, and suspends, resumes and cancels them at any instant."""

    needs = "process-instances"

    async def act(self, client: Client) -> None:
        if self.random.random() < 0.25:
            await self.manage(client, self.knowledge.pick(self.random, "batch-operations"))
        else:
            chosen = {entity: self.selection(entity) for entity in sorted(self.conditions())}
            lives = [self.live(client, chosen) for _ in range(self.random.choice([1, 1, 2, 3]))]
            for outcome in await asyncio.gather(*lives, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome

    async def live(self, client: Client, selections: dict[str, Any]) -> None:
        """One batch operation from its creation on, next to others over the same instances."""
        operation = OPERATIONS[self.random.choice(sorted(OPERATIONS))]
        body = {"filter": selections[operation.selects.filtered], **random_parameters(self.random, operation)}
        answer = await self.ask(client, "POST", operation.path, body)
        if answer.status != 200:
            return
        key = answer.body["batchOperationKey"]
        self.knowledge.acknowledge("batch-operations", key)
        for _ in range(self.random.choice([0, 0, 1, 2, 4])):
            await client.sleep(self.random.choice([0, 0.005, 0.02, 0.5]))
            await self.manage(client, key)

    async def manage(self, client: Client, key: str) -> None:
        what = self.random.choices(MANAGEMENT, weights=(4, 4, 1))[0]
        await self.ask(client, "POST", f"/batch-operations/{key}/{what}", {})

    def selection(self, entity: str) -> dict[str, Any]:
        """A filter, often a good one."""
        if self.random.random() < 0.1:
            return self.random.choice([{}, {"unknown": 1}, {"processDefinitionId": "none"}, {"$or": []}])
        conditions, wide = self.conditions()[entity], self.random.choice(["processDefinitionId", "processInstanceKey"])
        names = [wide] if self.random.random() < 0.6 else self.random.sample(sorted(conditions), 2)
        chosen = {name: conditions[name] for name in names}
        if entity == "PROCESS_INSTANCE" and self.random.random() < 0.15:
            return {"$or": [{name: condition} for name, condition in chosen.items()]}
        return chosen

    def conditions(self) -> dict[str, dict[str, Any]]:
        """What a filter is about -> its properties."""
        random = self.random
        keys = [self.knowledge.pick(random, "process-instances") for _ in range(random.randint(1, 6))]
        excluded = [self.knowledge.pick(random, "process-instances") for _ in range(2)]
        by_key = random.choice([{"$in": keys}, {"$in": keys, "$notIn": excluded}, {"$notIn": excluded}, keys[0]])
        by_process = random.choice([random.choice(PROCESS_IDS), {"$in": list(PROCESS_IDS[:2])}, {"$neq": "order"}])
        jobs = [self.knowledge.pick(random, "jobs") for _ in range(random.randint(1, 6))]
        common = {"processInstanceKey": by_key, "processDefinitionId": by_process}
        of_jobs = {
            "jobKey": {"$in": jobs},
            "type": random.choice([random.choice(JOB_TYPES), {"$in": list(JOB_TYPES[:2])}]),
        }
        of_instances = {
            "processDefinitionVersion": random.choice([1, 2, {"$in": [1, 2]}]),
            "hasIncident": random.random() < 0.8,
            "state": random.choice(["ACTIVE", "ACTIVE", "COMPLETED"]),
            "variables": [{"name": "n", "value": random.choice(["2", "3", {"$in": ["0", "1"]}])}],
            "businessId": random.choice(["b-1", {"$exists": False}]),
            "tags": ["red"],
        }
        return {"PROCESS_INSTANCE": common | of_instances, "JOB": common | of_jobs}


def random_parameters(random: Random, operation: Operation) -> dict[str, Any]:
    """Parameters of an operation, made from the fields of its Struct, in the names of the API."""
    given = operation.body or operation.parameters
    hints = typing.get_type_hints(given)
    found = {}
    for field in msgspec.structs.fields(given):
        if field.required or random.random() < 0.5:
            found[camel_case(field.name)] = random_value(random, hints[field.name])
    return found


def random_value(random: Random, wanted: Any, depth: int = 0) -> Any:
    """A value of a type, as JSON."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        return random_value(random, random.choice(arguments), depth)
    if origin is typing.Annotated:
        return random_value(random, arguments[0], depth)
    if origin is typing.Literal:
        return random.choice(arguments)
    if origin is dict:
        return {random.choice(["n", "who", "key"]): random.choice([2, "ann", "k1", None])}
    if origin in (list, tuple):
        return [random_value(random, arguments[0], depth + 1) for _ in range(random.randint(0, 3 - min(depth, 2)))]
    if isinstance(wanted, type) and issubclass(wanted, Struct):
        hints = typing.get_type_hints(wanted)
        return {camel_case(name): random_value(random, hint, depth + 1) for name, hint in hints.items()}
    if wanted is bool:
        return random.random() < 0.5
    if wanted is int:
        return random.randint(0, 3)
    if wanted is str:
        return random.choice(["", "text", "job1", "job2", "n"])
    return None


def camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
