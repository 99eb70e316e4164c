"""The intake: reads and checks a command before the machine decides it. What it refuses is a rejection on the log.

Rule: whatever lies on an input, a partition goes on. Knows the topics and the framing, no business rule.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from engine.core.draft import Outcome
from engine.core.faults import FORBIDDEN, INVALID_ARGUMENT, UNREADABLE, MessageGap, Reject
from engine.core.machine import Input, Machine
from engine.core.ports import COMMANDS, INTERNAL, Entry
from engine.core.principal import ANONYMOUS_CLAIMS
from engine.core.record import COMMAND, Record, Step, partition_of
from engine.records.intake import Intake
from engine.records.intents import INTENTS
from engine.records.log_generation import RAISE
from engine.records.log_generation import VALUE_TYPE as LOG_GENERATION

from .claims import ClaimsSeal
from .codec import Codec, Undecodable
from .trace_context import trace_context_of

#: Characters of a command's metadata, which every record of its step repeats.
METADATA_LENGTH_MAX = 16_384


def decide(
    machine: Machine,
    codec: Codec,
    topic: str,
    entry: Entry,
    *,
    claims: str | None = None,
    seal: ClaimsSeal | None = None,
) -> Outcome | None:
    """The outcome of what lies on an input. None: a message from a partition that was received before.

    `claims`: those that the log says were verified when the command was decided, if it is decided again. `seal`: a
    client's command has claims only with it; without one they are taken as they are.
    """
    try:
        command = codec.decode(entry.value)
    except Undecodable as error:
        return refuse_unreadable(machine, topic, entry, str(error))
    length = _metadata_length(command)
    if length > METADATA_LENGTH_MAX:
        reason = f"expected metadata of at most {METADATA_LENGTH_MAX} characters, got {length}; shorten them"
        return refuse_unreadable(machine, topic, entry, reason)
    if seal is not None and topic == COMMANDS and not seal.is_on(entry):
        claims = ANONYMOUS_CLAIMS
    command = _complete(command, entry, claims)
    refusal, source = _refusal(command, topic, machine), _source(topic, entry)
    return machine.step(command, source) if refusal is None else machine.refuse(command, refusal, source)


def refuse_unreadable(machine: Machine, topic: str, entry: Entry, reason: str) -> Outcome:
    """The outcome of bytes that are no command."""
    return machine.refuse(_unreadable(topic, entry), Reject(UNREADABLE, reason), _source(topic, entry))


def refuse_forged(machine: Machine, codec: Codec, topic: str, entry: Entry, gap: MessageGap) -> Outcome:
    """The outcome of a message behind a gap that the partition which it names never sent."""
    reason = f"expected message {gap.expected} from partition {gap.sender}, got {gap.number}, which it has not sent"
    return machine.refuse(codec.decode(entry.value), Reject(FORBIDDEN, reason), _source(topic, entry))


def _source(topic: str, entry: Entry) -> Input:
    digest = sha256(entry.value).digest()
    return Input(name=topic, offset=entry.offset, timestamp=entry.timestamp, hash=digest)


def _metadata_length(command: Record) -> int:
    step = command.step
    texts = (command.intent, step.claims, step.trace_context, step.request, step.idempotency_key)
    return sum(map(len, texts))


def _complete(command: Record, entry: Entry, claims: str | None) -> Record:
    """With what lies beside it: verified claims, and the trace context of a producer that knows headers alone."""
    step = command.step
    if claims is not None and claims != step.claims:
        step = msgspec.structs.replace(step, claims=claims)
    if entry.headers and not step.trace_context and (trace_context := trace_context_of(entry.headers)):
        step = msgspec.structs.replace(step, trace_context=trace_context)
    return command if step is command.step else msgspec.structs.replace(command, step=step)


def _refusal(command: Record, topic: str, machine: Machine) -> Reject | None:
    if command.record_type != COMMAND:
        return Reject(INVALID_ARGUMENT, f"expected a COMMAND, got {command.record_type[:20] or 'no record type'}")
    sender = command.step.sender_partition
    if topic == INTERNAL:
        if command.value_type == LOG_GENERATION and command.intent == RAISE:
            return Reject(FORBIDDEN, "expected work for a partition, got LOG_GENERATION RAISE, which lies on no topic")
        return None if sender == 0 else _refuse_sender(sender, machine)
    if sender != 0:
        return Reject(INVALID_ARGUMENT, "expected no sender partition in a client's command, got one")
    intents = INTENTS[command.value_type]
    if command.intent in intents.internal:
        return Reject(FORBIDDEN, f"expected a client's command, got {command.value_type} {command.intent}")
    return _refuse_place(command.key, machine) if command.intent in intents.commands else None


def _refuse_sender(sender: int, machine: Machine) -> Reject | None:
    if 1 <= sender <= machine.partition_count and sender != machine.partition:
        return None
    expected = f"a message from another of the {machine.partition_count} partitions"
    return Reject(FORBIDDEN, f"expected {expected}, got one that names partition {sender}")


def _refuse_place(key: int, machine: Machine) -> Reject | None:
    """A command lies on the partition of its key; a key of no partition is answered as any that nobody knows."""
    home = partition_of(key)
    if home == machine.partition or not 1 <= home <= machine.partition_count:
        return None
    return Reject(
        INVALID_ARGUMENT,
        f"expected a key of partition {machine.partition}, where the command was sent, got {key}, which lives on "
        f"partition {home}; send it there (Kafka numbers that partition {home - 1})",
    )


def _unreadable(topic: str, entry: Entry) -> Record:
    """A record for what could not be read, which names its place."""
    value = Intake(topic=topic, offset=entry.offset, size=len(entry.value), hash=sha256(entry.value).hexdigest())
    request = entry.headers.get("request", "")[:METADATA_LENGTH_MAX]
    step = Step(request=request, trace_context=trace_context_of(entry.headers))
    return Record(step=step, intent="READ", value_type="INTAKE", value=value)
