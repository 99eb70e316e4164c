"""A process instance as a tree: element instances nested as in the model, each with what belongs to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from .client import Client, Document
from .output import print_line, print_note, shown_count, styled

#: Elements that hold others.
SCOPE_TYPES = {
    "PROCESS",
    "SUB_PROCESS",
    "EVENT_SUB_PROCESS",
    "AD_HOC_SUB_PROCESS",
    "AD_HOC_SUB_PROCESS_INNER_INSTANCE",
    "MULTI_INSTANCE_BODY",
}
#: Jobs, user tasks, incidents, called instances and variables of an instance that are shown at most, of each.
BELONGINGS_MAX = 1_000
#: Characters of a value or a message in a line.
TEXT_LENGTH_MAX = 100


class Node(Struct, kw_only=True):
    """An element instance (or the process itself) as the API shows it, with all that belongs to it."""

    element: Document
    key: str
    children: list[Node]
    jobs: Sequence[Document] = ()
    user_tasks: Sequence[Document] = ()
    incidents: Sequence[Document] = ()
    variables: Sequence[Document] = ()
    called: Sequence[Document] = ()

    def document(self) -> Document:
        """For programs: documents of the API, nested."""
        return {
            **self.element,
            "jobs": self.jobs,
            "userTasks": self.user_tasks,
            "incidents": self.incidents,
            "variables": self.variables,
            "calledProcessInstances": self.called,
            "elementInstances": [child.document() for child in self.children],
        }


class Tree(Struct, frozen=True, kw_only=True):
    """`left_out`: elements beyond the limit."""

    root: Node
    left_out: int

    def document(self) -> Document:
        return {**self.root.document(), "leftOut": self.left_out}


def read_tree(client: Client, key: str, limit: int) -> Tree:
    """Read a process instance with at most `limit` elements. Raises Refused if there is none."""
    root = Node(element=client.get(f"/process-instances/{key}"), key=key, children=[])
    total = client.count("/element-instances", {"processInstanceKey": key}).total
    nodes = {key: root}
    scopes = [root]
    while scopes and len(nodes) <= limit:
        scope = scopes.pop(0)
        wanted = {"processInstanceKey": key, "elementInstanceScopeKey": scope.key}
        left = limit + 1 - len(nodes)
        sort = [("startDate", "ASC"), ("elementInstanceKey", "ASC")]
        for element in client.search("/element-instances", wanted, sort=sort, limit=left).items:
            child = Node(element=element, key=element["elementInstanceKey"], children=[])
            nodes[child.key] = child
            scope.children.append(child)
            if element["type"] in SCOPE_TYPES:
                scopes.append(child)
    _read_belongings(client, key, nodes)
    return Tree(root=root, left_out=total - len(nodes) + 1)


def _read_belongings(client: Client, key: str, nodes: dict[str, Node]) -> None:
    inside = {"processInstanceKey": key}
    below = {"parentProcessInstanceKey": key}
    kinds = (
        ("jobs", "/jobs", inside, "jobKey", "elementInstanceKey"),
        ("user_tasks", "/user-tasks", inside, "creationDate", "elementInstanceKey"),
        ("incidents", "/incidents", inside, "incidentKey", "elementInstanceKey"),
        ("variables", "/variables", inside, "name", "scopeKey"),
        ("called", "/process-instances", below, "processInstanceKey", "parentElementInstanceKey"),
    )
    for attribute, path, wanted, order, place in kinds:
        found: dict[str, list[Document]] = {}
        for item in client.search(path, wanted, sort=[(order, "ASC")], limit=BELONGINGS_MAX).items:
            found.setdefault(item[place], []).append(item)
        for owner, items in found.items():
            if owner in nodes:
                setattr(nodes[owner], attribute, items)


# for the eye


def print_tree(tree: Tree) -> None:
    """A line an element and a line for each of its belongings, indented by branches."""
    root = tree.root.element
    place = f"{root['processDefinitionId']} version {root['processDefinitionVersion']}"
    print_line(f"{place} {styled(root['state'])} {tree.root.key}{_times(root)}")
    for line in _below(tree.root, ""):
        print_line(line)
    if tree.left_out > 0:
        print_note(f"{shown_count(tree.left_out)} more elements; see them with --limit")


def _below(node: Node, indent: str) -> Iterator[str]:
    belongings = list(_belongings(node))
    count = len(belongings) + len(node.children)
    for number, text in enumerate(belongings, 1):
        yield f"{indent}{_branch(number == count)}{text}"
    for number, child in enumerate(node.children, len(belongings) + 1):
        element = child.element
        name = f"{element['elementId']} ({element['type'].lower().replace('_', ' ')})"
        yield f"{indent}{_branch(number == count)}{name} {styled(element['state'])} {child.key}{_times(element)}"
        yield from _below(child, indent + ("   " if number == count else "│  "))


def _branch(is_last: bool) -> str:
    return "└─ " if is_last else "├─ "


def _times(document: Document) -> str:
    ended = f" to {document['endDate']}" if document.get("endDate") else ""
    return f"  {document['startDate']}{ended}"


def _belongings(node: Node) -> Iterator[str]:
    for variable in node.variables:
        yield f"{variable['name']} = {_cut(variable['value'])}"
    for job in node.jobs:
        worker = f", worker {job['worker']}" if job.get("worker") else ""
        yield f"job {job['type']} {styled(job['state'])} {job['jobKey']}, retries {job['retries']}{worker}"
    for task in node.user_tasks:
        assignee = f", assigned to {task['assignee']}" if task.get("assignee") else ""
        yield f"user task {styled(task['state'])} {task['userTaskKey']}{assignee}"
    for called in node.called:
        what = f"{called['processDefinitionId']} version {called['processDefinitionVersion']}"
        yield f"calls {what} {styled(called['state'])} {called['processInstanceKey']}{_times(called)}"
    for incident in node.incidents:
        what = f"{incident['errorType']}: {_cut(incident['errorMessage'])}"
        yield f"incident {styled(incident['state'])} {incident['incidentKey']} {what}"


def _cut(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= TEXT_LENGTH_MAX else text[: TEXT_LENGTH_MAX - 1] + "…"
