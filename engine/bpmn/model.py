"""The executable graph of a BPMN process: what `parse` makes of a model and processors read.

Element types carry the names that Zeebe writes on its log and that the Camunda 8 REST API shows.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from .feel import Expression

PROCESS = "PROCESS"
SUB_PROCESS = "SUB_PROCESS"
START_EVENT = "START_EVENT"
END_EVENT = "END_EVENT"
BOUNDARY_EVENT = "BOUNDARY_EVENT"
SERVICE_TASK = "SERVICE_TASK"
SEND_TASK = "SEND_TASK"
BUSINESS_RULE_TASK = "BUSINESS_RULE_TASK"
SCRIPT_TASK = "SCRIPT_TASK"
USER_TASK = "USER_TASK"
MANUAL_TASK = "MANUAL_TASK"
TASK = "TASK"
EXCLUSIVE_GATEWAY = "EXCLUSIVE_GATEWAY"
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


class Script(Struct, frozen=True, kw_only=True):
    """A script task with FEEL: the value of `expression` goes to the variable `result`."""

    expression: Expression
    result: str


class UserTask(Struct, frozen=True, kw_only=True):
    """The attributes of a user task; `native` is false for the old job-based kind, whose `job` is set instead."""

    native: bool
    assignee: Expression | None
    candidate_groups: Expression | None
    candidate_users: Expression | None
    due_date: Expression | None
    follow_up_date: Expression | None
    priority: Expression | None
    form_key: Expression | None
    headers: Mapping[str, str]
    form_id: Expression | None = None
    external_form_reference: Expression | None = None


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
    user_task: UserTask | None = None
    #: process and sub-process: the id of the none start event inside
    start: str = ""
    #: end event: terminates its scope
    terminate: bool = False
    #: error end event: the code it throws; error boundary event: the code it catches, None for every code
    error_code: Expression | None = None
    throws_error: bool = False
    catches_error: bool = False
    #: boundary event: where it is attached; activity: its boundary events in document order
    attached_to: str = ""
    boundaries: tuple[str, ...] = ()


class Process(Struct, frozen=True, kw_only=True):
    """One executable process of a model. `elements` holds the process itself too, in document order."""

    id: str
    name: str
    version_tag: str
    elements: Mapping[str, Element]
    flows: Mapping[str, Flow]

    @property
    def root(self) -> Element:
        return self.elements[self.id]
