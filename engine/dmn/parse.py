"""DMN XML as a graph of decisions: the one entry for models.

Owns the order: read the XML, find decisions and knowledge models, what they require, and their logic; then refuse
everything that is wrong at once. Pure and deterministic. Sources: DMN 1.1 to 1.5; dmn-scala, which Camunda 8 runs,
where the specification leaves a choice.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.bpmn.names import ZEEBE
from engine.bpmn.report import Report, quote, read_root, refuse_repeated_ids
from engine.bpmn.xml_tree import Node

from .expressions import Texts
from .graph import refuse_cycles, required
from .logic import LogicReader, logic_nodes, name_of
from .model import Decision, DecisionRequirements, KnowledgeModel
from .names import DMN, OWNER_CHILDREN_IGNORED, ROOT_CHILDREN_IGNORED
from .table import Place

_DECISION = ("informationRequirement", "requiredDecision")
_KNOWLEDGE = ("knowledgeRequirement", "requiredKnowledge")


def parse(resource: bytes, resource_name: str) -> DecisionRequirements:
    """The decisions of a DMN file; at least one.

    Raises ModelRefused, which lists every problem with element id, type and line; for a file that is not XML, the place
    of the first error.
    """
    root = read_root(resource, resource_name)
    report = Report()
    decisions, knowledge = _find(root, report)
    texts = Texts(report, root, frozenset(_names(root)))
    reader = LogicReader(texts, report)
    found = DecisionRequirements(
        id=root.get("id"),
        name=root.get("name") or root.get("id"),
        namespace=root.get("namespace"),
        knowledge={id_: _read_knowledge(node, knowledge, reader, report) for id_, node in knowledge.items()},
        decisions={id_: _read_decision(node, decisions, knowledge, reader, report) for id_, node in decisions.items()},
    )
    refuse_cycles(decisions, {id_: decision.decisions for id_, decision in found.decisions.items()}, report)
    refuse_cycles(knowledge, {id_: one.knowledge for id_, one in found.knowledge.items()}, report)
    report.raise_if_any(resource_name)
    return found


def _find(root: Node, report: Report) -> tuple[dict[str, Node], dict[str, Node]]:
    """Decisions and knowledge models by their ids."""
    decisions: dict[str, Node] = {}
    knowledge: dict[str, Node] = {}
    if root.name != "definitions" or root.namespace not in DMN:
        versions = f"{min(DMN.values())} to {max(DMN.values())}"
        got = f"'{quote(root.name)}' of '{quote(root.namespace)}'"
        report.refuse(
            root, f"expected a DMN file ({versions}), whose root is definitions, got {got}; deploy such a file"
        )
        return decisions, knowledge
    if not root.get("id"):
        report.refuse(root, "expected the definitions to have an id, got none; set it")
    for child in root.children_in(root.namespace):
        if child.name in ("decision", "businessKnowledgeModel"):
            if not child.get("id"):
                report.refuse(child, "expected an id, got none; set it")
            (decisions if child.name == "decision" else knowledge)[child.get("id")] = child
        elif child.name == "import":
            message = f"expected no import, got one of '{quote(child.get('namespace'))}', which cannot be executed yet"
            report.refuse(child, f"{message}; copy what is needed into this file")
        elif child.name not in ROOT_CHILDREN_IGNORED:
            report.refuse(child, f"expected a known element, got {quote(child.name)}; remove it")
    if not decisions:
        report.refuse(root, "expected at least one decision, got none; add one")
    refuse_repeated_ids(root, report)
    return decisions, knowledge


def _names(root: Node) -> set[str]:
    """What the model calls its data: variables, parameters, inputs and knowledge models."""
    named = ("variable", "formalParameter", "inputData", "businessKnowledgeModel")
    found: set[str] = set()
    pending = [root]
    while pending:
        node = pending.pop()
        pending += node.children_in(root.namespace)
        if node.name in named:
            found.add(node.get("name"))
    return found


def _read_decision(
    node: Node, decisions: Mapping[str, Node], knowledge: Mapping[str, Node], reader: LogicReader, report: Report
) -> Decision:
    called = required(node, *_KNOWLEDGE, knowledge, "business knowledge model", report)
    _refuse_unknown_children(node, report)
    variable = node.child(node.namespace, "variable")
    place = Place(owner=node, functions=frozenset(knowledge[id_].get("name") for id_ in called))
    return Decision(
        id=node.get("id"),
        name=node.get("name") or node.get("id"),
        version_tag=_version_tag(node),
        result_name=name_of(node) or node.get("id"),
        result_type=variable.get("typeRef") if variable is not None else "",
        logic=reader.only(node, place, "the logic of a decision"),
        decisions=required(node, *_DECISION, decisions, "decision", report),
        knowledge=called,
    )


def _read_knowledge(node: Node, knowledge: Mapping[str, Node], reader: LogicReader, report: Report) -> KnowledgeModel:
    called = required(node, *_KNOWLEDGE, knowledge, "business knowledge model", report)
    _refuse_unknown_children(node, report)
    if not node.get("name"):
        report.refuse(node, "expected a name by which the knowledge model is called, got none; set it")
    place = Place(owner=node, functions=frozenset(knowledge[id_].get("name") for id_ in called))
    logic = node.child(node.namespace, "encapsulatedLogic")
    return KnowledgeModel(
        id=node.get("id"),
        name=node.get("name"),
        function=reader.function(logic if logic is not None else node, place),
        knowledge=called,
    )


def _refuse_unknown_children(node: Node, report: Report) -> None:
    known = OWNER_CHILDREN_IGNORED | {_DECISION[0], _KNOWLEDGE[0], "encapsulatedLogic"}
    known |= {child.name for child in logic_nodes(node)}
    for child in node.children_in(node.namespace):
        if child.name not in known:
            report.refuse(node, f"expected a known element, got {quote(child.name)}; remove it", at=child)


def _version_tag(decision: Node) -> str:
    holder = decision.child(decision.namespace, "extensionElements")
    tag = holder.child(ZEEBE, "versionTag") if holder is not None else None
    return tag.get("value").strip() if tag is not None else ""
