"""The tables of process instances and their rows. Appliers write them, processors read them."""

from __future__ import annotations

from msgspec import Struct, structs

from engine.bpmn.job_priority import JOB_PRIORITY_MAX
from engine.core.record import NONE
from engine.core.state import State, Table, View

# Where an element instance stands.
ACTIVATING = "ACTIVATING"
ACTIVATED = "ACTIVATED"
COMPLETING = "COMPLETING"
TERMINATING = "TERMINATING"

# What an element instance may hold besides children.
HOLDS_VARIABLES = 1
HOLDS_INCIDENTS = 2
HOLDS_JOINS = 4
HOLDS_WAITS = 8
HOLDS_COMPENSATIONS = 16

# Where a job stands.
ACTIVATABLE = "ACTIVATABLE"
TAKEN = "ACTIVATED"
FAILED = "FAILED"
BACKOFF = "BACKOFF"
ERROR_THROWN = "ERROR_THROWN"
SUSPENDED = "SUSPENDED"

# What is held while its process instance is suspended.
HELD_JOB = "JOB"
HELD_TIMER = "TIMER"
HELD_MESSAGE = "MESSAGE"


class Definition(Struct, frozen=True, kw_only=True, array_like=True):
    """A process definition; its file is in DEFINITION_RESOURCES."""

    bpmn_process_id: str
    bpmn_version: int
    version_tag: str
    checksum: bytes
    deployment_key: int


class PendingDeployment(Struct, frozen=True, kw_only=True, array_like=True):
    """A deployment that some partitions do not hold yet, and who waits for it."""

    request: str
    missing: tuple[int, ...]


class ElementInstance(Struct, frozen=True, kw_only=True, array_like=True):
    """A living element instance; the process instance itself is one, with `scope_key` NONE."""

    element_id: str
    element_type: str
    state: str
    scope_key: int
    process_instance_key: int
    process_definition_key: int
    root_process_instance_key: int
    parent_process_instance_key: int = NONE
    parent_element_instance_key: int = NONE
    #: the job, user task or called process instance that it waits for
    work_key: int = NONE
    #: what was ever kept under its key (a sum of HOLDS_…): nothing else need be looked for when it ends
    holds: int = 0
    #: whether an event sub-process interrupted the scope: nothing else in it can be triggered
    interrupted: bool = False
    #: ad-hoc sub-process: whether nothing more is to begin in it
    fulfilled: bool = False
    #: process instance: how many calls are above it
    depth: int = 0
    #: process instance: whether those that it has called go on when it is terminated
    skips_subprocesses: bool = False
    #: inside a multi-instance body: its number there, from 1
    loop_counter: int = 0


class Instance(Struct, frozen=True, kw_only=True, array_like=True):
    """What a process instance got at its creation, or later, besides variables; only there if it got something."""

    tags: tuple[str, ...] = ()
    business_id: str = ""
    #: ids of elements whose end ends the instance
    terminate_after: tuple[str, ...] = ()
    #: whether PROCESS_INSTANCE_RESULT is to be written at the end, for whom, and with which variables
    awaited: bool = False
    request: str = ""
    fetch_variables: tuple[str, ...] = ()
    #: of the message that started it: no other message with this key starts one until it has ended
    correlation_key: str = ""


class Variable(Struct, frozen=True, kw_only=True, array_like=True):
    """A variable of a scope; `value` is JSON text."""

    key: int
    name: str
    value: str


class JobRow(Struct, frozen=True, kw_only=True, array_like=True):
    """A job that is not finished."""

    type: str
    state: str
    retries: int
    element_instance_key: int
    process_instance_key: int
    priority: int = 0
    worker: str = ""
    deadline: int = NONE
    custom_headers: str = ""
    incident_key: int = NONE
    tags: tuple[str, ...] = ()
    business_id: str = ""


class UserTaskRow(Struct, frozen=True, kw_only=True, array_like=True):
    """A user task that is not finished."""

    element_instance_key: int
    process_instance_key: int
    name: str
    assignee: str
    candidate_groups: tuple[str, ...]
    candidate_users: tuple[str, ...]
    due_date: str
    follow_up_date: str
    priority: int
    form_key: int
    external_form_reference: str
    custom_headers: str
    tags: tuple[str, ...]
    business_id: str


class IncidentRow(Struct, frozen=True, kw_only=True, array_like=True):
    """An open incident. `resume` is the work to take up when it is resolved (msgpack of Work), or empty."""

    error_type: str
    element_instance_key: int
    process_instance_key: int
    job_key: int
    resume: bytes


class TimerRow(Struct, frozen=True, kw_only=True, array_like=True):
    """A timer that is not due yet; fields as in its record. The timer of a start event has no element instance."""

    element_instance_key: int
    process_instance_key: int
    process_definition_key: int
    target_element_id: str
    due_date: int
    repetitions: int
    interval: str


class Pause(Struct, frozen=True, kw_only=True, array_like=True):
    """Work of a process instance that did not fit a step, or that waits: for called instances, or to be resumed."""

    token: int
    round: int
    work: bytes
    #: no CONTINUE is on its way: the end of what was called sends it
    waits: bool = False
    #: the instance is suspended: nothing is taken up until it is resumed
    suspended: bool = False


class Held(Struct, frozen=True, kw_only=True, array_like=True):
    """What would have happened in a suspended process instance; `host`: the element instance that waits for it."""

    kind: str
    host: int


#: (definition key,)
DEFINITIONS = Table(20, "DEFINITIONS", Definition)
#: (definition key,) -> the file
DEFINITION_RESOURCES = Table(21, "DEFINITION_RESOURCES", bytes)
#: (BPMN process id, version) -> definition key
DEFINITION_VERSIONS = Table(22, "DEFINITION_VERSIONS", int)
#: (BPMN process id,) -> latest version
LATEST_VERSIONS = Table(23, "LATEST_VERSIONS", int)
#: (deployment key,)
PENDING_DEPLOYMENTS = Table(24, "PENDING_DEPLOYMENTS", PendingDeployment)
#: (element instance key,)
ELEMENT_INSTANCES = Table(25, "ELEMENT_INSTANCES", ElementInstance)
#: (scope key, element instance key) -> True
CHILDREN = Table(26, "CHILDREN", bool)
#: (scope key, name)
VARIABLES = Table(27, "VARIABLES", Variable)
#: (job key,)
JOBS = Table(28, "JOBS", JobRow)
#: (job type, JOB_PRIORITY_MAX - priority, job key) -> True: in the order in which they are activated
ACTIVATABLE_JOBS = Table(29, "ACTIVATABLE_JOBS", bool)
#: (incident key,)
INCIDENTS = Table(30, "INCIDENTS", IncidentRow)
#: (element instance key, incident key) -> True
ELEMENT_INCIDENTS = Table(31, "ELEMENT_INCIDENTS", bool)
#: (scope key, gateway id, flow id) -> tokens that wait there
JOINS = Table(32, "JOINS", int)
#: (process instance key,)
PAUSES = Table(33, "PAUSES", Pause)
#: (user task key,)
USER_TASKS = Table(34, "USER_TASKS", UserTaskRow)
#: (process instance key,)
INSTANCES = Table(35, "INSTANCES", Instance)
#: (BPMN process id, business id, process instance key) -> True
BUSINESS_IDS = Table(36, "BUSINESS_IDS", bool)
#: (BPMN process id, version tag) -> key of the latest definition with it
DEFINITION_TAGS = Table(37, "DEFINITION_TAGS", int)
#: (timer key,)
TIMERS = Table(38, "TIMERS", TimerRow)
#: (element instance key, or definition key of a start event, timer key) -> True
TIMERS_OF = Table(39, "TIMERS_OF", bool)
#: (process instance key, key of a job, a timer or a message subscription)
HELD = Table(44, "HELD", Held)
#: (BPMN process id, deployment key) -> key of the version that came with it
DEFINITION_DEPLOYMENTS = Table(70, "DEFINITION_DEPLOYMENTS", int)


def is_suspended(view: View | State, instance_key: int) -> bool:
    """Whether the process instance is suspended."""
    pause = view.get(PAUSES, instance_key)
    return pause is not None and pause.suspended


def hold(state: State, instance_key: int, kind: str, host: int, key: int) -> None:
    """For appliers: it happens when the process instance is resumed."""
    state.put(HELD, instance_key, key, value=Held(kind=kind, host=host))


def queue_job(state: State, key: int, row: JobRow) -> None:
    """For appliers: workers can activate the job, those with a higher priority before it."""
    state.put(ACTIVATABLE_JOBS, row.type, JOB_PRIORITY_MAX - row.priority, key, value=True)


def dequeue_job(state: State, key: int, row: JobRow) -> None:
    """For appliers: workers cannot activate the job any more."""
    state.delete(ACTIVATABLE_JOBS, row.type, JOB_PRIORITY_MAX - row.priority, key)


def mark_holder(state: State, key: int, kind: int) -> None:
    """For appliers: from now on the element instance may hold rows of this kind."""
    row = state.get(ELEMENT_INSTANCES, key)
    if row is not None and not row.holds & kind:
        state.put(ELEMENT_INSTANCES, key, value=structs.replace(row, holds=row.holds | kind))
