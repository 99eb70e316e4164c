"""`lint`: what a deployment would refuse, told without an engine."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from .faults import EXIT_FAILED, UsageFault
from .options import Json
from .output import is_terminal, print_json, print_line, print_note, shown_count

if TYPE_CHECKING:
    from engine.bpmn.model import Problem

STDIN = "-"
STDIN_NAME = "<stdin>"
BPMN_ENDINGS = (".bpmn", ".bpmn20.xml", ".xml")
DMN_ENDING = ".dmn"
FORM_ENDING = ".form"
#: What is looked at in a directory: any .xml only if it is named itself.
ENDINGS_IN_DIRECTORIES = (".bpmn", ".bpmn20.xml", DMN_ENDING, FORM_ENDING)


class Source(Struct, frozen=True, kw_only=True):
    """A file, and what is in it."""

    name: str
    content: bytes


def lint(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="BPMN, DMN and form files, directories, patterns; - is standard input."),
    ],
    *,
    json: Json = False,
) -> None:
    """Tell what a deployment would refuse, with file and line, without an engine.

    Ends with 0 if nothing would be refused, with 1 if something would, with 2 if a FILE cannot be read.
    """
    sources = [_read(name) for name in _names(files)]
    found = [(source.name, problem) for source in sources for problem in _problems(source)]
    if json:
        print_json({"fileCount": len(sources), "problems": [_document(name, problem) for name, problem in found]})
    else:
        for name, problem in found:
            _print(name, problem)
        print_note(_summary(len(sources), len({name for name, _ in found}), len(found)))
    if found:
        raise typer.Exit(EXIT_FAILED)


def _names(files: Sequence[str]) -> list[str]:
    """The files that are meant, each once. Raises UsageFault for one that means nothing."""
    names: dict[str, None] = {}
    for given in files:
        meant = list(_meant(given))
        if not meant:
            kinds = ", ".join(ENDINGS_IN_DIRECTORIES)
            raise UsageFault(f"FILE: expected a file, a directory with files ({kinds}), or a pattern, got '{given}'")
        names.update(dict.fromkeys(meant))
    return list(names)


def _meant(given: str) -> Iterator[str]:
    if given == STDIN or Path(given).is_file():
        yield given
    elif Path(given).is_dir():
        for directory, _, names in sorted(os.walk(given)):
            yield from (str(Path(directory, name)) for name in sorted(names) if name.endswith(ENDINGS_IN_DIRECTORIES))
    else:
        # A shell expands patterns itself, unless they are quoted or match nothing.
        found = glob.glob(given, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute patterns
        yield from sorted(name for name in found if Path(name).is_file())


def _read(name: str) -> Source:
    if name == STDIN:
        return Source(name=STDIN_NAME, content=sys.stdin.buffer.read())
    try:
        return Source(name=name, content=Path(name).read_bytes())
    except OSError as error:
        raise UsageFault(f"FILE: expected a file {name}, got: {error.strerror}; name another") from None


def _problems(source: Source) -> Sequence[Problem]:
    from engine.bpmn.model import ModelRefused

    try:
        _parser_of(source)(source.content, source.name)
    except ModelRefused as refused:
        return refused.problems
    return ()


def _parser_of(source: Source) -> Callable[[bytes, str], object]:
    """By the end of the name, as a deployment does; standard input has none, so by what it holds."""
    from engine.bpmn.forms import parse_form
    from engine.bpmn.parse import parse
    from engine.dmn.parse import parse as parse_decisions

    if source.name == STDIN_NAME:
        if source.content.lstrip().startswith(b"{"):
            return parse_form
        return parse_decisions if _holds_decisions(source.content) else parse
    if source.name.endswith(FORM_ENDING):
        return parse_form
    if source.name.endswith(DMN_ENDING):
        return parse_decisions
    return parse if source.name.endswith(BPMN_ENDINGS) else _refuse_kind


def _holds_decisions(content: bytes) -> bool:
    from engine.bpmn.xml_tree import Unreadable, read_tree
    from engine.dmn.names import DMN

    try:
        return read_tree(content).namespace in DMN
    except Unreadable:
        return False


def _refuse_kind(_content: bytes, name: str) -> None:
    from engine.bpmn.model import ModelRefused, Problem

    endings = ", ".join((*BPMN_ENDINGS, DMN_ENDING, FORM_ENDING))
    message = f"expected the name of the file to end with one of {endings}, got another end; rename it"
    raise ModelRefused(name, (Problem(element_id="", element_type="FILE", line=0, message=message),))


def _document(name: str, problem: Problem) -> dict[str, Any]:
    return {
        "file": name,
        "line": problem.line,
        "elementType": problem.element_type,
        "elementId": problem.element_id,
        "message": problem.message,
    }


def _print(name: str, problem: Problem) -> None:
    """As compilers print it, so that editors can jump there."""
    place = f"{name}:{problem.line}:"
    element = " ".join(part for part in (problem.element_type, problem.element_id) if part)
    if is_terminal() and "NO_COLOR" not in os.environ:
        place, element = typer.style(place, bold=True), typer.style(element, fg="red")
    print_line(f"{place} {element}: {problem.message}")


def _summary(file_count: int, refused_count: int, problem_count: int) -> str:
    files = f"{shown_count(file_count)} {'file' if file_count == 1 else 'files'}"
    if not problem_count:
        return f"{files}, nothing would be refused"
    problems = f"{shown_count(problem_count)} {'problem' if problem_count == 1 else 'problems'}"
    return f"{files}, {shown_count(refused_count)} would be refused: {problems}"


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("lint")(lint)
