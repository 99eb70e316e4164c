"""The intake: reads and checks a command before the machine decides it. What it refuses is a rejection on the log.

Rule: whatever lies on an input, a partition goes on. Knows the topics and the framing, no business rule.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from engine.core.draft import Outcome
from engine.core.faults import FORBIDDEN, INVALID_ARGUMENT, UNREADABLE, Reject
from engine.core.machine import Input, Machine
from engine.core.ports import COMMANDS, Entry
from engine.core.record import COMMAND, Record, Step
from engine.records.intake import Intake
from engine.records.intents import INTENTS

from .codec import Codec, Undecodable

#: Characters of a command's metadata, which every record of its step repeats.
METADATA_LENGTH_MAX = 16_384


def decide(machine: Machine, codec: Codec, topic: str, entry: Entry, *, claims: str | None = None) -> Outcome | None:
    """The outcome of what lies on an input. None: a message from a partition that was received before.

    `claims`: those that the log says were verified when the command was decided, if it is decided again.
    """
    hashed = sha256(entry.value)
    source = Input(name=topic, offset=entry.offset, timestamp=entry.timestamp, hash=hashed.digest())
    try:
        command = codec.decode(entry.value)
    except Undecodable as error:
        return machine.refuse(_unreadable(topic, entry), Reject(UNREADABLE, str(error)), source)
    length = _metadata_length(command)
    if length > METADATA_LENGTH_MAX:
        reason = f"expected metadata of at most {METADATA_LENGTH_MAX} characters, got {length}; shorten them"
        return machine.refuse(_unreadable(topic, entry), Reject(UNREADABLE, reason), source)
    if claims is not None and claims != command.step.claims:
        command = msgspec.structs.replace(command, step=msgspec.structs.replace(command.step, claims=claims))
    refusal = _refusal(command, topic)
    return machine.step(command, source) if refusal is None else machine.refuse(command, refusal, source)


def _metadata_length(command: Record) -> int:
    step = command.step
    texts = (command.intent, step.claims, step.trace_context, step.request, step.idempotency_key)
    return sum(map(len, texts))


def _refusal(command: Record, topic: str) -> Reject | None:
    if command.record_type != COMMAND:
        return Reject(INVALID_ARGUMENT, f"expected a COMMAND, got {command.record_type[:20] or 'no record type'}")
    if topic != COMMANDS:
        return None
    if command.step.sender_partition != 0:
        return Reject(INVALID_ARGUMENT, "expected no sender partition in a client's command, got one")
    if command.intent in INTENTS[command.value_type].internal:
        return Reject(FORBIDDEN, f"expected a client's command, got {command.value_type} {command.intent}")
    return None


def _unreadable(topic: str, entry: Entry) -> Record:
    """A record for what could not be read, which names its place."""
    value = Intake(topic=topic, offset=entry.offset, size=len(entry.value), hash=sha256(entry.value).hexdigest())
    step = Step(request=entry.headers.get("request", "")[:METADATA_LENGTH_MAX])
    return Record(step=step, intent="READ", value_type="INTAKE", value=value)
