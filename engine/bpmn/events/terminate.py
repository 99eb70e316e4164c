"""Terminate end events (BPMN 2.0, 13.4.6)."""

from __future__ import annotations

from engine.bpmn.model import Terminate
from engine.bpmn.outline import FlowNode
from engine.bpmn.xml_tree import Node

from .reading import Reading


def read_terminate(_event: FlowNode, _definition: Node, _reading: Reading) -> Terminate:
    return Terminate()
