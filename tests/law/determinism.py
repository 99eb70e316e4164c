"""Finds in source text what could make two runs differ: clocks, randomness, input and output, unordered iteration.

Iteration over a set is found by following annotations and assignments through one module, with the annotations of
fields and the results of functions of all modules that are looked at. What is passed to a function is taken by its
parameter's annotation there. `sorted(...)` puts an end to it, as does whatever does not care about the order.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

#: Modules that may be imported besides the project's own: no clock, no randomness, no input or output.
PURE_MODULES = {
    "__future__",
    "base64",
    "binascii",
    "bisect",
    "calendar",
    "collections",
    "dataclasses",
    "datetime",  # dates as values; what asks a clock or the machine's zone is looked for below
    "decimal",
    "enum",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "math",
    "msgspec",
    "operator",
    "re",
    "string",
    "struct",
    "typing",
    "unicodedata",
    "xml",
}

#: Built-in functions that reach the outside, or give what differs from run to run.
IMPURE_NAMES = {"open", "input", "print", "hash", "id", "exec", "eval", "compile", "breakpoint", "__import__", "vars"}
#: Methods that ask a clock.
CLOCK_METHODS = {"now", "today", "utcnow", "localtime", "monotonic", "perf_counter"}
#: The same, not called but handed on.
CLOCKS = {f"{owner}.{name}" for owner in ("datetime", "date") for name in ("now", "today", "utcnow")}
#: Methods that take the zone of the machine if none is given; how many arguments they have when one is.
ZONE_METHODS = {"fromtimestamp": 2, "astimezone": 1}

SETS = {"set", "frozenset", "Set", "FrozenSet", "AbstractSet", "MutableSet"}
VIEWS = {"KeysView", "ItemsView"}
MAPPINGS = {"dict", "Mapping", "MutableMapping", "defaultdict", "OrderedDict"}
ITERABLES = {"list", "tuple", "Sequence", "Iterable", "Iterator", "Collection", "deque", *SETS, *VIEWS}
SET_METHODS = {"union", "intersection", "difference", "symmetric_difference", "copy"}
#: Functions that give the same whatever the order of what they get.
ORDERLESS = {"sorted", "set", "frozenset", "any", "all", "len", "sum", "min", "max", "bool", "isinstance"}
#: Functions and methods that keep the order of what they get.
ORDERED = {
    "list",
    "tuple",
    "iter",
    "enumerate",
    "zip",
    "map",
    "filter",
    "next",
    "deque",
    "chain",
    "islice",
    "reduce",
    "str",
    "repr",
    "dict",
}
ORDERED_METHODS = {"join", "extend", "fromkeys", "from_iterable", "format", "writelines"}
SET_OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

SET = ast.Name("set")
KEYS = ast.Name("KeysView")


def impure_calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of what asks a clock, the machine's zone, or a built-in that differs from run to run."""
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    bound |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in IMPURE_NAMES - bound:
            yield node.lineno, node.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = node.func.attr
            arguments = len(node.args) + len(node.keywords)
            if name in CLOCK_METHODS or arguments < ZONE_METHODS.get(name, 0):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Attribute) and node not in called and ast.unparse(node) in CLOCKS:
            yield node.lineno, ast.unparse(node)


class Annotations:
    """Field name -> its annotation, and function name -> that of its result, in all modules of a room."""

    def __init__(self, trees: Iterable[ast.Module]) -> None:
        self.fields: dict[str, ast.expr] = {}
        self.results: dict[str, ast.expr] = {}
        for tree in trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    self._read_fields(node)
                elif isinstance(node, ast.FunctionDef) and node.returns is not None:
                    self._note(self.results, node.name, node.returns)

    def _read_fields(self, node: ast.ClassDef) -> None:
        for inner in ast.walk(node):
            if isinstance(inner, ast.AnnAssign):
                target = inner.target
                name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
                self._note(self.fields, name, inner.annotation)
            elif isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Set | ast.SetComp | ast.Call):
                for target in inner.targets:
                    if isinstance(target, ast.Attribute) and _is_set_display(inner.value):
                        self._note(self.fields, target.attr, SET)

    @staticmethod
    def _note(known: dict[str, ast.expr], name: str, annotation: ast.expr) -> None:
        """Two of one name: the one that may be unordered counts."""
        if name not in known or _head(annotation) in SETS:
            known[name] = annotation


class Scope:
    """The names of a function, above those around it."""

    def __init__(self, annotations: Annotations, outer: Scope | None = None) -> None:
        self._annotations = annotations
        self._outer = outer
        self.names: dict[str, ast.expr | None] = {}

    def bind(self, target: ast.expr, kind: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            if kind is not None or target.id not in self.names:
                self.names[target.id] = kind
        elif isinstance(target, ast.Tuple | ast.List) and kind is not None and _head(kind) == "tuple":
            for one, inner in zip(target.elts, _arguments(kind), strict=False):
                self.bind(one, inner)

    def kind(self, node: ast.expr) -> ast.expr | None:
        """The annotation that an expression would have; None if nothing is known of it."""
        match node:
            case ast.Set() | ast.SetComp():
                return SET
            case ast.Name():
                if node.id in self.names:
                    return self.names[node.id]
                return self._outer.kind(node) if self._outer else None
            case ast.Attribute():
                return self._annotations.fields.get(node.attr)
            case ast.NamedExpr():
                return self.kind(node.value)
            case ast.Subscript():
                return _value_of(self.kind(node.value))
            case ast.IfExp():
                return self._any([node.body, node.orelse])
            case ast.BoolOp():
                return self._any(node.values)
            case ast.BinOp() if isinstance(node.op, SET_OPERATORS):
                return SET if any(_head(self.kind(side)) in SETS | VIEWS for side in (node.left, node.right)) else None
            case ast.Call():
                return self._result(node)
        return None

    def _any(self, nodes: Sequence[ast.expr]) -> ast.expr | None:
        kinds = [self.kind(node) for node in nodes]
        return next((kind for kind in kinds if _head(kind) in SETS), next(filter(None, kinds), None))

    def _result(self, node: ast.Call) -> ast.expr | None:
        function = node.func
        if isinstance(function, ast.Name):
            return SET if function.id in ("set", "frozenset") else self._annotations.results.get(function.id)
        if not isinstance(function, ast.Attribute):
            return None
        owner = self.kind(function.value)
        match function.attr:
            case name if name in SET_METHODS and _head(owner) in SETS:
                return SET
            case "get" | "pop" | "setdefault" if _head(owner) in MAPPINGS:
                return _value_of(owner)
            case "values":
                return ast.Subscript(ast.Name("list"), _value_of(owner) or ast.Name("object"))
            case "items" if _head(owner) in MAPPINGS:
                return ast.Subscript(ast.Name("list"), ast.Subscript(ast.Name("tuple"), ast.Tuple(_arguments(owner))))
            case "keys":
                return KEYS
        return self._annotations.results.get(function.attr)


def unordered_iterations(tree: ast.Module, annotations: Annotations) -> Iterator[tuple[int, str]]:
    """Line and text of what takes the elements of a set in the order in which they happen to lie."""
    yield from _look(tree, Scope(annotations))


def _look(node: ast.AST, scope: Scope) -> Iterator[tuple[int, str]]:
    if isinstance(node, FUNCTIONS):
        scope = _function_scope(node, scope)
    elif isinstance(node, ast.Module):
        _bind_all(node, scope)
    for taken in _taken_in_order(node):
        if _head(scope.kind(taken)) in SETS:
            yield taken.lineno, ast.unparse(node if isinstance(node, ast.Call) else taken)
    popped = _popped(node)
    if popped is not None and _head(scope.kind(popped)) in SETS:
        yield popped.lineno, ast.unparse(node)
    orderless = isinstance(node, ast.Call) and _is_orderless(node)
    for child in ast.iter_child_nodes(node):
        if orderless and isinstance(child, ast.GeneratorExp | ast.ListComp):
            for generator in child.generators[1:]:
                yield from _look(generator, scope)
            yield from _look(child.elt, scope)
        else:
            yield from _look(child, scope)


def _taken_in_order(node: ast.AST) -> Iterable[ast.expr]:
    """The expressions whose elements this node takes one after the other."""
    match node:
        case ast.For() | ast.AsyncFor():
            return [node.iter]
        case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
            return [generator.iter for generator in node.generators]
        case ast.YieldFrom() | ast.Starred() | ast.FormattedValue():
            return [node.value]
        case ast.Assign() if any(isinstance(target, ast.Tuple | ast.List) for target in node.targets):
            return [node.value]
        case ast.Call(func=ast.Name(id=name)) if name in ORDERED:
            return node.args
        case ast.Call(func=ast.Name(id="min" | "max")) if node.keywords:
            return node.args
        case ast.Call(func=ast.Attribute(attr=name)) if name in ORDERED_METHODS | ORDERED:
            return node.args
    return []


def _popped(node: ast.AST) -> ast.expr | None:
    """What any element is popped from."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr="pop"), args=[]):
            return owner
    return None


def _is_orderless(node: ast.Call) -> bool:
    return (
        isinstance(node.func, ast.Name) and node.func.id in ORDERLESS and not (node.keywords and node.func.id[0] == "m")
    )


def _function_scope(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, outer: Scope) -> Scope:
    scope = Scope(outer._annotations, outer)
    arguments = node.args
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        scope.names[argument.arg] = argument.annotation
    if not isinstance(node, ast.Lambda):
        _bind_all(node, scope)
    return scope


def _bind_all(node: ast.AST, scope: Scope) -> None:
    """What is assigned anywhere in a scope, but for the functions in it; twice, for what is used above its name."""
    inner = list(_own_nodes(node))
    for _ in range(2):
        for one in inner:
            match one:
                case ast.Assign():
                    for target in one.targets:
                        scope.bind(target, scope.kind(one.value))
                case ast.AnnAssign():
                    scope.bind(one.target, one.annotation)
                case ast.NamedExpr():
                    scope.bind(one.target, scope.kind(one.value))
                case ast.For() | ast.comprehension():
                    scope.bind(one.target, _element_of(scope.kind(one.iter)))


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, FUNCTIONS):
            yield child
            yield from _own_nodes(child)


# annotations


def _head(kind: ast.expr | None) -> str:
    """`dict` of `dict[str, int] | None`; a set if one of several is one."""
    match kind:
        case ast.Name():
            return kind.id
        case ast.Attribute():
            return kind.attr
        case ast.Subscript():
            return _head(kind.value)
        case ast.BinOp():
            heads = [_head(kind.left), _head(kind.right)]
            return next((head for head in heads if head in SETS), heads[0])
    return ""


def _arguments(kind: ast.expr | None) -> list[ast.expr]:
    if isinstance(kind, ast.BinOp):
        return _arguments(kind.left)
    if not isinstance(kind, ast.Subscript):
        return []
    return list(kind.slice.elts) if isinstance(kind.slice, ast.Tuple) else [kind.slice]


def _value_of(kind: ast.expr | None) -> ast.expr | None:
    """What a subscript gives."""
    arguments = _arguments(kind)
    return arguments[-1] if _head(kind) in MAPPINGS and arguments else _element_of(kind)


def _element_of(kind: ast.expr | None) -> ast.expr | None:
    """What iteration gives."""
    arguments = _arguments(kind)
    return arguments[0] if _head(kind) in ITERABLES | MAPPINGS and arguments else None


def _is_set_display(node: ast.expr) -> bool:
    return isinstance(node, ast.Set | ast.SetComp) or (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    )


def problems(sources: Mapping[str, str]) -> list[str]:
    """What in these modules (name -> text) could make two runs differ, one line each."""
    trees = {name: ast.parse(text) for name, text in sources.items()}
    annotations = Annotations(trees.values())
    found = []
    for name, tree in trees.items():
        found += [f"{name}:{line} reaches the outside: {text}" for line, text in impure_calls(tree)]
        unordered = unordered_iterations(tree, annotations)
        found += [f"{name}:{line} takes a set in no order: {text}" for line, text in unordered]
    return found
