"""The decision requirements graph of a DMN file: what `parse` makes of it and `evaluate` reads.

Types of decisions carry the names that Zeebe writes on its log. Source: DMN 1.5, chapters 6 (requirements),
7 (expressions), 8 (decision tables).
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from engine.bpmn.feel import Expression

UNIQUE = "UNIQUE"
FIRST = "FIRST"
PRIORITY = "PRIORITY"
ANY = "ANY"
COLLECT = "COLLECT"
RULE_ORDER = "RULE ORDER"
OUTPUT_ORDER = "OUTPUT ORDER"

SUM = "SUM"
MIN = "MIN"
MAX = "MAX"
COUNT = "COUNT"


class Input(Struct, frozen=True, kw_only=True):
    """A column of conditions. `name` is its label, or else its expression."""

    id: str
    name: str
    expression: Expression


class Output(Struct, frozen=True, kw_only=True):
    """A column of results. `values`: a list in falling priority, for the hit policies that sort."""

    id: str
    name: str
    label: str
    values: Expression | None
    default: Expression | None


class Rule(Struct, frozen=True, kw_only=True):
    """A row: one test an input, None where every value will do; one expression an output."""

    id: str
    tests: tuple[Expression | None, ...]
    outputs: tuple[Expression, ...]


class DecisionTable(Struct, frozen=True, kw_only=True, tag="DECISION_TABLE"):
    """Rules, and how several that match become one result."""

    hit_policy: str
    aggregation: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    rules: tuple[Rule, ...]


class LiteralExpression(Struct, frozen=True, kw_only=True, tag="LITERAL_EXPRESSION"):
    """A FEEL expression."""

    expression: Expression


class BoxedContext(Struct, frozen=True, kw_only=True, tag="CONTEXT"):
    """Entries that see those before them. With a `result` that is the value, else the context of all entries."""

    entries: tuple[tuple[str, Logic], ...]
    result: Logic | None


class BoxedList(Struct, frozen=True, kw_only=True, tag="LIST"):
    """A list of values."""

    items: tuple[Logic, ...]


class Relation(Struct, frozen=True, kw_only=True, tag="RELATION"):
    """A list of contexts, one a row, with the columns as their keys."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Logic, ...], ...]


class Invocation(Struct, frozen=True, kw_only=True, tag="INVOCATION"):
    """A call of a function with named arguments."""

    function: Expression
    bindings: tuple[tuple[str, Logic], ...]


class FunctionDefinition(Struct, frozen=True, kw_only=True, tag="FUNCTION_DEFINITION"):
    """A function as a value: names of its parameters, each with its type or an empty text.

    `height` is what `Budget.enter` wants to know: levels of logic and of syntax inside each other.
    """

    parameters: tuple[tuple[str, str], ...]
    body: Logic
    height: int


Logic = DecisionTable | LiteralExpression | BoxedContext | BoxedList | Relation | Invocation | FunctionDefinition


class KnowledgeModel(Struct, frozen=True, kw_only=True):
    """A business knowledge model: a function that decisions and others of its kind call by `name`."""

    id: str
    name: str
    function: FunctionDefinition
    #: ids of the knowledge models that it calls
    knowledge: tuple[str, ...] = ()


class Decision(Struct, frozen=True, kw_only=True):
    """One decision. `result_name` is what those that require it call its result; `type` is checked if it is known."""

    id: str
    name: str
    version_tag: str
    result_name: str
    result_type: str
    logic: Logic
    #: ids of the decisions and of the knowledge models that it requires
    decisions: tuple[str, ...] = ()
    knowledge: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """DECISION_TABLE, LITERAL_EXPRESSION, CONTEXT, LIST, RELATION, INVOCATION or FUNCTION_DEFINITION."""
        return str(self.logic.__struct_config__.tag)


class DecisionRequirements(Struct, frozen=True, kw_only=True):
    """The decisions of one DMN file, in document order, and the knowledge models that they call. No cycles."""

    id: str
    name: str
    namespace: str
    decisions: Mapping[str, Decision]
    knowledge: Mapping[str, KnowledgeModel]
