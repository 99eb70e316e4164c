"""A harness over machines, states and logs in memory: several partitions, no event loop, no time that passes by itself.

It does what the runner does, one step at a time: decide on overlays, append (events, and messages to the internal
topics), commit. A test can stop between any two of these. `check` holds every scenario to the laws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec
from msgspec import Struct

from engine.assembly import Assembly
from engine.core.draft import Outcome
from engine.core.head import DUE, SOURCES, Source
from engine.core.machine import Machine
from engine.core.ports import COMMANDS, INTERNAL, VALUE_SIZE_MAX, Entry, SelectedItem, SelectionQuery, Store
from engine.core.record import Record, Step, command, partition_of
from engine.core.settings import MachineSettings
from engine.core.state import State
from engine.core.system import due_at
from engine.records import Clock, Deployment, ProcessInstance, ProcessInstanceCreation, Settings
from engine.records.deployment import Resource
from engine.shell.intake import decide
from engine.shell.memory_store import MemoryStore
from engine.shell.trace_context import trace_headers

from .checks import check_log, check_numbers
from .moment import Moment, describe
from .search import Search

ASSEMBLY = Assembly()
CODEC = ASSEMBLY.codec

#: When every scenario begins, ms since 1970 (UTC).
BEGIN = 1_700_000_000_000

#: Steps that a scenario may take before it is thought to run for ever.
STEPS_MAX = 5_000


class Partition:
    """One partition: its log in memory, its state, its machine."""

    def __init__(self, number: int, count: int, store: Store, build: str) -> None:
        self.number = number
        self.store = store
        self.state = State(store, ASSEMBLY.registry.tables)
        self.machine = Machine(
            registry=ASSEMBLY.registry,
            state=self.state,
            encoder=CODEC,
            partition=number,
            partition_count=count,
            build=build,
        )
        self.inputs: dict[str, list[Entry]] = {COMMANDS: [], INTERNAL: []}
        self.next: dict[str, int] = {COMMANDS: 0, INTERNAL: 0}
        self.events: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.records: list[Record] = []
        self.hashes: list[bytes] = []
        self.decided: list[Outcome] = []
        self.initializer = ASSEMBLY.initializer()
        self.confirmations = ASSEMBLY.confirmations()
        self._turn = 0

    def put(self, topic: str, value: bytes, now: int, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        entries = self.inputs[topic]
        entries.append(Entry(offset=len(entries), timestamp=now, value=value, headers=headers))

    def take(self) -> tuple[str, Entry] | None:
        """The next command; the inputs take turns."""
        for _ in self.inputs:
            name = (COMMANDS, INTERNAL)[self._turn]
            self._turn = 1 - self._turn
            if self.next[name] < len(self.inputs[name]):
                self.next[name] += 1
                return name, self.inputs[name][self.next[name] - 1]
        return None

    def rewind(self) -> None:
        """Go on with the first command that has no outcome in the state."""
        for name in self.inputs:
            self.next[name] = (self.state.get(SOURCES, name) or Source()).offset + 1


class Scenario:
    """Partitions and what happens on them. `group_size`: steps that are decided before one append and commit."""

    def __init__(
        self,
        partitions: int = 1,
        *,
        settings: Mapping[str, object] | None = None,
        store: Callable[[int], Store] = lambda _: MemoryStore(),
        group_size: int = 1,
        build: str = "test",
    ) -> None:
        self.now = BEGIN
        self.group_size = group_size
        self.search = Search()
        #: partitions that do nothing, and to which what is said waits
        self.stopped: set[int] = set()
        self.partitions = {
            number: Partition(number, partitions, store(number), build) for number in range(1, partitions + 1)
        }
        if settings:
            text = msgspec.json.encode(msgspec.structs.replace(MachineSettings(), **settings)).decode()
            for number in self.partitions:
                self.send_internal(command("SETTINGS", "UPDATE", Settings(settings=text)), number)
            self.drain()

    # what happens

    def send(self, record: Record, partition: int | None = None) -> None:
        """Append a command; to the partition of its key unless told."""
        number = partition or max(partition_of(record.key), 1)
        self.send_bytes(CODEC.encode(record), number)

    def send_internal(self, record: Record, partition: int = 1) -> None:
        """What the shell writes to a partition's internal topic."""
        self.send_bytes(CODEC.encode(record), partition, INTERNAL)

    def send_bytes(
        self,
        value: bytes,
        partition: int = 1,
        topic: str = COMMANDS,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.partitions[partition].put(topic, value, self.now, headers)

    def when(self, record: Record, partition: int | None = None) -> Moment:
        """Append a command and let everything happen that follows; gives the records of all partitions since."""
        marks = self.marks()
        self.send(record, partition)
        self.drain()
        return self.since(marks)

    def when_internal(self, record: Record, partition: int = 1) -> Moment:
        """As `when`, by the shell."""
        marks = self.marks()
        self.send_internal(record, partition)
        self.drain()
        return self.since(marks)

    def advance(self, milliseconds: int) -> Moment:
        """Time passes; whatever is due fires."""
        self.now += milliseconds
        marks = self.marks()
        while any(self.tick(number) for number in self.partitions):
            self.drain()
        return self.since(marks)

    def tick(self, partition: int) -> bool:
        """Tell a partition the time if something is due there."""
        due = due_at(self.partitions[partition].state)
        if due is None or due > self.now or partition in self.stopped:
            return False
        tick = command("CLOCK", "TICK", Clock(due=due))
        self.send_internal(tick, partition)
        return True

    def drain(self, *, initialize: bool = True) -> None:
        """Until no partition has anything to do."""
        for _ in range(STEPS_MAX):
            if not self.one(initialize=initialize):
                return
        raise AssertionError(f"expected the scenario to come to rest, got more than {STEPS_MAX} steps\n{self.log()}")

    def one(self, *, initialize: bool = True) -> bool:
        """One step of the first partition that has something to do; False when none has."""
        working = [partition for number, partition in self.partitions.items() if number not in self.stopped]
        for partition in working:
            if self.step(partition.number):
                return True
        self.flush_all()
        for partition in working:
            if (initialize and self.initialize(partition.number)) or self.confirm(partition.number):
                return True
        return any(p.next[name] < len(p.inputs[name]) for p in working for name in p.inputs)

    def step(self, number: int) -> bool:
        """Decide the next command of a partition; append and commit when its group is full."""
        partition = self.partitions[number]
        taken = partition.take()
        if taken is None:
            return False
        outcome = decide(partition.machine, CODEC, *taken)
        if outcome is not None:
            partition.decided.append(outcome)
        if len(partition.decided) >= self.group_size:
            self.flush(number)
        return True

    # append and commit

    def flush_all(self) -> None:
        for number in self.partitions:
            self.flush(number)

    def flush(self, number: int) -> None:
        """Append the group, then commit it."""
        partition = self.partitions[number]
        if partition.decided:
            self.append(number)
            partition.state.commit()

    def append(self, number: int) -> None:
        """Freeze the group and put it on the log."""
        partition = self.partitions[number]
        partition.state.freeze()
        for outcome in partition.decided:
            outcome.headers[0].update(trace_headers(outcome.records[0].step.trace_context))
            partition.events += outcome.values
            partition.headers += outcome.headers
            partition.records += outcome.records
            partition.hashes += [outcome.records[0].command_hash]
            for value in (*outcome.values, *(message for _, message in outcome.messages)):
                assert len(value) <= VALUE_SIZE_MAX, "a record is above the limit of the log"
            for receiver, value in outcome.messages:
                self.partitions[receiver].put(INTERNAL, value, self.now)
        partition.decided = []

    def crash(self, number: int) -> None:
        """The process dies: overlays are gone; it recovers from what the log has."""
        partition = self.partitions[number]
        partition.decided = []
        partition.state.drop()
        partition.machine.reload()
        replay(partition.events[partition.machine.head.position :], partition.state, partition.machine)
        partition.rewind()

    # batch operations

    def initialize(self, number: int) -> bool:
        """Answer the page that a partition looks for, if any."""
        partition = self.partitions[number]
        query = partition.initializer.wanted(partition.machine, self.now)
        if query is None:
            return False
        for answer in self.search.answers(query, partition.initializer, self.records(number)):
            self.send_internal(answer, number)
        return True

    def confirm(self, number: int) -> bool:
        """Tell a partition that secondary storage has caught up, if it waits for that and `search.exports`."""
        partition = self.partitions[number]
        awaited = partition.confirmations.awaited(partition.machine)
        if awaited is None or not self.search.exports:
            return False
        self.send_internal(partition.confirmations.confirmation(partition.machine.head.position), number)
        return True

    def query(self, number: int) -> SelectionQuery | None:
        """The page that a partition would ask for now."""
        query = ASSEMBLY.initializer().wanted(self.partitions[number].machine, self.now)
        return query.selection if query else None

    # models and instances

    def deploy(self, *resources: bytes) -> Moment:
        named = tuple(
            Resource(resource_name=f"model{index}.bpmn", resource=data) for index, data in enumerate(resources)
        )
        return self.when(command("DEPLOYMENT", "CREATE", Deployment(resources=named)), 1).accepted()

    def create(self, process_id: str, variables: str = "", *, partition: int = 1, **fields: object) -> int:
        """Create an instance; gives its key."""
        wish = ProcessInstanceCreation(bpmn_process_id=process_id, variables=variables, **fields)  # type: ignore[arg-type]
        moment = self.when(command("PROCESS_INSTANCE_CREATION", "CREATE", wish), partition)
        return moment.one("PROCESS_INSTANCE_CREATION", "CREATED").key

    def cancel(self, key: int) -> Moment:
        return self.when(command("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key=key))

    # looking at it

    def marks(self) -> dict[int, int]:
        return {number: len(partition.records) for number, partition in self.partitions.items()}

    def since(self, marks: Mapping[int, int]) -> Moment:
        return Moment([r for number, p in self.partitions.items() for r in p.records[marks[number] :]])

    def everything(self) -> Moment:
        return self.since(dict.fromkeys(self.partitions, 0))

    def records(self, number: int = 1) -> list[Record]:
        return self.partitions[number].records

    def machine(self, number: int = 1) -> Machine:
        return self.partitions[number].machine

    def log(self, last: int = 25) -> str:
        """The last records of each partition, a line each."""
        return "\n".join(describe(r) for p in self.partitions.values() for r in p.records[-last:])

    # the laws

    def check(self) -> None:
        """Live == replay per table, a dense log with its chain intact, numbers that add up."""
        self.flush_all()
        for partition in self.partitions.values():
            decoded = [CODEC.decode(value) for value in partition.events]
            assert decoded == partition.records, "expected the log to say what the machine decided"
            check_log(decoded, partition.events, partition.number)
            state, machine = ASSEMBLY.machine(MemoryStore(), partition.number, len(self.partitions))
            replay(partition.events, state, machine)
            live, replayed = partition.state.digests(), state.digests()
            differing = [name for name in live if live[name] != replayed[name]]
            assert not differing, f"expected live and replayed state to be equal, got {differing}\n{self.log()}"
            assert machine.head == partition.machine.head
        check_numbers({number: p.records for number, p in self.partitions.items()})

    def is_empty(self) -> bool:
        """Whether nothing of any instance or batch operation is left in the state, but that some have ended."""
        kept = {"HEAD", "SOURCES", "SENT", "RECEIVED", "SETTINGS", "SCHEMAS", "ENDED_BATCHES", "TALLIES"}
        if self.due_count() == self.rows().get("ENDED_BATCHES"):
            kept.add("DUE")
        deployed = ("DEFINITION", "LATEST", "REQUIREMENTS", "DECISION", "DEPLOYED", "START_SUBSCRIPTION")
        return not [name for name in self.rows() if name not in kept and not name.startswith(deployed)]

    def rows(self) -> dict[str, int]:
        """How many rows each table has, over all partitions; tables without rows are left out."""
        counts: dict[str, int] = {}
        for partition in self.partitions.values():
            for table in partition.state.tables:
                if count := len(partition.state.scan(table)):
                    counts[table.name] = counts.get(table.name, 0) + count
        return counts

    def due_count(self) -> int:
        return sum(len(partition.state.scan(DUE)) for partition in self.partitions.values())


def replay(values: Iterable[bytes], state: State, machine: Machine) -> None:
    """Apply whole steps, appliers only, and commit."""
    records: list[Record] = []
    held: list[bytes] = []
    for value in values:
        records.append(CODEC.decode(value))
        held.append(value)
        if records[-1].index + 1 == records[-1].step.step_count:
            machine.replay(records, held)
            records, held = [], []
    assert not records, "expected whole steps"
    state.freeze()
    state.commit()


def make(value_type: str, intent: str, value: Struct, key: int = -1, request: str = "") -> Record:
    """A command, as a gateway sends it."""
    return command(value_type, intent, value, key=key, step=Step(request=request))


__all__ = [
    "ASSEMBLY",
    "BEGIN",
    "CODEC",
    "Moment",
    "Partition",
    "Scenario",
    "SelectedItem",
    "describe",
    "make",
    "replay",
]
