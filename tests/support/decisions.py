"""Short ways to write DMN files and to evaluate them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast
from xml.sax.saxutils import escape, quoteattr

from engine.bpmn.feel import Value
from engine.dmn.evaluate import Evaluation, evaluate
from engine.dmn.parse import parse

DMN_1_3 = "https://www.omg.org/spec/DMN/20191111/MODEL/"


def model(*elements: str, namespace: str = DMN_1_3, attributes: str = "") -> bytes:
    """A DMN file with these elements, an element a line from line 2 on if each has one line."""
    zeebe = "http://camunda.org/schema/zeebe/1.0"
    head = f'<definitions xmlns="{namespace}" xmlns:zeebe="{zeebe}" id="drg" name="Graph" namespace="ns" {attributes}>'
    return "\n".join([head, *elements, "</definitions>"]).encode()


def text(tag: str, content: str, attributes: str = "") -> str:
    return f"<{tag} {attributes}><text>{escape(content)}</text></{tag}>"


def literal(content: str) -> str:
    return text("literalExpression", content)


def decision(
    id_: str, logic: str, *, requires: Iterable[str] = (), knows: Iterable[str] = (), variable: str = ""
) -> str:
    """A decision. `variable`: attributes of its variable."""
    required = [
        f'<informationRequirement><requiredDecision href="#{other}"/></informationRequirement>' for other in requires
    ]
    known = [f'<knowledgeRequirement><requiredKnowledge href="#{other}"/></knowledgeRequirement>' for other in knows]
    declared = f"<variable {variable}/>" if variable else ""
    return f'<decision id="{id_}" name="Decision {id_}">{declared}{"".join(required + known)}{logic}</decision>'


def knowledge(id_: str, parameters: Mapping[str, str], logic: str, *, knows: Iterable[str] = ()) -> str:
    """A knowledge model that is called by its id."""
    formal = "".join(
        f"<formalParameter name={quoteattr(name)} typeRef={quoteattr(t)}/>" for name, t in parameters.items()
    )
    known = [f'<knowledgeRequirement><requiredKnowledge href="#{other}"/></knowledgeRequirement>' for other in knows]
    body = f"<encapsulatedLogic>{formal}{logic}</encapsulatedLogic>"
    return f'<businessKnowledgeModel id="{id_}" name="{id_}">{body}{"".join(known)}</businessKnowledgeModel>'


def table(
    inputs: Iterable[str],
    outputs: Iterable[str],
    rules: Iterable[tuple[str, ...]],
    *,
    policy: str = "",
    values: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> str:
    """A decision table. Each rule: its input entries, then its output entries. `policy` such as "COLLECT SUM"."""
    inputs, outputs = list(inputs), list(outputs)
    policy, _, aggregation = policy.partition("/")
    attributes = (f' hitPolicy="{policy}"' if policy else "") + (f' aggregation="{aggregation}"' if aggregation else "")
    parts = [f"<decisionTable{attributes}>"]
    for number, expression in enumerate(inputs, start=1):
        parts.append(f'<input id="in{number}">{text("inputExpression", expression)}</input>')
    for number, name in enumerate(outputs, start=1):
        listed = text("outputValues", values[name]) if values and name in values else ""
        fallback = text("defaultOutputEntry", defaults[name]) if defaults and name in defaults else ""
        parts.append(f'<output id="out{number}" name="{name}">{listed}{fallback}</output>')
    for number, rule in enumerate(rules, start=1):
        tests = "".join(text("inputEntry", cell) for cell in rule[: len(inputs)])
        results = "".join(text("outputEntry", cell) for cell in rule[len(inputs) :])
        parts.append(f'<rule id="rule{number}">{tests}{results}</rule>')
    return "".join([*parts, "</decisionTable>"])


def evaluated(resource: bytes, variables: Mapping[str, object], id_: str = "d") -> Evaluation:
    return evaluate(parse(resource, "test.dmn"), id_, cast("dict[str, Value]", variables))


def result(resource: bytes, variables: Mapping[str, object], id_: str = "d") -> Value:
    """The output; the test fails with the failure."""
    evaluation = evaluated(resource, variables, id_)
    assert evaluation.failure == ""
    return evaluation.output


def matched(resource: bytes, variables: Mapping[str, object]) -> list[int]:
    """The numbers of the rules that matched."""
    evaluation = evaluated(resource, variables)
    return [rule.index for rule in evaluation.decisions[-1].rules]
