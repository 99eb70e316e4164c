"""Message events and receive tasks (BPMN 2.0, 10.5.1 and 10.3.3; Camunda 8 "Message events").

What is caught has a name and, unless it starts a process, a correlation key. What is thrown is a job for a worker.
"""

from __future__ import annotations

from engine.bpmn import model
from engine.bpmn.feel import EvaluationFailure, Expression, Value
from engine.bpmn.model import Message
from engine.bpmn.names import BPMN, ZEEBE
from engine.bpmn.outline import FlowNode
from engine.bpmn.report import quote
from engine.bpmn.xml_tree import Node

from .reading import Reading

THROWN = (model.END_EVENT, model.INTERMEDIATE_THROW_EVENT)


class NoVariables:
    """What the name of a message that starts a process may refer to."""

    def get(self, _name: str) -> Value:
        return None


def read_message(event: FlowNode, definition: Node, reading: Reading) -> Message | None:
    """What a message event, or a receive task (its own `definition`), waits for; None for one that throws."""
    if event.type in THROWN:
        return None
    message = _referred(event, definition, reading)
    if message is None:
        return None
    name = reading.expressions.property(event.node, definition, "the message name", message.get("name").strip())
    if event.place == model.START_EVENT:
        static = static_name(event, definition, name, reading)
        return Message(name=static, correlation_key=None) if static is not None else None
    correlation_key = _correlation_key(event, definition, message, reading)
    if name is None or correlation_key is None:
        return None
    return Message(name=name, correlation_key=correlation_key)


def _referred(event: FlowNode, definition: Node, reading: Reading) -> Node | None:
    """The message with a name that is referred to."""
    reference = definition.get("messageRef")
    message = reading.definitions.get(("message", reference))
    problem = ""
    if message is None:
        problem = f"expected messageRef to name a bpmn:message of this file, got '{quote(reference)}'; set it"
    elif not message.get("name").strip():
        problem = f"expected message '{quote(reference)}' to have a name, got none; set it"
    if problem:
        reading.report.refuse(event.node, problem, at=definition)
        return None
    return message


def _correlation_key(event: FlowNode, definition: Node, message: Node, reading: Reading) -> Expression | None:
    holder = message.child(BPMN, "extensionElements")
    subscription = holder.child(ZEEBE, "subscription") if holder is not None else None
    text = subscription.get("correlationKey").strip() if subscription is not None else ""
    if not text:
        expected = f"expected message '{quote(message.get('name'))}' to have a zeebe:subscription with a correlationKey"
        reading.report.refuse(event.node, f"{expected}, got none; set it", at=definition)
        return None
    return reading.expressions.feel(event.node, definition, "the correlation key", text)


def static_name(event: FlowNode, definition: Node, name: Expression | None, reading: Reading) -> Expression | None:
    """A name that needs no variables, as a text: nothing is there yet when a process starts."""
    if name is None or name.static:
        return name
    try:
        value = name.evaluate(NoVariables())
    except EvaluationFailure as failure:
        value, got = None, str(failure)
    else:
        got = "another value"
    if isinstance(value, str) and value and not value.startswith("="):
        return reading.expressions.static(value)
    message = f"expected the name '{quote(name.text)}' to be a text without variables, as it starts a process, got"
    reading.report.refuse(event.node, f"{message} {got}; write the name", at=definition)
    return None
