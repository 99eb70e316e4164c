"""Texts of a DMN model as FEEL, each compiled once for the functions that it may call.

Owns which expression languages there are. FEEL itself is in `engine/bpmn/feel`.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.bpmn.expressions import FEEL_LENGTH_MAX
from engine.bpmn.feel import Expression, FeelError, compile_expression, compile_tests
from engine.bpmn.report import Report, quote
from engine.bpmn.xml_tree import Node

from .names import FEEL

#: Different texts in one file: what bounds, beside their length, the time that compiling them takes.
TEXTS_MAX = 20_000
#: What stands for an expression that is empty, or that was refused (then the model is refused with it).
NOTHING = compile_expression("null")


class Texts:
    """Compiles the texts of one model. Problems go to the report, under the decision or knowledge model around.

    `names`: what the model calls its data; names of several words need no backticks.
    """

    def __init__(self, report: Report, root: Node, names: frozenset[str]) -> None:
        self._report = report
        self._names = names
        self._namespace = root.namespace
        self._language = root.get("expressionLanguage")
        self._compiled: dict[tuple[object, str, frozenset[str]], Expression | FeelError] = {}
        self._length = 0

    def text_of(self, node: Node) -> str:
        """The text of an expression or test; empty when it has none."""
        child = node.child(self._namespace, "text")
        return child.text.strip() if child is not None else ""

    def expression(self, owner: Node, at: Node, what: str, functions: frozenset[str]) -> Expression:
        """The FEEL of a literal expression or an input expression."""
        text = self.text_of(at)
        if not text:
            self._report.refuse(owner, f"expected {what} to be FEEL, got nothing; write an expression", at=at)
            return NOTHING
        return self.compile(owner, at, what, text, functions)

    def optional(self, owner: Node, at: Node, what: str, functions: frozenset[str]) -> Expression:
        """The FEEL of an output entry; an empty one is null."""
        return self.expression(owner, at, what, functions) if self.text_of(at) else NOTHING

    def tests(self, owner: Node, at: Node, what: str, functions: frozenset[str]) -> Expression | None:
        """The unary tests of an input entry; None where every value will do."""
        text = self.text_of(at)
        return None if text in ("", "-") else self._checked(owner, at, what, text, functions, compile_tests)

    def compile(self, owner: Node, at: Node, what: str, text: str, functions: frozenset[str]) -> Expression:
        """The FEEL of a text that was made of what stands at `at`."""
        return self._checked(owner, at, what, text, functions, compile_expression)

    def _checked(
        self,
        owner: Node,
        at: Node,
        what: str,
        text: str,
        functions: frozenset[str],
        compiles: Callable[..., Expression],
    ) -> Expression:
        language = at.get("expressionLanguage") or self._language
        if language and language.lower() not in FEEL:
            message = f"expected {what} to be FEEL, got the expression language '{quote(language)}'; write it in FEEL"
            self._report.refuse(owner, message, at=at)
            return NOTHING
        known = (compiles, text, functions)
        if known not in self._compiled:
            self._compiled[known] = self._compile(text, functions, compiles)
        compiled = self._compiled[known]
        if isinstance(compiled, FeelError):
            where = f"line {compiled.line}, column {compiled.column} of '{quote(text)}'"
            message = f"expected {what} to be FEEL, got an error at {where}: {compiled.message}"
            self._report.refuse(owner, message, at=at)
            return NOTHING
        return compiled

    def _compile(
        self, text: str, functions: frozenset[str], compiles: Callable[..., Expression]
    ) -> Expression | FeelError:
        self._length += len(text)
        if self._length > FEEL_LENGTH_MAX:
            message = f"expected at most {FEEL_LENGTH_MAX} characters of FEEL in a file, got more; split the model"
            return FeelError(message, text, 1, 1)
        if len(self._compiled) >= TEXTS_MAX:
            message = f"expected at most {TEXTS_MAX} different expressions in a file, got more; split the model"
            return FeelError(message, text, 1, 1)
        try:
            return compiles(text, names=self._names, functions=functions)
        except FeelError as error:
            return error
