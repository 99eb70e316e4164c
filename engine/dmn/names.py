"""The names of DMN, sorted by what becomes of them.

Owns which elements are executed, which are read without effect, and which are refused under what name. A name in no
table is refused as unknown. Data only. Source: DMN 1.1 to 1.5, XML schemas.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import model

#: Namespace of the model -> version of DMN. Camunda Modeler writes 1.3.
DMN: Mapping[str, str] = {
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd": "1.1",
    "http://www.omg.org/spec/DMN/20151130": "1.1",
    "http://www.omg.org/spec/DMN/20180521/MODEL/": "1.2",
    "https://www.omg.org/spec/DMN/20191111/MODEL/": "1.3",
    "http://www.omg.org/spec/DMN/20191111/MODEL/": "1.3",
    "https://www.omg.org/spec/DMN/20211108/MODEL/": "1.4",
    "https://www.omg.org/spec/DMN/20230324/MODEL/": "1.5",
}

#: What an `expressionLanguage` may be: FEEL, by its name or by a namespace.
FEEL = frozenset(
    {
        "feel",
        "http://www.omg.org/spec/feel/20140401",
        "http://www.omg.org/spec/dmn/20180521/feel/",
        "https://www.omg.org/spec/dmn/20191111/feel/",
        "https://www.omg.org/spec/dmn/20211108/feel/",
        "https://www.omg.org/spec/dmn/20230324/feel/",
    }
)

#: Children of the root that have no effect on an evaluation.
ROOT_CHILDREN_IGNORED = frozenset(
    {
        "description",
        "extensionElements",
        "itemDefinition",
        "inputData",
        "knowledgeSource",
        "textAnnotation",
        "association",
        "group",
        "artifact",
        "elementCollection",
        "performanceIndicator",
        "organizationUnit",
        "businessContextElement",
        "decisionService",
    }
)

#: Children of a decision or knowledge model besides requirements and logic.
OWNER_CHILDREN_IGNORED = frozenset(
    {
        "description",
        "extensionElements",
        "question",
        "allowedAnswers",
        "variable",
        "authorityRequirement",
        "supportedObjective",
        "impactedPerformanceIndicator",
        "decisionMaker",
        "decisionOwner",
        "usingProcess",
        "usingTask",
    }
)

#: Expressions that are executed.
LOGIC = frozenset(
    {
        "decisionTable",
        "literalExpression",
        "context",
        "list",
        "relation",
        "invocation",
        "functionDefinition",
    }
)

#: Expressions that are refused, and what they are called.
LOGIC_REFUSED: Mapping[str, str] = {
    "conditional": "boxed conditional",
    "filter": "boxed filter",
    "for": "boxed iterator (for)",
    "some": "boxed iterator (some)",
    "every": "boxed iterator (every)",
}

HIT_POLICIES = frozenset(
    {
        model.UNIQUE,
        model.FIRST,
        model.PRIORITY,
        model.ANY,
        model.COLLECT,
        model.RULE_ORDER,
        model.OUTPUT_ORDER,
    }
)
#: Hit policies that sort by the output values.
SORTING = frozenset({model.PRIORITY, model.OUTPUT_ORDER})

AGGREGATIONS = frozenset({model.SUM, model.MIN, model.MAX, model.COUNT})
