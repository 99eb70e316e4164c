"""Multi-instance activities: done once for each item of a list.

Owns the marker: what it says and its rules. In the graph such an activity has two parts beside itself: a body, which
tokens come to and leave and which boundary events are attached to, and what is in the body once for each item.
Sources: BPMN 2.0.2, 10.3.8 and 13.3.7; Camunda 8 "Multi-instance".
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from .events import Reading
from .expressions import Expressions
from .model import MULTI_INSTANCE_BODY, Element, MultiInstance
from .names import ACTIVITIES, BPMN, MULTI_INSTANCE, ZEEBE
from .outline import FlowNode, is_true
from .repetition import COMPLETION_CONDITION, read_completion_condition, read_name, read_output_collection
from .report import Report, quote
from .xml_tree import Node

#: Children of the marker that are refused: the list of items is told by Zeebe's extension alone.
_CHILDREN_REFUSED: Mapping[str, str] = {
    "loopCardinality": "loop cardinality",
    "loopDataInputRef": "loop data input",
    "loopDataOutputRef": "loop data output",
    "inputDataItem": "input data item",
    "outputDataItem": "output data item",
    "complexBehaviorDefinition": "complex behavior definition",
}
_CHILDREN_KNOWN = frozenset({"documentation", "extensionElements", COMPLETION_CONDITION})
#: The event that BPMN throws when instances complete: the default throws none.
_BEHAVIOR = "All"


def read_multi_instance(flow_node: FlowNode, reading: Reading) -> MultiInstance | None:
    """How an activity is repeated; None without a marker, and after a problem."""
    owner, report = flow_node.node, reading.report
    markers = [child for child in owner.children_in(BPMN) if child.name == MULTI_INSTANCE]
    if not markers or flow_node.type not in ACTIVITIES:
        return None
    for other in markers[1:]:
        report.refuse(owner, "expected one multi-instance marker, got another; remove one of them", at=other)
    marker = markers[0]
    _check_marker(owner, marker, report)
    condition = read_completion_condition(owner, marker, reading.expressions)
    extension = _find_extension(owner, marker, report)
    read = _read_extension(owner, extension, reading.expressions, report) if extension is not None else None
    if read is None:
        return None
    is_sequential = is_true(marker.get("isSequential"))
    return structs.replace(read, is_sequential=is_sequential, completion_condition=condition)


def _check_marker(owner: Node, marker: Node, report: Report) -> None:
    behavior = marker.get("behavior")
    if behavior not in ("", _BEHAVIOR):
        message = f"expected the behavior of the multi-instance to be {_BEHAVIOR}, got '{quote(behavior)}'; remove it"
        report.refuse(owner, message, at=marker)
    for child in marker.children:
        if child.namespace != BPMN:
            continue
        if child.name in _CHILDREN_REFUSED:
            expected = f"expected no {_CHILDREN_REFUSED[child.name]} (bpmn:{child.name}), which cannot be executed"
            report.refuse(owner, f"{expected}; give an input collection in zeebe:loopCharacteristics", at=child)
        elif child.name not in _CHILDREN_KNOWN:
            message = f"expected known elements in the multi-instance, got bpmn:{quote(child.name)}; remove it"
            report.refuse(owner, message, at=child)


def _find_extension(owner: Node, marker: Node, report: Report) -> Node | None:
    """The one zeebe:loopCharacteristics."""
    holder = marker.child(BPMN, "extensionElements")
    found = list(holder.children_in(ZEEBE)) if holder is not None else []
    for child in found:
        if child.name != "loopCharacteristics":
            message = f"expected only zeebe:loopCharacteristics here, got zeebe:{quote(child.name)}; remove it"
            report.refuse(owner, message, at=child)
    loops = [child for child in found if child.name == "loopCharacteristics"]
    for other in loops[1:]:
        report.refuse(owner, "expected one zeebe:loopCharacteristics, got another; remove one of them", at=other)
    if loops:
        return loops[0]
    message = "expected zeebe:loopCharacteristics of the multi-instance, got none; give an input collection"
    report.refuse(owner, message, at=marker)
    return None


def _read_extension(owner: Node, extension: Node, expressions: Expressions, report: Report) -> MultiInstance | None:
    items = expressions.feel(owner, extension, "the input collection", extension.get("inputCollection"))
    input_element = read_name(owner, extension, "inputElement", expressions, report)
    output_collection, output_element = read_output_collection(owner, extension, expressions, report)
    if items is None:
        return None
    return MultiInstance(
        input_collection=items,
        input_element=input_element,
        output_collection=output_collection,
        output_element=output_element,
    )


def with_parts(element: Element) -> Element:
    """A multi-instance activity with its body and what is inside that; any other element as it is."""
    if element.multi_instance is None:
        return element
    body = Element(
        id=element.id,
        name=element.name,
        type=MULTI_INSTANCE_BODY,
        scope=element.scope,
        line=element.line,
        incoming=element.incoming,
        outgoing=element.outgoing,
        boundaries=element.boundaries,
        waits=tuple(name for name in element.waits if name in element.boundaries),
        for_compensation=element.for_compensation,
        multi_instance=element.multi_instance,
    )
    inner = structs.replace(
        element,
        incoming=(),
        outgoing=(),
        boundaries=(),
        for_compensation=False,
        waits=tuple(name for name in element.waits if name not in element.boundaries),
    )
    return structs.replace(element, body=body, inner=inner)
