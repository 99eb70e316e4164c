"""Compensation events: an activity that has completed is undone (BPMN 2.0.2, 10.5.5 and 13.5.5)."""

from __future__ import annotations

from engine.bpmn.model import Compensation
from engine.bpmn.outline import FlowNode
from engine.bpmn.xml_tree import Node

from .reading import Reading


def read_compensation(event: FlowNode, definition: Node, _reading: Reading) -> Compensation:
    handler = event.undone_by[0].id if event.undone_by else ""
    return Compensation(activity=definition.get("activityRef"), handler=handler)
