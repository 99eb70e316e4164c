"""What a migration makes of work that a paused instance has before it: the same with the elements of the target.

Rule: only work is moved that a plan alone can tell. What is about to end something, or has begun inside something, is
not: then the instance is refused until it is done.
"""

from __future__ import annotations

from msgspec import structs

from engine.bpmn.migration import Plan

from . import work as kinds
from .work import Work

#: Work that is about keys, which stay.
OF_KEYS = frozenset(
    (
        kinds.COMPLETE,
        kinds.SPAWN,
        kinds.COLLECT,
        kinds.LEAVE,
        kinds.CHECK_SCOPE,
        kinds.MEANWHILE,
        kinds.CONTINUE,
        kinds.RELEASE,
        kinds.FOLLOW_UP,
    )
)
#: Work that is a token on its way to an element, or one that waits at it.
OF_ELEMENTS = frozenset((kinds.ACTIVATE, kinds.PASS, kinds.START, kinds.JOIN))


def unmapped_work(plan: Plan, stack: list[Work]) -> list[str]:
    """Why the work cannot be moved, each with what to do about it."""
    problems = []
    for work in stack:
        if work.kind in OF_ELEMENTS and work.element_id not in plan.elements:
            expected = f"expected '{work.element_id}', to which a token is on its way, to be mapped"
            problems.append(f"{expected}, got no instruction; add one")
        elif _is_begun(work):
            expected = "expected the instance to wait for something outside, or to be on its way to a mapped element"
            problems.append(f"{expected}, got one in the middle of its work; migrate it again in a moment")
    return problems


def moved_work(plan: Plan, stack: list[Work]) -> list[Work]:
    """The same in terms of the target; there are no problems with it."""
    return [
        structs.replace(work, element_id=plan.elements[work.element_id]) if work.kind in OF_ELEMENTS else work
        for work in stack
    ]


def _is_begun(work: Work) -> bool:
    """Whether it knows more of the source than a plan can tell."""
    if work.kind in (kinds.START, kinds.RESUME_ACTIVATION):
        return bool(work.data)
    return work.kind not in OF_KEYS and work.kind not in OF_ELEMENTS
