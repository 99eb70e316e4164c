"""How fast the screens of operators are searched in SQLite, with a million process instances and what belongs to them.

Run `python -m benchmarks.search [--instances N] [--rounds N] [--folder DIR]`. The events go through the exporter into a
temporary file, or into DIR, which is kept and used again. Each search is asked with other values in every round. The
time of a core is what it takes when nothing else wants it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from engine.core.record import EVENT, Record, Step, first_key
from engine.records.incident import Incident
from engine.records.job import Job
from engine.records.process import Process
from engine.records.process_instance import ProcessInstance
from engine.records.user_task import UserTask
from engine.records.variable import Variable
from engine.shell.clock import SystemClock
from exporters.contract import Exporter
from exporters.search import SearchStore
from exporters.search.values import date_text
from exporters.sqlite import SqliteExporter, SqliteSearch
from exporters.sqlite.database import FILE_NAME

from .table import print_table

PARTITIONS = 2
TRANSACTION = 500
START = 1_767_225_600_000
#: 30 days of instances.
SPAN_MS = 30 * 86_400_000
#: Share of all instances, for each definition; three of them are versions of one process.
SHARES = {"order": 60, "claim": 15, "claim#2": 8, "claim#3": 4, "onboarding": 6, "refund": 4, "audit": 2, "rare": 1}
DEFINITIONS = {name: first_key(1) + 1 + number for number, name in enumerate(SHARES)}
MESSAGES = [f"expected an answer of service {number}, got a time-out" for number in range(20)]
USERS, GROUPS, TYPES = 200, 20, 8
KEYS_PER_INSTANCE = 16

Event = tuple[str, str, int, Any]
Ask = Callable[[SearchStore, random.Random], Awaitable[Any]]


class World:
    """A million instances as events: 30 % active; of these 2 % with an incident, 3 % with a failed job."""

    def __init__(self, instances: int) -> None:
        self.instances = instances
        self.per_partition = instances // PARTITIONS

    def key(self, partition: int, number: int) -> int:
        """The key of an instance."""
        return first_key(partition) + 100 + KEYS_PER_INSTANCE * number

    def any_key(self, chance: random.Random) -> int:
        """The key of some instance."""
        return self.key(chance.randint(1, PARTITIONS), chance.randrange(self.per_partition))

    async def export(self, exporter: Exporter) -> float:
        """Project everything; the seconds it took."""
        began = time.perf_counter()
        await exporter.open()
        position = dict.fromkeys(range(1, PARTITIONS + 1), 0)
        for number in range(0, self.per_partition, TRANSACTION):
            for partition in position:
                records = list(self._records(partition, number, position[partition]))
                await exporter.export(partition, records, records[-1].position)
                position[partition] = records[-1].position
        await exporter.close()
        return time.perf_counter() - began

    def _records(self, partition: int, first: int, position: int) -> Iterator[Record]:
        numbers = range(first, min(first + TRANSACTION, self.per_partition))
        steps = [(START, list(definitions()))] if not first else []
        for number in numbers:
            at = START + SPAN_MS * number // self.per_partition
            steps.append((at, list(self._instance(partition, number))))
        for timestamp, events in steps:
            step = Step(partition_id=partition, step_count=len(events), timestamp=timestamp)
            for index, (value_type, intent, key, value) in enumerate(events):
                position += 1
                yield Record(
                    position=position,
                    index=index,
                    step=step,
                    record_type=EVENT,
                    intent=intent,
                    key=key,
                    value_type=value_type,
                    value=value,
                )

    def _instance(self, partition: int, number: int) -> Iterator[Event]:
        chance = random.Random(number * PARTITIONS + partition)
        key = self.key(partition, number)
        name = chance.choices(list(SHARES), list(SHARES.values()))[0]
        parent = self.key(partition, chance.randrange(number)) if number and chance.random() < 0.05 else -1
        active = chance.random() < 0.3
        owner: dict[str, Any] = {"process_instance_key": key, "process_definition_key": DEFINITIONS[name]}
        owner["root_process_instance_key"] = key if parent < 0 else parent
        tags = tuple(tag for tag, share in (("vip", 0.1), (f"region:{number % 50}", 0.1)) if chance.random() < share)
        whole = ProcessInstance(
            element_type="PROCESS",
            parent_process_instance_key=parent,
            parent_element_instance_key=parent,
            tags=tags,
            business_id=f"order-{key}" if chance.random() < 0.5 else "",
            **owner,
        )
        yield "PROCESS_INSTANCE", "ELEMENT_ACTIVATING", key, whole
        values = {"amount": number % 1000, "status": '"open"' if number % 3 else '"closed"', "id": f'"{key}"'}
        for index, (variable, value) in enumerate(values.items()):
            scope = Variable(name=variable, value=str(value), scope_key=key, **owner)
            yield "VARIABLE", "CREATED", key + 1 + index, scope
        yield from element(owner, key + 4, "start", "START_EVENT", ends=True)
        yield from element(owner, key + 5, "check", "SERVICE_TASK", ends=True)
        yield "PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN", key + 6, ProcessInstance(element_id="to-check", **owner)
        yield "PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN", key + 7, ProcessInstance(element_id="to-work", **owner)
        if number % 5:
            yield from self._service_task(chance, owner, key + 8, number, active)
        else:
            yield from self._user_task(owner, key + 8, number, active)
        if not active:
            yield "PROCESS_INSTANCE", f"ELEMENT_{'COMPLETED' if number % 10 else 'TERMINATED'}", key, whole

    def _service_task(
        self, chance: random.Random, owner: dict[str, Any], key: int, number: int, active: bool
    ) -> Iterator[Event]:
        yield from element(owner, key, "work", "SERVICE_TASK", ends=not active)
        job = Job(
            type=f"type-{number % TYPES}",
            kind="BPMN_ELEMENT",
            retries=3,
            custom_headers="{}",
            element_id="work",
            element_instance_key=key,
            **owner,
        )
        yield "JOB", "CREATED", key + 1, job
        if not active:
            yield "JOB", "COMPLETED", key + 1, job
        elif chance.random() < 0.03:
            yield "JOB", "FAILED", key + 1, Job(retries=number % 3, error_message="no", **owner)
        elif chance.random() < 0.02:
            yield (
                "INCIDENT",
                "CREATED",
                key + 2,
                Incident(
                    error_type="JOB_NO_RETRIES",
                    error_message=chance.choice(MESSAGES),
                    element_id="work",
                    element_instance_key=key,
                    job_key=key + 1,
                    **owner,
                ),
            )

    def _user_task(self, owner: dict[str, Any], key: int, number: int, active: bool) -> Iterator[Event]:
        yield from element(owner, key, "approve", "USER_TASK", ends=not active)
        task = UserTask(
            assignee=f"user-{number % USERS}" if number % 2 else "",
            candidate_groups=(f"group-{number % GROUPS}",),
            due_date=date_text(START + number * 1000),
            priority=50,
            element_id="approve",
            element_instance_key=key,
            **owner,
        )
        yield "USER_TASK", "CREATED", key + 1, task
        if not active:
            yield "USER_TASK", "COMPLETED", key + 1, task


def element(owner: dict[str, Any], key: int, element_id: str, kind: str, *, ends: bool) -> Iterator[Event]:
    """An element instance, and its end."""
    value = ProcessInstance(
        element_id=element_id, element_type=kind, flow_scope_key=owner["process_instance_key"], **owner
    )
    yield "PROCESS_INSTANCE", "ELEMENT_ACTIVATING", key, value
    if ends:
        yield "PROCESS_INSTANCE", "ELEMENT_COMPLETED", key, value


def definitions() -> Iterator[Event]:
    """The processes."""
    for name, key in DEFINITIONS.items():
        process, _, version = name.partition("#")
        yield "PROCESS", "CREATED", key, Process(bpmn_process_id=process, bpmn_version=int(version or 1))


def screens(world: World) -> dict[str, Ask]:
    """The searches of the screens, by name."""
    newest = [{"field": "startDate", "order": "DESC"}]
    instance = "PROCESS_INSTANCE"

    def asks(entity: str, wanted: Callable[[random.Random], dict[str, Any]], *sort: dict[str, str]) -> Ask:
        return lambda search, chance: search.search(
            entity, {"filter": wanted(chance), "sort": list(sort), "page": {"limit": 50}}
        )

    def definition(chance: random.Random) -> str:
        return str(chance.choice(list(DEFINITIONS.values())))

    def day(chance: random.Random) -> dict[str, str]:
        begin = START + chance.randrange(29) * 86_400_000
        return {"$gte": date_text(begin), "$lt": date_text(begin + 86_400_000)}

    def number(chance: random.Random) -> str:
        return str(chance.randrange(1000))

    def keys(chance: random.Random) -> dict[str, list[str]]:
        return {"$in": [str(world.any_key(chance)) for _ in range(100)]}

    open_task = {"state": "CREATED"}
    due = {"field": "dueDate"}
    return {
        "active instances, newest first": asks(instance, lambda _: {"state": "ACTIVE"}, *newest),
        "active instances of a definition, newest first": asks(
            instance, lambda chance: {"processDefinitionKey": definition(chance), "state": "ACTIVE"}, *newest
        ),
        "active instances of a process in all versions, newest first": asks(
            instance, lambda _: {"processDefinitionId": "claim", "state": "ACTIVE"}, *newest
        ),
        "active instances of a definition in an element": asks(
            instance,
            lambda chance: {
                "processDefinitionKey": definition(chance),
                "elementId": chance.choice(("work", "approve")),
                "elementInstanceState": "ACTIVE",
            },
            *newest,
        ),
        "instances with an open incident, by message": asks(
            instance, lambda chance: {"hasIncident": True, "errorMessage": chance.choice(MESSAGES)}, *newest
        ),
        "instances by the value of a variable": asks(
            instance, lambda chance: {"variables": [{"name": "amount", "value": number(chance)}]}, *newest
        ),
        "active instances by a value that two thirds have": asks(
            instance, lambda _: {"state": "ACTIVE", "variables": [{"name": "status", "value": '"open"'}]}, *newest
        ),
        "instance by business id": asks(instance, lambda chance: {"businessId": f"order-{world.any_key(chance)}"}),
        "completed instances of a day, newest first": asks(
            instance, lambda chance: {"startDate": day(chance), "state": "COMPLETED"}, *newest
        ),
        "instances by a list of 100 keys": asks(instance, lambda chance: {"processInstanceKey": keys(chance)}),
        "instances by tag, newest first": asks(
            instance, lambda chance: {"tags": [chance.choice(("vip", f"region:{chance.randrange(50)}"))]}, *newest
        ),
        "children of an instance": asks(
            instance, lambda chance: {"parentProcessInstanceKey": str(world.any_key(chance))}
        ),
        "element instances of an instance": asks(
            "ELEMENT_INSTANCE",
            lambda chance: {"processInstanceKey": str(world.any_key(chance))},
            {"field": "startDate"},
        ),
        "variables of an instance": asks(
            "VARIABLE", lambda chance: {"processInstanceKey": str(world.any_key(chance))}, {"field": "name"}
        ),
        "failed jobs of a type": asks(
            "JOB", lambda chance: {"state": "FAILED", "type": f"type-{chance.randrange(TYPES)}"}
        ),
        "active incidents of a definition, newest first": asks(
            "INCIDENT",
            lambda chance: {"processDefinitionKey": definition(chance), "state": "ACTIVE"},
            {"field": "creationTime", "order": "DESC"},
        ),
        "open tasks of a person, by due date": asks(
            "USER_TASK", lambda chance: {**open_task, "assignee": f"user-{chance.randrange(USERS)}"}, due
        ),
        "open tasks of a group, by due date": asks(
            "USER_TASK", lambda chance: {**open_task, "candidateGroup": f"group-{chance.randrange(GROUPS)}"}, due
        ),
        "statistics of a definition by element": lambda search, chance: search.element_statistics(
            int(definition(chance)), {}
        ),
        "active instances by process": asks("PROCESS_INSTANCES_BY_PROCESS", lambda _: {}),
        "instances with open incidents, by error": asks("PROCESS_INSTANCES_BY_ERROR", lambda _: {}),
    }


async def measure(folder: Path, instances: int, rounds: int) -> None:
    """Build the file if it is not there, ask, and print how long the answers took."""
    world = World(instances)
    rows = []
    if not (folder / FILE_NAME).exists():
        seconds = await world.export(SqliteExporter(folder))
        rows.append((f"{instances:,} instances exported", f"{instances / seconds:,.0f}/s"))
    size = (folder / FILE_NAME).stat().st_size / (1 << 30)
    rows.append(("size of the file", f"{size:.2f} GiB"))
    search = SqliteSearch(folder, SystemClock())
    rows += await answers(search, world, rounds)
    await search.close()
    print_table(f"Searches in SQLite, {rounds} rounds each", rows)


async def answers(search: SearchStore, world: World, rounds: int) -> list[tuple[str, str]]:
    """How long the answers of every screen took."""
    rows = []
    for name, ask in screens(world).items():
        chance = random.Random(name)
        waited, worked = [], []
        for _ in range(rounds):
            began, processor_began = time.perf_counter(), time.process_time()
            await ask(search, chance)
            waited.append(time.perf_counter() - began)
            worked.append(time.process_time() - processor_began)
        rows.append((name, f"{shown(waited)}; of a core {shown(worked)}"))
    return rows


def shown(seconds: list[float]) -> str:
    """Median and 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms"


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(arguments.folder or Path(folder), arguments.instances, arguments.rounds))


if __name__ == "__main__":
    main()
