"""Gateways that join: a token that arrives waits (table JOINS) until none that belongs to it can come any more.

A parallel gateway waits for one on each of its flows, whatever happens (BPMN 2.0.2, 13.4.1). An inclusive gateway
(13.4.3) is activated when a token waits and there is no token elsewhere in the scope from which a path leads to a flow
where none waits, without a path to a flow where one does, neither through the gateway itself. Both take one token of
each flow that has one.

Rule: that a token can come no more stays true, for tokens come from tokens. So it is looked at when one has moved, some
element instances at a time; what begins meanwhile comes after them. With the last look the gateway is activated.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.model import INCLUSIVE_GATEWAY, PARALLEL_GATEWAY, Element
from engine.core.state import key_tail, pack

from . import work as kinds
from .execution import Execution
from .tables import ACTIVATED, CHILDREN, ELEMENT_INSTANCES, JOINS, TERMINATING, ElementInstance
from .work import Work

#: Element instances that one piece of work looks at.
TOKENS_PER_WORK = 20
#: So many of them take as long as one effect.
TOKENS_PER_EFFECT = 5


def joins(element: Element) -> bool:
    """Whether tokens that arrive at the element wait for others."""
    return element.type in (PARALLEL_GATEWAY, INCLUSIVE_GATEWAY) and len(element.incoming) > 1


def may_activate(execution: Execution, element: Element, scope_key: int) -> bool:
    """Whether the tokens it takes are there; asked again when it is activated, so that one set gives one activation."""
    if not joins(element):
        return True
    # Tokens mostly arrive in the order of the flows, so looking from the end finds a missing one soon.
    waiting = (_waits(execution, scope_key, element.id, flow_id) for flow_id in reversed(element.incoming))
    return all(waiting) if element.type == PARALLEL_GATEWAY else any(waiting)


def arrives(execution: Execution, element: Element, scope_key: int) -> bool:
    """Whether a token that has come to the element activates it. An inclusive gateway that joins is looked at later."""
    if not joins(element):
        return True
    return element.type == PARALLEL_GATEWAY and may_activate(execution, element, scope_key)


def look_again(execution: Execution, row: ElementInstance) -> list[Work]:
    """A token has left this element instance: the work to be done once it has gone on. Nothing where none joins so."""
    graph = execution.graph
    gateways = graph.inclusive_joins.get(graph.elements[row.element_id].scope, ())
    return [
        Work(kinds.JOIN, row.scope_key, gateway)
        for gateway in gateways
        if may_activate(execution, graph.elements[gateway], row.scope_key)
    ]


def is_due(execution: Execution, work: Work) -> bool:
    """Work JOIN: whether the inclusive gateway is to be activated now; what is not looked at yet is on the stack then.

    `data` tells what the look so far was about: where tokens waited, and the last element instance that was looked at.
    """
    scope = execution.view.get(ELEMENT_INSTANCES, work.key)
    gateway = execution.graph.elements[work.element_id]
    flows = [_waits(execution, work.key, gateway.id, flow_id) for flow_id in gateway.incoming]
    waiting = sum(1 << index for index, waits in enumerate(flows) if waits)
    if scope is None or scope.state != ACTIVATED or not waiting:
        return False
    reaching = execution.graph.inclusive_joins[gateway.scope][gateway.id]
    awaited = {element_id for element_id, bits in reaching.items() if not bits & waiting}
    if any(element_id in awaited for element_id in _under_way(execution, work.key, gateway)):
        return False
    looked_at, _, last = work.data.partition(" ")
    after = pack((work.key, int(last))) if looked_at == str(waiting) else b""
    rows = execution.view.scan(CHILDREN, work.key, limit=TOKENS_PER_WORK, after=after) if awaited else []
    children = [key_tail(key) for key, _ in rows]
    execution.spent += len(children) // TOKENS_PER_EFFECT
    if any(_element_at(execution, key) in awaited for key in children):
        return False
    if len(children) == TOKENS_PER_WORK:
        execution.push(Work(kinds.JOIN, work.key, gateway.id, f"{waiting} {children[-1]}"))
        return False
    return True


def _waits(execution: Execution, scope_key: int, gateway_id: str, flow_id: str) -> bool:
    return execution.view.get(JOINS, scope_key, gateway_id, flow_id) is not None


def _under_way(execution: Execution, scope_key: int, gateway: Element) -> Iterator[str]:
    """Where tokens of the scope are that are in no element instance: on their way, or waiting at other gateways."""
    for element_id in execution.on_their_way(scope_key):
        if element_id != gateway.id:
            yield element_id
    for element_id in execution.graph.inclusive_joins[gateway.scope][gateway.id]:
        other = execution.graph.elements[element_id]
        holds = joins(other) and any(_waits(execution, scope_key, element_id, flow_id) for flow_id in other.incoming)
        if holds and other is not gateway:
            yield element_id


def _element_at(execution: Execution, key: int) -> str:
    """The element where the token of an element instance is; empty if none will go on from there."""
    row = execution.view.get(ELEMENT_INSTANCES, key)
    return row.element_id if row is not None and row.state != TERMINATING else ""
