"""The expression of a decision or knowledge model, whatever its kind, boxed ones inside each other.

Owns which kinds there are and how deep they may nest. Source: DMN 1.5, chapter 7 and 10.2 (boxed expressions).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import structs

from engine.bpmn.report import Report, quote
from engine.bpmn.xml_tree import Node

from .expressions import NOTHING, Texts
from .model import (
    BoxedContext,
    BoxedList,
    DecisionTable,
    FunctionDefinition,
    Invocation,
    LiteralExpression,
    Logic,
    Relation,
)
from .names import LOGIC, LOGIC_REFUSED
from .table import Place, read_table

#: Boxed expressions inside each other.
LOGIC_DEPTH_MAX = 16

_NO_LOGIC = LiteralExpression(expression=NOTHING)


def logic_nodes(node: Node) -> list[Node]:
    """The children that are expressions, those that are refused included."""
    return [child for child in node.children_in(node.namespace) if child.name in LOGIC or child.name in LOGIC_REFUSED]


class LogicReader:
    """Reads the expressions of one model. What it gives is usable only if the report stays empty."""

    def __init__(self, texts: Texts, report: Report) -> None:
        self._texts = texts
        self._report = report
        self._readers: dict[str, Callable[[Node, Place], Logic]] = {
            "decisionTable": lambda node, place: read_table(node, place, texts, report),
            "literalExpression": self._literal,
            "context": self._context,
            "list": self._list,
            "relation": self._relation,
            "invocation": self._invocation,
            "functionDefinition": self.function,
        }

    def only(self, holder: Node, place: Place, what: str) -> Logic:
        """The one expression that stands inside `holder`."""
        found = logic_nodes(holder)
        if len(found) != 1:
            got = "none" if not found else f"{len(found)}"
            message = f"expected one expression as {what}, got {got}; write exactly one"
            self._report.refuse(place.owner, message, at=holder)
            return _NO_LOGIC
        return self.read(found[0], place)

    def read(self, node: Node, place: Place) -> Logic:
        if place.depth >= LOGIC_DEPTH_MAX:
            message = f"expected at most {LOGIC_DEPTH_MAX} levels of expressions, got more; make some of them decisions"
            self._report.refuse(place.owner, message, at=node)
            return _NO_LOGIC
        if node.name in LOGIC_REFUSED:
            message = f"expected no {LOGIC_REFUSED[node.name]}, which cannot be executed yet; write it in FEEL"
            self._report.refuse(place.owner, message, at=node)
            return _NO_LOGIC
        return self._readers[node.name](node, structs.replace(place, depth=place.depth + 1))

    def _literal(self, node: Node, place: Place) -> Logic:
        if node.child(node.namespace, "importedValues") is not None:
            self._report.refuse(place.owner, "expected no imported values, got some; write them in the model", at=node)
        return LiteralExpression(
            expression=self._texts.expression(place.owner, node, "a literal expression", place.functions)
        )

    def _context(self, node: Node, place: Place) -> Logic:
        """An entry without a name is the result, and the last one."""
        entries: list[tuple[str, Logic]] = []
        result: Logic | None = None
        for entry in (child for child in node.children_in(node.namespace) if child.name == "contextEntry"):
            if result is not None:
                message = "expected a name for each entry of a context but the last, got none; set it"
                self._report.refuse(place.owner, message, at=entry)
            name = name_of(entry)
            logic = self.only(entry, place, f"the context entry '{quote(name)}'" if name else "the result of a context")
            if name:
                entries.append((name, logic))
                place = structs.replace(place, functions=place.functions | {name})
            else:
                result = logic
        return BoxedContext(entries=tuple(entries), result=result)

    def _list(self, node: Node, place: Place) -> Logic:
        return BoxedList(items=tuple(self.read(child, place) for child in logic_nodes(node)))

    def _relation(self, node: Node, place: Place) -> Logic:
        columns = [child.get("name") for child in node.children_in(node.namespace) if child.name == "column"]
        if not all(columns) or len(set(columns)) != len(columns):
            message = "expected a name of its own for each column of a relation; set it"
            self._report.refuse(place.owner, message, at=node)
        rows: list[tuple[Logic, ...]] = []
        for row in (child for child in node.children_in(node.namespace) if child.name == "row"):
            cells = logic_nodes(row)
            if len(cells) != len(columns):
                message = f"expected {len(columns)} cells in each row of a relation, got {len(cells)}; correct the row"
                self._report.refuse(place.owner, message, at=row)
            rows.append(tuple(self.read(cell, place) for cell in cells))
        return Relation(columns=tuple(columns), rows=tuple(rows))

    def _invocation(self, node: Node, place: Place) -> Logic:
        called = logic_nodes(node)
        if len(called) != 1 or called[0].name != "literalExpression":
            message = "expected the name of a function in an invocation, as a literal expression; write it"
            self._report.refuse(place.owner, message, at=node)
            return _NO_LOGIC
        bindings: list[tuple[str, Logic]] = []
        for binding in (child for child in node.children_in(node.namespace) if child.name == "binding"):
            parameter = binding.child(node.namespace, "parameter")
            name = parameter.get("name") if parameter is not None else ""
            if not name or name in dict(bindings):
                message = "expected a parameter of its own for each binding of an invocation; set its name"
                self._report.refuse(place.owner, message, at=binding)
            bindings.append((name, self.only(binding, place, f"the argument '{quote(name)}'")))
        what = "the function of an invocation"
        function = self._texts.expression(place.owner, called[0], what, place.functions)
        return Invocation(function=function, bindings=tuple(bindings))

    def function(self, node: Node, place: Place) -> FunctionDefinition:
        """A `functionDefinition`, or the `encapsulatedLogic` of a knowledge model, which has the same content."""
        kind = node.get("kind") or "FEEL"
        if kind != "FEEL":
            message = f"expected a function in FEEL, got one in {quote(kind)}; write it in FEEL"
            self._report.refuse(place.owner, message, at=node)
        nodes = [child for child in node.children_in(node.namespace) if child.name == "formalParameter"]
        parameters = tuple((child.get("name"), child.get("typeRef")) for child in nodes)
        names = [name for name, _ in parameters]
        if not all(names) or len(set(names)) != len(names):
            self._report.refuse(place.owner, "expected a name of its own for each parameter; set it", at=node)
        inside = structs.replace(place, functions=place.functions | set(names))
        body = self.only(node, inside, "the body of a function")
        return FunctionDefinition(parameters=parameters, body=body, height=height_of(body))


def name_of(node: Node) -> str:
    """The name of the `variable` of a node; empty when it has none."""
    variable = node.child(node.namespace, "variable")
    return variable.get("name") if variable is not None else ""


def height_of(logic: Logic) -> int:
    """Levels of logic and of FEEL inside each other."""
    match logic:
        case LiteralExpression():
            return 1 + logic.expression.height
        case DecisionTable():
            cells = [entry for rule in logic.rules for entry in (*rule.tests, *rule.outputs) if entry is not None]
            return 1 + max((cell.height for cell in (*cells, *(i.expression for i in logic.inputs))), default=0)
        case BoxedContext():
            results = () if logic.result is None else (logic.result,)
            return 1 + _highest((*(entry for _, entry in logic.entries), *results))
        case BoxedList():
            return 1 + _highest(logic.items)
        case Relation():
            return 1 + _highest(cell for row in logic.rows for cell in row)
        case Invocation():
            return 1 + max(logic.function.height, _highest(argument for _, argument in logic.bindings))
        case FunctionDefinition():
            return 1 + logic.height


def _highest(logics: Iterable[Logic]) -> int:
    return max((height_of(logic) for logic in logics), default=0)
