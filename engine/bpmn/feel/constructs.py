"""Parses what has a beginning and an end of its own: names, types, contexts, arguments, iterators, functions."""

from __future__ import annotations

from collections.abc import Callable

from engine.bpmn.feel import syntax
from engine.bpmn.feel.cursor import Cursor
from engine.bpmn.feel.errors import refuse
from engine.bpmn.feel.grammar import ADD, NAME_SYMBOLS, OR, PROPERTIES, RESERVED, TYPE_NAMES
from engine.bpmn.feel.limits import NESTING_DEPTH_MAX
from engine.bpmn.feel.syntax import Node, TypeName
from engine.bpmn.feel.tokens import split_tokens
from engine.bpmn.feel.type_names import ALIASES

_TYPE_WORDS = {name: [token.text for token in split_tokens(name)[:-1]] for name in TYPE_NAMES}


class Constructs(Cursor):
    """The part of the parser that knows brackets and names; `expression` is what stands inside of them."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.in_test = False
        self.in_range_end = False
        self.known_names: set[tuple[str, ...]] = set()
        """Names of several words that the expression has bound so far: they need no backticks any more."""
        self.longest_name = 0

    def expression(self, level: int = OR) -> Node:
        """An expression of operators that bind at least as tightly as `level`."""
        raise NotImplementedError

    def nested(self, parse_part: Callable[[], Node]) -> Node:
        """Parse what stands between brackets, where the end of a range or a test around it no longer matters."""
        outer, self.in_range_end = self.in_range_end, False
        node = parse_part()
        self.in_range_end = outer
        return node

    def enter(self) -> None:
        """Count a level of nesting; whoever enters a level sets `depth` back when it leaves."""
        self.depth += 1
        if self.depth > NESTING_DEPTH_MAX:
            message = f"expected at most {NESTING_DEPTH_MAX} levels of nesting, got more; split the expression"
            raise refuse(message, self.text, self.token.at)

    # Names

    def bind(self, name: str) -> str:
        words = tuple(name.split(" "))
        if len(words) > 1:
            self.known_names.add(words)
            self.longest_name = max(self.longest_name, len(words))
        return name

    def known_name(self) -> str | None:
        """The longest name of several words that starts here and is known; it is consumed."""
        words: list[str] = []
        while len(words) < self.longest_name and self.peek(len(words)).kind == "word":
            words.append(self.peek(len(words)).text)
        for length in range(len(words), 1, -1):
            if tuple(words[:length]) in self.known_names:
                self.index += length
                return " ".join(words[:length])
        return None

    def local_name(self) -> str:
        """The name that an iterator or a parameter binds: in backticks, or words up to what is no part of a name."""
        if self.token.kind == "name":
            return self.bind(self.advance().text)
        words: list[str] = []
        while self.token.kind == "word" and self.token.text not in RESERVED:
            words.append(self.advance().text)
        if not words:
            raise self.unexpected("a name")
        return self.bind(" ".join(words))

    def key(self) -> str:
        """The key of a context entry or the name of an argument: a string, or anything up to the colon."""
        if self.token.kind in ("string", "name"):
            return self.advance().text
        start = self.index
        while self.token.kind in ("word", "number") or self.at(*NAME_SYMBOLS):
            self.advance()
        if self.index == start:
            raise self.unexpected("a name or a string")
        written = self.text[self.tokens[start].at : self.token.at]
        if any(token.kind != "word" for token in self.tokens[start : self.index]):
            return " ".join(written.split())
        return " ".join(token.text for token in self.tokens[start : self.index])

    def path_name(self) -> str:
        """The name behind a dot."""
        for words in PROPERTIES:
            if tuple(self.peek(distance).text for distance in range(len(words))) == words:
                self.index += len(words)
                return " ".join(words)
        known = self.known_name()
        if known is None and self.token.kind not in ("word", "name"):
            raise self.unexpected("a name after '.'")
        return known or self.advance().text

    # Types

    def type(self) -> TypeName:
        self.enter()
        name = self.type_name()
        found = TypeName(name=name)
        if name in ("list", "range") and self.accept("<"):
            found = TypeName(name=name, items=(self.type(),))
            self.expect(">")
        elif name == "context" and self.accept("<"):
            found = TypeName(name=name, entries=self.type_entries())
        elif name == "function" and self.accept("<"):
            items: list[TypeName] = []
            while not self.at(">"):
                if items:
                    self.expect(",", ">")
                items.append(self.type())
            self.advance()
            self.expect("-")
            self.expect(">")
            found = TypeName(name=name, items=tuple(items), result=self.type())
        self.depth -= 1
        return found

    def type_entries(self) -> tuple[tuple[str, TypeName], ...]:
        entries: list[tuple[str, TypeName]] = []
        while not self.at(">"):
            if entries:
                self.expect(",", ">")
            name = self.key()
            self.expect(":")
            entries.append((name, self.type()))
        self.advance()
        return tuple(entries)

    def type_name(self) -> str:
        for name, words in _TYPE_WORDS.items():
            if [self.peek(distance).text for distance in range(len(words))] == words and self.token.kind == "word":
                self.index += len(words)
                return ALIASES.get(name, name)
        raise self.unexpected(f"a type ({', '.join(TYPE_NAMES)})")

    # Contexts, arguments, iterators, functions

    def context(self) -> Node:
        at = self.advance().at
        entries: list[tuple[str, Node]] = []
        while not self.at("}"):
            if entries:
                self.expect(",", "}")
            key = self.key()
            self.expect(":")
            entries.append((key, self.expression()))
            self.bind(key)
        self.advance()
        return syntax.ContextLiteral(at=at, entries=tuple(entries))

    def arguments(self) -> tuple[tuple[Node, ...], tuple[str, ...]]:
        """The arguments between parentheses and, if they are named, their names."""
        self.expect("(")
        outer, self.in_range_end = self.in_range_end, False
        arguments: list[Node] = []
        parameters: list[str] = []
        named = self.names_argument()
        while not self.at(")"):
            if arguments:
                self.expect(",", ")")
            if named:
                parameters.append(self.key())
                self.expect(":")
            arguments.append(self.expression())
        self.advance()
        self.in_range_end = outer
        return tuple(arguments), tuple(parameters)

    def names_argument(self) -> bool:
        """Whether an argument starts with `name:`."""
        if self.token.kind in ("string", "name"):
            return self.peek(1).text == ":" and self.peek(1).kind == "symbol"
        distance = 0
        while self.peek(distance).kind == "word":
            distance += 1
        return distance > 0 and self.peek(distance).text == ":" and self.peek(distance).kind == "symbol"

    def iterators(self, end: str) -> tuple[syntax.Iterator, ...]:
        """The iterators up to the word `end`, which is consumed."""
        iterators: list[syntax.Iterator] = []
        while True:
            at = self.token.at
            name = self.local_name()
            self.expect("in")
            source = self.expression(ADD)
            range_end = self.expression(ADD) if self.accept("..") else None
            iterators.append(syntax.Iterator(at=at, name=name, source=source, end=range_end))
            if self.expect(",", end).text == end:
                return tuple(iterators)

    def conditional(self) -> Node:
        at = self.advance().at
        condition = self.expression()
        self.expect("then")
        then = self.expression()
        self.expect("else")
        return syntax.Conditional(at=at, condition=condition, then=then, otherwise=self.expression())

    def function(self) -> Node:
        at = self.advance().at
        self.expect("(")
        parameters: list[str] = []
        types: list[TypeName | None] = []
        while not self.at(")"):
            if parameters:
                self.expect(",", ")")
            parameters.append(self.local_name())
            types.append(self.type() if self.accept(":") else None)
        self.advance()
        if self.at("external"):
            raise self.unexpected("the body of the function (external functions are not supported)")
        body = self.nested(self.expression)
        return syntax.FunctionLiteral(at=at, parameters=tuple(parameters), types=tuple(types), body=body)
