"""Variables: scopes, visibility, and how a document of variables is merged into them.

Source: Camunda 8 documentation, "Variables": a variable is visible in its scope and below; a merge goes up to the scope
that declares it, or to the process instance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import msgspec

from engine.bpmn.feel import EvaluationFailure, Value
from engine.bpmn.model import VariableMapping
from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_ARGUMENT, Reject
from engine.core.head import apply_nothing
from engine.core.record import DEFAULT_TENANT, NONE
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import Variable as VariableValue

from .tables import ACTIVATING, ELEMENT_INSTANCES, HOLDS_VARIABLES, VARIABLES, ElementInstance, Variable, mark_holder

#: Bytes of a variable that an expression makes, so that its record stays below the limit of 4 MiB.
VARIABLE_SIZE_MAX = 4_128_768

#: Bytes of all that the mappings of one element make: a step pauses after them, not between them.
MAPPED_SIZE_MAX = 2 * VARIABLE_SIZE_MAX

_documents = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse_document(text: str) -> dict[str, str]:
    """Name -> JSON text of its value. Raises Reject if it is not a JSON object."""
    if not text:
        return {}
    try:
        document = _documents.decode(text)
        return {name: msgspec.json.format(bytes(raw), indent=-1).decode() for name, raw in document.items()}
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Reject(INVALID_ARGUMENT, f"expected the variables to be a JSON object, got: {error}") from None


def scopes_of(view: View, key: int) -> Iterator[tuple[int, ElementInstance]]:
    """The element instance and the scopes around it, innermost first."""
    while key != NONE:
        row = view.get(ELEMENT_INSTANCES, key)
        if row is None:
            return
        yield key, row
        key = row.scope_key


def local_variables(view: View, key: int) -> dict[str, str]:
    """Name -> JSON text of what one scope declares."""
    return {row.name: row.value for _, row in view.scan(VARIABLES, key)}


class Scope:
    """What an expression sees from an element instance: looked up when it is asked for."""

    __slots__ = ("_keys", "_view")

    def __init__(self, view: View, key: int) -> None:
        self._view = view
        self._keys = [scope for scope, _ in scopes_of(view, key)]

    @property
    def now(self) -> int:
        """What `now()` tells: the machine's time of this step."""
        return self._view.now

    def draw(self) -> bytes:
        """What `uuid()` and `random number()` are made of."""
        return self._view.draw()

    def get(self, name: str) -> Value:
        for key in self._keys:
            row = self._view.get(VARIABLES, key, name)
            if row is not None:
                return _decode_value(name, row.value)
        return None


class Document:
    """What an expression sees of the variables that came with a command."""

    __slots__ = ("_document", "_view")

    def __init__(self, view: View, document: dict[str, str]) -> None:
        """`document`: name -> JSON text."""
        self._view = view
        self._document = document

    @property
    def now(self) -> int:
        return self._view.now

    def draw(self) -> bytes:
        return self._view.draw()

    def get(self, name: str) -> Value:
        text = self._document.get(name)
        return None if text is None else _decode_value(name, text)


def _decode_value(name: str, text: str) -> Value:
    try:
        return cast(Value, msgspec.json.decode(text))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EvaluationFailure(f"expected the value of variable '{name}' to be readable, got: {error}") from None


def encode_value(name: str, value: Value) -> str:
    """The JSON text of a value that an expression made. Raises EvaluationFailure if it can be no variable."""
    try:
        data = msgspec.json.encode(value)
    except (msgspec.MsgspecError, OverflowError, RecursionError, ValueError) as error:
        raise EvaluationFailure(f"expected the value of '{name}' to be JSON, got: {error}") from None
    if len(data) > VARIABLE_SIZE_MAX:
        raise EvaluationFailure(f"expected '{name}' to take at most {VARIABLE_SIZE_MAX} bytes, got {len(data)}")
    return data.decode()


def visible_variables(view: View, key: int, names: tuple[str, ...] = ()) -> str:
    """A JSON object of what is visible from an element instance, or of the given names only."""
    found: dict[str, msgspec.Raw] = {}
    wanted = frozenset(names)  # there may be as many as fit a command
    for scope, _ in reversed(list(scopes_of(view, key))):
        for _, row in view.scan(VARIABLES, scope):
            if not wanted or row.name in wanted:
                found[row.name] = msgspec.Raw(row.value.encode())
    return msgspec.json.encode(found).decode()


def set_local(view: View, scope_key: int, name: str, value: str, owner: ElementInstance, process_id: str) -> Effects:
    """Set a variable in one scope. A value that is the same already leaves no record, as in Zeebe."""
    present = view.get(VARIABLES, scope_key, name)
    if present is not None and present.value == value:
        return
    yield Event(
        value_type="VARIABLE",
        intent="CREATED" if present is None else "UPDATED",
        key=view.next_key() if present is None else present.key,
        value=VariableValue(
            name=name,
            value=value,
            scope_key=scope_key,
            process_instance_key=owner.process_instance_key,
            process_definition_key=owner.process_definition_key,
            bpmn_process_id=process_id,
            root_process_instance_key=owner.root_process_instance_key,
            initial=present is None and owner.scope_key == NONE and owner.state == ACTIVATING,
            tenant_id=DEFAULT_TENANT,
        ),
    )


def migrate_variables(view: View, scope_key: int, owner: ElementInstance, process_id: str) -> Effects:
    """The variables of a scope belong to the definition that `owner` has now; they stay as they are."""
    for _, row in view.scan(VARIABLES, scope_key):
        value = VariableValue(
            name=row.name,
            scope_key=scope_key,
            process_instance_key=owner.process_instance_key,
            process_definition_key=owner.process_definition_key,
            bpmn_process_id=process_id,
            root_process_instance_key=owner.root_process_instance_key,
            tenant_id=DEFAULT_TENANT,
        )
        yield Event(value_type="VARIABLE", intent="MIGRATED", key=row.key, value=value)


def merge(view: View, scope_key: int, document: dict[str, str], process_id: str) -> Effects:
    """Set each variable where it is declared, going up from the scope, else at the process instance."""
    scopes = list(scopes_of(view, scope_key))
    for name, value in document.items():
        target, owner = next(
            ((key, row) for key, row in scopes[:-1] if view.get(VARIABLES, key, name) is not None), scopes[-1]
        )
        yield from set_local(view, target, name, value, owner, process_id)


def merge_local(view: View, scope_key: int, document: dict[str, str], process_id: str) -> Effects:
    """Set each variable in this scope only."""
    owner = view.get(ELEMENT_INSTANCES, scope_key)
    if owner is not None:
        for name, value in document.items():
            yield from set_local(view, scope_key, name, value, owner, process_id)


class MappedScope:
    """A scope, and above it what the mappings before have made."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.made: dict[str, Value] = {}

    @property
    def now(self) -> int:
        return self._scope.now

    def draw(self) -> bytes:
        return self._scope.draw()

    def get(self, name: str) -> Value:
        return self.made[name] if name in self.made else self._scope.get(name)


def evaluate_mappings(view: View, key: int, mappings: tuple[VariableMapping, ...], seen: int = NONE) -> dict[str, str]:
    """Name -> JSON text, of input or output mappings in document order; later ones see what earlier ones made.

    A target path `a.b` puts a value into the context `a`, keeping what the scope `seen` has there.
    Raises EvaluationFailure.
    """
    scope = MappedScope(Scope(view, key))
    target_scope = Scope(view, seen) if seen != NONE else None
    for mapping in mappings:
        value = mapping.source.evaluate(scope)
        name, *path = mapping.target
        if path:
            before = scope.made.get(name) if name in scope.made else target_scope.get(name) if target_scope else None
            value = _put(before, path, value)
        scope.made[name] = value
    return _encode_all(scope.made)


def _encode_all(made: dict[str, Value]) -> dict[str, str]:
    document: dict[str, str] = {}
    size = 0
    for name, value in made.items():
        document[name] = encode_value(name, value)
        size += len(name) + len(document[name])
        if size > MAPPED_SIZE_MAX:
            raise EvaluationFailure(f"expected the mappings to make at most {MAPPED_SIZE_MAX} bytes, got more")
    return document


def _put(context: Value, path: list[str], value: Value) -> Value:
    """A copy of the context with the value at the path."""
    copied = dict(context) if isinstance(context, dict) else {}
    name, *rest = path
    copied[name] = _put(copied.get(name), rest, value) if rest else value
    return copied


def _apply_set(fact: Fact, state: State) -> None:
    value = cast(VariableValue, fact.value)
    row = Variable(key=fact.key, name=value.name, value=value.value)
    state.put(VARIABLES, value.scope_key, value.name, value=row)
    mark_holder(state, value.scope_key, HOLDS_VARIABLES)


def delete_variables(state: State, scope_key: int) -> None:
    """For appliers: a scope has ended."""
    for key, _ in state.scan(VARIABLES, scope_key):
        state.delete_row(VARIABLES, key)


PART = Part(
    appliers={
        ("VARIABLE", "CREATED"): _apply_set,
        ("VARIABLE", "UPDATED"): _apply_set,
        ("VARIABLE", "MIGRATED"): apply_nothing,
    },
    tables=table_values(VARIABLES),
)
