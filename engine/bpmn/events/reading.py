"""What a reader of event definitions needs besides the event: the rest of the file, FEEL, and the report."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from engine.bpmn.expressions import Expressions
from engine.bpmn.report import Report
from engine.bpmn.xml_tree import Node


class Reading(Struct, frozen=True, kw_only=True):
    """`definitions`: children of the file's root by tag name and id (errors, messages, signals, escalations)."""

    definitions: Mapping[tuple[str, str], Node]
    expressions: Expressions
    report: Report
