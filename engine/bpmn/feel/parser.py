"""Turns tokens into a syntax tree (DMN 1.5, 10.3.1.2), by precedence climbing.

Rule: the grammar is that of the DMN specification, with feel-scala's choices where it is ambiguous: names with spaces
are written in backticks, except those of built-in functions and of context keys; a negation binds tighter than `**`;
`**` associates to the left; comparisons do not chain. Unlike both, the end of a range takes no filter without
parentheses, because `]1..x[` could not be told from one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import cast

from engine.bpmn.feel import syntax
from engine.bpmn.feel.arithmetic import exact, negate, parse_number
from engine.bpmn.feel.constructs import Constructs
from engine.bpmn.feel.errors import refuse
from engine.bpmn.feel.grammar import (
    ADD,
    AND,
    COMPARE,
    CONSTANTS,
    FUNCTION_WORDS_MAX,
    KEYWORDS,
    LEVELS,
    OPERAND,
    OR,
    RESERVED,
)
from engine.bpmn.feel.limits import TEXT_LENGTH_MAX
from engine.bpmn.feel.syntax import Node

# What may stand before the parenthesis of a call, besides a name.
_CALLABLE = (syntax.Path, syntax.Filter, syntax.Call, syntax.Invocation, syntax.FunctionLiteral)


def parse(text: str, function_names: Container[str], known_names: Iterable[str] = ()) -> Node:
    """The tree of `text`. `function_names` tells which names of several words are functions, `known_names` which ones
    are variables. Raises FeelError."""
    return _parser(text, function_names, known_names).parse()


def parse_tests(text: str, function_names: Container[str], known_names: Iterable[str] = ()) -> Node:
    """The tree of unary tests (DMN 1.5, 10.3.1.2, grammar rules 12 to 17): a condition about the tested input."""
    return _parser(text, function_names, known_names).parse_tests()


def _parser(text: str, function_names: Container[str], known_names: Iterable[str]) -> _Parser:
    if len(text) > TEXT_LENGTH_MAX:
        raise refuse(
            f"expected an expression of at most {TEXT_LENGTH_MAX} characters, got {len(text)}; split it", text, 0
        )
    parser = _Parser(text, function_names)
    for name in known_names:
        parser.bind(name)
    return parser


class _Parser(Constructs):
    """One pass over the tokens of one expression."""

    def __init__(self, text: str, function_names: Container[str]) -> None:
        super().__init__(text)
        self.function_names = function_names

    def parse(self) -> Node:
        node = self.expression()
        if self.token.kind != "end":
            raise self.unexpected("an operator or the end of the expression")
        return node

    def parse_tests(self) -> Node:
        """Nothing and `-` are true for every input; `not(…)` around all tests negates them."""
        if self.at_end() or (self.at("-") and self.peek(1).kind == "end"):
            return syntax.Constant(at=0, value=True)
        self.in_test = True
        if self.at("not") and self.peek(1).text == "(":
            self.advance()
            tests = self.bracketed_tests()
            if self.at_end():
                return syntax.Call(at=0, name="not", arguments=(self.tested(tests),), parameters=())
            self.index = 0
        tests = self.test_list()
        if not self.at_end():
            raise self.unexpected("an operator, ',' or the end of the tests")
        return self.tested(tests)

    def at_end(self) -> bool:
        return self.token.kind == "end"

    def tested(self, tests: tuple[Node, ...]) -> Node:
        return syntax.Membership(at=tests[0].at, value=syntax.Input(at=tests[0].at), tests=tests)

    # Operators

    def expression(self, level: int = OR) -> Node:
        self.enter()
        node = self.operand()
        compared = False
        while (found := self.operator_level()) >= level:
            if found == COMPARE and compared:
                raise self.unexpected("'and', 'or' or the end of a comparison (comparisons do not chain)")
            compared = found == COMPARE
            node = self.comparison(node) if compared else self.chain(node, found)
        self.depth -= 1
        return node

    def operator_level(self) -> int:
        return LEVELS.get(self.token.text, 0) if self.token.kind in ("symbol", "word") else 0

    def chain(self, first: Node, level: int) -> Node:
        at = self.token.at
        terms: list[syntax.Term] = []
        while self.operator_level() == level:
            token = self.advance()
            symbol = cast("syntax.ArithmeticOperator", token.text)
            terms.append(syntax.Term(at=token.at, operator=symbol, operand=self.expression(level + 1)))
        if level in (OR, AND):
            operands = (first, *(term.operand for term in terms))
            return syntax.Logic(at=at, operator="or" if level == OR else "and", operands=operands)
        return syntax.Arithmetic(at=at, first=first, rest=tuple(terms))

    def comparison(self, left: Node) -> Node:
        token = self.advance()
        match token.text:
            case "between":
                low = self.expression(ADD)
                self.expect("and")
                return syntax.Between(at=token.at, value=left, low=low, high=self.expression(ADD))
            case "instance":
                self.expect("of")
                return syntax.InstanceOf(at=self.token.at, value=left, type=self.type())
            case "in":
                return syntax.Membership(at=token.at, value=left, tests=self.tests())
        right = self.expression(ADD)
        return syntax.Comparison(
            at=token.at, operator=cast("syntax.CompareOperator", token.text), left=left, right=right
        )

    # Tests, the right side of `in`

    def tests(self) -> tuple[Node, ...]:
        outer, self.in_test = self.in_test, True
        tests = self.bracketed_tests() if self.at("(") else (self.expression(ADD),)
        self.in_test = outer
        return tests

    def bracketed_tests(self) -> tuple[Node, ...]:
        at = self.advance().at
        outer, self.in_range_end = self.in_range_end, False
        tests = [self.expression()]
        if self.at(".."):
            self.in_range_end = outer
            return (self.interval(at, tests[0], start_included=False),)
        while self.accept(","):
            tests.append(self.expression())
        self.in_range_end = outer
        self.expect(")")
        return tuple(tests)

    def test_list(self) -> tuple[Node, ...]:
        tests = [self.expression()]
        while self.accept(","):
            tests.append(self.expression())
        return tuple(tests)

    def unary_test(self) -> Node:
        token = self.advance()
        operand = self.expression(ADD)
        operator = cast("syntax.CompareOperator", token.text)
        return syntax.Comparison(at=token.at, operator=operator, left=syntax.Input(at=token.at), right=operand)

    # Operands

    def operand(self) -> Node:
        return self.postfix(self.prefix())

    def postfix(self, node: Node) -> Node:
        """`.name`, `[filter]` and `(arguments)`, as many as follow."""
        while True:
            at = self.token.at
            if self.at("."):
                names: list[str] = []
                while self.accept("."):
                    names.append(self.path_name())
                node = syntax.Path(at=at, base=node, names=tuple(names))
            elif self.at("[") and not self.in_range_end:
                self.advance()
                condition = self.nested(self.expression)
                self.expect("]")
                node = syntax.Filter(at=at, base=node, condition=condition)
            elif self.at("(") and isinstance(node, _CALLABLE):
                arguments, parameters = self.arguments()
                node = syntax.Invocation(at=at, function=node, arguments=arguments, parameters=parameters)
            else:
                return node

    def prefix(self) -> Node:
        token = self.token
        match token.kind:
            case "number":
                return self.number()
            case "string":
                return syntax.Constant(at=token.at, value=self.advance().text)
            case "name":
                self.advance()
                return self.call(token.text, token.at) if self.at("(") else syntax.Name(at=token.at, name=token.text)
            case "word":
                return self.word()
            case "symbol":
                return self.symbol()
        raise self.unexpected("an expression")

    def number(self) -> Node:
        token = self.token
        value = parse_number(token.text)
        if value is None:
            raise self.unexpected("a number of at most 34 digits and an exponent of at most 6144")
        self.advance()
        return syntax.Constant(at=token.at, value=value)

    def symbol(self) -> Node:
        token = self.token
        match token.text:
            case "-":
                self.advance()
                operand = self.expression(OPERAND)
                number = exact(operand.value) if isinstance(operand, syntax.Constant) else None
                if number is not None:
                    return syntax.Constant(at=token.at, value=negate(number))
                return syntax.Negation(at=token.at, operand=operand)
            case "(":
                return self.nested(self.parenthesis)
            case "[":
                return self.nested(self.bracket)
            case "]":
                return self.nested(self.open_interval)
            case "{":
                return self.nested(self.context)
            case "@":
                return self.temporal()
            case "?" if self.in_test:
                return syntax.Input(at=self.advance().at)
            case "<" | "<=" | ">" | ">=" if self.in_test:
                return self.unary_test()
        raise self.unexpected("an expression")

    def parenthesis(self) -> Node:
        at = self.advance().at
        node = self.expression()
        if self.at(".."):
            return self.interval(at, node, start_included=False)
        self.expect(")")
        return node

    def bracket(self) -> Node:
        at = self.advance().at
        if self.accept("]"):
            return syntax.ListLiteral(at=at, items=())
        items = [self.expression()]
        if self.at(".."):
            return self.interval(at, items[0], start_included=True)
        while self.accept(","):
            items.append(self.expression())
        self.expect("]", ",")
        return syntax.ListLiteral(at=at, items=tuple(items))

    def open_interval(self) -> Node:
        at = self.advance().at
        start = self.expression(ADD)
        if not self.at(".."):
            raise self.unexpected("'..' in a range")
        return self.interval(at, start, start_included=False)

    def interval(self, at: int, start: Node, *, start_included: bool) -> Node:
        """The rest of a range from `..` on."""
        self.expect("..")
        outer, self.in_range_end = self.in_range_end, True
        end = self.expression(ADD)
        self.in_range_end = outer
        closing = self.expect("]", ")", "[").text
        return syntax.Interval(at=at, start=start, end=end, start_included=start_included, end_included=closing == "]")

    def temporal(self) -> Node:
        at = self.advance().at
        if self.token.kind != "string":
            raise self.unexpected("a string after '@'")
        return syntax.TemporalLiteral(at=at, text=self.advance().text)

    # Words

    def word(self) -> Node:
        token = self.token
        name_length = self.function_name_length()
        if name_length:
            name = " ".join(self.advance().text for _ in range(name_length))
            return self.call(name, token.at)
        match token.text:
            case "if":
                return self.conditional()
            case "for":
                self.advance()
                iterators = self.iterators("return")
                return syntax.Loop(at=token.at, iterators=iterators, body=self.expression())
            case "some" | "every":
                self.advance()
                iterators = self.iterators("satisfies")
                condition = self.expression()
                return syntax.Quantified(at=token.at, quantifier=token.text, iterators=iterators, condition=condition)
            case "function":
                return self.function()
            case "null" | "true" | "false":
                self.advance()
                return syntax.Constant(at=token.at, value=CONSTANTS[token.text])
        if token.text in RESERVED:
            raise self.unexpected("an expression")
        name = self.known_name() or self.advance().text
        return syntax.Name(at=token.at, name=name)

    def function_name_length(self) -> int:
        """How many words from here on are the name of a function that is called; 0 if none is."""
        count = 0
        while self.peek(count).kind == "word" and count < FUNCTION_WORDS_MAX:
            count += 1
        after = self.peek(count)
        if count == 0 or after.kind != "symbol" or after.text != "(":
            return 0
        words = [self.peek(distance).text for distance in range(count)]
        known = " ".join(words) in self.function_names
        return count if known or not KEYWORDS.intersection(words) else 0

    def call(self, name: str, at: int) -> Node:
        arguments, parameters = self.arguments()
        return syntax.Call(at=at, name=name, arguments=arguments, parameters=parameters)
