"""What a person wants to happen in an ad-hoc sub-process. Source: Camunda 8 REST API, "Activate activities"."""

from __future__ import annotations

from typing import cast

from engine.bpmn.model import AD_HOC_SUB_PROCESS
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.core.record import NONE, Record
from engine.records import AdHocSubProcessInstruction

from .anyhow import INSTRUCTION, ad_hoc_of, begins
from .instances import push
from .variables import parse_document
from .world import Refused, Rule, World


def activate_inside(world: World, command: Record) -> None:
    """Elements begin beside what is active."""
    node = world.node(command.key)
    if node is None or node.element.type != AD_HOC_SUB_PROCESS:
        raise Refused(NOT_FOUND)
    if node.state != "ACTIVATED" or node.interrupted or node.ending or world.instances[node.instance].suspended:
        raise Refused(INVALID_STATE)
    wish = cast(AdHocSubProcessInstruction, command.value)
    names = [each.element_id for each in wish.activate_elements]
    if not names or len(names) != len(set(names)) or set(names) - ad_hoc_of(node).activatable:
        raise Refused(INVALID_ARGUMENT)
    for each in wish.activate_elements:
        parse_document(each.variables)
    cancels, late = wish.cancel_remaining_instances, world.instances[node.instance].pause != NONE
    told = {"element_id": node.element.id, "cancel_remaining_instances": cancels}
    world.expect(INSTRUCTION, "ACTIVATED", node.key, node.instance, **told)
    if cancels or (late and world.instances[node.instance].beginning(node.key)):
        world.skip("instructions that end what is active, or overtake others", node.instance)
        return
    node.begins_inside = True
    moves = [begins(node, each.element_id, each.variables or "{}", late=late) for each in wish.activate_elements]
    push(world, *moves)


RULES: dict[tuple[str, str], Rule] = {(INSTRUCTION, "ACTIVATE"): activate_inside}
