"""Error and escalation events (BPMN 2.0, 10.5.1; Camunda 8 "Error events", "Escalation events").

Both are thrown with a code, which may be FEEL, and caught by their code, which is static, or whatever their code is.
"""

from __future__ import annotations

from typing import TypeVar

from engine.bpmn import model
from engine.bpmn.model import Error, Escalation
from engine.bpmn.outline import FlowNode
from engine.bpmn.report import quote
from engine.bpmn.xml_tree import Node

from .reading import Reading

Thrown = TypeVar("Thrown", Error, Escalation)

THROWING = (model.END_EVENT, model.INTERMEDIATE_THROW_EVENT)


def read_error(event: FlowNode, definition: Node, reading: Reading) -> Error | None:
    return _read(event, definition, reading, "error", Error)


def read_escalation(event: FlowNode, definition: Node, reading: Reading) -> Escalation | None:
    return _read(event, definition, reading, "escalation", Escalation)


def code_of(definition: Node, kind: str, reading: Reading) -> str:
    """The code of the error or escalation that is referred to; empty if there is none."""
    referred = reading.definitions.get((kind, definition.get(f"{kind}Ref")))
    return referred.get(f"{kind}Code").strip() if referred is not None else ""


def _read(event: FlowNode, definition: Node, reading: Reading, kind: str, thrown: type[Thrown]) -> Thrown | None:
    reference, code = definition.get(f"{kind}Ref"), code_of(definition, kind, reading)
    throws = event.type in THROWING
    problem = ""
    if reference and (kind, reference) not in reading.definitions:
        problem = f"expected {kind}Ref to name a bpmn:{kind} of this file, got '{quote(reference)}'; correct it"
    elif throws and not code:
        what = event.type.lower().replace("_", " ")
        got = f"an {kind} without code" if reference else f"no {kind}"
        problem = f"expected an {kind} {what} to refer to an {kind} with a code, got {got}; set it"
    elif not throws and code.startswith("="):
        problem = f"expected the code of an {kind} that is caught to be static, got '{quote(code)}'; write the code"
    if problem:
        reading.report.refuse(event.node, problem, at=definition)
        return None
    if not code:
        return thrown(code=None)
    compiled = reading.expressions.property(event.node, definition, f"the {kind} code", code)
    return thrown(code=compiled) if compiled is not None else None
