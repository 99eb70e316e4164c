"""What an inclusive gateway that joins has to know: which of its flows a token somewhere before it can still get to.

A path follows sequence flows, goes from an activity to its boundary events, and from a link that is thrown to where it
is caught. It is found out once, when the model is read. Source: BPMN 2.0.2, 13.4.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .model import BOUNDARY_EVENT, INCLUSIVE_GATEWAY, Element, Flow, InclusiveJoins, Link
from .report import Report
from .xml_tree import Node

#: Pairs of a flow into an inclusive gateway that joins and an element before it, in one process.
PAIRS_MAX = 500_000


def find_inclusive_joins(
    elements: Mapping[str, Element], flows: Mapping[str, Flow], process: Node, report: Report
) -> InclusiveJoins:
    """The inclusive gateways that join, by their scope; see `Process.inclusive_joins`."""
    found: dict[str, dict[str, Mapping[str, int]]] = {}
    before: dict[str, list[str]] = {}
    pairs_left = PAIRS_MAX
    for gateway in elements.values():
        if gateway.type != INCLUSIVE_GATEWAY or len(gateway.incoming) < 2:
            continue
        before = before or _find_before(elements, flows.values())
        reaching: dict[str, int] = {}
        for index, flow_id in enumerate(gateway.incoming):
            pairs_left = _add_reaching(reaching, 1 << index, gateway.id, flows[flow_id].source, before, pairs_left)
        if pairs_left <= 0:
            message = f"expected at most {PAIRS_MAX} pairs of a flow into an inclusive gateway and an element before it"
            report.refuse(process, f"{message}, got more; join some with other gateways, or call processes")
            break
        found.setdefault(gateway.scope, {})[gateway.id] = reaching
    return found


def _find_before(elements: Mapping[str, Element], flows: Iterable[Flow]) -> dict[str, list[str]]:
    """From which elements a token gets to each element in one move."""
    before: dict[str, list[str]] = {id_: [] for id_ in elements}
    moves = [(flow.source, flow.target) for flow in flows]
    moves += [(each.attached_to, each.id) for each in elements.values() if each.type == BOUNDARY_EVENT]
    moves += [(each.id, each.event.target) for each in elements.values() if isinstance(each.event, Link)]
    for source, target in moves:
        if target in before:
            before[target].append(source)
    return before


def _add_reaching(
    reaching: dict[str, int], bit: int, gateway_id: str, last: str, before: Mapping[str, list[str]], pairs_left: int
) -> int:
    """Mark all elements from which a token gets to `last` without passing through the gateway."""
    open_ = [last]
    while open_ and pairs_left > 0:
        element_id = open_.pop()
        if reaching.get(element_id, 0) & bit:
            continue
        reaching[element_id] = reaching.get(element_id, 0) | bit
        pairs_left -= 1
        if element_id != gateway_id:
            open_ += before.get(element_id, ())
    return pairs_left
