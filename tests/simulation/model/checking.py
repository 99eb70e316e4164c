"""The model against the log: every command is judged in the order in which the log says that it was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256

from msgspec import Struct, structs

from engine.assembly import Assembly
from engine.core.faults import ALREADY_EXISTS, FORBIDDEN, INVALID_ARGUMENT, UNREADABLE
from engine.core.head import GENERATIONS
from engine.core.ports import COMMANDS, INTERNAL
from engine.core.record import COMMAND, NONE, Record
from engine.records import ProcessInstanceContinuation
from engine.records.intents import INTENTS
from engine.records.log_generation import LogGeneration

from . import (
    at_once,
    calls,
    clock,
    decisions,
    deletions,
    identity,
    installation,
    instances,
    instructions,
    jobs,
    messages,
    migrations,
    people,
    signals,
    suspensions,
)
from .batches import Batches
from .happenings import release
from .log import Fact, History, LogEntry, LoggedStep, PartitionLog, fact_of, instance_of, steps_of
from .permits import permits
from .registry import Known
from .rest import compare_boards, unfinished
from .told import KNOWN
from .undoing import undone_wrongly
from .world import UNFORESEEN, Refused, Rule, World

#: What has rules for commands.
PARTS = (
    calls,
    clock,
    decisions,
    deletions,
    identity,
    installation,
    instances,
    instructions,
    jobs,
    messages,
    migrations,
    people,
    signals,
    suspensions,
)

#: Differences that are told; behind the first ones there is mostly noise.
DIFFERENCES_MAX = 50

#: Characters of metadata that a command may have.
METADATA_LENGTH_MAX = 16_384


#: Events that say how the engine divided its work into steps: read, not foretold.
UNTOLD = ("PROCESS_INSTANCE_CONTINUATION",)


#: Commands about what lies on this partition whatever instance it is for.
OF_NO_INSTANCE = ("MESSAGE_SUBSCRIPTION", "MESSAGE_START_EVENT_SUBSCRIPTION")
#: Fields that change what a command means, and that the model does not know.
UNKNOWN_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("PROCESS_INSTANCE_CREATION", "CREATE"): (
        "start_instructions",
        "runtime_instructions",
    ),
    ("JOB", "COMPLETE"): ("business_id", "result"),
    ("PROCESS_INSTANCE", "CANCEL"): ("skip_subprocesses",),
}


class Verdict(Struct, frozen=True, kw_only=True):
    """`differences`: what the log says and the model does not, or the other way. `skipped`: what it does not know."""

    differences: list[str]
    skipped: list[str]


def check(logs: Mapping[int, PartitionLog], *, at_rest: bool = True, now: int = 0) -> list[str]:
    """The differences between the model and the log, none when all is well.

    `at_rest`: nothing is left to be done. `now`: ms since 1970; what was due by then has happened.
    """
    return examine(logs, at_rest=at_rest, now=now).differences


def examine(logs: Mapping[int, PartitionLog], *, at_rest: bool = True, now: int = 0) -> Verdict:
    """As `check`, and what the model did not judge because it does not know it, by name."""
    differences: list[str] = []
    known = known_operations()
    judges = {number: Judge(number, len(logs), log, known, differences) for number, log in logs.items()}
    for judge in judges.values():
        judge.run(at_rest=at_rest, now=now)
    if at_rest:
        differences += compare_partitions([judge.batches for judge in judges.values()])
        differences += compare_boards({number: judge.world for number, judge in judges.items()}, logs)
    skipped = sorted({what for judge in judges.values() for what in judge.world.skipped})
    return Verdict(differences=differences[:DIFFERENCES_MAX], skipped=skipped)


@cache
def known_operations() -> Known:
    """What this build offers."""
    assembly = Assembly()
    return Known(operations=assembly.operations, decode=assembly.operation_codecs.decode)


def compare_partitions(batches: Sequence[Batches]) -> list[str]:
    """Batch operations are the same everywhere and have ended, and lead partitions have heard what the others told."""
    wrong: list[str] = []
    by_partition = {one.world.partition: one for one in batches}
    parts = [part for one in batches for part in one.parts.values()]
    waiting = {part.key for part in parts if part.incidents and not part.abandoned}  # on one partition, or several
    open_ones = [part for part in parts if part.canceling or not (part.held or part.key in waiting)]
    wrong += [f"batch operation {part.key} has no end: {part.numbers}" for part in open_ones]
    for lead in batches:
        for key, partitions in lead.led.items():
            lacking = [p for p in partitions if p != lead.world.partition and key not in by_partition[p].followed]
            wrong += [f"batch operation {key} was not created on partition {partition}" for partition in lacking]
        for (key, partition), numbers in lead.heard.items():
            if by_partition[partition].told.get(key) != numbers:
                wrong.append(f"batch operation {key}: partition {partition} told something else than was heard")
    return wrong


class Judge:
    """Goes through one partition's log."""

    def __init__(
        self, partition: int, partition_count: int, log: PartitionLog, known: Known, differences: list[str]
    ) -> None:
        self.steps = list(steps_of(log.events))
        history = History(record for step in self.steps for record in step.records)
        self.world = World(partition, partition_count, history, differences)
        self.batches = Batches(self.world, known)
        self.rules: dict[tuple[str, str], Rule] = dict(self.batches.rules)
        for part in PARTS:
            self.rules |= part.RULES
        self.rules |= migrations.RULES | at_once.rules(known, self.batches.effects)
        self.inputs = {COMMANDS: log.commands, **log.inboxes, INTERNAL: log.internal}
        self.next = dict.fromkeys(self.inputs, 0)
        raised = [step.first.value for step in self.steps if step.first.step.source_input == GENERATIONS]
        self.generation = max((value.generation for value in raised if isinstance(value, LogGeneration)), default=0)
        #: sender -> number of its last message
        self.received: dict[int, int] = {}

    def run(self, *, at_rest: bool, now: int) -> None:
        for step in self.steps:
            self.world.step, self.world.expected = step, []
            if step.first.step.source_input == GENERATIONS:
                continue
            entry = self.take(step)
            if entry is None:
                self.world.differ(f"its command is not on {step.first.step.source_input}")
                return
            self.judge(step, entry)
        if at_rest:
            self.check_rest(now)

    # which command it was

    def take(self, step: LoggedStep) -> LogEntry | None:
        """The command of a step. Those before it must have their outcome, or need none."""
        name = step.first.step.source_input
        entries = self.inputs.get(name, [])
        while self.next[name] < len(entries):
            entry = entries[self.next[name]]
            self.next[name] += 1
            if self.is_its_command(step, entry):
                return entry
            self.leave_out(name, entry)
        return None

    def has_moved(self, step: LoggedStep) -> bool:
        """Whether topics were restored since then: other offsets, other stamps."""
        return step.first.step.source_generation < self.generation

    def is_its_command(self, step: LoggedStep, entry: LogEntry) -> bool:
        if self.has_moved(step):
            return step.first.command_hash == sha256(entry.value).digest()
        return step.first.step.source_offset == entry.offset

    def leave_out(self, name: str, entry: LogEntry) -> None:
        """A command without an outcome: right only if it is a message that came before."""
        sender, number = sender_of(entry.record)
        if name != INTERNAL or not sender or number > self.received.get(sender, 0):
            self.world.differ(f"the command at offset {entry.offset} of {name} has no outcome")

    # what became of it

    def judge(self, step: LoggedStep, entry: LogEntry) -> None:
        world = self.world
        world.now = max(world.now, step.first.step.timestamp if self.has_moved(step) else entry.timestamp)
        if step.first.step.timestamp != world.now:
            world.differ(f"its time should be {world.now}, but is {step.first.step.timestamp}")
        refused = self.decide(step, entry)
        if refused is not None and step.rejection != refused:
            self.disagree(step, f"should be rejected with {refused}, but {step.rejection or 'it was not'}")
        elif refused is None and step.rejection:
            self.disagree(step, f"should be accepted, but is rejected with {step.rejection}")
        elif refused is None:
            self.compare(step)
        self.note(step)

    def decide(self, step: LoggedStep, entry: LogEntry) -> str | None:
        """The code of the rejection that the command should get; None if it should be accepted."""
        world, command = self.world, entry.record
        refusal = intake_refusal(command, step.first.step.source_input)
        if refusal or command is None:
            return refusal
        sender, number = sender_of(command)
        if sender:
            self.received[sender] = number
        kind = (command.value_type, command.intent)
        names = INTENTS[command.value_type]
        if command.intent not in (*names.commands, *names.internal):
            return INVALID_ARGUMENT
        command, may = self.identify(step, entry, command)
        if may is False:
            return FORBIDDEN
        if world.remembered.get(command.step.idempotency_key, 0) > world.now:
            return ALREADY_EXISTS
        rule = self.rules.get(kind)
        unknown = f"rejection {step.rejection}" if step.rejection in UNFORESEEN else unknown_field(command)
        unknown = unknown if rule is not None else f"command {' '.join(kind)}"
        is_blind = world.is_blind(command.key) and command.value_type not in OF_NO_INSTANCE
        if rule is None or unknown or is_blind:
            self.look_away(step, unknown)
            return None if may and rule and step.rejection == FORBIDDEN else step.rejection or None
        try:
            rule(world, command)
        except Refused as refused:
            return refused.code
        return None

    def identify(self, step: LoggedStep, entry: LogEntry, command: Record) -> tuple[Record, bool | None]:
        """The command from whom it is, and whether it is permitted to him; of what is not known, what the log says."""
        if step.first.step.claims != entry.claims:
            self.world.differ(f"it should be from '{entry.claims}', but is from '{step.first.step.claims}'")
        command = structs.replace(command, step=structs.replace(command.step, claims=entry.claims))
        if step.first.step.source_input == INTERNAL:
            return command, True
        may = permits(self.world, command, entry.claims)
        return command, False if may is None and step.rejection == FORBIDDEN else may

    def look_away(self, step: LoggedStep, what: str) -> None:
        """The model has no say in this step, nor in the instances that it touches."""
        if what:
            self.world.skipped.add(what)
        for record in step.events:
            self.world.blind(instance_of(record))
        known = [record for record in step.events if is_known(record)]
        if any(record.value_type == "BATCH_OPERATION_ITEM" for record in known):  # what ends with an item is foretold
            known = [record for record in known if not record.value_type.startswith(("BATCH_", "PARTITION_"))]
        self.world.expected = [fact_of(record) for record in known]

    def disagree(self, step: LoggedStep, text: str) -> None:
        first = step.first
        self.world.differ(f"the command of {first.value_type} {first.intent} (key {first.key}) {text}")
        for key in {self.world.history.owner.get(first.key, first.key), *(f.instance for f in self.world.expected)}:
            self.world.blind(key)

    def compare(self, step: LoggedStep) -> None:
        """What the events say, and what the model expects them to say."""
        world = self.world
        self.batches.end_items()
        told = []
        for record in step.events:
            if record.value_type in UNTOLD:
                continue
            if not is_known(record):
                world.skip(f"event {record.value_type} {record.intent}", instance_of(record))
            else:
                told.append(fact_of(record))
        wanted = Counter(fact for fact in world.expected if not self.is_unseen(fact))
        found = Counter(fact for fact in told if not self.is_unseen(fact))
        for fact in [one for one in found - wanted if self.is_allowed(one)]:
            found[fact] = wanted[fact]
        wanted, found = +wanted, +found
        if wanted != found:
            lines = [f"expected {describe(fact)}" for fact in (wanted - found).elements()]
            lines += [f"did not expect {describe(fact)}" for fact in (found - wanted).elements()]
            world.differ("; ".join(lines))
            for fact in [*(wanted - found), *(found - wanted)]:
                world.blind(fact.instance)

    def is_unseen(self, fact: Fact) -> bool:
        return self.world.is_blind(fact.instance)

    def is_allowed(self, fact: Fact) -> bool:
        """A message that waited for its instance to go on; what an instance throws or tells of that nobody looks at."""
        world = self.world
        about = fact.told[-1] if fact.value_type == "PARTITION_MESSAGE" else None
        if (
            isinstance(about, tuple)
            and about[:2] == ("MESSAGE_SUBSCRIPTION", "CORRELATE")
            and not world.is_blind(about[2])
        ):
            is_due = about[2] in world.unconfirmed
            world.unconfirmed.discard(about[2])
            return is_due
        is_unowned = fact.value_type in ("PARTITION_MESSAGE", "SIGNAL")
        return is_unowned and any(world.is_blind(instance_of(record)) for record in world.step.events)

    def note(self, step: LoggedStep) -> None:
        """What the step leaves behind for later ones."""
        world = self.world
        for record in step.events:
            world.touched[instance_of(record)] = step.end
            decisions.note(world, record)
            instance = world.instances.get(instance_of(record))
            if instance is not None and isinstance(record.value, ProcessInstanceContinuation):
                paused = record.intent == "PAUSED"
                instance.pause = record.value.token if paused else NONE
                instance.rounds = record.value.round if paused else 0
            if (record.value_type, record.intent) == (migrations.FAMILY, "MIGRATED"):
                migrations.note(world, record)
            if instance is not None and instance.blind and (record.key, record.intent) in ends_of(instance.key):
                release(world, instance)
        name = step.first.step.idempotency_key
        if name and not step.rejection:
            world.remembered[name] = world.now + world.settings.idempotency_timeout_ms
        self.batches.deletions.note(step)
        self.batches.look({instance_of(record) for record in step.events})

    def check_rest(self, now: int) -> None:
        """Nothing is left to be done."""
        world = self.world
        for name, entries in self.inputs.items():
            for entry in entries[self.next[name] :]:
                self.leave_out(name, entry)
        for problem in [*unfinished(world, now), *undone_wrongly(self.steps)]:
            world.differ(problem)
        for problem in self.batches.webhooks.unfinished(now):
            world.differ(problem)


def ends_of(instance: int) -> list[tuple[int, str]]:
    return [(instance, "ELEMENT_COMPLETED"), (instance, "ELEMENT_TERMINATED")]


def intake_refusal(command: Record | None, topic: str) -> str | None:
    """What the intake refuses."""
    if command is None:
        return UNREADABLE
    step = command.step
    texts = (command.intent, step.claims, step.trace_context, step.request, step.idempotency_key)
    if sum(map(len, texts)) > METADATA_LENGTH_MAX:
        return UNREADABLE
    if command.record_type != COMMAND:
        return INVALID_ARGUMENT
    if topic == INTERNAL:
        return None
    if step.sender_partition != 0:
        return INVALID_ARGUMENT
    return FORBIDDEN if command.intent in INTENTS[command.value_type].internal else None


def unknown_field(command: Record) -> str:
    """The name of a field that says something that the model does not know, or nothing."""
    kind = (command.value_type, command.intent)
    given = [name for name in UNKNOWN_FIELDS.get(kind, ()) if getattr(command.value, name, None)]
    return f"{given[0]} of {' '.join(kind)}" if given else ""


def is_known(record: Record) -> bool:
    """Whether the model knows events of this kind."""
    return (record.value_type, record.intent) in KNOWN


def sender_of(command: Record | None) -> tuple[int, int]:
    """The partition that sent a message, and its number; 0 for anything else."""
    return (command.step.sender_partition, command.step.sender_number) if command else (0, 0)


def describe(fact: Fact) -> str:
    fields = ", ".join(map(str, fact.told))
    return f"{fact.value_type} {fact.intent} #{fact.key} ({fields})"
