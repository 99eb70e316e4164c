"""Variables as the model keeps them: JSON texts by scope and name, and expressions that read them.

Source: Camunda 8 documentation, "Variables".
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.bpmn.feel import EvaluationFailure, Expression
from engine.bpmn.model import VariableMapping
from engine.core.faults import INVALID_ARGUMENT
from engine.core.record import NONE

from .log import sorted_document
from .world import Node, Refused, World


def parse_document(text: str) -> dict[str, str]:
    """Name -> JSON text without spaces. Raises Refused for what is no JSON object."""
    if not text:
        return {}
    try:
        document = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        return {name: msgspec.json.format(bytes(raw), indent=-1).decode() for name, raw in document.items()}
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refused(INVALID_ARGUMENT) from None


class Scope:
    """What an expression sees: the innermost variable of a name; `made` lies above all of them."""

    def __init__(self, world: World, key: int) -> None:
        self.nodes = world.scopes(key)
        #: what `now()` tells
        self.now = world.now
        self.made: dict[str, Any] = {}

    def get(self, name: str, /) -> Any:
        if name in self.made:
            return self.made[name]
        text = next((node.variables[name] for node in self.nodes if name in node.variables), "null")
        try:
            return msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise EvaluationFailure(str(error)) from None


class Document:
    """What an expression sees of variables that came with a command."""

    def __init__(self, world: World, document: dict[str, str]) -> None:
        self.now = world.now
        self._document = document

    def get(self, name: str, /) -> Any:
        return msgspec.json.decode(self._document.get(name, "null"))


def evaluate(world: World, node: Node, expression: Expression | None) -> Any:
    """Raises EvaluationFailure."""
    return None if expression is None else expression.evaluate(Scope(world, node.key))


def text_of(world: World, node: Node, expression: Expression | None) -> str:
    """A text that is not empty. Raises EvaluationFailure."""
    value = evaluate(world, node, expression)
    if not isinstance(value, str) or not value:
        raise EvaluationFailure("no text")
    return value


def encode(value: Any) -> str:
    """Raises EvaluationFailure for what is no JSON."""
    try:
        return msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, OverflowError, RecursionError, ValueError) as error:
        raise EvaluationFailure(str(error)) from None


def apply_mappings(
    world: World, node: Node, mappings: tuple[VariableMapping, ...], target: int = NONE
) -> dict[str, str]:
    """Name -> JSON text of what mappings make. A path `a.b` changes one field of `a`, as `target` sees it.

    Raises EvaluationFailure.
    """
    scope = Scope(world, node.key)
    outside = Scope(world, target)
    for mapping in mappings:
        value = mapping.source.evaluate(scope)
        name, *path = mapping.target
        if path:
            old = scope.made[name] if name in scope.made else outside.get(name)
            value = with_field(old, path, value)
        scope.made[name] = value
    return {name: encode(value) for name, value in scope.made.items()}


def with_field(context: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    copied = dict(context) if isinstance(context, dict) else {}
    copied[path[0]] = with_field(copied.get(path[0]), path[1:], value)
    return copied


def set_local(world: World, node: Node, document: dict[str, str]) -> None:
    """Set variables in one scope; a value that is there already leaves no record."""
    for name, text in document.items():
        before = node.variables.get(name)
        if before != text:
            node.variables[name] = text
            world.instances[node.instance].kept[node.key, name] = text
            intent = "CREATED" if before is None else "UPDATED"
            world.expect("VARIABLE", intent, None, node.instance, scope_key=node.key, name=name, value=text)


def merge(world: World, key: int, document: dict[str, str]) -> None:
    """Set variables where they are declared, going up from a scope, or else at the process instance."""
    scopes = world.scopes(key)
    for name, text in document.items():
        declared = [node for node in scopes if name in node.variables]
        set_local(world, declared[0] if declared else scopes[-1], {name: text})


def visible(world: World, key: int, names: tuple[str, ...] = ()) -> str:
    """A JSON object of the variables that are visible from an element instance, or of these names only."""
    found: dict[str, msgspec.Raw] = {}
    for node in reversed(world.scopes(key)):
        found |= {n: msgspec.Raw(text.encode()) for n, text in node.variables.items() if not names or n in names}
    return sorted_document(msgspec.json.encode(found).decode())
