"""What the model knows of one partition: plain things in dicts, and what it expects the step to say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.bpmn.model import Element, Process
from engine.bpmn.schedules import Schedule
from engine.core.faults import EXCEEDED_LIMIT, PROCESSING_ERROR
from engine.core.record import NONE
from engine.core.settings import MachineSettings

from .log import Fact, History, LoggedStep, told_fields

#: Refusals of which the model does not know when they come: it knows no sizes, and has no bugs.
UNFORESEEN = (EXCEEDED_LIMIT, PROCESSING_ERROR)

# What a token does next.
ACTIVATE = "activate"
RESUME = "go on activating"
COMPLETE = "complete"
THROW = "throw an error from"
INTERRUPT = "interrupt"
HANDLE = "hand over to an event sub-process"
TERMINATE = "terminate"
VANISH = "be gone"


class Move(NamedTuple):
    """One thing that has to happen in a process instance.

    `key`: the element instance, or the scope of an element to activate. `name`: that element, the code to throw, the
    boundary event that catches, or the event sub-process that takes over. `data`: JSON object of variables that come
    with it; for a process, the start event where it begins.
    """

    kind: str
    key: int
    name: str = ""
    data: str = ""


@dataclass(slots=True)
class Node:
    """A living element instance; the process instance itself is one."""

    key: int
    element: Element
    scope: int
    instance: int
    state: str = "ACTIVATING"
    #: name -> JSON text
    variables: dict[str, str] = field(default_factory=dict)
    #: a terminate end event was reached inside
    ending: bool = False
    #: gateway that joins -> flow -> tokens that wait
    joins: dict[str, Counter[str]] = field(default_factory=dict)
    #: the job or the user task that it waits for
    work: int = NONE
    #: it has begun to wait for events
    waits: bool = False
    #: the event sub-process that takes over when everything else inside has ended
    successor: str = ""
    #: variables that come with the event that it catches, a JSON object
    successor_data: str = ""
    #: an event sub-process has taken over
    interrupted: bool = False


@dataclass(slots=True)
class Instance:
    """A process instance, also after its end (batch operations ask for it). `blind`: the model looks away."""

    key: int
    graph: Process
    definition: int
    version: int
    tags: tuple[str, ...]
    business_id: str
    nodes: dict[int, Node] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    #: token of the pause, NONE when it does not pause
    pause: int = NONE
    rounds: int = 0
    blind: bool = False
    #: somebody waits for its end, and for these variables (all, if none are named)
    awaited: bool = False
    fetched: tuple[str, ...] = ()
    #: batch operation and item that end with this instance
    item: tuple[int, int] | None = None
    #: what secondary storage keeps beyond the end: ids of elements, (scope, name) -> JSON text, all incidents
    visited: set[str] = field(default_factory=set)
    kept: dict[tuple[int, str], str] = field(default_factory=dict)
    incidents: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Work:
    """A job. `state` as in the engine's documentation of jobs; `due`: when its time-out or back-off ends."""

    key: int
    node: int
    instance: int
    type: str
    retries: int
    state: str = "ACTIVATABLE"
    due: int = NONE


@dataclass(slots=True)
class Trouble:
    """An open incident; `move` is made when it is resolved."""

    key: int
    node: int
    instance: int
    job: int = NONE
    move: Move | None = None


class Timer(NamedTuple):
    """A timer of an element instance (`node`), or of a start event of a definition (`node` NONE)."""

    node: int
    instance: int
    definition: int
    element: Element
    schedule: Schedule


@dataclass(slots=True)
class Task:
    """An open user task."""

    node: int
    assignee: str


class Refused(Exception):
    """The model refuses the command, with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class World:
    """One partition as the model sees it, and the step it is looking at."""

    def __init__(self, partition: int, partition_count: int, history: History, differences: list[str]) -> None:
        self.partition = partition
        self.partitions = tuple(range(1, partition_count + 1))
        self.history = history
        self.differences = differences
        self.skipped: set[str] = set()
        self.settings = MachineSettings()
        self.has_settings = False
        self.now = 0
        self.step = LoggedStep(records=[])
        self.expected: list[Fact] = []
        self.schemas: set[str] = set()
        #: idempotency key -> when it is forgotten
        self.remembered: dict[str, int] = {}
        #: key -> (graph, version, checksum)
        self.definitions: dict[int, tuple[Process, int, bytes]] = {}
        #: process id -> keys of its versions, in order
        self.versions: dict[str, list[int]] = {}
        #: deployment -> partitions that lack it
        self.deployments: dict[int, list[int]] = {}
        self.instances: dict[int, Instance] = {}
        self.jobs: dict[int, Work] = {}
        self.incidents: dict[int, Trouble] = {}
        self.tasks: dict[int, Task] = {}
        self.timers: dict[int, Timer] = {}
        #: process instances that the model does not know and looks away from
        self.unseen: set[int] = set()

    @property
    def others(self) -> tuple[int, ...]:
        return tuple(partition for partition in self.partitions if partition != self.partition)

    def expect(
        self, value_type: str, intent: str, key: int | None = NONE, instance: int = NONE, **told: object
    ) -> None:
        """The step should have an event that says this."""
        values = tuple(told.get(name) for name in told_fields(value_type, intent))
        self.expected.append(Fact(value_type, intent, key, instance, values))

    def expect_sent(self, receiver: int) -> None:
        self.expect("PARTITION_MESSAGE", "SENT", receiver_partition=receiver)

    def differ(self, text: str) -> None:
        """Something is not as it should be in this step."""
        self.differences.append(f"partition {self.partition}, step that ends at position {self.step.end}: {text}")

    def skip(self, what: str, instance: int = NONE) -> None:
        """Something that the model does not know; it looks away from the instance from now on."""
        self.skipped.add(what)
        self.blind(instance)

    def blind(self, instance: int) -> None:
        if instance in self.instances:
            self.instances[instance].blind = True
        elif instance > 0:
            self.unseen.add(instance)

    def is_blind(self, key: int) -> bool:
        """Whether a thing belongs to an instance that the model looks away from."""
        owner = self.history.owner.get(key, key)
        return self.instances[owner].blind if owner in self.instances else owner in self.unseen

    def node(self, key: int) -> Node | None:
        instance = self.instances.get(self.history.owner.get(key, key))
        return instance.nodes.get(key) if instance else None

    def living(self, node: Node) -> list[Node]:
        """All element instances of its process instance."""
        return list(self.instances[node.instance].nodes.values())

    def scopes(self, key: int) -> list[Node]:
        """The element instance and the scopes around it, innermost first."""
        found = []
        node = self.node(key)
        while node is not None:
            found.append(node)
            node = self.node(node.scope)
        return found
