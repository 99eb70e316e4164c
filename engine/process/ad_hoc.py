"""Ad-hoc sub-processes while they run: what begins in them, what each activation gives, and when they are over.

Each activation is in an element instance of its own, which has the variables that came with it and ends when nothing is
left in it. Rule: what is to begin is one piece of work, so that it begins after whatever has to end before it.
Sources: BPMN 2.0.2, 13.3.5; Camunda 8 "Ad-hoc sub-processes"; Zeebe's records.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from engine.bpmn.ad_hoc import INNER_INSTANCE_SUFFIX
from engine.bpmn.ad_hoc_elements import VARIABLE
from engine.bpmn.feel import EvaluationFailure, brief
from engine.bpmn.model import AdHoc, Element
from engine.core.effects import Effects, Event
from engine.core.record import DEFAULT_TENANT
from engine.core.state import View
from engine.records import AdHocSubProcessInstruction
from engine.records.ad_hoc_sub_process_instruction import ActivateElement

from . import work as kinds
from .execution import Deciding, Execution
from .tables import ACTIVATED, ELEMENT_INSTANCES, VARIABLES, ElementInstance
from .variables import VARIABLE_SIZE_MAX, Scope, encode_value, merge, merge_local, scopes_of
from .work import Work

INSTRUCTION = "AD_HOC_SUB_PROCESS_INSTRUCTION"

#: Elements that one command, or one list, begins.
ACTIVATIONS_MAX = 1_000

EMPTY_COLLECTION = "[]"


NO_VARIABLES = msgspec.Raw(b"{}")


class Activation(Struct, frozen=True, array_like=True):
    """One element that is to begin, and the variables (a JSON object) that it gets."""

    element_id: str
    variables: msgspec.Raw = NO_VARIABLES


_activations = msgspec.json.Decoder(list[Activation])


def ad_hoc_of(element: Element) -> AdHoc:
    assert element.ad_hoc is not None
    return element.ad_hoc


def problems_of(ad_hoc: AdHoc, element_ids: Sequence[str]) -> list[str]:
    """What is wrong with a list of elements that are to begin."""
    problems = []
    if len(element_ids) > ACTIVATIONS_MAX:
        problems.append(f"expected at most {ACTIVATIONS_MAX} elements to activate, got {len(element_ids)}; give fewer")
    unknown = sorted(set(element_ids) - ad_hoc.activatable)
    if unknown:
        names = ", ".join(f"'{name[:100]}'" for name in unknown[:5]) + (", …" if len(unknown) > 5 else "")
        wanted = "ids of elements inside to which no sequence flow leads"
        problems.append(f"expected {wanted}, got {names}; correct {'it' if len(unknown) == 1 else 'them'}")
    return problems


# the sub-process begins


def prepare(execution: Execution, key: int, ad_hoc: AdHoc) -> Effects:
    """Its own variables: what is told about the elements inside, and the collection of what they give."""
    own = {VARIABLE: ad_hoc.description}
    if ad_hoc.output_collection:
        own[ad_hoc.output_collection] = EMPTY_COLLECTION
    yield from merge_local(execution.view, key, own, execution.process_id)


def active_elements(view: View, key: int, ad_hoc: AdHoc) -> list[str]:
    """The elements that begin at its activation. Raises EvaluationFailure."""
    if ad_hoc.active_elements is None:
        return []
    value = ad_hoc.active_elements.evaluate(Scope(view, key))
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        expected = f"expected activeElementsCollection '{ad_hoc.active_elements.text}' to be a list of strings"
        raise EvaluationFailure(f"{expected}, got {brief(value)}")
    element_ids = [str(item) for item in value]
    problems = problems_of(ad_hoc, element_ids)
    if problems:
        raise EvaluationFailure("; ".join(problems))
    return element_ids


def begin_work(key: int, activations: Sequence[Activation], *, cancels: bool = False) -> Work:
    """Work BEGIN_INSIDE."""
    return Work(kinds.BEGIN_INSIDE, key, "cancel" if cancels else "", msgspec.json.encode(activations).decode())


def begin_inside(execution: Execution, work: Work) -> Effects:
    """Work BEGIN_INSIDE: begin elements in the sub-process, each in an instance of its own."""
    yield from ()
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is None or row.state != ACTIVATED or row.interrupted or execution.is_taken_over(work.key):
        return
    if work.element_id:
        execution.forget_tokens(work.key)
        execution.push(Work(kinds.TERMINATE_CHILDREN, work.key), Work(kinds.BEGIN_INSIDE, work.key, data=work.data))
        return
    inner = row.element_id + INNER_INSTANCE_SUFFIX
    for activation in reversed(_activations.decode(work.data)):
        data = msgspec.json.encode(activation).decode()
        execution.push(Work(kinds.ACTIVATE, work.key, inner, data))


# an activation begins and ends


def own_variables(execution: Execution, key: int, ad_hoc: AdHoc, given: dict[str, str]) -> dict[str, str]:
    """Of an activation: what came with it; and, null at first, what its output is made of and nobody has declared.

    So what two activations set at the same time is not mixed up (Camunda 8: it stays local to each activation).
    """
    view, output = execution.view, ad_hoc.output_element
    scopes = [scope for scope, _ in scopes_of(view, key)]
    own = dict(given)
    for name in sorted(output.names) if output is not None else ():
        if name not in own and not any(view.get(VARIABLES, scope, name) is not None for scope in scopes):
            own[name] = "null"
    if output is not None and output.variable:
        own.setdefault(output.variable, "null")
    return own


def collect_output(execution: Execution, key: int, row: ElementInstance) -> Deciding:
    """Nothing is left in an activation: what it gives becomes one item more. False: there is an incident."""
    view = execution.view
    outer = view.get(ELEMENT_INSTANCES, row.scope_key)
    assert outer is not None
    ad_hoc = ad_hoc_of(execution.element_of(outer))
    if ad_hoc.output_element is None:
        return True
    try:
        output = encode_value("the output element", ad_hoc.output_element.evaluate(Scope(view, key)))
        collected = _append(view, row.scope_key, ad_hoc.output_collection, output)
    except EvaluationFailure as failure:
        resume = Work(kinds.CHECK_SCOPE, key)
        yield execution.incident(key, "EXTRACT_VALUE_ERROR", f"output element: {failure}", resume=resume)
        return False
    yield from merge_local(view, row.scope_key, {ad_hoc.output_collection: collected}, execution.process_id)
    return True


def _append(view: View, key: int, name: str, output: str) -> str:
    """The collection with one item more. Raises EvaluationFailure."""
    present = view.get(VARIABLES, key, name)
    text = present.value if present is not None else EMPTY_COLLECTION
    if not text.startswith("["):
        raise EvaluationFailure(f"expected the output collection '{name}' to be a list, got {text[:50]}")
    items = text[1:-1]  # values are kept as compact JSON
    collected = f"[{items},{output}]" if items else f"[{output}]"
    size = len(collected.encode())
    if size > VARIABLE_SIZE_MAX:
        expected = f"expected the output collection '{name}' to take at most {VARIABLE_SIZE_MAX} bytes"
        raise EvaluationFailure(f"{expected}, got {size}; make it smaller, or cancel the instance")
    return collected


# the sub-process ends


def end_remaining(execution: Execution, key: int, row: ElementInstance) -> Effects:
    """It is over: nothing more begins in it, and it completes when whatever is left has ended."""
    yield instruction(execution, "COMPLETED", key, row, (), cancels=True)
    execution.push(begin_work(key, (), cancels=True), Work(kinds.CHECK_SCOPE, key))


def instruction(
    execution: Execution,
    intent: str,
    key: int,
    row: ElementInstance,
    activations: Sequence[Activation],
    *,
    cancels: bool,
    answers: bool = False,
) -> Event:
    """What was decided about a sub-process: ACTIVATED, or COMPLETED, after which nothing more begins in it."""
    value = AdHocSubProcessInstruction(
        activate_elements=tuple(ActivateElement(element_id=each.element_id) for each in activations),
        cancel_remaining_instances=cancels,
        element_id=row.element_id,
        process_instance_key=execution.instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        root_process_instance_key=execution.root_key,
        tenant_id=DEFAULT_TENANT,
    )
    return Event(value_type=INSTRUCTION, intent=intent, key=key, value=value, answers=answers)


def give_collection(execution: Execution, key: int, row: ElementInstance, ad_hoc: AdHoc) -> Effects:
    """What was collected becomes a variable around the sub-process."""
    present = execution.view.get(VARIABLES, key, ad_hoc.output_collection) if ad_hoc.output_collection else None
    if present is not None:
        document = {present.name: present.value}
        yield from merge(execution.view, row.scope_key, document, execution.process_id)
