"""Writes a syntax tree as text again, with every part in parentheses: parsing that gives the same tree."""

from __future__ import annotations

from engine.bpmn.feel import syntax
from engine.bpmn.feel.arithmetic import format_number
from engine.bpmn.feel.syntax import Node, TypeName


def show(node: Node) -> str:
    match node:
        case syntax.Constant(value=value):
            return _constant(value)
        case syntax.TemporalLiteral(text=text):
            return f"@{_string(text)}"
        case syntax.Name(name=name):
            return f"`{name}`"
        case syntax.Input():
            return "?"
        case syntax.Path(base=base, names=names):
            return f"({show(base)})" + "".join(f".`{name}`" for name in names)
        case syntax.Filter(base=base, condition=condition):
            return f"({show(base)})[{show(condition)}]"
        case syntax.Arithmetic(first=first, rest=rest):
            return f"({show(first)})" + "".join(f" {term.operator} ({show(term.operand)})" for term in rest)
        case syntax.Negation(operand=operand):
            return f"-({show(operand)})"
        case syntax.Comparison(operator=operator, left=syntax.Input(), right=right) if operator not in ("=", "!="):
            return f"{operator} ({show(right)})"
        case syntax.Comparison(operator=operator, left=left, right=right):
            return f"({show(left)}) {operator} ({show(right)})"
        case syntax.Between(value=value, low=low, high=high):
            return f"({show(value)}) between ({show(low)}) and ({show(high)})"
        case syntax.Logic(operator=operator, operands=operands):
            return f" {operator} ".join(f"({show(operand)})" for operand in operands)
        case syntax.Conditional(condition=condition, then=then, otherwise=otherwise):
            return f"if {show(condition)} then {show(then)} else {show(otherwise)}"
        case syntax.Membership(value=value, tests=tests):
            return f"({show(value)}) in ({', '.join(map(show, tests))})"
        case syntax.Interval(start=start, end=end, start_included=start_included, end_included=end_included):
            return f"{'[' if start_included else ']'}({show(start)})..({show(end)}){']' if end_included else '['}"
        case syntax.InstanceOf(value=value, type=wanted):
            return f"({show(value)}) instance of {_type(wanted)}"
    return _construct(node)


def _construct(node: Node) -> str:
    match node:
        case syntax.ListLiteral(items=items):
            return f"[{', '.join(map(show, items))}]"
        case syntax.ContextLiteral(entries=entries):
            return f"{{{', '.join(f'{_string(key)}: {show(value)}' for key, value in entries)}}}"
        case syntax.Loop(iterators=iterators, body=body):
            return f"for {_iterators(iterators)} return {show(body)}"
        case syntax.Quantified(quantifier=quantifier, iterators=iterators, condition=condition):
            return f"{quantifier} {_iterators(iterators)} satisfies {show(condition)}"
        case syntax.Call(name=name, arguments=arguments, parameters=parameters):
            return f"{name}({_arguments(arguments, parameters)})"
        case syntax.Invocation(function=function, arguments=arguments, parameters=parameters):
            return f"({show(function)})({_arguments(arguments, parameters)})"
        case syntax.FunctionLiteral(parameters=parameters, types=types, body=body):
            pairs = zip(parameters, types, strict=True)
            typed = [f"`{name}`{f': {_type(wanted)}' if wanted else ''}" for name, wanted in pairs]
            return f"function({', '.join(typed)}) ({show(body)})"
    raise AssertionError(f"expected a node of syntax.py, got {node!r}; show it here")


def _constant(value: object) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return format_number(value)  # type: ignore[arg-type]


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _iterators(iterators: tuple[syntax.Iterator, ...]) -> str:
    return ", ".join(
        f"`{item.name}` in ({show(item.source)})" + (f"..({show(item.end)})" if item.end else "") for item in iterators
    )


def _arguments(arguments: tuple[Node, ...], parameters: tuple[str, ...]) -> str:
    if not parameters:
        return ", ".join(map(show, arguments))
    return ", ".join(f"{_string(name)}: {show(value)}" for name, value in zip(parameters, arguments, strict=True))


def _type(wanted: TypeName) -> str:
    inner = ", ".join(_type(item) for item in wanted.items)
    if wanted.result is not None:
        return f"function<{inner}>->{_type(wanted.result)}"
    if wanted.entries:
        return f"context<{', '.join(f'{_string(name)}: {_type(entry)}' for name, entry in wanted.entries)}>"
    return f"{wanted.name}<{inner}>" if wanted.items else wanted.name
