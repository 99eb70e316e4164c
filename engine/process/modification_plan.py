"""What a modification means for one process instance: which element instances end, and what begins where.

All that is wrong is told at once, and before anything happens. Element instances are those that live when the command
is decided: what it begins itself is not moved or ended by it.
Sources: Zeebe's processor of process instance modifications; Camunda 7, "Process Instance Modification".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from engine.bpmn.model import (
    AD_HOC_SUB_PROCESS,
    BOUNDARY_EVENT,
    EVENT_SUB_PROCESS,
    MULTI_INSTANCE_BODY,
    PROCESS,
    START_EVENT,
    SUB_PROCESS,
    Element,
    Process,
)
from engine.core.faults import EXCEEDED_LIMIT, Reject
from engine.core.record import NONE
from engine.core.state import View, key_tail
from engine.records import ProcessInstanceModification
from engine.records.process_instance_modification import (
    ActivateInstruction,
    MoveInstruction,
    VariableInstruction,
)

from .execution import Execution
from .tables import CHILDREN, ELEMENT_INSTANCES, HOLDS_JOINS, JOINS, TERMINATING, ElementInstance

#: Element instances of a process instance that can be modified, and tokens that one modification begins.
ELEMENT_INSTANCES_MAX = 10_000
ACTIVATIONS_MAX = 1_000
INSTRUCTIONS_MAX = 1_000

DIRECT, INFERRED, SOURCE_PARENT = "direct", "inferred", "sourceParent"
ANCESTOR_TYPES = ("", DIRECT, INFERRED, SOURCE_PARENT)
#: Where tokens can begin by hand.
OPEN_SCOPES = (PROCESS, SUB_PROCESS, EVENT_SUB_PROCESS)
#: What no token can begin before.
CLOSED = (PROCESS, START_EVENT, BOUNDARY_EVENT, EVENT_SUB_PROCESS)


class Beginning(Struct, frozen=True):
    """A token for `element_id` in the living scope `scope_key`; scopes between them begin with it."""

    scope_key: int
    element_id: str
    variables: tuple[VariableInstruction, ...]


class Plan(Struct, frozen=True):
    """`ends`: the outermost element instances that end; the process instance itself, if nothing would be left."""

    ends: tuple[int, ...]
    begins: tuple[Beginning, ...]


class Living:
    """The living element instances of a process instance, the process itself among them."""

    def __init__(self, view: View, instance_key: int) -> None:
        """Raises Reject EXCEEDED_LIMIT."""
        self._view = view
        self.instance_key = instance_key
        self.rows: dict[int, ElementInstance] = {}
        self.children: dict[int, list[int]] = {}
        waiting = [instance_key]
        while waiting:
            key = waiting.pop()
            row = view.get(ELEMENT_INSTANCES, key)
            if row is None:
                continue
            self.rows[key] = row
            found = view.scan(CHILDREN, key, limit=ELEMENT_INSTANCES_MAX + 1)
            self.children[key] = [key_tail(child) for child, _ in found]
            waiting += self.children[key]
            if len(self.rows) + len(waiting) > ELEMENT_INSTANCES_MAX:
                expected = f"expected at most {ELEMENT_INSTANCES_MAX} active element instances in {instance_key}"
                raise Reject(EXCEEDED_LIMIT, f"{expected}, got more; it is too large to be modified")

    def of_element(self, element_id: str) -> list[int]:
        """Its instances in the order of their keys; of a multi-instance activity its bodies."""
        found = [key for key, row in self.rows.items() if row.element_id == element_id and self._is_movable(row)]
        return sorted(found)

    def _is_movable(self, row: ElementInstance) -> bool:
        return row.state != TERMINATING and not row.loop_counter and row.scope_key != NONE

    def around(self, key: int) -> Iterator[int]:
        """The element instance, and those around it, the innermost first."""
        while key != NONE:
            yield key
            key = self.rows[key].scope_key

    def waits(self, key: int) -> bool:
        """Whether tokens wait at a join of the scope."""
        return bool(self.rows[key].holds & HOLDS_JOINS) and bool(self._view.scan(JOINS, key, limit=1))


class Planner:
    """Makes a plan of a modification, or a list of what is wrong with it."""

    def __init__(self, execution: Execution, wish: ProcessInstanceModification) -> None:
        self._graph: Process = execution.graph
        self._wish = wish
        self.living = Living(execution.view, execution.instance_key)
        self.problems = list(problems_of(wish, self._graph))
        self._ending: set[int] = set()
        self._begins: list[Beginning] = []

    def plan(self) -> Plan:
        """What is to happen; only right if there are no `problems` then."""
        if not self.problems:
            moved = [(instruction, self._moved(instruction)) for instruction in self._wish.move_instructions]
            self._ending |= {key for _, keys in moved for key in keys} | self._terminated()
            for instruction, keys in moved:
                for key in keys:
                    self._begin_for(instruction, key)
            for each in self._wish.activate_instructions:
                element_id = target_of(each, self._graph)
                base = self._direct(element_id, each.ancestor_element_instance_key)
                self._begin(base, element_id, each.variable_instructions)
            if len(self._begins) > ACTIVATIONS_MAX:
                self.problems.append(f"expected at most {ACTIVATIONS_MAX} tokens to begin, got {len(self._begins)}")
        return Plan(self._outermost(), tuple(self._begins))

    # what ends

    def _moved(self, instruction: MoveInstruction) -> list[int]:
        if instruction.source_element_instance_key != NONE:
            return self._by_key(instruction.source_element_instance_key)
        keys = self.living.of_element(instruction.source_element_id)
        if not keys:
            self.problems.append(f"expected '{instruction.source_element_id}' to be active, got no instance to move")
        return keys

    def _terminated(self) -> set[int]:
        found: set[int] = set()
        for instruction in self._wish.terminate_instructions:
            if instruction.element_instance_key != NONE:
                found.update(self._by_key(instruction.element_instance_key))
            else:  # as in Camunda 7, what is not active need not be ended
                found.update(self.living.of_element(instruction.element_id))
        return found

    def _by_key(self, key: int) -> list[int]:
        row = self.living.rows.get(key)
        if row is None or row.state == TERMINATING or row.scope_key == NONE:
            self.problems.append(f"expected an active element instance of {self.living.instance_key}, got {key}")
            return []
        return [key]

    def _is_ending(self, key: int) -> bool:
        return any(outer in self._ending for outer in self.living.around(key))

    def _outermost(self) -> tuple[int, ...]:
        """What ends takes the scopes with it in which nothing is left."""
        begun = {begin.scope_key for begin in self._begins}
        ending, rows = set(self._ending), self.living.rows
        waiting = sorted(ending, reverse=True)
        while waiting:
            scope = rows[waiting.pop()].scope_key
            if scope == NONE or scope in ending or scope in begun or self.living.waits(scope):
                continue
            if ending.issuperset(self.living.children[scope]):
                ending.add(scope)
                waiting.append(scope)
        return tuple(key for key in sorted(ending) if rows[key].scope_key not in ending)

    # what begins

    def _begin_for(self, instruction: MoveInstruction, source: int) -> None:
        kind, target = instruction.ancestor_scope_type or DIRECT, instruction.target_element_id
        if kind == DIRECT:
            base = self._direct(target, instruction.ancestor_element_instance_key)
        elif kind == INFERRED:
            base = next((key for key in self.living.around(source) if self._holds(key, target)), None)
        else:
            base = self.living.rows[source].scope_key
            if not self._holds(base, target):
                self.problems.append(f"expected '{target}' to be in the scope of what is moved, {source}, got another")
                return
        self._begin(base, target, instruction.variable_instructions)

    def _holds(self, key: int, element_id: str) -> bool:
        """Whether the element can begin in this living scope, or in scopes that begin in it."""
        row = self.living.rows[key]
        inside = row.element_id in [scope.id for scope in scopes_of(self._graph, element_id)]
        return inside and row.element_type in OPEN_SCOPES and not self._is_ending(key)

    def _direct(self, element_id: str, ancestor: int) -> int | None:
        if ancestor != NONE:
            if ancestor in self.living.rows and self._holds(ancestor, element_id):
                return ancestor
            self.problems.append(f"expected an active scope around '{element_id}' that goes on, got {ancestor}")
            return None
        for scope in scopes_of(self._graph, element_id):
            keys = [key for key, row in self.living.rows.items() if row.element_id == scope.id]
            keys = [key for key in keys if self._holds(key, element_id)]
            if len(keys) == 1:
                return keys[0]
            if keys:
                expected = f"expected one active instance of '{scope.id}', the scope of '{element_id}', got {len(keys)}"
                self.problems.append(f"{expected}; choose one by its key")
                return None
        return None

    def _begin(self, base: int | None, element_id: str, variables: tuple[VariableInstruction, ...]) -> None:
        if base is None:
            return
        row = self.living.rows[base]
        if row.interrupted:
            self.problems.append(f"expected a scope that goes on, but an event has interrupted that of '{element_id}'")
        for scope in scopes_of(self._graph, element_id):
            if scope.id == row.element_id:
                break
            if scope.multi_instance is not None or scope.type == AD_HOC_SUB_PROCESS:
                kind = "ad-hoc sub-process" if scope.type == AD_HOC_SUB_PROCESS else "multi-instance activity"
                self.problems.append(f"expected '{element_id}' in an active scope, got {kind} '{scope.id}'; begin that")
        self._begins.append(Beginning(base, element_id, variables))


def scopes_of(graph: Process, element_id: str) -> Iterator[Element]:
    """The scopes around an element, the innermost first, the process last."""
    element = graph.elements[element_id]
    while element.type != PROCESS:
        element = graph.elements[element.scope]
        yield element


def problems_of(wish: ProcessInstanceModification, graph: Process | None) -> Iterator[str]:
    """What is wrong whatever the instance does; without a process, whatever the process is."""
    count = sum(map(len, (wish.activate_instructions, wish.move_instructions, wish.terminate_instructions)))
    if not 0 < count <= INSTRUCTIONS_MAX:
        yield f"expected 1 to {INSTRUCTIONS_MAX} instructions, got {count}; give that many"
    for number, move in enumerate(wish.move_instructions):
        where = f"move instruction {number}"
        if bool(move.source_element_id) == (move.source_element_instance_key != NONE):
            yield f"{where}: expected an element or an element instance to move, got both or none; give one"
        if move.ancestor_scope_type not in ANCESTOR_TYPES:
            expected = f"{where}: expected the ancestor scope to be direct, inferred or sourceParent"
            yield f"{expected}, got '{move.ancestor_scope_type[:100]}'; correct it"
        if graph is not None and move.source_element_id and move.source_element_id not in graph.elements:
            yield f"{where}: expected an element of '{graph.id}' to move, got '{move.source_element_id[:100]}'"
        yield from _target_problems(where, move.target_element_id, move.variable_instructions, graph)
    for number, activate in enumerate(wish.activate_instructions):
        where = f"activate instruction {number}"
        yield from place_problems(where, activate, graph)
    for number, end in enumerate(wish.terminate_instructions):
        if bool(end.element_id) == (end.element_instance_key != NONE):
            yield f"terminate instruction {number}: expected an element or an element instance, got both or none"


def place_problems(where: str, activate: ActivateInstruction, graph: Process | None) -> Iterator[str]:
    """What is wrong with where a token is to begin; without a process, whatever the process is."""
    places = (activate.element_id, activate.after_element_id, activate.sequence_flow_id)
    if sum(map(bool, places)) != 1:
        yield f"{where}: expected an element, an element to begin behind, or a sequence flow; give one of them"
    elif graph is not None:
        yield from _graph_problems(where, activate, graph)


def _graph_problems(where: str, activate: ActivateInstruction, graph: Process) -> Iterator[str]:
    after = graph.elements.get(activate.after_element_id)
    if activate.after_element_id and (after is None or len(after.outgoing) != 1):
        got = "no such element" if after is None else str(len(after.outgoing))
        shown = activate.after_element_id[:100]
        yield f"{where}: expected one outgoing sequence flow of '{shown}', got {got}; begin elsewhere"
    elif activate.sequence_flow_id and activate.sequence_flow_id not in graph.flows:
        yield f"{where}: expected a sequence flow of '{graph.id}', got '{activate.sequence_flow_id[:100]}'; correct it"
    else:
        yield from _target_problems(where, target_of(activate, graph), activate.variable_instructions, graph)


def target_of(activate: ActivateInstruction, graph: Process) -> str:
    """The element that a right instruction activates."""
    if activate.element_id:
        return activate.element_id
    flow = activate.sequence_flow_id or graph.elements[activate.after_element_id].outgoing[0]
    return graph.flows[flow].target


def _target_problems(
    where: str, element_id: str, variables: Sequence[VariableInstruction], graph: Process | None
) -> Iterator[str]:
    if not element_id:
        yield f"{where}: expected an element to activate, got none; give its id"
    if graph is None or not element_id:
        return
    element = graph.elements.get(element_id)
    if element is None:
        yield f"{where}: expected an element of '{graph.id}' to activate, got '{element_id[:100]}'; correct it"
        return
    if element.type in CLOSED or element.type == MULTI_INSTANCE_BODY:
        kind = element.type.lower().replace("_", " ")
        yield f"{where}: expected an activity, a gateway or an event, got {kind} '{element_id}'; choose another"
        return
    known = [element_id, *(scope.id for scope in scopes_of(graph, element_id))]
    for each in variables:
        if each.scope_id and each.scope_id not in known:
            expected = f"{where}: expected the scope of variables to be one around '{element_id}'"
            yield f"{expected}, got '{each.scope_id[:100]}'; correct it"
