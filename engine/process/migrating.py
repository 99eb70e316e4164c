"""One migration: what is alive in a process instance, what stands in the way, and the events by which it moves.

Rule: `problems` looks at everything and yields no event; `effects` refuses only what has to be evaluated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import structs

from engine.bpmn.ad_hoc import INNER_INSTANCE_SUFFIX
from engine.bpmn.ad_hoc_elements import VARIABLE
from engine.bpmn.migration import JOINING, Plan
from engine.bpmn.model import (
    AD_HOC_SUB_PROCESS,
    AD_HOC_SUB_PROCESS_INNER_INSTANCE,
    PROCESS,
    SUB_PROCESS,
    Element,
)
from engine.core.effects import Effects, Event
from engine.core.faults import EXCEEDED_LIMIT, Reject
from engine.core.state import key_tail

from . import work as kinds
from .compensations import below, migrated, undone_as
from .elements.user_task import task_value
from .events.waits import close_waits, move_waits, open_more
from .execution import Execution
from .job_records import job_value
from .joins import may_activate
from .migrating_work import moved_work, unmapped_work
from .tables import (
    ACTIVATED,
    ACTIVATING,
    CHILDREN,
    ELEMENT_INCIDENTS,
    ELEMENT_INSTANCES,
    HOLDS_COMPENSATIONS,
    HOLDS_INCIDENTS,
    HOLDS_JOINS,
    HOLDS_VARIABLES,
    HOLDS_WAITS,
    INCIDENTS,
    JOBS,
    JOINS,
    PAUSES,
    TERMINATING,
    USER_TASKS,
    VARIABLES,
    ElementInstance,
    IncidentRow,
)
from .variables import merge_local, migrate_variables
from .work import Work, decode_work, encode_work

#: Element instances that may wait, with an incident, to begin at elements whose ids the work names.
BEGINNING_INSIDE = (PROCESS, SUB_PROCESS, AD_HOC_SUB_PROCESS_INNER_INSTANCE)


class Migration:
    """An instance as `source` and as `target` see it, and a plan for both, which nothing is wrong with."""

    def __init__(
        self,
        source: Execution,
        target: Execution,
        plan: Plan,
        renewed: Collection[str] = frozenset(),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """`renewed`: elements of the source whose events wait anew. `variables`: name -> JSON text, set at the
        instance.

        Raises Reject EXCEEDED_LIMIT if more is alive than a step has room for.
        """
        self._view = source.view
        self._source = source
        self._target = target
        self._plan = plan
        self._renewed = renewed
        self._variables = dict(variables or {})
        self._alive = self._collect()
        pause = self._view.get(PAUSES, source.instance_key)
        self._pause = pause
        #: what an instance that pauses, or is suspended, has before it
        self._work = decode_work(pause.work) if pause is not None else []

    def _collect(self) -> list[tuple[int, ElementInstance]]:
        """All element instances, each after its scope."""
        view, limit = self._view, self._view.settings.migration_effects_max
        keys = [self._source.instance_key]
        alive: list[tuple[int, ElementInstance]] = []
        for key in keys:  # it grows meanwhile
            row = view.get(ELEMENT_INSTANCES, key)
            assert row is not None
            alive.append((key, row))
            keys += [key_tail(child) for child, _ in view.scan(CHILDREN, key, limit=limit)]
            if len(keys) > limit:
                raise self.too_large()
        return alive

    def too_large(self) -> Reject:
        """The refusal of an instance that has no room in one step."""
        limit = self._view.settings.migration_effects_max
        expected = f"expected process instance {self._source.instance_key} to migrate in one step of {limit} records"
        return Reject(
            EXCEEDED_LIMIT, f"{expected}, got more to do; let parts of it end, or raise process.migrationEffectsMax"
        )

    # what stands in the way

    def problems(self) -> list[str]:
        """Why the instance cannot move, each with what to do about it."""
        return list(dict.fromkeys(self._find_problems()))

    def _find_problems(self) -> Iterator[str]:
        active = dict.fromkeys(row.element_id.removesuffix(INNER_INSTANCE_SUFFIX) for _, row in self._alive)
        unmapped = [element_id for element_id in active if element_id not in self._plan.elements]
        for element_id in unmapped:
            yield f"expected '{element_id}', which is active, to be mapped, got no instruction; add one"
        for key, row in self._alive:
            if row.state == TERMINATING:
                yield f"expected '{row.element_id}' to be active, got it ending; migrate when it has ended"
            elif row.element_id in self._plan.elements:
                yield from self._problems_of(key, row)
        yield from unmapped_work(self._plan, self._work)
        for element_id in self._source.instance.terminate_after:
            if not self._end_of(element_id):
                yield f"expected '{element_id}', after which the instance is to end, to be mapped, got no instruction"

    def _problems_of(self, key: int, row: ElementInstance) -> Iterator[str]:
        for gateway, flow, _ in self._tokens(key, row):
            if gateway not in self._plan.elements:
                yield f"expected '{gateway}', where a token waits, to be mapped, got no instruction; add one"
            elif self._plan.flow_of(flow) is None:
                yield f"expected '{flow}', over which a token came, to be mapped, got no instruction; add one"
        for incident_key, incident in self._incidents(key, row):
            if incident.resume and self._moved(row, decode_work(incident.resume)[0]) is None:
                expected = f"expected what incident {incident_key} of '{row.element_id}' goes on with to be mapped"
                yield f"{expected}, got an element that is not; resolve the incident first"
        if row.holds & HOLDS_COMPENSATIONS:
            for _, undone in below(self._view, key):
                if undone_as(self._plan, undone) is None:
                    yield (
                        f"expected what undoes '{undone.activity_id}', which has completed, to be mapped, got no "
                        "instruction; map its compensation boundary event, or the sub-process that it is"
                    )

    def _tokens(self, key: int, row: ElementInstance) -> Iterator[tuple[str, str, int]]:
        """The gateways of a scope where tokens wait, the flow that they came over, and how many."""
        if row.holds & HOLDS_JOINS:
            scope = row.element_id.removesuffix(INNER_INSTANCE_SUFFIX)
            for gateway in self._source.graph.elements.values():
                if gateway.scope == scope and gateway.type in JOINING:
                    counts = ((flow, self._view.get(JOINS, key, gateway.id, flow)) for flow in gateway.incoming)
                    yield from ((gateway.id, flow, count) for flow, count in counts if count)

    def _incidents(self, key: int, row: ElementInstance) -> Iterator[tuple[int, IncidentRow]]:
        if row.holds & HOLDS_INCIDENTS:
            for row_key, _ in self._view.scan(ELEMENT_INCIDENTS, key):
                incident = self._view.get(INCIDENTS, key_tail(row_key))
                if incident is not None:
                    yield key_tail(row_key), incident

    def _moved(self, row: ElementInstance, work: Work) -> Work | None:
        """What an incident goes on with, in terms of the target. None: that cannot be told."""
        if work.kind == kinds.HAPPENED:
            caught = self._plan.elements.get(work.element_id)
            return structs.replace(work, element_id=caught) if caught is not None else None
        if work.kind == kinds.RESUME_ACTIVATION and work.data and row.element_type in BEGINNING_INSIDE:
            return None
        return work

    def _end_of(self, element_id: str) -> str:
        """The target of an element after which the instance is to end; as such it need not be mapped."""
        target_id = self._plan.elements.get(element_id, element_id)
        return target_id if target_id in self._target.graph.elements else ""

    # what happens

    def terminate_after(self) -> tuple[str, ...]:
        """The ids of the elements whose end ends the instance from now on."""
        return tuple(self._end_of(element_id) for element_id in self._source.instance.terminate_after)

    def joins(self) -> list[Work]:
        """Inclusive gateways at which tokens wait: it may be that no other can come any more."""
        found: list[Work] = []
        for key, row in self._alive:
            scope = self._plan.elements[row.element_id].removesuffix(INNER_INSTANCE_SUFFIX)
            gateways = self._target.graph.inclusive_joins.get(scope, ()) if row.holds & HOLDS_JOINS else ()
            for name in gateways:
                if may_activate(self._target, self._target.graph.elements[name], key):
                    found.append(Work(kinds.JOIN, key, name))
        return found

    def effects(self) -> Effects:
        """The events of all that moves. Raises Reject INVALID_STATE if what is waited for cannot be evaluated."""
        for key, row in self._alive:
            element_id = self._plan.elements[row.element_id]
            had = self._source.element_of(row)
            has = self._target.graph.part(element_id, row.element_type)
            kept = self._kept(had, has)
            gone = [name for name in had.waits if name not in kept]
            if gone:
                yield from close_waits(self._source, key, row, gone)
            yield self._target.migrated(key, row, element_id)
            yield from self._move_tokens(key, row)
            yield from self._move_work(row, element_id)
            yield from self._move_incidents(key, row, element_id)
            yield from self._move_variables(key, row, has)
            if key == self._source.instance_key:  # the first: what is evaluated from here on sees them
                yield from merge_local(self._view, key, self._variables, self._target.process_id)
            yield from self._move_waits(key, row, has, kept)
        if self._pause is not None and self._work:
            moved = encode_work(moved_work(self._plan, self._work))
            yield self._target.continuation("PAUSED", structs.replace(self._pause, work=moved))

    def _kept(self, had: Element, has: Element) -> dict[str, Element]:
        """What an element instance goes on waiting for: what caught it, and what does so now."""
        caught = ((name, self._plan.elements.get(name)) for name in had.waits if name not in self._renewed)
        return {name: self._target.graph.elements[now] for name, now in caught if now is not None and now in has.waits}

    def _move_tokens(self, key: int, row: ElementInstance) -> Effects:
        moves: list[tuple[str, str, int]] = []
        for gateway, flow, count in self._tokens(key, row):
            now_gateway, now_flow = self._plan.elements[gateway], self._plan.flow_of(flow)
            assert now_flow is not None
            if (now_gateway, now_flow) != (gateway, flow):
                moves.append((now_gateway, now_flow, count))
                for _ in range(count):
                    yield self._source.not_taken(flow, key, gateway)
        for gateway, flow, count in moves:
            for _ in range(count):
                yield self._target.taken(flow, key, gateway)

    def _move_work(self, row: ElementInstance, element_id: str) -> Effects:
        """Its job or its user task, with whoever has it."""
        if row.work_key <= 0:
            return
        job, task = self._view.get(JOBS, row.work_key), self._view.get(USER_TASKS, row.work_key)
        if job is not None:
            value = job_value(self._view, job)
            yield Event(value_type="JOB", intent="MIGRATED", key=row.work_key, value=value)
        elif task is not None:
            about = task_value(self._target, task, element_id)
            yield Event(value_type="USER_TASK", intent="MIGRATED", key=row.work_key, value=about)

    def _move_incidents(self, key: int, row: ElementInstance, element_id: str) -> Effects:
        for incident_key, incident in self._incidents(key, row):
            resume = self._moved(row, decode_work(incident.resume)[0]) if incident.resume else None
            yield self._target.incident_migrated(incident_key, incident, element_id, resume)
        if row.holds & HOLDS_COMPENSATIONS:
            for subscription_key, undone in below(self._view, key):
                moved = undone_as(self._plan, undone)
                assert moved is not None
                yield migrated(self._target, subscription_key, moved)

    def _move_variables(self, key: int, row: ElementInstance, has: Element) -> Effects:
        if not row.holds & HOLDS_VARIABLES:
            return
        owner = structs.replace(row, process_definition_key=self._target.definition_key)
        yield from migrate_variables(self._view, key, owner, self._target.process_id)
        told = self._view.get(VARIABLES, key, VARIABLE) if row.element_type == AD_HOC_SUB_PROCESS else None
        if told is not None and has.ad_hoc is not None:
            yield from merge_local(self._view, key, {VARIABLE: has.ad_hoc.description}, self._target.process_id)

    def _move_waits(self, key: int, row: ElementInstance, has: Element, kept: dict[str, Element]) -> Effects:
        """An instance that has not come to wait yet will do so by itself; one that completes waits for nothing new."""
        waits = bool(row.holds & HOLDS_WAITS)
        if waits and kept:
            yield from move_waits(self._target, key, kept)
        if row.state == ACTIVATED or (row.state == ACTIVATING and waits):
            known = {element.id for element in kept.values()}
            closed = has.handlers if row.interrupted else ()
            new = [name for name in has.waits if name not in known and name not in closed]
            yield from open_more(self._target, key, new)
