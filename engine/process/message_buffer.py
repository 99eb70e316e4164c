"""Messages that are kept for who does not wait yet: which one comes next."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from engine.bpmn.model import Element, Process
from engine.bpmn.model import Message as MessageDefinition
from engine.core.effects import Effects, Send
from engine.core.record import DEFAULT_TENANT, NONE, command
from engine.core.state import View, key_tail, pack
from engine.records import MessageStartEventSubscription

from .definitions import find_definition, find_version
from .execution import Execution
from .message_tables import BUFFERED_MESSAGES, CORRELATIONS, MESSAGES, address

START_SUBSCRIPTION = "MESSAGE_START_EVENT_SUBSCRIPTION"

#: Messages that are looked at together.
PAGE_SIZE = 100


class Given(Struct, frozen=True, kw_only=True):
    """A message as it is given to who waits for it."""

    key: int
    name: str
    correlation_key: str
    variables: str


def first_buffered(view: View, name: str, correlation_key: str, process_id: str, after_key: int = NONE) -> Given | None:
    """The oldest message, of those after one, that the process has not had, nor is being given."""
    place = address(name, correlation_key)
    after = pack((place, after_key)) if after_key != NONE else b""
    while page := view.scan(BUFFERED_MESSAGES, place, limit=PAGE_SIZE, after=after):
        for row_key, _ in page:
            key = key_tail(row_key)
            row = view.get(MESSAGES, key)
            if row is None or row.deadline <= view.now or view.get(CORRELATIONS, key, process_id) is not None:
                continue
            return Given(key=key, name=row.name, correlation_key=row.correlation_key, variables=row.variables)
        after = page[-1][0]
    return None


def started_by(graph: Process) -> Iterator[tuple[str, Element]]:
    """The names of the messages that start a process, which are static, and its start events."""
    for element in (graph.elements[name] for name in graph.root.event_starts):
        if isinstance(element.event, MessageDefinition):
            yield element.event.name.text, element


def first_start(view: View, process_id: str, correlation_key: str) -> Given | None:
    """The oldest message that may start the latest version of a process."""
    graph = find_definition(view, find_version(view, process_id, -1))[1]
    found = [first_buffered(view, name, correlation_key, process_id) for name, _ in started_by(graph)]
    return min((message for message in found if message is not None), key=lambda message: message.key, default=None)


def start_next(execution: Execution) -> Effects:
    """An instance has ended: if a message started it, the next with its correlation key may start another one."""
    correlation_key = execution.instance.correlation_key
    if not correlation_key or first_start(execution.view, execution.process_id, correlation_key) is None:
        return
    value = MessageStartEventSubscription(
        bpmn_process_id=execution.process_id, correlation_key=correlation_key, tenant_id=DEFAULT_TENANT
    )
    sent = command(START_SUBSCRIPTION, "CORRELATE", value, key=execution.instance_key)
    yield Send(partition=execution.view.partition, command=sent)
