"""The syntax tree of an expression: small frozen structs, made by the parser, read by the compiler.

Chains (`a + b - c`, `a and b and c`, `a.b.c`) are one flat node, so that the depth of the tree is what a person would
call nesting. `at` is the offset of a node's first character, or of its operator.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

ArithmeticOperator = Literal["+", "-", "*", "/", "**"]
Quantifier = Literal["some", "every"]
CompareOperator = Literal["=", "!=", "<", "<=", ">", ">="]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Any part of an expression."""

    at: int


class TypeName(msgspec.Struct, frozen=True, kw_only=True):
    """The name of a type, such as `list<number>`; aliases are resolved."""

    name: str
    items: tuple[TypeName, ...] = ()
    """Of a list or range: the type of what is in it, if it is told. Of a function: its parameters."""
    entries: tuple[tuple[str, TypeName], ...] = ()
    """Of a context."""
    result: TypeName | None = None
    """Of a function."""


class Constant(Node, frozen=True, kw_only=True):
    """A literal: null, boolean, number or string."""

    value: bool | int | Decimal | str | None


class TemporalLiteral(Node, frozen=True, kw_only=True):
    """`@"text"`"""

    text: str


class Name(Node, frozen=True, kw_only=True):
    """A variable."""

    name: str


class Input(Node, frozen=True, kw_only=True):
    """The value that a test is about: `?`, or the left side that `> 5` leaves out."""


class Path(Node, frozen=True, kw_only=True):
    """`base.a.b`"""

    base: Node
    names: tuple[str, ...]


class Filter(Node, frozen=True, kw_only=True):
    """`base[condition]`"""

    base: Node
    condition: Node


class Term(Node, frozen=True, kw_only=True):
    """`+ operand`, within arithmetic."""

    operator: ArithmeticOperator
    operand: Node


class Arithmetic(Node, frozen=True, kw_only=True):
    """`first + a - b`: operators of one precedence, from left to right."""

    first: Node
    rest: tuple[Term, ...]


class Negation(Node, frozen=True, kw_only=True):
    """`-operand`"""

    operand: Node


class Comparison(Node, frozen=True, kw_only=True):
    """`left < right`"""

    operator: CompareOperator
    left: Node
    right: Node


class Between(Node, frozen=True, kw_only=True):
    """`value between low and high`"""

    value: Node
    low: Node
    high: Node


class Logic(Node, frozen=True, kw_only=True):
    """`a and b and c`, or the same with `or`."""

    operator: Literal["and", "or"]
    operands: tuple[Node, ...]


class Conditional(Node, frozen=True, kw_only=True):
    """`if condition then then else otherwise`"""

    condition: Node
    then: Node
    otherwise: Node


class Membership(Node, frozen=True, kw_only=True):
    """`value in (tests)`: true if any test is."""

    value: Node
    tests: tuple[Node, ...]


class Interval(Node, frozen=True, kw_only=True):
    """`[start..end]`, or with open ends."""

    start: Node
    end: Node
    start_included: bool
    end_included: bool


class ListLiteral(Node, frozen=True, kw_only=True):
    """`[a, b]`"""

    items: tuple[Node, ...]


class ContextLiteral(Node, frozen=True, kw_only=True):
    """`{a: 1, "b c": a}`"""

    entries: tuple[tuple[str, Node], ...]


class Iterator(Node, frozen=True, kw_only=True):
    """`name in source`, or `name in source..end`."""

    name: str
    source: Node
    end: Node | None


class Loop(Node, frozen=True, kw_only=True):
    """`for iterators return body`"""

    iterators: tuple[Iterator, ...]
    body: Node


class Quantified(Node, frozen=True, kw_only=True):
    """`some iterators satisfies condition`, or the same with `every`."""

    quantifier: Quantifier
    iterators: tuple[Iterator, ...]
    condition: Node


class InstanceOf(Node, frozen=True, kw_only=True):
    """`value instance of type`"""

    value: Node
    type: TypeName


class Call(Node, frozen=True, kw_only=True):
    """`name(arguments)`; `parameters` is empty for positional arguments, else one name per argument."""

    name: str
    arguments: tuple[Node, ...]
    parameters: tuple[str, ...]


class Invocation(Node, frozen=True, kw_only=True):
    """`function(arguments)`, where the function is the value of an expression, such as `context.name(…)`."""

    function: Node
    arguments: tuple[Node, ...]
    parameters: tuple[str, ...]


class FunctionLiteral(Node, frozen=True, kw_only=True):
    """`function(parameters) body`; a parameter without a type has None."""

    parameters: tuple[str, ...]
    types: tuple[TypeName | None, ...]
    body: Node
