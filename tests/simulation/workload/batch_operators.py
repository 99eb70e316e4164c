"""Those who do something to many instances at once: every operation that there is, none of them by name."""

from __future__ import annotations

import asyncio
import types
import typing
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from engine.batch.operation import Operation
from engine.core.record import KEY_BITS
from engine.operations import OPERATIONS
from engine.records.batch_operation_lifecycle_management import PHASES

from .actor import Actor
from .client import Client
from .knowledge import KEY_PROPERTIES
from .people import PROCESS_IDS
from .tasks import JOB_TYPES

MIGRATION = "/process-instances/migration"
MANAGEMENT = ("suspension", "resumption", "cancellation")


#: What a filter is about -> its properties that select much.
WIDE = {
    "PROCESS_INSTANCE": ("processDefinitionId", "processInstanceKey"),
    "JOB": ("processDefinitionId", "processInstanceKey", "processInstance"),
    "DECISION_INSTANCE": ("decisionDefinitionId", "state"),
    "BATCH_OPERATION": ("operationType", "batchOperationKey"),
}


#: What an item is -> the keys of it that clients remember.
KINDS = {
    "PROCESS_INSTANCE": "process-instances",
    "INCIDENT": "incidents",
    "JOB": "jobs",
    "DECISION_INSTANCE": "evaluations",
    "BATCH_OPERATION": "batch-operations",
}


class BatchOperator(Actor):
    """Creates batch operations over random selections, and suspends, resumes and cancels them at any instant."""

    needs = "process-instances"

    async def act(self, client: Client) -> None:
        if self.random.random() < 0.1:
            path = f"/process-instances/{self.knowledge.pick(self.random, 'process-instances')}/migration"
            await self.ask(client, "POST", path, await self.migration_plan(client))
        elif self.random.random() < 0.3:
            await self.execute(client)
        elif self.random.random() < 0.25:
            await self.manage(client, self.knowledge.pick(self.random, "batch-operations"))
        else:
            chosen = {entity: self.selection(entity) for entity in sorted(self.conditions())}
            lives = [self.live(client, chosen) for _ in range(self.random.choice([1, 1, 2, 3]))]
            for outcome in await asyncio.gather(*lives, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome

    async def execute(self, client: Client) -> None:
        """One of them at once, mostly to what lives on one partition."""
        operation = OPERATIONS[self.random.choice(sorted(OPERATIONS))]
        parameters = random_parameters(self.random, operation)
        if "migrationPlan" in parameters:
            parameters["migrationPlan"] = await self.migration_plan(client)
        keys = await self.targets(client, operation)
        if self.random.random() < 0.8:
            keys = [key for key in keys if int(key) >> KEY_BITS == int(keys[0]) >> KEY_BITS]
        await self.ask(client, "POST", f"{operation.path}/execution", {"keys": keys, **parameters})

    async def targets(self, client: Client, operation: Operation) -> list[str]:
        """A few of what an operation is about, mostly such as a search shows them."""
        kind, count = KINDS[operation.selects.entity], self.random.choice([1, 2, 4])
        if kind in KEY_PROPERTIES and self.random.random() < 0.8:
            states = operation.selects.states_named
            found = await self.find(client, kind, {"state": {"$in": states}} if states else {})
            if found:
                keys = [one[KEY_PROPERTIES[kind]] for one in found]
                return self.random.sample(keys, min(count, len(keys)))
        return [self.knowledge.pick(self.random, kind) for _ in range(count)]

    async def live(self, client: Client, selections: dict[str, Any]) -> None:
        """One batch operation from its creation on, next to others over the same instances."""
        operation = OPERATIONS[self.random.choice(sorted(OPERATIONS))]
        parameters = random_parameters(self.random, operation)
        if "migrationPlan" in parameters and self.random.random() < 0.9:
            parameters["migrationPlan"] = await self.migration_plan(client)
        body = {"filter": selections[operation.selects.filtered], **parameters}
        if self.random.random() < 0.4:
            body |= random_options(self.random, client.now())
        if self.random.random() < (0.8 if operation.replaces else 0.02):
            body["undoable"] = True
        if self.random.random() < 0.15:
            body["dryRun"] = True
            body.pop("retryPolicy", None)
        answer = await self.ask(client, "POST", operation.path, body)
        if answer.status != 200:
            return
        key = answer.body["batchOperationKey"]
        self.knowledge.acknowledge("batch-operations", key)
        for _ in range(self.random.choice([0, 0, 1, 2, 4])):
            await client.sleep(self.random.choice([0, 0.005, 0.02, 0.5]))
            await self.manage(client, key)

    async def migration_plan(self, client: Client) -> dict[str, Any]:
        """From one definition to another one, or to itself; mostly without mistakes, but few instances will fit."""
        source, target = (self.knowledge.pick(self.random, "definitions") for _ in range(2))
        if self.random.random() < 0.5:
            target = source
        keys = {"sourceProcessDefinitionKey": source, "targetProcessDefinitionKey": target}
        answer = await self.ask(client, "POST", f"{MIGRATION}/plan/generation", keys)
        instructions = answer.body["mappingInstructions"] if answer.status == 200 else []
        if instructions and self.random.random() < 0.2:
            instructions.remove(self.random.choice(instructions))
        if instructions and self.random.random() < 0.5:
            plan = {**keys, "mappingInstructions": instructions}
            await self.ask(client, "POST", f"{MIGRATION}/plan/validation", plan)
        given: dict[str, Any] = {"variables": {"n": self.random.randint(0, 3), "moved": {"by": None}}}
        with_variables = given if self.random.random() < 0.3 else {}
        return {"targetProcessDefinitionKey": target, "mappingInstructions": instructions, **with_variables}

    async def manage(self, client: Client, key: str) -> None:
        place, chance = f"/batch-operations/{key}", self.random.random()
        if chance < 0.1:
            pace = {"rate": self.random.choice([0, 0.0001, 5, 40.5]), "sliceSize": self.random.choice([0, 1, 3])}
            pauses = {"pauseWindows": self.random.choice([[], [pause_at(client.now())]])}
            await self.ask(client, "PATCH", place, pace | (pauses if self.random.random() < 0.4 else {}))
        elif chance < 0.2:
            what = self.random.choice(["retry", "undo"])
            body = random_options(self.random, client.now())
            if self.random.random() < 0.2:
                body["dryRun"] = True
                body.pop("retryPolicy", None)
            answer = await self.ask(client, "POST", f"{place}/{what}", body)
            if answer.status == 200:
                self.knowledge.acknowledge("batch-operations", answer.body["batchOperationKey"])
        elif chance < 0.35:
            resolution = {"resolution": self.random.choice(["RETRY", "FAIL"])}
            await self.ask(client, "POST", f"{place}/incident-resolution", resolution)
        elif chance < 0.39:
            await self.ask(client, "DELETE", place, {})
        else:
            what = self.random.choices(MANAGEMENT, weights=(4, 4, 1))[0]
            phases = self.random.sample(PHASES, self.random.randint(1, 3))
            held = what != "cancellation" and self.random.random() < 0.3
            await self.ask(client, "POST", f"{place}/{what}", {"phases": phases} if held else {})

    def selection(self, entity: str) -> dict[str, Any]:
        """A filter, often a good one."""
        if self.random.random() < 0.1:
            return self.random.choice([{}, {"unknown": 1}, {"processDefinitionId": "none"}, {"$or": []}])
        conditions, wide = self.conditions()[entity], self.random.choice(WIDE[entity])
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
            "state": random.choice(["ACTIVE", "ACTIVE", "SUSPENDED", "COMPLETED", {"$neq": "ACTIVE"}]),
            "variables": [{"name": "n", "value": random.choice(["2", "3", {"$in": ["0", "1"]}])}],
            "businessId": random.choice(["b-1", {"$exists": False}]),
            "tags": ["red"],
        }
        possible = common | of_instances
        names = random.sample(sorted(possible), random.choice([1, 1, 2]))
        of_jobs["processInstance"] = {name: possible[name] for name in names}
        evaluations = [self.knowledge.pick(random, "evaluations") for _ in range(3)]
        of_decisions = {
            "decisionEvaluationKey": {"$in": evaluations},
            "decisionDefinitionId": random.choice(["rate", "base", {"$neq": "rate"}]),
            "processInstanceKey": by_key,
            "state": random.choice(["EVALUATED", "FAILED"]),
        }
        batches = [self.knowledge.pick(random, "batch-operations") for _ in range(3)]
        of_batches = {
            "batchOperationKey": {"$in": batches},
            "operationType": random.choice([random.choice(sorted(OPERATIONS)), {"$neq": "UPDATE_JOB"}]),
            "state": random.choice(["COMPLETED", "FAILED", {"$neq": "ACTIVE"}]),
        }
        return {
            "BATCH_OPERATION": of_batches,
            "PROCESS_INSTANCE": common | of_instances,
            "JOB": common | of_jobs,
            "DECISION_INSTANCE": of_decisions,
        }


def random_options(random: Random, now: int) -> dict[str, Any]:
    """How a batch operation shall run. `now`: ms since 1970."""
    soon = datetime.fromtimestamp((now + random.choice([0, 200, 3_000])) / 1000, UTC).isoformat()
    options: dict[str, Any] = {
        "name": "some",
        "labels": ["a", "b"],
        "startSuspended": True,
        "startAt": soon,
        "rate": random.choice([0, 2, 17.5, 300]),
        "pauseWindows": [pause_at(now), pause_at(now + random.choice([1_000, 60_000]))],
        "sliceSize": random.choice([0, 1, 4]),
        "maxFailures": random.choice([{"count": 1}, {"count": 3}, {"share": 0.3}, {"count": 2, "share": 0.1}]),
        "retryPolicy": {
            "retries": random.randint(1, 3),
            "backoff": random.choice([0, 50, 2_000]),
            "thenIncident": random.random() < 0.4,
        },
    }
    likely = {
        "undoable": 1,
        "rate": 0.5,
        "maxFailures": 0.4,
        "retryPolicy": 0.4,
        "startSuspended": 0.1,
        "pauseWindows": 0.1,
    }
    return {name: value for name, value in options.items() if random.random() < likely.get(name, 0.25)}


def pause_at(moment: int) -> str:
    """A window of a minute that begins with the minute of a moment, ms since 1970."""
    start = datetime.fromtimestamp(moment / 1000, UTC)
    return f"{start:%H:%M}-{start + timedelta(minutes=1):%H:%M}"


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
