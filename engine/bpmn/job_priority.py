"""The priority that a model gives to jobs: of a task, or of all jobs of a process whose tasks say nothing else.

Sources: zeebe-bpmn-moddle (`resources/zeebe.json`); Camunda 8.10 "Job workers: job prioritization".
"""

from __future__ import annotations

from .expressions import Expressions
from .extensions import is_number
from .feel import Expression
from .names import BPMN, ZEEBE
from .report import Report, quote
from .xml_tree import Node

#: Priorities are 32-bit integers, as in Zeebe.
JOB_PRIORITY_MIN = -(1 << 31)
JOB_PRIORITY_MAX = (1 << 31) - 1


def read_job_priority(
    owner: Node, default: Expression | None, expressions: Expressions, report: Report
) -> Expression | None:
    """What the element says itself, or the default. None for 0, and after a problem."""
    holder = owner.child(BPMN, "extensionElements")
    node = holder.child(ZEEBE, "jobPriorityDefinition") if holder is not None else None
    if node is None:
        return default
    text = node.get("priority").strip()
    if not text.startswith("=") and not is_integer(text):
        wanted = f"a whole number from {JOB_PRIORITY_MIN} to {JOB_PRIORITY_MAX}, or FEEL"
        report.refuse(owner, f"expected the priority of jobs to be {wanted}, got '{quote(text)}'; correct it", at=node)
        return None
    # a number means the same in FEEL
    return expressions.feel(owner, node, "the priority of jobs", text if text.startswith("=") else f"={text}")


def is_integer(text: str) -> bool:
    """Whether a static text is a priority."""
    if text.startswith("-"):
        return is_number(text[1:], 0, -JOB_PRIORITY_MIN)
    return is_number(text, 0, JOB_PRIORITY_MAX)
