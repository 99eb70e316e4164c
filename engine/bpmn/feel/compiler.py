"""Compiles a syntax tree to closures, and finds what an expression reads.

Rule: everything that can be refused is refused here, with its place: unknown functions, wrong arguments, too much
nesting. What a name refers to is decided when the expression runs, because a filter makes the fields of its items
visible.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from engine.bpmn.feel import calls, iteration, operators
from engine.bpmn.feel.builtin import Builtin
from engine.bpmn.feel.errors import FeelError, refuse
from engine.bpmn.feel.functions import BUILTINS
from engine.bpmn.feel.limits import NESTING_DEPTH_MAX
from engine.bpmn.feel.operators import Code
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
    Invocation,
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
    TemporalLiteral,
)
from engine.bpmn.feel.temporal_text import parse_temporal

# The nodes from which a value comes out that JSON does not have: a decimal, a date, a range, a function.
_MAKERS = (Arithmetic, Negation, Interval, Loop, FunctionLiteral, Call, Invocation, TemporalLiteral)
# Conditions of a filter that are tests of an item; all others may be a position.
_ITEM_CONDITIONS = (Comparison, Between, Membership, InstanceOf, Quantified, Call, Invocation)


class Compiler:
    """One compilation: `compile` the root once, then read what was found."""

    def __init__(self, text: str, functions: frozenset[str] = frozenset()) -> None:
        """`functions`: names that are functions wherever the expression is evaluated."""
        self.text = text
        self.names: set[str] = set()
        """Variables that the expression reads."""
        self.makes_data = False
        """Whether the result may hold values that JSON does not have."""
        self._bound: tuple[frozenset[str], ...] = (functions,)
        self._depth = 0
        self._deepest = 0
        self._count = 0
        self._reads_input = False
        self._reads_partial = False

    @property
    def height(self) -> int:
        """Levels of syntax inside each other."""
        return self._deepest

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
            case TemporalLiteral(at=at, text=text):
                value = parse_temporal(text)
                return operators.unreadable(text, at) if value is None else operators.constant(value)
            case Name():
                return self._name(node)
            case Path():
                return operators.path(self.compile(node.base), node.names, node.at)
            case Comparison():
                return self._comparison(node)
            case Arithmetic():
                rest = tuple((term.operator, self.compile(term.operand), term.at) for term in node.rest)
                return operators.arithmetic(self.compile(node.first), rest)
            case Logic():
                combine = operators.conjunction if node.operator == "and" else operators.disjunction
                return combine(self._all(node.operands), node.at)
            case Negation():
                return operators.negation(self.compile(node.operand), node.at)
            case Between():
                low, high = self.compile(node.low), self.compile(node.high)
                return operators.between(self.compile(node.value), low, high, node.at)
            case Conditional():
                then, otherwise = self.compile(node.then), self.compile(node.otherwise)
                return operators.conditional(self.compile(node.condition), then, otherwise, node.at)
            case InstanceOf():
                return operators.instance_of(operators.silent(self.compile(node.value)), node.type)
            case ListLiteral():
                return operators.list_literal(self._all(node.items))
            case Call():
                return self._call(node)
            case Invocation():
                function, arguments = self.compile(node.function), self._all(node.arguments)
                return calls.invocation(function, arguments, node.parameters, node.at)
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
                return iteration.quantified(node.quantifier, sources, condition, weight, node.at)
            case FunctionLiteral():
                return self._function(node)
            case Membership():
                return self._membership(node)
            case Interval():
                start, end = self.compile(node.start), self.compile(node.end)
                included = {"start_included": node.start_included, "end_included": node.end_included}
                return operators.interval(start, end, node.at, **included)
            case Input():
                self._reads_input = True
                return operators.tested_input()
        raise AssertionError(f"expected a node of syntax.py, got {node!r}; compile it here")

    def _comparison(self, node: Comparison) -> Code:
        """Who compares with `null` expects null: reading the other side warns of nothing."""
        left, right = self.compile(node.left), self.compile(node.right)
        if isinstance(node.right, Constant) and node.right.value is None:
            left = operators.silent(left)
        return operators.comparison(node.operator, left, right, node.at)

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

    def _name(self, node: Name) -> Code:
        if node.name == iteration.PARTIAL:
            self._reads_partial = True
        if not self._is_bound(node.name):
            self.names.add(node.name)
        return operators.variable(node.name, node.at)

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
                source = iteration.items_source(first, iterator.at)
            else:
                self.makes_data = True
                source = iteration.range_source(first, self.compile(iterator.end), iterator.at)
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
        return iteration.loop(sources, body, weight, node.at, reads_partial=reads_partial)

    def _filter(self, node: Filter) -> Code:
        base = self.compile(node.base)
        condition = node.condition
        if isinstance(condition, Constant) and type(condition.value) in (int, Decimal):
            return iteration.index_filter(base, condition.value, node.at)
        self._bind(("item",))
        code, weight = self._weigh(condition)
        self._unbind()
        may_be_index = not isinstance(condition, _ITEM_CONDITIONS)
        return iteration.item_filter(base, code, weight, node.at, may_be_index=may_be_index)

    def _membership(self, node: Membership) -> Code:
        value = self.compile(node.value)
        outer = self._reads_input
        tests: list[Code] = []
        for test in node.tests:
            self._reads_input = False
            code = self.compile(test)
            if isinstance(test, Constant):
                # `true` is a value to compare with, not a condition that holds whatever the input is.
                code = operators.equality(operators.tested_input(), code, test.at)
            elif not self._reads_input:
                code = operators.matching(code, test.at)
            tests.append(code)
        self._reads_input = outer
        return operators.membership(value, tuple(tests), node.at)

    # Functions

    def _function(self, node: FunctionLiteral) -> Code:
        outer, self._deepest = self._deepest, self._depth
        self._bind(node.parameters)
        body, weight = self._weigh(node.body)
        self._unbind()
        height = self._deepest - self._depth
        self._deepest = max(outer, self._deepest)
        return calls.function_literal(node.parameters, node.types, body, weight, height, node.at)

    def _call(self, node: Call) -> Code:
        if self._is_bound(node.name):
            function = operators.variable(node.name, node.at)
            return calls.invocation(function, self._all(node.arguments), node.parameters, node.at)
        builtin = BUILTINS.get(node.name)
        if builtin is None:
            raise self._refuse(node, f"expected the name of a function, got '{node.name}'; use one of FEEL's built-ins")
        arguments = self._arguments(node, builtin)
        if builtin.pattern is not None:
            self._check_pattern(arguments[builtin.pattern])
        codes = self._all(arguments)
        if builtin.quiet:
            codes = tuple(operators.silent(code) for code in codes)
        return calls.call_builtin(builtin, codes, node.at)

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
        positions = builtin.positions(node.parameters)
        if positions is None:
            names = ", ".join(f"'{name}'" for name in node.parameters)
            raise self._refuse(node, f"expected {builtin.signature()}, got the arguments {names}; fix them")
        given = dict(zip(positions, node.arguments, strict=True))
        null = Constant(at=node.at, value=None)
        return tuple(given.get(position, null) for position in range(max(given) + 1))
