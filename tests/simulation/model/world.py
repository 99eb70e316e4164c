"""What the model knows of one partition, and what it expects the step to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from engine.bpmn.model import Element, Process
from engine.bpmn.schedules import Schedule
from engine.core.faults import EXCEEDED_LIMIT, PROCESSING_ERROR
from engine.core.record import NONE, Record
from engine.core.settings import MachineSettings
from engine.records import ProcessInstance

from .board import Board
from .evaluations import Evaluation
from .log import Fact, History, LoggedStep
from .rights import Rights
from .told import UNSAID_OF_LIFE, told_fields
from .undoable import Undoable
from .versions import Versions

#: Refusals that come when they come: the model knows no sizes, and has no bugs.
UNFORESEEN = (EXCEEDED_LIMIT, PROCESSING_ERROR)

ACTIVATE = "activate"
RESUME = "go on activating"
COMPLETE = "complete"
THROW = "throw an error from"
INTERRUPT = "interrupt"
BESIDE = "begin beside"
CHOOSE = "go on after an event-based gateway at"
HANDLE = "hand over to an event sub-process"
TERMINATE = "terminate"
VANISH = "be gone"
SPAWN = "begin the next instance of"
COLLECT = "give the output of"
DISCARD = "forget the outputs of"
LEAVE = "leave"
CHECK = "ask whether enough was done in"
UNDO = "have something undone by"
UNDONE = "have undone what nothing undoes by"
FORGET = "forget what can be undone in"


class Move(NamedTuple):
    """One thing that has to happen in a process instance.

    `key`: the element instance, or the scope of an element to activate. `name`: that element, the code to throw, the
    event that catches, or the event sub-process that takes over. `data`: JSON object of variables that come with it.
    `passes`: the event of the element to activate has happened already. `late`: it came while the instance paused, so
    that something else may have ended the scope before.
    """

    kind: str
    key: int
    name: str = ""
    data: str = ""
    passes: bool = False
    late: bool = False


@dataclass(slots=True)
class Loop:
    """How far the body of a multi-instance activity has got; items and outputs are JSON texts."""

    items: list[str]
    begun: int = 0
    completed: int = 0
    terminated: int = 0
    #: number of the item -> output
    outputs: dict[int, str] = field(default_factory=dict)

    @property
    def ended(self) -> int:
        return self.completed + self.terminated


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
    #: call activity: the instance that it called
    called: int = NONE
    #: body of a multi-instance activity that knows its items; an instance in it: its number
    loop: Loop | None = None
    counter: int = 0
    #: an ad-hoc sub-process in which elements were begun
    begins_inside: bool = False
    #: an event that has something undone
    has_undone: bool = False
    #: how it ends when what can be undone in it is forgotten
    after_forgetting: Move | None = None


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
    #: the element instance that called it, how deep it is in calls, and the process instance at their root
    caller: int = NONE
    depth: int = 1
    root: int = NONE
    #: the start event that something happened at, with the variables that came with that (a JSON object)
    begun_at: str = ""
    begun_with: str = ""
    #: of the message that started it
    correlation_key: str = ""
    #: token of the pause, NONE when it does not pause
    pause: int = NONE
    rounds: int = 0
    suspended: bool = False
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
    #: how it has ended, and whether secondary storage was told to forget it
    end: str = ""
    deleted: bool = False

    def beginning(self, scope: int) -> list[Move]:
        """The moves by which something begins in a scope."""
        return [move for move in self.moves if (move.kind, move.key) == (ACTIVATE, scope)]


@dataclass(slots=True)
class Work:
    """A job. `state` as in the engine's documentation of jobs; `due`: when its time-out or back-off ends."""

    key: int
    node: int
    instance: int
    type: str
    retries: int
    priority: int
    state: str = "ACTIVATABLE"
    due: int = NONE
    #: a worker threw an error from it: secondary storage shows that until the job changes, whatever its incident does
    threw: bool = False


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


class Signaled(NamedTuple):
    """Who waits for a signal: an element instance, or a start event of a definition (`node` NONE)."""

    name: str
    node: int
    instance: int
    definition: int
    element: Element


class Awaited(NamedTuple):
    """A message that an element instance waits for, on the partition of its process instance."""

    node: int
    instance: int
    element: Element
    name: str
    correlation_key: str


class Definition(NamedTuple):
    """A deployed process."""

    graph: Process
    version: int
    deployment: int


@dataclass(slots=True)
class Task:
    """An open user task."""

    node: int
    assignee: str


Rule = Callable[["World", Record], None]


class Refused(Exception):
    """The model refuses the command, with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class HasNumbers(Protocol):
    """A part of a batch operation, as far as its life is concerned."""

    key: int

    @property
    def numbers(self) -> dict[str, int]: ...


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
        self.definitions: dict[int, Definition] = {}
        #: process id -> version -> key
        self.versions: dict[str, dict[int, int]] = {}
        self.decisions = Versions()
        self.forms = Versions()
        #: id of decision requirements -> their newest version
        self.requirements: dict[str, int] = {}
        #: (kind, id) of what is deployed -> SHA-256 of the file of the newest version
        self.files: dict[tuple[str, str], bytes] = {}
        #: deployment -> partitions that lack it
        self.deployments: dict[int, list[int]] = {}
        self.instances: dict[int, Instance] = {}
        self.jobs: dict[int, Work] = {}
        self.incidents: dict[int, Trouble] = {}
        self.tasks: dict[int, Task] = {}
        self.timers: dict[int, Timer] = {}
        self.undoable: dict[int, Undoable] = {}
        #: batch operation -> when it goes on; what has ended, and the name of its timer -> when it is deleted
        self.wakes: dict[int, int] = {}
        self.removals: dict[tuple[int, str], int] = {}
        #: timer -> what happens when one of it is due
        self.fires: dict[str, Callable[[int], None]] = {}
        self.signaled: dict[int, Signaled] = {}
        self.awaited: dict[int, Awaited] = {}
        #: what call activities and called instances have told each other, and nobody has heard yet: (intent, key)
        self.told: Counter[tuple[str, int]] = Counter()
        #: awaited messages that came while their instance paused: told to the other partition when it has gone on
        self.unconfirmed: set[int] = set()
        #: jobs, timers and awaited messages that would have happened in a suspended instance
        self.held: set[int] = set()
        #: signal -> who waited for it when it arrived
        self.reached: dict[int, list[int]] = {}
        self.board = Board()
        self.rights = Rights()
        #: instance -> the end of the last step that touched it
        self.touched: dict[int, int] = {}
        self.evaluations: dict[int, Evaluation] = {}
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

    def expect_life(self, part: HasNumbers, intent: str, **told: object) -> None:
        """An event of the life of a batch operation; what it does not say has its default."""
        numbers = dict.fromkeys(part.numbers, 0)
        self.expect("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", intent, part.key, **{**UNSAID_OF_LIFE, **numbers, **told})

    def expect_sent(self, receiver: int, *about: object) -> None:
        """A message to another partition; `about`: value type, intent and key of those that are told apart."""
        if receiver != self.partition:
            self.expect("PARTITION_MESSAGE", "SENT", receiver_partition=receiver, message=about)

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
        """Whether a thing belongs to an instance that the model looks away from, or to one that such an one called."""
        instance = self.instances.get(self.history.owner.get(key, key))
        if instance is None:
            return self.history.owner.get(key, key) in self.unseen
        return instance.blind or (instance.caller != NONE and self.is_blind(instance.caller))

    def hear(self, intent: str, key: int) -> None:
        """A command that the partition gave itself: what it tells has been told, or nobody looks at who tells it."""
        self.told[intent, key] -= 1
        if self.told[intent, key] < 0 and not any(one.blind for one in self.instances.values() if one.caller == key):
            self.differ(f"nobody should have told {key}: {intent}")

    def call_of(self, instance: int) -> Node | None:
        """The call activity that called the instance."""
        return self.node(self.instances[instance].caller)

    def node(self, key: int) -> Node | None:
        instance = self.instances.get(self.history.owner.get(key, key))
        return instance.nodes.get(key) if instance else None

    def born_here(self, process_id: str, caller: int = NONE) -> int:
        """The key of an instance of the process that begins in this step, and that nobody has asked for yet."""
        for record in self.step.events:
            value = record.value
            if (
                record.intent == "ELEMENT_ACTIVATING"
                and isinstance(value, ProcessInstance)
                and value.flow_scope_key < 0
            ):
                told = (value.bpmn_process_id, value.parent_element_instance_key)
                if told == (process_id, caller) and record.key not in self.instances and record.key not in self.unseen:
                    return record.key
        self.differ(f"an instance of process {process_id} should begin, but does not")
        return self.history.born("PROCESS_INSTANCE", NONE, process_id)

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
