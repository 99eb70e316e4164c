"""Who requires whom: references between decisions and knowledge models, and the order in which they are evaluated.

Owns that the graph has no cycle. Source: DMN 1.5, chapter 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from engine.bpmn.report import Report, quote
from engine.bpmn.xml_tree import Node


def required(
    node: Node, requirement: str, reference: str, known: Mapping[str, Node], what: str, report: Report
) -> tuple[str, ...]:
    """The ids of what a decision or knowledge model requires, each once, in document order."""
    found: dict[str, None] = {}
    for holder in (child for child in node.children_in(node.namespace) if child.name == requirement):
        target = holder.child(node.namespace, reference)
        if target is None:
            continue
        href = target.get("href")
        namespace, _, id_ = href.rpartition("#")
        if namespace:
            message = (
                f"expected a {what} of this file, got '{quote(href)}'; imports cannot be executed yet, copy it here"
            )
            report.refuse(node, message, at=target)
        elif id_ not in known:
            message = f"expected the id of a {what} of this file, got '{quote(id_)}'; correct the reference"
            report.refuse(node, message, at=target)
        else:
            found[id_] = None
    return tuple(found)


def refuse_cycles(nodes: Mapping[str, Node], edges: Mapping[str, Iterable[str]], report: Report) -> None:
    """Refuse what requires itself, directly or through others."""
    done: set[str] = set()
    for start in nodes:
        path: dict[str, None] = {}
        pending = [(start, False)]
        while pending:
            id_, left = pending.pop()
            if left:
                path.popitem()
                done.add(id_)
            elif id_ in path:
                names = list(path)
                circle = " -> ".join(quote(name) for name in [*names[names.index(id_) :], id_])
                report.refuse(nodes[id_], f"expected no cycle of requirements, got {quote(circle)}; remove one of them")
            elif id_ not in done:
                path[id_] = None
                pending.append((id_, True))
                pending += [(other, False) for other in edges[id_]]


def evaluation_order(start: str, requires: Callable[[str], Iterable[str]]) -> list[str]:
    """What must be evaluated for `start`, each once, what is required first; `start` is the last."""
    order: dict[str, None] = {}
    pending = [(start, False)]
    while pending:
        id_, left = pending.pop()
        if left:
            order[id_] = None
        elif id_ not in order:
            pending.append((id_, True))
            pending += [(other, False) for other in reversed(tuple(requires(id_)))]
    return list(order)
