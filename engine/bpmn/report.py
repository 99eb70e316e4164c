"""What is wrong with a model, BPMN or DMN, collected so that all of it is said at once.

Owns the words of a problem: which element, of which type, on which line. What is a problem it decides for any XML only:
what cannot be read, and ids that are there twice.
"""

from __future__ import annotations

import re

from .model import ModelRefused, Problem
from .xml_tree import Node, Unreadable, read_tree

#: Problems that are listed; what is beyond is counted.
PROBLEMS_MAX = 1_000
#: Characters of the model that a message repeats.
QUOTE_LENGTH_MAX = 100

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def element_type(node: Node) -> str:
    """The name of an element's type as Zeebe writes it: `intermediateCatchEvent` is INTERMEDIATE_CATCH_EVENT."""
    return _WORD_START.sub("_", quote(node.name)).upper()


def quote(text: str) -> str:
    """A text of the model, shortened for a message."""
    return text if len(text) <= QUOTE_LENGTH_MAX else f"{text[:QUOTE_LENGTH_MAX]}…"


class Report:
    """Problems in the order in which they were found; listed by line."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._unlisted = 0

    def refuse(self, owner: Node, message: str, *, at: Node | None = None) -> None:
        """Adds a problem of the element `owner`, on the line of `at` when that is more precise."""
        line = (at or owner).line
        self.add(
            Problem(element_id=quote(owner.get("id")), element_type=element_type(owner), line=line, message=message)
        )

    def add(self, problem: Problem) -> None:
        """Adds a problem; beyond PROBLEMS_MAX it is only counted."""
        if len(self._problems) < PROBLEMS_MAX:
            self._problems.append(problem)
        else:
            self._unlisted += 1

    def raise_if_any(self, resource_name: str) -> None:
        """Raises ModelRefused with everything that was added, in document order."""
        if not self._problems:
            return
        problems = sorted(self._problems, key=lambda problem: problem.line)
        if self._unlisted:
            message = (
                f"expected at most {PROBLEMS_MAX} problems to list, got {self._unlisted} more; correct these first"
            )
            problems.append(Problem(element_id="", element_type="DEFINITIONS", line=0, message=message))
        raise ModelRefused(resource_name, tuple(problems))


def read_root(resource: bytes, resource_name: str) -> Node:
    """The root element of a model. Raises ModelRefused with the place of the first thing that is no XML."""
    try:
        return read_tree(resource)
    except Unreadable as error:
        where = f" (line {error.line}, column {error.column})" if error.line else ""
        problem = Problem(element_id="", element_type="DEFINITIONS", line=error.line, message=f"{error.message}{where}")
        raise ModelRefused(resource_name, (problem,)) from None


def refuse_repeated_ids(root: Node, report: Report) -> None:
    """Ids are unique in the file, diagram and extensions left out (XML schemas of BPMN and DMN: xsd:ID)."""
    lines: dict[str, int] = {}
    pending = [root]
    while pending:
        node = pending.pop()
        pending.extend(child for child in reversed(node.children) if child.namespace == root.namespace)
        id_ = node.get("id")
        if id_ and id_ in lines:
            message = f"expected ids to be unique, got one that is taken on line {lines[id_]}; change one of them"
            report.refuse(node, message)
        elif id_:
            lines[id_] = node.line
