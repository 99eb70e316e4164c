"""One process instance in one step: a stack of work, performed depth-first until every token waits.

Owns the stack, its pause, and the records of element instances (Zeebe's ELEMENT_ACTIVATING … ELEMENT_TERMINATED).
A step is bounded: what is left is PAUSED on the log and taken up by a CONTINUE that the partition sends itself (design
law 11). What a piece of work does is told in `lifecycle`, what an element does in `elements/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator

from msgspec import structs

from engine.bpmn.model import EVENT_SUB_PROCESS, PROCESS, SEQUENCE_FLOW, Element, Process
from engine.core.effects import Effect, Effects, Event, Send
from engine.core.faults import NOT_FOUND, Reject
from engine.core.record import DEFAULT_TENANT, NONE, command
from engine.core.state import View
from engine.records import Incident, ProcessInstance, ProcessInstanceContinuation

from . import work as kinds
from .definitions import find_definition
from .tables import ELEMENT_INSTANCES, INSTANCES, Definition, ElementInstance, IncidentRow, Instance, Pause
from .work import Work, encode_work

#: Characters of an incident's message, which may quote values of any size.
INCIDENT_MESSAGE_LENGTH_MAX = 10_000

#: The process instance and the call activity that a process instance was called by.
Caller = tuple[int, int]
NO_CALLER: Caller = (NONE, NONE)

#: Effects that end by telling whether one may go on.
Deciding = Generator[Effect, "Reject | None", bool]


class Execution:
    """The work of one step on one process instance. With `answers`, its next lifecycle record answers the command."""

    def __init__(
        self,
        view: View,
        instance_key: int,
        definition_key: int,
        found: tuple[Definition, Process],
        root_key: int = NONE,
        answers: bool = False,
        caller: Caller = NO_CALLER,
    ) -> None:
        self.view = view
        self.instance_key = instance_key
        self.definition_key = definition_key
        self.definition, self.graph = found
        self.process_id = self.definition.bpmn_process_id
        self.root_key = instance_key if root_key == NONE else root_key
        self.answers = answers
        self.caller = caller
        self.stack: list[Work] = []
        self.round = 0
        #: scopes that are terminating and whose last children are on the stack, or gone
        self.emptied: set[int] = set()
        #: whether the work on top of the stack waits for called instances to end
        self.waits = False
        #: effort of this step that leaves no effects, as many effects as take as long
        self.spent = 0
        #: whether the process instance is gone
        self.ended = False
        #: the process instance that it begins again
        self.restarted = NONE
        #: whether instances that it has called go on when it is terminated
        self.skips_subprocesses = False
        self._tokens: Counter[int] = Counter()
        self._values: dict[int, ProcessInstance] = {}
        self._instance: Instance | None = None

    @property
    def instance(self) -> Instance:
        """What the instance got besides variables, as it was when it was first asked for."""
        if self._instance is None:
            self._instance = self.view.get(INSTANCES, self.instance_key) or Instance()
        return self._instance

    @instance.setter
    def instance(self, instance: Instance) -> None:
        self._instance = instance

    def element_of(self, row: ElementInstance) -> Element:
        """What the element instance is one of."""
        return self.graph.part(row.element_id, row.element_type)

    # the stack

    def push(self, *works: Work) -> None:
        """Put work on the stack: the first given is performed first."""
        for work in reversed(works):
            self.stack.append(work)
            if work.kind in kinds.TOKENS:
                self._tokens[work.key] += 1

    def pop(self) -> Work:
        work = self.stack.pop()
        if work.kind in kinds.TOKENS:
            self._tokens[work.key] -= 1
        return work

    def has_tokens(self, scope_key: int) -> bool:
        """Whether a token is on its way to an element of the scope."""
        return self._tokens[scope_key] > 0

    def on_their_way(self, scope_key: int) -> Iterator[str]:
        """The elements of the scope that tokens are on their way to."""
        if self.has_tokens(scope_key):
            yield from (work.element_id for work in self.stack if work.kind in kinds.TOKENS and work.key == scope_key)

    def forget_tokens(self, scope_key: int) -> None:
        """Tokens on their way in a scope that ends are gone."""
        if self._tokens.pop(scope_key, 0) > 0:
            self.stack = [work for work in self.stack if work.kind not in kinds.TOKENS or work.key != scope_key]

    def is_ending(self, key: int) -> bool:
        """Whether work on the stack will terminate the element instance."""
        return any(work.kind == kinds.TERMINATE and work.key == key for work in self.stack)

    def is_taken_over(self, scope_key: int) -> bool:
        """Whether an interrupting event sub-process is on its way to take the scope over."""
        return any(
            work.kind == kinds.ACTIVATE
            and work.key == scope_key
            and self._interrupts(self.graph.elements[work.element_id])
            for work in self.stack
        )

    def _interrupts(self, element: Element) -> bool:
        return element.type == EVENT_SUB_PROCESS and self.graph.elements[element.start].interrupting

    def wait(self, work: Work) -> None:
        """This work, and whatever is below it, waits until called instances have ended."""
        self.stack.append(work)
        self.waits = True

    def pause(self, at_end: Work | None) -> Effects:
        """Keep the stack on the log, with `at_end` as its last piece, and go on in a later step."""
        if at_end is not None:
            self.stack.insert(0, at_end)
        pause = Pause(token=self.view.next_key(), round=self.round + 1, work=encode_work(self.stack), waits=self.waits)
        yield self.continuation("PAUSED", pause)
        if not pause.waits:
            yield self.continue_later(pause.token)

    def continuation(self, intent: str, pause: Pause) -> Event:
        value = ProcessInstanceContinuation(
            process_instance_key=self.instance_key,
            token=pause.token,
            round=pause.round,
            work=pause.work,
            waits=pause.waits,
        )
        return Event(value_type="PROCESS_INSTANCE_CONTINUATION", intent=intent, key=pause.token, value=value)

    def continue_later(self, token: int) -> Send:
        """The command by which the partition takes up the pause with this token."""
        value = ProcessInstanceContinuation(process_instance_key=self.instance_key, token=token)
        sent = command("PROCESS_INSTANCE_CONTINUATION", "CONTINUE", value, key=token)
        return Send(partition=self.view.partition, command=sent)

    # records

    def _value(self, element_id: str, element_type: str, scope_key: int, joining_gateway: str = "") -> ProcessInstance:
        parent, call = self.caller if element_type == PROCESS else NO_CALLER
        return ProcessInstance(
            process_instance_key=self.instance_key,
            process_definition_key=self.definition_key,
            bpmn_process_id=self.process_id,
            bpmn_version=self.definition.bpmn_version,
            element_id=element_id,
            element_type=element_type,
            flow_scope_key=scope_key,
            root_process_instance_key=self.root_key,
            parent_process_instance_key=parent,
            parent_element_instance_key=call,
            joining_gateway=joining_gateway,
            tenant_id=DEFAULT_TENANT,
        )

    def _event(self, intent: str, key: int, value: ProcessInstance) -> Event:
        answers, self.answers = self.answers, False
        return Event(value_type="PROCESS_INSTANCE", intent=intent, key=key, value=value, answers=answers)

    def activating(self, element: Element, key: int, scope_key: int, loop_counter: int = 0) -> Event:
        """A new element instance; `loop_counter`: its number in a multi-instance body."""
        first = value = self._values[key] = self._value(element.id, element.type, scope_key)
        if loop_counter or self._interrupts(element):
            first = structs.replace(value, interrupts_scope=self._interrupts(element), loop_counter=loop_counter)
        return self._event("ELEMENT_ACTIVATING", key, first)

    def starting(self) -> Event:
        """The new process instance."""
        key = self.instance_key
        value = self._values[key] = self._value(self.graph.id, PROCESS, NONE)
        first = structs.replace(
            value,
            tags=self.instance.tags,
            business_id=self.instance.business_id,
            restarted_process_instance_key=self.restarted,
        )
        return self._event("ELEMENT_ACTIVATING", key, first)

    def lifecycle(self, intent: str, key: int, row: ElementInstance | None = None) -> Event:
        """A later event in the life of an element instance; `row` is needed for one of an earlier step."""
        value = self._values.get(key)
        if value is None:
            row = row or self.view.get(ELEMENT_INSTANCES, key)
            assert row is not None
            value = self._values[key] = self._value(row.element_id, row.element_type, row.scope_key)
        return self._event(intent, key, value)

    def terminating(self, key: int, row: ElementInstance) -> Event:
        """An element instance is ending."""
        event = self.lifecycle("ELEMENT_TERMINATING", key, row)
        if row.element_type == PROCESS and self.skips_subprocesses:
            return structs.replace(event, value=structs.replace(self._values[key], skip_subprocesses=True))
        return event

    def detached(self) -> Event:
        """This instance, which another one called, is a root from now on."""
        event = self.lifecycle("DETACHED", self.instance_key)
        value = structs.replace(self._values[self.instance_key], root_process_instance_key=self.instance_key)
        return structs.replace(event, value=value)

    def taken(self, flow_id: str, scope_key: int, joining_gateway: str) -> Event:
        """A token went over a sequence flow."""
        value = self._value(flow_id, SEQUENCE_FLOW, scope_key, joining_gateway)
        return self._event("SEQUENCE_FLOW_TAKEN", self.view.next_key(), value)

    def not_taken(self, flow_id: str, scope_key: int, joining_gateway: str) -> Event:
        """A token that waits at a gateway is there no longer."""
        value = self._value(flow_id, SEQUENCE_FLOW, scope_key, joining_gateway)
        return self._event("SEQUENCE_FLOW_DELETED", self.view.next_key(), value)

    def migrated(self, key: int, row: ElementInstance, element_id: str) -> Event:
        """An element instance is one of this definition now; `row`: as it was."""
        value = self._values[key] = self._value(element_id, row.element_type, row.scope_key)
        source = {"source_process_definition_key": row.process_definition_key, "source_element_id": row.element_id}
        return self._event("ELEMENT_MIGRATED", key, structs.replace(value, **source))

    def incident(
        self, key: int, error_type: str, message: str, *, resume: Work | None = None, job_key: int = NONE
    ) -> Event:
        """An incident of an element instance; `resume` is performed when it is resolved."""
        row = self.view.get(ELEMENT_INSTANCES, key)
        value = self._incident(key, row.element_id if row else "", error_type, message, job_key, resume)
        return Event(value_type="INCIDENT", intent="CREATED", key=self.view.next_key(), value=value)

    def incident_gone(self, incident_key: int, key: int, element_id: str) -> Event:
        """An incident is resolved because its element instance is gone."""
        value = self._incident(key, element_id, "", "", NONE, None)
        return Event(value_type="INCIDENT", intent="RESOLVED", key=incident_key, value=value)

    def incident_migrated(self, incident_key: int, row: IncidentRow, element_id: str, resume: Work | None) -> Event:
        """An incident is one of this definition now."""
        value = self._incident(row.element_instance_key, element_id, row.error_type, "", row.job_key, resume)
        return Event(value_type="INCIDENT", intent="MIGRATED", key=incident_key, value=value)

    def _incident(
        self, key: int, element_id: str, error_type: str, message: str, job_key: int, resume: Work | None
    ) -> Incident:
        return Incident(
            error_type=error_type,
            error_message=message[:INCIDENT_MESSAGE_LENGTH_MAX],
            process_instance_key=self.instance_key,
            process_definition_key=self.definition_key,
            bpmn_process_id=self.process_id,
            element_id=element_id,
            element_instance_key=key,
            job_key=job_key,
            root_process_instance_key=self.root_key,
            resume=encode_work([resume]) if resume else b"",
            tenant_id=DEFAULT_TENANT,
        )


def open_execution(view: View, instance_key: int, *, answers: bool = False) -> Execution:
    """The execution of a living process instance. Raises Reject NOT_FOUND."""
    row = view.get(ELEMENT_INSTANCES, instance_key)
    if row is None or row.element_type != PROCESS:
        raise Reject(NOT_FOUND, f"expected a running process instance, got {instance_key}; it may have ended")
    found = find_definition(view, row.process_definition_key)
    caller = (row.parent_process_instance_key, row.parent_element_instance_key)
    return Execution(
        view, instance_key, row.process_definition_key, found, row.root_process_instance_key, answers, caller
    )
