"""The executable graph of a BPMN process: what `parse` makes of a model and processors read.

Element types carry the names that Zeebe writes on its log and that the Camunda 8 REST API shows.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from .feel import Expression

PROCESS = "PROCESS"
SUB_PROCESS = "SUB_PROCESS"
EVENT_SUB_PROCESS = "EVENT_SUB_PROCESS"
AD_HOC_SUB_PROCESS = "AD_HOC_SUB_PROCESS"
AD_HOC_SUB_PROCESS_INNER_INSTANCE = "AD_HOC_SUB_PROCESS_INNER_INSTANCE"
START_EVENT = "START_EVENT"
END_EVENT = "END_EVENT"
BOUNDARY_EVENT = "BOUNDARY_EVENT"
INTERMEDIATE_CATCH_EVENT = "INTERMEDIATE_CATCH_EVENT"
INTERMEDIATE_THROW_EVENT = "INTERMEDIATE_THROW_EVENT"
RECEIVE_TASK = "RECEIVE_TASK"
EVENT_BASED_GATEWAY = "EVENT_BASED_GATEWAY"
SERVICE_TASK = "SERVICE_TASK"
SEND_TASK = "SEND_TASK"
BUSINESS_RULE_TASK = "BUSINESS_RULE_TASK"
SCRIPT_TASK = "SCRIPT_TASK"
USER_TASK = "USER_TASK"
CALL_ACTIVITY = "CALL_ACTIVITY"
MULTI_INSTANCE_BODY = "MULTI_INSTANCE_BODY"
MANUAL_TASK = "MANUAL_TASK"
TASK = "TASK"
EXCLUSIVE_GATEWAY = "EXCLUSIVE_GATEWAY"
INCLUSIVE_GATEWAY = "INCLUSIVE_GATEWAY"
PARALLEL_GATEWAY = "PARALLEL_GATEWAY"
SEQUENCE_FLOW = "SEQUENCE_FLOW"


class Problem(Struct, frozen=True, kw_only=True):
    """Why a model is refused: where, and what to do about it. `line` counts from 1 in the file; 0 if unknown."""

    element_id: str
    element_type: str
    line: int
    message: str


class ModelRefused(ValueError):
    """The model cannot be deployed. `problems` lists every one of them; the message is all of them, a line each."""

    def __init__(self, resource_name: str, problems: tuple[Problem, ...]) -> None:
        self.resource_name = resource_name
        self.problems = problems
        lines = [f"- {p.element_type} '{p.element_id}' (line {p.line}): {p.message}" for p in problems]
        super().__init__(
            "\n".join([f"expected '{resource_name}' to be executable, got {len(problems)} problem(s):", *lines])
        )


class VariableMapping(Struct, frozen=True, kw_only=True):
    """One input or output mapping: the value of `source` goes to `target`, a variable name or a path of names."""

    source: Expression
    target: tuple[str, ...]


class Job(Struct, frozen=True, kw_only=True):
    """What makes an element a job: expressions evaluated when it is activated (static ones cost nothing)."""

    type: Expression
    retries: Expression
    headers: Mapping[str, str]
    #: None for 0
    priority: Expression | None = None


class Script(Struct, frozen=True, kw_only=True):
    """A script task with FEEL: the value of `expression` goes to the variable `result`."""

    expression: Expression
    result: str


class Binding(Struct, frozen=True, kw_only=True):
    """Which version of what an element names is meant. `type`: "latest", "deployment" or "versionTag"."""

    type: str
    version_tag: Expression | None = None


class CalledDecision(Struct, frozen=True, kw_only=True):
    """A decision that a business rule task has evaluated: its result goes to the variable `result`."""

    decision_id: Expression
    result: str
    binding: Binding


class CalledProcess(Struct, frozen=True, kw_only=True):
    """The process that a call activity starts an instance of, and whether all variables go in and come back.

    `business_id`: of the called instance; empty for none; None for that of the calling one.
    """

    process_id: Expression
    binding: Binding
    gets_all_variables: bool
    gives_all_variables: bool
    business_id: Expression | None


class AdHoc(Struct, frozen=True, kw_only=True):
    """What an ad-hoc sub-process does with the elements inside it.

    `activatable`: ids of those that can be begun; `description`: what workers are told about them, JSON.
    `active_elements`: ids of those that begin at its activation. It is over as soon as the completion condition is
    true, and ends what remains or waits for it; without one, when nothing is left. `output_element` of each activation
    goes to `output_collection`, a variable; empty if there is none.
    """

    activatable: frozenset[str]
    description: str
    active_elements: Expression | None = None
    completion_condition: Expression | None = None
    cancels_remaining: bool = True
    output_collection: str = ""
    output_element: Expression | None = None


class MultiInstance(Struct, frozen=True, kw_only=True):
    """An activity that is done once for each item of a list, all at once or one after the other.

    `input_element`: the variable that holds the item. `output_element` of each instance goes to `output_collection`, a
    variable; the names are empty if there are none. It is over as soon as the completion condition is true.
    """

    input_collection: Expression
    input_element: str = ""
    output_collection: str = ""
    output_element: Expression | None = None
    completion_condition: Expression | None = None
    is_sequential: bool = False


class LinkedForm(Struct, frozen=True, kw_only=True):
    """A deployed form, named by its id."""

    form_id: Expression
    binding: Binding


class UserTask(Struct, frozen=True, kw_only=True):
    """The attributes of a user task; `native` is false for the old job-based kind, whose `job` is set instead."""

    native: bool
    assignee: Expression | None
    candidate_groups: Expression | None
    candidate_users: Expression | None
    due_date: Expression | None
    follow_up_date: Expression | None
    priority: Expression | None
    headers: Mapping[str, str]
    form: LinkedForm | None = None
    external_form_reference: Expression | None = None


class Terminate(Struct, frozen=True, kw_only=True):
    """Ends everything in its scope."""


class Error(Struct, frozen=True, kw_only=True):
    """An error that is thrown or caught; without a code every error is caught."""

    code: Expression | None


class Timer(Struct, frozen=True, kw_only=True):
    """A point in time. `kind`: "date", "duration" or "cycle", which says how the value of `expression` is read."""

    kind: str
    expression: Expression


class Message(Struct, frozen=True, kw_only=True):
    """A message that is waited for. `correlation_key` is None for one that starts a process, whose name is static."""

    name: Expression
    correlation_key: Expression | None


class Escalation(Struct, frozen=True, kw_only=True):
    """An escalation that is thrown or caught; without a code every escalation is caught."""

    code: Expression | None


class Signal(Struct, frozen=True, kw_only=True):
    """A signal that is thrown or waited for; the name of one that starts a process is static."""

    name: Expression


class Link(Struct, frozen=True, kw_only=True):
    """A jump inside a scope. `target`: where the token goes on, on the event that throws it."""

    name: str
    target: str = ""


class Compensation(Struct, frozen=True, kw_only=True):
    """What has completed is undone.

    `activity`: what an event that throws has undone; empty for everything in its scope. `handler`: the activity that
    undoes the one that a boundary event is attached to.
    """

    activity: str = ""
    handler: str = ""


EventDefinition = Terminate | Error | Timer | Message | Signal | Escalation | Link | Compensation


class Flow(Struct, frozen=True, kw_only=True):
    """A sequence flow. `condition` is None when it is unconditional (or the default flow)."""

    id: str
    name: str
    source: str
    target: str
    condition: Expression | None


class Element(Struct, frozen=True, kw_only=True):
    """A flow element, or the process itself (its id is the process id and its `scope` is empty)."""

    id: str
    name: str
    type: str
    scope: str
    line: int
    incoming: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    default_flow: str = ""
    #: input and output mappings (zeebe:ioMapping), in document order
    inputs: tuple[VariableMapping, ...] = ()
    outputs: tuple[VariableMapping, ...] = ()
    job: Job | None = None
    script: Script | None = None
    decision: CalledDecision | None = None
    called: CalledProcess | None = None
    user_task: UserTask | None = None
    #: process and sub-process: the id of the none start event inside; event sub-process: of its only start event
    start: str = ""
    #: process: the ids of the start events that something happens at, in document order
    event_starts: tuple[str, ...] = ()
    #: what an event, or a receive task, throws or waits for; None for a none event
    event: EventDefinition | None = None
    #: boundary event and start event of an event sub-process: whether it ends what it belongs to
    interrupting: bool = True
    #: boundary event: where it is attached; activity: its boundary events in document order
    attached_to: str = ""
    boundaries: tuple[str, ...] = ()
    #: activity: whether it undoes another one; no flow leads to it
    for_compensation: bool = False
    #: process and sub-process: the start events of the event sub-processes inside, in document order
    handlers: tuple[str, ...] = ()
    #: ids of all elements that catch what an instance of this one waits for: itself, boundaries, handlers, or what
    #: follows an event-based gateway
    waits: tuple[str, ...] = ()
    #: ad-hoc sub-process: what it does with what is inside
    ad_hoc: AdHoc | None = None
    #: multi-instance activity: how it is repeated; its body, which tokens come to; what is inside, once for each item
    multi_instance: MultiInstance | None = None
    body: Element | None = None
    inner: Element | None = None


#: Scope id -> id of an inclusive gateway in it that joins -> id of an element from which tokens get to it without
#: passing through it -> over which of its flows: a sum of 1 << index in `incoming`.
InclusiveJoins = Mapping[str, Mapping[str, Mapping[str, int]]]


class Process(Struct, frozen=True, kw_only=True):
    """One executable process of a model. `elements` holds the process itself too, in document order."""

    id: str
    name: str
    version_tag: str
    elements: Mapping[str, Element]
    flows: Mapping[str, Flow]
    inclusive_joins: InclusiveJoins
    #: id of the form at its start, or empty
    start_form_id: str = ""

    @property
    def root(self) -> Element:
        return self.elements[self.id]

    def part(self, element_id: str, instance_type: str) -> Element:
        """What an element instance of this type is one of: of a multi-instance activity the body, or what is inside."""
        element = self.elements[element_id]
        part = element.body if instance_type == MULTI_INSTANCE_BODY else element.inner
        return part or element
