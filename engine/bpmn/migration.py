"""Migration plans: which element of one process goes on as which element of another, and what is wrong with that.

Rule: a pure function of two graphs and the instructions; whoever has an instance looks whether all that is active in
it is mapped. Sources: Camunda 8 "Process instance migration" and the preconditions of Zeebe; Camunda 7.24 "Process
Instance Migration", whose rules on a plan hold here as far as this engine executes what they are about.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from .ad_hoc import INNER_INSTANCE_SUFFIX
from .model import (
    AD_HOC_SUB_PROCESS,
    AD_HOC_SUB_PROCESS_INNER_INSTANCE,
    BOUNDARY_EVENT,
    EVENT_BASED_GATEWAY,
    EVENT_SUB_PROCESS,
    INCLUSIVE_GATEWAY,
    PARALLEL_GATEWAY,
    PROCESS,
    START_EVENT,
    Compensation,
    Element,
    Message,
    Process,
    Signal,
    Timer,
)

NO_TRIGGER = "expected updateEventTrigger of an event that waits for a timer, a message or a signal; leave it out"
#: Gateways that tokens may wait at.
JOINING = (PARALLEL_GATEWAY, INCLUSIVE_GATEWAY)

#: The ids of an element, or a sequence flow, of the source and of the target.
Instruction = tuple[str, str]


class PlanProblem(Struct, frozen=True, kw_only=True):
    """What is wrong with one instruction, and what to do about it."""

    source_element_id: str
    target_element_id: str
    message: str


class Plan:
    """Instructions seen from a source and a target. `elements` and `flows`: source id -> target id, of what exists.

    `problems`: all that is wrong, in the order of the instructions. `renewed`: elements of the source whose events are
    to wait anew, as the target says.

    The process itself, what holds the activations of a mapped ad-hoc sub-process, and the event sub-process of a mapped
    start event need no instruction.
    """

    def __init__(
        self,
        source: Process,
        target: Process,
        instructions: Sequence[Instruction],
        renewed: Collection[str] = frozenset(),
    ) -> None:
        self.source = source
        self.target = target
        self.elements: dict[str, str] = {}
        self.flows: dict[str, str] = {}
        problems: list[PlanProblem] = []
        for instruction in instructions:
            problems += [_problem(instruction, message) for message in self._take(instruction)]
            if instruction[0] in renewed and not self._waits(instruction[0]):
                problems.append(_problem(instruction, NO_TRIGGER))
        self._imply()
        for instruction in self.elements.items():
            problems += [_problem(instruction, message) for message in self._check(*instruction)]
        for instruction in self.flows.items():
            problems += [_problem(instruction, message) for message in self._check_flow(*instruction)]
        order = {source_id: number for number, (source_id, _) in enumerate(instructions)}
        self.problems = tuple(sorted(problems, key=lambda problem: order.get(problem.source_element_id, len(order))))

    def _take(self, instruction: Instruction) -> Iterator[str]:
        """Keep what exists; gives what is wrong with it for itself."""
        source_id, target_id = instruction
        if source_id in self.elements or source_id in self.flows:
            yield f"expected '{source_id}' to be mapped once, got it again; leave one of them out"
            return
        kinds = [_kind_of(self.source, source_id), _kind_of(self.target, target_id)]
        if not kinds[0]:
            yield f"expected an element of the source process '{self.source.id}', got '{source_id}'; correct the id"
        if not kinds[1]:
            yield f"expected an element of the target process '{self.target.id}', got '{target_id}'; correct the id"
        if all(kinds) and kinds[0] != kinds[1]:
            yield f"expected '{target_id}' to be {kinds[0]} as '{source_id}' is, got {kinds[1]}; choose another one"
        elif all(kinds):
            (self.elements if kinds[0] == _ELEMENT else self.flows)[source_id] = target_id

    def _waits(self, source_id: str) -> bool:
        """Whether it is an event that waits; what does not exist is told elsewhere."""
        element = self.source.elements.get(source_id)
        return element is None or isinstance(element.event, (Timer, Message, Signal))

    def _imply(self) -> None:
        for source_id, target_id in list(self.elements.items()):
            element, found = self.source.elements[source_id], self.target.elements[target_id]
            if element.type == AD_HOC_SUB_PROCESS == found.type:
                self.elements.setdefault(source_id + INNER_INSTANCE_SUFFIX, target_id + INNER_INSTANCE_SUFFIX)
            elif _handles(self.source, element) and _handles(self.target, found):
                self.elements.setdefault(element.scope, found.scope)
        self.elements.setdefault(self.source.id, self.target.id)

    def _check(self, source_id: str, target_id: str) -> Iterator[str]:
        element, found = self.source.elements[source_id], self.target.elements[target_id]
        for what, read in _SAME.items():
            had, has = read(element), read(found)
            if had != has:
                yield f"expected '{target_id}' to be {what} {had}, as '{source_id}' is, got {has}; choose another one"
                return
        yield from self._check_scope(element, found)
        yield from self._check_event(element, found)
        yield from self._check_waits(element, found)
        yield from self._check_gateway(element, found)

    def _check_scope(self, element: Element, found: Element) -> Iterator[str]:
        if element.type == PROCESS:
            return
        outside = self.elements.get(element.scope)
        if outside is None:
            yield f"expected '{element.scope}', which '{element.id}' is in, to be mapped, got no instruction; add it"
        elif outside != found.scope:
            expected = f"expected '{found.id}' to be in '{outside}', which '{element.scope}' is mapped to"
            yield f"{expected}, got it in '{found.scope}'; the scope of an element stays"

    def _check_event(self, element: Element, found: Element) -> Iterator[str]:
        """Rule: what is on the border of an activity stays there. What undoes an activity is about one that is over."""
        if element.type != BOUNDARY_EVENT:
            return
        host = self.elements.get(element.attached_to)
        if host != found.attached_to and not (host is None and isinstance(element.event, Compensation)):
            expected = f"expected '{element.attached_to}', to which '{element.id}' is attached, to be mapped to"
            yield f"{expected} '{found.attached_to}', got {_named(host)}; correct one of the two"

    def _check_waits(self, element: Element, found: Element) -> Iterator[str]:
        """What an instance of the element waits for must be what the target waits for, each for itself."""
        taken: dict[str, str] = {}
        for name in element.waits:
            caught = self.elements.get(name)
            if caught is None or name == element.id:
                continue
            if element.type == EVENT_BASED_GATEWAY and caught not in found.waits:
                expected = f"expected '{name}' to be mapped to an event that follows '{found.id}'"
                yield f"{expected}, got '{caught}'; correct it"
            if caught in taken:
                expected = f"expected '{taken[caught]}' and '{name}' to be mapped to different events"
                yield f"{expected}, got '{caught}' twice; leave one of them out"
            taken[caught] = name

    def _check_gateway(self, element: Element, found: Element) -> Iterator[str]:
        """Tokens that wait at a gateway must find room, and be told from those of other gateways."""
        if element.type not in JOINING:
            return
        had, has = len(element.incoming), len(found.incoming)
        if had > max(has, 1):
            yield f"expected '{found.id}' to have at least {had} incoming sequence flows, got {has}; choose another one"
        if self._gateways[found.id] != element.id:
            expected = f"expected '{found.id}' to be the target of one gateway, got '{self._gateways[found.id]}' and"
            yield f"{expected} '{element.id}'; leave one of them out"

    @cached_property
    def _gateways(self) -> dict[str, str]:
        """Each target gateway, and the first that is mapped to it."""
        first: dict[str, str] = {}
        for source_id, target_id in self.elements.items():
            if self.source.elements[source_id].type in JOINING:
                first.setdefault(target_id, source_id)
        return first

    def _check_flow(self, source_id: str, target_id: str) -> Iterator[str]:
        gateway = self.source.flows[source_id].target
        mapped, found = self.elements.get(gateway), self.target.flows[target_id].target
        if mapped != found:
            expected = f"expected '{gateway}', to which '{source_id}' leads, to be mapped to '{found}'"
            yield f"{expected}, got {_named(mapped)}; correct one of the two"
        others = [other for other, flow in self.flows.items() if flow == target_id and other != source_id]
        if others and source_id > min(others):
            expected = f"expected '{target_id}' to be the target of one sequence flow"
            yield f"{expected}, got '{min(others)}' and '{source_id}'; leave one of them out"

    def flow_of(self, flow_id: str) -> str | None:
        """Over which flow a token that waits at a mapped gateway has come now: as told, else the one of the same id."""
        told = self.flows.get(flow_id)
        if told is not None:
            return told
        same = self.target.flows.get(flow_id)
        gateway = self.elements.get(self.source.flows[flow_id].target)
        return flow_id if same is not None and same.target == gateway else None


def generate(source: Process, target: Process) -> list[Instruction]:
    """A plan that maps equal elements: the same id, type and place, and nothing else against it; in document order."""
    left: list[Instruction] = [
        (element.id, element.id)
        for element in source.elements.values()
        if element.id in target.elements and element.type not in (PROCESS, AD_HOC_SUB_PROCESS_INNER_INSTANCE)
    ]
    while problems := Plan(source, target, left).problems:
        wrong = {problem.source_element_id for problem in problems}
        left = [instruction for instruction in left if instruction[0] not in wrong]
    return left


def missing_targets(target: Process, instructions: Sequence[Instruction]) -> list[str]:
    """What is wrong with instructions as far as it can be told without a source."""
    unknown = dict.fromkeys(name for _, name in instructions if not _kind_of(target, name))
    return [f"expected an element of process '{target.id}', got '{name}'; correct the target id" for name in unknown]


_ELEMENT = "an element"
_FLOW = "a sequence flow"


def _kind_of(process: Process, element_id: str) -> str:
    return _ELEMENT if element_id in process.elements else _FLOW if element_id in process.flows else ""


def _named(element_id: str | None) -> str:
    return f"'{element_id}'" if element_id is not None else "no instruction"


def _problem(instruction: Instruction, message: str) -> PlanProblem:
    return PlanProblem(source_element_id=instruction[0], target_element_id=instruction[1], message=message)


def _handles(process: Process, element: Element) -> bool:
    """Whether an element is the start event of an event sub-process."""
    return element.type == START_EVENT and process.elements[element.scope].type == EVENT_SUB_PROCESS


# what must be the same


def _work(element: Element) -> str:
    """Who does what the element is for."""
    done_by: Mapping[str, object] = {
        "a worker": element.job,
        "an expression": element.script,
        "a decision": element.decision,
        "a called process": element.called,
        "a person (native user task)": element.user_task is not None and element.user_task.native,
    }
    return next((name for name, found in done_by.items() if found), "the engine")


def _repetition(element: Element) -> str:
    loop = element.multi_instance
    return "never" if loop is None else "one after the other" if loop.is_sequential else "all at once"


_SAME: Mapping[str, Callable[[Element], str]] = {
    "of type": lambda element: element.type,
    "of event type": lambda element: type(element.event).__name__ if element.event else "none",
    "done by": _work,
    "repeated": _repetition,
    "reached by": lambda element: "compensation" if element.for_compensation else "tokens",
}
