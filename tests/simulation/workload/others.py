"""Those who only look, and those who write to the log past the gateway, well or badly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from engine.core.ports import COMMANDS
from engine.core.record import EVENT, Record, Step, command, partition_of
from engine.records import (
    FAMILIES,
    BatchOperationExecution,
    Clock,
    Job,
    ProcessInstance,
    ProcessInstanceContinuation,
    ProcessInstanceCreation,
)
from engine.records.intents import INTENTS
from engine.shell.codec import Codec

from .actor import DOCUMENTS, Actor
from .client import Client
from .knowledge import KEY_PROPERTIES, STATES
from .people import PROCESS_IDS

CODEC = Codec(FAMILIES)

#: What can be asked for by its key.
LOOKED_AT = ("process-instances", "element-instances", "incidents", "user-tasks", "batch-operations")
#: What tells of the installation.
PLACES = ("/", "/health/live", "/health/ready", "/metrics", "/v2/topology", "/openapi.json")
BAD_BODY = {"unknown": 1, "filter": [], "page": {"limit": "many", "from": -1}, "tags": "red", "variables": 7}


class Reader(Actor):
    """Searches everything. What it sees must have been so at some time."""

    async def act(self, client: Client) -> None:
        if self.random.random() < 0.3:
            await self.look(client)
            return
        entity = self.random.choice(sorted(KEY_PROPERTIES))
        wanted: dict[str, Any] = {}
        if entity in STATES and self.random.random() < 0.5:
            wanted["state"] = self.random.choice(["ACTIVE", "COMPLETED", "CREATED", "FAILED"])
        if entity not in ("batch-operations", "batch-operation-items") and self.random.random() < 0.4:
            wanted["processInstanceKey"] = self.knowledge.pick(self.random, "process-instances")
        await self.find(client, entity, wanted)

    async def look(self, client: Client) -> None:
        """At single things, at the installation, and now and then with a body that is none."""
        paths = [f"/v2/{entity}/{self.knowledge.pick(self.random, entity)}" for entity in LOOKED_AT]
        definition = self.knowledge.pick(self.random, "definitions")
        requests: list[tuple[str, str, object]] = [
            *(("GET", path, None) for path in (*paths, *PLACES)),
            ("GET", f"/v2/process-definitions/{definition}/xml", None),
            ("POST", f"/v2/process-definitions/{definition}/statistics/element-instances", {"filter": {}}),
            *(("POST", f"/v2/{entity}/search", BAD_BODY) for entity in LOOKED_AT),
            ("POST", "/v2/process-instances", BAD_BODY),
        ]
        method, path, body = self.random.choice(requests)
        await client.request(method, path, body)


class Producer(Actor):
    """Appends commands by itself: good ones, forged ones, and no commands at all."""

    def __init__(
        self, *arguments: Any, partition_count: int, claims: Sequence[str] = (), topics: Sequence[str] = (COMMANDS,)
    ) -> None:
        """`claims`: who it says that its commands are from, sometimes signed. `topics`: inboxes, if it has any."""
        super().__init__(*arguments)
        self.partition_count = partition_count
        self.claims = claims
        self.topics = topics

    async def act(self, client: Client) -> None:
        kinds = [self.job, self.forged, self.nonsense, self.event, self.message]
        made = self.random.choice([*kinds, *[self.creation] * 5] if self.claims else kinds)()
        if self.random.random() < 0.2:
            await client.produce(self.random.randint(1, self.partition_count), self.random.randbytes(30))
            return
        key = partition_of(made.key) if made.key > 0 else 0
        partition = key if 1 <= key <= self.partition_count else self.random.randint(1, self.partition_count)
        if self.claims:
            step = structs.replace(made.step, claims=self.random.choice(self.claims))
            made = structs.replace(made, step=step)
        topic = self.random.choice(self.topics) if len(self.topics) > 1 else self.topics[0]
        signed = bool(self.claims) and self.random.random() < 0.7
        await client.produce(partition, CODEC.encode(made), topic=topic, signed=signed)

    def key(self) -> int:
        kind = self.random.choice(sorted(self.knowledge.keys) or ["jobs"])
        return int(self.knowledge.pick(self.random, kind))

    def job(self) -> Record:
        """A worker's completion, by way of the topic."""
        text = self.random.choice([msgspec.json.encode(self.random.choice(DOCUMENTS)).decode(), "[", "7", ""])
        key = int(self.knowledge.pick(self.random, "jobs"))
        return command("JOB", self.random.choice(["COMPLETE", "FAIL", "UPDATE"]), Job(variables=text), key=key)

    def creation(self) -> Record:
        """A process instance, or the end of one."""
        if self.random.random() < 0.3:
            key = int(self.knowledge.pick(self.random, "process-instances"))
            return command("PROCESS_INSTANCE", self.random.choice(["CANCEL", "SUSPEND"]), ProcessInstance(), key=key)
        wish = ProcessInstanceCreation(bpmn_process_id=self.random.choice(PROCESS_IDS))
        return command("PROCESS_INSTANCE_CREATION", "CREATE", wish)

    def forged(self) -> Record:
        """Work that only the engine may give itself."""
        key = self.key()
        values: list[tuple[str, str, Struct]] = [
            ("BATCH_OPERATION_EXECUTION", "EXECUTE", BatchOperationExecution(batch_operation_key=key, token=1)),
            ("PROCESS_INSTANCE_CONTINUATION", "CONTINUE", ProcessInstanceContinuation(process_instance_key=key)),
            ("CLOCK", "TICK", Clock()),
        ]
        value_type, intent, value = self.random.choice(values)
        return command(value_type, intent, value, key=key)

    def nonsense(self) -> Record:
        """Any intent of any family with nothing in it."""
        family = self.random.choice(sorted(INTENTS))
        names = INTENTS[family]
        intent = self.random.choice([*names.commands, *names.internal, *names.events, "EXPLODE"])
        return command(family, intent, FAMILIES[family](), key=self.key())

    def event(self) -> Record:
        """A fact, as if a client could make one."""
        value = Job(type="work")
        return Record(step=Step(), record_type=EVENT, intent="CREATED", key=self.key(), value_type="JOB", value=value)

    def message(self) -> Record:
        """A command that says it comes from a partition."""
        step = Step(sender_partition=self.random.randint(1, 3), sender_number=self.random.randint(1, 9))
        return command("JOB", "COMPLETE", Job(), key=self.key(), step=step)
