"""The flow nodes and sequence flows of one process, and how they hang together.

Owns the walk through processes and sub-processes: names that are not executable are refused here, and flows are
connected (from their own sourceRef and targetRef, never from incoming and outgoing children). It reads no extension
elements.
Source: BPMN 2.0.2 chapter 10.
"""

from __future__ import annotations

from msgspec import Struct, field

from .model import AD_HOC_SUB_PROCESS, EVENT_SUB_PROCESS, PROCESS, START_EVENT
from .names import (
    ACTIVITIES,
    BPMN,
    CONTAINERS,
    EVENT_DEFINITIONS,
    EVENT_DEFINITIONS_EXECUTED,
    EVENTS,
    FLOW_NODES,
    FLOW_NODES_REFUSED,
    MARKERS,
    MARKERS_REFUSED,
    NODE_CHILDREN_IGNORED,
    SCOPE_CHILDREN_IGNORED,
    ZEEBE,
)
from .report import Report, quote
from .xml_tree import Node

#: Sub-processes in sub-processes.
NESTING_MAX = 64
#: UTF-8 bytes of an id: ids are parts of keys of the state, whose keys are limited.
ID_SIZE_MAX = 256


class FlowNode(Struct, eq=False, kw_only=True):
    """A flow node, or the process itself, before it becomes an element. `type` is empty when it cannot be executed."""

    node: Node
    type: str
    scope: Node | None
    #: what it is to a rule about events: its type, or that of the event sub-process that it starts
    place: str = ""
    incoming: list[Node] = field(default_factory=list)
    outgoing: list[Node] = field(default_factory=list)
    #: boundary events attached to it
    boundaries: list[FlowNode] = field(default_factory=list)
    #: boundary event: where associations lead from it
    undone_by: list[FlowNode] = field(default_factory=list)
    #: start events inside it, executable or not
    starts: list[FlowNode] = field(default_factory=list)
    #: event sub-processes inside it
    handlers: list[FlowNode] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.node.get("id")


class Outline(Struct, kw_only=True):
    """Everything inside a process in document order, the process first."""

    nodes: list[FlowNode]
    flows: list[Node]
    by_id: dict[str, FlowNode]
    associations: list[Node] = field(default_factory=list)


def is_true(text: str) -> bool:
    """An XML Schema boolean."""
    return text.strip() in ("true", "1")


def check_id(node: Node, report: Report) -> None:
    """An id must be there, and short enough for the state."""
    text = node.get("id")
    if not text:
        report.refuse(node, "expected an id, got none; set it")
    elif len(text.encode()) > ID_SIZE_MAX:
        report.refuse(node, f"expected an id of at most {ID_SIZE_MAX} bytes, got {len(text.encode())}; shorten it")


def event_definitions(node: Node) -> list[Node]:
    """The event definitions of an event; none for a none event."""
    return [child for child in node.children_in(BPMN) if child.name in EVENT_DEFINITIONS]


def read_outline(process: Node, report: Report) -> Outline:
    """Walks a process and connects its flows."""
    root = FlowNode(node=process, type=PROCESS, scope=None)
    outline = Outline(nodes=[root], flows=[], by_id={})
    check_id(process, report)
    _walk(root, 0, outline, report)
    _attach_boundaries(outline, report)
    _associate(outline)
    for flow in outline.flows:
        _connect(flow, outline, report)
    return outline


def _walk(container: FlowNode, depth: int, outline: Outline, report: Report) -> None:
    for child in container.node.children:
        if child.namespace != BPMN:
            _check_foreign(container.node, child, report)
        elif child.name == "sequenceFlow":
            check_id(child, report)
            outline.flows.append(child)
        elif child.name == "association":
            outline.associations.append(child)
        elif child.name in FLOW_NODES or child.name in FLOW_NODES_REFUSED:
            _add(child, container, depth, outline, report)
        elif child.name in MARKERS:
            _check_marker(container, child, report)
        elif child.name == "completionCondition" and container.type == AD_HOC_SUB_PROCESS:
            continue  # read with the sub-process
        elif child.name not in SCOPE_CHILDREN_IGNORED and container.type:
            # what is unknown may carry an id of its own, so it is named itself
            report.refuse(child, f"expected a known element, got bpmn:{quote(child.name)}; remove it")


def _add(node: Node, container: FlowNode, depth: int, outline: Outline, report: Report) -> None:
    check_id(node, report)
    flow_node = FlowNode(node=node, type=_type_of(node), scope=container.node)
    starts_handler = flow_node.type == START_EVENT and _type_of(container.node) == EVENT_SUB_PROCESS
    flow_node.place = EVENT_SUB_PROCESS if starts_handler else flow_node.type
    outline.nodes.append(flow_node)
    if flow_node.id:
        outline.by_id.setdefault(flow_node.id, flow_node)
    if flow_node.type == START_EVENT:
        container.starts.append(flow_node)
    elif flow_node.type == EVENT_SUB_PROCESS:
        container.handlers.append(flow_node)
    _refuse_if_not_executed(flow_node, report)
    if node.name not in CONTAINERS:
        _check_children(flow_node, report)
    elif depth >= NESTING_MAX:
        report.refuse(node, f"expected at most {NESTING_MAX} sub-processes in each other, got more; flatten the model")
    else:
        _walk(flow_node, depth + 1, outline, report)


def _type_of(node: Node) -> str:
    if node.name == "subProcess" and is_true(node.get("triggeredByEvent")):
        return EVENT_SUB_PROCESS
    return FLOW_NODES.get(node.name, "")


def _refuse_if_not_executed(flow_node: FlowNode, report: Report) -> None:
    """Refuses by name what is known and not executed; its type is taken away, so that no other rule applies to it."""
    node = flow_node.node
    definitions = event_definitions(node)
    whats = []
    if node.name in FLOW_NODES_REFUSED:
        what = FLOW_NODES_REFUSED[node.name]
        whats = [f"{what} with {EVENT_DEFINITIONS[definition.name]} definition" for definition in definitions] or [what]
    elif flow_node.place in EVENT_DEFINITIONS_EXECUTED and flow_node.type != EVENT_SUB_PROCESS:
        executed, event = EVENT_DEFINITIONS_EXECUTED[flow_node.place], flow_node.type.lower().replace("_", " ")
        if flow_node.place == EVENT_SUB_PROCESS:
            event += " of an event sub-process"
        whats = [f"{EVENT_DEFINITIONS[each.name]} {event}" for each in definitions if each.name not in executed]
    for what in whats:
        message = f"expected an executable element, got {what}, which cannot be executed yet; replace it"
        report.refuse(node, message)
    if whats:
        flow_node.type = ""


def _check_children(flow_node: FlowNode, report: Report) -> None:
    node = flow_node.node
    known = NODE_CHILDREN_IGNORED | EVENT_DEFINITIONS.keys() if flow_node.type in EVENTS else NODE_CHILDREN_IGNORED
    for child in node.children:
        if child.namespace != BPMN:
            _check_foreign(node, child, report)
        elif child.name in MARKERS:
            _check_marker(flow_node, child, report)
        elif child.name not in known and flow_node.type:
            report.refuse(node, f"expected known elements inside, got bpmn:{quote(child.name)}; remove it", at=child)


def _check_marker(owner: FlowNode, marker: Node, report: Report) -> None:
    """What is repeated is an activity; what its marker says is read later (`multi_instance`)."""
    if marker.name in MARKERS_REFUSED:
        message = f"expected no {MARKERS_REFUSED[marker.name]}, which cannot be executed yet; remove it"
        report.refuse(owner.node, message, at=marker)
    elif owner.type and owner.type not in ACTIVITIES:
        kind = owner.type.lower().replace("_", " ")
        message = f"expected a multi-instance marker on an activity, got it on this {kind}; remove it"
        report.refuse(owner.node, message, at=marker)


def _check_foreign(owner: Node, child: Node, report: Report) -> None:
    if child.namespace == ZEEBE:
        message = f"expected zeebe:{quote(child.name)} inside bpmn:extensionElements, got it outside; move it"
        report.refuse(owner, message, at=child)


def _attach_boundaries(outline: Outline, report: Report) -> None:
    for flow_node in outline.nodes:
        if flow_node.node.name != "boundaryEvent":
            continue
        attached_to = flow_node.node.get("attachedToRef")
        host = outline.by_id.get(attached_to)
        if host is None or not _is_activity(host.node):
            message = f"expected attachedToRef to name a task or sub-process, got '{quote(attached_to)}'; attach it"
            report.refuse(flow_node.node, message)
        elif host.scope is not flow_node.scope:
            message = f"expected '{quote(attached_to)}' in the same sub-process, got it in another; move the event"
            report.refuse(flow_node.node, message)
        else:
            host.boundaries.append(flow_node)


def _associate(outline: Outline) -> None:
    """Associations from boundary events to flow nodes say what undoes an activity; others are annotations."""
    for association in outline.associations:
        event, target = (outline.by_id.get(association.get(end)) for end in ("sourceRef", "targetRef"))
        if event is not None and event.node.name == "boundaryEvent" and target is not None:
            event.undone_by.append(target)


def _is_activity(node: Node) -> bool:
    return node.name.lower().endswith(("task", "subprocess")) or node.name in ("transaction", "callActivity")


def _connect(flow: Node, outline: Outline, report: Report) -> None:
    """Its ends count, not where it is written: modelers leave a flow behind when they move what it connects."""
    ends = []
    for attribute in ("sourceRef", "targetRef"):
        end = outline.by_id.get(flow.get(attribute))
        if end is None:
            message = f"expected {attribute} to name a flow node, got '{quote(flow.get(attribute))}'; connect it"
            report.refuse(flow, message)
        else:
            ends.append(end)
    if len(ends) == 2 and ends[0].scope is not ends[1].scope:
        target = quote(ends[1].id)
        message = f"expected both ends in one process or sub-process, got targetRef '{target}' in another"
        report.refuse(flow, f"{message}; a sequence flow cannot cross its border")
    elif len(ends) == 2:
        ends[0].outgoing.append(flow)
        ends[1].incoming.append(flow)
