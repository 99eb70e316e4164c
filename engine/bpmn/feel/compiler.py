"""Compiles a syntax tree to closures, and finds what an expression reads.

Rule: everything that can be refused is refused here, with its place: unknown functions, wrong arguments, too much
nesting. What a name refers to is decided when the expression runs, because a filter makes the fields of its items
visible.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from engine.bpmn.feel import iteration, operators
from engine.bpmn.feel.builtin import Builtin
from engine.bpmn.feel.errors import FeelError, refuse
from engine.bpmn.feel.functions import BUILTINS, UNSUPPORTED
from engine.bpmn.feel.limits import NESTING_DEPTH_MAX
from engine.bpmn.feel.operators import INPUT, Code
from engine.bpmn.feel.pattern_syntax import PatternError
from engine.bpmn.feel.patterns import compile_pattern
from engine.bpmn.feel.syntax import (
    Arithmetic,
    Between,
    Call,
    Comparison,
    Conditional,
    Constant,
    ContextLiteral,
    Filter,
    FunctionLiteral,
    Input,
    InstanceOf,
    Interval,
    Iterator,
    ListLiteral,
    Logic,
    Loop,
    Membership,
    Name,
    Negation,
    Node,
    Path,
    Quantified,
)

# The nodes from which a value comes out that JSON does not have: a decimal, a range, a function.
_MAKERS = (Arithmetic, Negation, Interval, Loop, FunctionLiteral, Call)
# Conditions of a filter that are tests of an item; all others may be a position.
_ITEM_CONDITIONS = (Comparison, Between, Membership, InstanceOf, Quantified, Call)


class Compiler:
    """One compilation: `compile` the root once, then read what was found."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        """Variables that the expression reads."""
        self.makes_data = False
        """Whether the result may hold values that JSON does not have."""
        self._bound: tuple[frozenset[str], ...] = ()
        self._depth = 0
        self._deepest = 0
        self._count = 0
        self._reads_input = False
        self._reads_partial = False

    def compile(self, node: Node) -> Code:
        self._depth += 1
        self._deepest = max(self._deepest, self._depth)
        self._count += 1
        if self._depth > NESTING_DEPTH_MAX:
            raise self._refuse(node, f"expected at most {NESTING_DEPTH_MAX} levels of nesting, got more; split it")
        if isinstance(node, _MAKERS) or (isinstance(node, Constant) and isinstance(node.value, Decimal)):
            self.makes_data = True
        code = self._dispatch(node)
        self._depth -= 1
        return code

    def _dispatch(self, node: Node) -> Code:
        match node:
            case Constant():
                return operators.constant(node.value)
            case Name():
                return self._name(node.name)
            case Path():
                return operators.path(self.compile(node.base), node.names)
            case Comparison():
                return operators.comparison(node.operator, self.compile(node.left), self.compile(node.right))
            case Arithmetic():
                rest = tuple((symbol, self.compile(operand)) for symbol, operand in node.rest)
                return operators.arithmetic(self.compile(node.first), rest)
            case Logic():
                combine = operators.conjunction if node.operator == "and" else operators.disjunction
                return combine(self._all(node.operands))
            case Negation():
                return operators.negation(self.compile(node.operand))
            case Between():
                low, high = self.compile(node.low), self.compile(node.high)
                return operators.between(self.compile(node.value), low, high)
            case Conditional():
                then, otherwise = self.compile(node.then), self.compile(node.otherwise)
                return operators.conditional(self.compile(node.condition), then, otherwise)
            case InstanceOf():
                return operators.instance_of(self.compile(node.value), node.type_name)
            case ListLiteral():
                return operators.list_literal(self._all(node.items))
            case Call():
                return self._call(node)
        return self._dispatch_scoped(node)

    def _dispatch_scoped(self, node: Node) -> Code:
        """The nodes that bind names, or see the input of a test."""
        match node:
            case ContextLiteral():
                return self._context(node)
            case Filter():
                return self._filter(node)
            case Loop():
                return self._loop(node)
            case Quantified():
                sources = self._iterators(node.iterators)
                condition, weight = self._weigh(node.condition)
                self._unbind(len(sources))
                return iteration.quantified(node.quantifier, sources, condition, weight)
            case FunctionLiteral():
                return self._function(node)
            case Membership():
                return self._membership(node)
            case Interval():
                start, end = self.compile(node.start), self.compile(node.end)
                included = {"start_included": node.start_included, "end_included": node.end_included}
                return operators.interval(start, end, **included)
            case Input():
                self._reads_input = True
                return operators.variable(INPUT)
        raise AssertionError(f"expected a node of syntax.py, got {node!r}; compile it here")

    def _all(self, nodes: Iterable[Node]) -> tuple[Code, ...]:
        return tuple(self.compile(node) for node in nodes)

    def _weigh(self, node: Node) -> tuple[Code, int]:
        """The code of a body that may run often, and how many nodes it has."""
        before = self._count
        return self.compile(node), self._count - before

    def _refuse(self, node: Node, message: str) -> FeelError:
        return refuse(message, self.text, node.at)

    # Names

    def _bind(self, names: Iterable[str]) -> None:
        self._bound = (*self._bound, frozenset(names))

    def _unbind(self, count: int = 1) -> None:
        self._bound = self._bound[: len(self._bound) - count]

    def _is_bound(self, name: str) -> bool:
        return any(name in names for names in self._bound)

    def _name(self, name: str) -> Code:
        if name == iteration.PARTIAL:
            self._reads_partial = True
        if not self._is_bound(name):
            self.names.add(name)
        return operators.variable(name)

    def _context(self, node: ContextLiteral) -> Code:
        entries: list[tuple[str, Code]] = []
        for key, value in node.entries:
            entries.append((key, self.compile(value)))
            self._bind((key,))
        self._unbind(len(entries))
        return operators.context_literal(tuple(entries))

    def _iterators(self, iterators: tuple[Iterator, ...]) -> tuple[tuple[str, iteration.Source], ...]:
        """The sources of iterators; leaves one binding for each."""
        sources: list[tuple[str, iteration.Source]] = []
        for iterator in iterators:
            first = self.compile(iterator.source)
            if iterator.end is None:
                source = iteration.items_source(first)
            else:
                self.makes_data = True
                source = iteration.range_source(first, self.compile(iterator.end))
            sources.append((iterator.name, source))
            self._bind((iterator.name,))
        return tuple(sources)

    def _loop(self, node: Loop) -> Code:
        sources = self._iterators(node.iterators)
        outer, self._reads_partial = self._reads_partial, False
        self._bind((iteration.PARTIAL,))
        body, weight = self._weigh(node.body)
        self._unbind(len(sources) + 1)
        reads_partial, self._reads_partial = self._reads_partial, outer
        return iteration.loop(sources, body, weight, reads_partial=reads_partial)

    def _filter(self, node: Filter) -> Code:
        base = self.compile(node.base)
        condition = node.condition
        if isinstance(condition, Constant) and type(condition.value) in (int, Decimal):
            return iteration.index_filter(base, condition.value)
        self._bind(("item",))
        code, weight = self._weigh(condition)
        self._unbind()
        return iteration.item_filter(base, code, weight, may_be_index=not isinstance(condition, _ITEM_CONDITIONS))

    def _membership(self, node: Membership) -> Code:
        value = self.compile(node.value)
        outer = self._reads_input
        tests: list[Code] = []
        for test in node.tests:
            self._reads_input = False
            code = self.compile(test)
            tests.append(code if self._reads_input else operators.matching(code))
        self._reads_input = outer
        return operators.membership(value, tuple(tests))

    # Functions

    def _function(self, node: FunctionLiteral) -> Code:
        outer, self._deepest = self._deepest, self._depth
        self._bind(node.parameters)
        body, weight = self._weigh(node.body)
        self._unbind()
        height = self._deepest - self._depth
        self._deepest = max(outer, self._deepest)
        return iteration.function_literal(node.parameters, body, weight, height)

    def _call(self, node: Call) -> Code:
        if self._is_bound(node.name):
            if node.parameters:
                raise self._refuse(
                    node, f"expected positional arguments for '{node.name}', got named ones; drop the names"
                )
            return iteration.call_function(node.name, self._all(node.arguments))
        if node.name in UNSUPPORTED:
            raise self._refuse(node, f"expected a supported function, got '{node.name}' ({UNSUPPORTED[node.name]})")
        builtin = BUILTINS.get(node.name)
        if builtin is None:
            raise self._refuse(node, f"expected the name of a function, got '{node.name}'; use one of FEEL's built-ins")
        arguments = self._arguments(node, builtin)
        if builtin.pattern is not None:
            self._check_pattern(arguments[builtin.pattern])
        return iteration.call_builtin(builtin, self._all(arguments))

    def _check_pattern(self, argument: Node) -> None:
        """Refuse a regular expression that is written out and could never work."""
        if isinstance(argument, Constant) and isinstance(argument.value, str):
            try:
                compile_pattern(argument.value, "")
            except PatternError as error:
                raise self._refuse(argument, str(error)) from None

    def _arguments(self, node: Call, builtin: Builtin) -> tuple[Node, ...]:
        """The arguments in the order of the parameters; those left out between others are null."""
        if not node.parameters:
            if not builtin.accepts(len(node.arguments)):
                raise self._refuse(
                    node, f"expected {builtin.signature()}, got {len(node.arguments)} arguments; fix them"
                )
            return node.arguments
        given: dict[int, Node] = {}
        for name, argument in zip(node.parameters, node.arguments, strict=True):
            position = builtin.position(name)
            if position is None or position in given:
                raise self._refuse(node, f"expected {builtin.signature()}, got an argument named '{name}'; fix it")
            given[position] = argument
        missing = [position for position in range(builtin.required) if position not in given]
        if missing:
            raise self._refuse(node, f"expected {builtin.signature()}, got no '{builtin.label(missing[0])}'; add it")
        null = Constant(at=node.at, value=None)
        return tuple(given.get(position, null) for position in range(max(given) + 1))
