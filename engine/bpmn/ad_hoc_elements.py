"""What is told about the elements that can be activated in an ad-hoc sub-process, in the variable of that name.

A worker chooses by it; an agent learns from it which tools it has and which values each wants, as the arguments of
`fromAi(…)` in input mappings say. Source: Camunda 8 "Ad-hoc sub-processes", "Special variables".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from .feel.functions import FUNCTION_NAMES
from .feel.parser import parse
from .feel.syntax import Call, Constant, ContextLiteral, ListLiteral, Name, Node, Path
from .model import Element
from .names import BPMN, ZEEBE
from .outline import FlowNode
from .xml_tree import Node as XmlNode

#: The variable, in the scope of the sub-process.
VARIABLE = "adHocSubProcessElements"
_FROM_AI = "fromAi"
_ARGUMENTS = ("value", "description", "type", "schema", "options")

Json = str | int | float | bool | list["Json"] | dict[str, "Json"] | None


def describe(activatable: Sequence[tuple[FlowNode, Element]]) -> str:
    """A JSON array with an object for each element; what an element does not have is left out."""
    described = []
    for flow_node, element in activatable:
        documentation = flow_node.node.child(BPMN, "documentation")
        about = {
            "elementId": element.id,
            "elementName": element.name,
            "documentation": documentation.text.strip() if documentation is not None else "",
            "properties": _properties(flow_node.node),
            "parameters": list(_parameters(element)),
        }
        described.append({name: value for name, value in about.items() if value})
    return msgspec.json.encode(described).decode()


def _properties(node: XmlNode) -> dict[str, str]:
    holder = node.child(BPMN, "extensionElements")
    properties = holder.child(ZEEBE, "properties") if holder is not None else None
    found = properties.children_in(ZEEBE) if properties is not None else ()
    return {each.get("name"): each.get("value") for each in found if each.get("name")}


def _parameters(element: Element) -> Iterator[dict[str, Json]]:
    for mapping in element.inputs:
        # The expression has been compiled, so it can be parsed; only its code was kept.
        if not mapping.source.static and _FROM_AI in mapping.source.text:
            text = mapping.source.text.removeprefix("=")
            for call in _calls(parse(text, FUNCTION_NAMES)):
                yield _parameter(call)


def _calls(node: object) -> Iterator[Call]:
    """The calls of `fromAi` in a part of an expression, in order."""
    if isinstance(node, tuple):
        for part in node:
            yield from _calls(part)
    elif isinstance(node, Node):
        if isinstance(node, Call) and node.name == _FROM_AI:
            yield node
        for name in node.__struct_fields__:
            yield from _calls(getattr(node, name))


def _parameter(call: Call) -> dict[str, Json]:
    given = dict(zip(call.parameters or _ARGUMENTS, call.arguments, strict=False))
    about: dict[str, Json] = {"name": _last_name(given.get("value"))}
    about.update({name: _literal(given[name]) for name in _ARGUMENTS[1:] if name in given})
    return {name: value for name, value in about.items() if value not in (None, "")}


def _last_name(node: Node | None) -> str:
    if isinstance(node, Path):
        return node.names[-1]
    return node.name if isinstance(node, Name) else ""


def _literal(node: Node) -> Json:
    """The value of a literal; None for what has none before it is evaluated."""
    if isinstance(node, Constant):
        return float(node.value) if isinstance(node.value, Decimal) else node.value
    if isinstance(node, ListLiteral):
        return [_literal(item) for item in node.items]
    if isinstance(node, ContextLiteral):
        return {name: _literal(value) for name, value in node.entries}
    return None
