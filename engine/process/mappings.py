"""Variables that enter and leave an element: through its mappings, or as they are (Camunda 8 "Variables").

Rule: all mappings of an element have their effect together, or there is an incident and none has.
"""

from __future__ import annotations

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import Element
from engine.core.record import NONE

from . import work as kinds
from .execution import Deciding, Execution
from .tables import ElementInstance
from .variables import evaluate_mappings, merge, merge_local, parse_document
from .work import Work


def map_inputs(execution: Execution, key: int, element: Element, data: str) -> Deciding:
    """The element's own variables. False: there is an incident; `data` as the activation has it, which goes on then."""
    try:
        made = evaluate_mappings(execution.view, key, element.inputs)
    except EvaluationFailure as failure:
        message = f"input mapping of '{element.id}': {failure}"
        resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
        yield execution.incident(key, "IO_MAPPING_ERROR", message, resume=resume)
        return False
    yield from merge_local(execution.view, key, made, execution.process_id)
    return True


def map_outputs(execution: Execution, key: int, row: ElementInstance, element: Element, data: str) -> Deciding:
    """Variables that leave the element, `data` (JSON) among them, each to where it is declared. False: an incident."""
    view, process_id = execution.view, execution.process_id
    outside = key if row.scope_key == NONE else row.scope_key
    document = parse_document(data)
    if not element.outputs:
        yield from merge(view, key, document, process_id)
        return True
    yield from merge_local(view, key, document, process_id)
    try:
        made = evaluate_mappings(view, key, element.outputs, seen=outside)
    except EvaluationFailure as failure:
        message = f"output mapping of '{element.id}': {failure}"
        yield execution.incident(key, "IO_MAPPING_ERROR", message, resume=Work(kinds.COMPLETE, key))
        return False
    yield from merge(view, outside, made, process_id)
    return True
